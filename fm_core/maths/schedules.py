"""Schedules: the pair (alpha_t, beta_t) of a path X_t = alpha_t X_0 + beta_t X_1 (Lipman et al. 2022).

alpha multiplies the **source** x_0 and beta the **data** x_1: alpha_0 = beta_1 = 1 and alpha_1 = beta_0 = 0. To add a
schedule, add one entry to `_ENTRIES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

TimeFunction = Callable[[Tensor], Tensor]
ROUNDING = 1e-9  # of a sine


class Coefficients(NamedTuple):
    """alpha_t, beta_t and their time derivatives, each shaped like t."""

    alpha: Tensor
    beta: Tensor
    d_alpha: Tensor
    d_beta: Tensor


def one_per_sample(t: Tensor | float, x: Tensor) -> Tensor:
    """t, a number or of shape (B,), as a time for each of x's B samples, with x's dtype and device."""
    if isinstance(t, Tensor) and t.shape == x.shape[:1] and t.dtype == x.dtype:
        return t  # as solvers give it, where every operation counts
    return torch.as_tensor(t, dtype=x.dtype, device=x.device).expand(len(x))


def beside(t: Tensor, x: Tensor) -> Tensor:
    """t with trailing dimensions of size 1, to broadcast against x of shape (*t.shape, …)."""
    return t.reshape(t.shape + (1,) * (x.dim() - t.dim()))


@dataclass(frozen=True, eq=False)
class Schedule:
    """A schedule and its derivatives for t in [0, 1]; calling it gives all four. The page shows `formula`.

    >>> alpha, beta, d_alpha, d_beta = SCHEDULES["linear"](torch.tensor(0.25))
    >>> alpha.item(), beta.item(), d_alpha.item(), d_beta.item()
    (0.75, 0.25, -1.0, 1.0)
    """

    name: str
    formula: str
    alpha: TimeFunction
    beta: TimeFunction
    d_alpha: TimeFunction
    d_beta: TimeFunction

    def __call__(self, t: Tensor) -> Coefficients:
        return Coefficients(self.alpha(t), self.beta(t), self.d_alpha(t), self.d_beta(t))

    def predicted_ends(self, x: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The solution (x̂_0, x̂_1) of x = alpha_t x̂_0 + beta_t x̂_1 and v = d_alpha_t x̂_0 + d_beta_t x̂_1.

        x, v and both results have shape (*t.shape, …). The determinant is 1 for linear and π/2 for cosine. Where it is
        0, at t = 0 and 1 of quadratic, one end is x and the other is undetermined: x is returned for both.
        """
        alpha, beta, d_alpha, d_beta = self(beside(t, x))
        determinant = alpha * d_beta - d_alpha * beta
        ends = d_beta * x - beta * v, alpha * v - d_alpha * x
        return tuple(torch.where(determinant == 0, x, end / determinant) for end in ends)  # pyright: ignore[reportReturnType]


@lru_cache
def trigonometric(a: float, b: float) -> Schedule:
    """alpha = cos(a π t), beta = sin(b π t), for any a and b: only some give alpha_1 = 0 and beta_1 = 1.

    >>> alpha, beta, _, _ = trigonometric(1, 0.5)(torch.tensor(1.0))
    >>> alpha.item(), beta.item()
    (-1.0, 1.0)
    """
    u, w = a * math.pi, b * math.pi
    return Schedule(
        f"custom ({a:g}π, {b:g}π)",
        f"α = cos {_angle(a)}, β = sin {_angle(b)}",
        alpha=lambda t: _ending(torch.cos(u * t), t, math.cos(u)),
        beta=lambda t: _ending(torch.sin(w * t), t, math.sin(w)),
        d_alpha=lambda t: _ending(-u * torch.sin(u * t), t, math.sin(u)),
        d_beta=lambda t: _ending(w * torch.cos(w * t), t, math.cos(w)),
    )


def _angle(factor: float) -> str:
    return {"0": "0", "1": "πt"}.get(f"{factor:g}", f"{factor:g}πt")


def _ending(values: Tensor, t: Tensor, end: float) -> Tensor:
    """The values, exactly 0 at t = 1 if `end` is 0 but for rounding."""
    return values.masked_fill(t == 1, 0.0) if abs(end) < ROUNDING else values


# The variance-preserving SDE of Song et al. (2021), https://arxiv.org/abs/2011.13456, appendix C:
# the signal coefficient at diffusion time s is exp(-s² (b_max - b_min) / 4 - s b_min / 2).
_B_MIN, _B_MAX, _S_MIN = 0.1, 20.0, 1e-3


def _log_signal(s: Tensor) -> Tensor:
    return -(s**2) * (_B_MAX - _B_MIN) / 4 - s * _B_MIN / 2


def _diffusion_angle(s: Tensor) -> Tensor:
    """The angle whose sine is the signal; expm1 keeps the noise sqrt(1 - signal²) exact near 0."""
    log_signal = _log_signal(s)
    return torch.atan2(log_signal.exp(), (-torch.expm1(2 * log_signal)).sqrt())


_ANGLES = _diffusion_angle(torch.tensor([1.0, _S_MIN], dtype=torch.float64)).tolist()
_STRETCH = (math.pi / 2) / (_ANGLES[1] - _ANGLES[0])


def _vp_angle(t: Tensor) -> Tensor:
    return _STRETCH * (_diffusion_angle(1 - (1 - _S_MIN) * t) - _ANGLES[0])


def _d_vp_angle(t: Tensor) -> Tensor:
    """d/dt of `_vp_angle`: d asin(m)/ds = m' / sqrt(1 - m²), ds/dt = -(1 - s_min)."""
    s = 1 - (1 - _S_MIN) * t
    log_signal = _log_signal(s)
    slope = (s * (_B_MAX - _B_MIN) + _B_MIN) / 2 * log_signal.exp()
    return _STRETCH * (1 - _S_MIN) * slope / (-torch.expm1(2 * log_signal)).sqrt()


_ENTRIES = (  # name, formula, alpha, beta, d_alpha, d_beta
    Schedule(
        "linear", "α = 1 − t, β = t", lambda t: 1 - t, lambda t: t, lambda t: -torch.ones_like(t), torch.ones_like
    ),
    replace(trigonometric(0.5, 0.5), name="cosine", formula="α = cos πt/2, β = sin πt/2"),
    Schedule(
        "quadratic",
        "α = (1 − t)², β = t²",
        alpha=lambda t: (1 - t) ** 2,
        beta=lambda t: t**2,
        d_alpha=lambda t: -2 * (1 - t),
        d_beta=lambda t: 2 * t,
    ),
    Schedule(
        "vp",
        "VP diffusion (Song et al. 2021): α = cos φ, β = sin φ",
        alpha=lambda t: torch.cos(_vp_angle(t)).masked_fill(t == 1, 0.0),  # the masks make the zeros at the ends exact
        beta=lambda t: torch.sin(_vp_angle(t)).masked_fill(t == 0, 0.0),
        d_alpha=lambda t: -torch.sin(_vp_angle(t)) * _d_vp_angle(t),
        d_beta=lambda t: (torch.cos(_vp_angle(t)) * _d_vp_angle(t)).masked_fill(t == 1, 0.0),
    ),
)
SCHEDULES: dict[str, Schedule] = {entry.name: entry for entry in _ENTRIES}
