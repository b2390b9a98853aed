"""A flow of points or images: a source, a target, a schedule, and a velocity that carries source to target."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from fm_core.maths import measures
from fm_core.maths.likelihood import LogDensity, integrate_forms, random_signs, unit_vectors
from fm_core.maths.noise import euler_maruyama
from fm_core.maths.schedules import Schedule, beside, one_per_sample
from fm_core.maths.solvers import EULER, Check, Step, Velocity, always, integrate
from fm_core.maths.spacing import EQUAL, SPACINGS, Spacing, time_grid
from fm_core.refusals import SettingsError, entry, number, whole

# torch's CPU generator keeps the lower 32 bits of a seed: sources use seeds below 2³¹, fresh samples those above.
FRESH_SEEDS = 2**31
SEEDS = (0, FRESH_SEEDS - 1)
NOISE = (0.0, 1000.0)
_AT_LEAST_ONE = (1, 2**31 - 1)


def fresh_samples(target: Any, n: int, seed: int) -> Tensor:
    """n target samples for a seed in [0, 2³¹), independent of the x_0 drawn from any seed."""
    return target.sample(n, torch.Generator().manual_seed(FRESH_SEEDS + seed))


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The states of one run: `t` of shape (T,), `x` and the velocities `v` of shape (T, n, …), T = steps + 1.

    The last v, which no solver needs, repeats the one before. `nfe` counts velocity evaluations, `seed` drew x_0 (None
    if x_0 was given), `seconds` is the integration time. Runs with equal t, x and v are equal.
    """

    t: Tensor
    x: Tensor
    v: Tensor
    nfe: int
    seed: int | None
    seconds: float

    def __repr__(self) -> str:
        _, n, *shape = self.x.shape
        size = "×".join(map(str, shape))
        return f"Trajectory({n:,} of {size} in {len(self.t) - 1} steps, NFE {self.nfe}, seed {self.seed})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trajectory):
            return NotImplemented
        return all(torch.equal(getattr(self, name), getattr(other, name)) for name in ("t", "x", "v"))

    @cached_property
    def variance_per_dimension(self) -> Tensor:
        """Variance over the samples at each state, shape (T, …)."""
        return measures.variance(self.x)

    @property
    def variance(self) -> Tensor:
        """Shape (T,): for points the mean over the dimensions, for images the variance of all pixels pooled."""
        return self.variance_per_dimension.mean(1) if self.x.dim() == 3 else measures.pooled_variance(self.x)

    @property
    def mean_speed(self) -> Tensor:
        """Mean speed of the samples in each step, shape (T − 1,)."""
        return measures.mean_speed(self.t, self.x)

    @property
    def straightness(self) -> Tensor:
        """Straightness of the paths up to each state, in [0, 1], shape (T,)."""
        return measures.straightness(self.x)


@dataclass(frozen=True, eq=False)
class Flow:
    """A learned or exact velocity and its path, for points or images.

    `covariance` is Cov(X_0, X_1), per dimension for points, pooled for images; `spacing` is that of
    a run's times unless another is asked for.
    """

    name: str
    source: Any  # usual_count, variance (per dimension or pooled), sample(n, generator); likelihood and noise ask more
    target: Any
    schedule: Schedule
    velocity: Velocity
    covariance: tuple[float, ...] | float = 0.0
    spacing: Spacing = EQUAL

    def __repr__(self) -> str:
        return f"Flow({self.name})"

    @property
    def coupled(self) -> bool:
        """Whether x_0 and x_1 are correlated."""
        return bool(torch.tensor(self.covariance).any())

    def draw(self, n: int, seed: int) -> Tensor:
        """n samples x_0; a seed gives the same ones for every flow with this source."""
        return self.source.sample(n, torch.Generator().manual_seed(seed))

    def sample(
        self,
        n: int | None = None,
        steps: int = 50,
        solver: str = "euler",
        seed: int = 0,
        check: Check = always,
        noise: float = 0.0,
        corrected: bool = True,
        spacing: str | None = None,
    ) -> Trajectory:
        """`carry` n samples of the source, by default 1,000 points or 16 images.

        With noise η > 0 the paths are stochastic, by Euler steps, and their marginals are the same; without the
        correction of the drift they are not: see `maths/noise.py`. The run's v stays the flow's velocity.

        Raises SettingsError for n or steps below 1, an unknown solver, a seed outside [0, 2³¹), and for noise outside
        [0, 1000], with another solver, or on a flow whose source is not N(0, I) or whose ends are coupled.
        """
        n = whole("n", self.source.usual_count if n is None else n, _AT_LEAST_ONE)
        seed = whole("seed", seed, SEEDS)
        generator = torch.Generator().manual_seed(seed)
        x_0 = self.source.sample(n, generator)
        noise = number("noise", noise, NOISE)
        step = self._noisy(noise, solver, generator, corrected) if noise else solver
        return self.carry(x_0, steps, step, seed=seed, check=check, spacing=spacing)

    def _noisy(self, noise: float, solver: str, generator: torch.Generator, corrected: bool) -> Step:
        if solver != EULER:
            raise SettingsError(f"Noise is added to Euler's steps only, so choose euler in place of {solver!r:.80}.")
        if not self.source.is_standard or self.coupled:
            raise SettingsError("Noise needs a flow from N(0, I) with independent ends: choose one, or noise 0.")
        return euler_maruyama(self.schedule, noise, generator, corrected)

    @torch.no_grad()
    def carry(
        self,
        x_0: Tensor,
        steps: int = 50,
        solver: str | Step = "euler",
        times: Sequence[float] | None = None,
        seed: int | None = None,
        check: Check = always,
        spacing: str | None = None,
    ) -> Trajectory:
        """Carry x_0 of shape (n, …) from t = 0 to t = 1 in `steps` steps, or through the given `times`.

        `spacing` is a name in `SPACINGS`, by default the flow's; `seed` is only recorded in the result. Raises
        SettingsError for fewer than one step, and for an unknown solver or spacing.
        """
        nfe = 0  # counted, never assumed

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            nonlocal nfe
            nfe += 1
            return self.velocity(x, t)

        times = self.times(steps, spacing) if times is None else [float(t) for t in times]
        states = []
        start = time.perf_counter()
        for state in integrate(velocity, x_0, times, solver):
            check()
            states.append(state)
        seconds = time.perf_counter() - start
        _, x, v = zip(*states, strict=True)
        return Trajectory(torch.tensor(times), torch.stack(x), torch.stack(v), nfe, seed, seconds)

    def times(self, steps: int, spacing: str | None = None) -> list[float]:
        """The steps + 1 times from 0 to 1 of a run. Raises SettingsError like `carry`."""
        chosen = self.spacing if spacing is None else entry("spacing", spacing, SPACINGS)
        return time_grid(whole("steps", steps, _AT_LEAST_ONE), chosen)

    def reverse(self, x_1: Tensor, steps: int = 50, solver: str = "euler", check: Check = always) -> Trajectory:
        """Carry x_1 of shape (n, …) from t = 1 back to t = 0, through the times of `carry`: x_0 is the last state.

        Raises like `carry`.
        """
        return self.carry(x_1, solver=solver, times=self.times(steps)[::-1], check=check)

    def log_density(
        self, x: Tensor, steps: int = 100, solver: str = "rk4", probes: int = 16, seed: int = 0, check: Check = always
    ) -> LogDensity:
        """log p_1(x) = log p_0(x_0) − ∫_0^1 ∇·v_t(x_t) dt along the path from x_0 to x, in nats.

        For points, of shape (n, 2), the divergence is exact. For images, standardised ones of shape (n, 1, 28, 28), it
        is estimated from `probes` draws of the seed, each of which takes a pass back through the network. A velocity
        that changes fast, such as that of `vp` at its ends, needs more steps. Raises SettingsError like `carry`, for
        fewer than two probes, and for a source without a known density.
        """
        self.source.log_density(x[:1])  # refuses before the work
        vectors = unit_vectors(x) if x.dim() == 2 else self._signs(x, probes, seed)
        x_0, integrals = integrate_forms(self.velocity, x, self.times(steps)[::-1], solver, vectors, check)
        start = self.source.log_density(x_0)
        # From t = 1 to t = 0, the integrals are those of −∇·v from 0 to 1.
        if x.dim() == 2:
            return LogDensity(start + integrals.sum(1), torch.zeros_like(start))
        return LogDensity(start + integrals.mean(1), integrals.std(1) / len(vectors) ** 0.5)

    def _signs(self, x: Tensor, probes: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(whole("seed", seed, SEEDS))
        return random_signs(x, whole("probes", probes, (2, _AT_LEAST_ONE[1])), generator)

    def fresh(self, n: int, seed: int) -> Tensor:
        """See `fresh_samples`."""
        return fresh_samples(self.target, n, seed)

    def theory_variance(self, t: Tensor) -> Tensor:
        """Var X_t for t of shape (T,), shape (T, d) or (T,): see `measures.theory_variance`."""
        covariance = torch.tensor(self.covariance)
        return measures.theory_variance(self.schedule, t, self.source.variance, self.target.variance, covariance)

    def predicted_ends(self, run: Trajectory) -> tuple[Tensor, Tensor]:
        """(x̂_0, x̂_1) at each state of a run, shaped like its x: see `Schedule.predicted_ends`."""
        return self.schedule.predicted_ends(run.x, run.v, run.t)


def hand_over(first: Flow, then: Flow, at: float) -> Flow:
    """The velocity of `first` before t = at, in [0, 1], and that of `then` from there on.

    Its other properties are those of `then`. Raises SettingsError for flows of another source or schedule.
    """
    at = number("at", at, (0.0, 1.0))
    if (first.source, first.schedule) != (then.source, then.schedule):
        raise SettingsError(f"{first.name} can hand over only to a flow of its own source and schedule: choose one.")

    def velocity(x: Tensor, t: Tensor | float) -> Tensor:
        early = one_per_sample(t, x) < at
        if early.all() or not early.any():  # as in a run, where all samples have one time
            return (first if early.all() else then).velocity(x, t)  # pyright: ignore[reportArgumentType]
        return torch.where(beside(early, x), first.velocity(x, t), then.velocity(x, t))  # pyright: ignore[reportArgumentType]

    return replace(then, name=f"{first.name}-until-{at:g}-{then.name}", velocity=velocity)
