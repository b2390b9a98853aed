"""The 2D sources and targets, with their moments and densities in closed form.

All but the checkerboard are mixtures of isotropic Gaussians. The centres of moons and circles are the points of
scikit-learn, which takes about a second to import, so they are written out, and a test compares them. To add a data
set, add one entry to `_TARGETS`.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """Equal-weight mixture of the Gaussians N(centres[k], std² I), centres of shape (K, 2).

    >>> Mixture("pair", "Two points", torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), std=0.5).variance
    tensor([1.2500, 0.2500])
    """

    usual_count: ClassVar[int] = 1000  # samples in a run by default
    name: str
    title: str
    centres: Tensor = field(repr=False)
    std: float

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n independent draws, shape (n, 2)."""
        chosen = torch.randint(len(self.centres), (n,), generator=generator)
        return self.centres[chosen] + self.std * torch.randn(n, 2, generator=generator)

    @property
    def mean(self) -> Tensor:
        return self.centres.mean(0)

    @property
    def variance(self) -> Tensor:
        """Variance of each dimension, shape (2,)."""
        return self.centres.var(0, correction=0) + self.std**2

    def density(self, x: Tensor) -> Tensor:
        """Probability density at x of shape (B, 2), shape (B,)."""
        return self.log_density(x).exp()

    @property
    def is_standard(self) -> bool:
        """Whether this is N(0, I)."""
        return self.std == 1 and len(self.centres) == 1 and not self.centres.any()

    def log_density(self, x: Tensor) -> Tensor:
        """log (1/K) Σ_k N(x; centres[k], std² I) at x of shape (B, 2), in nats, shape (B,).

        >>> STANDARD.log_density(torch.zeros(1, 2))
        tensor([-1.8379])
        """
        squared = torch.cdist(x, self.centres.to(x), compute_mode="donot_use_mm_for_euclid_dist") ** 2
        log_kernel = -squared / (2 * self.std**2)
        return log_kernel.logsumexp(1) - math.log(2 * math.pi * self.std**2 * len(self.centres))


@dataclass(frozen=True, eq=False)
class Squares:
    """Uniform distribution over K axis-aligned squares: `low` corners of shape (K, 2), side length `side`."""

    name: str
    title: str
    low: Tensor = field(repr=False)
    side: float

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n independent draws, shape (n, 2)."""
        chosen = torch.randint(len(self.low), (n,), generator=generator)
        return self.low[chosen] + self.side * torch.rand(n, 2, generator=generator)

    @property
    def mean(self) -> Tensor:
        return self.low.mean(0) + self.side / 2

    @property
    def variance(self) -> Tensor:
        """Variance of each dimension, shape (2,)."""
        return self.low.var(0, correction=0) + self.side**2 / 12

    def density(self, x: Tensor) -> Tensor:
        """Probability density at x of shape (B, 2), shape (B,)."""
        offset = x[:, None, :] - self.low.to(x)
        inside = ((offset >= 0) & (offset < self.side)).all(2).any(1)
        return inside.to(x.dtype) / (len(self.low) * self.side**2)

    def log_density(self, x: Tensor) -> Tensor:
        """The density's logarithm in nats, −∞ outside of the squares, shape (B,)."""
        return self.density(x).log()


Distribution = Mixture | Squares


def _tensor(points: np.ndarray | list) -> Tensor:
    return torch.as_tensor(np.asarray(points), dtype=torch.float32)


def _directions(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _moons() -> Mixture:
    """scikit-learn's make_moons: the upper half of the unit circle, and one that is turned and moved by (1, 1/2)."""
    arc = _directions(np.linspace(0, math.pi, 50))
    return Mixture("moons", "Moons", _tensor(np.concatenate([arc, [1, 0.5] - arc])), std=0.05)


def _circles() -> Mixture:
    """scikit-learn's make_circles with factor 0.5, twice as large: circles of radius 2 and 1."""
    circle = _directions(np.linspace(0, 2 * math.pi, 60, endpoint=False))
    return Mixture("circles", "Circles", _tensor(np.concatenate([2 * circle, circle])), std=0.1)


def _spirals() -> Mixture:
    """Two arms of one and a half turns each, mirror images through the origin."""
    angles = 3 * math.pi * np.sqrt((np.arange(80) + 0.5) / 80)
    arm = (2.5 / (3 * math.pi) * angles)[:, None] * _directions(angles) * [-1, 1]
    return Mixture("spirals", "Two spirals", _tensor(np.concatenate([arm, -arm])), std=0.08)


def _swiss_roll() -> Mixture:
    """scikit-learn's Swiss roll in the plane: t (cos t, sin t) / 5 for t in [1.5 π, 4.5 π]."""
    angles = 1.5 * math.pi * (1 + 2 * (np.arange(160) + 0.5) / 160)
    return Mixture("swiss-roll", "Swiss roll", _tensor(angles[:, None] * _directions(angles) / 5), std=0.1)


STANDARD = Mixture("standard-gaussian", "N(0, I)", torch.zeros(1, 2), std=1.0)
_OCTAGON = 2 * _directions(2 * math.pi * np.arange(8) / 8)
_EIGHT_GAUSSIANS = Mixture("eight-gaussians", "Eight Gaussians", _tensor(_OCTAGON), std=0.15)
_CHECKERS = [[x, y] for x in range(-2, 2) for y in range(-2, 2) if (x + y) % 2 == 0]

_TARGETS: list[Distribution] = [
    _moons(),
    Mixture("gaussian", "N((1, 1), I)", torch.ones(1, 2), std=1.0),
    _EIGHT_GAUSSIANS,
    Squares("checkerboard", "Checkerboard", _tensor(_CHECKERS), side=1.0),
    _spirals(),
    _circles(),
    _swiss_roll(),
]
TARGETS: dict[str, Distribution] = {entry.name: entry for entry in _TARGETS}
SOURCES: dict[str, Mixture] = {entry.name: entry for entry in [STANDARD, _EIGHT_GAUSSIANS]}
