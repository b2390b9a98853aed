"""The exact marginal velocity v_t(x) = E[dX_t/dt | X_t = x] for independent x_0 and x_1, in closed form.

Given the component i of the source N(a_i, σ0² I) and what is known of x_1, X_t = x has a posterior; the
velocity is d_alpha E[x_0 | x] + d_beta E[x_1 | x]. Both kinds of target are stable at t = 0 and at t = 1.
"""

import math

import torch
from torch import Tensor

from fm_core.schedules import Schedule
from fm_core.solvers import Velocity
from fm_core.toy import Distribution, Mixture, Squares


def exact_velocity(source: Mixture, target: Distribution, schedule: Schedule) -> Velocity:
    """The field velocity(x, t) that a perfect network would learn; x of shape (B, 2), t of shape (B,)."""
    if isinstance(target, Squares):
        return _squares_velocity(source, target, schedule)
    return _mixture_velocity(source, target, schedule)


def _mixture_velocity(source: Mixture, target: Mixture, schedule: Schedule) -> Velocity:
    """Mixture to mixture: a softmax over all pairs of centres.

    Given the pair (a_i, m_j), X_t ~ N(α a_i + β m_j, s² I) with s² = α² σ0² + β² σ1², and its velocity is
    linear in x: α' a_i + β' m_j + (s'/s) (x − α a_i − β m_j).
    """
    a, m = _pairs(source.centres, target.centres)
    squares = torch.stack([(a * a).sum(1), (a * m).sum(1), (m * m).sum(1)], 1)
    features, centres = torch.cat([a, m, squares], 1).T.contiguous(), torch.cat([a, m], 1)

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        alpha, beta, d_alpha, d_beta = (f(t[:, None]) for f in _coefficients(schedule))
        variance = (alpha * source.std) ** 2 + (beta * target.std) ** 2
        growth = (alpha * d_alpha * source.std**2 + beta * d_beta * target.std**2) / variance
        inputs = torch.cat([alpha * x, beta * x, -(alpha**2) / 2, -alpha * beta, -(beta**2) / 2], 1)
        posterior = ((inputs / variance) @ features.to(x)).softmax(1)
        mean_a, mean_m = (posterior @ centres.to(x)).split(2, 1)
        return d_alpha * mean_a + d_beta * mean_m + growth * (x - alpha * mean_a - beta * mean_m)

    return velocity


def _squares_velocity(source: Mixture, target: Squares, schedule: Schedule) -> Velocity:
    """Gaussians to uniform squares: per dimension, x_0 given x is a Gaussian truncated to an interval.

    x_1 in [low, low + side] and x = α x_0 + β x_1 confine z = (x_0 − a_i) / σ0 to an interval; a square
    weighs as much as the product of its two intervals' probabilities. Works in float64. Off the support the
    field grows without bound as t → 1; |E[z]| is cut off 8σ beyond |x − a_i|, where nothing is ever drawn,
    so that solvers which evaluate at t = 1 stay finite.
    """
    a, low = _pairs(source.centres.double(), target.low.double())

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        # α is kept off 0 at t = 1: the answer there is that of α = 1e-9 to float precision.
        alpha, beta, d_alpha, d_beta = (f(t.double())[:, None, None] for f in _coefficients(schedule))
        alpha = alpha.clamp(min=1e-9)
        noise = alpha * source.std
        shifted = x.double()[:, None, :] - alpha * a
        upper, lower = (shifted - beta * low) / noise, (shifted - beta * (low + target.side)) / noise
        log_mass, mean_z = _truncated_normal(lower, upper)
        cut_off = 8 + (x.double()[:, None, :] - a).abs() / source.std
        mean_z = torch.maximum(torch.minimum(mean_z, cut_off), -cut_off)
        posterior = log_mass.sum(2).softmax(1)[:, :, None]
        mean_0 = (posterior * (a + source.std * mean_z)).sum(1)
        mean_1 = (posterior * _mean_in_square(shifted, beta, noise, low, target.side, mean_z)).sum(1)
        return (d_alpha[:, 0] * mean_0 + d_beta[:, 0] * mean_1).to(x.dtype)

    return velocity


def _mean_in_square(shifted: Tensor, beta: Tensor, noise: Tensor, low: Tensor, side: float, mean_z: Tensor) -> Tensor:
    """E[x_1 | x, square] = (shifted − noise E[z]) / β; where β is tiny, its expansion about the middle."""
    middle = low + side / 2
    near_source = middle + side**2 / 12 * beta * (shifted - beta * middle) / noise**2
    mean = torch.where(beta < 1e-4, near_source, (shifted - noise * mean_z) / beta.clamp(min=1e-4))
    return torch.maximum(torch.minimum(mean, low + side), low)


def _truncated_normal(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """log P(lower < z < upper) and E[z | lower < z < upper] of a standard normal z, in float64.

    Both are computed in the left tail, where differences of Φ keep their digits.
    """
    flip = lower + upper > 0
    lower, upper = torch.where(flip, -upper, lower), torch.where(flip, -lower, upper)
    log_upper, log_lower = torch.special.log_ndtr(upper), torch.special.log_ndtr(lower)
    gap = (log_lower - log_upper).clamp(max=-1e-300)
    log_mass = log_upper + torch.log(-torch.expm1(gap))
    mean = torch.exp(_log_pdf(lower) - log_mass) - torch.exp(_log_pdf(upper) - log_mass)
    mean = torch.maximum(torch.minimum(mean, upper), lower)
    return log_mass, torch.where(flip, -mean, mean)


def _log_pdf(z: Tensor) -> Tensor:
    return -(z**2) / 2 - math.log(2 * math.pi) / 2


def _coefficients(schedule: Schedule):
    return schedule.alpha, schedule.beta, schedule.d_alpha, schedule.d_beta


def _pairs(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Every row of `first` beside every row of `second`: two tensors with len(first) · len(second) rows."""
    return first.repeat_interleave(len(second), 0), second.repeat(len(first), 1)
