"""Statistics of a run and distances between samples, against closed forms and other libraries."""

import math
import statistics as stdlib

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import r2_score
from sklearn.neighbors import NearestNeighbors

from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS, interpolate
from fm_core.maths.measures import (
    FAR,
    Moments,
    NotFinite,
    evenness,
    flow_map_error,
    frechet_distance,
    mean_speed,
    nearest,
    neighbour_figures,
    norms,
    pooled_variance,
    r_squared,
    straightness,
    theory_variance,
    variance,
    wasserstein,
)
from fm_core.maths.schedules import SCHEDULES


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def half_circle(turns: float = 0.5, steps: int = 1000) -> torch.Tensor:
    """Three particles on circles of radius 1, 2 and 3 around (5, 0): shape (steps + 1, 3, 2)."""
    angle = 2 * math.pi * turns * torch.arange(steps + 1, dtype=torch.float64) / steps
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    return torch.tensor([[1.0], [2.0], [3.0]]) * circle[:, None] + torch.tensor([5.0, 0.0])


@pytest.mark.parametrize("shape", [(2, 9, 2), (2, 9, 1, 3, 3)])
def test_variance_is_taken_over_the_samples(shape):
    x = normal(*shape)
    found = variance(x)
    assert found.shape == (shape[0], *shape[2:])
    expected = [[stdlib.variance(column.tolist()) for column in state.flatten(1).T] for state in x]
    torch.testing.assert_close(found.flatten(1), torch.tensor(expected))


def test_pooled_variance_is_taken_over_samples_and_entries_together():
    x = normal(2, 9, 1, 3, 3)
    expected = [stdlib.variance(state.flatten().tolist()) for state in x]
    torch.testing.assert_close(pooled_variance(x), torch.tensor(expected))


@pytest.mark.parametrize("shape", [(3, 40, 2), (3, 40, 1, 5, 5)])
def test_norms_are_lengths_over_the_root_of_the_dimension(shape):
    x = normal(*shape)
    lengths = np.linalg.norm(x.numpy().reshape(3, 40, -1), axis=2) / math.sqrt(math.prod(shape[2:]))
    expected = np.stack([lengths.mean(1), *np.quantile(lengths, [0.1, 0.9], axis=1)])
    np.testing.assert_allclose(norms(x).numpy(), expected, rtol=1e-5)


def test_images_of_noise_lie_on_a_thin_shell_and_a_straight_path_between_two_leads_through_its_hole():
    """The spread of ‖x‖ / √d is about 1 / √(2d); halfway, linear keeps √(1/2) of the norm, cosine all of it."""
    x_0, x_1 = normal(2, 4000, 1, 28, 28)
    spread = 1 / math.sqrt(2 * 784)
    for schedule, kept in (("linear", math.sqrt(1 / 2)), ("cosine", 1)):
        t = torch.tensor([0.0, 0.5, 1.0])
        mean, low, high = norms(interpolate(SCHEDULES[schedule], x_0[None], x_1[None], t)[0])
        assert mean.tolist() == pytest.approx([1, kept, 1], abs=0.002)
        for quantile, deviations in ((low, -1.2816), (high, 1.2816)):
            assert (quantile / mean - 1).tolist() == pytest.approx([deviations * spread] * 3, abs=0.002)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.8])
def test_theory_variance_is_that_of_correlated_draws(schedule, correlation):
    """x_0 of standard deviation (1, 2), x_1 of (2, 0.5), correlated alike in each dimension."""
    n, std_0, std_1 = 20_000, torch.tensor([1.0, 2.0]), torch.tensor([2.0, 0.5])
    z_0, z_1 = normal(n, 2), normal(n, 2, seed=1)
    x_0, x_1 = std_0 * z_0, std_1 * (correlation * z_0 + math.sqrt(1 - correlation**2) * z_1)
    t = torch.linspace(0, 1, 11)
    path = torch.stack([interpolate(SCHEDULES[schedule], x_0, x_1, time.expand(n))[0] for time in t])
    theory = theory_variance(SCHEDULES[schedule], t, std_0**2, std_1**2, correlation * std_0 * std_1)
    assert theory.shape == (11, 2)
    assert (path.var(1) / theory - 1).abs().max() < 4.5 * math.sqrt(2 / n)


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_theory_variance_holds_under_every_coupling(coupling, generator):
    source, target, pair = SOURCES["standard-gaussian"], TARGETS["moons"], COUPLINGS[coupling].pair

    def draw(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        x_0 = source.sample(n, generator)
        return x_0, pair(x_0, target.sample(n, generator))

    x_0, x_1 = draw(128 * 100)
    covariance = ((x_0 - source.mean) * (x_1 - target.mean)).mean(0)
    x_0, x_1 = draw(128 * 100)
    half = torch.tensor([0.5])
    theory = theory_variance(SCHEDULES["linear"], half, source.variance, target.variance, covariance)[0]
    measured = ((x_0 + x_1) / 2).var(0)
    assert (measured / theory - 1).abs().max() < 0.06  # 4.5 √(2 / n), for either estimate
    if coupling == "ot":
        without = theory_variance(SCHEDULES["linear"], half, source.variance, target.variance, torch.zeros(2))[0]
        assert (measured / without - 1).min() > 0.2


def test_speed_on_straight_lines_is_the_length_of_the_velocity():
    t = torch.tensor([0.0, 0.1, 0.5, 1.0])
    x = normal(4, 2) + t[:, None, None] * torch.tensor([[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [6.0, 8.0]])
    torch.testing.assert_close(mean_speed(t, x), torch.full((3,), (5.0 + 1 + 0 + 10) / 4))


def test_speed_on_circles_is_arc_length_over_time():
    speed = mean_speed(torch.linspace(0, 1, 1001, dtype=torch.float64), half_circle())
    torch.testing.assert_close(speed, torch.full_like(speed, 2 * math.pi), rtol=1e-5, atol=0)


def test_straight_paths_are_straight():
    t = torch.tensor([0.0, 0.1, 0.5, 1.0])
    x = normal(9, 2) + t[:, None, None] * normal(9, 2, seed=1)
    torch.testing.assert_close(straightness(x), torch.ones(4))


@pytest.mark.parametrize(("turns", "expected"), [(0.5, 2 / math.pi), (0.25, 2 * math.sqrt(2) / math.pi), (1, 0)])
def test_straightness_of_a_circle_is_chord_over_arc(turns, expected):
    found = straightness(half_circle(turns))
    assert found.shape == (1001,)
    assert found[0] == 1
    assert found[-1].item() == pytest.approx(expected, abs=1e-5)
    assert (found.diff() <= 1e-12).all()


def test_particles_at_rest_count_as_straight():
    assert straightness(torch.zeros(3, 4, 2)).tolist() == [1, 1, 1]


def test_wasserstein_of_points_on_a_line_pairs_them_in_order():
    a, b = normal(50), 3 * normal(50, seed=1) + 1
    direction = torch.tensor([0.6, 0.8])
    expected = (a.sort().values - b.sort().values).square().mean().sqrt()
    assert wasserstein(a[:, None] * direction, b[:, None] * direction) == pytest.approx(expected.item(), rel=1e-5)


def test_wasserstein_of_a_translation_is_its_length():
    x = normal(100, 2)
    assert wasserstein(x, x.flip(0) + torch.tensor([3.0, -4.0])) == pytest.approx(5, rel=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_wasserstein_agrees_with_scipys_assignment(dim):
    x, y = normal(40, dim), 2 * normal(40, dim, seed=1)
    squared = ((x[:, None] - y[None]) ** 2).sum(-1).numpy()
    expected = math.sqrt(squared[linear_sum_assignment(squared)].mean())
    assert wasserstein(x, y) == pytest.approx(expected, rel=1e-5)


def test_wasserstein_between_sets_of_different_size():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert wasserstein(x, torch.tensor([[0.0, 2.0]])) == pytest.approx(math.sqrt((4 + 5) / 2))
    assert wasserstein(x, x.repeat(3, 1)) == pytest.approx(0, abs=1e-7)


def test_wasserstein_is_a_distance():
    x, y, z = normal(60, 2), normal(60, 2, seed=1) + 1, 2 * normal(60, 2, seed=2)
    assert wasserstein(x, x) == pytest.approx(0, abs=1e-7)
    assert wasserstein(x, y) == pytest.approx(wasserstein(y, x), rel=1e-9)
    assert wasserstein(x, z) <= wasserstein(x, y) + wasserstein(y, z)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_figure_is_made_of_samples_that_are_not_finite(value):
    """One number of many is enough, on either side."""
    x, y = normal(20, 2), normal(20, 2, seed=1)
    x[3, 1] = value
    figures = {
        "W2": wasserstein,
        "flow-map error": lambda a, b: flow_map_error(a, b, torch.ones(2)),
        "neighbours": neighbour_figures,
        "Fréchet": lambda a, b: frechet_distance(Moments.of(a), Moments.of(b)),
        "Fréchet of moments": lambda a, b: frechet_distance(*(Moments(s.mean(0), torch.eye(2)) for s in (a, b))),
    }
    for figure in figures.values():
        for samples in ((x, y), (y, x)):
            with pytest.raises(NotFinite, match=r"^The samples hold numbers that are not finite, so no figure"):
                figure(*samples)


def test_paths_that_leave_the_range_of_numbers_are_not_straight():
    x = normal(3, 4, 2)
    x[1, 2] = float("nan")
    assert straightness(x)[0] == 1
    assert straightness(x)[1:].isnan().all()


def test_wasserstein_grows_with_scale():
    x, y = normal(60, 2), normal(60, 2, seed=1)
    assert wasserstein(7 * x, 7 * y) == pytest.approx(7 * wasserstein(x, y), rel=1e-5)


def test_wasserstein_of_large_gaussian_samples_is_that_of_the_gaussians():
    """W2(N(0, I), N(μ, 4 I))² = ‖μ‖² + 2, up to the sampling error of 1,000 points."""
    found = wasserstein(normal(1000, 2), 2 * normal(1000, 2, seed=1) + 3)
    assert found == pytest.approx(math.sqrt(18 + 2), rel=0.05)


def test_flow_map_error_is_distance_over_spread_by_hand():
    """The spread of variances 9 and 16 is 5. Distances of 0, 0.1, 1 and 5 are 0, 0.02, 0.2 and 1 of it."""
    reference = normal(4, 2)
    off = torch.tensor([[0.0, 0.0], [0.06, 0.08], [-0.6, 0.8], [3.0, -4.0]])
    found = flow_map_error(reference + off, reference, torch.tensor([9.0, 16.0]))
    assert found.median == pytest.approx((0.02 + 0.2) / 2, rel=1e-4)
    assert found.far == 2 / 4
    assert FAR == 0.1


def test_flow_map_error_is_zero_for_equal_ends_and_has_no_unit():
    ends, reference, variance = normal(50, 2), normal(50, 2, seed=1), torch.tensor([1.0, 2.0])
    none = flow_map_error(ends, ends, variance)
    assert (none.median, none.far) == (0, 0)
    found = flow_map_error(ends, reference, variance)
    scaled = flow_map_error(8 * ends, 8 * reference, 64 * variance)
    assert (scaled.median, scaled.far) == (found.median, found.far)


# Features of images.


def clouds(d: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1000, d, generator=generator), 0.5 + 1.5 * torch.randn(800, d, generator=generator)


def test_frechet_distance_agrees_with_scipys_matrix_root():
    a, b = clouds()
    c_a, c_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = sqrtm(c_a @ c_b)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(c_a + c_b - 2 * np.real(root))
    assert frechet_distance(Moments.of(a), Moments.of(b)) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_of_a_shift_is_its_square_and_zero_to_itself():
    a, _ = clouds()
    assert frechet_distance(Moments.of(a), Moments.of(a)) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(Moments.of(a), Moments.of(a + 2)) == pytest.approx(8 * 4, rel=1e-5)
    flat = torch.cat([a, torch.zeros(1000, 3)], 1)
    assert frechet_distance(Moments.of(flat), Moments.of(flat + 1)) == pytest.approx(11, rel=1e-5)


def test_neighbour_figures_agree_with_scikit_learn():
    real, made = clouds(3)
    found = neighbour_figures(real, made, k=5)

    def reach(points):
        return NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points)[0][:, 5]

    distances = torch.cdist(made.double(), real.double()).numpy()
    assert found["precision"] == pytest.approx((distances <= reach(real)).any(1).mean(), abs=0.003)
    assert found["recall"] == pytest.approx((distances <= reach(made)[:, None]).any(0).mean(), abs=0.003)
    assert found["coverage"] == pytest.approx((distances.min(0) <= reach(real)).mean(), abs=0.003)


def test_neighbour_figures_at_the_extremes():
    real, _ = clouds()
    assert neighbour_figures(real, real) == {"precision": 1, "recall": 1, "coverage": 1}
    assert neighbour_figures(real, real + 1000) == {"precision": 0, "recall": 0, "coverage": 0}
    one_spot = real[:1] + 0.001 * torch.randn(500, 8, generator=torch.Generator().manual_seed(1))
    figures = neighbour_figures(real, one_spot)
    assert figures["precision"] == 1
    assert figures["coverage"] < 0.1


def test_evenness_is_one_for_equal_classes_and_zero_for_one():
    assert evenness(torch.arange(1000) % 10) == pytest.approx(1)
    assert evenness(torch.zeros(50, dtype=torch.long)) == pytest.approx(0)
    assert evenness(torch.arange(100) % 2) == pytest.approx(np.log(2) / np.log(10))


def test_the_nearest_reference_is_scikit_learns():
    """A copy among them is told to rounding: 1e-7 of numbers up to 4, where squared norms would leave 1e-3."""
    x, references = normal(20, 1, 5, 4), normal(600, 1, 5, 4, seed=1)
    x[3] = references[71] + 1e-6
    indices, distances = nearest(x, references)
    expected, places = NearestNeighbors(n_neighbors=1).fit(references.flatten(1)).kneighbors(x.flatten(1))
    assert indices.tolist() == places[:, 0].tolist()
    np.testing.assert_allclose(distances, expected[:, 0] / 20**0.5, rtol=1e-3, atol=1e-7)
    assert indices[3] == 71


def test_r_squared_of_each_sample_is_scikit_learns():
    reference = normal(6, 1, 5, 4)
    x = reference + 0.3 * normal(6, 1, 5, 4, seed=1)
    expected = [r2_score(true.flatten(), found.flatten()) for true, found in zip(reference, x, strict=True)]
    np.testing.assert_allclose(r_squared(x, reference), expected, rtol=1e-5)


@pytest.mark.parametrize("figure", [nearest, r_squared])
def test_images_with_nan_are_compared_with_nothing(figure):
    x = normal(3, 1, 2, 2)
    with pytest.raises(NotFinite):
        figure(x * torch.nan, x)
