"""Checkpoints: one safetensors file per flow, EMA weights with JSON metadata. Loading is strict."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from fm_core.flows import Flow
from fm_core.image_flows import ImageFlow
from fm_core.images import IMAGE_SETS
from fm_core.matching import COUPLINGS, TIME_DENSITIES
from fm_core.networks import DigitClassifier, VelocityMLP, VelocityUNet
from fm_core.precision import fast
from fm_core.recipes import CATALOGUE, IMAGE_RECIPES, RECIPES, AnyRecipe, ClassifierRecipe, ImageRecipe, Recipe
from fm_core.schedules import SCHEDULES
from fm_core.toy import SOURCES, TARGETS

FORMAT_VERSION = 1
_KNOWN = {
    "source": {*SOURCES, *IMAGE_SETS},
    "target": {*TARGETS, *IMAGE_SETS},
    "schedule": SCHEDULES,
    "coupling": COUPLINGS,
    "times": TIME_DENSITIES,
}
DEFAULT_DIRECTORY = Path(__file__).resolve().parent.parent / "checkpoints"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used. The message names the file, what is wrong and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded flow (or the classifier) and the metadata of its training (see `checkpoints/README.md` for the keys)."""

    flow: Any
    metadata: dict


def checkpoint_path(name: str, directory: Path = DEFAULT_DIRECTORY) -> Path:
    return directory / f"{name}.safetensors"


def build_network(recipe: AnyRecipe) -> nn.Module:
    """The network that a recipe trains, its weights drawn from torch's global generator."""
    if isinstance(recipe, ImageRecipe):
        return VelocityUNet()
    if isinstance(recipe, ClassifierRecipe):
        return DigitClassifier()
    return VelocityMLP(recipe.n_hidden, relu_output=recipe.relu_output)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict) -> None:
    """Write a safetensors file with JSON metadata, beside the path first and then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    packed = {key: value.contiguous() for key, value in tensors.items()}
    save_file(packed, beside, metadata={"json": json.dumps(metadata, sort_keys=True)})
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
    network, recipe, metadata = _load_network(path)
    if isinstance(recipe, ImageRecipe):
        covariance = metadata.get("covariance")
        if not isinstance(covariance, float):
            raise CheckpointError(f"{path.name} has no covariance, one number. {_remedy(path)}")
        return Checkpoint(image_flow(recipe, network, covariance), metadata)
    if isinstance(recipe, ClassifierRecipe):
        return Checkpoint(network, metadata)
    covariance = _covariance(path, metadata.get("covariance"))
    return Checkpoint(toy_flow(recipe, network, covariance), metadata)


def load_classifier(path: Path) -> DigitClassifier:
    """The digit classifier. Raises CheckpointError like `load_checkpoint`."""
    network = load_checkpoint(path).flow
    assert isinstance(network, DigitClassifier)
    return network


def toy_flow(recipe: Recipe, network: nn.Module, covariance: tuple[float, ...]) -> Flow:
    source, target = SOURCES[recipe.source], TARGETS[recipe.target]
    return Flow(recipe.name, source, target, SCHEDULES[recipe.schedule], network, covariance)


def image_flow(recipe: ImageRecipe, network: nn.Module, covariance: float) -> ImageFlow:
    """The flow of a trained U-Net, its velocity computed fast."""
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    schedule = SCHEDULES[recipe.schedule]
    return ImageFlow(
        recipe.name, recipe.source, recipe.target, schedule, fast(network), covariance, recipe.source_noise
    )


def _load_network(path: Path) -> tuple[nn.Module, AnyRecipe, dict]:
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
    return network.eval().requires_grad_(False), recipe, metadata


def _recipe(path: Path, values: object) -> AnyRecipe:
    """The recipe in the metadata, if its fields, their types and its names are ones that this code knows."""
    kind = type(CATALOGUE.get(path.stem, RECIPES[next(iter(RECIPES))]))
    types = {field.name: field.type for field in fields(kind)}
    found = {key: type(value) for key, value in values.items()} if isinstance(values, dict) else {}
    if found != types:
        raise CheckpointError(f"{path.name} has a recipe with other fields than this code knows. {_remedy(path)}")
    recipe = kind(**values)  # type: ignore[arg-type]
    if not all(value in _KNOWN.get(key, (value,)) for key, value in asdict(recipe).items()):
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
    """The trained 2D flow called `name`, such as "moons-cosine", ready to `sample`.

    Raises CheckpointError if the catalogue has no such flow or its file cannot be used.
    """
    return _load_named(name, RECIPES, directory)


def load_image_flow(name: str, directory: str | Path = DEFAULT_DIRECTORY) -> ImageFlow:
    """The trained image flow called `name`, such as "mnist-linear", ready to `sample`. Raises like `load_flow`."""
    return _load_named(name, IMAGE_RECIPES, directory)


def _load_named(name: str, names: Mapping[str, AnyRecipe], directory: str | Path) -> Any:
    if name not in names:
        raise CheckpointError(f"There is no flow {name!r}; choose one of: {', '.join(names)}.")
    return load_checkpoint(checkpoint_path(name, Path(directory))).flow
