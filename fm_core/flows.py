"""A flow: a source, a target, a schedule and a velocity that carries one to the other."""

import time
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fm_core import statistics
from fm_core.schedules import Schedule
from fm_core.solvers import SOLVERS, CountedVelocity, Velocity, integrate
from fm_core.toy import Distribution, Mixture

# torch's CPU generator keeps the lower 32 bits of a seed: sources use seeds below 2³¹, fresh samples those above.
FRESH_SEEDS = 2**31


def fresh_samples(target: Distribution, n: int, seed: int) -> Tensor:
    """n samples of the target, shape (n, 2), from the stream of fresh samples with this seed, in [0, 2³¹)."""
    return target.sample(n, torch.Generator().manual_seed(FRESH_SEEDS + seed))


def check_request(n: int, steps: int, solver: str, seed: int) -> None:
    """Raise ValueError for n or steps below 1, an unknown solver or a seed outside [0, 2³¹)."""
    if n < 1 or steps < 1:
        raise ValueError(f"n and steps must be at least 1, not n = {n} and steps = {steps}.")
    if not 0 <= seed < FRESH_SEEDS:
        raise ValueError(f"seed must be at least 0 and below {FRESH_SEEDS}, not {seed}.")
    if solver not in SOLVERS:
        raise ValueError(f"There is no solver {solver!r}; choose one of {', '.join(SOLVERS)}.")


@dataclass(frozen=True)
class Trajectory:
    """The states of one run: `t` of shape (T,), `x` of shape (T, n, 2), T = steps + 1.

    `nfe` counts the evaluations of the velocity, `seconds` is the time that the integration took.
    """

    t: Tensor
    x: Tensor
    nfe: int
    seed: int
    seconds: float

    @cached_property
    def variance_per_dimension(self) -> Tensor:
        """Variance over the samples at each state, shape (T, 2)."""
        return statistics.variance(self.x)

    @property
    def variance(self) -> Tensor:
        """Mean over the dimensions of the variance at each state, shape (T,)."""
        return self.variance_per_dimension.mean(1)

    @property
    def mean_speed(self) -> Tensor:
        """Mean speed of the samples in each step, shape (T − 1,)."""
        return statistics.mean_speed(self.t, self.x)

    @property
    def straightness(self) -> Tensor:
        """Straightness of the paths up to each state, in [0, 1], shape (T,)."""
        return statistics.straightness(self.x)


@dataclass(frozen=True)
class Flow:
    """A velocity with the path it belongs to. Learned or exact: both are used alike.

    `covariance` is Cov(X_0, X_1) per dimension under the coupling, zero if x_0 and x_1 are independent.
    """

    name: str
    source: Mixture
    target: Distribution
    schedule: Schedule
    velocity: Velocity
    covariance: tuple[float, ...] = (0.0, 0.0)

    @torch.inference_mode()
    def sample(self, n: int = 1000, steps: int = 50, solver: str = "euler", seed: int = 0) -> Trajectory:
        """Carry n source samples to t = 1 in `steps` steps. The same seed draws the same x_0 for every flow.

        Raises ValueError for n or steps below 1, an unknown solver or a seed outside [0, 2³¹).
        """
        check_request(n, steps, solver, seed)
        velocity = CountedVelocity(self.velocity)
        x_0 = self.source.sample(n, torch.Generator().manual_seed(seed))
        start = time.perf_counter()
        times, states = zip(*integrate(velocity, x_0, steps, solver), strict=True)
        seconds = time.perf_counter() - start
        return Trajectory(torch.tensor(times), torch.stack(states), velocity.nfe, seed, seconds)

    def fresh(self, n: int, seed: int) -> Tensor:
        """n fresh samples of the target, shape (n, 2), independent of the x_0 that `sample` draws from any seed."""
        return fresh_samples(self.target, n, seed)

    def theory_variance(self, t: Tensor) -> Tensor:
        """Var X_t of the path per dimension, shape (T, 2), for t of shape (T,): see `statistics.theory_variance`."""
        covariance = torch.tensor(self.covariance)
        return statistics.theory_variance(self.schedule, t, self.source.variance, self.target.variance, covariance)
