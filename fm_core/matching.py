"""Flow matching itself: draw t, couple x_0 with x_1, interpolate, regress the velocity."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fm_core.schedules import Schedule
from fm_core.solvers import Velocity


def logit_normal(mean: float) -> Callable[[Tensor], Tensor]:
    """The quantile function of the logistic function of a normal with this mean and variance 1.

    It prefers times in the middle, or with a mean below 0 those before it, where an image's shape is decided
    (Esser et al. 2024, https://arxiv.org/abs/2403.03206).
    """
    return lambda u: (torch.special.ndtri(u) + mean).sigmoid()


TIME_DENSITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda u: u,
    "logit-normal": logit_normal(0),
    "very early logit-normal": logit_normal(-1.2),
}


def draw_times(n: int, generator: torch.Generator, stratified: bool = True, density: str = "uniform") -> Tensor:
    """n times in [0, 1), shape (n,), of one of `TIME_DENSITIES`. Stratified: one from each of n quantiles, shuffled.

    Each stratified time has the density taken alone, and the batch covers it evenly, so the loss varies
    less from batch to batch. Shuffled, so that no time is tied to a place in the batch.
    """
    u = torch.rand(n, generator=generator)
    if stratified:
        u = (torch.randperm(n, generator=generator) + u) / n
    t = TIME_DENSITIES[density](u)
    return t.clamp(max=1 - 2**-24)  # float32 rounds the last interval's end up to 1


def independent(x_0: Tensor, x_1: Tensor) -> Tensor:
    """The coupling that pairs x_0 and x_1 as drawn; returns x_1."""
    return x_1


def optimal_transport(x_0: Tensor, x_1: Tensor, group: int = 128) -> Tensor:
    """x_1 reordered to minimise the sum of ‖x_0 − x_1‖² within each group of rows, exactly.

    A permutation: every x_1 is used once, none twice (Pooladian et al. 2023, https://arxiv.org/abs/2304.14772).
    """
    return torch.cat([_assign(a, b) for a, b in zip(x_0.split(group), x_1.split(group), strict=True)])


def _assign(x_0: Tensor, x_1: Tensor) -> Tensor:
    cost = torch.cdist(x_0.flatten(1), x_1.flatten(1)) ** 2
    return x_1[torch.from_numpy(linear_sum_assignment(cost.numpy())[1])]


@dataclass(frozen=True)
class Coupling:
    """How x_0 and x_1 of a batch are paired: `pair(x_0, x_1)` returns x_1 in its new order."""

    title: str
    suffix: str
    pair: Callable[[Tensor, Tensor], Tensor]


COUPLINGS: dict[str, Coupling] = {
    "independent": Coupling("independent", "", independent),
    "ot": Coupling("optimal transport", "-ot", optimal_transport),
}


def interpolate(schedule: Schedule, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """x_t = alpha_t x_0 + beta_t x_1 and its velocity u_t = d_alpha_t x_0 + d_beta_t x_1.

    x_0 and x_1 have shape (B, …), t has shape (B,).
    """
    t = t.view(-1, *[1] * (x_0.dim() - 1))
    x_t = schedule.alpha(t) * x_0 + schedule.beta(t) * x_1
    u_t = schedule.d_alpha(t) * x_0 + schedule.d_beta(t) * x_1
    return x_t, u_t


def matching_loss(velocity: Velocity, schedule: Schedule, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
    """The flow matching loss E‖dX_t/dt − v_t(X_t)‖², a scalar: summed over dimensions, averaged over the batch."""
    x_t, u_t = interpolate(schedule, x_0, x_1, t)
    return (u_t - velocity(x_t, t)).square().flatten(1).sum(1).mean()
