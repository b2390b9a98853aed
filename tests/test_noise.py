"""Noise on the way: the marginals stay, without the correction they do not, and the noise follows the seed."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fm_core import exact_flow, load_flow
from fm_core.images.sets import IMAGE_SETS, NOISE, ImageSource
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.exact import exact_posterior
from fm_core.maths.flow import Flow, Trajectory
from fm_core.maths.measures import wasserstein
from fm_core.maths.noise import euler_maruyama
from fm_core.maths.quality import sampling_floor
from fm_core.maths.schedules import SCHEDULES
from fm_core.refusals import SettingsError

every_path = pytest.mark.parametrize("schedule", ["linear", "cosine"])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_score_is_the_mean_of_the_source_over_alpha(schedule):
    """From N(0, I), X_t is a mixture of N(β m, (α² + β² σ²) I), whose log density autograd differentiates."""
    moons, time = TARGETS["moons"], torch.tensor(0.6, dtype=torch.float64)
    assert isinstance(moons, Mixture)
    alpha, beta, _, _ = SCHEDULES[schedule](time)
    marginal = Mixture("", "", beta * moons.centres, (alpha**2 + beta**2 * moons.std**2).sqrt().item())
    x = marginal.sample(20, torch.Generator().manual_seed(0)).double().requires_grad_()
    (score,) = torch.autograd.grad(marginal.log_density(x).sum(), x)
    x_0 = exact_posterior(STANDARD, moons, SCHEDULES[schedule])(x, time).x_0
    torch.testing.assert_close(-x_0 / alpha, score, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("noise", [0.5, 1.0, 3.0])
@every_path
def test_the_variance_of_a_normal_distribution_follows_its_recursion(schedule, noise, corrected):
    """For N((1, 1), I), v has slope (α α' + β β') / s² and E[x_0 | x] slope α / s², s² = α² + β², so a step of h is
    V → (1 + h (slope of the drift))² V + 2 η α h. The tolerance is 4.5 standard errors of a normal variance.
    """
    flow, n = exact_flow("gaussian", schedule), 4000
    run = flow.sample(n, 40, noise=noise, corrected=corrected)
    alpha, beta, d_alpha, d_beta = flow.schedule(run.t)
    slope = (alpha * d_alpha + beta * d_beta - corrected * noise * alpha) / (alpha**2 + beta**2)
    expected = [1.0]
    for a, c, h in zip(alpha, slope, run.t.diff(), strict=False):
        expected.append(((1 + h * c) ** 2 * expected[-1] + 2 * noise * a * h).item())
    errors = run.variance_per_dimension / torch.tensor(expected)[:, None] - 1
    assert errors.abs().max() < 4.5 * (2 / n) ** 0.5


@pytest.mark.parametrize(("schedule", "end"), [("linear", 1 + math.pi / 2), ("cosine", 1 + 4 / math.pi)])
def test_noise_without_correction_ends_too_wide(schedule, end):
    """On N((1, 1), I), V(1) = 1 + ∫ 2 α / s² dt: 4.5 standard errors, and 3 % for the steps."""
    run = exact_flow("gaussian", schedule).sample(4000, 100, noise=1, corrected=False)
    assert run.variance[-1].item() == pytest.approx(end, rel=4.5 * (1 / 4000) ** 0.5 + 0.03)


def holds(flow: Flow, run: Trajectory) -> bool:
    """Whether the variance is the theory's at every state, to 4.5 standard errors and 3 % for the steps, and 400 ends
    are no farther from fresh samples than 1.5 times the floor.
    """
    error = (run.variance_per_dimension / flow.theory_variance(run.t) - 1).abs().max().item()
    distance = wasserstein(run.x[-1][:400], flow.fresh(400, 0))
    return error < 4.5 * (2 / run.x.shape[1]) ** 0.5 + 0.03 and distance < 1.5 * sampling_floor(flow.target, 400)


@pytest.mark.parametrize(("schedule", "noise"), [("linear", 1.0), ("linear", 3.0), ("cosine", 1.0)])
def test_noise_keeps_the_marginals_and_without_correction_it_does_not(schedule, noise):
    flow = exact_flow("moons", schedule)
    right, wrong = (flow.sample(2000, 80, noise=noise, corrected=corrected) for corrected in (True, False))
    assert holds(flow, right)
    assert not holds(flow, wrong)
    assert not torch.allclose(right.x[-1], flow.sample(2000, 80).x[-1], atol=0.5)


@every_path
def test_noise_keeps_the_variance_of_images(schedule):
    """To N(0, σ² I) of 16 × 784 independent pixels, σ = 1/2, where v = (α α' + β β' σ²) / (α² + β² σ²) x."""
    path = SCHEDULES[schedule]

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha, beta, d_alpha, d_beta = path(t.view(-1, 1, 1, 1))
        return (alpha * d_alpha + beta * d_beta / 4) / (alpha**2 + beta**2 / 4) * x

    flow = Flow("grey", NOISE, IMAGE_SETS["mnist"], path, velocity)
    run = flow.sample(16, 100, noise=1)
    theory = path.alpha(run.t) ** 2 + path.beta(run.t) ** 2 / 4
    assert run.x.shape == (101, 16, 1, 28, 28)
    assert (run.variance / theory - 1).abs().max() < 4.5 * (2 / (16 * 784)) ** 0.5 + 0.03


def test_a_run_with_noise_starts_where_the_others_do_and_follows_its_seed():
    flow = exact_flow("moons", "linear")
    run, again, other = (flow.sample(50, 5, seed=seed, noise=1) for seed in (3, 3, 4))
    assert torch.equal(run.x[0], flow.sample(50, 5, seed=3).x[0])
    assert run == again
    assert run.seed == 3
    assert run.nfe == 5
    noise = [run.x[1] - run.x[0], other.x[1] - other.x[0], run.x[2] - run.x[1]]
    assert all(np.corrcoef(noise[0].flatten(), step.flatten())[0, 1] < 0.9 for step in noise[1:])
    assert flow.sample(50, 5, seed=3, noise=0) == flow.sample(50, 5, seed=3)


def test_the_noise_is_no_copy_of_the_start():
    """Uncorrelated with x_0, to 4.5 standard errors: both come from one generator, one after the other."""
    still = Flow("still", STANDARD, STANDARD, SCHEDULES["cosine"], lambda x, t: torch.zeros_like(x))
    run = still.sample(4000, 1, noise=1, corrected=False)
    z = (run.x[1] - run.x[0]) / 2**0.5
    assert z.std().item() == pytest.approx(1, abs=4.5 / 8000**0.5)
    assert abs(np.corrcoef(z.flatten(), run.x[0].flatten())[0, 1]) < 4.5 / 8000**0.5


def test_the_velocity_kept_is_the_flows_and_predicts_the_ends():
    flow = exact_flow("moons", "cosine")
    run = flow.sample(20, 5, noise=2)
    for k in range(5):
        torch.testing.assert_close(run.v[k], flow.velocity(run.x[k], run.t[k].expand(20)))


def test_noise_can_be_added_to_given_starts():
    flow, x_0 = load_flow("moons-linear"), torch.zeros(5, 2)
    runs = [flow.carry(x_0, 4, euler_maruyama(flow.schedule, 1.0, torch.Generator().manual_seed(1))) for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0].x[1].unique(dim=0)) == 5


def test_noise_is_refused_where_it_would_change_the_marginals():
    sentence = r"^Noise needs a flow from N\(0, I\) with independent ends: choose one, or noise 0\.$"
    clothes = Flow(
        "", ImageSource(IMAGE_SETS["fashion"], 0.5), IMAGE_SETS["mnist"], SCHEDULES["linear"], lambda x, t: x
    )
    for flow in (exact_flow("moons", "linear", "eight-gaussians"), load_flow("moons-linear-ot"), clothes):
        with pytest.raises(SettingsError, match=sentence):
            flow.sample(4, 2, noise=1)
    narrow, shifted = replace(STANDARD, std=0.5), replace(STANDARD, centres=torch.ones(1, 2))
    assert [source.is_standard for source in (STANDARD, narrow, shifted, NOISE)] == [True, False, False, True]


@pytest.mark.parametrize("noise", [-1, math.nan, math.inf, True, "1"])
def test_noise_that_is_no_amount_is_refused(noise):
    with pytest.raises(SettingsError, match=r"^noise must be a number from 0\.0 to 1000\.0, not .*\.$"):
        exact_flow("moons", "linear").sample(4, 2, noise=noise)


def test_noise_is_refused_with_another_solver():
    with pytest.raises(
        SettingsError, match=r"^Noise is added to Euler's steps only, so choose euler in place of 'rk4'\.$"
    ):
        exact_flow("moons", "linear").sample(4, 2, "rk4", noise=1)
