"""Sampling from a flow, of points or of images: shapes, seeds, what a run keeps, and refusals in sentences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fm_core import exact_flow
from fm_core.images.sets import IMAGE_SETS, NOISE
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import FRESH_SEEDS, Flow
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import SHORT_FIRST
from fm_core.refusals import SettingsError


def exact(target: str = "moons", schedule: str = "linear", source: str = "standard-gaussian") -> Flow:
    start, end, path = SOURCES[source], TARGETS[target], SCHEDULES[schedule]
    return Flow(f"{target}-{schedule}", start, end, path, exact_velocity(start, end, path))


def to_one_image(schedule: str) -> tuple[Flow, torch.Tensor]:
    """The exact flow from noise to a single image: E[X_1 | x_t] is that image, E[X_0 | x_t] what is left."""
    digits, path = IMAGE_SETS["mnist"], SCHEDULES[schedule]
    x_1 = digits.standardise(digits.bundled()[0][:1])

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha, beta, d_alpha, d_beta = path(t.view(-1, 1, 1, 1))
        return d_alpha * (x - beta * x_1) / alpha + d_beta * x_1

    return Flow("one image", NOISE, digits, path, velocity), x_1


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
    run = flow.sample(n=2000, steps=20, solver="heun" if target == "checkerboard" else "rk4")
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
    ("arguments", "sentence"),
    [
        ({"n": 0}, "n must be a whole number from 1 to 2147483647, not 0."),
        ({"n": True}, "n must be a whole number from 1 to 2147483647, not True."),
        ({"steps": 0}, "steps must be a whole number from 1 to 2147483647, not 0."),
        ({"steps": 2.5}, "steps must be a whole number from 1 to 2147483647, not 2.5."),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, not -1."),
        ({"seed": FRESH_SEEDS}, "seed must be a whole number from 0 to 2147483647, not 2147483648."),
        ({"solver": "leapfrog"}, f"solver must be one of {', '.join(SOLVERS)}, not 'leapfrog'."),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_sentence(arguments, sentence):
    for flow in (exact(), to_one_image("linear")[0]):
        with pytest.raises(SettingsError) as error:
            flow.sample(**arguments)
        assert str(error.value) == sentence


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"solver": "leapfrog"}, {"times": [0.0]}])
def test_what_cannot_be_carried_is_refused_in_a_sentence(arguments):
    with pytest.raises(SettingsError, match=r"^(steps|solver|times) must be .*\.$"):
        exact().carry(torch.zeros(3, 2), **arguments)


def test_an_exact_flow_of_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(SettingsError) as error:
        exact_flow("moon", "linear")
    assert str(error.value) == f"target must be one of {', '.join(TARGETS)}, not 'moon'."
    with pytest.raises(SettingsError, match=r"^schedule must be one of linear, cosine, .*, not 'sine'\.$"):
        exact_flow("moons", "sine")
    with pytest.raises(SettingsError, match=r"^source must be one of standard-gaussian, .*, not 'moons'\.$"):
        exact_flow("moons", "linear", "moons")


def test_numpys_numbers_are_numbers():
    run = exact().sample(n=np.int64(5), steps=np.float32(3), seed=np.int64(3))  # pyright: ignore[reportArgumentType]
    assert run == exact().sample(n=5, steps=3, seed=3)
    assert type(run.seed) is int


# Images are carried like points.


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_predicted_ends_are_exact_where_the_end_is_certain(schedule):
    flow, x_1 = to_one_image(schedule)
    run = flow.sample(n=3, steps=4, seed=1)
    starts, ends = flow.predicted_ends(run)
    assert starts.shape == ends.shape == run.x.shape == (5, 3, 1, 28, 28)
    alpha, beta, _, _ = flow.schedule(run.t[:-1].view(-1, 1, 1, 1, 1))
    torch.testing.assert_close(starts[:-1], (run.x[:-1] - beta * x_1) / alpha, atol=1e-4, rtol=0)
    torch.testing.assert_close(ends[:-1], x_1.expand_as(ends[:-1]), atol=1e-4, rtol=0)
    torch.testing.assert_close(ends[-1], run.x[-1])


def test_spacing_decides_the_times():
    flow = replace(to_one_image("linear")[0], spacing=SHORT_FIRST)
    t = flow.sample(n=1, steps=20).t
    assert (t[0], t[-1]) == (0, 1)
    assert (t.diff().diff() > 0).all()
    torch.testing.assert_close(t ** (1 / 1.6), torch.linspace(0, 1, 21))


def test_a_run_goes_through_the_times_it_is_given():
    times = [0.0, 0.25, 0.3, 1.0]
    run = exact().carry(torch.zeros(3, 2), times=times)
    assert run.t.tolist() == pytest.approx(times)
    assert run.nfe == 3
    assert run.seed is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_velocity_kept_is_that_at_the_states(solver):
    decay = Flow("decay", NOISE, IMAGE_SETS["mnist"], SCHEDULES["linear"], lambda x, t: -x * (1 + t.view(-1, 1, 1, 1)))
    run = decay.sample(n=2, steps=5, solver=solver)
    t = run.t[:-1].view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(run.v[:-1], -run.x[:-1] * (1 + t))
    assert torch.equal(run.v[-1], run.v[-2])
    assert run.nfe == 5 * SOLVERS[solver].evaluations


def test_a_run_has_a_thousand_points_or_sixteen_images_where_no_number_is_given():
    assert exact().sample(steps=1).x.shape == (2, 1000, 2)
    assert to_one_image("linear")[0].sample(steps=1).x.shape == (2, 16, 1, 28, 28)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("source", ["noise", "fashion"])
def test_theory_is_the_variance_of_the_path_over_samples_and_pixels(schedule, source):
    """Interpolated pairs of all bundled images with all: independent, and yet correlated over the pixels."""
    digits = IMAGE_SETS["mnist"].standardise(IMAGE_SETS["mnist"].bundled()[0])
    if source == "noise":
        x_0, x_1 = torch.randn(100, 1, 28, 28, generator=torch.Generator().manual_seed(0)), digits
    else:
        clothes = IMAGE_SETS["fashion"].standardise(IMAGE_SETS["fashion"].bundled()[0])
        x_0, x_1 = clothes.repeat_interleave(100, 0), digits.repeat(100, 1, 1, 1)
    x_0, x_1 = ((x - x.mean()) / x.std() for x in (x_0, x_1))
    covariance = (x_0.mean(0) * x_1.mean(0)).mean().item() if source == "fashion" else 0.0
    flow = Flow("path", NOISE, IMAGE_SETS["mnist"], SCHEDULES[schedule], lambda x, t: x, covariance)
    for t in (0.0, 0.3, 0.5, 1.0):
        time = torch.tensor([t])
        x_t = flow.schedule.alpha(time) * x_0 + flow.schedule.beta(time) * x_1
        assert x_t.var().item() == pytest.approx(flow.theory_variance(time).item(), abs=0.01)


# What a run is to Python.


def test_equal_runs_are_equal_and_others_are_not():
    run = exact().sample(n=20, steps=3, seed=5)
    assert run == replace(exact().sample(n=20, steps=3, seed=5), seconds=1000.0)
    assert run is not exact().sample(n=20, steps=3, seed=5)
    unlike = [
        exact().sample(n=20, steps=3, seed=6),
        exact().sample(n=20, steps=4, seed=5),
        exact().sample(n=19, steps=3, seed=5),
        exact(schedule="cosine").sample(n=20, steps=3, seed=5),
        replace(run, v=run.v + 1),
        "a run",
        None,
        run.x,
    ]
    for other in unlike:
        equal, unequal = run == other, run != other
        assert (equal, unequal) == (False, True)


@pytest.mark.parametrize("flow", [exact(), to_one_image("linear")[0]])
def test_a_run_shows_itself_in_one_short_line(flow):
    shown = repr(flow.sample(n=5000, steps=2, seed=FRESH_SEEDS - 1))
    assert len(shown) < 120
    assert "\n" not in shown
    assert all(part in shown for part in ("5,000", "2 steps", "NFE 2", str(FRESH_SEEDS - 1)))


def test_the_results_of_a_run_can_be_learned_from():
    """They belong to no computation, and yet a layer can be trained on them."""
    run = exact().sample(n=200, steps=10)
    layer = torch.nn.Linear(2, 2)
    descent = torch.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(100):
        loss = (layer(run.x) - run.v).square().mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    x = run.x.clone().requires_grad_()
    (x * run.v).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, run.v)


def test_a_check_is_made_before_every_step_and_may_end_the_run():
    made = []
    exact().sample(n=2, steps=7, check=lambda: made.append(1))
    assert 7 <= len(made) <= 8

    def stop():
        if len(made) >= 10:
            raise TimeoutError
        made.append(1)

    made.clear()
    with pytest.raises(TimeoutError):
        exact().sample(n=2, steps=50, check=stop)
    assert len(made) == 10
