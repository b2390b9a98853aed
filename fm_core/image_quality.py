"""How good generated digits are: distances between clouds of a digit classifier's penultimate features."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fm_core.images import IMAGE_SETS
from fm_core.networks import DigitClassifier

BATCH = 500
NEIGHBOURS = 5


@dataclass(frozen=True)
class Reading:
    """What the classifier sees in N images: features (N, 128) and class probabilities (N, 10)."""

    features: Tensor
    probabilities: Tensor

    @property
    def classes(self) -> Tensor:
        return self.probabilities.argmax(1)


@torch.inference_mode()
def read(classifier: DigitClassifier, pixels: Tensor) -> Reading:
    """The classifier's reading of uint8 images of shape (N, 28, 28)."""
    parts = [classifier.features(IMAGE_SETS["mnist"].standardise(part)) for part in pixels.split(BATCH)]
    features = torch.cat(parts)
    return Reading(features, classifier.logits(features).softmax(1))


@dataclass(frozen=True)
class Moments:
    """Mean (d,) and covariance (d, d), in float64, of features (N, d)."""

    mean: Tensor
    covariance: Tensor

    @staticmethod
    def of(features: Tensor) -> "Moments":
        features = features.double()
        return Moments(features.mean(0), features.T.cov())


def frechet_distance(a: Moments, b: Moments) -> float:
    """‖mean_a − mean_b‖² + tr(C_a + C_b − 2 (C_a C_b)^½), C the covariances.

    The squared 2-Wasserstein distance of two Gaussians (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).
    The trace of the root is the sum of the roots of the product's eigenvalues, also where C_a is singular.
    """
    roots = torch.linalg.eigvals(a.covariance @ b.covariance).real.clamp(min=0).sqrt()
    distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * roots.sum()
    return distance.item()


def neighbour_figures(real: Tensor, generated: Tensor, k: int = NEIGHBOURS) -> dict[str, float]:
    """Precision, recall and coverage by k nearest neighbours, each in [0, 1], of features (N, d) and (M, d).

    Precision: the share of generated points within some real point's distance to its k-th nearest real one;
    recall: the same with the roles exchanged (Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991).
    Coverage: the share of real points with a generated one that near (Naeem et al. 2020,
    https://arxiv.org/abs/2002.09797).
    """
    real_reach, generated_reach = _reach(real, k), _reach(generated, k)
    precise, covered = [], []
    recalled = torch.zeros(len(real), dtype=torch.bool)
    nearest = torch.full((len(real),), torch.inf)
    for part, reach in zip(generated.split(BATCH), generated_reach.split(BATCH), strict=True):
        distances = torch.cdist(part, real)
        precise.append((distances <= real_reach).any(1))
        recalled |= (distances <= reach[:, None]).any(0)
        nearest = torch.minimum(nearest, distances.amin(0))
    covered = nearest <= real_reach
    figures = {"precision": torch.cat(precise), "recall": recalled, "coverage": covered}
    return {name: values.float().mean().item() for name, values in figures.items()}


def _reach(points: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th nearest other, shape (N,)."""
    return torch.cat([torch.cdist(part, points).kthvalue(k + 1, dim=1).values for part in points.split(BATCH)])


def evenness(classes: Tensor) -> float:
    """Entropy of the classes of N images over that of ten equal ones, in [0, 1]; MNIST's test set has 0.999."""
    shares = classes.bincount(minlength=10) / len(classes)
    return (torch.special.entr(shares).sum() / np.log(10)).item()


def figures(test: Reading, generated: Reading) -> dict[str, float]:
    """Every figure of one set of generated images against the test digits."""
    return {
        "fd": frechet_distance(Moments.of(generated.features), Moments.of(test.features)),
        **neighbour_figures(test.features, generated.features),
        "confidence": generated.probabilities.amax(1).mean().item(),
        "evenness": evenness(generated.classes),
    }


def accuracy(classifier: DigitClassifier, pixels: Tensor, labels: Tensor) -> float:
    """Share of uint8 images of shape (N, 28, 28) that are read as labelled."""
    return (read(classifier, pixels).classes == labels).float().mean().item()
