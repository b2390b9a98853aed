"""The 2D sources and targets, with everything known about them in closed form.

All but the checkerboard are mixtures of isotropic Gaussians: a sample is a centre drawn by chance plus
Gaussian noise. To add a data set, add one entry to `TARGETS`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import make_circles, make_moons
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """Equal-weight mixture of the Gaussians N(centre_k, std² I), centres of shape (K, 2)."""

    name: str
    title: str
    centres: Tensor
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
        squared = torch.cdist(x, self.centres) ** 2
        log_kernel = -squared / (2 * self.std**2)
        return log_kernel.logsumexp(1).exp() / (2 * math.pi * self.std**2 * len(self.centres))


@dataclass(frozen=True, eq=False)
class Squares:
    """Uniform distribution over K axis-aligned squares: `low` corners of shape (K, 2), side length `side`."""

    name: str
    title: str
    low: Tensor
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
        offset = x[:, None, :] - self.low
        inside = ((offset >= 0) & (offset < self.side)).all(2).any(1)
        return inside.to(x.dtype) / (len(self.low) * self.side**2)


Distribution = Mixture | Squares


def _tensor(points: np.ndarray | list) -> Tensor:
    return torch.as_tensor(np.asarray(points), dtype=torch.float32)


def _moons() -> Mixture:
    """scikit-learn's two half circles: its noise-free points are the centres."""
    centres = make_moons(100, shuffle=False)[0]
    return Mixture("moons", "Moons", _tensor(centres), std=0.05)


def _circles() -> Mixture:
    """scikit-learn's two concentric circles, scaled by 2."""
    centres = 2 * make_circles(120, shuffle=False, factor=0.5)[0]
    return Mixture("circles", "Circles", _tensor(centres), std=0.1)


def _eight_gaussians() -> Mixture:
    angles = 2 * math.pi * np.arange(8) / 8
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return Mixture("eight-gaussians", "Eight Gaussians", _tensor(centres), std=0.15)


def _spirals() -> Mixture:
    """Two arms of one and a half turns each, one the other's mirror image through the origin."""
    angles = 3 * math.pi * np.sqrt((np.arange(80) + 0.5) / 80)
    arm = (2.5 / (3 * math.pi) * angles)[:, None] * np.stack([-np.cos(angles), np.sin(angles)], 1)
    return Mixture("spirals", "Two spirals", _tensor(np.concatenate([arm, -arm])), std=0.08)


def _swiss_roll() -> Mixture:
    """The planar swiss roll, t (cos t, sin t) for t in [1.5 π, 4.5 π] as in scikit-learn, scaled by 1/5."""
    angles = 1.5 * math.pi * (1 + 2 * (np.arange(160) + 0.5) / 160)
    centres = angles[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1) / 5
    return Mixture("swiss-roll", "Swiss roll", _tensor(centres), std=0.1)


def _checkerboard() -> Squares:
    low = [[column, row] for column in range(-2, 2) for row in range(-2, 2) if (column + row) % 2 == 0]
    return Squares("checkerboard", "Checkerboard", _tensor(low), side=1.0)


_EIGHT_GAUSSIANS = _eight_gaussians()

TARGETS: dict[str, Distribution] = {
    entry.name: entry
    for entry in [
        _moons(),
        Mixture("gaussian", "N((1, 1), I)", torch.ones(1, 2), std=1.0),
        _EIGHT_GAUSSIANS,
        _checkerboard(),
        _spirals(),
        _circles(),
        _swiss_roll(),
    ]
}

SOURCES: dict[str, Mixture] = {
    entry.name: entry
    for entry in [Mixture("standard-gaussian", "N(0, I)", torch.zeros(1, 2), std=1.0), _EIGHT_GAUSSIANS]
}
