"""Saved runs: the Python program of a run computes its states to the bit, and the NPZ holds its arrays."""

import io
from typing import Any

import numpy as np
import pytest
import torch

from fm_core.image_settings import CLOTHES, CLOTHES_SET, DigitSettings, DigitSide, TranslateSettings, TranslateSide
from fm_core.maths.flow import always
from fm_core.playground import Run, generate, read_ends, simulate, translate
from fm_core.refusals import SettingsError
from fm_core.settings import Settings, Side
from fm_core.ui.exports import KINDS, File, npz, work
from fm_core.ui.snippets import file_name, snippet

TWO_IMAGE_SIDES = (TranslateSide("linear", 2), TranslateSide("cosine", 3, "heun"))
TWO_DIGIT_SIDES = (DigitSide("linear", 2), DigitSide("cosine", 3, "heun"))
OWN = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)


def executed(program: str) -> dict[str, Any]:
    """The variables that a program leaves."""
    names: dict[str, Any] = {}
    exec(compile(program, "snippet", "exec"), names)
    return names


def assert_same_states(program: str, runs: list[Run]) -> None:
    names = executed(program)
    ends = ["_a", "_b"] if len(runs) > 1 else [""]
    for end, run in zip(ends, runs, strict=True):
        assert names[f"run{end}"] == run.trajectory
        assert names[f"run{end}"].nfe == run.trajectory.nfe
        assert names[f"flow{end}"].name == run.flow.name


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            "spirals", particles=100, seed=2**31 - 1, sides=(Side(steps=3), Side("cosine", steps=2, solver="rk4"))
        ),
        Settings("circles", particles=100, sides=(Side("vp", velocity="exact", steps=7, solver="heun"),)),
        Settings(particles=100, sides=(Side(velocity="relu-output"), Side(velocity="exact"))),
        Settings(particles=100, sides=(Side(coupling="ot", solver="midpoint"),)),
        Settings("moons", "eight-gaussians", 100, sides=(Side(), Side(coupling="ot"))),
        Settings("gaussian", "eight-gaussians", 100, sides=(Side(velocity="exact"),)),
        Settings(particles=100, sides=(Side(noise=0.3, spacing="short-last"), Side(noise=1.0, drift="uncorrected"))),
    ],
)
def test_the_program_of_points_computes_the_pages_run(library, settings):
    assert_same_states(snippet(settings), simulate(library, settings))


@pytest.mark.parametrize(
    "sides",
    [(DigitSide(steps=2, solver="midpoint"),), TWO_DIGIT_SIDES, (DigitSide(steps=2, noise=0.5, spacing="equal"),)],
)
def test_the_program_of_digits_computes_the_pages_run(library, sides):
    settings = DigitSettings(seed=5, sides=sides)
    assert_same_states(snippet(settings), generate(library, settings))


@pytest.mark.parametrize("clothes", [CLOTHES[0], "T-shirt/top"])
def test_the_program_of_a_translation_computes_the_pages_run(library, clothes):
    settings = TranslateSettings(clothes, seed=5, sides=TWO_IMAGE_SIDES)
    assert_same_states(snippet(settings), translate(library, settings.pixels.numpy(), settings))


def test_the_program_of_a_persons_own_pictures_has_them_in_it(library):
    settings = TranslateSettings(sides=(TranslateSide(steps=2),))
    runs = translate(library, OWN, settings)
    program = snippet(settings, OWN)
    assert_same_states(program, runs)
    names = executed(program)
    assert torch.equal(names["pixels"], torch.from_numpy(OWN))
    assert names["digits"].shape == OWN.shape
    assert max(map(len, program.splitlines())) <= 120


def test_the_program_says_what_it_computed(capsys):
    variances = [run.variance[-1].item() for run in _both(executed(snippet(Settings(sides=(Side(), Side(steps=2))))))]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Trajectory(2,000 of 2 in 50 steps, NFE 50, seed 0)"
    assert said[1::2] == [f"variance at t = 1: {variance}" for variance in variances]


def _both(names: dict[str, Any]) -> list[Any]:
    return [names["run_a"], names["run_b"]]


@pytest.mark.parametrize("clothes", CLOTHES)
def test_the_program_of_every_entry_of_the_menu_can_be_read_by_python(clothes):
    compile(snippet(TranslateSettings(clothes)), "snippet", "exec")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(), "moons-linear-euler-50-seed0.npz"),
        (
            Settings("moons", "eight-gaussians", seed=7, sides=(Side(velocity="exact", steps=5), Side(coupling="ot"))),
            "eight-gaussians-to-moons-linear-exact-euler-5-vs-eight-gaussians-to-moons-linear-ot-euler-50-seed7.npz",
        ),
        (DigitSettings(sides=TWO_DIGIT_SIDES), "mnist-linear-euler-2-vs-mnist-cosine-heun-3-seed0.npz"),
        (TranslateSettings("bag", seed=1), "fashion-to-mnist-linear-euler-20-seed1.npz"),
        (
            Settings(sides=(Side(noise=1.0, drift="uncorrected"), Side(noise=0.5, spacing="short-last"))),
            "moons-linear-euler-50-noise1-uncorrected-vs-moons-linear-euler-50-short-last-noise0.5-seed0.npz",
        ),
        (
            DigitSettings(sides=(DigitSide(velocity="perfect", window=11, until=0.4, spacing="equal"),)),
            "mnist-linear-perfect-11-until-0.4-mnist-linear-euler-20-equal-seed0.npz",
        ),
    ],
)
def test_a_file_is_named_after_its_setting(settings, name):
    assert file_name(settings, "npz") == name


def test_the_file_names_the_flows_that_ran(library):
    settings = Settings(sides=(Side(velocity="exact"), Side(velocity="relu-output")))
    flows = [run.flow.name for run in simulate(library, settings)]
    assert file_name(settings, "py") == f"{flows[0]}-euler-50-vs-{flows[1]}-euler-50-seed0.py"


def test_the_npz_of_points_holds_their_states_and_velocities(library):
    settings = Settings(particles=100, sides=(Side(steps=3), Side("cosine", velocity="exact", steps=2, solver="rk4")))
    runs = simulate(library, settings)
    arrays = np.load(io.BytesIO(npz(runs)), allow_pickle=False)
    for letter, run in zip("ab", runs, strict=True):
        for name in ("t", "x", "v"):
            assert arrays[f"{name}_{letter}"].dtype == np.float32
            assert np.array_equal(arrays[f"{name}_{letter}"], getattr(run.trajectory, name).numpy())
        assert arrays[f"nfe_{letter}"] == run.trajectory.nfe
    assert str(arrays["flow_b"]) == "moons-cosine-exact"
    assert str(arrays["solver_b"]) == "rk4"
    assert str(arrays["spacing_b"]) == "equal"
    assert arrays["noise_b"] == 0
    assert len(arrays.files) == 16


def test_the_npz_of_images_holds_pixels_and_the_classifiers_reading(library):
    settings = TranslateSettings(sides=(TranslateSide(steps=2),))
    (run,) = read_ends(library, translate(library, OWN, settings))
    arrays = np.load(io.BytesIO(npz([run])), allow_pickle=False)
    assert arrays["images_a"].dtype == np.uint8
    assert np.array_equal(arrays["images_a"][-1], run.flow.target.to_pixels(run.trajectory.x[-1]).numpy())
    assert np.array_equal(arrays["images_a"][0], CLOTHES_SET.to_pixels(run.trajectory.x[0]).numpy())
    assert run.probabilities is not None
    assert np.array_equal(arrays["probabilities_a"], run.probabilities.numpy())
    assert np.array_equal(arrays["t_a"], run.trajectory.t.numpy())
    without = np.load(io.BytesIO(npz([Run(run.side, run.flow, run.trajectory)])))
    assert sorted(without.files) == ["flow_a", "images_a", "nfe_a", "noise_a", "solver_a", "spacing_a", "t_a"]


def test_a_file_has_the_arrays_or_the_program_which_takes_no_run(library):
    settings = Settings(particles=100, sides=(Side(steps=2),))
    runs = simulate(library, settings)
    (saved,) = work("npz", settings, lambda check: runs).compute(always)
    assert saved.name == "moons-linear-euler-2-seed0.npz"
    assert np.array_equal(np.load(io.BytesIO(saved.content))["x_a"], runs[0].trajectory.x.numpy())
    (program,) = work("py", settings, _no_run).compute(always)
    assert program == File("moons-linear-euler-2-seed0.py", snippet(settings).encode())
    (own,) = work("py", TranslateSettings(), _no_run, OWN).compute(always)
    assert own.content.decode() == snippet(TranslateSettings(), OWN)


def test_files_of_different_runs_kinds_and_pictures_are_different_work():
    given = [(kind, s, pixels) for kind in KINDS for s in (Settings(), TranslateSettings()) for pixels in (None, OWN)]
    assert len({work(kind, settings, _no_run, pixels).key for kind, settings, pixels in given}) == len(given)


def _no_run(check: object) -> list[Run]:
    raise AssertionError


@pytest.mark.parametrize("kind", ["exe", "", None, "../npz"])
def test_another_kind_of_file_is_refused(kind):
    with pytest.raises(SettingsError, match="kind must be one of npz, py"):
        work(kind, Settings(), _no_run)
