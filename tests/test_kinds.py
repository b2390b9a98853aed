"""A kind of model is a recipe and its task: here two new ones, which nothing else in the project knows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

import train_all
from fm_core.checkpoints import CheckpointError, checkpoint_path, load_checkpoint, read_tensors
from fm_core.models.catalogue import CATALOGUE, POINT_RECIPES
from fm_core.models.kind import Recipe, Task
from fm_core.training import loop, report
from fm_core.training.team import ALONE


@dataclass(frozen=True)
class LineRecipe(Recipe):
    """Fits the slope and the intercept of y = slope · x + 1 with noise."""

    kind: ClassVar[str] = "line"
    name: ClassVar[str] = "a-line"  # pyright: ignore[reportIncompatibleVariableOverride]
    epoch: ClassVar[int] = 8  # pyright: ignore[reportIncompatibleVariableOverride]
    length: ClassVar[str] = "iterations"

    slope: float = 3.0
    iterations: int = 20
    learning_rate: float = 0.3
    ema_decay: float = 0.5

    def network(self) -> nn.Module:
        return nn.Linear(1, 1)

    def task(self, seed: int, root: Path, device: str) -> Task:
        def batch(iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
            x = torch.randn(64, 1, generator=generator)
            return x, self.slope * x + 1 + 0.01 * torch.randn(64, 1, generator=generator)

        return Task(batch, lambda network, x, y: (network(x) - y).square().mean())

    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        with torch.no_grad():
            return {"quality": {"error": (network(torch.ones(1, 1)) - self.slope - 1).abs().item()}}

    def restore(self, network: nn.Module, metadata: dict) -> nn.Module:
        return network

    def summary(self, quality: dict) -> str:
        return f"wrong by {quality['error']:.3f}"


LINE = LineRecipe()


class Pair(nn.Module):
    """What makes points of noise, and what tells them from real ones."""

    def __init__(self):
        super().__init__()
        self.maker, self.critic = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's scores of what is made of z, and of x."""
        return self.critic(self.maker(z)), self.critic(x)


class Contest(Task):
    """The critic learns to tell made from real, the maker to be taken for real."""

    def descend(
        self, network: Callable[..., Tensor], optimizers: list[Optimizer], batch: list[Tensor], weight: float
    ) -> Tensor:
        maker, critic = optimizers
        for optimizer, sign in ((critic, 1), (maker, -1)):
            made, real = network(*batch)
            loss = weight * sign * (made.sigmoid().mean() - real.sigmoid().mean())
            for other in optimizers:
                other.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()


@dataclass(frozen=True)
class ContestRecipe(LineRecipe):
    kind: ClassVar[str] = "contest"
    name: ClassVar[str] = "a-contest"

    critic_rate: float = 0.05

    def network(self) -> nn.Module:
        return Pair()

    def task(self, seed: int, root: Path, device: str) -> Task:
        def batch(iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
            return torch.randn(64, 2, generator=generator), 3 + torch.randn(64, 2, generator=generator)

        return Contest(batch, loss=lambda *_: pytest.fail("a contest has no loss in common"))

    def optimizers(self, network: nn.Module) -> list[Optimizer]:
        assert isinstance(network, Pair)
        return [
            torch.optim.Adam(network.maker.parameters(), lr=self.learning_rate),
            SGD(network.critic.parameters(), lr=self.critic_rate, momentum=0.9),
        ]


def stopped(recipe: Recipe, path: Path, k: int) -> loop.TrainingState:
    """Stopped after k iterations, and found again."""

    def stop(state: loop.TrainingState) -> None:
        if state.iteration == k:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(loop.start(recipe, 0), path, stop)
    state = loop.resume(path, recipe, 0)
    assert state is not None
    assert state.iteration == k
    return state


def straight(recipe: Recipe, path: Path) -> loop.TrainingState:
    state = loop.start(recipe, 0)
    loop.train(state, path)
    return state


def weights(state: loop.TrainingState) -> list[Tensor]:
    return [*state.network.parameters(), *state.ema.parameters()]


@pytest.mark.parametrize("recipe", [LINE, ContestRecipe()], ids=lambda recipe: recipe.name)
def test_a_new_kind_is_stopped_and_resumed_to_the_bit(tmp_path, recipe):
    expected = straight(recipe, tmp_path / "straight.safetensors")
    for k in (8, 11):
        state = stopped(recipe, tmp_path / "stopped.safetensors", k)
        loop.train(state, tmp_path / "stopped.safetensors")
        assert state.iteration == 20
        assert all(torch.equal(a, b) for a, b in zip(weights(state), weights(expected), strict=True))
        assert torch.equal(state.loss, expected.loss)


def test_both_sides_of_a_contest_move(tmp_path):
    before = list(loop.start(ContestRecipe(), 0).network.parameters())
    after = list(straight(ContestRecipe(), tmp_path / "state.safetensors").network.parameters())
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(("still", "moves"), [("learning_rate", "critic"), ("critic_rate", "maker")])
def test_each_optimizer_descends_its_own_loss_with_its_own_parameters(tmp_path, still, moves):
    """With the other side's rate at zero the critic tells made from real better, or the maker deceives it better."""
    recipe = replace(ContestRecipe(), **{still: 0.0})
    first, last = loop.start(recipe, 0).network, straight(recipe, tmp_path / "state.safetensors").network
    for (name, a), (_, b) in zip(first.named_parameters(), last.named_parameters(), strict=True):
        assert torch.equal(a, b) != name.startswith(moves)
    z, x = recipe.task(0, tmp_path, "cpu").batch(0, torch.Generator().manual_seed(1))
    (made, real), (made_then, real_then) = first(z, x), last(z, x)
    gap = (made.sigmoid() - real.sigmoid()).mean()
    gap_then = (made_then.sigmoid() - real_then.sigmoid()).mean()
    assert (gap_then < gap - 0.05) if moves == "critic" else (gap_then > gap + 0.05)


def test_a_checkpoint_of_a_new_kind_is_written_read_and_listed(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGUE, LINE.name, LINE)
    path = checkpoint_path(LINE.name, tmp_path)
    state = stopped(LINE, report.state_path(LINE.name, tmp_path), 11)
    assert f"{LINE.name:38} stopped" in report.listing(tmp_path)
    loop.train(state, report.state_path(LINE.name, tmp_path))
    metadata = loop.finish(state, path)
    assert metadata["kind"] == "line"
    assert metadata["recipe"] == {"slope": 3.0, "iterations": 20, "learning_rate": 0.3, "ema_decay": 0.5}
    loaded = load_checkpoint(path, LINE)
    assert torch.equal(loaded.model.weight, dict(state.ema.named_parameters())["weight"])
    assert loaded.metadata["quality"] == metadata["quality"]
    with pytest.raises(CheckpointError, match="another kind, 'line'"):
        load_checkpoint(path, POINT_RECIPES["moons-linear"])
    report.state_path(LINE.name, tmp_path).unlink()
    assert train_all.main(["--list", "--checkpoints", str(tmp_path)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(LINE.name))
    assert line.split(maxsplit=2) == ["a-line", "trained", LINE.summary(metadata["quality"])]


def test_train_all_trains_a_new_kind_end_to_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGUE, LINE.name, LINE)
    command = ["--only", "a-*", "--checkpoints", str(tmp_path), "--iterations"]
    assert train_all.main([*command, "200"]) == 0
    assert "a-line: wrong by 0.0" in capsys.readouterr().out
    trained = load_checkpoint(checkpoint_path(LINE.name, tmp_path), LINE)
    assert trained.metadata["iterations"] == 200
    assert trained.model.weight.item() == pytest.approx(3, abs=0.1)
    assert train_all.main([*command, "200"]) == 0
    assert capsys.readouterr().out.startswith("0 to train, 1 finished already.")


def test_a_new_kind_is_judged_anew_with_the_weights_it_has(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGUE, LINE.name, LINE)
    command = ["--only", LINE.name, "--checkpoints", str(tmp_path)]
    assert train_all.main(command) == 0
    tensors, trained = read_tensors(checkpoint_path(LINE.name, tmp_path))
    monkeypatch.setattr(LineRecipe, "judge", lambda self, network, *_: {"quality": {"error": network.weight.item()}})
    capsys.readouterr()
    assert train_all.main([*command, "--judge"]) == 0
    judged = load_checkpoint(checkpoint_path(LINE.name, tmp_path), LINE)
    weight = tensors["weight"].item()
    assert f"a-line: wrong by {weight:.3f}" in capsys.readouterr().out
    assert judged.metadata == {**trained, "quality": {"error": weight}}
    assert judged.model.weight.item() == weight


def test_a_loss_is_weighted_by_what_the_team_says():
    """Half the weight is half the gradient, which Adam would hide and plain descent shows."""
    task, network = LINE.task(0, Path(), "cpu"), nn.Linear(1, 1)
    batch, _ = ALONE.share(task.batch(0, torch.Generator().manual_seed(0)))
    start = network.weight.item()
    moves = []
    for weight in (1.0, 0.5):
        copy = nn.Linear(1, 1)
        copy.load_state_dict(network.state_dict())
        task.descend(copy, [SGD(copy.parameters(), lr=0.1)], batch, weight)
        moves.append(copy.weight.item() - start)
    assert moves[1] == pytest.approx(moves[0] / 2, rel=1e-4)
