"""Figures of runs of images: when a digit is decided, the nearest training digits, agreement of two runs, steepness."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from fm_core.maths.likelihood import random_signs
from fm_core.maths.measures import Nearest, nearest, r_squared
from fm_core.maths.solvers import Velocity
from fm_core.maths.steepness import steepness
from fm_core.models.classifier import MNIST
from fm_core.playground import Run

STEEP_STATES, STEEP_IMAGES, STEEP_PROBES = 11, 8, 4  # so that it takes about as long as a run of 16 images in 20 steps


def decided(t: Tensor, probabilities: Tensor) -> Tensor:
    """The time t_k of the first state from which on the most probable digit stays the same, for each image, (n,).

    t has shape (T,), the probabilities (T, n, 10) are those of the predicted ends; 0 if it never changes.
    """
    digits = probabilities.argmax(2)
    differs = (digits != digits[-1]).long()
    last = (differs * torch.arange(1, len(t) + 1)[:, None]).amax(0)  # 1 + the last state with another digit, or 0
    return t[last]


@dataclass(frozen=True)
class Neighbours:
    """The nearest bundled training digits of a run's ends: uint8 `pixels` (n, 28, 28), `labels` and `distances` (n,),
    and the distances of the predicted ends x̂_1 at every state to the nearest of theirs, `on_the_way` (T, n).

    A distance is the root mean square difference of the standardised pixels, which have variance 1.
    """

    pixels: Tensor = field(repr=False)
    labels: Tensor
    distances: Tensor
    on_the_way: Tensor = field(repr=False)


def neighbours(run: Run) -> Neighbours:
    """Of a run of digits. Raises NotFinite."""
    pixels, labels = MNIST.bundled_training()
    found = _nearest(run.trajectory.x[-1])
    ends = run.flow.predicted_ends(run.trajectory)[1]
    on_the_way = _nearest(ends.flatten(0, 1)).distances.view(ends.shape[:2])
    return Neighbours(pixels[found.indices], labels[found.indices], found.distances, on_the_way)


@lru_cache(maxsize=1)
def usual_distance() -> float:
    """The mean distance of the bundled test digits, which are no training digits, to the nearest of those."""
    return _nearest(MNIST.standardise(MNIST.bundled()[0])).distances.mean().item()


def _nearest(x: Tensor) -> Nearest:
    return nearest(x, _training())


@lru_cache(maxsize=1)
def _training() -> Tensor:
    return MNIST.standardise(MNIST.bundled_training()[0])


class Agreement(NamedTuple):
    """r² of the ends of two runs: over `all` images and pixels together, and of `each` image over its pixels, (n,)."""

    all: float
    each: Tensor


def agreement(a: Run, b: Run) -> Agreement | None:
    """r² of the ends of b as a prediction of those of a; None unless both start from the same x_0. Raises NotFinite."""
    if not torch.equal(a.trajectory.x[0], b.trajectory.x[0]):
        return None
    ends = a.trajectory.x[-1], b.trajectory.x[-1]
    whole = r_squared(*(x.flatten()[None] for x in reversed(ends)))
    return Agreement(whole.item(), r_squared(ends[1], ends[0]))


@dataclass(frozen=True, eq=False)
class Slopes:
    """Where the steepness of a run's field is measured: `x` has at most 8 images at up to 11 of the states that a step
    begins at, by state, and `t` the times of these.
    """

    velocity: Velocity = field(repr=False)
    t: Mapping[int, Tensor] = field(repr=False)
    x: Mapping[int, Tensor] = field(repr=False)

    @staticmethod
    def of(run: Run) -> "Slopes":
        t, x = run.trajectory.t, run.trajectory.x
        last = len(t) - 2
        states = torch.linspace(0, last, min(last + 1, STEEP_STATES)).round().int().tolist()
        found = {state: x[state, :STEEP_IMAGES].clone() for state in states}  # for the run is not kept
        return Slopes(run.flow.velocity, {state: t[state] for state in states}, found)

    def at(self, state: int) -> float:
        """‖J‖_F / √784, see `steepness`, from random signs that are the same at all states."""
        x = self.x[state]
        probes = random_signs(x, STEEP_PROBES, torch.Generator().manual_seed(0))
        return steepness(self.velocity, x, self.t[state], probes).item()

    @property
    def nbytes(self) -> int:
        return sum(x.nbytes for x in self.x.values())
