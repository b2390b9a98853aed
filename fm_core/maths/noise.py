"""Noise on the way: stochastic paths whose marginals are those of the flow (Albergo et al. 2023).

For a source N(0, I) and independent ends, the score is ∇log p_t(x) = −E[x_0 | X_t = x] / alpha_t, so for every η ≥ 0

    dX_t = (v_t(X_t) − η E[x_0 | X_t]) dt + √(2 η alpha_t) dW_t

has the marginals of dX_t = v_t(X_t) dt: the drift −η E[x_0 | X_t] takes back what the noise spreads.
It is the forward SDE of https://arxiv.org/abs/2303.08797 with ε = η alpha_t.
"""

import torch
from torch import Tensor

from fm_core.maths.schedules import Schedule
from fm_core.maths.solvers import Step, Velocity


def euler_maruyama(schedule: Schedule, noise: float, generator: torch.Generator, corrected: bool = True) -> Step:
    """The step x + h (v − η x̂_0) + √(2 η alpha_t h) z, z ~ N(0, I), with η = noise and x̂_0 = E[x_0 | x] made of v.

    Without the correction, the drift is v alone, and the variance is too large.
    """

    def step(_: Velocity, x: Tensor, v: Tensor, t: float, h: float) -> Tensor:
        time = torch.tensor(t, dtype=x.dtype, device=x.device)
        drift = v - noise * schedule.predicted_ends(x, v, time)[0] if corrected else v
        z = torch.randn(x.shape, generator=generator).to(x)
        return x + h * drift + (2 * noise * schedule.alpha(time) * h).sqrt() * z

    return step
