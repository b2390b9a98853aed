"""Measures of a run and of sets of samples: variances, speed, straightness, distances."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fm_core.maths.schedules import Schedule, beside
from fm_core.refusals import Refusal

BATCH, NEIGHBOURS = 500, 5
FAR = 0.1


class NotFinite(Refusal):
    """Samples that no figure can be made of."""


def finite(x: Tensor) -> Tensor:
    """The samples as they are. Raises NotFinite if any number is NaN or ±∞: comparisons would make a score of it."""
    if not torch.as_tensor(x).isfinite().all():
        raise NotFinite("The samples hold numbers that are not finite, so no figure can be made of them.")
    return x


def variance(x: Tensor) -> Tensor:
    """Variance over the samples of x (T, n, …), shape (T, …)."""
    return x.var(dim=1)


def pooled_variance(x: Tensor) -> Tensor:
    """Variance over all samples and entries of x (T, n, …), shape (T,)."""
    return x.flatten(1).var(1)


def theory_variance(schedule: Schedule, t: Tensor, var_0: Tensor, var_1: Tensor, covariance: Tensor) -> Tensor:
    """Var X_t = alpha_t² Var X_0 + beta_t² Var X_1 + 2 alpha_t beta_t Cov(X_0, X_1).

    t has shape (T,), the variances (d,), or () if pooled; the result has shape (T, d) or (T,).
    """
    alpha, beta = (f(t).view(-1, *[1] * var_0.dim()) for f in (schedule.alpha, schedule.beta))
    return alpha**2 * var_0 + beta**2 * var_1 + 2 * alpha * beta * covariance


def mean_speed(t: Tensor, x: Tensor) -> Tensor:
    """Mean of ‖x_{k+1} − x_k‖ / |t_{k+1} − t_k| over the samples, shape (T − 1,)."""
    return _lengths(x).mean(1) / t.diff().abs()


def straightness(x: Tensor) -> Tensor:
    """Mean distance from the start over mean path length so far, in [0, 1], shape (T,); 1 on straight paths."""
    distance = (x - x[0]).flatten(2).norm(dim=2).mean(1)
    length = torch.cat([x.new_zeros(1), _lengths(x).mean(1).cumsum(0)])
    return torch.where(length == 0, torch.ones_like(length), distance / length)


def _lengths(x: Tensor) -> Tensor:
    return x.diff(dim=0).flatten(2).norm(dim=2)


def norms(x: Tensor) -> Tensor:
    """‖x‖ / √d of samples x (T, n, …) of d entries each, as `bands`.

    It is near 1 for N(0, I) in many dimensions: its relative spread is about 1/√(2d).
    """
    return bands(x.flatten(2).square().mean(2).sqrt())


def bands(values: Tensor) -> Tensor:
    """Mean, 10 % and 90 % quantile over the samples of values (T, n), shape (3, T)."""
    return torch.stack([values.mean(1), *values.quantile(torch.tensor([0.1, 0.9]), dim=1)])


def difference_errors(t: Tensor, x: Tensor, v: Tensor) -> Tensor:
    """How far central differences are from the velocities v of x (T, n, …), relative to them, shape (T − 2,).

    Of each inner state, the root mean square of (x_{k+1} − x_{k−1}) / (t_{k+1} − t_{k−1}) − v_k over that of v_k; 0
    where nothing moves.
    """
    found = (x[2:] - x[:-2]) / beside(t[2:] - t[:-2], x[2:])
    error, size = ((found - v[1:-1]).flatten(1).norm(dim=1), v[1:-1].flatten(1).norm(dim=1))
    return torch.where(size == 0, torch.zeros_like(size), error / size)


def crossing_share(x_0: Tensor, x_1: Tensor, draws: int, generator: torch.Generator) -> float:
    """The share, in [0, 1], of randomly drawn pairs of the segments from x_0 to x_1, both (n, 2), that cross."""
    first = torch.randint(len(x_0), (draws,), generator=generator)
    second = (first + torch.randint(1, len(x_0), (draws,), generator=generator)) % len(x_0)  # another one
    a, b, c, d = x_0[first], x_1[first], x_0[second], x_1[second]
    apart = [_side(a, b, c) * _side(a, b, d) < 0, _side(c, d, a) * _side(c, d, b) < 0]
    return (apart[0] & apart[1]).float().mean().item()


def _side(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """On which side of the line through a and b x lies, as the sign of a number; all (n, 2)."""
    along, towards = b - a, x - a
    return along[:, 0] * towards[:, 1] - along[:, 1] * towards[:, 0]


def wasserstein(x: Tensor, y: Tensor) -> float:
    """Exact 2-Wasserstein distance of two samples (n, d) and (m, d); about n³: 10 ms at 256 points, 0.6 s at 2,000.

    Raises NotFinite.
    """
    import ot  # here, because it takes a second, and the page opens without it

    a, b = (np.asarray(finite(s), dtype=np.float64) for s in (x, y))
    return float(np.sqrt(ot.emd2([], [], ot.dist(a, b), numItermax=10_000_000)))


@dataclass(frozen=True)
class FlowMapError:
    """How far particles end from where the exact flow takes them, in units of the target's spread: the `median`, and
    `far`, the share of particles that are off by more than `FAR`.
    """

    median: float
    far: float


def flow_map_error(ends: Tensor, reference: Tensor, variance: Tensor) -> FlowMapError:
    """Of ‖x_1 − x_1*‖ / √(Σ_i Var_i), for the ends x_1 and x_1*, both (n, d), of two flows from the same x_0.

    The spread √(Σ_i Var_i), from the target's variance (d,), is its root mean square distance from its mean.
    Raises NotFinite.
    """
    errors = finite(ends - reference).norm(dim=1) / variance.sum().sqrt()
    return FlowMapError(errors.quantile(0.5).item(), (errors > FAR).float().mean().item())


@dataclass(frozen=True)
class Moments:
    """Mean (d,) and covariance (d, d), in float64, of features (N, d)."""

    mean: Tensor = field(repr=False)
    covariance: Tensor = field(repr=False)

    @staticmethod
    def of(features: Tensor) -> "Moments":
        """Raises NotFinite."""
        features = finite(features).double()
        return Moments(features.mean(0), features.T.cov())


def frechet_distance(a: Moments, b: Moments) -> float:
    """‖mean_a − mean_b‖² + tr(C_a + C_b − 2 (C_a C_b)^½), the squared 2-Wasserstein distance of two Gaussians.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500. The trace of the root is the sum of the square roots of the
    product's eigenvalues, even if C_a is singular. Raises NotFinite.
    """
    for moments in (a, b):
        finite(moments.mean)
        finite(moments.covariance)
    roots = torch.linalg.eigvals(a.covariance @ b.covariance).real.clamp(min=0).sqrt()
    distance = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace() - 2 * roots.sum()
    return distance.item()


def neighbour_figures(real: Tensor, generated: Tensor, k: int = NEIGHBOURS) -> dict[str, float]:
    """k-nearest-neighbour precision, recall and coverage, each in [0, 1], of features (N, d) and (M, d).

    Precision: the share of generated points within some real point's distance to its k-th nearest real neighbour;
    recall: the same with the roles swapped (Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991). Coverage: the
    share of real points with a generated one that near (Naeem et al. 2020, https://arxiv.org/abs/2002.09797).
    Raises NotFinite.
    """
    finite(real)
    finite(generated)
    real_reach, generated_reach = _reach(real, k), _reach(generated, k)
    precise = []
    recalled = torch.zeros(len(real), dtype=torch.bool)
    nearest = torch.full((len(real),), torch.inf)
    for part, reach in zip(generated.split(BATCH), generated_reach.split(BATCH), strict=True):
        distances = torch.cdist(part, real)
        precise.append((distances <= real_reach).any(1))
        recalled |= (distances <= reach[:, None]).any(0)
        nearest = torch.minimum(nearest, distances.amin(0))
    figures = {"precision": torch.cat(precise), "recall": recalled, "coverage": nearest <= real_reach}
    return {name: values.float().mean().item() for name, values in figures.items()}


def _reach(points: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th nearest other, shape (N,)."""
    return torch.cat([torch.cdist(part, points).kthvalue(k + 1, dim=1).values for part in points.split(BATCH)])


class Nearest(NamedTuple):
    """For each of n samples, the index of the nearest reference and the root mean square difference: both (n,)."""

    indices: Tensor
    distances: Tensor


def nearest(x: Tensor, references: Tensor) -> Nearest:
    """The nearest of the references (N, …) to each sample x (n, …). Raises NotFinite."""
    indices = torch.cat(
        [torch.cdist(part, references.flatten(1)).argmin(1) for part in finite(x).flatten(1).split(BATCH)]
    )
    return Nearest(indices, (x - references[indices]).flatten(1).square().mean(1).sqrt())


def r_squared(x: Tensor, reference: Tensor) -> Tensor:
    """1 − Σ (x − reference)² / Σ (reference − its mean)² of each sample, over its entries: for (n, …), shape (n,).

    1 if they are equal, 0 for the reference's mean in every entry, and less for what is farther away. Raises NotFinite.
    """
    y = reference.flatten(1)
    residual = finite(x.flatten(1) - y).square().sum(1)
    return 1 - residual / (y - y.mean(1, keepdim=True)).square().sum(1)


def evenness(classes: Tensor) -> float:
    """Entropy of N class labels over that of ten equal shares, in [0, 1]; 0.999 for MNIST's test set."""
    shares = classes.bincount(minlength=10) / len(classes)
    return (torch.special.entr(shares).sum() / np.log(10)).item()


def standard_error(x: Tensor) -> Tensor:
    """The standard error of the variances of x (T, n, …) that n independent samples have by chance.

    It is std_i(q_i) / √n, where q_i is the squared deviation of sample i from the mean. For points, shape (1 + d, T):
    of the mean over the dimensions, then of each dimension. For images, shape (1, T): pooled. 0 for one sample.
    """
    if x.dim() == 3:
        squares = (x - x.mean(1, keepdim=True)).square()
        series = torch.stack([squares.mean(2), *squares.unbind(2)])
    else:
        pixels = x.flatten(2)
        series = (pixels - pixels.mean((1, 2), keepdim=True)).square().mean(2)[None]
    n = x.shape[1]
    return series.std(2, correction=min(1, n - 1)) / n**0.5
