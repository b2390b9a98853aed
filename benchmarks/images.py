"""Measure training and sampling of images, each beside the plain way in the same run; writes benchmarks/images.md.

Run it on an idle machine. A GPU is used for training if there is one.
"""

import copy
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import onnxruntime
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from fm_core import machine
from fm_core.images.files import default_root, load
from fm_core.images.sets import IMAGE_SETS, SHAPE
from fm_core.machine import keep_freed_memory
from fm_core.maths.matching import matching_loss
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.networks import VelocityUNet
from fm_core.training import loop

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RECIPE = IMAGE_RECIPES["mnist-linear"]
LINEAR = SCHEDULES["linear"]
MNIST_SET = IMAGE_SETS["mnist"]
EPOCHS, TURNS, WARM_UP = 3, 7, 3  # 469 batches are 7 turns of 67
IMAGES, STEPS = 64, 20
ROUNDS = 15


def main() -> None:
    rows = [*train(), *sample()]
    write(rows)


def train() -> list[tuple[str, str]]:
    """The recipe, the same in float32, the plain loop: a process each, in turns of a seventh of an epoch."""
    alone = get_context("spawn")
    with (
        ProcessPoolExecutor(1, alone) as ours,
        ProcessPoolExecutor(1, alone) as ours_in_float32,
        ProcessPoolExecutor(1, alone) as plain,
    ):
        processes = (ours, ours_in_float32, plain)
        for process, start in zip(processes, (start_ours, start_ours_in_float32, start_plain), strict=True):
            process.submit(start).result()
        seconds, losses, peaks = [], [], []
        for _ in range(EPOCHS):
            seconds += [[process.submit(turn).result() for process in processes] for _ in range(TURNS)]
            losses.append([process.submit(test_loss).result() for process in (ours, plain)])
            peaks.append(ours.submit(peak).result())
    ours_seconds, float32_seconds, plain_seconds = (median(turn) for turn in zip(*seconds, strict=True))
    return [
        ("training: images a second, the recipe", f"{60_000 / TURNS / ours_seconds:,.0f}"),
        ("training: images a second, the recipe without bfloat16", f"{60_000 / TURNS / float32_seconds:,.0f}"),
        ("training: images a second, the plain loop", f"{60_000 / TURNS / plain_seconds:,.0f}"),
        (f"training: ratio, median of {len(seconds)} turns", f"{median(c / a for a, _, c in seconds):.2f}"),
        ("training: ratio without bfloat16", f"{median(c / b for _, b, c in seconds):.2f}"),
        *(
            (f"loss on the test images after epoch {k}, the recipe (its EMA), the plain loop", f"{a:.1f}, {b:.1f}")
            for k, (a, b) in enumerate(losses, 1)
        ),
        ("training: 100 epochs of the recipe at this speed, minutes", f"{100 * TURNS * ours_seconds / 60:.1f}"),
        (f"peak memory after epoch 1, 2, … {EPOCHS}, MB", " → ".join(f"{peak:.0f}" for peak in peaks)),
    ]


@dataclass
class Training:
    """What one process trains: `step` descends one batch."""

    network: torch.nn.Module
    step: Callable[[], object]


_training: Training | None = None


def begin(network: torch.nn.Module, step: Callable[[], object]) -> None:
    """Keep the training for later turns, warm up."""
    global _training
    _training = Training(network, step)
    test_loss()
    for _ in range(WARM_UP):
        step()


def start_ours() -> None:
    """As train_all.py does it."""
    keep_freed_memory()
    state = loop.start(replace(RECIPE, epochs=EPOCHS), seed=0, device=DEVICE)
    begin(state.ema, lambda: loop.step(state))


def start_ours_in_float32() -> None:
    """As train_all.py does it on a processor without bfloat16."""
    machine.has_bfloat16 = lambda _: False
    start_ours()


def start_plain() -> None:
    network = VelocityUNet().to(DEVICE)
    batches = plain_batches(network)
    begin(network, lambda: next(batches))


def plain_batches(network: VelocityUNet) -> Iterator[None]:
    """What one would write from the practical: DataLoader, ToTensor, float32, Adam. Yields after every batch."""
    data = MNIST(str(default_root()), train=True, transform=ToTensor())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    while True:
        for images, _ in DataLoader(data, batch_size=128, shuffle=True):
            x_1 = ((images - MNIST_SET.mean) / MNIST_SET.std).to(DEVICE)
            loss = matching_loss(network, LINEAR, torch.randn_like(x_1), x_1, torch.rand(len(x_1), device=DEVICE))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield


def trained() -> Training:
    assert _training is not None, "a process starts its training before its turns"
    return _training


def turn() -> float:
    return timed(lambda: [trained().step() for _ in range(RECIPE.epoch // TURNS)])


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@torch.no_grad()
def test_loss() -> float:
    """The flow matching loss over the test images at uniform t, in float32, with the same draws each time."""
    generator = torch.Generator().manual_seed(0)
    losses = []
    for pixels in load(MNIST_SET, False, default_root())[0].split(500):
        x_1 = MNIST_SET.standardise(pixels)
        batch = (torch.randn(x_1.shape, generator=generator), x_1, torch.rand(len(x_1), generator=generator))
        losses.append(matching_loss(trained().network, LINEAR, *(part.to(DEVICE) for part in batch)).item())
    return sum(losses) / len(losses)


@torch.no_grad()
def sample() -> list[tuple[str, str]]:
    """The same network and noise carried in turn by the app's flow, by plain loops and by ONNX Runtime."""
    torch.set_num_threads(1)  # as app.py does
    torch.manual_seed(0)
    network = VelocityUNet().eval()
    flow = RECIPE.flow(copy.deepcopy(network))
    x_0 = torch.randn(IMAGES, *SHAPE)
    session = onnx_session(network)
    wide = copy.deepcopy(network).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    ways: dict[str, Callable[[], object]] = {
        "app": lambda: flow.carry(x_0, STEPS),
        "plain": lambda: euler(network, x_0),
        "wide": lambda: euler(lambda x, t: wide(x.contiguous(memory_format=torch.channels_last), t), x_0),
        "onnx": lambda: euler(
            lambda x, t: torch.from_numpy(session.run(None, {"x": x.numpy(), "t": t.numpy()})[0]), x_0
        ),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, action in ways.items():
            times[way].append(timed(action))
    app, plain, wide_, onnx = (median(times[way][1:]) for way in ways)
    size = f"{IMAGES} images × {STEPS} steps"
    return [
        (f"sampling {size}, the app's flow, ms", f"{1000 * app:.0f}"),
        ("the plain float32 contiguous loop over the app", f"{plain / app:.2f}"),
        ("the float32 channels-last loop over the app", f"{wide_ / app:.2f}"),
        ("the app over ONNX Runtime (float32)", f"{app / onnx:.2f}"),
    ]


def onnx_session(network: torch.nn.Module) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        example = (torch.randn(IMAGES, *SHAPE), torch.rand(IMAGES))
        torch.onnx.export(network, example, path, input_names=["x", "t"], dynamo=False)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def euler(velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> Tensor:
    for k in range(STEPS):
        x = x + velocity(x, torch.full((len(x),), k / STEPS)) / STEPS
    return x


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def write(rows: list[tuple[str, str]]) -> None:
    hardware = torch.cuda.get_device_name() if DEVICE == "cuda" else f"{os.cpu_count()} cores, {platform.system()}"
    packages = f"Python {platform.python_version()}, torch {torch.__version__}"
    lines = [
        "# Images, measured",
        "",
        f"Written by `benchmarks/images.py`: {hardware}, {packages}.",
        "All ways are measured in one run, in turns. The plain loop is what one would write from the practical: a",
        "DataLoader with ToTensor, float32, contiguous, Adam. Sampling is on one thread, as in the app.",
        "",
        "| what | measured |",
        "|---|---|",
        *(f"| {what} | {figure} |" for what, figure in rows),
        "",
    ]
    text = "\n".join(lines)
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
