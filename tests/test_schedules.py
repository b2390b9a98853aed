"""Schedules against their borders, autograd, closed forms and the VP diffusion that one of them follows."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from fm_core.maths.matching import interpolate
from fm_core.maths.schedules import SCHEDULES, Schedule, trigonometric


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return SCHEDULES[request.param]


def test_names_are_keys():
    assert [entry.name for entry in SCHEDULES.values()] == list(SCHEDULES)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_borders_are_exact(schedule, dtype):
    ends = torch.tensor([0, 1], dtype=dtype)
    assert schedule.alpha(ends).tolist() == [1, 0]
    assert schedule.beta(ends).tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(), (3,), (3, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_shape_and_type_of_the_times(schedule, shape, dtype):
    t = torch.full(shape, 0.3, dtype=dtype)
    for value in schedule(t):
        assert value.shape == shape
        assert value.dtype == dtype


def test_a_call_gives_the_four_functions_values_by_name(schedule):
    t = torch.linspace(0, 1, 9)
    found = schedule(t)
    for name in ("alpha", "beta", "d_alpha", "d_beta"):
        assert torch.equal(getattr(found, name), getattr(schedule, name)(t))
    assert all(a is b for a, b in zip(found, (found.alpha, found.beta, found.d_alpha, found.d_beta), strict=True))


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_derivatives_agree_with_autograd_inside(schedule, name):
    t = torch.linspace(0.001, 0.999, 999, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(getattr(schedule, name)(t).sum(), t)
    torch.testing.assert_close(getattr(schedule, f"d_{name}")(t), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize(("end", "inwards"), [(0.0, 1e-6), (1.0, -1e-6)])
def test_derivatives_agree_with_one_sided_differences_at_the_ends(schedule, name, end, inwards):
    t = end + inwards * torch.arange(3, dtype=torch.float64)
    values = getattr(schedule, name)(t)
    slope = (-3 * values[0] + 4 * values[1] - values[2]) / (2 * inwards)
    torch.testing.assert_close(getattr(schedule, f"d_{name}")(t[0]), slope, rtol=1e-4, atol=1e-4)


def test_alpha_falls_and_beta_rises(schedule):
    t = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    assert (schedule.alpha(t).diff() < 0).all()
    assert (schedule.beta(t).diff() > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_derivatives_are_finite_and_have_their_sign_everywhere(schedule, dtype):
    grid = torch.linspace(0, 1, 10_001, dtype=dtype)
    tiny = torch.finfo(dtype).tiny
    t = torch.cat([grid, torch.tensor([tiny, 1e-8, 1 - torch.finfo(dtype).eps], dtype=dtype)])
    d_alpha, d_beta = schedule.d_alpha(t), schedule.d_beta(t)
    assert d_alpha.isfinite().all()
    assert d_beta.isfinite().all()
    assert d_alpha.max() < 1e-6
    assert d_beta.min() > -1e-6


def test_float32_derivatives_agree_with_float64(schedule):
    t = torch.linspace(0, 1, 1001)
    for function in (schedule.d_alpha, schedule.d_beta):
        torch.testing.assert_close(function(t).double(), function(t.double()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["cosine", "vp"])
def test_variance_is_preserved(name):
    t = torch.linspace(0, 1, 1001, dtype=torch.float64)
    total = SCHEDULES[name].alpha(t) ** 2 + SCHEDULES[name].beta(t) ** 2
    torch.testing.assert_close(total, torch.ones_like(t), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0.5, 0.5), (1, 0.5), (0.37, 2.5), (1.5, 0.01)])
def test_a_trigonometric_schedule_has_its_factors_and_derivatives(a, b):
    t = torch.linspace(0, 1, 101, dtype=torch.float64, requires_grad=True)
    found = trigonometric(a, b)(t)
    torch.testing.assert_close(found.alpha, torch.cos(a * math.pi * t), rtol=0, atol=1e-15)
    torch.testing.assert_close(found.beta, torch.sin(b * math.pi * t), rtol=0, atol=1e-15)
    for value, slope in ((found.alpha, found.d_alpha), (found.beta, found.d_beta)):
        (expected,) = torch.autograd.grad(value.sum(), t)
        torch.testing.assert_close(slope[:-1], expected[:-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("a", "b", "ends"), [(0.5, 2.5, [0, 1]), (1.5, 1, [0, 0]), (1, 2, [-1, 0]), (0, 0, [1, 0])])
def test_the_ends_of_a_trigonometric_schedule_are_exact(a, b, ends, dtype):
    alpha, beta, _, _ = trigonometric(a, b)(torch.tensor([0, 1], dtype=dtype))
    assert [alpha.tolist(), beta.tolist()] == [[1, ends[0]], [0, ends[1]]]


def test_the_cosine_schedule_is_trigonometric_with_half_turns():
    t = torch.linspace(0, 1, 1001)
    assert all(map(torch.equal, SCHEDULES["cosine"](t), trigonometric(0.5, 0.5)(t)))


def test_a_trigonometric_schedule_says_its_formula():
    assert trigonometric(1, 0.25).formula == "α = cos πt, β = sin 0.25πt"
    assert trigonometric(0, 2).formula == "α = cos 0, β = sin 2πt"


@pytest.mark.parametrize(("name", "share"), [("linear", 1 / 2), ("quadratic", 1 / 8)])
def test_variance_left_halfway(name, share):
    half = torch.tensor(0.5, dtype=torch.float64)
    assert SCHEDULES[name].alpha(half) ** 2 + SCHEDULES[name].beta(half) ** 2 == share


@pytest.mark.parametrize(
    ("name", "t", "alpha", "beta", "d_alpha", "d_beta"),
    [
        ("linear", 0.25, 0.75, 0.25, -1, 1),
        ("quadratic", 0.25, 0.5625, 0.0625, -1.5, 0.5),
        ("cosine", 0, 1, 0, 0, math.pi / 2),
        ("cosine", 1 / 3, math.sqrt(3) / 2, 1 / 2, -math.pi / 4, math.pi * math.sqrt(3) / 4),
        ("cosine", 1 / 2, math.sqrt(1 / 2), math.sqrt(1 / 2), -math.pi / math.sqrt(8), math.pi / math.sqrt(8)),
        ("cosine", 1, 0, 1, -math.pi / 2, 0),
    ],
)
def test_closed_form_values(name, t, alpha, beta, d_alpha, d_beta):
    time, schedule = torch.tensor(t, dtype=torch.float64), SCHEDULES[name]
    assert [value.item() for value in schedule(time)] == pytest.approx([alpha, beta, d_alpha, d_beta], abs=1e-15)


@pytest.mark.parametrize("shape", [(2,), (1, 28, 28)])
def test_predicted_ends_are_the_ends_of_the_path(schedule, shape, generator):
    """At t = 0 and t = 1 the quadratic schedule's velocity does not tell the other end: there it is left out."""
    t = torch.tensor([0.0, 0.01, 0.3, 0.5, 0.8, 0.99, 1.0])
    t = t[1:-1] if schedule.name == "quadratic" else t
    x_0, x_1 = (torch.randn(len(t), *shape, generator=generator) for _ in range(2))
    ends = schedule.predicted_ends(*interpolate(schedule, x_0, x_1, t), t)
    for found, expected in zip(ends, (x_0, x_1), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_predicted_ends_of_a_whole_run_are_those_of_its_states(schedule, generator):
    """x and v of shape (T, n, …) with t of shape (T,), as in a trajectory."""
    t = torch.tensor([0.2, 0.6, 0.9])
    x, v = torch.randn(2, 3, 5, 2, generator=generator)
    together = schedule.predicted_ends(x, v, t)
    for k in range(3):
        alone = schedule.predicted_ends(x[k], v[k], t[k].expand(5))
        torch.testing.assert_close([end[k] for end in together], list(alone))


def song_signal(s: float) -> float:
    """exp(−½ ∫₀ˢ β(r) dr) with β(r) = 0.1 + 19.9 r: the mean coefficient of the VP SDE, integrated numerically."""
    return math.exp(-quad(lambda r: 0.1 + 19.9 * r, 0, s)[0] / 2)


def test_vp_is_the_diffusion_of_song_et_al_with_its_angle_stretched_to_a_quarter_turn():
    t = np.linspace(0, 1, 101)
    angles = np.array([math.asin(song_signal(1 - (1 - 1e-3) * time)) for time in t])
    angles = (angles - angles[0]) / (angles[-1] - angles[0]) * math.pi / 2
    np.testing.assert_allclose(SCHEDULES["vp"].beta(torch.from_numpy(t)), np.sin(angles), atol=1e-10)
    np.testing.assert_allclose(SCHEDULES["vp"].alpha(torch.from_numpy(t)), np.cos(angles), atol=1e-10)


def test_the_stretch_of_vp_changes_the_signal_by_less_than_one_percent():
    t = np.linspace(0, 1, 101)
    signal = [song_signal(1 - (1 - 1e-3) * time) for time in t]
    np.testing.assert_allclose(SCHEDULES["vp"].beta(torch.from_numpy(t)), signal, atol=0.01)


def test_where_a_schedule_stands_still_the_predicted_end_is_the_state_itself():
    """The quadratic schedule has velocity 0 in the other end's coefficient at each border."""
    x, v = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(0))
    x_0, _ = SCHEDULES["quadratic"].predicted_ends(x, v, torch.zeros(5))
    _, x_1 = SCHEDULES["quadratic"].predicted_ends(x, v, torch.ones(5))
    assert torch.equal(x_0, x)
    assert torch.equal(x_1, x)
