"""How steep a velocity is: the size of its Jacobian J = ∂v/∂x, from products Jᵀz with random signs z.

‖J‖_F² = E‖Jᵀz‖², which is Hutchinson's estimate of the trace of J Jᵀ: see `likelihood.py`.
"""

import torch
from torch import Tensor

from fm_core.maths.solvers import Velocity


def steepness(velocity: Velocity, x: Tensor, t: Tensor, probes: Tensor) -> Tensor:
    """‖J‖_F / √d, with ‖J‖_F² averaged over the samples x (n, …) of d entries each, shape ().

    A small random shift of x, the same in size on average in every entry, changes v by so many times its size. Each of
    the probes (P, n, …) is one pass back through the velocity; samples do not see each other.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        v = velocity(x, t) + 0 * x  # so that a constant velocity has a derivative too
        pulled = [torch.autograd.grad(v, x, z, retain_graph=True)[0] for z in probes]
    return torch.stack(pulled).square().mean(0).mean().sqrt()
