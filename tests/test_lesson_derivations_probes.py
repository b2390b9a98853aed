"""The constants and identities of the answers of lessons 12 and 13, computed."""

import math
from itertools import combinations, product

import pytest
import torch
from torch import Tensor

from fm_core import exact_flow, load_flow, load_image_flow
from fm_core.images.sets import IMAGE_SETS
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.exact import exact_posterior, exact_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.likelihood import random_signs
from fm_core.maths.probe import marginal
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import Velocity
from fm_core.models.catalogue import POINT_RECIPES

LINEAR = SCHEDULES["linear"]
EIGHT = TARGETS["eight-gaussians"]
assert isinstance(EIGHT, Mixture)
CENTRES = EIGHT.centres
LOG_2_PI = math.log(2 * math.pi)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def jacobian(velocity: Velocity, x: Tensor, t: float) -> Tensor:
    """∂v^i/∂x^j at one place of shape (2,)."""
    return torch.autograd.functional.jacobian(lambda z: velocity(z[None], torch.tensor([t]).to(z))[0], x)  # pyright: ignore[reportReturnType]


def divergences(velocity: Velocity, x: Tensor, t: Tensor | float) -> Tensor:
    """Σ_i ∂v^i/∂x^i of each place of x (n, 2), at one time or one for each."""
    x = x.detach().requires_grad_()
    v = velocity(x, torch.as_tensor(t).to(x).expand(len(x)))
    return torch.stack([torch.autograd.grad(v[:, d].sum(), x, retain_graph=True)[0][:, d] for d in (0, 1)]).sum(0)


# Lesson 12


def test_the_place_of_the_question_lies_before_a_group_and_its_arrow_turns_round():
    torch.testing.assert_close(CENTRES.norm(dim=1), torch.full((8,), 2.0))
    x, group = torch.tensor([0.9, 0.9]), torch.tensor([math.sqrt(2), math.sqrt(2)])
    assert (CENTRES - group).norm(dim=1).min() < 1e-6
    assert (CENTRES - x).norm(dim=1).argmin() == (CENTRES - group).norm(dim=1).argmin()
    early, late = (exact_flow("eight-gaussians", "linear").velocity(x[None], torch.tensor([t]))[0] for t in (0.1, 0.9))
    for v, sign in ((early, -1), (late, 1)):
        torch.testing.assert_close(v / v.norm(), sign * group / 2, atol=0.01, rtol=0)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
def test_an_arrow_and_a_place_stand_for_a_start_and_an_end(schedule):
    x, t = normal(50, 2), 0.37
    _, x_0, x_1 = exact_posterior(STANDARD, EIGHT, schedule)(x, t)
    velocity = exact_velocity(STANDARD, EIGHT, schedule)
    v, at = velocity(x, torch.full((50,), t, dtype=torch.float64)), schedule(torch.tensor(t, dtype=torch.float64))
    torch.testing.assert_close(at.alpha * x_0 + at.beta * x_1, x)
    torch.testing.assert_close(at.d_alpha * x_0 + at.d_beta * x_1, v)
    denominator = at.alpha * at.d_beta - at.d_alpha * at.beta
    torch.testing.assert_close((at.alpha * v - at.d_alpha * x) / denominator, x_1)
    torch.testing.assert_close((at.d_beta * x - at.beta * v) / denominator, x_0)
    known = {"linear": 1, "cosine": math.pi / 2}
    if schedule.name in known:
        assert denominator.item() == pytest.approx(known[schedule.name])
    if schedule.name == "linear":
        torch.testing.assert_close(x + (1 - t) * v, x_1)
        torch.testing.assert_close(x - t * v, x_0)


@pytest.mark.parametrize("std", [0.0, 0.15])
def test_the_weights_of_points_and_of_groups_are_a_softmax(std):
    data = Mixture("", "", torch.tensor([[0.3, 0.1], [-1.0, 0.4], [2.0, -0.7]], dtype=torch.float64), std)
    x = normal(20, 2)
    for t in (0.1, 0.5, 0.9):
        s_2 = (1 - t) ** 2 + (t * std) ** 2
        distances = (x[:, None] - t * data.centres).square().sum(2) / (2 * s_2)
        weights = (-distances).exp() / (-distances).exp().sum(1, keepdim=True)
        found = exact_posterior(STANDARD, data, LINEAR)(x, t)
        torch.testing.assert_close(found.weights, weights)
        ends = data.centres + t * std**2 / s_2 * (x[:, None] - t * data.centres)
        torch.testing.assert_close(found.x_1, (weights[:, :, None] * ends).sum(1))


def test_the_first_arrows_lead_to_the_mean_and_the_last_to_the_nearest_point():
    x = normal(20, 2)
    for target in (EIGHT, TARGETS["moons"]):
        v = exact_velocity(STANDARD, target, LINEAR)(x, torch.zeros(20, dtype=torch.float64))
        torch.testing.assert_close(v, target.mean.double() - x, atol=1e-6, rtol=0)
    pair = Mixture("", "", torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64), 0.0)
    place = torch.tensor([[0.5, 0.0]], dtype=torch.float64)
    found = []
    for t in (0.1, 0.5, 0.8):
        weight = exact_posterior(STANDARD, pair, LINEAR)(place, t).weights[0, 0].item()
        assert weight == pytest.approx(1 / (1 + math.exp(-2 * t * 0.5 / (1 - t) ** 2)))
        found.append(f"{weight:.3f}")
    assert found == ["0.531", "0.881", "1.000"]


def test_the_pairs_at_a_place_differ_in_velocity_as_in_their_ends_over_the_time_that_is_left():
    """Of points, whose pairs at x can be listed: x_1 = m_j, and x_0 = (x − t m_j) / (1 − t)."""
    data, x, t = Mixture("", "", CENTRES.double(), 0.0), torch.tensor([[0.4, -0.3]], dtype=torch.float64), 0.4
    weights, _, x_1 = exact_posterior(STANDARD, data, LINEAR)(x, t)
    u = data.centres - (x - t * data.centres) / (1 - t)
    v = exact_velocity(STANDARD, data, LINEAR)(x, torch.tensor([t], dtype=torch.float64))
    torch.testing.assert_close(u, (data.centres - x) / (1 - t))
    torch.testing.assert_close(weights @ u, v)
    torch.testing.assert_close(u - v, (data.centres - x_1) / (1 - t))
    remaining, of_ends = (weights[0] @ (a - b).square().sum(1) for a, b in ((u, v), (data.centres, x_1)))
    torch.testing.assert_close(remaining, of_ends / (1 - t) ** 2)


def test_training_draws_times_evenly_so_that_all_count_alike():
    times = POINT_RECIPES["moons-linear"].draw_times(torch.Generator().manual_seed(0)).sort().values
    torch.testing.assert_close(times, torch.linspace(0, 1, len(times)), atol=2 / len(times), rtol=0)


def test_between_two_groups_the_exact_velocity_is_five_times_as_steep_as_the_networks():
    x = torch.tensor([1.2, 0.5])
    steepest = [
        torch.linalg.matrix_norm(jacobian(flow.velocity, x, 0.9), 2).item()
        for flow in (exact_flow("eight-gaussians", "linear"), load_flow("eight-gaussians-linear"))
    ]
    assert steepest[0] / steepest[1] == pytest.approx(5, abs=0.5)


# Lesson 13


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_densities_follow_the_continuity_equation_and_the_divergence_along_paths(schedule):
    """By central differences of the exact marginal, at places that its pairs pass."""
    flow, t, h = exact_flow("eight-gaussians", schedule), 0.4, 1e-4
    at = flow.schedule(torch.tensor(t))
    x = (at.alpha * flow.draw(10, 3) + at.beta * flow.fresh(10, 4)).double()

    def p(z: Tensor, time: float = t) -> Tensor:
        distribution = marginal(flow, time)
        assert distribution is not None
        return distribution.log_density(z).exp()

    def v(z: Tensor) -> Tensor:
        return flow.velocity(z, torch.full((len(z),), t, dtype=torch.float64))

    def flux(z: Tensor) -> Tensor:
        return p(z)[:, None] * v(z)

    shifts = h * torch.eye(2, dtype=torch.float64)
    spread = sum((flux(x + shifts[d]) - flux(x - shifts[d]))[:, d] for d in (0, 1)) / (2 * h)
    torch.testing.assert_close((p(x, t + h) - p(x, t - h)) / (2 * h), -spread, rtol=1e-3, atol=1e-6)
    along = (p(x + h * v(x), t + h).log() - p(x - h * v(x), t - h).log()) / (2 * h)
    torch.testing.assert_close(along, -divergences(flow.velocity, x, t), rtol=1e-3, atol=1e-4)


def to_gaussian(schedule: str, m: Tensor) -> Flow:
    data = Mixture("", "", m[None].float(), 1.0)
    return Flow("", STANDARD, data, SCHEDULES[schedule], exact_velocity(STANDARD, data, SCHEDULES[schedule]))


def test_from_noise_to_shifted_noise_the_density_rises_by_two_and_falls_again():
    m = torch.tensor([1.0, 1.0], dtype=torch.float64)
    flow, x_0 = to_gaussian("linear", m), normal(5, 2)
    run = flow.carry(x_0, 200, "rk4")
    for t in (0.0, 0.25, 0.5, 1.0):
        s_2, x = t**2 + (1 - t) ** 2, run.x[round(200 * t)]
        torch.testing.assert_close(x - t * m, math.sqrt(s_2) * x_0, atol=1e-6, rtol=0)
        expected = torch.full((5,), 2 * (2 * t - 1) / s_2, dtype=torch.float64)
        torch.testing.assert_close(divergences(flow.velocity, x, t), expected, atol=1e-6, rtol=0)
        by_flow = -LOG_2_PI - x_0.square().sum(1) / 2 - math.log(s_2)
        density = marginal(flow, t)
        assert density is not None
        torch.testing.assert_close(by_flow, density.log_density(x), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            by_flow, -math.log(2 * math.pi * s_2) - (x - t * m).square().sum(1) / (2 * s_2), atol=1e-5, rtol=0
        )
    h = 1e-6
    for t in (0.2, 0.7):
        of_log = (math.log((t + h) ** 2 + (1 - t - h) ** 2) - math.log((t - h) ** 2 + (1 - t + h) ** 2)) / (2 * h)
        assert of_log == pytest.approx(2 * (2 * t - 1) / (t**2 + (1 - t) ** 2), abs=1e-6)
    assert [f"{value:.3f}" for value in (-LOG_2_PI, math.log(2) - LOG_2_PI)] == ["-1.838", "-1.145"]


def test_on_cosine_shifted_noise_is_never_squeezed():
    flow = to_gaussian("cosine", torch.tensor([2.0, -1.0], dtype=torch.float64))
    for t in (0.1, 0.5, 0.9):
        assert divergences(flow.velocity, normal(5, 2), t).abs().max() < 1e-6


def test_the_log_density_of_a_flow_is_that_of_its_start_less_the_divergences_on_the_way():
    flow = exact_flow("moons", "linear")
    x = flow.fresh(3, 1).double()
    back = flow.reverse(x, 400, "rk4")
    rates = divergences(flow.velocity, back.x.flatten(0, 1), back.t.repeat_interleave(3)).view(-1, 3)
    added = STANDARD.log_density(back.x[-1]) - torch.trapezoid(rates.flip(0), back.t.double().flip(0), dim=0)
    torch.testing.assert_close(flow.log_density(x).value, added, atol=2e-3, rtol=0)
    torch.testing.assert_close(flow.carry(back.x[-1], 400, "rk4").x[-1], x, atol=1e-3, rtol=0)


def test_random_signs_estimate_a_trace_with_an_error_of_the_other_entries_alone():
    """Over all signs in four dimensions; the number of pixels of an image is 784."""
    assert math.prod((28, 28)) == 784
    j = normal(4, 4, seed=5)
    z = torch.tensor(list(product((-1.0, 1.0), repeat=4)), dtype=torch.float64)
    forms = torch.einsum("ki,ij,kj->k", z, j, z)
    torch.testing.assert_close(forms.mean(), j.trace())
    others = [(j[a, b] + j[b, a]) for a, b in combinations(range(4), 2)]
    for one, form in zip(z, forms, strict=True):
        mixed = sum(c * one[a] * one[b] for c, (a, b) in zip(others, combinations(range(4), 2), strict=True))
        torch.testing.assert_close(form - j.trace(), torch.as_tensor(mixed))
    torch.testing.assert_close(forms.var(unbiased=False), torch.stack(others).square().sum())
    signs = random_signs(torch.zeros(1, 4), 1000, torch.Generator().manual_seed(0))
    assert set(signs.flatten().tolist()) == {-1.0, 1.0}


def test_ten_steps_give_a_digit_a_log_density_about_40_higher_than_twenty():
    pixels, _ = IMAGE_SETS["mnist"].bundled()
    digit, flow = IMAGE_SETS["mnist"].standardise(pixels[15:16]), load_image_flow("mnist-linear")
    few, more = (flow.log_density(digit, steps, "midpoint", probes=4) for steps in (10, 20))
    assert (few.value - more.value).item() == pytest.approx(40, abs=5)
    assert max(few.standard_error.item(), more.standard_error.item()) < 5
    assert (digit.flatten(1)[:, :28] == digit.min()).all()  # the edge is black, here and in all others
    assert (pixels[:, 0] == 0).all()
