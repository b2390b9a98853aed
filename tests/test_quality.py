"""The figures that judge a flow, on flows whose quality is known."""

import json
from dataclasses import replace
from statistics import mean, stdev

import pytest
import torch

from fm_core import load_flow
from fm_core.maths import quality
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.matching import interpolate
from fm_core.maths.measures import NotFinite, wasserstein
from fm_core.maths.schedules import SCHEDULES
from fm_core.refusals import SettingsError


def flow(target: str = "moons", push: float = 0.0, schedule: str = "cosine") -> Flow:
    """The exact flow, with a constant velocity to the right on top."""
    source, end, path = SOURCES["standard-gaussian"], TARGETS[target], SCHEDULES[schedule]
    exact, constant = exact_velocity(source, end, path), torch.tensor([push, 0.0])
    return Flow("pushed", source, end, path, lambda x, t: exact(x, t) + constant)


@pytest.fixture(scope="module")
def figures() -> dict:
    return quality.measure(flow(), samples=200, nfes=(1, 5, 50))


def test_the_judged_nfe_is_measured():
    assert quality.JUDGED_NFE in quality.NFES


def test_there_is_one_figure_per_nfe(figures):
    assert figures["nfe"] == [1, 5, 50]
    assert figures["samples"] == 200
    names = ("flow_map_error", "far", "w2", "w2_std", "variance_error")
    assert [len(figures[name]) for name in names] == [3] * 5


def test_w2_and_its_deviation_can_be_recomputed_from_the_seeds(figures):
    seeds = figures["seeds"]
    assert len(set(seeds)) == 8
    for k, nfe in enumerate(figures["nfe"]):
        ends = [flow().sample(200, nfe, seed=seed).x[-1] for seed in seeds]
        distances = [wasserstein(x, flow().fresh(200, seed)) for x, seed in zip(ends, seeds, strict=True)]
        assert figures["w2"][k] == pytest.approx(mean(distances), rel=1e-5)
        assert figures["w2_std"][k] == pytest.approx(stdev(distances), rel=1e-4)


def test_the_floor_is_the_mean_over_as_many_seeds(figures):
    floors = quality.sampling_floors(TARGETS["moons"], 200)
    assert len(set(floors)) == 8
    assert (figures["floor"], figures["floor_std"]) == pytest.approx((mean(floors), stdev(floors)))


def test_the_exact_field_has_no_flow_map_error(figures):
    assert figures["flow_map_error"] == figures["far"] == [0, 0, 0]


def test_the_exact_flow_itself_scores_what_the_page_says_on_the_moons():
    """By chance: the same draws as those of the trained flows."""
    found = quality.measure(flow(schedule="linear"), nfes=(50,))
    assert found["w2"][0] / found["floor"] == pytest.approx(1.2, abs=0.05)


def test_a_push_is_a_flow_map_error_of_its_length_over_the_targets_spread():
    """On the linear path from N(0, I) to N((1, 1), I), the exact velocity at t = 0 is (1, 1) − x: one step takes every
    particle to (1, 1), and with the push 0.5 further. The spread is √2.
    """
    found = quality.measure(flow("gaussian", push=0.5, schedule="linear"), samples=200, nfes=(1,))
    assert found["flow_map_error"] == pytest.approx([0.5 / 2**0.5], rel=1e-4)
    assert found["far"] == [1]


TIMES = [0.0, 0.1, 0.5, 0.9, 1.0]


@pytest.mark.parametrize("target", ["moons", "checkerboard"])
def test_the_error_of_a_multiple_of_the_exact_field_is_the_square_of_the_difference(target):
    exact = flow(target, schedule="linear")
    for factor in (0.0, 1.0, 1.1):
        scaled = replace(exact, velocity=lambda x, t, factor=factor: factor * exact.velocity(x, t))
        expected = torch.full((5,), (factor - 1) ** 2)
        torch.testing.assert_close(quality.field_error(scaled, TIMES, samples=200), expected, rtol=1e-4, atol=1e-9)


def test_a_push_is_a_field_error_of_its_square_over_the_mean_square_velocity():
    """From N(0, I) to N((1, 1), I), linear: v* = (1, 1) + (2 t − 1) / s² (x − t (1, 1)), s² = (1 − t)² + t², so that
    E‖v*‖² = 2 + 2 (2 t − 1)² / s²; 4.5 standard errors of it are below 5 % with 20,000 draws.
    """
    t = torch.tensor(TIMES)
    expected = 0.25 / (2 + 2 * (2 * t - 1) ** 2 / ((1 - t) ** 2 + t**2))
    found = quality.field_error(flow("gaussian", push=0.5, schedule="linear"), TIMES, samples=20_000)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)
    assert found[2].item() == pytest.approx(0.125, rel=1e-5)


def test_a_field_error_is_what_the_matching_loss_has_over_the_smallest():
    """E‖u − v‖² − E‖u − v*‖² = E‖v − v*‖², for a trained flow on other draws, to 4.5 standard errors."""
    trained, n = load_flow("moons-linear"), 20_000
    exact, x_0, x_1 = quality.exact_flow(trained), trained.draw(n, 7), trained.fresh(n, 7)
    for time, found in zip((0.3, 0.9), quality.field_error(trained, (0.3, 0.9), n), strict=True):
        t = torch.full((n,), time)
        x_t, u = interpolate(trained.schedule, x_0, x_1, t)
        best, v = exact.velocity(x_t, t), trained.velocity(x_t, t)
        excess = (u - v).square().sum(1) - (u - best).square().sum(1)
        unit = best.square().sum(1).mean()
        assert excess.mean() / unit == pytest.approx(found.item(), abs=4.5 * (excess.std() / unit / n**0.5).item())


@pytest.mark.parametrize(("target", "rests"), [("moons", [False, False, True]), ("circles", [True, False, True])])
def test_there_is_no_field_error_where_the_exact_field_rests(target, rests):
    """Cosine's begins with (π/2) E[x_1], which is 0 for circles about 0, and ends with −(π/2) E[x_0] = 0."""
    found = quality.field_error(flow(target, push=0.5), [0.0, 0.5, 1.0], samples=200)
    assert found.isnan().tolist() == rests


def test_a_field_error_follows_its_seed_and_knows_no_coupling():
    trained = load_flow("moons-linear")
    errors = [quality.field_error(trained, TIMES, 200, seed) for seed in (1, 1, 2)]
    assert torch.equal(errors[0], errors[1])
    assert not torch.equal(errors[0], errors[2])
    with pytest.raises(SettingsError, match=r"^The exact field is known for the independent coupling only"):
        quality.field_error(load_flow("moons-linear-ot"), TIMES)
    with pytest.raises(NotFinite):
        quality.field_error(replace(trained, velocity=lambda x, t: x * torch.nan), TIMES)


def test_a_coupling_has_no_flow_map_error_and_still_a_distance():
    coupled = replace(flow("gaussian"), covariance=(0.5, 0.5))
    found = quality.measure(coupled, samples=50, nfes=(1, 2))
    assert found["flow_map_error"] == found["far"] == [None, None]
    assert min(found["w2"]) > 0


def test_the_exact_field_has_no_variance_error(figures):
    assert figures["variance_error"] == [0, 0, 0]


def test_the_exact_field_with_many_steps_reaches_the_floor_and_with_one_step_does_not(figures):
    assert figures["w2"][2] < 1.6 * figures["floor"]
    assert figures["w2"][0] > 3 * figures["floor"]


def test_a_flow_that_ends_to_the_right_is_at_least_as_far_away_as_its_mean():
    found = quality.measure(flow("gaussian", push=2.0), samples=200, nfes=(50,))
    assert found["w2"][0] > 1.5 > 3 * found["floor"]


def test_the_floor_is_above_zero_and_falls_with_more_samples():
    for target in TARGETS.values():
        assert 0 < quality.sampling_floor(target, 400) < quality.sampling_floor(target, 50)


def test_the_floor_is_a_distance_between_draws_that_share_no_point():
    samples = [flow().fresh(100, seed) for seed in (0, 1, 2, 1000, 1001, 1002)]
    assert len(torch.cat(samples).unique(dim=0)) == 600
    distances = [wasserstein(a, b) for a, b in zip(samples[:3], samples[3:], strict=True)]
    assert quality.sampling_floor(TARGETS["moons"], 100, (0, 1, 2)) == pytest.approx(mean(distances))


def test_variance_error_is_the_largest_relative_deviation_from_the_exact_run():
    """Over states and dimensions, and to either side. The exact run starts where this one does."""
    run = flow().sample(500, 10)
    exact = quality.exact_run(flow(), run)

    def error(x: torch.Tensor) -> float | None:
        return quality.variance_error(flow(), replace(run, x=x), exact)

    assert error(torch.cat([run.x[:1], 2 * run.x[1:]])) == pytest.approx(3, rel=1e-4)
    assert error(torch.cat([run.x[:-1], 1.1 * run.x[-1:]])) == pytest.approx(0.21, rel=1e-3)
    flatter_halfway = run.x.clone()
    flatter_halfway[5, :, 1] /= 2
    assert error(flatter_halfway) == pytest.approx(0.75, rel=1e-3)


def test_variance_error_is_not_defined_where_the_exact_run_is_one_point():
    """One step of the exact velocity on the linear path takes every particle to the target's mean, up to rounding."""
    for target in TARGETS:
        one, two = (flow(target, schedule="linear").sample(500, steps) for steps in (1, 2))
        exact = flow(target, schedule="linear")
        assert quality.variance_error(exact, one, quality.exact_run(exact, one)) is None
        assert quality.variance_error(exact, two, quality.exact_run(exact, two)) == 0
    found = quality.measure(flow(schedule="linear"), samples=50, nfes=(1, 2))
    assert found["variance_error"] == [None, 0]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("covariance", [(0.0, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize("late", [0.0, 0.9])
def test_a_flow_of_nan_has_no_figures(covariance, late):
    """From the start, or in the last step only: a broken network must not score W2 0."""
    broken = replace(
        flow("gaussian"), velocity=lambda x, t: torch.where(t[0] >= late, torch.nan, x), covariance=covariance
    )
    with pytest.raises(NotFinite):
        quality.measure(broken, samples=20, nfes=(20,))


def test_variance_error_under_a_coupling_is_taken_from_its_theory_curve():
    """x_1 = x_0 + (1, 1) has covariance 1 and a constant velocity: its variance stays 1, not 1/2 at half time."""
    source, target = SOURCES["standard-gaussian"], TARGETS["gaussian"]
    coupled = Flow("shift", source, target, SCHEDULES["linear"], lambda x, t: torch.ones_like(x), (1.0, 1.0))
    run = coupled.sample(4000, 10)
    assert quality.exact_run(coupled, run) is None
    assert quality.variance_error(coupled, run, None) == pytest.approx(0, abs=4.5 * (2 / 4000) ** 0.5)
    other = quality.variance_error(replace(coupled, covariance=(0.0, 0.0)), run, None)
    assert other is not None
    assert other > 0.5
