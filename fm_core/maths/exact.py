"""The exact posterior of independent x_0 and x_1 given X_t = x, and the velocity made of it.

Given a source component N(a, σ0² I) and a target component, N(m, σ1² I) or a square, the means of x_0 and x_1 given x
have closed forms; the weights of the pairs given x are a softmax. Everything is stable at t = 0 and t = 1.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fm_core.maths.distributions import Distribution, Mixture, Squares
from fm_core.maths.schedules import Schedule, one_per_sample
from fm_core.maths.solvers import Velocity


class Posterior(NamedTuple):
    """Given X_t = x: `weights` (B, K · L) of the pairs of source and target components, the target's varying fastest,
    and the means E[x_0 | x] and E[x_1 | x], both (B, 2).
    """

    weights: Tensor
    x_0: Tensor
    x_1: Tensor


PosteriorFunction = Callable[[Tensor, Tensor | float], Posterior]


def exact_posterior(source: Mixture, target: Distribution, schedule: Schedule) -> PosteriorFunction:
    """posterior(x, t) for x of shape (B, 2) and t of shape (B,) or a number.

    >>> from fm_core.maths.distributions import STANDARD, TARGETS
    >>> from fm_core.maths.schedules import SCHEDULES
    >>> at = exact_posterior(STANDARD, TARGETS["gaussian"], SCHEDULES["linear"])
    >>> at(torch.tensor([[0.5, 0.5]]), 0.5).x_1
    tensor([[1., 1.]])
    """
    given = _squares_posterior if isinstance(target, Squares) else _mixture_posterior
    return given(source, target, schedule)  # pyright: ignore[reportArgumentType]


def exact_velocity(source: Mixture, target: Distribution, schedule: Schedule) -> Velocity:
    """E[dX_t/dt | X_t = x] = d_alpha_t E[x_0 | x] + d_beta_t E[x_1 | x], for x (B, 2) and t (B,) or a number."""
    posterior = exact_posterior(source, target, schedule)

    def velocity(x: Tensor, t: Tensor | float) -> Tensor:
        t = one_per_sample(t, x)
        _, x_0, x_1 = posterior(x, t)
        return torch.addcmul(schedule.d_alpha(t)[:, None] * x_0, schedule.d_beta(t)[:, None], x_1)

    return velocity


def _mixture_posterior(source: Mixture, target: Mixture, schedule: Schedule) -> PosteriorFunction:
    """Given the pair (a, m), X_t ~ N(α a + β m, s² I) with s² = α² σ0² + β² σ1², and

    E[x_0 | x] = a + (α σ0² / s²) r,  E[x_1 | x] = m + (β σ1² / s²) r,  r = x − α a − β m.
    """
    a, m = _pairs(source.centres, target.centres)
    # A pair's log weight is −‖x − α a − β m‖² / (2 s²). Expanded, and without ‖x‖², which all pairs share, it is
    # [α x·a + β x·m − (α²/2) ‖a‖² − α β a·m − (β²/2) ‖m‖²] / s²: a factor of (x, t) times a factor of the pair.
    products = torch.stack([(a * a).sum(1) / 2, (a * m).sum(1), (m * m).sum(1) / 2], 1)
    of_pairs, centres = torch.cat([a, m, -products], 1).T.contiguous(), torch.cat([a, m], 1)

    def posterior(x: Tensor, t: Tensor | float) -> Posterior:
        t = one_per_sample(t, x)[:, None]
        alpha, beta = schedule.alpha(t), schedule.beta(t)
        alpha_2, beta_2 = alpha * alpha, beta * beta
        variance = alpha_2 * source.std**2 + beta_2 * target.std**2
        of_points = torch.cat([alpha * x, beta * x, alpha_2, alpha * beta, beta_2], 1)
        weights = ((of_points / variance) @ of_pairs.to(x)).softmax(1)
        mean_a, mean_m = (weights @ centres.to(x)).split(2, 1)
        r = (x - alpha * mean_a - beta * mean_m) / variance
        x_0 = torch.addcmul(mean_a, alpha * source.std**2, r)
        return Posterior(weights, x_0, torch.addcmul(mean_m, beta * target.std**2, r))

    return posterior


def _squares_posterior(source: Mixture, target: Squares, schedule: Schedule) -> PosteriorFunction:
    """Per dimension, x_0 given x and a square is a truncated Gaussian. Computed in float64.

    x_1 in [low, low + side] confines z = (x_0 − a) / σ0 to an interval; a pair's weight is the product of its two
    intervals' probabilities. Off the support the velocity is unbounded as t → 1: |E[z]| is cut off 8σ beyond |x − a|,
    where nothing is ever drawn, so that solvers which evaluate at t = 1 stay finite.
    """
    all_a, all_low = _pairs(source.centres.double(), target.low.double())

    def posterior(x: Tensor, t: Tensor | float) -> Posterior:
        a, low = all_a.to(x.device), all_low.to(x.device)
        # At t = 1, α = 1e-7 gives the limit to float precision, and gradients that are still finite far from a square.
        t = one_per_sample(t, x).double()[:, None, None]
        alpha, beta = schedule.alpha(t).clamp(min=1e-7), schedule.beta(t)
        noise = alpha * source.std
        x_each = x.double()[:, None, :]
        shifted = x_each - alpha * a
        upper, lower = (shifted - beta * low) / noise, (shifted - beta * (low + target.side)) / noise
        log_mass, mean_z = _truncated_normal(lower, upper)
        cut_off = 8 + (x_each - a).abs() / source.std
        mean_z = mean_z.clamp(-cut_off, cut_off)
        weights = log_mass.sum(2).softmax(1)
        x_0 = (weights[:, :, None] * (a + source.std * mean_z)).sum(1)
        x_1 = (weights[:, :, None] * _mean_in_square(shifted, beta, noise, low, target.side, mean_z)).sum(1)
        return Posterior(weights.to(x), x_0.to(x), x_1.to(x))

    return posterior


def _mean_in_square(shifted: Tensor, beta: Tensor, noise: Tensor, low: Tensor, side: float, mean_z: Tensor) -> Tensor:
    """E[x_1 | x, square] = (shifted − noise E[z]) / β, for tiny β expanded about the square's middle."""
    middle = low + side / 2
    near_source = middle + side**2 / 12 * beta * (shifted - beta * middle) / noise**2
    mean = torch.where(beta < 1e-4, near_source, (shifted - noise * mean_z) / beta.clamp(min=1e-4))
    return mean.clamp(low, low + side)


def _truncated_normal(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """log P(lower < z < upper) and E[z | lower < z < upper] for z ~ N(0, 1), from the left tail, for precision."""
    flip = lower + upper > 0
    lower, upper = torch.where(flip, -upper, lower), torch.where(flip, -lower, upper)
    log_upper, log_lower = torch.special.log_ndtr(upper), torch.special.log_ndtr(lower)
    gap = (log_lower - log_upper).clamp(max=-1e-300)
    log_mass = log_upper + torch.log(-torch.expm1(gap))
    mean = torch.exp(_log_pdf(lower) - log_mass) - torch.exp(_log_pdf(upper) - log_mass)
    mean = mean.clamp(lower, upper)
    return log_mass, torch.where(flip, -mean, mean)


def _log_pdf(z: Tensor) -> Tensor:
    return -(z**2) / 2 - math.log(2 * math.pi) / 2


def _pairs(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs of a row of `first` and a row of `second`, which varies fastest, as two tensors."""
    return first.repeat_interleave(len(second), 0), second.repeat(len(first), 1)
