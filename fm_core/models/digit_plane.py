"""The plane in which the classifier's features of digits vary most, and where training digits lie in it."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from fm_core.checkpoints import CheckpointError, all_finite, read_tensors
from fm_core.maths.measures import Moments
from fm_core.maths.plane import Plane, principal_plane
from fm_core.models.classifier import MNIST, MOMENTS_FILE, read
from fm_core.models.networks import FEATURES, DigitClassifier

_SHAPES = {"mean": (FEATURES,), "covariance": (FEATURES, FEATURES)}


class Clouds(NamedTuple):
    """The places of training digits in the plane, float32 (N, 2), and which digits they are, int64 (N,); and the share
    of the features' variance that the plane holds.
    """

    places: Tensor
    labels: Tensor
    share: float


def digit_plane(directory: Path) -> Plane | None:
    """That of MNIST's test digits, from the file of their moments beside the classifier; None without a sound one."""
    try:
        tensors, _ = read_tensors(directory / MOMENTS_FILE)
    except CheckpointError:
        return None
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != _SHAPES or not all_finite(tensors):
        return None
    return principal_plane(Moments(tensors["mean"], tensors["covariance"]))


@lru_cache(maxsize=1)
def clouds(classifier: DigitClassifier, plane: Plane) -> Clouds:
    """Of the bundled training digits, 200 of each class."""
    pixels, labels = MNIST.bundled_training()
    return Clouds(plane.project(read(classifier, pixels).features), labels, plane.share)
