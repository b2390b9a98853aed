"""Checkpoints: one safetensors file per flow, EMA weights with JSON metadata. Loading is strict."""

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fm_core.flows import Flow
from fm_core.matching import COUPLINGS
from fm_core.networks import VelocityMLP
from fm_core.recipes import RECIPES, Recipe
from fm_core.schedules import SCHEDULES
from fm_core.toy import SOURCES, TARGETS

FORMAT_VERSION = 1
DEFAULT_DIRECTORY = Path(__file__).resolve().parent.parent / "checkpoints"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used. The message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded flow and the metadata of its training (see `checkpoints/README.md` for the keys)."""

    flow: Flow
    metadata: dict


def checkpoint_path(name: str, directory: Path = DEFAULT_DIRECTORY) -> Path:
    return directory / f"{name}.safetensors"


def build_network(recipe: Recipe) -> VelocityMLP:
    return VelocityMLP(recipe.n_hidden, relu_output=recipe.relu_output)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict) -> None:
    """Write a safetensors file with JSON metadata, beside the path first and then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    save_file(tensors, beside, metadata={"json": json.dumps(metadata, sort_keys=True)})
    beside.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the JSON metadata of a file. Raises CheckpointError if it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(**json.loads((file.metadata() or {})["json"]))
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path.name} does not exist. {_remedy(path)}") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is truncated or not a safetensors file ({error}). {_remedy(path)}"
        ) from None
    except (KeyError, ValueError, TypeError):
        raise CheckpointError(f"{path.name} carries no metadata of this project. {_remedy(path)}") from None


def load_checkpoint(path: Path) -> Checkpoint:
    """Load one checkpoint file strictly: format version, recipe, names and shapes must all fit.

    Raises CheckpointError with one sentence on what is wrong and one on what to do.
    """
    tensors, metadata = read_tensors(path)
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path.name} has format version {version!r}, but this code reads version {FORMAT_VERSION}. {_remedy(path)}"
        )
    recipe = _recipe(path, metadata.get("recipe"))
    network = build_network(recipe)
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if found != expected:
        raise CheckpointError(f"{path.name} holds another architecture than its recipe says. {_remedy(path)}")
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False)
    covariance = _covariance(path, metadata.get("covariance"))
    source, target = SOURCES[recipe.source], TARGETS[recipe.target]
    flow = Flow(recipe.name, source, target, SCHEDULES[recipe.schedule], network, covariance)
    return Checkpoint(flow, metadata)


def _recipe(path: Path, values: object) -> Recipe:
    """The recipe in the metadata, if its fields, their types and its names are ones that this code knows."""
    types = {field.name: field.type for field in fields(Recipe)}
    found = {key: type(value) for key, value in values.items()} if isinstance(values, dict) else {}
    if found != types:
        raise CheckpointError(f"{path.name} has a recipe with other fields than this code knows. {_remedy(path)}")
    recipe = Recipe(**values)  # type: ignore[arg-type]
    names = (recipe.source, recipe.target, recipe.schedule, recipe.coupling)
    if not all(name in known for name, known in zip(names, (SOURCES, TARGETS, SCHEDULES, COUPLINGS), strict=True)):
        raise CheckpointError(f"{path.name} names a data set or a schedule that this code lacks. {_remedy(path)}")
    if recipe.name != path.stem:
        raise CheckpointError(f"{path.name} holds another flow, {recipe.name}. {_remedy(path)}")
    return recipe


def _covariance(path: Path, values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != 2 or not all(isinstance(value, float) for value in values):
        raise CheckpointError(f"{path.name} has no covariance of two numbers. {_remedy(path)}")
    return tuple(values)


def _remedy(path: Path) -> str:
    return f"Restore the file, or train it again with: python train_all.py --force --only {path.stem}"


def load_flow(name: str, directory: str | Path = DEFAULT_DIRECTORY) -> Flow:
    """The trained flow called `name`, such as "moons-cosine", ready to `sample`.

    Raises CheckpointError if the catalogue has no such flow or its file cannot be used.
    """
    if name not in RECIPES:
        raise CheckpointError(f"There is no flow {name!r}; choose one of: {', '.join(RECIPES)}.")
    return load_checkpoint(checkpoint_path(name, Path(directory))).flow
