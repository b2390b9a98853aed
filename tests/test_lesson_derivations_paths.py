"""What the answers and derivations of lessons 1 to 6 say: their constants and their identities, by other means."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi2

from fm_core.maths.distributions import STANDARD, TARGETS
from fm_core.maths.exact import exact_velocity
from fm_core.maths.schedules import SCHEDULES

RNG = np.random.default_rng
OMEGA = math.pi / 2
T = np.linspace(0, 1, 1001)


def mean_close(samples: np.ndarray, expected: float) -> None:
    """Within 5 standard errors."""
    error = samples.std() / math.sqrt(len(samples))
    assert abs(samples.mean() - expected) < 5 * error, (samples.mean(), expected, error)


def test_half_pi_is_the_smallest_solution_of_the_borders_and_larger_ones_overshoot_and_are_faster():
    angles = np.arange(1, 25_000) * math.pi / 10_000  # multiples of π/10000 below 2.5 π
    assert angles[np.abs(np.cos(angles)) < 1e-9] == pytest.approx([OMEGA, 3 * OMEGA])
    assert angles[np.abs(np.sin(angles) - 1) < 1e-9] == pytest.approx([OMEGA])
    assert math.sin(OMEGA + 2 * math.pi) == pytest.approx(1)
    assert (math.cos(math.pi), math.sin(math.pi)) == pytest.approx((-1, 0))  # half a turn: −X_0
    assert (math.cos(math.pi / 2), math.sin(math.pi / 2)) == pytest.approx((0, 1))  # of which t = ½ is the data
    assert (math.cos(2 * math.pi), math.sin(2 * math.pi)) == pytest.approx((1, 0))
    assert (round(math.cos(1), 2), round(math.sin(1), 2)) == (0.54, 0.84)
    assert 0.32 * math.pi == pytest.approx(1, abs=0.01)
    assert (math.cos(3 * OMEGA / 3), math.cos(3 * OMEGA * 2 / 3)) == pytest.approx((0, -1))
    a, b = 1.1, 0.7  # a path that ends elsewhere
    x_0, x_1 = RNG(0).normal(size=(2, 400_000))
    x_1 = 0.5 * x_1 + 1
    end = math.cos(a) * x_0 + math.sin(b) * x_1
    mean_close((end - end.mean()) ** 2, math.cos(a) ** 2 + math.sin(b) ** 2 * 0.25)
    for a, b in itertools.product([OMEGA, 3 * OMEGA, 5 * OMEGA], [OMEGA, 5 * OMEGA]):
        energy = quad(lambda t, a=a, b=b: a**2 * math.sin(a * t) ** 2 * 2 + b**2 * math.cos(b * t) ** 2 * 3, 0, 1)[0]
        assert energy == pytest.approx(a**2 / 2 * 2 + b**2 / 2 * 3)
        t = RNG(1).uniform(size=400_000)  # with the products of x_0 and x_1, which cancel
        v = -a * np.sin(a * t) * x_0 + b * np.cos(b * t) * x_1
        mean_close(v**2, a**2 / 2 + b**2 / 2 * 1.25)
    assert pytest.approx(9) == (3 * OMEGA) ** 2 / OMEGA**2


def test_the_cosine_velocity_is_the_derivative_and_finite_differences_miss_it_by_their_steps():
    x_0, x_1 = 0.7, -1.3
    t = torch.linspace(0, 1, 101, dtype=torch.float64, requires_grad=True)
    x = torch.cos(OMEGA * t) * x_0 + torch.sin(OMEGA * t) * x_1
    (derivative,) = torch.autograd.grad(x.sum(), t)

    def velocity(t: np.ndarray | float) -> np.ndarray:
        return -OMEGA * np.sin(OMEGA * t) * x_0 + OMEGA * np.cos(OMEGA * t) * x_1

    np.testing.assert_allclose(derivative.numpy(), velocity(t.detach().numpy()))
    assert velocity(np.array([0.0, 1.0])) == pytest.approx([OMEGA * x_1, -OMEGA * x_0])
    assert quad(velocity, 0, 1)[0] == pytest.approx(x_1 - x_0)  # X_1 − X_0 is its average
    assert quad(lambda t: OMEGA * math.sin(OMEGA * t), 0, 1)[0] == pytest.approx(1)
    assert quad(lambda t: OMEGA * math.cos(OMEGA * t), 0, 1)[0] == pytest.approx(1)
    without = quad(lambda t: -math.sin(OMEGA * t) * x_0 + math.cos(OMEGA * t) * x_1, 0, 1)[0]
    assert without == pytest.approx(2 / math.pi * (x_1 - x_0))
    assert round(2 / math.pi, 2) == 0.64
    plus = quad(lambda t: OMEGA * math.sin(OMEGA * t) * x_0 + OMEGA * math.cos(OMEGA * t) * x_1, 0, 1)[0]
    assert x_0 + plus == pytest.approx(2 * x_0 + x_1)
    for h in (0.3, 0.1, 0.05):
        later, before = (np.cos(OMEGA * s) * x_0 + np.sin(OMEGA * s) * x_1 for s in (T + h, T - h))
        factor = math.sin(OMEGA * h) / (OMEGA * h)
        np.testing.assert_allclose((later - before) / (2 * h), factor * velocity(T), atol=1e-12)
        assert 1 - factor == pytest.approx(math.pi**2 * h**2 / 24, rel=h**2)
    assert [round(math.sqrt(OMEGA), 2), round(OMEGA * math.sqrt(OMEGA), 2)] == [1.25, 1.97]
    mean_close(np.linalg.norm(RNG(0).normal(size=(400_000, 2)), axis=1), math.sqrt(OMEGA))


def test_the_linear_path_halves_the_variance_and_is_always_narrower_than_both_ends():
    x_0, x_1 = RNG(0).normal(size=(2, 400_000))
    x_1 = x_1 + 1
    for t in (0.25, 0.5, 0.8):
        x = (1 - t) * x_0 + t * x_1
        mean_close((x - x.mean()) ** 2, (1 - t) ** 2 + t**2)
        mean_close(x, t)
    np.testing.assert_allclose((1 - T) ** 2 + T**2, 1 - 2 * T * (1 - T))
    assert ((1 - T) ** 2 + T**2)[1:-1].max() < 1
    assert 0.5**2 + 0.5**2 == 0.5
    crowd = np.where(RNG(1).uniform(size=400_000) < 0.5, x_0, x_1)  # one or the other
    mean_close((crowd - crowd.mean()) ** 2, 1.25)
    assert (0.5 * x_0 + 0.5 * -x_0).var() == 0
    assert round(math.sqrt(0.5), 2) == 0.71
    for var_0, var_1 in ((1, 1), (1, 0.5028), (2.0225, 1), (0.1, 7)):
        curve = (1 - T) ** 2 * var_0 + T**2 * var_1
        assert T[curve.argmin()] == pytest.approx(var_0 / (var_0 + var_1), abs=0.001)
        assert curve.min() == pytest.approx(var_0 * var_1 / (var_0 + var_1), rel=1e-4)
        assert var_0 * var_1 / (var_0 + var_1) < min(var_0, var_1)


def test_the_cosine_path_keeps_equal_variances_of_independent_ends_and_no_others():
    alpha, beta = np.cos(OMEGA * T), np.sin(OMEGA * T)
    np.testing.assert_allclose(alpha**2 + beta**2, 1)
    np.testing.assert_allclose(2 * alpha * beta, np.sin(math.pi * T), atol=1e-12)
    for var_0, var_1 in ((1, 1), (1, 0.5), (1, 2.02)):
        curve = alpha**2 * var_0 + beta**2 * var_1
        assert min(var_0, var_1) - 1e-9 <= curve.min() <= curve.max() <= max(var_0, var_1) + 1e-9
        assert curve[500] == pytest.approx((var_0 + var_1) / 2)
    x_0, noise = RNG(0).normal(size=(2, 1000))
    x_1 = 0.8 * x_0 + 0.6 * noise + 1  # a covariance of about 0.8, and about equal variances
    (var_0, covariance), (_, var_1) = np.cov(x_0, x_1, bias=True)
    for t in (0.2, 0.5):
        a, b = math.cos(OMEGA * t), math.sin(OMEGA * t)
        assert (a * x_0 + b * x_1).var() == pytest.approx(a * a * var_0 + b * b * var_1 + 2 * a * b * covariance)
    spread = var_0 + var_1 - 2 * covariance + (x_1.mean() - x_0.mean()) ** 2
    assert ((x_1 - x_0) ** 2).mean() == pytest.approx(spread)
    few_0, few_1 = RNG(1).normal(size=(2, 6, 2))  # the shortest of all matchings has the largest covariance
    orders = [list(order) for order in itertools.permutations(range(6))]
    costs = [((few_1[order] - few_0) ** 2).sum() for order in orders]
    products = [((few_1[order] - few_1.mean(0)) * (few_0 - few_0.mean(0))).sum() for order in orders]
    assert np.argmin(costs) == np.argmax(products)
    assert max(products) >= 0
    matched = x_0 + 1  # perfect matching of N(0, 1) and N(1, 1)
    assert (math.sqrt(0.5) * (x_0 + matched)).var() == pytest.approx(2 * var_0)
    np.testing.assert_allclose([((1 - t) * x_0 + t * matched).var() for t in (0.1, 0.5, 0.9)], var_0)
    means = RNG(2).normal(size=(2, 50)) + np.linspace(-2, 2, 50)  # two mean images, alike
    means -= means.mean(1, keepdims=True)
    images = means[:, None] + RNG(3).normal(size=(2, 20_000, 50))  # drawn independently of each other
    pooled = ((images[0] - images[0].mean()) * (images[1] - images[1].mean())).mean()
    assert pooled == pytest.approx((means[0] * means[1]).mean(), abs=0.02)
    assert pooled > 0.5
    assert abs(((images[0] - means[0]) * (images[1] - means[1])).mean(0)).max() < 0.05  # 0 at each pixel


def test_noise_lies_on_a_shell_that_the_cosine_path_keeps_and_each_path_has_its_own_speed():
    d = 784
    assert math.sqrt(d) == 28 == math.sqrt(28 * 28)
    squares = RNG(0).normal(size=(20_000, d)) ** 2
    mean_close(squares.mean(1), 1)
    mean_close((squares.mean(1) - 1) ** 2, 2 / d)
    assert np.sqrt(squares.mean(1)).std() == pytest.approx(1 / math.sqrt(2 * d), rel=0.03)
    assert round(1 / math.sqrt(1568), 3) == 0.025 == round(math.sqrt(2 / d) / 2, 3)
    assert chi2.cdf(d / 2, d) < (math.exp(0.5) / 2) ** (d / 2) < 1e-32
    x_0, x_1 = RNG(1).normal(size=(2, 2000, d))
    x_1 *= np.sqrt(RNG(2).uniform(0.5, 1.5, size=(2000, 1)))
    for alpha, beta in ((0.5, 0.5), (math.sqrt(0.5), math.sqrt(0.5))):
        lengths = ((alpha * x_0 + beta * x_1) ** 2).mean(1)
        approximate = alpha**2 + beta**2 * (x_1**2).mean(1)
        assert np.abs(lengths / approximate - 1).std() < 0.05
    assert round(math.sqrt(0.5**2 + 0.5**2), 2) == 0.71
    moons, x = TARGETS["moons"], torch.tensor([[0.3, -1.0], [-2.0, 0.4]], dtype=torch.float64)
    mean = moons.mean.double().expand(2, 2)
    for schedule, expected in (("linear", mean - x), ("cosine", OMEGA * mean)):
        torch.testing.assert_close(exact_velocity(STANDARD, moons, SCHEDULES[schedule])(x, torch.zeros(2)), expected)
    pairs = RNG(3).normal(size=(2, 400_000))
    mean_close((pairs[1] - pairs[0]) ** 2, 2)
    for t in (0.0, 0.3, 0.9):
        v = OMEGA * (np.cos(OMEGA * t) * pairs[1] - np.sin(OMEGA * t) * pairs[0])
        mean_close(v**2, math.pi**2 / 4)
    assert [round(math.pi**2 / 4, 2), round(OMEGA / math.sqrt(2), 2)] == [2.47, 1.11]
    first, last = OMEGA * np.array([0, 1]), -OMEGA * np.array([1, 0])  # velocities at the ends of (1, 0) → (0, 1)
    assert first @ last == 0


def share(steps: int) -> float:
    """What Euler leaves of the variance on the exact linear field, by running it in one dimension."""
    y = 1.0
    for k in range(steps):
        t = k / steps
        y += (2 * t - 1) / (t**2 + (1 - t) ** 2) * y / steps
    return y**2


def test_euler_loses_variance_on_linear_by_a_formula_and_none_on_cosine():
    assert round(1 / math.sqrt(1999), 3) == 0.022 == round(math.sqrt(2 / 1999) / math.sqrt(2), 3)
    assert round(2 / math.sqrt(1999), 3) == 0.045
    spread = RNG(0).normal(size=(4000, 2000, 2)).var(1, ddof=1).mean(1).std()
    assert spread == pytest.approx(1 / math.sqrt(1999), rel=0.05)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None].expand(7, 2)
    for name, t in itertools.product(("linear", "cosine"), (0.0, 0.3, 0.5, 1.0)):
        alpha, beta, d_alpha, d_beta = SCHEDULES[name](torch.tensor(t, dtype=torch.float64))
        slope = (alpha * d_alpha + beta * d_beta) / (alpha**2 + beta**2)
        by_hand = d_beta + slope * (x - beta)  # m = 1
        torch.testing.assert_close(
            exact_velocity(STANDARD, TARGETS["gaussian"], SCHEDULES[name])(x, torch.full((len(x),), t)), by_hand
        )
        a = (2 * t - 1) / (t**2 + (1 - t) ** 2)
        expected = 1 + a * (x - t) if name == "linear" else torch.full_like(x, OMEGA * math.cos(OMEGA * t))
        torch.testing.assert_close(by_hand, expected)
    assert [round(share(n), 3) for n in (50, 20, 10, 1)] == [0.950, 0.879, 0.773, 0]
    flow = exact_velocity(STANDARD, TARGETS["gaussian"], SCHEDULES["linear"])
    cosine = exact_velocity(STANDARD, TARGETS["gaussian"], SCHEDULES["cosine"])
    for n in (10, 50):
        start = torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        ends = []
        for field in (flow, cosine):
            end = start
            for k in range(n):
                end = end + field(end, torch.full((500,), k / n, dtype=torch.float64)) / n
            ends.append(end)
        product = np.prod([(1 + a_of(k / n) / n) ** 2 for k in range(n)])
        torch.testing.assert_close(ends[0].var(0), start.var(0) * float(product))
        torch.testing.assert_close(ends[1].var(0), start.var(0))
        moved = [(end.mean(0) - start.mean(0))[0].item() for end in ends]
        deviation = start.mean(0)[0].item() * (math.sqrt(product) - 1)  # of the sample's mean from 0, also contracted
        assert moved[0] == pytest.approx(1 + deviation)  # linear: the mean of the data, exactly
        assert moved[1] == pytest.approx(1 + math.pi / (4 * n), abs=2 / n**2)
    assert round(100 * math.pi / 200, 1) == 1.6
    n, h = 1000, 1 / 1000
    factors = np.array([a_of(k * h) for k in range(n)])
    assert (a_of(0), a_of(1)) == (-1, 1)
    assert quad(a_of, 0, 1)[0] == pytest.approx(0, abs=1e-9)
    assert math.log(share(n)) == pytest.approx(2 * (h * factors).sum() - h * (h * factors**2).sum(), rel=0.01)
    assert (h * factors).sum() == pytest.approx(-h, rel=1e-3)
    assert quad(lambda t: a_of(t) ** 2, 0, 1)[0] == pytest.approx(math.pi / 2 - 1)
    assert quad(lambda u: 2 * u**2 / (1 + u**2) ** 2, -1, 1)[0] == pytest.approx(math.pi / 2 - 1)
    for n in (10, 50, 200):
        assert share(n) == pytest.approx(math.exp(-(1 + math.pi / 2) / n), abs=0.1 / n**2)
        assert 1 - share(2 * n) == pytest.approx((1 - share(n)) / 2, rel=2 / n)
    assert round(1 + math.pi / 2, 2) == 2.57
    assert 1 + math.pi / 2 == pytest.approx(2.5707963, abs=1e-7)  # in the conclusion, which also has π²
    assert math.pi**2 == pytest.approx(9.8696044, abs=1e-7)


def a_of(t: float) -> float:
    """The slope of the exact linear field, half the derivative of ln s²."""
    return (2 * t - 1) / (t**2 + (1 - t) ** 2)
