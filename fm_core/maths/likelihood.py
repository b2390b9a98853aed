"""The density along a flow: d log p_t(X_t)/dt = −∇·v_t(X_t) (Chen et al. 2018, https://arxiv.org/abs/1806.07366).

The divergence is the trace of the Jacobian J = ∂v/∂x, made of forms eᵀ J e: the sum over the unit vectors e is exact,
and the mean over random signs e is Hutchinson's estimate (Grathwohl et al. 2019, https://arxiv.org/abs/1810.01367).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fm_core.maths.solvers import Check, Velocity, always, integrate


class LogDensity(NamedTuple):
    """log p_1 of each sample in nats, and the standard error of its estimate, which is 0 if it is none: both (n,)."""

    value: Tensor
    standard_error: Tensor


def unit_vectors(x: Tensor) -> Tensor:
    """For points x of shape (n, d), shape (d, n, d)."""
    return torch.eye(x.shape[1]).to(x)[:, None].expand(-1, *x.shape)


def random_signs(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Entries ±1, shape (count, *x.shape): no form's variance is smaller among independent entries of variance 1."""
    return 2.0 * torch.randint(2, (count, *x.shape), generator=generator).to(x) - 1


def forms(velocity: Velocity, x: Tensor, t: Tensor, probes: Tensor) -> tuple[Tensor, Tensor]:
    """v at x (n, …), and eᵀ J e for each e of the probes (P, n, …), shape (n, P); samples do not see each other."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        v = velocity(x, t) + 0 * x  # so that a constant velocity has a derivative too
        pulled = [torch.autograd.grad(v, x, e, retain_graph=True)[0] for e in probes]
    return v.detach(), torch.stack([(e * g).flatten(1).sum(1) for e, g in zip(probes, pulled, strict=True)], 1)


@torch.no_grad()
def integrate_forms(
    velocity: Velocity, x_1: Tensor, times: Sequence[float], solver: str, probes: Tensor, check: Check = always
) -> tuple[Tensor, Tensor]:
    """x (n, …) at the last of the times, carried from x_1 at the first, and ∫ eᵀ J e dt along the way, shape (n, P).

    The solver carries both together, so that both have its order. `check` is called before every step.
    """
    size = x_1[0].numel()

    def together(z: Tensor, t: Tensor) -> Tensor:
        v, rates = forms(velocity, z[:, :size].view_as(x_1), t, probes)
        return torch.cat([v.flatten(1), rates], 1)

    z = torch.cat([x_1.flatten(1), x_1.new_zeros(len(x_1), len(probes))], 1)
    for _, state, _ in integrate(together, z, times, solver):
        check()
        z = state
    return z[:, :size].view_as(x_1), z[:, size:]
