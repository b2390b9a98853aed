"""ODE solvers for dx/dt = velocity(x, t), independent of networks and schedules.

To add one, add its step to `SOLVERS`: step(velocity, x, v, t, h) returns x at t + h, given v = velocity(x, t).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from fm_core.refusals import SettingsError, entry

Velocity = Callable[[Tensor, Tensor], Tensor]  # of x (B, …) and t (B,), shaped like x
Step = Callable[[Velocity, Tensor, Tensor, float, float], Tensor]
Check = Callable[[], None]  # called before every step; raises to abandon a run that nobody waits for


def always() -> None:
    """The check of a run that is never abandoned."""


def _at(velocity: Velocity, x: Tensor, t: float) -> Tensor:
    return velocity(x, x.new_full((len(x),), t))


def _rk4_step(velocity: Velocity, x: Tensor, v: Tensor, t: float, h: float) -> Tensor:
    k2 = _at(velocity, x + h / 2 * v, t + h / 2)
    k3 = _at(velocity, x + h / 2 * k2, t + h / 2)
    k4 = _at(velocity, x + h * k3, t + h)
    return x + h / 6 * (v + 2 * k2 + 2 * k3 + k4)


@dataclass(frozen=True)
class Solver:
    """A one-step method: its step, order of convergence and velocity evaluations per step."""

    title: str
    step: Step
    order: int
    evaluations: int


EULER = "euler"
SOLVERS: dict[str, Solver] = {
    EULER: Solver("Euler", lambda f, x, v, t, h: x + h * v, order=1, evaluations=1),
    "midpoint": Solver(
        "midpoint", lambda f, x, v, t, h: x + h * _at(f, x + h / 2 * v, t + h / 2), order=2, evaluations=2
    ),
    "heun": Solver("Heun", lambda f, x, v, t, h: x + h / 2 * (v + _at(f, x + h * v, t + h)), order=2, evaluations=2),
    "rk4": Solver("RK4", _rk4_step, order=4, evaluations=4),
}


def integrate(
    velocity: Velocity, x_0: Tensor, times: Sequence[float], solver: str | Step = "euler"
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield (t, x_t, v_t) at each of the times, starting with x_0 of shape (B, …) at the first, by a solver or a step.

    v_t is the velocity at x_t; the last v_t, which no solver needs, repeats the one before. Raises SettingsError for an
    unknown solver and for fewer than two times.
    """
    step = solver if callable(solver) else entry("solver", solver, SOLVERS).step
    if len(times) < 2:
        raise SettingsError(f"times must be at least two numbers, not {list(times)}.")
    x = v = x_0
    for t, t_next in pairwise(times):
        v = _at(velocity, x, t)
        yield t, x, v
        x = step(velocity, x, v, t, t_next - t)
    yield times[-1], x, v
