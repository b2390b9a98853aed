"""Drawing times, coupling, interpolating and the loss."""

from itertools import permutations, product

import numpy as np
import ot
import pytest
import torch
from scipy import stats

from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import (
    COUPLINGS,
    TIME_DENSITIES,
    draw_times,
    independent,
    interpolate,
    matching_loss,
    optimal_transport,
)
from fm_core.maths.schedules import SCHEDULES, Schedule
from fm_core.refusals import SettingsError


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return SCHEDULES[request.param]


@pytest.fixture(params=COUPLINGS)
def coupling(request: pytest.FixtureRequest) -> str:
    return request.param


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def cost(x_0: torch.Tensor, x_1: torch.Tensor) -> float:
    return ((x_0 - x_1) ** 2).sum().item()


def test_stratified_times_fall_one_into_each_interval(generator):
    t = draw_times(128, generator)
    assert (t * 128).floor().long().sort().values.tolist() == list(range(128))


def test_a_stratified_time_taken_alone_is_uniform(generator):
    first = [draw_times(16, generator)[0].item() for _ in range(2000)]
    assert stats.kstest(first, "uniform").pvalue > 1e-3


def test_times_that_are_not_stratified_are_uniform_and_uneven(generator):
    t = draw_times(4096, generator, stratified=False)
    assert stats.kstest(t.numpy(), "uniform").pvalue > 1e-3
    assert len((t * 4096).floor().unique()) < 3000  # 63 % of 4096 intervals are expected to be hit


@pytest.mark.parametrize("stratified", [True, False])
def test_times_stay_below_one_for_the_largest_of_draws(generator, stratified, monkeypatch):
    """Adding a whole number to a draw rounds: 1023 + 0.99999 may become 1024. One batch of 1,024 in 15,000 has it."""
    rand = torch.rand

    def largest(*arguments, **keywords):
        u = rand(*arguments, **keywords)
        return torch.ones_like(u).nextafter(torch.zeros_like(u))

    monkeypatch.setattr(torch, "rand", largest)
    assert draw_times(1024, generator, stratified).max() < 1


def test_stratified_times_vary_less_from_batch_to_batch(generator):
    means = {
        stratified: torch.stack([draw_times(128, generator, stratified).square().mean() for _ in range(200)])
        for stratified in (True, False)
    }
    assert means[True].std() < means[False].std() / 20
    assert means[True].mean().item() == pytest.approx(1 / 3, abs=1e-3)


@pytest.mark.parametrize(("density", "mean"), [("logit-normal", 0.0), ("very early logit-normal", -1.2)])
def test_logit_normal_times_are_those_of_the_distribution(density, mean):
    t = draw_times(20_000, torch.Generator().manual_seed(0), density=TIME_DENSITIES[density])
    logits = t.logit()
    assert logits.mean().item() == pytest.approx(mean, abs=0.01)
    assert (logits.std() - 1).abs() < 0.01
    assert t.min() >= 0
    assert t.max() < 1


def test_interpolation_starts_at_the_source_and_ends_at_the_data(schedule):
    x_0, x_1 = normal(5, 2), normal(5, 2, seed=1)
    assert torch.equal(interpolate(schedule, x_0, x_1, torch.zeros(5))[0], x_0)
    assert torch.equal(interpolate(schedule, x_0, x_1, torch.ones(5))[0], x_1)


@pytest.mark.parametrize("shape", [(9, 2), (9, 1, 3, 3)])
def test_velocity_of_the_path_is_its_derivative(schedule, shape):
    x_0, x_1 = normal(*shape).double(), normal(*shape, seed=1).double()
    t = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)
    _, expected = torch.autograd.functional.jvp(
        lambda time: interpolate(schedule, x_0, x_1, time)[0], t, torch.ones_like(t)
    )
    assert isinstance(expected, torch.Tensor)
    torch.testing.assert_close(interpolate(schedule, x_0, x_1, t)[1], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(300, 2), (40, 1, 3, 3)])
def test_a_coupling_uses_every_data_point_once(coupling, shape):
    x_1 = normal(*shape, seed=1)
    paired = COUPLINGS[coupling].pair(normal(*shape), x_1)
    assert paired.shape == x_1.shape
    assert sorted(paired.tolist()) == sorted(x_1.tolist())


def test_independent_pairs_as_drawn():
    assert torch.equal(independent(normal(5, 2), normal(5, 2, seed=1)), normal(5, 2, seed=1))


def test_optimal_transport_stays_within_its_groups():
    x_0, x_1 = normal(20, 2), normal(20, 2, seed=1)
    paired = optimal_transport(x_0, x_1, group=8)
    for rows in (slice(0, 8), slice(8, 16), slice(16, 20)):
        assert sorted(paired[rows].tolist()) == sorted(x_1[rows].tolist())


def test_optimal_transport_is_the_cheapest_of_all_permutations():
    for seed in range(5):
        x_0, x_1 = normal(6, 2, seed=seed), normal(6, 2, seed=100 + seed)
        cheapest = min(cost(x_0, x_1[list(order)]) for order in permutations(range(6)))
        assert cost(x_0, optimal_transport(x_0, x_1)) == pytest.approx(cheapest, rel=1e-5)


def test_optimal_transport_costs_what_pots_plan_costs(generator):
    for source, target in product(SOURCES.values(), TARGETS.values()):
        x_0, x_1 = source.sample(128, generator), target.sample(128, generator)
        distances = ot.dist(x_0.double().numpy(), x_1.double().numpy())
        plan = np.asarray(ot.emd([], [], distances))
        assert cost(x_0, optimal_transport(x_0, x_1)) == pytest.approx(128 * (plan * distances).sum(), rel=1e-4)


def test_batches_of_different_length_cannot_be_paired_by_optimal_transport():
    for rows in (4, 6, 200):
        with pytest.raises(SettingsError, match=rf"^x_0 and x_1 must .*, not 5 and {rows}\.$"):
            optimal_transport(normal(5, 2), normal(rows, 2))


def test_optimal_transport_never_costs_more_than_pairing_as_drawn():
    for seed in range(20):
        x_0, x_1 = normal(50, 2, seed=seed), normal(50, 2, seed=100 + seed)
        assert cost(x_0, optimal_transport(x_0, x_1)) < cost(x_0, x_1)


def test_the_loss_of_the_true_velocity_is_zero(schedule):
    x_0, x_1, t = normal(8, 2), normal(8, 2, seed=1), torch.linspace(0, 1, 8)
    u_t = interpolate(schedule, x_0, x_1, t)[1]
    assert matching_loss(lambda x, t: u_t, schedule, x_0, x_1, t) == 0


@pytest.mark.parametrize("shape", [(8, 2), (8, 1, 3, 3)])
def test_the_loss_of_a_constant_error_is_its_squared_length(schedule, shape):
    x_0, x_1, t = normal(*shape), normal(*shape, seed=1), torch.linspace(0, 1, 8)
    u_t, error = interpolate(schedule, x_0, x_1, t)[1], normal(*shape[1:], seed=2)
    loss = matching_loss(lambda x, t: u_t + error, schedule, x_0, x_1, t)
    assert loss.item() == pytest.approx(error.norm().item() ** 2, rel=1e-4)


def test_the_loss_sums_over_dimensions_and_averages_over_the_batch():
    x_0, x_1 = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [1.0, 2.0]])
    loss = matching_loss(lambda x, t: torch.zeros_like(x), SCHEDULES["linear"], x_0, x_1, torch.tensor([0.2, 0.7]))
    assert loss.item() == pytest.approx((25 + 1) / 2)


def test_the_loss_asks_for_the_velocity_at_the_point_of_the_path(schedule):
    x_0, x_1, t = normal(8, 2), normal(8, 2, seed=1), torch.linspace(0, 1, 8)
    asked = {}

    def velocity(x, t):
        asked["x"], asked["t"] = x, t
        return x

    matching_loss(velocity, schedule, x_0, x_1, t)
    assert torch.equal(asked["x"], interpolate(schedule, x_0, x_1, t)[0])
    assert torch.equal(asked["t"], t)
