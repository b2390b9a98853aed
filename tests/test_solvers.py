"""Solvers against closed-form solutions, a hand-written loop and scipy."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.exact import exact_velocity
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS, integrate
from fm_core.maths.spacing import POWER, SHORT_FIRST, SHORT_LAST, SPACINGS, time_grid
from fm_core.refusals import SettingsError


@pytest.fixture(params=SOLVERS)
def solver(request: pytest.FixtureRequest) -> str:
    return request.param


def spiral(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """dx/dt = cos(3t) x + exp(t) J x, with J the quarter turn: the solution scales and turns."""
    turned = torch.stack([-x[:, 1], x[:, 0]], 1)
    return torch.cos(3 * t)[:, None] * x + torch.exp(t)[:, None] * turned


def spiral_end(x_0: torch.Tensor) -> torch.Tensor:
    """The solution of `spiral` at t = 1: scaled by exp(∫ cos 3t), turned by ∫ exp(t)."""
    factor, angle = math.exp(math.sin(3) / 3), math.e - 1
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=x_0.dtype)
    return factor * x_0 @ turn.T


def points(n: int = 5) -> torch.Tensor:
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def end(velocity, x_0: torch.Tensor, steps: int, solver: str) -> torch.Tensor:
    return list(integrate(velocity, x_0, time_grid(steps), solver))[-1][1]


def test_order_of_convergence(solver):
    steps = np.array([16, 32, 64, 128])
    errors = [(end(spiral, points(), n, solver) - spiral_end(points())).norm().item() for n in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert -slope == pytest.approx(SOLVERS[solver].order, abs=0.15)


@pytest.mark.parametrize("steps", [1, 2, 3, 49, 50, 99, 1000])
def test_states_run_from_exactly_zero_to_exactly_one(solver, steps):
    times = [t for t, _, _ in integrate(lambda x, t: x, points(1), time_grid(steps), solver)]
    assert len(times) == steps + 1
    assert times[0] == 0.0
    assert times[-1] == 1.0
    np.testing.assert_allclose(np.diff(times), 1 / steps, rtol=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_uneven_steps_run_from_exactly_zero_to_exactly_one_too(solver, steps):
    times, states, _ = zip(*integrate(lambda x, t: x, points(1), time_grid(steps, SHORT_FIRST), solver), strict=True)
    assert (times[0], times[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(np.diff(np.array(times) ** (1 / POWER)), 1 / steps, rtol=1e-9)
    torch.testing.assert_close(states[-1], points(1) * torch.e, rtol=1 / steps, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_every_spacing_leads_from_exactly_zero_to_exactly_one_and_never_back(steps):
    for spacing in SPACINGS.values():
        times = time_grid(steps, spacing)
        assert (times[0], times[-1], len(times)) == (0.0, 1.0, steps + 1)
        assert (np.diff(times) > 0).all()


def test_short_steps_come_first_or_last():
    first, last = (np.diff(time_grid(20, spacing)) for spacing in (SHORT_FIRST, SHORT_LAST))
    assert (np.diff(first) > 0).all()
    np.testing.assert_allclose(first, last[::-1], atol=1e-12)


def test_the_first_state_is_the_start(solver):
    assert torch.equal(next(integrate(spiral, points(), time_grid(4), solver))[1], points())


def test_velocity_is_never_asked_outside_the_unit_interval(solver):
    asked = []

    def velocity(x, t):
        asked.append(t)
        return x

    for steps in range(1, 101):
        end(velocity, points(2), steps, solver)
    assert all(t.shape == (2,) for t in asked)
    assert torch.stack(asked).min() == 0
    assert torch.stack(asked).max() <= 1


@pytest.mark.parametrize("steps", [1, 7])
def test_evaluations_are_counted(solver, steps):
    calls = []
    end(lambda x, t: calls.append(t) or spiral(x, t), points(), steps, solver)
    assert len(calls) == steps * SOLVERS[solver].evaluations


def test_one_step_of_a_constant_velocity_is_exact(solver):
    found = end(lambda x, t: torch.full_like(x, 3.0), points(), 1, solver)
    torch.testing.assert_close(found, points() + 3)


@pytest.mark.parametrize("shape", [(4, 1), (3, 1, 5, 5)])
def test_any_shape_of_sample_is_carried(solver, shape):
    x_0 = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = end(lambda x, t: -x, x_0, 200, solver)
    torch.testing.assert_close(found, x_0 * math.exp(-1), rtol=0.01, atol=0)


def test_euler_agrees_with_a_loop_by_hand():
    x, n = points(), 7
    for k in range(n):
        x = x + spiral(x, torch.full((len(x),), k / n, dtype=torch.float64)) / n
    torch.testing.assert_close(end(spiral, points(), n, "euler"), x)


def test_rk4_agrees_with_scipys_adaptive_solver_on_a_flow():
    velocity = exact_velocity(SOURCES["standard-gaussian"], TARGETS["moons"], SCHEDULES["cosine"])

    def flat(t: float, x: np.ndarray) -> np.ndarray:
        return velocity(torch.from_numpy(x).view(-1, 2), torch.full((5,), t, dtype=torch.float64)).flatten().numpy()

    expected = solve_ivp(flat, (0, 1), points().flatten().numpy(), method="DOP853", rtol=1e-10, atol=1e-10).y[:, -1]
    found = end(velocity, points(), 400, "rk4").flatten()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_any_times_are_reached(solver):
    """Also outside [0, 1], and backwards: a step to 2 and back errs by no more than its order allows."""
    times = [0.5, 0.6, 0.75, 2.0, 1.0]
    found = list(integrate(lambda x, t: torch.ones_like(x), points(), times, solver))
    assert [t for t, _, _ in found] == times
    for t, x, _ in found:
        torch.testing.assert_close(x, points() + t - 0.5)


def test_the_velocity_at_each_state_comes_along(solver):
    """That at the last state, where nobody asks for it, is that of the state before."""
    states = list(integrate(spiral, points(), time_grid(5, SHORT_FIRST), solver))
    for t, x, v in states[:-1]:
        assert torch.equal(v, spiral(x, torch.full((len(x),), t, dtype=torch.float64)))
    assert torch.equal(states[-1][2], states[-2][2])


def test_an_unknown_solver_is_refused():
    with pytest.raises(SettingsError, match=f"^solver must be one of {', '.join(SOLVERS)}, not 'leapfrog'\\.$"):
        next(integrate(spiral, points(), time_grid(1), "leapfrog"))


@pytest.mark.parametrize("times", [[], [0.0]])
def test_fewer_than_two_times_are_refused(times):
    with pytest.raises(SettingsError, match=r"^times must be at least two numbers, not .*\.$"):
        next(integrate(spiral, points(), times))
