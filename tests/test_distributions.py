"""Sources and targets: samples, closed-form moments and densities must describe the same distribution."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from sklearn.datasets import make_circles, make_moons, make_swiss_roll

from fm_core.maths.distributions import SOURCES, TARGETS, Mixture
from fm_core.maths.measures import wasserstein

DISTRIBUTIONS = {**TARGETS, **SOURCES}
BIN, FINE = 0.25, 6  # width of a bin, and cells per bin along each side when the density is integrated


@pytest.fixture(params=DISTRIBUTIONS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def draw(name: str, n: int, seed: int = 0) -> torch.Tensor:
    return DISTRIBUTIONS[name].sample(n, torch.Generator().manual_seed(seed))


def binned(name: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Edges of square bins that hold all but a trace of the distribution, and the density's integral over each."""
    mean, spread = DISTRIBUTIONS[name].mean.numpy(), DISTRIBUTIONS[name].variance.sqrt().numpy()
    low, high = np.floor(mean - 6 * spread), np.ceil(mean + 6 * spread)
    edges = [np.arange(a, b + BIN / 2, BIN) for a, b in zip(low, high, strict=True)]
    cells = [a + (np.arange((len(e) - 1) * FINE) + 0.5) * BIN / FINE for a, e in zip(low, edges, strict=True)]
    grid = np.stack(np.meshgrid(*cells, indexing="ij"), -1).reshape(-1, 2)
    density = torch.cat([DISTRIBUTIONS[name].density(part) for part in torch.from_numpy(grid).split(10_000)]).numpy()
    shape = (len(edges[0]) - 1, FINE, len(edges[1]) - 1, FINE)
    return edges, density.reshape(shape).sum((1, 3)) * (BIN / FINE) ** 2


def test_names_are_keys():
    for registry in (TARGETS, SOURCES):
        assert [entry.name for entry in registry.values()] == list(registry)


def test_samples_have_shape_and_seed(name):
    assert draw(name, 7).shape == (7, 2)
    assert draw(name, 7).dtype == torch.float32
    assert torch.equal(draw(name, 7, seed=3), draw(name, 7, seed=3))
    assert not torch.equal(draw(name, 7, seed=3), draw(name, 7, seed=4))


def test_sample_mean_is_the_closed_form(name):
    x = draw(name, 40_000)
    z = (x.mean(0) - DISTRIBUTIONS[name].mean) / (DISTRIBUTIONS[name].variance / len(x)).sqrt()
    assert z.abs().max() < 4.5


def test_sample_variance_is_the_closed_form(name):
    x = draw(name, 200_000)
    squares = (x - DISTRIBUTIONS[name].mean) ** 2
    z = (squares.mean(0) - DISTRIBUTIONS[name].variance) / (squares.var(0) / len(x)).sqrt()
    assert z.abs().max() < 4.5


def test_density_integrates_to_one_and_matches_a_histogram(name):
    edges, probability = binned(name)
    assert probability.sum() == pytest.approx(1, abs=1e-4)
    n = 20_000
    counts = np.histogram2d(*draw(name, n).numpy().T, bins=edges)[0]
    full = probability * n >= 5
    observed, expected = counts[full], probability[full] * n
    rest = max(n - expected.sum(), 1)
    chi_square = ((observed - expected) ** 2 / expected).sum() + (n - observed.sum() - rest) ** 2 / rest
    assert stats.chi2.sf(chi_square, full.sum()) > 1e-3


@pytest.mark.parametrize("name", ["moons", "eight-gaussians", "checkerboard"], indirect=True)
def test_the_log_density_is_the_densitys_logarithm(name):
    x = draw(name, 100)
    torch.testing.assert_close(DISTRIBUTIONS[name].log_density(x).exp(), DISTRIBUTIONS[name].density(x))


def test_the_log_density_is_known_where_the_density_is_zero_to_rounding():
    x, moons = torch.tensor([[30.0, -20.0]], dtype=torch.float64), DISTRIBUTIONS["moons"]
    assert isinstance(moons, Mixture)
    each = stats.norm.logpdf(x.numpy(), moons.centres.numpy(), moons.std).sum(1)
    assert moons.density(x) == 0
    assert moons.log_density(x).item() == pytest.approx(logsumexp(each) - np.log(len(each)))
    assert DISTRIBUTIONS["checkerboard"].log_density(x) == -torch.inf


def test_samples_are_independent_draws(name):
    """The mean of 100 independent draws varies as variance / 100; draws spaced evenly would vary far less."""
    generator = torch.Generator().manual_seed(0)
    means = torch.stack([DISTRIBUTIONS[name].sample(100, generator).mean(0) for _ in range(1000)])
    ratio = means.var(0) * 100 / DISTRIBUTIONS[name].variance
    assert (ratio - 1).abs().max() < 4.5 * (2 / 1000) ** 0.5


def test_a_density_has_the_type_of_its_points(name):
    distribution, x = DISTRIBUTIONS[name], draw(name, 20)
    assert distribution.density(x).dtype == torch.float32
    assert distribution.density(x.double()).dtype == torch.float64
    torch.testing.assert_close(distribution.density(x).double(), distribution.density(x.double()), rtol=1e-3, atol=1e-4)


def test_counts_per_centre_are_multinomial():
    generator, target = torch.Generator().manual_seed(0), TARGETS["eight-gaussians"]
    counts = []
    for _ in range(500):
        angles = torch.atan2(*target.sample(80, generator).T.flip(0)) / (2 * torch.pi)
        counts.append((angles * 8).round().long().remainder(8).bincount(minlength=8))
    dispersion = ((torch.stack(counts) - 10.0) ** 2 / 10).sum().item()
    assert 1e-4 < stats.chi2.sf(dispersion, 500 * 7) < 1 - 1e-4


def centres(name: str) -> torch.Tensor:
    target = TARGETS[name]
    assert isinstance(target, Mixture)
    return target.centres


def as_set(points) -> np.ndarray:
    return np.array(sorted(np.asarray(points).round(4).tolist()))


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("moons", make_moons(100, shuffle=False)[0]),
        ("circles", 2 * make_circles(120, shuffle=False, factor=0.5)[0]),
    ],
)
def test_centres_are_scikit_learns_points_without_noise(name, points):
    """To the bit and in its order, on which every sample of a seed depends."""
    assert torch.equal(centres(name), torch.from_numpy(points).float())


MAKERS = {
    "moons": lambda n, noise: make_moons(n, noise=0.05 * noise, random_state=0)[0],
    "circles": lambda n, noise: 2 * make_circles(n, noise=0.05 * noise, factor=0.5, random_state=0)[0],
    "swiss-roll": lambda n, noise: make_swiss_roll(n, noise=0.5 * noise, random_state=0)[0][:, [0, 2]] / 5,
}


@pytest.mark.parametrize("name", MAKERS)
def test_samples_are_as_close_to_scikit_learns_as_to_one_another(name):
    """A random part of a large pool, since make_moons and make_circles space their points evenly."""
    pool = MAKERS[name](100_000, 1)[np.random.default_rng(0).choice(100_000, 500, replace=False)]
    floor = max(wasserstein(draw(name, 500, seed), draw(name, 500, 100 + seed)) for seed in range(5))
    assert wasserstein(draw(name, 500), torch.from_numpy(pool)) < floor


@pytest.mark.parametrize("name", MAKERS)
def test_samples_lie_as_far_from_the_curve_as_scikit_learns(name):
    curve = torch.from_numpy(MAKERS[name](4000, 0)).float()
    theirs = torch.cdist(torch.from_numpy(MAKERS[name](4000, 1)).float(), curve).amin(1).mean()
    ours = torch.cdist(draw(name, 4000), curve).amin(1).mean()
    assert ours.item() == pytest.approx(theirs.item(), rel=0.06)  # 4.5 times the standard error of the ratio


def test_circles_have_radii_one_and_two():
    radii = centres("circles").norm(dim=1)
    assert sorted(radii.round(decimals=4).tolist()) == [1] * 60 + [2] * 60


def test_spirals_are_each_others_mirror_image():
    np.testing.assert_allclose(as_set(centres("spirals")), as_set(-centres("spirals")), atol=2e-4)


def test_checkerboard_fills_every_second_square():
    x = draw("checkerboard", 10_000)
    assert x.min() >= -2
    assert x.max() < 2
    assert (x.floor().sum(1) % 2 == 0).all()
    assert len(x.floor().unique(dim=0)) == 8
