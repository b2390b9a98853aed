"""The exact field against brute force: conditional means of draws, quadrature and textbook formulas."""

import numpy as np
import pytest
import torch

from fm_core.maths.distributions import SOURCES, TARGETS, Mixture, Squares
from fm_core.maths.exact import exact_posterior, exact_velocity
from fm_core.maths.matching import interpolate, matching_loss
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import integrate
from fm_core.maths.spacing import time_grid

KINDS = [
    ("standard-gaussian", "moons"),
    ("eight-gaussians", "moons"),
    ("standard-gaussian", "checkerboard"),
    ("eight-gaussians", "checkerboard"),
]
every_kind = pytest.mark.parametrize(("source", "target"), KINDS)
every_source = pytest.mark.parametrize("source", SOURCES)
every_target = pytest.mark.parametrize("target", TARGETS)
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def field(source: str, target: str, schedule: str = "linear"):
    return exact_velocity(SOURCES[source], TARGETS[target], SCHEDULES[schedule])


def posterior(source: str, target: str, schedule: str = "linear"):
    return exact_posterior(SOURCES[source], TARGETS[target], SCHEDULES[schedule])


def draw(source: str, target: str, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """n independent triples (x_0, x_1, t)."""
    generator = torch.Generator().manual_seed(0)
    x_0, x_1 = SOURCES[source].sample(n, generator), TARGETS[target].sample(n, generator)
    return x_0, x_1, torch.rand(n, generator=generator)


def on_the_path(source: str, target: str, schedule: str, t: float, n: int) -> torch.Tensor:
    x_0, x_1, _ = draw(source, target, n)
    return interpolate(SCHEDULES[schedule], x_0, x_1, torch.full((n,), t))[0]


@every_target
@every_source
def test_the_ends_and_the_field_are_conditional_means_in_every_cell(source, target):
    """E[(y − E[y | X_t]) 1{(t, X_t) in cell}] = 0 for 4 intervals of t times 4 quadrants around the mean.

    y is x_0, x_1 and u_t.
    """
    for schedule in SCHEDULES.values():
        x_0, x_1, t = draw(source, target, 10_000)
        x_t, u_t = interpolate(schedule, x_0, x_1, t)
        _, mean_0, mean_1 = posterior(source, target, schedule.name)(x_t, t)
        v = field(source, target, schedule.name)(x_t, t)
        residual = torch.cat([x_0 - mean_0, x_1 - mean_1, u_t - v], 1)
        right, above = (x_t > x_t.mean(0)).long().T
        cell = (4 * t).long() * 4 + 2 * right + above
        for k in range(16):
            inside = residual[cell == k]
            assert len(inside) > 100
            z = inside.mean(0) / (inside.std(0) / len(inside) ** 0.5)
            assert z.abs().max() < 4.5


@pytest.mark.parametrize(("schedule", "t"), [("linear", 0.2), ("cosine", 0.5), ("vp", 0.8)])
@every_target
@every_source
def test_the_ends_and_the_field_are_means_of_draws_weighted_by_their_likelihood(source, target, schedule, t):
    """E[y | X_t = x] is the mean of y over draws of x_1, weighted by p_0((x − β x_1) / α); y is x_0, x_1 and u_t."""
    x = on_the_path(source, target, schedule, t, 6)
    x_1 = TARGETS[target].sample(100_000, torch.Generator().manual_seed(1))
    alpha, beta, d_alpha, d_beta = SCHEDULES[schedule](torch.tensor(t))
    _, mean_0, mean_1 = posterior(source, target, schedule)(x, t)
    found = torch.stack([mean_0, mean_1, field(source, target, schedule)(x, t)], 1)
    for point, expected in zip(x, found, strict=True):
        x_0 = (point - beta * x_1) / alpha
        weight = SOURCES[source].density(x_0)[:, None, None] + 1e-30
        y = torch.stack([x_0, x_1, d_alpha * x_0 + d_beta * x_1], 1)
        mean = (weight * y).sum(0) / weight.sum()
        error = (weight * (y - mean)).norm(dim=0) / weight.sum()
        assert error.max() < 0.1
        assert ((expected - mean).abs() < 4.5 * error + 2e-4).all()


TIMES = (0.0, 1e-6, 1e-3, 0.1, 0.5, 0.9, 0.999, 1.0)


@every_target
@every_source
def test_the_ends_lie_on_a_path_through_the_point_and_make_up_the_field(source, target):
    """α E[x_0 | x] + β E[x_1 | x] = x, d_alpha E[x_0 | x] + d_beta E[x_1 | x] = v_t(x), and the weights sum to one."""
    for schedule in SCHEDULES.values():
        for t in TIMES:
            x, time = on_the_path(source, target, schedule.name, t, 50).double(), torch.tensor(t, dtype=torch.float64)
            weights, x_0, x_1 = posterior(source, target, schedule.name)(x, time)
            alpha, beta, d_alpha, d_beta = schedule(time)
            torch.testing.assert_close(alpha * x_0 + beta * x_1, x, rtol=1e-6, atol=1e-6)
            velocity = field(source, target, schedule.name)(x, time)
            torch.testing.assert_close(d_alpha * x_0 + d_beta * x_1, velocity, rtol=1e-9, atol=1e-9)
            torch.testing.assert_close(weights.sum(1), torch.ones(50).double(), rtol=0, atol=1e-9)
            assert weights.min() >= 0


def test_the_weights_are_those_of_the_pairs_the_targets_components_varying_fastest():
    """Of two sources' centres and three targets': by Bayes from the density of x given the pair."""
    a = Mixture("a", "A", torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), std=0.5)
    m = Mixture("m", "M", torch.tensor([[0.0, 2.0], [2.0, 2.0], [-1.0, -1.0]]), std=0.2)
    x, t = torch.tensor([[0.1, 0.9], [-0.3, 0.2]]), 0.4
    alpha, beta, _, _ = SCHEDULES["cosine"](torch.tensor(t))
    std = ((alpha * a.std) ** 2 + (beta * m.std) ** 2).sqrt()
    means = (alpha * a.centres[:, None] + beta * m.centres[None]).reshape(6, 2)
    log_density = torch.distributions.Normal(means, std).log_prob(x[:, None]).sum(2)
    found = exact_posterior(a, m, SCHEDULES["cosine"])(x, t).weights
    torch.testing.assert_close(found, log_density.softmax(1))


@pytest.mark.parametrize("t", [0.005, 0.05, 0.5, 0.9, 0.99])
@every_schedule
@every_source
def test_checkerboard_agrees_with_quadrature_of_the_posterior(source, schedule, t):
    """E[x_1 | X_t = x] from ∫ p_0((x − β y) / α) y dy over each square, by Gauss-Legendre with 80 nodes a side.

    The nodes are spread over the part of the square where the integrand is not negligible.
    """
    chosen, time = SCHEDULES[schedule], torch.tensor(t, dtype=torch.float64)
    alpha, beta, target = chosen.alpha(time), chosen.beta(time), TARGETS["checkerboard"]
    assert isinstance(target, Squares)
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(80))
    x = on_the_path(source, "checkerboard", schedule, t, 5).double()[:, None, None]  # (5, 1, 1, 2)
    low, a = target.low.double(), SOURCES[source].centres.double()[:, None]  # (K, 2), (I, 1, 2)
    normal = torch.distributions.Normal(a[..., None], SOURCES[source].std)
    middle, reach = (x - alpha * a) / beta, 9 * alpha / beta * SOURCES[source].std
    start, stop = (edge.clamp(middle - reach, middle + reach) for edge in (low, low + target.side))
    y = start[..., None] + (stop - start)[..., None] * (nodes + 1) / 2  # (5, I, K, 2, 80)
    mass = normal.log_prob((x[..., None] - beta * y) / alpha).exp() * weights * (stop - start)[..., None]
    zeroth, first = mass.sum(-1), (mass * y).sum(-1)
    mean_1 = (first * zeroth.flip(-1)).sum((1, 2)) / zeroth.prod(-1).sum((1, 2))[:, None]
    mean_0 = (x[:, 0, 0] - beta * mean_1) / alpha
    expected = chosen.d_alpha(time) * mean_0 + chosen.d_beta(time) * mean_1
    found = field(source, "checkerboard", schedule)(x[:, 0, 0], torch.full((5,), t, dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_gaussian_to_gaussian_is_the_textbook_formula(t):
    """N(0, I) → N(μ, I): X_t ~ N(t μ, s² I), s² = (1 − t)² + t², flows as μ + (s'/s) (x − t μ), s s' = 2 t − 1."""
    x, mu = on_the_path("standard-gaussian", "gaussian", "linear", t, 50), torch.ones(2)
    expected = mu + (2 * t - 1) / ((1 - t) ** 2 + t**2) * (x - t * mu)
    found = field("standard-gaussian", "gaussian")(x, torch.full((50,), t))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@every_target
@every_source
def test_at_the_start_nothing_is_known_of_the_data(source, target):
    x, start = SOURCES[source].sample(50, torch.Generator().manual_seed(2)), torch.zeros(50)
    for name, schedule in SCHEDULES.items():
        expected = schedule.d_alpha(start)[:, None] * x + schedule.d_beta(start)[:, None] * TARGETS[target].mean
        torch.testing.assert_close(field(source, target, name)(x, start), expected, rtol=1e-3, atol=1e-3)


@every_target
@every_source
def test_at_the_end_nothing_is_known_of_the_source(source, target):
    x, end = TARGETS[target].sample(50, torch.Generator().manual_seed(2)), torch.ones(50)
    for name, schedule in SCHEDULES.items():
        expected = schedule.d_alpha(end)[:, None] * SOURCES[source].mean + schedule.d_beta(end)[:, None] * x
        torch.testing.assert_close(field(source, target, name)(x, end), expected, rtol=1e-3, atol=1e-3)


PERTURBATIONS = {
    "shift": lambda x, t: torch.full_like(x, 0.1),
    "scale": lambda x, t: 0.1 * x,
    "turn": lambda x, t: 0.1 * x.flip(1) * torch.tensor([-1.0, 1.0]),
    "wave": lambda x, t: 0.15 * torch.sin(3 * x),
    "late": lambda x, t: 0.15 * t[:, None] * torch.ones_like(x),
    "early": lambda x, t: 0.15 * (1 - t)[:, None] * torch.ones_like(x),
}


@every_kind
def test_any_perturbation_raises_the_loss(source, target):
    """By about the mean square of the perturbation, on the same draws."""
    schedule, (x_0, x_1, t) = SCHEDULES["linear"], draw(source, target, 20_000)
    x_t, _ = interpolate(schedule, x_0, x_1, t)
    best = field(source, target)(x_t, t)

    def loss(velocity: torch.Tensor) -> float:
        return matching_loss(lambda x, t: velocity, schedule, x_0, x_1, t).item()

    for change in (perturbation(x_t, t) for perturbation in PERTURBATIONS.values()):
        for sign in (1, -1):
            rise = loss(best + sign * change) - loss(best)
            assert rise == pytest.approx(change.square().sum(1).mean().item(), rel=0.5)


@every_target
@every_source
def test_integrating_the_field_reaches_the_mean_and_variance_of_the_target(source, target):
    n, goal = 1000, TARGETS[target]
    x_0 = SOURCES[source].sample(n, torch.Generator().manual_seed(3))
    x = list(integrate(field(source, target), x_0, time_grid(20), "rk4"))[-1][1]
    squares = (x - goal.mean) ** 2
    assert ((x.mean(0) - goal.mean) / (goal.variance / n).sqrt()).abs().max() < 4
    assert ((squares.mean(0) - goal.variance) / (squares.std(0) / n**0.5)).abs().max() < 4


@every_target
@every_source
def test_field_is_finite_everywhere(source, target):
    directions = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    for velocity in (field(source, target, schedule) for schedule in SCHEDULES):
        for size in (0, 1, 10, 100, 1000):
            for t in (0.0, 1e-8, 1e-4, 0.5, 0.999, 1 - 6e-8, 1.0):
                assert velocity(size * directions, torch.full((20,), t)).isfinite().all()


@every_schedule
@every_source
def test_checkerboard_is_continuous_where_its_expansion_for_small_beta_ends(source, schedule):
    beta = SCHEDULES[schedule].beta
    grid = torch.linspace(0, 0.1, 1_000_001, dtype=torch.float64)
    switch = int((beta(grid) < 1e-4).sum())
    x = SOURCES[source].sample(200, torch.Generator().manual_seed(0)).double()
    before, after = (field(source, "checkerboard", schedule)(x, grid[k].expand(200)) for k in (switch - 1, switch))
    assert 0 < switch < len(grid)
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


@every_kind
def test_field_answers_in_the_type_it_was_asked_in(source, target):
    x, t = torch.zeros(3, 2), torch.full((3,), 0.5)
    assert field(source, target)(x, t).dtype == torch.float32
    assert field(source, target)(x.double(), t.double()).dtype == torch.float64
    torch.testing.assert_close(
        field(source, target)(x, t).double(), field(source, target)(x.double(), t.double()), rtol=1e-3, atol=1e-3
    )


@every_kind
def test_a_row_does_not_depend_on_the_others(source, target):
    x_0, _, t = draw(source, target, 10)
    alone = torch.cat([field(source, target)(x_0[k : k + 1], t[k : k + 1]) for k in range(10)])
    torch.testing.assert_close(field(source, target)(x_0, t), alone, rtol=1e-4, atol=1e-4)
