"""Checkpoints: one safetensors file per model, with EMA weights and JSON metadata. Loading is strict."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short
from tempfile import TemporaryFile
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fm_core.refusals import Refusal

FORMAT_VERSION = 1
_HERE = Path(__file__).resolve().parent
_IN_WHEEL, _IN_REPOSITORY = _HERE / "trained", _HERE.parent / "checkpoints"
DEFAULT_DIRECTORY = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_REPOSITORY


@dataclass(frozen=True)
class Limits:
    """The most bytes of a file that is read, and of its header."""

    size: int
    header: int


MODEL, STATE = Limits(2**28, 2**16), Limits(2**30, 2**26)  # a training's state holds its learning curve


class CheckpointError(Refusal):
    """A checkpoint that cannot be used. The message names the file, what is wrong and what to do."""


class Unfit(ValueError):
    """What is wrong with the content of a file, phrased to follow its name: "holds another flow, moons-vp"."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model, and the metadata of its training (see `checkpoints/README.md` for the keys)."""

    model: Any
    metadata: dict

    def __repr__(self) -> str:
        return f"Checkpoint({self.metadata.get('name')}, {self.metadata.get('iterations')} iterations)"


def checkpoint_path(name: str, directory: Path = DEFAULT_DIRECTORY) -> Path:
    return directory / f"{name}.safetensors"


def curve_path(name: str, directory: Path) -> Path:
    """Where the learning curve of a finished training is kept."""
    return directory / "curves" / f"{name}.jsonl"


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Raise CheckpointError, with the system's reason, if the file cannot be written in the block."""
    try:
        yield
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise CheckpointError(f"{problem}. Make room there, or name another folder with --checkpoints.") from None


def write(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it. Raises CheckpointError; then the old file is still there."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def check_writable(path: Path, size: int) -> None:
    """Try to write as many bytes where `path` is, and leave it as it is. Raises CheckpointError."""
    with _written(path):
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(size))
            probe.flush()


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict) -> None:
    """Write a safetensors file with JSON metadata. Raises like `write`, and ValueError for NaN or ∞ in the metadata."""
    packed = {key: value.contiguous() for key, value in tensors.items()}
    write(path, save(packed, {"json": json.dumps(metadata, sort_keys=True, allow_nan=False)}))


def read_tensors(path: Path, limits: Limits = MODEL) -> tuple[dict[str, Tensor], dict]:
    """The tensors, copied so that the file can be replaced, and the JSON metadata. Raises CheckpointError."""
    with _opened(path, limits) as (file, metadata):
        return _tensors(file), metadata


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[tuple[Any, dict]]:
    """The open file and its metadata. Raises CheckpointError, also for an Unfit in the block."""
    try:
        _check_size(path, limits)
        with safe_open(path, framework="pt") as file:
            yield file, _metadata(file)
    except FileNotFoundError:
        raise _refusal(path, "does not exist") from None
    except Unfit as problem:
        raise _refusal(path, str(problem)) from None
    except SafetensorError as error:
        reason = " ".join(str(error).split())[:200]
        raise _refusal(path, f"is truncated or not a safetensors file ({reason})") from None
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror or error})") from None


def _check_size(path: Path, limits: Limits) -> None:
    """Raise Unfit for what would block or fill the memory: a pipe or device, a large file, a large header."""
    size = size_of(path)
    if size > limits.size:
        raise Unfit(f"has {size:,} bytes, but at most {limits.size:,} are read")
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if limits.header < header < size:  # a length beyond the end is what a file has that is no safetensors file
        raise Unfit(f"has a header of {header:,} bytes, but at most {limits.header:,} are read")


def size_of(path: Path) -> int:
    """The size of a file in bytes. Raises Unfit for a folder, a pipe or a device, which might never end."""
    if path.exists() and not path.is_file():
        raise Unfit("is not a file")
    return path.stat().st_size


def _metadata(file: Any) -> dict:
    """JSON has no NaN and no ∞: where older versions wrote one, the figure is not defined, which is null."""
    try:
        found = json.loads((file.metadata() or {})["json"], parse_constant=lambda _: None)
    except (KeyError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unfit("carries no metadata of this project")
    return found


def _tensors(file: Any) -> dict[str, Tensor]:
    return {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118


def load_checkpoint(path: Path, expected: Any) -> Checkpoint:
    """Load a model of the same kind as `expected`, a `models.kind.Recipe`, with the settings that the file records.

    The metadata have a `quality` only if it is complete and can be shown. Raises CheckpointError unless format version,
    kind, recipe, file name and shapes all fit and the weights are finite.
    """
    with _opened(path, MODEL) as (file, metadata):
        recipe = _recipe(path.stem, metadata, expected)
        shapes = {key: list(weights.shape) for key, weights in recipe.blank().state_dict().items()}
        if {key: file.get_slice(key).get_shape() for key in file.keys()} != shapes:  # noqa: SIM118
            raise Unfit("holds another architecture than its recipe says")
        network = recipe.network()
        network.load_state_dict(_tensors(file))
        if not all_finite(network.state_dict()):
            raise Unfit("holds weights that are not finite numbers")
        model = recipe.restore(network.eval().requires_grad_(False), metadata)
        return Checkpoint(model, recipe.with_sound_quality(metadata))


def all_finite(tensors: dict[str, Tensor]) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def _recipe(name: str, metadata: dict, expected: Any) -> Any:
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise Unfit(f"has format version {short(version)}, but this code reads version {FORMAT_VERSION}")
    recipe = expected.read(metadata.get("recipe"), metadata.get("kind"))
    if recipe.name != name:
        raise Unfit(f"holds another model, {recipe.name}")
    return recipe


def _refusal(path: Path, problem: str) -> CheckpointError:
    remedy = f"Restore the file, or train it again with: python train_all.py --force --only {path.stem}"
    return CheckpointError(f"{path.name} {problem}. {remedy}")
