"""The constants and identities of the answers of lessons 7 to 11, computed."""

import math
from itertools import combinations

import numpy as np
import torch
from scipy.integrate import quad
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm
from torch import Tensor

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.maths.distributions import STANDARD, TARGETS, Distribution, Mixture
from fm_core.maths.exact import exact_posterior, exact_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.matching import interpolate, matching_loss, optimal_transport
from fm_core.maths.measures import straightness
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import time_grid
from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES, load_flow, load_image_flow
from fm_core.training.loop import learning_rate
from fm_core.training.report import curve
from fm_core.ui.lesson_records import least_loss

LINEAR = SCHEDULES["linear"]
MOONS = TARGETS["moons"]
ODD = 6.0  # standard errors: by chance about once in 500 million


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, generator=generator(seed), dtype=torch.float64)


def agrees(values: Tensor, expected: float) -> None:
    """The mean of independent values is the expected one, up to chance."""
    error = values.std().item() / math.sqrt(len(values))
    assert abs(values.mean().item() - expected) < ODD * error + 1e-9  # rounding


def of_noise(function) -> float:
    """E function(Z) for Z ~ N(0, 1)."""
    return quad(lambda z: function(z) * norm.pdf(z), -12, 12, limit=500, points=[0.0])[0]


def velocity_at(target: Distribution, x: Tensor, t: float) -> Tensor:
    """The exact velocity from N(0, I) on the linear path."""
    return exact_velocity(STANDARD, target, LINEAR)(x, torch.full((len(x),), t, dtype=x.dtype))


def exact_flow(target: Distribution) -> Flow:
    return Flow("", STANDARD, target, LINEAR, exact_velocity(STANDARD, target, LINEAR))


def two_points(c: float) -> Mixture:
    return Mixture("two", "Two points", torch.tensor([[c, 0.0], [-c, 0.0]]), std=0.0)


# Lesson 7


def test_the_conditional_mean_has_the_least_loss_and_others_have_their_distance_more():
    """In a place where three velocities meet with different probabilities, and for a whole flow."""
    u, p = torch.tensor([[1.0, 0.0], [-2.0, 1.0], [0.5, 3.0]]), torch.tensor([0.5, 0.3, 0.2])
    v = p @ u
    for f in torch.randn(20, 2, generator=generator()):
        loss = p @ (u - f).square().sum(1)
        torch.testing.assert_close(loss, p @ (u - v).square().sum(1) + (v - f).square().sum())
    n = 100_000
    x_0, x_1 = STANDARD.sample(n, generator(1)), MOONS.sample(n, generator(2))
    x, u = interpolate(LINEAR, x_0, x_1, t := torch.rand(n, generator=generator(3)))
    v = exact_velocity(STANDARD, MOONS, LINEAR)(x, t)
    for f in (torch.zeros_like(v), v.relu(), x):
        more = (u - f).square().sum(1) - (u - v).square().sum(1)
        agrees(more - (v - f).square().sum(1), 0)


def test_leaving_out_one_of_two_points_costs_at_least_twice_the_least_loss():
    n, c = 200_000, 1.5
    x_0, sign = normal(n), torch.where(torch.rand(n, generator=generator(1)) < 0.5, 1.0, -1.0).double()
    for t in (0.0, 0.3, 0.6, 0.9):
        x, u = (1 - t) * x_0 + t * c * sign, c * sign - x_0
        error = u - (c - x) / (1 - t)
        torch.testing.assert_close(error, torch.where(sign > 0, 0.0, -2 * c / (1 - t)).double())
        agrees(error.square(), 2 * c**2 / (1 - t) ** 2)
        points = torch.stack([x, torch.zeros(n)], 1)
        best = velocity_at(two_points(c), points, t)[:, 0]
        least = (u - best).square()
        bound = c**2 / (1 - t) ** 2
        assert least.mean() < bound * (1 + 1e-9) + ODD * least.std() / math.sqrt(n)
        mean = exact_posterior(STANDARD, two_points(c), LINEAR)(points, t).x_1[:, 0]
        agrees(least - (c**2 - mean.square()) / (1 - t) ** 2, 0)  # Var(X_1 | X_t) = c² − E[X_1 | X_t]²


def test_a_bilinear_game_moves_away_from_its_solution_and_one_loss_moves_nearer():
    for step in (0.01, 0.1, 0.5, 1.0):
        x, y = start = (0.3, -0.4)
        for k in range(1, 51):
            x, y = x - step * y, y + step * x
            assert math.isclose(math.hypot(x, y), (1 + step**2) ** (k / 2) * math.hypot(*start))
    for step in (0.01, 0.3, 0.5, 0.7, 0.99):
        assert abs(1 - 2 * step) < 1
        x = torch.tensor([0.3, -0.4], requires_grad=True)
        x.square().sum().backward()
        assert x.grad is not None
        torch.testing.assert_close(x - step * x.grad, (1 - 2 * step) * x)


def test_without_one_of_ten_digits_the_evenness_is_at_most_0_954():
    assert round(math.log(9) / math.log(10), 3) == 0.954
    shares = np.random.default_rng(0).dirichlet(np.full(9, 50.0), 1000)  # nine classes, nearly even
    assert (-(shares * np.log(shares)).sum(1) / math.log(10)).max() <= math.log(9) / math.log(10)


def test_the_learning_rate_rises_for_a_tenth_of_the_training_and_falls_from_then_on():
    rates = [learning_rate(1.0, k / 1000) for k in range(1000)]
    assert max(rates) == rates[100]
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)


def test_the_losses_of_flows_of_digits_are_summed_over_784_pixels():
    flow = load_image_flow("mnist-linear")
    x_0 = flow.draw(4, 0)
    assert x_0.flatten(1).shape == (4, 784)
    nothing = matching_loss(lambda x, t: torch.zeros_like(x), LINEAR, x_0, torch.zeros_like(x_0), torch.rand(4))
    torch.testing.assert_close(nothing, x_0.square().sum() / 4)


# Lesson 8


def test_the_solvers_evaluate_the_velocity_as_often_as_said():
    assert {name: solver.evaluations for name, solver in SOLVERS.items()} == {
        "euler": 1,
        "midpoint": 2,
        "heun": 2,
        "rk4": 4,
    }
    for name, solver in SOLVERS.items():
        assert load_flow("moons-linear").sample(10, steps=7, solver=name).nfe == 7 * solver.evaluations
    assert {name: solver.order for name, solver in SOLVERS.items()} == {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}


def width_after(steps: int) -> float:
    """The standard deviation at the end of Euler's steps from N(0, 1) to N(0, 1) on the linear path."""
    return math.prod(1 + (2 * t - 1) / ((1 - t) ** 2 + t**2) / steps for t in time_grid(steps)[:-1])


def test_eulers_loss_of_width_is_halved_by_twice_the_steps():
    widths = [round(width_after(steps), 3) for steps in (1, 2, 10, 20, 50, 100)]
    assert widths == [0, 0.5, 0.879, 0.938, 0.975, 0.987]
    for steps in (20, 50, 100, 1000):
        assert 1.9 < (1 - width_after(steps)) / (1 - width_after(2 * steps)) < 2.05
    flow = exact_flow(STANDARD)
    x_0 = flow.draw(50, 0).double()
    for steps in (1, 2, 10, 50):
        torch.testing.assert_close(flow.carry(x_0, steps).x[-1], width_after(steps) * x_0)


# Lesson 9


def test_the_least_loss_in_one_step_is_the_variance_of_the_data():
    assert [round(v, 4) for v in MOONS.variance.double().tolist()] == [0.7625, 0.2432]
    assert round(MOONS.variance.double().sum().item(), 4) == 1.0057
    x_1 = MOONS.sample(100_000, generator())
    agrees((x_1 - MOONS.mean).square().sum(1), 1.0057)


def test_one_step_of_the_exact_flow_ends_at_the_mean_of_the_data():
    x = STANDARD.sample(100, generator())
    v = velocity_at(MOONS, x, 0.0)
    torch.testing.assert_close(x + v, MOONS.mean.expand(100, 2), atol=1e-5, rtol=0)


def test_a_step_goes_its_part_of_the_way_to_the_mean_of_what_is_possible():
    steps = 7
    flow = exact_flow(MOONS)
    run = flow.carry(flow.draw(50, 0).double(), steps)
    posterior = exact_posterior(STANDARD, MOONS, LINEAR)
    for k, t in enumerate(time_grid(steps)[:-1]):
        mean = posterior(run.x[k], t).x_1
        torch.testing.assert_close(velocity_at(MOONS, run.x[k], t), (mean - run.x[k]) / (1 - t))
        torch.testing.assert_close(run.x[k + 1], run.x[k] + (mean - run.x[k]) / (steps - k))
    torch.testing.assert_close(run.x[-1], posterior(run.x[-2], (steps - 1) / steps).x_1)


def test_what_is_possible_given_the_place_is_weighted_by_a_gaussian_that_narrows():
    assert [round((1 - t) / t, 2) for t in (0.5, 0.9, 0.98)] == [1, 0.11, 0.02]
    assert time_grid(50)[-2] == 0.98
    data = Mixture("", "", torch.tensor([[0.3, 0.1], [-1.0, 0.4], [2.0, -0.7]], dtype=torch.float64), std=0.0)
    x = torch.tensor([[0.4, 0.2], [-0.3, 1.0]], dtype=torch.float64)
    for t in (0.2, 0.5, 0.9):
        weights = (-(torch.cdist(x / t, data.centres) ** 2) / (2 * ((1 - t) / t) ** 2)).softmax(1)
        torch.testing.assert_close(exact_posterior(STANDARD, data, LINEAR)(x, t).x_1, weights @ data.centres)


def towards_signs(x, steps: int):
    """Euler's steps from N(0, 1) to ±1 on the linear path, by step 5 of the answer."""
    for k, t in enumerate(time_grid(steps)[:-1]):
        x = x + (np.tanh(x * t / (1 - t) ** 2) - x) / (steps - k)
    return x


def test_two_points_become_distinct_with_the_steps():
    x = torch.linspace(-3, 3, 13, dtype=torch.float64)
    points = torch.stack([x, torch.zeros_like(x)], 1)
    for t in (0.1, 0.5, 0.8):
        mean = exact_posterior(STANDARD, two_points(1.0), LINEAR)(points, t).x_1[:, 0]
        torch.testing.assert_close(mean, (x * t / (1 - t) ** 2).tanh())
    flow = exact_flow(two_points(1.0))
    for steps in (1, 2, 5):
        ends = flow.carry(points, steps).x[-1][:, 0].numpy()
        np.testing.assert_allclose(ends, towards_signs(x.numpy(), steps), atol=1e-9)
    np.testing.assert_allclose(towards_signs(x.numpy(), 2), np.tanh(x.numpy()))
    squares = [round(of_noise(lambda z, n=steps: towards_signs(z, n) ** 2), 2) for steps in (1, 2, 3, 5)]
    assert squares == [0, 0.39, 0.78, 0.98]
    assert of_noise(lambda z: towards_signs(z, 50) ** 2) > 0.999


def test_the_networks_of_the_moons_have_four_layers_and_33_794_parameters():
    for name in ("moons-linear", "moons-linear-one-step"):
        network = POINT_RECIPES[name].network()
        assert len([layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]) == 4
        assert sum(weights.numel() for weights in network.parameters()) == 33_794


def test_in_one_step_the_digits_are_nearly_the_same_image():
    flow = load_image_flow("mnist-linear")
    for seed in (0, 1):
        ends = flow.sample(16, steps=1, seed=seed).x[-1].flatten(1)
        assert ends.var(0).mean() < 0.05 * ends.var()


# Lesson 10


def test_lines_that_meet_share_one_velocity_their_mean():
    """Two pairs that are in the same place at t, as a flow of two pairs would have it."""
    t, x = 0.4, torch.tensor([0.2, -0.1])
    a_0, b_0 = torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 2.0])
    a_1, b_1 = ((x - (1 - t) * start) / t for start in (a_0, b_0))
    torch.testing.assert_close((1 - t) * a_0 + t * a_1, (1 - t) * b_0 + t * b_1)
    u = torch.stack([a_1 - a_0, b_1 - b_0])
    losses = [(u - f).square().sum(1).mean() for f in (u.mean(0), u[0], u[1], u.mean(0) + 0.1)]
    assert min(losses) == losses[0]
    difference = -2 * (a_0 - b_0) @ (a_1 - b_1)
    torch.testing.assert_close(difference, 2 * t / (1 - t) * (a_1 - b_1).square().sum())
    kept = (a_0 - a_1).square().sum() + (b_0 - b_1).square().sum()
    exchanged = (a_0 - b_1).square().sum() + (b_0 - a_1).square().sum()
    torch.testing.assert_close(kept - exchanged, difference)
    assert difference > 0


def test_from_noise_to_noise_every_particle_turns_round_half_way():
    flow = exact_flow(STANDARD)
    x_0 = flow.draw(100, 0).double()
    run = flow.carry(x_0, 200, "rk4")
    for t in (0.25, 0.5, 0.75, 1.0):
        state = run.x[round(200 * t)]
        torch.testing.assert_close(state, math.sqrt((1 - t) ** 2 + t**2) * x_0, atol=1e-6, rtol=0)
        v = flow.velocity(state, torch.full((100,), t, dtype=torch.float64))
        torch.testing.assert_close(v, (2 * t - 1) / ((1 - t) ** 2 + t**2) * state)
    torch.testing.assert_close(run.x[100], x_0 / math.sqrt(2), atol=1e-6, rtol=0)
    assert straightness(run.x)[-1] < 1e-6


def test_a_flow_moves_less_than_its_pairs():
    n = 20_000
    x_0, x_1 = STANDARD.sample(n, generator(1)), MOONS.sample(n, generator(2))
    pairs = (x_1 - x_0).square().sum(1)
    for t in (0.2, 0.5, 0.8):
        x, u = interpolate(LINEAR, x_0, x_1, torch.full((n,), t))
        v = velocity_at(MOONS, x, t)
        agrees(v.square().sum(1) - u.square().sum(1) + (u - v).square().sum(1), 0)
    run = exact_flow(MOONS).carry(x_0[:2000], 100)
    moved = (run.x[-1] - run.x[0]).square().sum(1).mean()
    speeds = (run.x.diff(dim=0) * 100).square().sum(2).mean()
    assert moved < speeds < pairs.mean()


def test_pairs_of_least_cost_never_meet_though_their_lines_may_cross():
    """Any two of them, by the condition of step 8; and two whose lines cross at different times."""
    x_0 = STANDARD.sample(128, generator(1))
    x_1 = optimal_transport(x_0, MOONS.sample(128, generator(2)), group=128)
    for i, j in combinations(range(128), 2):
        assert (x_0[i] - x_0[j]) @ (x_1[i] - x_1[j]) > -1e-5
    a, b = torch.tensor([[0.0, 0.0], [4.0, 0.0]]), torch.tensor([[1.0, -0.1], [5.0, 0.3]])
    assert (a[0] - b[0]) @ (a[1] - b[1]) > 0  # of least cost
    torch.testing.assert_close(torch.lerp(b[0], b[1], 0.25), torch.tensor([2.0, 0.0]))
    torch.testing.assert_close(torch.lerp(a[0], a[1], 0.5), torch.tensor([2.0, 0.0]))


def test_larger_groups_cost_less_in_one_dimension_2_minus_2_over_pi_in_twos():
    assert round(2 - 2 / math.pi, 2) == 1.36
    n = 2**18
    x_0, x_1 = normal(n, 1), normal(n, 2)
    agrees((x_0 - x_1).square(), 2)
    costs = []
    for group in (1, 2, 4, 64, 4096):
        first, second = (x.view(-1, group).sort(1).values for x in (x_0, x_1))  # the best pairing in one dimension
        of_groups = (first - second).square().mean(1)
        costs.append(of_groups.mean().item())
        if group == 2:
            agrees(of_groups, 2 - 2 / math.pi)
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.01
    rows, columns = linear_sum_assignment((x_0[:64, None] - x_1[:64]).square().numpy())
    sorted_cost = (x_0[:64].sort().values - x_1[:64].sort().values).square().sum()
    torch.testing.assert_close((x_0[rows] - x_1[columns]).square().sum(), sorted_cost)


# Lesson 11


def test_the_mean_of_the_moons_and_the_noise_that_should_move_left_or_down():
    torch.testing.assert_close(MOONS.mean, torch.tensor([0.5, 0.25]), atol=1e-6, rtol=0)
    assert [round(float(norm.sf(m)), 3) for m in (0.5, 0.25)] == [0.309, 0.401]
    x = STANDARD.sample(100_000, generator())
    v = velocity_at(MOONS, x, 0.0)
    for i, share in enumerate((0.309, 0.401)):
        assert abs((v[:, i] < 0).double().mean() - share) < ODD * math.sqrt(share * (1 - share) / len(x)) + 5e-4


def test_the_best_output_that_is_not_negative_is_the_mean_or_0():
    for v in (-1.3, -0.2, 0.0, 0.7):
        u = v + torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
        outputs = torch.linspace(0, 3, 3001, dtype=torch.float64)
        losses = (u - outputs[:, None]).square().mean(1)
        torch.testing.assert_close(losses, 2 / 3 + (v - outputs).square())
        assert abs(outputs[losses.argmin()] - max(0, v)) < 1e-9
        assert math.isclose(losses.min().item(), 2 / 3 + min(0, v) ** 2, abs_tol=1e-9)


def test_what_the_relu_costs_at_the_start_and_how_much_too_fast_it_is():
    costs = [quad(lambda x, m=m: (x - m) ** 2 * norm.pdf(x), m, 12)[0] for m in (0.5, 0.25)]
    closed = [(1 + m**2) * norm.sf(m) - m * norm.pdf(m) for m in (0.5, 0.25)]
    np.testing.assert_allclose(costs, closed)
    assert [round(float(cost), 3) for cost in closed] == [0.210, 0.330]
    speeds = [of_noise(lambda x, m=m: max(0, m - x)) for m in (0.5, 0.25)]
    closed = [m * norm.cdf(m) + norm.pdf(m) for m in (0.5, 0.25)]
    np.testing.assert_allclose(speeds, closed, rtol=1e-6)
    assert [round(float(speed), 3) for speed in closed] == [0.698, 0.536]


def test_the_least_losses_are_those_of_the_exact_velocity_and_of_its_positive_part():
    """As E‖u‖² less what the velocity explains, which chance moves differently; and networks come close to them."""
    n = 50_000
    x_0, x_1 = STANDARD.sample(n, generator(5)), MOONS.sample(n, generator(6))
    x, u = interpolate(LINEAR, x_0, x_1, t := torch.rand(n, generator=generator(7)))
    v = exact_velocity(STANDARD, MOONS, LINEAR)(x, t)
    whole = (STANDARD.variance + MOONS.variance).sum() + MOONS.mean.square().sum()
    agrees(u.square().sum(1), whole.item())
    lost = v.clamp(max=0).square().sum(1)
    for name, f in (("moons-linear", v), ("moons-linear-relu-output", v.relu())):
        least = least_loss(POINT_RECIPES[name])
        found = whole - f.square().sum(1)
        chance = ODD * 2 * found.std().item() / math.sqrt(n)
        assert abs(found.mean() - least) < chance
        loss = curve(name, DEFAULT_DIRECTORY)[-1]["loss"]
        assert least - chance < loss < 1.02 * least
    gap = least_loss(POINT_RECIPES["moons-linear-relu-output"]) - least_loss(POINT_RECIPES["moons-linear"])
    assert abs(gap - lost.mean()) < ODD * 2 * lost.std() / math.sqrt(n)


def test_with_a_relu_at_the_end_no_coordinate_ever_becomes_smaller():
    steps = load_flow("moons-linear-relu-output").sample(500, steps=20).x.diff(dim=0)
    assert steps.min() >= 0
    assert load_flow("moons-linear").sample(500, steps=20).x.diff(dim=0).min() < 0


def test_the_recipes_that_are_compared_differ_in_what_the_lessons_say_alone():
    plain = POINT_RECIPES["moons-linear"]
    for name, field in (("moons-linear-relu-output", "relu_output"), ("moons-linear-one-step", "one_step")):
        other = POINT_RECIPES[name]
        assert {key for key, value in vars(plain).items() if vars(other)[key] != value} == {field}
    assert POINT_RECIPES["moons-linear-ot"].batch % 128 == 0
    assert IMAGE_RECIPES["mnist-linear"].network().__class__ is IMAGE_RECIPES["mnist-cosine"].network().__class__
