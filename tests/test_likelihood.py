"""Runs back to the source and log densities: against closed forms, scipy, full Jacobians and an integral."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from fm_core import exact_flow, load_flow
from fm_core.images.sets import IMAGE_SETS, NOISE, ImageSource
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.likelihood import forms
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS, Velocity
from fm_core.maths.spacing import SHORT_FIRST
from fm_core.refusals import SettingsError

LINEAR = SCHEDULES["linear"]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def flow_of(velocity: Velocity, source: Any = STANDARD, target: Any = TARGETS["moons"]) -> Flow:
    return Flow("test", source, target, LINEAR, velocity)


# Reversal.


@pytest.mark.parametrize("solver", SOLVERS)
def test_halving_the_step_of_a_reversal_divides_its_error_by_two_to_the_order(solver):
    """The exact flow from N(0, I) to N(μ, σ² I) maps x_0 to μ + σ x_0, here with σ = 1/2."""
    narrow, cosine = Mixture("narrow", "N(μ, I/4)", torch.tensor([[1.0, -2.0]]), std=0.5), SCHEDULES["cosine"]
    flow = Flow("narrow", STANDARD, narrow, cosine, exact_velocity(STANDARD, narrow, cosine))
    x_0 = normal(20, 2)
    x_1 = narrow.centres.double() + 0.5 * x_0
    errors = [(flow.reverse(x_1, steps, solver).x[-1] - x_0).norm().item() for steps in (32, 64)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(SOLVERS[solver].order, abs=0.05)


@pytest.mark.parametrize("target", ["moons", "checkerboard"])
def test_a_reversal_returns_to_its_start(target):
    """In the median to 1e-3, with 40 steps of RK4."""
    flow = exact_flow(target, "cosine")
    run = flow.sample(100, 40, "rk4")
    back = flow.reverse(run.x[-1], 40, "rk4")
    assert (back.x[-1] - run.x[0]).norm(dim=1).median() < 1e-3
    assert back.nfe == 160


def test_a_reversal_goes_through_the_times_of_a_run_backwards():
    flow = replace(flow_of(lambda x, t: torch.ones_like(x)), spacing=SHORT_FIRST)
    run, back = flow.sample(5, 10), flow.reverse(torch.zeros(5, 2), 10)
    assert torch.equal(back.t, run.t.flip(0))
    torch.testing.assert_close(back.x[-1], -torch.ones(5, 2))
    torch.testing.assert_close(back.mean_speed, torch.full((10,), 2**0.5))


# Points: the divergence is exact.


@pytest.mark.parametrize(
    ("target", "schedule", "source"),
    [
        ("moons", "linear", "standard-gaussian"),
        ("spirals", "cosine", "standard-gaussian"),
        ("eight-gaussians", "quadratic", "standard-gaussian"),
        ("gaussian", "vp", "eight-gaussians"),
    ],
)
def test_the_density_of_the_exact_field_is_that_of_the_target(target, schedule, source):
    flow = exact_flow(target, schedule, source)
    x = flow.fresh(20, 0)
    found = flow.log_density(x, steps=200 if schedule == "vp" else 100)
    torch.testing.assert_close(found.value, flow.target.log_density(x), rtol=0, atol=1e-3)
    assert torch.equal(found.standard_error, torch.zeros(20))


def test_the_density_within_the_checkerboard_is_one_eighth():
    """In the middle half of each square: the density jumps at the edges, where no solver follows it."""
    flow = exact_flow("checkerboard", "linear")
    x = flow.target.low + 0.25 + 0.5 * torch.rand(8, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(flow.log_density(x).value, torch.full((8,), -math.log(8)), rtol=0, atol=1e-3)


def test_the_density_of_a_network_agrees_with_scipy_and_differences():
    """dlog p/dt by scipy's adaptive solver, its divergence by central differences of step 1e-5: error about 1e-10."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2)).double()
    layers.requires_grad_(False)

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return 2 * layers(torch.cat([x, t[:, None]], 1))

    def rates(t: float, z: np.ndarray) -> np.ndarray:
        shifts = 1e-5 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        v = velocity(torch.from_numpy(z[:2] + shifts), torch.full((5,), t, dtype=torch.float64)).numpy()
        return np.array([*v[0], (v[1, 0] - v[2, 0] + v[3, 1] - v[4, 1]) / 2e-5])

    x = normal(3, 2)
    found = flow_of(velocity).log_density(x).value
    for point, value in zip(x.numpy(), found, strict=True):
        *x_0, integral = solve_ivp(rates, (1, 0), [*point, 0], method="DOP853", rtol=1e-9, atol=1e-9).y[:, -1]
        expected = integral - math.log(2 * math.pi) - np.square(x_0).sum() / 2
        assert value.item() == pytest.approx(expected, abs=1e-6)


def test_the_density_of_a_trained_flow_integrates_to_one():
    """Over 50 × 50 cells of a square that holds all but 1e-5 of N((1, 1), I)."""
    axis = 1 + 5 * (2 * (torch.arange(50) + 0.5) / 50 - 1)
    grid = torch.cartesian_prod(axis, axis)
    density = load_flow("gaussian-linear").log_density(grid, steps=20, solver="midpoint").value.exp()
    assert density.sum().item() * 0.2**2 == pytest.approx(1, abs=0.01)


# Images: the divergence is estimated.


def turning(size: int) -> torch.Tensor:
    """A matrix with a trace and large entries beside the diagonal."""
    return normal(size, size, seed=1) / size**0.5


def linear_images(matrix: torch.Tensor) -> Flow:
    """dx/dt = A x for images."""
    return flow_of(lambda x, t: (x.flatten(1) @ matrix.T.to(x)).view_as(x), NOISE, IMAGE_SETS["mnist"])


def test_an_image_networks_forms_of_unit_vectors_are_the_diagonal_of_its_jacobian():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.GELU(), torch.nn.Conv2d(4, 1, 1))
    x = normal(2, 1, 4, 4).float()
    probes = torch.eye(16).view(16, 1, 1, 4, 4).expand(-1, 2, -1, -1, -1)
    v, found = forms(lambda x, t: network(x), x, torch.zeros(2), probes)
    jacobians = [torch.func.jacrev(network)(image[None]).view(16, 16) for image in x]  # pyright: ignore[reportAttributeAccessIssue]
    torch.testing.assert_close(found, torch.stack([jacobian.diagonal() for jacobian in jacobians]))
    torch.testing.assert_close(v, network(x))


def test_the_density_of_images_is_within_its_standard_error():
    """dx/dt = A x takes N(0, I) to log p_1(x) = log N(exp(−A) x; 0, I) − tr A. The 200 errors over their standard
    errors, of 64 probes each, follow nearly a standard normal: their deviation is 1 ± 4.5 / √400, and 1/63 more.
    """
    a, x = turning(16), normal(200, 1, 4, 4, seed=2)
    found = linear_images(a).log_density(x, steps=10, probes=64)
    x_0 = x.flatten(1) @ torch.linalg.matrix_exp(-a).T
    expected = -(x_0.square() + math.log(2 * math.pi)).sum(1) / 2 - a.trace()
    z = (found.value - expected) / found.standard_error
    assert z.abs().max() < 4.5
    assert z.std().item() == pytest.approx(1, abs=4.5 / 400**0.5 + 1 / 63)


def test_four_times_the_probes_halve_the_standard_error():
    flow, x = linear_images(turning(16)), normal(50, 1, 4, 4)
    few, many = (flow.log_density(x, 5, probes=probes).standard_error.mean() for probes in (16, 64))
    assert (few / many).item() == pytest.approx(2, rel=0.1)


def test_the_same_seed_estimates_the_same_density():
    flow, x = linear_images(turning(16)), normal(3, 1, 4, 4)
    first, again, other = (flow.log_density(x, 2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.value, again.value)
    assert not torch.equal(first.value, other.value)


def test_what_has_no_density_is_refused_in_a_sentence():
    clothes = flow_of(lambda x, t: x, ImageSource(IMAGE_SETS["fashion"], 0.5), IMAGE_SETS["mnist"])
    with pytest.raises(SettingsError, match=r"^The density of Fashion-MNIST clothes is not known, so choose .*\.$"):
        clothes.log_density(torch.zeros(1, 1, 28, 28))
    refused: list[dict[str, Any]] = [{"probes": 1}, {"seed": -1}, {"steps": 0}, {"solver": "leapfrog"}]
    for arguments in refused:
        with pytest.raises(SettingsError, match=r"^(probes|seed|steps|solver) must be .*\.$"):
            linear_images(turning(16)).log_density(torch.zeros(1, 1, 4, 4), **arguments)


def test_a_check_may_end_the_computation_of_a_density():
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        exact_flow("moons", "linear").log_density(torch.zeros(1, 2), check=stop)
