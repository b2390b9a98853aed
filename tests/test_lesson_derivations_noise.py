"""What the derivation of lesson 14 says, by other means: autograd, finite differences and numerical integration."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from torch import Tensor

from fm_core import exact_flow
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.exact import exact_posterior, exact_velocity
from fm_core.maths.schedules import SCHEDULES

BOTH = pytest.mark.parametrize("name", ["linear", "cosine"])
TIMES = (0.2, 0.5, 0.8)


def two() -> Mixture:
    """Two Gaussians."""
    return Mixture("two", "Two", torch.tensor([[-1.0, 0.5], [1.0, -0.5]], dtype=torch.float64), std=0.4)


def log_density(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """ln p_t of X_t = alpha X_0 + beta X_1, summed over the pairs' normal densities one by one."""
    variance = alpha**2 + beta**2 * 0.4**2
    squares = (x[:, None] - beta * two().centres).square().sum(2)
    return torch.logsumexp(-squares / (2 * variance), 1) - torch.log(4 * math.pi * variance)


def points(n: int = 7) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def coefficients(name: str, t: float) -> tuple[Tensor, ...]:
    return tuple(SCHEDULES[name](torch.tensor(t, dtype=torch.float64)))


@BOTH
def test_the_score_is_the_expected_noise_and_the_velocity_tells_it(name):
    for t in TIMES:
        alpha, beta, d_alpha, d_beta = coefficients(name, t)
        x = points().requires_grad_()
        (score,) = torch.autograd.grad(log_density(x, alpha, beta).sum(), x)
        x = x.detach()
        x_0 = exact_posterior(STANDARD, two(), SCHEDULES[name])(x, torch.tensor(t, dtype=torch.float64)).x_0
        torch.testing.assert_close(score, -x_0 / alpha, rtol=1e-5, atol=1e-6)
        v = exact_velocity(STANDARD, two(), SCHEDULES[name])(x, torch.full((len(x),), t, dtype=torch.float64))
        told = (d_beta * x - beta * v) / (alpha * d_beta - d_alpha * beta)
        torch.testing.assert_close(told, x_0, rtol=1e-5, atol=1e-6)
        if name == "linear":
            torch.testing.assert_close(told, x - t * v, rtol=1e-9, atol=1e-9)


@BOTH
@pytest.mark.parametrize("eta", [0.0, 0.7, 3.0])
def test_the_density_of_the_flow_solves_the_equation_with_noise_for_every_eta(name, eta):
    """∂p/∂t + ∇·(b p) − η α Δp = 0 with b = v − η E[X_0 | x], by central differences of 1e-4."""
    h, exact = 1e-4, exact_velocity(STANDARD, two(), SCHEDULES[name])

    def p(x: Tensor, t: float) -> Tensor:
        alpha, beta, *_ = coefficients(name, t)
        return log_density(x, alpha, beta).exp()

    def flux(x: Tensor, t: float) -> Tensor:
        alpha, beta, d_alpha, d_beta = coefficients(name, t)
        v = exact(x, torch.full((len(x),), t, dtype=torch.float64))
        drift = v - eta * (d_beta * x - beta * v) / (alpha * d_beta - d_alpha * beta)
        return drift * p(x, t)[:, None]

    for t in TIMES:
        x, steps = points(), h * torch.eye(2, dtype=torch.float64)
        change = (p(x, t + h) - p(x, t - h)) / (2 * h)
        outflow = sum((flux(x + e, t) - flux(x - e, t))[:, k] for k, e in enumerate(steps)) / (2 * h)
        spread = sum(p(x + e, t) + p(x - e, t) - 2 * p(x, t) for e in steps) / h**2
        residual = change + outflow - eta * coefficients(name, t)[0] * spread
        assert residual.abs().max() < 1e-4 * change.abs().max()


@BOTH
def test_diffusion_models_have_an_eta_that_changes_with_time(name):
    """Backwards, dX = f X ds + g dW with s = 1 − t has the drift −f x + g² ∇ln p; f and g follow from the schedule."""
    for t in TIMES:
        alpha, beta, d_alpha, d_beta = coefficients(name, t)
        x, h = points(), 1e-5
        f = -d_beta / beta  # of the mean beta X_1, as s grows
        g2 = -2 * alpha * d_alpha - 2 * f * alpha**2  # of the variance alpha²: its growth in s is 2 f alpha² + g²
        x_0 = exact_posterior(STANDARD, two(), SCHEDULES[name])(x, torch.tensor(t, dtype=torch.float64)).x_0
        v = exact_velocity(STANDARD, two(), SCHEDULES[name])(x, torch.full((len(x),), t, dtype=torch.float64))
        eta = (alpha * d_beta - d_alpha * beta) / beta
        torch.testing.assert_close(v - eta * x_0, -f * x - g2 * x_0 / alpha, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(g2, 2 * eta * alpha, rtol=1e-9, atol=1e-9)
        expected = {"linear": 1 / t, "cosine": math.pi / (2 * math.sin(math.pi * t / 2))}[name]
        assert eta.item() == pytest.approx(expected)
        later, before = (coefficients(name, s)[1].item() for s in (t - h, t + h))
        assert (math.log(later) - math.log(before)) / (2 * h) == pytest.approx(f.item(), rel=1e-6)


def variance(name: str, eta: float, corrected: bool, t: float = 1.0) -> float:
    """V_t by integrating V′ = 2 slope V + 2 η alpha, the slopes of v and of E[X_0 | x] by regression on X_t."""

    def change(t: float, v: list[float]) -> list[float]:
        alpha, beta, d_alpha, d_beta = (value.item() for value in coefficients(name, t))
        spread = alpha**2 + beta**2
        slope = (alpha * d_alpha + beta * d_beta) / spread - corrected * eta * alpha / spread
        return [2 * slope * v[0] + 2 * eta * alpha]

    return float(solve_ivp(change, (0, t), [1.0], rtol=1e-9, atol=1e-9).y[0, -1])


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 3.0])
def test_without_the_correction_the_variance_ends_where_the_closed_form_says(eta):
    assert variance("linear", eta, False) == pytest.approx(1 + math.pi / 2 * eta, rel=1e-6)
    assert variance("cosine", eta, False) == pytest.approx(1 + 4 / math.pi * eta, rel=1e-6)
    for t in TIMES:
        spread = (1 - t) ** 2 + t**2
        integral = quad(lambda s: (1 - s) / ((1 - s) ** 2 + s**2), 0, t)[0]
        assert variance("linear", eta, False, t) == pytest.approx(spread * (1 + 2 * eta * integral), rel=1e-6)
        assert variance("linear", eta, True, t) == pytest.approx(spread, rel=1e-6)
        assert variance("cosine", eta, True, t) == pytest.approx(1, rel=1e-6)
    assert quad(lambda s: (1 - s) / ((1 - s) ** 2 + s**2), 0, 1)[0] == pytest.approx(math.pi / 4)
    assert quad(lambda s: 1 / ((1 - s) ** 2 + s**2), 0, 1)[0] == pytest.approx(math.pi / 2)
    assert quad(lambda s: math.cos(math.pi * s / 2), 0, 1)[0] == pytest.approx(2 / math.pi)
    assert (round(math.pi / 2, 2), round(4 / math.pi, 2)) == (1.57, 1.27)
    assert (round(math.pi / 2, 7), round(4 / math.pi, 7)) == (1.5707963, 1.2732395)


def test_a_random_path_gets_longer_with_shorter_steps():
    """Steps of h have noise of size √h: four times as many steps make the path about twice as long."""
    lengths = [
        exact_flow("moons", "linear").sample(500, n, noise=1).x.diff(dim=0).norm(dim=2).sum(0).mean() for n in (50, 200)
    ]
    assert np.isclose(lengths[1] / lengths[0], 2, rtol=0.1)


def test_from_another_start_the_expected_start_is_not_the_score():
    """From eight Gaussians X_t is not normal given x_1."""
    source, t = TARGETS["eight-gaussians"], torch.tensor(0.5, dtype=torch.float64)
    assert isinstance(source, Mixture)
    x = points().requires_grad_()
    alpha, beta, *_ = SCHEDULES["linear"](t)
    centres = alpha * source.centres.double()[:, None] + beta * two().centres
    spread = alpha**2 * source.std**2 + beta**2 * 0.4**2
    log_p = torch.logsumexp(-(x[:, None] - centres.flatten(0, 1)).square().sum(2) / (2 * spread), 1)
    (score,) = torch.autograd.grad(log_p.sum(), x)
    x_0 = exact_posterior(source, two(), SCHEDULES["linear"])(x.detach(), t).x_0
    assert (score + x_0 / alpha).norm(dim=1).min() > 0.1
