"""The plane in which features vary most: the first two principal directions of their covariance."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from fm_core.maths.measures import Moments


@dataclass(frozen=True, eq=False)
class Plane:
    """Through `mean` (d,), along two orthonormal `axes` (2, d), which hold the `share` of the variance, in [0, 1]."""

    mean: Tensor = field(repr=False)
    axes: Tensor = field(repr=False)
    share: float

    def project(self, features: Tensor) -> Tensor:
        """The places in the plane of features (N, d), in units of the features, float32 of shape (N, 2)."""
        return ((features.double() - self.mean) @ self.axes.T).float()


def principal_plane(moments: Moments) -> Plane:
    """The plane of the two largest eigenvalues of the covariance.

    An eigenvector's sign is arbitrary: here its largest entry is positive.
    """
    values, vectors = torch.linalg.eigh(moments.covariance)  # in rising order, a column each
    axes = vectors[:, -2:].flip(1).T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return Plane(moments.mean, axes * largest.sign(), (values[-2:].sum() / values.sum()).item())
