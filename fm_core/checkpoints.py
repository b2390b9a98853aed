"""Checkpoints: one safetensors file per model, with EMA weights and JSON metadata. Loading is strict."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fm_core.refusals import Refusal

FORMAT_VERSION = 1
_HERE = Path(__file__).resolve().parent
_IN_WHEEL, _IN_REPOSITORY = _HERE / "trained", _HERE.parent / "checkpoints"
DEFAULT_DIRECTORY = _IN_WHEEL if _IN_WHEEL.is_dir() else _IN_REPOSITORY


class CheckpointError(Refusal):
    """A checkpoint that cannot be used. The message names the file, what is wrong and what to do."""


class Unfit(ValueError):
    """What is wrong with the content of a file, phrased to follow its name: "holds another flow, moons-vp"."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model, and the metadata of its training (see `checkpoints/README.md` for the keys)."""

    model: Any
    metadata: dict


def checkpoint_path(name: str, directory: Path = DEFAULT_DIRECTORY) -> Path:
    return directory / f"{name}.safetensors"


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict) -> None:
    """Write a safetensors file with JSON metadata, under a temporary name and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    packed = {key: value.contiguous() for key, value in tensors.items()}
    save_file(packed, beside, metadata={"json": json.dumps(metadata, sort_keys=True)})
    beside.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors, copied so that the file can be replaced, and the JSON metadata. Raises CheckpointError."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(**json.loads((file.metadata() or {})["json"]))
            return {key: file.get_tensor(key).clone() for key in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise _refusal(path, "does not exist") from None
    except (SafetensorError, OSError) as error:
        raise _refusal(path, f"is truncated or not a safetensors file ({error})") from None
    except (KeyError, ValueError, TypeError):
        raise _refusal(path, "carries no metadata of this project") from None


def load_checkpoint(path: Path, expected: Any) -> Checkpoint:
    """Load a model of the same kind as `expected`, a `models.kind.Recipe`, with the settings that the file records.

    Raises CheckpointError unless format version, kind, recipe, file name and shapes all fit.
    """
    tensors, metadata = read_tensors(path)
    try:
        return Checkpoint(_restored(path.stem, tensors, metadata, expected), metadata)
    except Unfit as problem:
        raise _refusal(path, str(problem)) from None


def _restored(name: str, tensors: dict[str, Tensor], metadata: dict, expected: Any) -> Any:
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise Unfit(f"has format version {version!r}, but this code reads version {FORMAT_VERSION}")
    recipe = expected.read(metadata.get("recipe"), metadata.get("kind"))
    if recipe.name != name:
        raise Unfit(f"holds another model, {recipe.name}")
    network = recipe.network()
    shapes = {key: tensor.shape for key, tensor in network.state_dict().items()}
    if {key: tensor.shape for key, tensor in tensors.items()} != shapes:
        raise Unfit("holds another architecture than its recipe says")
    network.load_state_dict(tensors)
    return recipe.restore(network.eval().requires_grad_(False), metadata)


def _refusal(path: Path, problem: str) -> CheckpointError:
    remedy = f"Restore the file, or train it again with: python train_all.py --force --only {path.stem}"
    return CheckpointError(f"{path.name} {problem}. {remedy}")
