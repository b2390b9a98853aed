"""The pairs behind the exact velocity at a point: against Bayes' rule and importance sampling over many pairs."""

import math
from functools import lru_cache

import pytest
import torch

from fm_core import exact_flow, load_flow
from fm_core.maths.distributions import SOURCES, TARGETS, Mixture, Squares
from fm_core.maths.flow import Flow
from fm_core.maths.probe import Probe, probe
from fm_core.maths.schedules import SCHEDULES
from fm_core.refusals import SettingsError

KINDS = [("moons", "standard-gaussian"), ("moons", "eight-gaussians"), ("checkerboard", "eight-gaussians")]
every_kind = pytest.mark.parametrize(("target", "source"), KINDS)
TIMES = (0.0, 1e-3, 0.3, 0.8, 0.99, 1.0)


def points(flow: Flow, t: float, n: int) -> torch.Tensor:
    """n draws of X_t."""
    alpha, beta, _, _ = flow.schedule(torch.tensor(t, dtype=torch.float64))
    return alpha * flow.draw(n, 5) + beta * flow.fresh(n, 5)


@lru_cache
def probes(target: str, source: str, n: int = 2) -> list[tuple[Flow, float, torch.Tensor, Probe]]:
    """Of 24 pairs at draws of X_t for every schedule and time."""
    flows = [exact_flow(target, schedule, source) for schedule in SCHEDULES]
    places = [(flow, t, x) for flow in flows for t in TIMES for x in points(flow, t, n)]
    return [(flow, t, x, probe(flow, x, t, pairs=24)) for flow, t, x in places]


@every_kind
def test_every_pair_lies_on_a_path_through_the_point(target, source):
    """To 1e-6: at t = 1, the checkerboard has alpha = 1e-7 in place of 0."""
    for flow, t, x, found in probes(target, source):
        alpha, beta, d_alpha, d_beta = flow.schedule(torch.tensor(t, dtype=torch.float64))
        x_0, x_1, u, weights = found.pairs
        torch.testing.assert_close(alpha * x_0 + beta * x_1, x.double().expand(24, 2), rtol=0, atol=1e-6)
        torch.testing.assert_close(d_alpha * x_0 + d_beta * x_1, u)
        assert weights.min() >= 0
        assert weights.sum().item() == pytest.approx(1)


@every_kind
def test_the_weighted_means_of_the_pairs_are_the_exact_ends_and_velocity(target, source):
    for flow, t, x, found in probes(target, source):
        x_0, x_1, u, weights = found.pairs
        assert torch.equal(found.v, flow.velocity(x[None].double(), torch.tensor([t], dtype=torch.float64))[0])
        for values, mean in ((x_0, found.x_0), (x_1, found.x_1), (u, found.v)):
            torch.testing.assert_close(weights @ values, mean, rtol=0, atol=1e-6)


@every_kind
def test_the_ends_of_the_pairs_are_where_source_and_target_are(target, source):
    start, end = SOURCES[source], TARGETS[target]
    for *_, found in probes(target, source):
        x_0, x_1 = found.pairs.x_0, found.pairs.x_1
        assert (torch.cdist(x_0, start.centres.double()).amin(1) < 6 * start.std).all()
        if isinstance(end, Squares):
            offset = x_1[:, None] - end.low
            assert ((offset > -1e-6) & (offset < end.side + 1e-6)).all(2).any(1).all()
        else:
            assert (torch.cdist(x_1, end.centres.double()).amin(1) < 6 * end.std).all()


@pytest.mark.parametrize(("schedule", "t"), [("linear", 0.3), ("cosine", 0.6), ("linear", 0.8)])
@every_kind
def test_the_pairs_have_the_means_and_covariances_of_weighted_draws(target, source, schedule, t):
    """x_1 is drawn from the target 50,000 times, x_0 is what x then asks for, and its density the weight. The means
    and second moments of 2,000 pairs are those to 4.5 standard errors of both samples, and 1e-4 for float32.
    """
    flow = exact_flow(target, schedule, source)
    alpha, beta, _, _ = flow.schedule(torch.tensor(t))
    x_1 = TARGETS[target].sample(50_000, torch.Generator().manual_seed(1))
    for x in points(flow, t, 2).float():
        x_0 = (x - beta * x_1) / alpha
        pairs = probe(flow, x, t, pairs=2000).pairs
        found, error = moments(torch.cat([pairs.x_0, pairs.x_1], 1), pairs.weights)
        expected, other_error = moments(torch.cat([x_0, x_1], 1), SOURCES[source].density(x_0).double() + 1e-30)
        assert ((found - expected).abs() < 4.5 * (error + other_error) + 1e-4).all()


def moments(values: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted means of values (n, 4) and of their products, shape (14,), and their standard errors."""
    values, rows, columns = values.double(), *torch.triu_indices(4, 4)
    features = torch.cat([values, values[:, rows] * values[:, columns]], 1)
    weights = weights / weights.sum()
    mean = weights @ features
    return mean, (weights[:, None] * (features - mean)).norm(dim=0)


def test_the_weights_are_those_of_the_sources_and_the_targets_components():
    """By Bayes' rule from the density of x given both components, for two of the source and three of the target."""
    a = Mixture("a", "A", torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), std=0.5)
    m = Mixture("m", "M", torch.tensor([[0.0, 2.0], [2.0, 2.0], [-1.0, -1.0]]), std=0.2)
    flow = Flow("five", a, m, SCHEDULES["cosine"], lambda x, t: x)
    x, t = torch.tensor([0.1, 0.9]), 0.4
    alpha, beta = math.cos(math.pi / 2 * t), math.sin(math.pi / 2 * t)
    means = alpha * a.centres[:, None] + beta * m.centres
    log_density = torch.distributions.Normal(means.double(), math.hypot(alpha * 0.5, beta * 0.2)).log_prob(x.double())
    expected = log_density.sum(2).flatten().softmax(0).view(2, 3)
    torch.testing.assert_close(probe(flow, x, t).weights, expected)


def test_a_place_that_no_path_reaches_has_finite_pairs():
    for target in TARGETS:
        for t in TIMES:
            found = probe(exact_flow(target, "linear"), torch.tensor([9.0, -9.0]), t, pairs=16)
            assert all(values.isfinite().all() for values in (*found.pairs, found.weights, found.v))


def test_the_same_seed_draws_the_same_pairs():
    flow, x = exact_flow("moons", "linear"), torch.tensor([0.3, 0.2])
    first, again, other = (probe(flow, x, 0.5, seed=seed) for seed in (1, 1, 2))
    assert first.pairs.x_0.shape == first.pairs.x_1.shape == first.pairs.u.shape == (64, 2)
    assert torch.equal(first.pairs.x_1, again.pairs.x_1)
    assert not torch.equal(first.pairs.x_1, other.pairs.x_1)


def test_what_cannot_be_probed_is_refused_in_a_sentence():
    x = torch.zeros(2)
    with pytest.raises(SettingsError, match=r"^The exact field is known for the independent coupling only"):
        probe(load_flow("moons-linear-ot"), x, 0.5)
    for t, pairs, seed in ((1.5, 64, 0), (0.5, 15, 0), (0.5, 64, -1)):
        with pytest.raises(SettingsError, match=r"^(t|pairs|seed) must be a (whole )?number from .*\.$"):
            probe(exact_flow("moons", "linear"), x, t, pairs, seed)
