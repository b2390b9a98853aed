"""A flow of images: from noise, or from one data set's images, to another's."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from fm_core.flows import check_request
from fm_core.images import IMAGE_SETS, SHAPE, noisy, samples
from fm_core.recipes import STANDARD
from fm_core.schedules import Schedule
from fm_core.solvers import SOLVERS, CountedVelocity, Velocity, integrate

SPACING = 1.6  # of the steps: an image's shape is decided early, so the first steps are short


@dataclass(frozen=True)
class ImageTrajectory:
    """The states of one run: `t` of shape (T,), `x` and `v` of shape (T, n, 1, 28, 28), T = steps + 1.
    The k-th state is at t = (k / steps)^SPACING.

    `v` is the velocity at each state; at the last one, where no solver needs it, that of the state before.
    """

    t: Tensor
    x: Tensor
    v: Tensor
    nfe: int
    seconds: float

    @property
    def variance(self) -> Tensor:
        """Variance over all samples and pixels together at each state, shape (T,)."""
        return self.x.flatten(1).var(1)


class _Recorded(CountedVelocity):
    """Keeps the first of every `evaluations` results: the velocity at the state where a solver's step starts."""

    def __init__(self, velocity: Velocity, evaluations: int):
        super().__init__(velocity)
        self.evaluations = evaluations
        self.kept: list[Tensor] = []

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        starts = self.nfe % self.evaluations == 0
        v = super().__call__(x, t)
        if starts:
            self.kept.append(v)
        return v


@dataclass(frozen=True)
class ImageFlow:
    """A velocity with the path it belongs to; `source` is `standard-gaussian` or an image set, like `target`.

    `covariance` is that of X_0 and X_1 over samples and pixels together. The images of two sets are drawn
    independently, but both are bright in the middle, so over pixels they are correlated. `source_noise` is the
    share of noise in X_0 where the source is an image set.
    """

    name: str
    source: str
    target: str
    schedule: Schedule
    velocity: Velocity
    covariance: float = 0.0
    source_noise: float = 0.0

    def start(self, images: Tensor, seed: int) -> Tensor:
        """x_0 for standardised source images of shape (n, 1, 28, 28): with the noise that the flow expects."""
        return noisy(images, self.source_noise, torch.Generator().manual_seed(seed))

    def draw(self, n: int, seed: int) -> Tensor:
        """n times x_0, shape (n, 1, 28, 28): noise, or a random choice of the bundled images with some noise."""
        generator = torch.Generator().manual_seed(seed)
        if self.source == STANDARD:
            return torch.randn(n, *SHAPE, generator=generator)
        pixels = samples(self.source)[0]
        chosen = pixels[torch.randint(len(pixels), (n,), generator=generator)]
        return noisy(IMAGE_SETS[self.source].standardise(chosen), self.source_noise, generator)

    def sample(self, n: int = 16, steps: int = 50, solver: str = "euler", seed: int = 0) -> ImageTrajectory:
        """Carry n source images to t = 1. The same seed draws the same x_0 for every flow with this source.

        Raises ValueError for n or steps below 1, an unknown solver or a seed outside [0, 2³¹).
        """
        check_request(n, steps, solver, seed)
        return self.carry(self.draw(n, seed), steps, solver)

    @torch.inference_mode()
    def carry(self, x_0: Tensor, steps: int = 50, solver: str = "euler") -> ImageTrajectory:
        """Carry x_0 of shape (n, 1, 28, 28), as `start` or `draw` give it, to t = 1 in `steps` steps."""
        velocity = _Recorded(self.velocity, SOLVERS[solver].evaluations)
        start = time.perf_counter()
        times, states = zip(*integrate(velocity, x_0, steps, solver, SPACING), strict=True)
        seconds = time.perf_counter() - start
        v = torch.stack([*velocity.kept, velocity.kept[-1]])
        return ImageTrajectory(torch.tensor(times), torch.stack(states), v, velocity.nfe, seconds)

    def theory_variance(self, t: Tensor) -> Tensor:
        """alpha_t² + beta_t² + 2 alpha_t beta_t Cov(X_0, X_1), shape (T,): standardised, both ends have variance 1."""
        alpha, beta = self.schedule.alpha(t), self.schedule.beta(t)
        return alpha**2 + beta**2 + 2 * alpha * beta * self.covariance

    def predicted_end(self, run: ImageTrajectory) -> Tensor:
        """x̂_1 = (alpha_t v − d_alpha_t x) / (alpha_t d_beta_t − d_alpha_t beta_t) at each state, shaped like x."""
        t = run.t.view(-1, 1, 1, 1, 1)
        alpha, beta = self.schedule.alpha(t), self.schedule.beta(t)
        d_alpha, d_beta = self.schedule.d_alpha(t), self.schedule.d_beta(t)
        return (alpha * run.v - d_alpha * run.x) / (alpha * d_beta - d_alpha * beta)
