"""Training one recipe: the loop, its resumable state, and the checkpoint at its end."""

import copy
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fm_core import evaluation
from fm_core.checkpoints import FORMAT_VERSION, CheckpointError, build_network, read_tensors, save_tensors
from fm_core.datasets import default_root
from fm_core.optimizers import create_optimizers
from fm_core.parallel import ALONE, Team
from fm_core.provenance import commit, provenance
from fm_core.recipes import AnyRecipe
from fm_core.tasks import Task, create_task

_LOSS_WEIGHT = 0.01


@dataclass
class TrainingState:
    """All that a stopped training needs to go on exactly as if it had not stopped.

    `forward` is the network, or what wraps it where a team trains it. `curve` has one entry per epoch: iteration,
    running loss, seconds.
    """

    recipe: AnyRecipe
    seed: int
    task: Task
    network: nn.Module
    ema: nn.Module
    optimizers: list[torch.optim.Optimizer]
    generator: torch.Generator
    loss: Tensor
    commit: str | None
    forward: Callable[..., Tensor]
    team: Team = ALONE
    iteration: int = 0
    seconds: float = 0.0
    curve: list[dict] = field(default_factory=list)


def start(
    recipe: AnyRecipe, seed: int, device: str = "cpu", root: Path | None = None, team: Team = ALONE
) -> TrainingState:
    """A fresh state; the seed decides the initial weights and every later draw. Images come from `root`.

    Raises DataError if the recipe needs images that `root` lacks.
    """
    task = create_task(recipe, seed, root or default_root(), device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(recipe).to(device)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizers = create_optimizers(recipe, network)
    ema = copy.deepcopy(network).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    loss = torch.zeros((), device=device)
    return TrainingState(
        recipe, seed, task, network, ema, optimizers, generator, loss, commit(), team.wrap(network), team
    )


def learning_rate(peak: float, progress: float) -> float:
    """One cycle: a linear rise over the first tenth of the training, then half a cosine down to zero."""
    if progress < 0.1:
        return peak * progress / 0.1
    return peak * (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) / 2


def step(state: TrainingState) -> None:
    """One iteration: draw a batch, descend its loss, update the averages."""
    share, weight = state.team.share(state.task.batch(state.iteration, state.generator))
    loss = weight * state.task.loss(state.forward, *(part.to(state.loss.device) for part in share))
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(optimizer.defaults["lr"], state.iteration / state.recipe.iterations)
        optimizer.zero_grad()
    loss.backward()
    for optimizer in state.optimizers:
        optimizer.step()
    state.iteration += 1
    _update_averages(state, state.team.mean(loss.detach()))


def _update_averages(state: TrainingState, loss: Tensor) -> None:
    """EMA of the weights, its memory growing from nothing up to `ema_decay`, and of the loss."""
    decay = min(state.recipe.ema_decay, state.iteration / (state.iteration + 9))
    with torch.no_grad():
        average = get_ema_multi_avg_fn(decay)
        average(list(state.ema.parameters()), list(state.network.parameters()), None)
    state.loss.lerp_(loss, max(_LOSS_WEIGHT, 1 / state.iteration))


def train(
    state: TrainingState, state_path: Path, on_progress: Callable[[TrainingState], None] = lambda state: None
) -> None:
    """Iterate until the recipe is done. Saves the state after every epoch, at the end and when it is interrupted.

    SIGINT and SIGTERM wait for the end of an iteration, are answered by KeyboardInterrupt, and cost nothing.
    """
    clock = time.perf_counter() - state.seconds
    try:
        with _interrupts() as caught:
            while state.iteration < state.recipe.iterations:
                step(state)
                state.seconds = time.perf_counter() - clock
                epoch_ends = state.iteration % state.recipe.epoch == 0
                if epoch_ends:
                    extend_curve(state)
                on_progress(state)
                if state.team.any(bool(caught)):
                    raise KeyboardInterrupt
                if epoch_ends:
                    save_state(state, state_path)
    except KeyboardInterrupt:
        save_state(state, state_path)
        raise
    save_state(state, state_path)


def extend_curve(state: TrainingState) -> None:
    state.curve.append(
        {"iteration": state.iteration, "loss": round(state.loss.item(), 5), "seconds": round(state.seconds, 1)}
    )


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of acting on them; signals that are ignored stay so."""
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
    if not state.team.leads:
        return
    tensors = {f"network.{key}": value for key, value in state.network.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in state.ema.state_dict().items()}
    for number, optimizer in enumerate(state.optimizers):
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in moments.items()}
    tensors |= {"generator": state.generator.get_state(), "loss": state.loss}
    save_tensors(path, tensors, _progress(state))


def _identity(recipe: AnyRecipe, seed: int) -> dict:
    """What a saved state must agree on to be gone on with."""
    return {"format_version": FORMAT_VERSION, "name": recipe.name, "recipe": asdict(recipe), "seed": seed}


def _progress(state: TrainingState) -> dict:
    return {
        **_identity(state.recipe, state.seed),
        "iteration": state.iteration,
        "seconds": state.seconds,
        "commit": state.commit,
        "curve": state.curve,
    }


def resume(
    path: Path, recipe: AnyRecipe, seed: int, device: str = "cpu", root: Path | None = None, team: Team = ALONE
) -> TrainingState | None:
    """The state saved at `path`, or None if there is none for this recipe and seed."""
    try:
        tensors, progress = read_tensors(path)
    except CheckpointError:
        return None
    if "iteration" not in progress or any(progress.get(key) != value for key, value in _identity(recipe, seed).items()):
        return None
    state = start(recipe, seed, device, root, team)
    state.network.load_state_dict(_part(tensors, "network."))
    state.ema.load_state_dict(_part(tensors, "ema."))
    for number, optimizer in enumerate(state.optimizers):
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, f"optimizer.{number}.").items():
            index, name = key.split(".")
            moments.setdefault(int(index), {})[name] = _laid_out(value)
        optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    state.generator.set_state(tensors["generator"])
    state.loss = tensors["loss"].to(device)
    state.iteration, state.seconds = progress["iteration"], progress["seconds"]
    state.commit, state.curve = progress["commit"], progress["curve"]
    return state


def _laid_out(moment: Tensor) -> Tensor:
    """A moment in the memory layout of its weights, without which Adam pairs them wrongly."""
    return moment.contiguous(memory_format=torch.channels_last) if moment.dim() == 4 else moment


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def finish(state: TrainingState, path: Path, root: Path | None = None) -> dict:
    """Measure the EMA weights, write the checkpoint and its learning curve, and return its metadata."""
    network = state.ema.cpu().eval()
    metadata = {
        **_identity(state.recipe, state.seed),
        "iterations": state.iteration,
        "training_seconds": round(state.seconds, 1),
        "final_loss": state.loss.item(),
        "commit": state.commit,
        **evaluation.measure(state.recipe, network, path.parent, root or default_root()),
        **provenance(state.loss.device, state.team.size),
    }
    save_tensors(path, network.state_dict(), metadata)
    write_curve(state, path.parent)
    return metadata


def write_curve(state: TrainingState, directory: Path) -> None:
    """One JSON line per epoch in `curves/NAME.jsonl`."""
    if not state.curve:
        return
    path = directory / "curves" / f"{state.recipe.name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in state.curve), encoding="utf-8")
