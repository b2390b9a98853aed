"""What the exact velocity at one point is made of: the pairs (x_0, x_1) whose paths pass through it.

v_t(x) = E[d_alpha_t x_0 + d_beta_t x_1 | alpha_t x_0 + beta_t x_1 = x]
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from fm_core.maths.distributions import Mixture, Squares
from fm_core.maths.exact import exact_posterior
from fm_core.maths.flow import SEEDS, Flow
from fm_core.maths.quality import exact_flow
from fm_core.maths.schedules import Coefficients
from fm_core.refusals import number, whole

PAIRS = (16, 10_000)  # of 8, some leave the mean outside of what their weights can reach


class Pairs(NamedTuple):
    """n paths through a point: their ends x_0 and x_1, velocities u there, all (n, 2), and weights (n,), of sum 1."""

    x_0: Tensor
    x_1: Tensor
    u: Tensor
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Probe:
    """At a point (x, t): `weights` (K, L), the posterior of the source's component and the target's; the means
    E[x_0 | x] and E[x_1 | x], and the exact velocity v = d_alpha_t E[x_0 | x] + d_beta_t E[x_1 | x], each (2,); and
    `pairs` drawn from the posterior, whose weighted means these are.
    """

    weights: Tensor = field(repr=False)
    x_0: Tensor
    x_1: Tensor
    v: Tensor
    pairs: Pairs = field(repr=False)


def probe(flow: Flow, x: Tensor, t: float, pairs: int = 64, seed: int = 0) -> Probe:
    """The posterior of independent ends given X_t = x, of shape (2,), and so many pairs of a seed; all in float64.

    The pairs' weights make up for how they are drawn, and are then changed, as little as possible in relative entropy,
    for their means to be exact. They are not where no x_t can be: far outside of the checkerboard, where the exact
    velocity is cut off. Raises SettingsError for coupled ends, t outside [0, 1], fewer than 16 or more than 10,000
    pairs, and a seed outside [0, 2³¹).
    """
    exact = exact_flow(flow)
    time = torch.tensor(number("t", t, (0.0, 1.0)), dtype=torch.float64)
    n = whole("pairs", pairs, PAIRS)
    generator = torch.Generator().manual_seed(whole("seed", seed, SEEDS))
    x = x.double()
    source, target, at = flow.source, flow.target, flow.schedule(time)
    weights, x_0, x_1 = (found[0] for found in exact_posterior(source, target, flow.schedule)(x[None], time))
    chosen, log_weights = _components(weights, n, generator)
    given = at, x, chosen, generator
    ends = _in_squares(source, target, *given) if isinstance(target, Squares) else _in_mixture(source, target, *given)
    # A pair is known by x and this combination of its ends, at every t.
    across = at.alpha * (ends[1] - x_1) - at.beta * (ends[0] - x_0)
    pairs_of_x = Pairs(*ends, at.d_alpha * ends[0] + at.d_beta * ends[1], _centred(log_weights, across))
    v = exact.velocity(x[None], time)[0]
    return Probe(weights.view(len(source.centres), -1), x_0, x_1, v, pairs_of_x)


def marginal(flow: Flow, t: float) -> Mixture | None:
    """The distribution of X_t, if it is a mixture of Gaussians: if both ends are ones, and independent."""
    source, target = flow.source, flow.target
    if flow.coupled or not isinstance(target, Mixture):
        return None
    alpha, beta, _, _ = flow.schedule(torch.tensor(t, dtype=torch.float64))
    centres = alpha * source.centres.double()[:, None] + beta * target.centres.double()
    std = torch.hypot(alpha * source.std, beta * target.std).item()
    return Mixture(f"{flow.name}-{t}", f"{flow.name} at t = {t}", centres.flatten(0, 1), std)


def _components(weights: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n indices into the weights, and the logarithm of weight over probability of each, up to a constant.

    Half by the weights and half by their roots, so that rare ones are among them; one in each n-th of the sum.
    """
    roots = weights.sqrt()
    probabilities = (weights + roots / roots.sum()) / 2
    places = (torch.arange(n) + torch.rand(n, generator=generator)).double() / n
    chosen = torch.searchsorted(probabilities.cumsum(0), places).clamp(max=len(weights) - 1)
    return chosen, (weights / probabilities)[chosen].log()


def _in_mixture(
    source: Mixture, target: Mixture, at: Coefficients, x: Tensor, chosen: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """x_0 and x_1 given x and their components: both their means of exact.py, moved against each other by one z."""
    a, m = source.centres.double()[chosen // len(target.centres)], target.centres.double()[chosen % len(target.centres)]
    variance = (at.alpha * source.std) ** 2 + (at.beta * target.std) ** 2
    r = (x - at.alpha * a - at.beta * m) / variance
    z = source.std * target.std / variance.sqrt() * torch.randn(len(chosen), 2, generator=generator)
    return a + at.alpha * source.std**2 * r + at.beta * z, m + at.beta * target.std**2 * r - at.alpha * z


def _in_squares(
    source: Mixture, target: Squares, at: Coefficients, x: Tensor, chosen: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """x_0 and x_1 given x and their components: per dimension, (x_0 − a) / σ0 is a truncated normal, as in exact.py."""
    from scipy.stats import truncnorm  # here, because it takes a second, and the page opens without it

    a, low = source.centres.double()[chosen // len(target.low)], target.low.double()[chosen % len(target.low)]
    u = torch.rand(len(chosen), 2, generator=generator).double()
    if at.beta < 1e-4:  # nothing is known of x_1 yet
        x_1 = low + target.side * u
        return (x - at.beta * x_1) / at.alpha, x_1
    alpha = at.alpha.clamp(min=1e-7)
    upper, lower = ((x - alpha * a - at.beta * edge) / (alpha * source.std) for edge in (low, low + target.side))
    cut_off = 8 + (x - a).abs() / source.std
    x_0 = a + source.std * torch.from_numpy(truncnorm.ppf(u, lower, upper)).clamp(-cut_off, cut_off)
    return x_0, (x - alpha * x_0) / at.beta


def _centred(log_weights: Tensor, deviations: Tensor) -> Tensor:
    """Weights w_i ∝ exp(log_weights_i + λ·deviations_i), with λ such that Σ w_i deviations_i = 0."""
    from scipy.optimize import root  # here, like truncnorm

    scaled = (deviations / deviations.std(0).clamp(min=1e-12)).numpy()

    def weights(slope) -> Tensor:
        return (log_weights + torch.from_numpy(scaled @ slope)).softmax(0)

    def mean(slope):
        w = weights(slope).numpy()
        centre = w @ scaled
        return centre, (scaled * w[:, None]).T @ scaled - centre[:, None] * centre

    return weights(root(mean, [0.0, 0.0], jac=True).x)
