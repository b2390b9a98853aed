"""Flow matching itself: draw t, couple x_0 with x_1, interpolate, regress the velocity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fm_core.maths.schedules import Schedule, beside
from fm_core.maths.solvers import Velocity
from fm_core.refusals import SettingsError


@dataclass(frozen=True, eq=False)
class TimeDensity:
    """How training draws times: `quantile` maps uniform u in [0, 1] to t."""

    name: str
    quantile: Callable[[Tensor], Tensor]


def logit_normal(name: str, mean: float) -> TimeDensity:
    """The logistic function of N(mean, 1): favours the middle, or for mean < 0 earlier times, when shapes form.

    Esser et al. 2024, https://arxiv.org/abs/2403.03206.
    """
    return TimeDensity(name, lambda u: (torch.special.ndtri(u) + mean).sigmoid())


UNIFORM = TimeDensity("uniform", lambda u: u)
_DENSITIES = [UNIFORM, logit_normal("logit-normal", 0), logit_normal("very early logit-normal", -1.2)]
TIME_DENSITIES: dict[str, TimeDensity] = {density.name: density for density in _DENSITIES}


def draw_times(n: int, generator: torch.Generator, stratified: bool = True, density: TimeDensity = UNIFORM) -> Tensor:
    """n times in [0, 1) of this density, shape (n,). Stratified: one from each of n quantiles, in random order.

    Each stratified time still has this density, but a batch covers it evenly, so the loss varies less between batches.
    """
    u = torch.rand(n, generator=generator)
    if stratified:
        u = (torch.randperm(n, generator=generator) + u) / n
    return density.quantile(u).clamp(max=1 - 2**-24)  # float32 rounds the last interval's end up to 1


def independent(x_0: Tensor, x_1: Tensor) -> Tensor:
    """x_1 as drawn."""
    return x_1


def optimal_transport(x_0: Tensor, x_1: Tensor, group: int = 128) -> Tensor:
    """x_1 permuted to minimise the sum of ‖x_0 − x_1‖² within each group of rows, exactly.

    Pooladian et al. 2023, https://arxiv.org/abs/2304.14772. Raises SettingsError for batches of different length.
    """
    if len(x_0) != len(x_1):
        raise SettingsError(f"x_0 and x_1 must have the same number of rows, not {len(x_0)} and {len(x_1)}.")
    return torch.cat([_assign(a, b) for a, b in zip(x_0.split(group), x_1.split(group), strict=True)])


def _assign(x_0: Tensor, x_1: Tensor) -> Tensor:
    from scipy.optimize import linear_sum_assignment  # here, because only training needs it, and the page opens faster

    cost = torch.cdist(x_0.flatten(1), x_1.flatten(1)) ** 2
    return x_1[torch.from_numpy(linear_sum_assignment(cost.numpy())[1])]


Pair = Callable[[Tensor, Tensor], Tensor]  # of x_0 and x_1 (B, …): x_1 reordered


@dataclass(frozen=True, eq=False)
class Coupling:
    """How a batch is paired: `pair(x_0, x_1)` returns x_1 reordered. Names of flows trained with it end in `suffix`."""

    name: str
    title: str
    suffix: str
    pair: Pair


INDEPENDENT = Coupling("independent", "independent", "", independent)
OPTIMAL_TRANSPORT = Coupling("ot", "optimal transport", "-ot", optimal_transport)
COUPLINGS: dict[str, Coupling] = {coupling.name: coupling for coupling in (INDEPENDENT, OPTIMAL_TRANSPORT)}


def draw_pairs(source: Any, target: Any, pair: Pair, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """x_0 and x_1 of n coupled pairs, each of shape (n, …)."""
    x_0 = source.sample(n, generator)
    return x_0, pair(x_0, target.sample(n, generator))


def covariance_of_pairs(source: Any, target: Any, pair: Pair, n: int, batches: int) -> tuple[float, ...]:
    """Cov(X_0, X_1) per dimension under a coupling of n pairs, estimated from this many batches of them."""
    generator = torch.Generator().manual_seed(0)
    draws = (draw_pairs(source, target, pair, n, generator) for _ in range(batches))
    products = (((x_0 - source.mean) * (x_1 - target.mean)).mean(0) for x_0, x_1 in draws)
    return tuple((sum(products, torch.zeros(2)) / batches).tolist())


def interpolate(schedule: Schedule, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """x_t = alpha_t x_0 + beta_t x_1 and u_t = d_alpha_t x_0 + d_beta_t x_1, for x_0, x_1 (B, …) and t (B,).

    For whole paths, B counts the times, and x_0 and x_1 of shape (1, n, 2) are the same at each.
    """
    alpha, beta, d_alpha, d_beta = schedule(beside(t, x_0))
    return alpha * x_0 + beta * x_1, d_alpha * x_0 + d_beta * x_1


def matching_loss(velocity: Velocity, schedule: Schedule, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
    """The flow matching loss E‖dX_t/dt − v_t(X_t)‖², a scalar: summed over dimensions, averaged over the batch."""
    x_t, u_t = interpolate(schedule, x_0, x_1, t)
    return (u_t - velocity(x_t, t)).square().flatten(1).sum(1).mean()
