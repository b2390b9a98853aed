"""Training: the seed decides everything, and a stopped training goes on as if it had not stopped."""

import signal
from dataclasses import replace

import pytest
import torch

from fm_core import load_flow
from fm_core.checkpoints import checkpoint_path, read_tensors, save_tensors
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS, matching_loss
from fm_core.maths.measures import NotFinite
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.kind import Recipe, Task
from fm_core.models.networks import VelocityMLP
from fm_core.models.points import PointRecipe
from fm_core.refusals import Refusal
from fm_core.training import loop
from fm_core.training.team import Team
from tests.recipes import point_recipe

TINY = point_recipe(n_hidden=16, iterations=40, batch=64)
WITH_OT = replace(TINY, coupling=COUPLINGS["ot"])


def trained(recipe: Recipe, path, seed: int = 0) -> loop.TrainingState:
    state = loop.start(recipe, seed)
    loop.train(state, path)
    return state


def everything(state: loop.TrainingState) -> dict[str, torch.Tensor]:
    """All tensors that decide how the training goes on."""
    tensors = {f"network {key}": value for key, value in state.network.state_dict().items()}
    tensors |= {f"ema {key}": value for key, value in state.ema.state_dict().items()}
    for number, optimizer in enumerate(state.optimizers):
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer {number} {index} {key}": value for key, value in moments.items()}
    return tensors | {"generator": state.generator.get_state(), "loss": state.loss}


def same(a: loop.TrainingState, b: loop.TrainingState) -> bool:
    x, y = everything(a), everything(b)
    return x.keys() == y.keys() and a.iteration == b.iteration and all(torch.equal(x[key], y[key]) for key in x)


def stop_after(k: int, error: type[BaseException] = KeyboardInterrupt):
    def on_progress(state: loop.TrainingState) -> None:
        if state.iteration == k:
            raise error

    return on_progress


def resumed(path, recipe: Recipe = TINY, seed: int = 0) -> loop.TrainingState:
    state = loop.resume(path, recipe, seed)
    assert state is not None
    return state


@pytest.mark.parametrize("recipe", [TINY, WITH_OT, replace(TINY, source=SOURCES["eight-gaussians"])])
def test_a_training_stopped_and_resumed_equals_a_straight_one_to_the_bit(tmp_path, recipe):
    path, straight = tmp_path / "state.safetensors", trained(recipe, tmp_path / "other.safetensors")
    for k in (1, 20, 39, 40):
        with pytest.raises(KeyboardInterrupt):
            loop.train(loop.start(recipe, 0), path, stop_after(k))
        state = resumed(path, recipe)
        assert state.iteration == k
        loop.train(state, path)
        assert same(state, straight)


def test_a_training_may_be_stopped_again_and_again(tmp_path):
    path = tmp_path / "state.safetensors"
    state = loop.start(TINY, 0)
    for k in (3, 4, 17, 30):
        with pytest.raises(KeyboardInterrupt):
            loop.train(state, path, stop_after(k))
        state = resumed(path)
    loop.train(state, path)
    assert same(state, trained(TINY, tmp_path / "other.safetensors"))


@pytest.mark.parametrize(
    ("owner", "place"), [(PointRecipe, "draw"), (VelocityMLP, "forward"), (Task, "descend"), (Team, "mean")]
)
def test_ctrl_c_in_the_middle_of_an_iteration_loses_nothing(tmp_path, monkeypatch, owner, place):
    """The signal arrives where it likes; what is saved must still be a state between two iterations."""
    path, original, calls = tmp_path / "state.safetensors", getattr(owner, place), []

    def interrupted(*arguments):
        calls.append(place)
        if len(calls) == 13:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(owner, place, interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.train(loop.start(TINY, 0), path)
    monkeypatch.undo()
    state = resumed(path)
    assert 0 < state.iteration < TINY.iterations
    loop.train(state, path)
    assert same(state, trained(TINY, tmp_path / "other.safetensors"))


def test_a_training_that_was_killed_goes_on_from_its_last_save(tmp_path, monkeypatch):
    monkeypatch.setattr(PointRecipe, "epoch", 10)
    path = tmp_path / "state.safetensors"
    with pytest.raises(MemoryError):
        loop.train(loop.start(TINY, 0), path, stop_after(25, MemoryError))
    state = resumed(path)
    assert state.iteration == 20
    loop.train(state, path)
    assert same(state, trained(TINY, tmp_path / "other.safetensors"))


def test_resuming_keeps_the_clock(tmp_path):
    path = tmp_path / "state.safetensors"
    state = loop.start(TINY, 0)
    state.seconds = 1000.0
    with pytest.raises(KeyboardInterrupt):
        loop.train(state, path, stop_after(5))
    state = resumed(path)
    loop.train(state, path)
    assert 1000 < state.seconds < 1060


@pytest.mark.parametrize(
    ("recipe", "seed"),
    [
        (TINY, 1),
        (replace(TINY, schedule=SCHEDULES["cosine"]), 0),
        (replace(TINY, iterations=41), 0),
        (replace(TINY, learning_rate=1e-3), 0),
        (WITH_OT, 0),
        (replace(TINY, n_hidden=17), 0),
    ],
)
def test_a_state_of_another_seed_or_recipe_is_not_resumed(tmp_path, recipe, seed):
    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        loop.train(loop.start(TINY, 0), path, stop_after(5))
    assert loop.resume(path, TINY, 0) is not None
    assert loop.resume(path, recipe, seed) is None


@pytest.mark.parametrize("content", [None, b"", b"not a state" * 100])
def test_a_missing_or_damaged_state_is_not_resumed(tmp_path, content):
    path = tmp_path / "state.safetensors"
    if content is not None:
        path.write_bytes(content)
    assert loop.resume(path, TINY, 0) is None


MALFORMED = {
    "nothing": lambda tensors, progress: tensors.clear(),
    "no generator": lambda tensors, progress: tensors.pop("generator"),
    "a short generator": lambda tensors, progress: tensors.update(generator=tensors["generator"][:9].clone()),
    "a generator of numbers": lambda tensors, progress: tensors.update(generator=torch.ones(5056)),
    "no loss": lambda tensors, progress: tensors.pop("loss"),
    "a NaN loss": lambda tensors, progress: tensors.update(loss=torch.tensor(float("nan"))),
    "a long loss": lambda tensors, progress: tensors.update(loss=torch.ones(2)),
    "no weights": lambda tensors, progress: tensors.pop("network.layers.0.bias"),
    "other weights": lambda tensors, progress: tensors.update({"ema.layers.0.bias": torch.zeros(17)}),
    "an infinite average": lambda tensors, progress: tensors["ema.layers.0.bias"].fill_(float("inf")),
    "a moment too few": lambda tensors, progress: tensors.pop("optimizer.0.3.exp_avg"),
    "a moment of another shape": lambda tensors, progress: tensors.update({"optimizer.0.3.exp_avg": torch.zeros(3)}),
    "a moment of no parameter": lambda tensors, progress: tensors.update({"optimizer.0.99.step": torch.ones(())}),
    "a moment with words": lambda tensors, progress: tensors.update({"optimizer.0.first.step": torch.ones(())}),
    **{
        f"an iteration of {value!r}": lambda tensors, progress, value=value: progress.update(iteration=value)
        for value in (-1, 41, 2.5, 3.0, "5", None, [5])
    },
    "seconds in words": lambda tensors, progress: progress.update(seconds="long"),
    "no curve": lambda tensors, progress: progress.pop("curve"),
    "a curve of words": lambda tensors, progress: progress.update(curve=["steep"]),
    "a curve of another kind": lambda tensors, progress: progress.update(curve=[{"iteration": 1}]),
}


@pytest.mark.parametrize("damage", MALFORMED)
def test_a_malformed_state_is_not_resumed(tmp_path, damage):
    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        loop.train(loop.start(TINY, 0), path, stop_after(5))
    tensors, progress = read_tensors(path)
    MALFORMED[damage](tensors, progress)
    save_tensors(path, tensors, progress)
    assert loop.resume(path, TINY, 0) is None


@pytest.fixture
def breaks(monkeypatch):
    """Make the k-th loss, in which every weight takes part, NaN."""

    def arm(k: int) -> None:
        descend, calls = Task.descend, []

        def broken(task, network, optimizers, batch, weight):
            calls.append(weight)
            return descend(task, network, optimizers, batch, float("nan") if len(calls) == k else weight)

        monkeypatch.setattr(Task, "descend", broken)

    return arm


def test_a_training_that_diverges_stops_at_the_end_of_the_epoch_and_keeps_its_last_good_state(
    tmp_path, monkeypatch, breaks
):
    monkeypatch.setattr(PointRecipe, "epoch", 10)
    path, seen = tmp_path / "state.safetensors", []
    breaks(23)
    with pytest.raises(loop.Diverged) as error:
        loop.train(loop.start(TINY, 0), path, lambda state: seen.append(state.iteration))
    assert str(error.value).startswith(
        "moons-linear diverged: by iteration 30 its loss or weights are not finite numbers. Try another --seed, or"
    )
    assert seen[-1] == 30
    assert resumed(path).iteration == 20
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_stop_after_a_divergence_does_not_replace_the_good_state(tmp_path, monkeypatch, breaks):
    monkeypatch.setattr(PointRecipe, "epoch", 10)
    path = tmp_path / "state.safetensors"
    breaks(23)
    with pytest.raises(loop.Diverged, match="by iteration 25 "):
        loop.train(loop.start(TINY, 0), path, stop_after(25))
    assert resumed(path).iteration == 20


def test_a_divergence_in_the_last_iterations_is_found(tmp_path, breaks):
    """40 iterations are less than an epoch."""
    breaks(40)
    with pytest.raises(loop.Diverged, match="by iteration 40 "):
        loop.train(loop.start(TINY, 0), tmp_path / "state.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_rate_that_is_too_high_is_named_before_a_checkpoint_is_written(tmp_path, monkeypatch):
    """By nothing but descent: plain gradient steps of 1000 on a square loss grow until they overflow."""
    monkeypatch.setattr(PointRecipe, "optimizers", lambda self, net: [torch.optim.SGD(net.parameters(), lr=1000.0)])
    with pytest.raises(loop.Diverged):
        loop.train(loop.start(TINY, 0), tmp_path / "state.safetensors")


def test_a_state_that_is_not_finite_makes_no_checkpoint(tmp_path, quick_quality):
    state = loop.start(TINY, 0)
    with torch.no_grad():
        next(state.ema.parameters())[0, 0] = float("nan")
    with pytest.raises(loop.Diverged):
        loop.finish(state, checkpoint_path(TINY.name, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_figures_that_are_not_finite_make_no_checkpoint(tmp_path, monkeypatch):
    """Weights may be finite and still take particles beyond all numbers."""
    state = loop.start(TINY, 0)
    with torch.no_grad():
        for weights in state.ema.parameters():
            weights.fill_(1e30)
    with pytest.raises(NotFinite):
        loop.finish(state, checkpoint_path(TINY.name, tmp_path))
    monkeypatch.setattr(PointRecipe, "judge", lambda *_: {"quality": {"w2": [float("nan")]}})
    with pytest.raises(Refusal, match="moons-linear has figures that are not finite numbers, so no checkpoint"):
        loop.finish(loop.start(TINY, 0), checkpoint_path(TINY.name, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_finished_checkpoint_is_not_mistaken_for_a_state(tmp_path, quick_quality):
    path = tmp_path / "flow.safetensors"
    loop.finish(trained(TINY, tmp_path / "state.safetensors"), path)
    assert loop.resume(path, TINY, 0) is None


def test_saving_leaves_one_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        loop.train(loop.start(TINY, 0), tmp_path / "state.safetensors", stop_after(5))
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_the_seed_decides_the_result(tmp_path):
    first, again, other = (trained(TINY, tmp_path / "state.safetensors", seed) for seed in (0, 0, 1))
    assert same(first, again)
    assert not torch.equal(first.ema.state_dict()["layers.0.weight"], other.ema.state_dict()["layers.0.weight"])


def test_the_result_does_not_depend_on_the_global_random_state(tmp_path):
    results = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            results.append(trained(TINY, tmp_path / "state.safetensors"))
    assert same(*results)


def test_training_leaves_the_global_random_state_alone(tmp_path):
    before = torch.get_rng_state()
    trained(TINY, tmp_path / "state.safetensors")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("coupling", ["independent", "ot"])
def test_training_lowers_the_loss(tmp_path, coupling):
    recipe = point_recipe("gaussian", coupling=coupling, n_hidden=32, iterations=300, batch=256)
    generator = torch.Generator().manual_seed(9)
    x_0 = SOURCES["standard-gaussian"].sample(2000, generator)
    x_1, t = TARGETS["gaussian"].sample(2000, generator), torch.rand(2000, generator=generator)

    def loss(network) -> float:
        with torch.no_grad():
            return matching_loss(network, SCHEDULES["linear"], x_0, x_1, t).item()

    state = loop.start(recipe, 0)
    before = loss(state.ema)
    loop.train(state, tmp_path / "state.safetensors")
    assert loss(state.ema) < 0.8 * before
    assert state.loss.item() < before


def test_weights_that_are_served_are_an_average_of_those_that_were_trained(tmp_path):
    """Each lies between the smallest and the largest value that it had on the way, and not at the last."""
    state = loop.start(replace(TINY, iterations=1000), 0)
    assert all(torch.equal(a, b) for a, b in zip(state.ema.parameters(), state.network.parameters(), strict=True))
    seen = [next(state.network.parameters()).detach().clone()]
    for _ in range(100):
        loop.step(state)
        seen.append(next(state.network.parameters()).detach().clone())
    low, high = torch.stack(seen).amin(0), torch.stack(seen).amax(0)
    served = next(state.ema.parameters())
    assert not torch.equal(served, seen[-1])
    assert (served >= low - 1e-6).all()
    assert (served <= high + 1e-6).all()


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero():
    rates = torch.tensor([loop.learning_rate(3e-3, k / 40) for k in range(41)])
    assert rates.max().item() == pytest.approx(3e-3)
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    peak = int(rates.argmax())
    assert peak == 4
    assert (rates[: peak + 1].diff() > 0).all()
    assert (rates[peak:].diff() < 0).all()


def test_finishing_writes_a_flow_that_loads_and_the_metadata_it_returns(tmp_path, quick_quality):
    state = trained(TINY, tmp_path / "runs" / "state.safetensors", seed=7)
    metadata = loop.finish(state, checkpoint_path(TINY.name, tmp_path))
    assert load_flow(TINY.name, tmp_path).name == TINY.name
    assert metadata["seed"] == 7
    assert metadata["iterations"] == TINY.iterations
    assert metadata["final_loss"] == state.loss.item()
    assert metadata["covariance"] == (0.0, 0.0)
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_covariance_of_optimal_transport_agrees_with_other_draws():
    recipe = point_recipe(coupling="ot", batch=256)
    found = torch.tensor(recipe.covariance(batches=50))
    generator = torch.Generator().manual_seed(5)
    x_0 = recipe.source.sample(12_800, generator)
    x_1 = recipe.coupling.pair(x_0, TARGETS["moons"].sample(12_800, generator))
    expected = torch.stack([torch.cov(torch.stack([x_0[:, d], x_1[:, d]]))[0, 1] for d in range(2)])
    torch.testing.assert_close(found, expected, rtol=0, atol=4.5 * (2 / 12_800) ** 0.5)
    assert found.min() > 0.1


def test_the_covariance_of_the_independent_coupling_is_zero():
    assert TINY.covariance() == (0.0, 0.0)
