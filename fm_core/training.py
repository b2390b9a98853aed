"""Training one recipe: the loop, its resumable state, and the checkpoint at its end."""

import copy
import math
import platform
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fm_core import quality
from fm_core.checkpoints import (
    FORMAT_VERSION,
    CheckpointError,
    build_network,
    read_tensors,
    save_tensors,
)
from fm_core.flows import Flow
from fm_core.matching import COUPLINGS, draw_times, matching_loss
from fm_core.recipes import Recipe
from fm_core.schedules import SCHEDULES
from fm_core.toy import SOURCES, TARGETS

SAVE_EVERY = 1000
_LOSS_WEIGHT = 0.01


@dataclass
class TrainingState:
    """All that a stopped training needs to go on exactly as if it had not stopped."""

    recipe: Recipe
    seed: int
    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    loss: Tensor
    commit: str | None
    iteration: int = 0
    seconds: float = 0.0


def start(recipe: Recipe, seed: int, device: str = "cpu") -> TrainingState:
    """A fresh state; the seed decides the initial weights and every later draw."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(recipe).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    ema = copy.deepcopy(network).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    return TrainingState(recipe, seed, network, ema, optimizer, generator, torch.zeros((), device=device), _commit())


def learning_rate(recipe: Recipe, iteration: int) -> float:
    """One cycle: a linear rise over the first tenth, then half a cosine down to zero."""
    progress = iteration / recipe.iterations
    if progress < 0.1:
        return recipe.learning_rate * progress / 0.1
    return recipe.learning_rate * (1 + math.cos(math.pi * (progress - 0.1) / 0.9)) / 2


def step(state: TrainingState) -> None:
    """One iteration: draw a batch, couple it, descend the matching loss, update the EMA."""
    recipe, device = state.recipe, state.loss.device
    x_0 = SOURCES[recipe.source].sample(recipe.batch, state.generator)
    x_1 = TARGETS[recipe.target].sample(recipe.batch, state.generator)
    x_1 = COUPLINGS[recipe.coupling].pair(x_0, x_1)
    t = draw_times(recipe.batch, state.generator, recipe.stratified)
    loss = matching_loss(state.network, SCHEDULES[recipe.schedule], x_0.to(device), x_1.to(device), t.to(device))
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(recipe, state.iteration)
    state.optimizer.zero_grad()
    loss.backward()
    state.optimizer.step()
    state.iteration += 1
    _update_averages(state, loss.detach())


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
    """Iterate until the recipe is done. Saves the state at intervals, at the end and when it is interrupted.

    SIGINT and SIGTERM wait for the end of an iteration, are answered by KeyboardInterrupt, and cost nothing.
    """
    clock = time.perf_counter() - state.seconds
    try:
        with _interrupts() as caught:
            while state.iteration < state.recipe.iterations:
                step(state)
                state.seconds = time.perf_counter() - clock
                on_progress(state)
                if caught:
                    raise KeyboardInterrupt
                if state.iteration % SAVE_EVERY == 0:
                    save_state(state, state_path)
    except KeyboardInterrupt:
        save_state(state, state_path)
        raise
    save_state(state, state_path)


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
    tensors = {f"network.{key}": value for key, value in state.network.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in state.ema.state_dict().items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items()}
    tensors |= {"generator": state.generator.get_state(), "loss": state.loss}
    save_tensors(path, tensors, _progress(state))


def _progress(state: TrainingState) -> dict:
    return {
        "format_version": FORMAT_VERSION,
        "recipe": asdict(state.recipe),
        "seed": state.seed,
        "iteration": state.iteration,
        "seconds": state.seconds,
    }


def resume(path: Path, recipe: Recipe, seed: int, device: str = "cpu") -> TrainingState | None:
    """The state saved at `path`, or None if there is none for this recipe and seed."""
    try:
        tensors, progress = read_tensors(path)
    except CheckpointError:
        return None
    state = start(recipe, seed, device)
    expected = _progress(state) | {key: progress.get(key) for key in ("iteration", "seconds")}
    if progress != expected:
        return None
    state.network.load_state_dict(_part(tensors, "network."))
    state.ema.load_state_dict(_part(tensors, "ema."))
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(tensors, "optimizer.").items():
        index, name = key.split(".")
        moments.setdefault(int(index), {})[name] = value
    state.optimizer.load_state_dict(state.optimizer.state_dict() | {"state": moments})
    state.generator.set_state(tensors["generator"])
    state.loss = tensors["loss"].to(device)
    state.iteration, state.seconds = progress["iteration"], progress["seconds"]
    return state


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def finish(state: TrainingState, path: Path, samples: int = quality.SAMPLES) -> dict:
    """Measure the EMA weights, write the checkpoint and return its metadata."""
    recipe = state.recipe
    network = state.ema.cpu().eval()
    covariance = coupling_covariance(recipe)
    source, target = SOURCES[recipe.source], TARGETS[recipe.target]
    flow = Flow(recipe.name, source, target, SCHEDULES[recipe.schedule], network, covariance)
    metadata = {
        "format_version": FORMAT_VERSION,
        "name": recipe.name,
        "recipe": asdict(recipe),
        "seed": state.seed,
        "iterations": state.iteration,
        "training_seconds": round(state.seconds, 1),
        "final_loss": state.loss.item(),
        "covariance": covariance,
        "quality": quality.measure(flow, samples),
        "commit": state.commit,
        **provenance(state.loss.device),
    }
    save_tensors(path, network.state_dict(), metadata)
    return metadata


def coupling_covariance(recipe: Recipe, batches: int = 100) -> tuple[float, ...]:
    """Cov(X_0, X_1) per dimension under the recipe's coupling, estimated from `batches` batches."""
    if recipe.coupling == "independent":
        return (0.0, 0.0)
    generator = torch.Generator().manual_seed(0)
    source, target, pair = SOURCES[recipe.source], TARGETS[recipe.target], COUPLINGS[recipe.coupling].pair
    total = torch.zeros(2)
    for _ in range(batches):
        x_0 = source.sample(recipe.batch, generator)
        x_1 = pair(x_0, target.sample(recipe.batch, generator))
        total += ((x_0 - source.mean) * (x_1 - target.mean)).mean(0)
    return tuple((total / batches).tolist())


def provenance(device: torch.device) -> dict:
    """Where a checkpoint comes from: hardware and package versions."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "hardware": {"device": gpu or _processor(), "threads": torch.get_num_threads()},
        "packages": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "POT")},
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _commit() -> str | None:
    """Hash of the current commit, marked where the code differs from it; None outside a git checkout."""
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "fm_core/*.py", "train_all.py")
        return git("rev-parse", "HEAD") + ("-modified" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
