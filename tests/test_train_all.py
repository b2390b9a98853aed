"""train_all.py as a user meets it: a tiny budget end to end, lists, refusals, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import train_all
from fm_core.checkpoints import checkpoint_path, load_checkpoint
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
        assert f"{name}: W2 " in out
        assert metadata(name, tmp_path)["iterations"] == 12


def test_the_table_has_a_row_of_equal_width_for_each_trained_flow(run, tmp_path):
    run("--only", "moons-linear", "moons-cosine", *FAST)
    table = [line for line in (tmp_path / "README.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    assert [line.split("|")[1].strip() for line in table[2:]] == ["moons-linear", "moons-cosine"]
    assert {line.count("|") for line in table} == {8 + len(quality.NFES) - 1}


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


def test_the_same_seed_gives_the_same_checkpoint(run, tmp_path):
    run("--only", "moons-linear", *FAST, "--seed", "3")
    first = weights("moons-linear", tmp_path)
    run("--only", "moons-linear", *FAST, "--seed", "3", "--force")
    assert equal(first, weights("moons-linear", tmp_path))
    run("--only", "moons-linear", *FAST, "--seed", "4", "--force")
    assert not equal(first, weights("moons-linear", tmp_path))


def test_an_epoch_is_a_number_of_iterations(run, steps):
    run("--only", "moons-linear", "--epochs", "1")
    assert len(steps) == PointRecipe.epoch


def test_globs_choose_in_the_order_of_the_catalogue():
    chosen = [recipe.name for recipe in train_all.choose(["*-vp", "moons-lin*", "moons-linear"])]
    assert chosen == [name for name in POINT_RECIPES if name.startswith("moons-lin") or name.endswith("-vp")]
    assert len(chosen) == 4


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
    for k, (encoding, options) in enumerate([("cp1252", report), ("ascii", report), ("ascii", ["--list"])]):
        outputs.append(tmp_path / f"{k}.txt")
        with outputs[-1].open("wb") as file:
            environment = os.environ | {"PYTHONIOENCODING": encoding}
            processes.append(started(["train_all.py", *options], stdout=file, env=environment))
    for process in processes:
        err = process.communicate(timeout=120)[1]
        assert (process.returncode, err) == (0, "")
    drawn = [path.read_bytes().decode("ascii").splitlines() for path in outputs]
    assert all(lines[-1].endswith("#*+=-:._") for lines in drawn[:2])
    assert [line.split()[:2] for line in drawn[2][1:]] == [[name, "trained"] for name in CATALOGUE]
    assert "Fr?chet" in drawn[2][-1]
