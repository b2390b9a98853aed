"""train_all.py as a user meets it: a tiny budget end to end, lists, refusals, and Ctrl-C."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from safetensors.torch import load_file

import train_all
from fm_core.checkpoints import checkpoint_path, load_checkpoint, read_tensors, save_tensors
from fm_core.maths import quality
from fm_core.models.catalogue import CATALOGUE, POINT_RECIPES
from fm_core.models.networks import VelocityMLP
from fm_core.models.points import PointRecipe

ROOT = Path(__file__).parent.parent
FAST = ["--iterations", "12"]


@pytest.fixture
def run(tmp_path, quick_quality, capsys):
    """Run train_all in a folder of its own; returns the exit code and what was printed."""

    def go(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = train_all.main([*arguments, "--checkpoints", str(tmp_path)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return go


@pytest.fixture
def steps(monkeypatch) -> list[str]:
    """The name of the recipe of every iteration that is trained."""
    names, draw = [], PointRecipe.draw

    def counted(recipe: PointRecipe, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        names.append(recipe.name)
        return draw(recipe, generator)

    monkeypatch.setattr(PointRecipe, "draw", counted)
    return names


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C in the middle of the k-th iteration, once."""

    def arm(k: int) -> None:
        forward, calls = VelocityMLP.forward, []

        def interrupted(network: VelocityMLP, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            calls.append(t)
            if len(calls) == k:
                signal.raise_signal(signal.SIGINT)
            return forward(network, x, t)

        monkeypatch.setattr(VelocityMLP, "forward", interrupted)

    return arm


def metadata(name: str, directory: Path) -> dict:
    return load_checkpoint(checkpoint_path(name, directory), CATALOGUE[name]).metadata


def umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def weights(name: str, directory: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint_path(name, directory))


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_tiny_budget_trains_end_to_end(run, tmp_path, steps):
    code, out, _ = run("--only", "moons-linear", "gaussian-cosine", *FAST)
    assert code == 0
    assert out.startswith("2 to train, 0 finished already.")
    assert steps.count("moons-linear") == steps.count("gaussian-cosine") == len(steps) / 2 == 12
    assert files(tmp_path) == {"moons-linear.safetensors", "gaussian-cosine.safetensors", "README.md"}
    for name in ("moons-linear", "gaussian-cosine"):
        assert f"{name}: flow-map error " in out
        assert metadata(name, tmp_path)["iterations"] == 12


def tables(directory: Path) -> list[list[list[str]]]:
    """The cells of every table in the folder's README.md, by row."""
    lines = (directory / "README.md").read_text(encoding="utf-8").splitlines()
    blocks = [list(block) for is_table, block in groupby(lines, key=lambda line: line[:1] == "|") if is_table]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block] for block in blocks]


def test_every_table_has_a_row_of_equal_width_for_each_trained_flow(run, tmp_path):
    run("--only", "moons-linear", "moons-cosine", *FAST)
    judged, errors, distances = tables(tmp_path)
    for table in (judged, errors, distances):
        assert [row[0] for row in table] == ["flow", "---", "moons-linear", "moons-cosine"]
        assert {len(row) for row in table} == {len(table[0])}
    assert len(errors[0]) == len(distances[0]) == 1 + len(quality.NFES)


def test_the_table_has_the_figures_under_their_names(run, tmp_path):
    run("--only", "moons-linear", *FAST)
    figures, (heads, _, row) = metadata("moons-linear", tmp_path)["quality"], tables(tmp_path)[0]
    cells, k = dict(zip(heads, row, strict=True)), figures["nfe"].index(50)
    floors = (figures["floor"], figures["floor_std"])
    assert cells["flow-map error"] == f"{figures['flow_map_error'][k]:.2%}"
    assert cells["off by more than 0.1"] == f"{figures['far'][k]:.1%}"
    w2, floor = (f"{mean:.3f} ± {std:.3f}" for mean, std in ((figures["w2"][k], figures["w2_std"][k]), floors))
    assert cells["W2 of 2,000 samples"] == f"{w2} (of 64)"
    assert cells["floor"] == floor
    assert cells["W2 / floor"] == f"{figures['w2'][k] / figures['floor']:.2f}"
    assert cells["variance error"] == f"{figures['variance_error'][k]:.1%}"
    assert cells["iterations"] == "12"


def test_finished_ones_are_not_trained_again(run, tmp_path, steps):
    run("--only", "moons-linear", *FAST)
    before = checkpoint_path("moons-linear", tmp_path).read_bytes()
    steps.clear()
    code, out, _ = run("--only", "moons-*inear", "gaussian-linear", *FAST)
    assert code == 0
    assert "1 finished already" in out
    assert "moons-linear" not in steps
    assert "gaussian-linear" in steps
    assert checkpoint_path("moons-linear", tmp_path).read_bytes() == before


def test_force_trains_finished_ones_again(run, tmp_path, steps):
    run("--only", "moons-linear", *FAST)
    steps.clear()
    code, _, _ = run("--only", "moons-linear", *FAST, "--force", "--seed", "1")
    assert code == 0
    assert len(steps) == 12
    assert metadata("moons-linear", tmp_path)["seed"] == 1


def test_force_starts_stopped_ones_anew(run, steps, ctrl_c):
    ctrl_c(7)
    assert run("--only", "moons-linear", *FAST)[0] == 130
    steps.clear()
    assert run("--only", "moons-linear", *FAST, "--force")[0] == 0
    assert len(steps) == 12


def test_a_damaged_checkpoint_is_trained_again(run, tmp_path):
    checkpoint_path("moons-linear", tmp_path).write_bytes(b"damaged")
    assert "damaged" in run("--list")[1]
    assert run("--only", "moons-linear", *FAST)[0] == 0
    metadata("moons-linear", tmp_path)


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system takes no more than 100 kB of any file, as on a full disk: a state needs more, a curve less."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_is_found_before_the_first_iteration(run, tmp_path, steps, small_files):
    code, _, err = run("--only", "moons-linear", *FAST)
    assert (code, steps, files(tmp_path)) == (1, [], set())
    assert err.splitlines() == [
        f"{tmp_path / 'moons-linear.safetensors'} cannot be written: File too large. Make room there, or name another"
        " folder with --checkpoints."
    ]


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """A folder that every user may reach and write, unlike those of pytest."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Without the right to write the folder, and as a user without the rights of root, whom no permission stops."""
    folder.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o777)


@pytest.mark.parametrize("folder", [".", "runs", "curves"])
def test_a_folder_that_may_not_be_written_is_found_before_the_first_iteration(shared_directory, steps, capsys, folder):
    for name in ("runs", "curves"):
        (shared_directory / name).mkdir()
        (shared_directory / name).chmod(0o777)
    with locked(shared_directory / folder):
        code = train_all.main(["--only", "moons-linear", *FAST, "--checkpoints", str(shared_directory)])
    assert (code, steps) == (1, [])
    assert capsys.readouterr().err.count("cannot be written: Permission denied. Make room there, or name another") == 1


def test_a_readme_that_may_not_be_written_is_told_though_nothing_is_left_to_train(
    shared_directory, quick_quality, capsys
):
    command = ["--only", "moons-linear", *FAST, "--checkpoints", str(shared_directory)]
    assert train_all.main(command) == 0
    with locked(shared_directory):
        assert train_all.main(command) == 1
    assert "README.md cannot be written: Permission denied." in capsys.readouterr().err


def test_a_folder_with_too_long_a_name_is_told(tmp_path, steps, capsys):
    command = ["--checkpoints", str(tmp_path / ("x" * 300))]
    assert train_all.main(["--only", "moons-linear", *FAST, *command]) == 1
    assert "cannot be written: File name too long." in capsys.readouterr().err
    assert train_all.main(["--list", *command]) == 0
    assert capsys.readouterr().out.count("not trained") == len(CATALOGUE)


@pytest.mark.parametrize(
    "taken", ["moons-linear.safetensors", "runs/moons-linear.safetensors", "curves/moons-linear.jsonl"]
)
def test_a_folder_in_the_place_of_a_file_is_found_before_the_first_iteration(run, tmp_path, steps, taken):
    (tmp_path / taken).mkdir(parents=True)
    code, _, err = run("--only", "moons-linear", *FAST)
    assert (code, steps) == (1, [])
    assert err.startswith(f"{tmp_path / taken} cannot be written: it is a folder. ")


def test_a_file_in_the_place_of_the_folder_is_found_before_the_first_iteration(tmp_path, steps, capsys):
    (tmp_path / "file").touch()
    assert train_all.main(["--only", "moons-linear", *FAST, "--checkpoints", str(tmp_path / "file")]) == 1
    assert (steps, capsys.readouterr().err.count("cannot be written")) == ([], 1)


def test_a_training_that_diverges_says_so_and_writes_no_checkpoint(run, tmp_path, monkeypatch, steps):
    monkeypatch.setattr(PointRecipe, "epoch", 4)
    forward = VelocityMLP.forward

    def broken(network: VelocityMLP, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return forward(network, x, t) * (float("nan") if len(steps) == 6 else 1)

    with monkeypatch.context() as patch:
        patch.setattr(VelocityMLP, "forward", broken)
        code, _, err = run("--only", "moons-linear", *FAST)
    assert code == 1
    assert err.splitlines()[-1].startswith("moons-linear diverged: by iteration 8 its loss or weights are not finite")
    assert files(tmp_path) == {"runs/moons-linear.safetensors"}
    assert read_tensors(tmp_path / "runs" / "moons-linear.safetensors")[1]["iteration"] == 4
    assert run("--only", "moons-linear", *FAST)[0] == 0
    assert metadata("moons-linear", tmp_path)["iterations"] == 12
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o666 & ~umask()}


def test_a_malformed_state_is_named_and_the_training_starts_over(run, tmp_path, steps):
    state = tmp_path / "runs" / "moons-linear.safetensors"
    state.parent.mkdir()
    state.write_bytes(b"damaged")
    code, out, _ = run("--only", "moons-linear", *FAST)
    assert (code, len(steps)) == (0, 12)
    assert f"moons-linear: {state} is damaged or of another recipe or seed, so the training starts over.\n" in out


def test_the_same_seed_gives_the_same_checkpoint(run, tmp_path):
    run("--only", "moons-linear", *FAST, "--seed", "3")
    first = weights("moons-linear", tmp_path)
    run("--only", "moons-linear", *FAST, "--seed", "3", "--force")
    assert equal(first, weights("moons-linear", tmp_path))
    run("--only", "moons-linear", *FAST, "--seed", "4", "--force")
    assert not equal(first, weights("moons-linear", tmp_path))


def spoil(name: str, directory: Path) -> dict:
    """Replace the recorded figures by older ones, and return the metadata of before."""
    tensors, before = read_tensors(checkpoint_path(name, directory))
    old = {"samples": 4000, "nfe": [50], "w2": [9.0], "floor": 3.0, "variance_error": [0.5]}
    save_tensors(checkpoint_path(name, directory), tensors, {**before, "quality": old})
    return before


def test_judging_measures_anew_and_keeps_weights_and_training_to_the_bit(run, tmp_path, steps):
    run("--only", "moons-linear", "moons-cosine", *FAST)
    trained = weights("moons-linear", tmp_path)
    before = {name: spoil(name, tmp_path) for name in ("moons-linear", "moons-cosine")}
    untouched = checkpoint_path("moons-cosine", tmp_path).read_bytes()
    steps.clear()
    code, out, _ = run("--judge", "--only", "moons-linear")
    assert code == 0
    assert out.startswith("1 to judge.\nmoons-linear: flow-map error ")
    assert steps == []
    assert equal(weights("moons-linear", tmp_path), trained)
    assert metadata("moons-linear", tmp_path) == before["moons-linear"]
    assert checkpoint_path("moons-cosine", tmp_path).read_bytes() == untouched
    table = {row[0]: row for row in tables(tmp_path)[0]}
    assert "3.00" in table["moons-cosine"]
    assert "3.00" not in table["moons-linear"]


def test_judging_without_a_choice_measures_whatever_is_finished(run, tmp_path):
    run("--only", "moons-linear", *FAST)
    before = spoil("moons-linear", tmp_path)
    code, out, _ = run("--judge")
    assert code == 0
    assert out.startswith("1 to judge.")
    assert metadata("moons-linear", tmp_path) == before


@pytest.mark.parametrize("state", ["not trained", "damaged", "stopped"])
def test_what_is_not_finished_cannot_be_judged_and_nothing_else_is(run, tmp_path, ctrl_c, state):
    run("--only", "moons-cosine", *FAST)
    before = checkpoint_path("moons-cosine", tmp_path).read_bytes()
    if state == "damaged":
        checkpoint_path("moons-linear", tmp_path).write_bytes(b"damaged")
    if state == "stopped":
        ctrl_c(3)
        run("--only", "moons-linear", *FAST)
    code, _, err = run("--judge", "--only", "moons-cosine", "moons-linear")
    assert code == 1
    (sentence,) = err.splitlines()
    assert sentence.startswith(f"moons-linear is {state}, so there is nothing to judge")
    assert sentence.endswith("train_all.py --only moons-linear.")
    assert checkpoint_path("moons-cosine", tmp_path).read_bytes() == before


def test_ctrl_c_while_judging_keeps_the_checkpoint(run, tmp_path, monkeypatch):
    run("--only", "moons-linear", *FAST)
    before = checkpoint_path("moons-linear", tmp_path).read_bytes()
    monkeypatch.setattr(PointRecipe, "judge", lambda *_: signal.raise_signal(signal.SIGINT))
    code, _, err = run("--judge", "--only", "moons-linear")
    assert code == 130
    assert err.strip() == "Stopped. Nothing is lost: what was measured is kept."
    assert checkpoint_path("moons-linear", tmp_path).read_bytes() == before


def test_an_epoch_is_a_number_of_iterations(run, steps):
    run("--only", "moons-linear", "--epochs", "1")
    assert len(steps) == PointRecipe.epoch


def test_globs_choose_in_the_order_of_the_catalogue():
    chosen = [recipe.name for recipe in train_all.choose(["*-vp", "moons-lin*", "moons-linear"])]
    assert chosen == [name for name in POINT_RECIPES if name.startswith("moons-lin") or name.endswith("-vp")]
    assert len(chosen) == 5


def test_without_a_choice_the_whole_catalogue_is_chosen():
    assert [recipe.name for recipe in train_all.choose(None)] == list(CATALOGUE)


def test_the_list_shows_every_state_and_trains_nothing(run, tmp_path, steps, ctrl_c):
    run("--only", "moons-linear", *FAST)
    checkpoint_path("moons-vp", tmp_path).write_bytes(b"damaged")
    ctrl_c(3)
    run("--only", "moons-cosine", *FAST)
    steps.clear()
    code, out, _ = run("--list")
    states = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert steps == []
    assert set(CATALOGUE) <= set(states)
    assert " trained " in states["moons-linear"]
    assert " damaged" in states["moons-vp"]
    assert " stopped" in states["moons-cosine"]
    assert " not trained" in states["spirals-linear"]
    figures = metadata("moons-linear", tmp_path)["quality"]
    assert f"{figures['w2'][figures['nfe'].index(50)]:.4f}" in states["moons-linear"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "mons-cosine"], ["'mons-cosine'", "moons-cosine"]),
        (["--only", "moons-linear", "spiral-linear"], ["'spiral-linear'", "spirals-linear"]),
        (["--only", "qqq"], ["'qqq'"]),
        (["--only", "sun-*"], ["'sun-*'"]),
        (["--judge", "--force"], ["--judge", "--force"]),
        (["--iterations", "0"], ["'0'", "from 1 to"]),
        (["--iterations", "-5"], ["'-5'", "from 1 to"]),
        (["--iterations", "1.5"], ["'1.5'", "whole number"]),
        (["--iterations", "many"], ["'many'", "whole number"]),
        (["--iterations", "5", "--epochs", "5"], ["--epochs"]),
        (["--epochs", "0"], ["'0'", "from 1 to"]),
        (["--seed", "-1"], ["'-1'", "whole number"]),
        (["--seed", str(2**31)], [str(2**31), str(2**31 - 1)]),
        (["--seed", "lucky"], ["'lucky'", "whole number"]),
        (["--device", "toaster"], ["'toaster'", "cpu"]),
        (["--device", "cuda:99"], ["'cuda:99'", "cpu"]),
        (["--device", "meta"], ["'meta'", "cpu"]),
        (["--device", ""], ["''", "cpu"]),
        (["--threads", "0"], ["'0'", "from 1 to"]),
        (["--no-such-option"], ["--no-such-option"]),
    ],
)
def test_a_wrong_argument_is_answered_in_a_sentence_with_exit_code_two(run, tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit) as stopped:
        run(*FAST[: 0 if "--iterations" in arguments or "--epochs" in arguments else 2], *arguments)
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert all(word in message for word in words)
    assert "Traceback" not in message
    assert files(tmp_path) == set()


def test_ctrl_c_leaves_a_state_from_which_the_same_command_finishes(run, tmp_path, steps, ctrl_c):
    assert run("--only", "moons-linear", *FAST)[0] == 0
    straight = weights("moons-linear", tmp_path)
    checkpoint_path("moons-linear", tmp_path).unlink()
    steps.clear()
    ctrl_c(7)
    code, _, err = run("--only", "moons-linear", *FAST)
    assert code == 130
    assert "Traceback" not in err
    assert not checkpoint_path("moons-linear", tmp_path).exists()
    code, _, _ = run("--only", "moons-linear", *FAST)
    assert code == 0
    assert 12 <= len(steps) <= 13
    assert equal(weights("moons-linear", tmp_path), straight)
    assert files(tmp_path) == {"moons-linear.safetensors", "README.md"}


def test_ctrl_c_while_the_quality_is_measured_loses_no_iteration(run, steps, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(PointRecipe, "judge", lambda *_: signal.raise_signal(signal.SIGINT))
        assert run("--only", "moons-linear", *FAST)[0] == 130
    assert len(steps) == 12
    assert run("--only", "moons-linear", *FAST)[0] == 0
    assert len(steps) == 12


def test_ctrl_c_leaves_finished_checkpoints_untouched(run, tmp_path, ctrl_c):
    run("--only", "moons-linear", *FAST)
    before = checkpoint_path("moons-linear", tmp_path).read_bytes()
    ctrl_c(5)
    assert run("--only", "moons-linear", *FAST, "--force")[0] == 130
    assert checkpoint_path("moons-linear", tmp_path).read_bytes() == before
    assert files(tmp_path) == {"moons-linear.safetensors", "README.md", "runs/moons-linear.safetensors"}


def test_after_ctrl_c_another_seed_starts_anew(run, tmp_path, steps, ctrl_c):
    ctrl_c(7)
    assert run("--only", "moons-linear", *FAST)[0] == 130
    steps.clear()
    assert run("--only", "moons-linear", *FAST, "--seed", "1")[0] == 0
    assert len(steps) == 12
    assert metadata("moons-linear", tmp_path)["seed"] == 1


def started(command: list[str], **options) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, **(pipes | options))


SIGNALLED = """
import os
from fm_core.models.networks import VelocityMLP
forward, calls = VelocityMLP.forward, []
def interrupted(*arguments):
    calls.append(arguments)
    if len(calls) == 5:
        os.kill(os.getpid(), {number})
    return forward(*arguments)
VelocityMLP.forward = interrupted
import sys, train_all
sys.exit(train_all.main(sys.argv[1:]))
"""


def test_a_process_that_is_stopped_ends_with_130_and_one_sentence(tmp_path):
    directories = {number: tmp_path / number.name for number in (signal.SIGINT, signal.SIGTERM)}
    options = ["--only", "moons-linear", *FAST, "--threads", "1", "--checkpoints"]
    processes = {
        number: started(["-c", SIGNALLED.format(number=int(number)), *options, str(directory)])
        for number, directory in directories.items()
    }
    for number, process in processes.items():
        err = process.communicate(timeout=120)[1]
        assert process.returncode == 130
        assert "Traceback" not in err
        assert err.splitlines()[-1].startswith("Stopped.")
        assert files(directories[number]) == {"runs/moons-linear.safetensors"}


def write_curve(name: str, losses: list[float], directory: Path) -> None:
    path = directory / "curves" / f"{name}.jsonl"
    path.parent.mkdir()
    entries = [{"iteration": 100 * k, "loss": loss, "seconds": 1.0} for k, loss in enumerate(losses)]
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")


def test_the_report_draws_the_learning_curves(run, tmp_path):
    assert run("--report")[1] == "There are no learning curves yet.\n"
    write_curve("moons-linear", [4 / 2**k for k in range(8)], tmp_path)
    code, out, _ = run("--report")
    assert code == 0
    row = out.splitlines()[-1].split()
    assert row == ["moons-linear", "8", "4.0000", "0.0312", "█▇▆▅▄▃▂▁"]


def test_what_is_printed_fits_any_encoding(tmp_path):
    """Into a file, as by a shell's `>`: where bars cannot be written, curves are drawn with other marks, and what else
    cannot be written, such as the é of Fréchet in the list of what is shipped, stops nothing.
    """
    write_curve("moons-linear", [4 / 2**k for k in range(8)], tmp_path)
    report = ["--report", "--checkpoints", str(tmp_path)]
    outputs, processes = [], []
    for k, (encoding, options) in enumerate([("cp1252", report), ("ascii", ["--list"])]):
        outputs.append(tmp_path / f"{k}.txt")
        with outputs[-1].open("wb") as file:
            environment = os.environ | {"PYTHONIOENCODING": encoding}
            processes.append(started(["train_all.py", *options], stdout=file, env=environment))
    for process in processes:
        err = process.communicate(timeout=120)[1]
        assert (process.returncode, err) == (0, "")
    drawn = [path.read_bytes().decode("ascii").splitlines() for path in outputs]
    assert drawn[0][-1].endswith("#*+=-:._")
    assert [line.split()[:2] for line in drawn[1][1:]] == [[name, "trained"] for name in CATALOGUE]
    assert "Fr?chet" in drawn[1][-1]
