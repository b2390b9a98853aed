"""Sampling from a flow: shapes, seeds, and refusals in sentences."""

import pytest
import torch

from fm_core.exact import exact_velocity
from fm_core.flows import FRESH_SEEDS, Flow
from fm_core.schedules import SCHEDULES
from fm_core.solvers import SOLVERS
from fm_core.toy import SOURCES, TARGETS


def exact(target: str = "moons", schedule: str = "linear", source: str = "standard-gaussian") -> Flow:
    start, end, path = SOURCES[source], TARGETS[target], SCHEDULES[schedule]
    return Flow(f"{target}-{schedule}", start, end, path, exact_velocity(start, end, path))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("steps", [1, 5])
def test_a_run_has_one_state_more_than_steps(steps, solver):
    run = exact().sample(n=7, steps=steps, solver=solver)
    assert run.x.shape == (steps + 1, 7, 2)
    assert run.t.shape == run.variance.shape == run.straightness.shape == (steps + 1,)
    assert run.variance_per_dimension.shape == (steps + 1, 2)
    assert run.mean_speed.shape == (steps,)
    assert run.t[0] == 0
    assert run.t[-1] == 1
    assert run.x.isfinite().all()
    assert not run.x.requires_grad


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_run_counts_the_evaluations_of_the_velocity(solver):
    calls = []

    def velocity(x, t):
        calls.append(t)
        return x

    flow = Flow("counting", SOURCES["standard-gaussian"], TARGETS["moons"], SCHEDULES["linear"], velocity)
    assert flow.sample(n=2, steps=6, solver=solver).nfe == len(calls)


def test_the_same_seed_starts_every_flow_at_the_same_noise():
    reference = exact().sample(n=50, steps=3, seed=5)
    for flow in (exact("spirals"), exact("gaussian", "vp")):
        for steps in (1, 4):
            run = flow.sample(n=50, steps=steps, seed=5, solver="rk4")
            assert torch.equal(run.x[0], reference.x[0])
            assert run.seed == 5


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    run, again, other = (exact().sample(n=50, steps=3, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(run.x, again.x)
    assert not torch.equal(run.x[0], other.x[0])


def test_sampling_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    exact().sample(n=10, steps=2)
    exact().fresh(10, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_starts_with_draws_of_the_source():
    run = exact(source="eight-gaussians").sample(n=4000, steps=1)
    source = SOURCES["eight-gaussians"]
    assert ((run.x[0].mean(0) - source.mean) / (source.variance / 4000).sqrt()).abs().max() < 4.5
    assert (run.x[0].norm(dim=1) - 2).abs().max() < 6 * 0.15


def test_variance_is_the_mean_over_dimensions_of_the_variance_over_samples():
    run = exact().sample(n=50, steps=3)
    expected = [(state[:, 0].var() + state[:, 1].var()) / 2 for state in run.x]
    torch.testing.assert_close(run.variance, torch.stack(expected))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("target", TARGETS)
def test_variance_follows_the_theory_when_the_field_is_exact(target, schedule):
    flow = exact(target, schedule)
    run = flow.sample(n=2000, steps=25, solver="rk4")
    centred = (run.x - run.x.mean(1, keepdim=True)) ** 2
    error = centred.std(1) / 2000**0.5
    assert ((run.variance_per_dimension - flow.theory_variance(run.t)).abs() < 4.5 * error + 1e-3).all()


def test_the_exact_gaussian_flow_moves_straight_and_at_constant_speed_where_it_only_shifts():
    """A constant velocity, as between N(0, I) and N((1, 1), I) when each x_1 is its x_0 shifted."""
    source, target = SOURCES["standard-gaussian"], TARGETS["gaussian"]
    flow = Flow("shift", source, target, SCHEDULES["linear"], lambda x, t: torch.ones_like(x), (1.0, 1.0))
    run = flow.sample(n=100, steps=4)
    torch.testing.assert_close(run.mean_speed, torch.full((4,), 2**0.5), rtol=1e-5, atol=0)
    torch.testing.assert_close(run.straightness, torch.ones(5))
    torch.testing.assert_close(flow.theory_variance(run.t), torch.ones(5, 2))


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest correlation between a column of a and a column of b."""
    return torch.corrcoef(torch.cat([a, b], 1).T)[:2, 2:].abs().max().item()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_fresh_samples_do_not_know_the_noise_of_any_seed(target, source):
    """torch's CPU generator keeps the lower 32 bits of a seed, so seeds 2³² apart draw the same numbers."""
    flow = exact(target, source=source)
    for seed in (0, 1, 12345, FRESH_SEEDS - 1):
        for other in (seed, 0, 1, FRESH_SEEDS - 1):
            x_0 = flow.sample(n=2000, steps=1, seed=other).x[0]
            assert correlation(x_0, flow.fresh(2000, seed)) < 4.5 / 2000**0.5


def test_fresh_samples_are_those_of_their_seed():
    assert torch.equal(exact().fresh(20, 3), exact().fresh(20, 3))
    assert correlation(exact().fresh(2000, 3), exact().fresh(2000, 4)) < 4.5 / 2000**0.5


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"n": 0}, "n = 0"),
        ({"n": -1}, "n = -1"),
        ({"steps": 0}, "steps = 0"),
        ({"steps": -5}, "steps = -5"),
        ({"seed": -1}, "-1"),
        ({"seed": FRESH_SEEDS}, str(FRESH_SEEDS)),
        ({"solver": "leapfrog"}, "'leapfrog'"),
        ({"solver": "leapfrog"}, ", ".join(SOLVERS)),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_sentence(arguments, word):
    with pytest.raises(ValueError, match=r"\.$") as error:
        exact().sample(**arguments)
    assert word in str(error.value)
