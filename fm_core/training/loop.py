"""Training one recipe of any kind: the loop, its resumable state, and the checkpoint at its end."""

import copy
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fm_core.checkpoints import (
    FORMAT_VERSION,
    STATE,
    CheckpointError,
    all_finite,
    curve_path,
    load_checkpoint,
    read_tensors,
    save_tensors,
    write,
)
from fm_core.images.files import default_root
from fm_core.machine import commit, provenance
from fm_core.models.figures import is_curve, is_number
from fm_core.models.kind import Recipe, Task
from fm_core.refusals import Refusal
from fm_core.training.team import ALONE, Team


class Diverged(Refusal):
    """A training that left the range of numbers. The message says when, and what to try."""


@dataclass(repr=False)
class TrainingState:
    """Everything a stopped training needs to resume exactly as if it had never stopped."""

    recipe: Recipe
    seed: int
    task: Task
    network: nn.Module
    ema: nn.Module
    optimizers: list[torch.optim.Optimizer]
    generator: torch.Generator
    loss: Tensor
    commit: str | None
    forward: Callable[..., Tensor]  # the network, or the team's wrapper of it
    team: Team = ALONE
    iteration: int = 0
    seconds: float = 0.0
    curve: list[dict] = field(default_factory=list)  # iteration, running loss and seconds at the end of each epoch

    def __repr__(self) -> str:
        return f"TrainingState({self.recipe.name}, iteration {self.iteration:,} of {self.recipe.iterations:,})"


def start(
    recipe: Recipe, seed: int, device: str = "cpu", root: Path | None = None, team: Team = ALONE
) -> TrainingState:
    """A fresh state, whose every draw the seed decides. Raises DataError if `root` lacks images the recipe needs."""
    task = recipe.task(seed, root or default_root(), device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = recipe.network()
    network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizers = recipe.optimizers(network)
    ema = copy.deepcopy(network).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    loss = torch.zeros((), device=device)
    forward = team.wrap(network)
    return TrainingState(recipe, seed, task, network, ema, optimizers, generator, loss, commit(), forward, team)


def learning_rate(peak: float, progress: float, constant: bool = False) -> float:
    """Constant, or one cycle: a linear rise over the first tenth of the training, then half a cosine down to zero."""
    if constant:
        return peak
    if progress < 0.1:
        return peak * progress / 0.1
    return peak * (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) / 2


def step(state: TrainingState) -> None:
    """One iteration: draw a batch, descend its loss, update the averages of the weights and of the loss."""
    share, weight = state.team.share(state.task.batch(state.iteration, state.generator))
    batch = [part.to(state.loss.device) for part in share]
    recipe = state.recipe
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            progress = state.iteration / recipe.iterations
            group["lr"] = learning_rate(optimizer.defaults["lr"], progress, recipe.constant_rate)
    loss = state.task.descend(state.forward, state.optimizers, batch, weight)
    state.iteration += 1
    decay = min(recipe.ema_decay, state.iteration / (state.iteration + 9))  # the memory grows from nothing
    get_ema_multi_avg_fn(decay)(list(state.ema.parameters()), list(state.network.parameters()), None)
    state.loss.lerp_(state.team.mean(loss), max(0.01, 1 / state.iteration))


def train(state: TrainingState, path: Path, on_progress: Callable[[TrainingState], None] = lambda _: None) -> None:
    """Iterate until the recipe is done, saving the state at `path` after every epoch, at the end and if interrupted.

    SIGINT and SIGTERM take effect at the end of an iteration, as a KeyboardInterrupt, and no work is lost. Raises
    Diverged at the end of an epoch in which the loss or a weight stopped being finite; the last state saved is kept.
    """
    clock = time.perf_counter() - state.seconds
    try:
        with _interrupts() as caught:
            while state.iteration < state.recipe.iterations:
                step(state)
                state.seconds = time.perf_counter() - clock
                epoch_ends = state.iteration % state.recipe.epoch == 0
                if epoch_ends:
                    loss, seconds = round(state.loss.item(), 5), round(state.seconds, 1)
                    state.curve.append({"iteration": state.iteration, "loss": loss, "seconds": seconds})
                on_progress(state)
                if state.team.any(bool(caught)):
                    raise KeyboardInterrupt
                if epoch_ends:
                    save_state(state, path)
    except KeyboardInterrupt:
        save_state(state, path)
        raise
    save_state(state, path)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of acting on them; ignored signals stay ignored."""
    caught: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if main and signal.getsignal(n) != signal.SIG_IGN]
    handlers = {n: signal.signal(n, lambda number, _: caught.append(number)) for n in numbers}
    try:
        yield caught
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def save_state(state: TrainingState, path: Path) -> None:
    """Raises Diverged instead of saving a state that is not finite, and CheckpointError if it cannot be written."""
    tensors = _tensors(state)
    if state.team.leads:
        progress = {"iteration": state.iteration, "seconds": state.seconds, "commit": state.commit}
        save_tensors(path, tensors, _identity(state.recipe, state.seed) | progress | {"curve": state.curve})


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    """All tensors that decide how the training goes on. Raises Diverged."""
    tensors = {f"network.{key}": value for key, value in state.network.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in state.ema.state_dict().items()}
    for number, optimizer in enumerate(state.optimizers):
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in moments.items()}
    tensors |= {"generator": state.generator.get_state(), "loss": state.loss}
    if not all_finite(tensors):
        what = (
            f"{state.recipe.name} diverged: by iteration {state.iteration:,} its loss or weights are not finite numbers"
        )
        remedy = "Try another --seed, or a smaller learning_rate in fm_core/models/catalogue.py"
        raise Diverged(f"{what}. {remedy}; the last state saved before is kept and no checkpoint is written.")
    return tensors


def _identity(recipe: Recipe, seed: int) -> dict:
    """The entries in which a saved state must agree to be resumed."""
    model = {"name": recipe.name, "kind": recipe.kind, "recipe": recipe.settings}
    return {"format_version": FORMAT_VERSION, **model, "seed": seed}


def resume(
    path: Path, recipe: Recipe, seed: int, device: str = "cpu", root: Path | None = None, team: Team = ALONE
) -> TrainingState | None:
    """The state saved at `path`, or None if there is no sound one for this recipe and seed. Raises like `start`."""
    try:
        tensors, progress = read_tensors(path, STATE)
    except CheckpointError:
        return None
    found = {"kind": recipe.kind} | progress  # older versions saved no kind
    if "iteration" not in found or not _identity(recipe, seed).items() <= found.items():
        return None
    state = start(recipe, seed, device, root, team)
    try:
        _fill(state, tensors, progress)
    except (LookupError, ValueError, TypeError, RuntimeError):  # not what `save_state` writes
        return None
    return state


def _fill(state: TrainingState, tensors: dict[str, Tensor], progress: dict) -> None:
    """Set everything to what was saved. Raises a LookupError, Value-, Type- or RuntimeError for what does not fit."""
    whole = isinstance(progress["iteration"], int) and progress["iteration"] in range(state.recipe.iterations + 1)
    if not whole or not is_number(progress["seconds"], 0) or not is_curve(progress["curve"]) or not all_finite(tensors):
        raise ValueError
    state.network.load_state_dict(_part(tensors, "network."))
    state.ema.load_state_dict(_part(tensors, "ema."))
    for number, optimizer in enumerate(state.optimizers):
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, f"optimizer.{number}.").items():
            index, name = key.split(".")
            # Adam pairs a moment wrongly with its weights unless both have the same memory layout.
            laid_out = value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
            moments.setdefault(int(index), {})[name] = laid_out
        _check_shapes(moments, optimizer)
        optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    state.generator.set_state(tensors["generator"])
    state.loss.copy_(tensors["loss"])
    state.iteration, state.seconds = progress["iteration"], progress["seconds"]
    state.commit, state.curve = progress["commit"], progress["curve"]


def _check_shapes(moments: dict[int, dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> None:
    """Raise an error unless all have the same moments, each one number or shaped like the parameter of its index."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shapes = {index: {value.shape for value in found.values()} for index, found in moments.items()}
    fit = all(found <= {torch.Size(), parameters[index].shape} for index, found in shapes.items())
    if not fit or len({frozenset(found) for found in moments.values()}) > 1:
        raise ValueError


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def finish(state: TrainingState, path: Path, root: Path | None = None) -> dict:
    """Measure the EMA weights, write the checkpoint and `curves/NAME.jsonl` beside it, and return the metadata.

    Raises Diverged, before anything is measured or written, for a state that is not finite.
    """
    _tensors(state)
    network = state.ema.cpu().eval()
    metadata = {
        **_identity(state.recipe, state.seed),
        "iterations": state.iteration,
        "training_seconds": round(state.seconds, 1),
        "final_loss": state.loss.item(),
        "commit": state.commit,
        **_judged(state.recipe, network, path, root),
        **provenance(state.loss.device, state.team.size),
    }
    save_tensors(path, network.state_dict(), metadata)
    if state.curve:
        lines = (json.dumps(entry, allow_nan=False) for entry in state.curve)
        write(curve_path(state.recipe.name, path.parent), "".join(f"{line}\n" for line in lines).encode())
    return metadata


def _judged(recipe: Recipe, network: nn.Module, path: Path, root: Path | None) -> dict:
    """What `judge` says. Raises Refusal for figures that could not be shown."""
    found = recipe.judge(network, path.parent, root or default_root())
    if recipe.sound(json.loads(json.dumps(found["quality"]))) is None:
        raise Refusal(f"{recipe.name} has figures that are not finite numbers, so no checkpoint is written.")
    return found


def judge(path: Path, expected: Recipe, root: Path | None = None) -> dict:
    """Measure a finished checkpoint anew, replace its figures and nothing else, and return the metadata.

    Raises CheckpointError for a file that `load_checkpoint` refuses, and DataError if `root` lacks the images.
    """
    load_checkpoint(path, expected)
    tensors, metadata = read_tensors(path)
    recipe = expected.read(metadata["recipe"], metadata.get("kind"))
    network = recipe.network()
    network.load_state_dict(tensors)
    metadata |= _judged(recipe, network.eval().requires_grad_(False), path, root)
    save_tensors(path, tensors, metadata)
    return metadata
