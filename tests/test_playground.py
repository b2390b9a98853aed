"""Settings and simulation: what is asked for is checked, and one request runs everything on the same noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fm_core.checkpoints import checkpoint_path
from fm_core.image_settings import DigitSettings, DigitSide
from fm_core.library import Library, exact_flow
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.measures import NotFinite
from fm_core.maths.schedules import SCHEDULES
from fm_core.playground import Run, add_references, generate, simulate
from fm_core.refusals import SettingsError
from fm_core.settings import Settings, Side


def compared(library: Library, settings: Settings) -> list[Run]:
    return add_references(library, settings, simulate(library, settings))


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        ({"steps": 0}, "from 1 to 200"),
        ({"steps": 201}, "from 1 to 200"),
        ({"steps": 2.5}, "whole number"),
        ({"steps": "50"}, "whole number"),
        ({"steps": True}, "whole number"),
        ({"steps": None}, "whole number"),
        ({"steps": float("nan")}, "whole number"),
        ({"steps": float("inf")}, "whole number"),
        ({"schedule": "quartic"}, "linear, cosine"),
        ({"solver": ["euler"]}, "euler, midpoint"),
        ({"coupling": None}, "independent, ot"),
        ({"velocity": "perfect"}, "learned, exact"),
    ],
)
def test_a_wrong_side_is_refused_in_one_sentence_that_names_it_and_what_is_accepted(wrong, accepted):
    (name,) = wrong
    with pytest.raises(SettingsError, match=rf"^{name} must be .*{accepted}.*\.$"):
        Side(**wrong)


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        ({"particles": 99}, "from 100 to 5000"),
        ({"particles": 5001}, "from 100 to 5000"),
        ({"seed": -1}, "from 0 to 2147483647"),
        ({"seed": 2**31}, "from 0 to 2147483647"),
        ({"target": "faces"}, "moons"),
        ({"source": "moons"}, "standard-gaussian"),
    ],
)
def test_wrong_shared_settings_are_refused(wrong, accepted):
    (name,) = wrong
    with pytest.raises(SettingsError, match=rf"^{name} must be .*{accepted}.*\.$"):
        Settings(**wrong)


def test_a_long_wrong_value_does_not_flood_the_sentence():
    with pytest.raises(SettingsError) as caught:
        Settings(target="x" * 10_000)
    assert len(str(caught.value)) < 300


def test_whole_floats_count_as_numbers():
    assert Side(steps=50.0) == Side(steps=50)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_every_pair_and_schedule_can_be_shown_exactly(library, source, target):
    sides = tuple(Side(schedule, velocity="exact", steps=2) for schedule in SCHEDULES)
    for run in simulate(library, Settings(target, source, 100, sides=sides)):
        assert run.trajectory.x.isfinite().all()


def test_both_sides_start_from_the_same_noise(library):
    first, second = simulate(library, Settings(sides=(Side(), Side("cosine", steps=7))))
    assert torch.equal(first.trajectory.x[0], second.trajectory.x[0])
    assert not torch.equal(first.trajectory.x[-1], second.trajectory.x[-1])


def test_the_reference_is_the_exact_flow_on_the_same_noise_with_the_same_solver(library):
    (run,) = compared(library, Settings(seed=3, particles=200, sides=(Side("cosine", steps=5, solver="heun"),)))
    expected = exact_flow("moons", "cosine").sample(200, 5, "heun", seed=3)
    assert run.reference is not None
    assert torch.equal(run.reference.x, expected.x)


def test_references_leave_the_runs_as_they_are_and_an_exact_side_is_its_own_and_its_neighbours(library):
    settings = Settings(particles=200, sides=(Side(steps=4), Side(steps=4, velocity="exact")))
    runs = simulate(library, settings)
    learned, exact = add_references(library, settings, runs)
    assert [run.reference for run in runs] == [None, None]
    assert [learned.trajectory, exact.trajectory] == [run.trajectory for run in runs]
    assert learned.reference is exact.reference is exact.trajectory


def test_an_optimal_transport_coupling_has_no_exact_reference(library):
    (run,) = compared(library, Settings(sides=(Side(coupling="ot"),)))
    assert run.reference is None
    with pytest.raises(SettingsError, match="independent coupling only"):
        simulate(library, Settings(sides=(Side(coupling="ot", velocity="exact"),)))


@pytest.mark.parametrize("solver", ["euler", "rk4"])
def test_the_flow_map_error_is_that_of_the_particles_ends_and_small_for_a_trained_flow(library, solver):
    (run,) = compared(library, Settings(particles=2000, sides=(Side(solver=solver),)))
    exact = exact_flow("moons", "linear").sample(2000, 50, solver)
    off = (run.trajectory.x[-1] - exact.x[-1]).square().sum(1).sqrt() / TARGETS["moons"].variance.sum().sqrt()
    assert run.flow_map_error is not None
    assert run.flow_map_error.median == pytest.approx(off.median().item(), rel=0.02)  # of two neighbours, their mean
    assert run.flow_map_error.far == (off > 0.1).float().mean().item()
    assert 0.003 < run.flow_map_error.median < 0.02
    assert 0 < run.flow_map_error.far < 0.05


def test_there_is_no_flow_map_error_of_the_exact_velocity_of_a_coupling_and_of_images(library):
    sides = (Side(velocity="exact"), Side(coupling="ot"))
    runs = [
        *compared(library, Settings(particles=100, sides=sides)),
        *generate(library, DigitSettings(sides=(DigitSide(steps=1),))),
    ]
    assert [run.flow_map_error for run in runs] == [None] * 3


@pytest.mark.parametrize("images", [36, 36.0, "36"])
def test_a_count_may_be_any_kind_of_number_or_text(images):
    """As the page's own description of the endpoint has it in text."""
    count = DigitSettings(images).images
    assert (count, type(count)) == (36, int)


@pytest.mark.parametrize("images", ["36.0", True, None, [36], float("nan"), "16, 36"])
def test_another_count_is_refused(images):
    with pytest.raises(SettingsError, match="images must be one of 4, 9, 16, 36, 64, not"):
        DigitSettings(images)


@pytest.mark.parametrize(
    ("name", "run", "settings"),
    [("moons-linear", simulate, Settings(particles=100)), ("mnist-linear", generate, DigitSettings())],
)
def test_a_run_that_leaves_the_range_of_numbers_is_refused(library, name, run, settings):
    wild = replace(library.flows[name], velocity=lambda x, t: x * 1e30)
    with pytest.raises(NotFinite, match="not finite"):
        run(replace(library, models={**library.models, name: wild}), settings)


def test_an_untrained_combination_says_what_it_would_need(library):
    with pytest.raises(SettingsError, match=r"circles-quadratic.*recipe.*train_all") as caught:
        simulate(library, Settings("circles", sides=(Side("quadratic"),)))
    assert "moons-linear" in str(caught.value)


def test_a_damaged_checkpoint_stops_only_its_own_flow(library, tmp_path):
    (tmp_path / "moons-linear.safetensors").write_bytes(b"damaged")
    (tmp_path / "moons-cosine.safetensors").write_bytes(checkpoint_path("moons-cosine").read_bytes())
    damaged = Library.load(tmp_path)
    assert list(damaged.flows) == ["moons-cosine"]
    simulate(damaged, Settings(sides=(Side("cosine"),)))
    with pytest.raises(SettingsError, match=r"moons-linear\.safetensors is truncated.*train_all\.py"):
        simulate(damaged, Settings())


def test_distances_fall_towards_the_floor(library):
    (run,) = simulate(library, Settings(particles=300))
    assert list(run.samples.x) == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]
    values = [run.samples.distance(state) for state in run.samples.x]
    assert values[0] > 3 * run.floor
    assert values[-1] < 1.5 * run.floor


def test_one_step_has_two_states_and_two_distances(library):
    (run,) = simulate(library, Settings(sides=(Side(steps=1),)))
    assert list(run.samples.x) == [0, 1]


def test_the_library_cannot_be_changed_by_a_run(library):
    x, images = torch.randn(3, 2), torch.randn(2, 1, 28, 28)
    names = ["moons-linear", "moons-cosine", "mnist-linear"]

    def answers() -> list[torch.Tensor]:
        return [library.flow(name).velocity(images if "mnist" in name else x, 0.5) for name in names]

    before = answers()
    simulate(library, replace(Settings(), sides=(Side(), Side("cosine"))))
    generate(library, DigitSettings(sides=(DigitSide(steps=1),)))
    assert all(torch.equal(a, b) for a, b in zip(before, answers(), strict=True))


def test_a_run_that_nobody_waits_for_ends_at_the_next_step(library):
    """The check is made in every side's run, of points and of images, and what it raises comes out."""
    checks, long = [], Settings(particles=100, sides=(Side(steps=200),))
    runs = simulate(library, long)

    def check() -> None:
        checks.append(1)
        if len(checks) > 3:
            raise TimeoutError

    for run in (
        lambda: simulate(library, long, check),
        lambda: add_references(library, long, runs, check),
        lambda: generate(library, DigitSettings(sides=(DigitSide(steps=100),)), check),
    ):
        checks.clear()
        with pytest.raises(TimeoutError):
            run()
        assert len(checks) <= 5


def test_whole_numbers_of_numpy_are_settings():
    settings = Settings(seed=np.int64(3), particles=np.int32(200))  # pyright: ignore[reportArgumentType]
    assert settings == Settings(seed=3, particles=200)
    assert type(settings.seed) is int


def test_equal_sides_share_a_run(library):
    first, second = simulate(library, Settings(particles=100, sides=(Side(steps=3), Side(steps=3))))
    (alone,) = simulate(library, Settings(particles=100, sides=(Side(steps=3),)))
    assert first is second
    assert first.trajectory == alone.trajectory
