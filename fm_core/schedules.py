"""Schedules: the pair (alpha_t, beta_t) of a path X_t = alpha_t X_0 + beta_t X_1.

alpha multiplies the **source** x_0 and beta the **data** x_1, as in Lipman et al. (2022) with
alpha_0 = beta_1 = 1 and alpha_1 = beta_0 = 0. Every function takes a tensor of times in [0, 1] and
returns a tensor of the same shape. To add a schedule, add one entry to `SCHEDULES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

TimeFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Schedule:
    """A schedule with its derivatives in t.

    `formula` is what the page shows; `alpha`, `beta`, `d_alpha`, `d_beta` map times to coefficients.
    """

    name: str
    formula: str
    alpha: TimeFunction
    beta: TimeFunction
    d_alpha: TimeFunction
    d_beta: TimeFunction


def _from_angle(name: str, formula: str, angle: TimeFunction, d_angle: TimeFunction) -> Schedule:
    """A variance-preserving schedule: alpha = cos(angle), beta = sin(angle), so alpha² + beta² = 1.

    The angle runs from 0 to π/2; the masks make the zeros at the borders exact in floating point too.
    """
    return Schedule(
        name,
        formula,
        alpha=lambda t: torch.cos(angle(t)).masked_fill(t == 1, 0.0),
        beta=lambda t: torch.sin(angle(t)).masked_fill(t == 0, 0.0),
        d_alpha=lambda t: -torch.sin(angle(t)) * d_angle(t),
        d_beta=lambda t: (torch.cos(angle(t)) * d_angle(t)).masked_fill(t == 1, 0.0),
    )


# The variance-preserving SDE of Song et al. (2021), https://arxiv.org/abs/2011.13456, appendix C:
# its signal coefficient at diffusion time s is exp(-s² (b_max - b_min) / 4 - s b_min / 2).
_B_MIN, _B_MAX, _S_MIN = 0.1, 20.0, 1e-3


def _log_signal(s: Tensor) -> Tensor:
    return -(s**2) * (_B_MAX - _B_MIN) / 4 - s * _B_MIN / 2


def _diffusion_angle(s: Tensor) -> Tensor:
    """Angle whose sine is the signal; the noise sqrt(1 - signal²) is taken by expm1 to stay exact near 0."""
    log_signal = _log_signal(s)
    return torch.atan2(log_signal.exp(), (-torch.expm1(2 * log_signal)).sqrt())


_ANGLES = _diffusion_angle(torch.tensor([1.0, _S_MIN], dtype=torch.float64)).tolist()
_STRETCH = (math.pi / 2) / (_ANGLES[1] - _ANGLES[0])


def _vp_angle(t: Tensor) -> Tensor:
    return _STRETCH * (_diffusion_angle(1 - (1 - _S_MIN) * t) - _ANGLES[0])


def _d_vp_angle(t: Tensor) -> Tensor:
    """d/dt of `_vp_angle`: d asin(m)/ds = m' / sqrt(1 - m²), with ds/dt = -(1 - s_min)."""
    s = 1 - (1 - _S_MIN) * t
    log_signal = _log_signal(s)
    slope = (s * (_B_MAX - _B_MIN) + _B_MIN) / 2 * log_signal.exp()
    return _STRETCH * (1 - _S_MIN) * slope / (-torch.expm1(2 * log_signal)).sqrt()


_ENTRIES = [
    Schedule(
        "linear",
        "α = 1 − t, β = t",
        alpha=lambda t: 1 - t,
        beta=lambda t: t,
        d_alpha=lambda t: -torch.ones_like(t),
        d_beta=torch.ones_like,
    ),
    _from_angle(
        "cosine",
        "α = cos πt/2, β = sin πt/2",
        angle=lambda t: math.pi / 2 * t,
        d_angle=lambda t: torch.full_like(t, math.pi / 2),
    ),
    Schedule(
        "quadratic",
        "α = (1 − t)², β = t²",
        alpha=lambda t: (1 - t) ** 2,
        beta=lambda t: t**2,
        d_alpha=lambda t: -2 * (1 - t),
        d_beta=lambda t: 2 * t,
    ),
    _from_angle(
        "vp",
        "VP diffusion (Song et al. 2021): α = cos φ, β = sin φ",
        angle=_vp_angle,
        d_angle=_d_vp_angle,
    ),
]

SCHEDULES: dict[str, Schedule] = {entry.name: entry for entry in _ENTRIES}
