"""ODE solvers for dx/dt = velocity(x, t) on [0, 1].

They know nothing of networks or schedules. To add one, write its step and add an entry to `SOLVERS`.
A step takes (velocity, x, t, h) and returns x at t + h; `velocity(x, t)` takes t of shape (B,).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]


class CountedVelocity:
    """A velocity that counts its evaluations in `nfe`, so that NFE is never an assumption."""

    def __init__(self, velocity: Velocity):
        self.velocity = velocity
        self.nfe = 0

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.nfe += 1
        return self.velocity(x, t)


def _at(velocity: Velocity, x: Tensor, t: float) -> Tensor:
    return velocity(x, x.new_full((len(x),), t))


def euler_step(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + h * _at(velocity, x, t)


def midpoint_step(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    halfway = x + h / 2 * _at(velocity, x, t)
    return x + h * _at(velocity, halfway, t + h / 2)


def heun_step(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    v_start = _at(velocity, x, t)
    v_end = _at(velocity, x + h * v_start, t + h)
    return x + h / 2 * (v_start + v_end)


def rk4_step(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    k1 = _at(velocity, x, t)
    k2 = _at(velocity, x + h / 2 * k1, t + h / 2)
    k3 = _at(velocity, x + h / 2 * k2, t + h / 2)
    k4 = _at(velocity, x + h * k3, t + h)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@dataclass(frozen=True)
class Solver:
    """A one-step method: its step, its order of convergence, its evaluations of the velocity per step."""

    title: str
    step: Callable[[Velocity, Tensor, float, float], Tensor]
    order: int
    evaluations: int


SOLVERS: dict[str, Solver] = {
    "euler": Solver("Euler", euler_step, order=1, evaluations=1),
    "midpoint": Solver("midpoint", midpoint_step, order=2, evaluations=2),
    "heun": Solver("Heun", heun_step, order=2, evaluations=2),
    "rk4": Solver("RK4", rk4_step, order=4, evaluations=4),
}


def integrate(
    velocity: Velocity, x_0: Tensor, steps: int, solver: str = "euler", spacing: float = 1.0
) -> Iterator[tuple[float, Tensor]]:
    """Yield the steps + 1 states (t, x_t) of dx/dt = velocity(x, t), from exactly t = 0 to exactly t = 1.

    x_0 has shape (B, …). The k-th state of steps >= 1 is at t = (k / steps)^spacing: spacing 1 makes equal steps, a
    larger one short steps first. Raises KeyError for an unknown solver.
    """
    step = SOLVERS[solver].step
    x = x_0
    yield 0.0, x
    for k in range(steps):
        t, t_next = (k / steps) ** spacing, ((k + 1) / steps) ** spacing
        x = step(velocity, x, t, t_next - t)
        yield t_next, x
