"""Kinds of models. To add one, write a recipe and its task, and add the recipes to the catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any, ClassVar, Self, cast, get_args, get_type_hints

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from fm_core.checkpoints import Unfit
from fm_core.images.sets import ImageSet
from fm_core.maths.distributions import STANDARD
from fm_core.models.figures import has_facts, is_figure, is_number


def flow_name(target: str, schedule: str, source: str = STANDARD.name, suffix: str = "") -> str:
    """The name of a flow.

    >>> flow_name("moons", "cosine"), flow_name("moons", "linear", "eight-gaussians", "-ot")
    ('moons-cosine', 'eight-gaussians-to-moons-linear-ot')
    """
    start = "" if source == STANDARD.name else f"{source}-to-"
    return f"{start}{target}-{schedule}{suffix}"


@dataclass(frozen=True)
class Task:
    """What an iteration draws and descends."""

    batch: Callable[[int, torch.Generator], tuple[Tensor, ...]]  # one row per sample; the iteration and seed decide it
    loss: Callable[..., Tensor]  # of network and *batch: a mean over the rows, shape ()

    def descend(
        self, network: Callable[..., Tensor], optimizers: list[Optimizer], batch: list[Tensor], weight: float
    ) -> Tensor:
        """One step of every optimiser down `weight` times the loss, which is returned. A GAN would override it."""
        loss = weight * self.loss(network, *batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.detach()


class Recipe(ABC):
    """Everything but the seed that determines a trained model; the base class of frozen dataclasses.

    The fields are numbers, texts, or objects with a name; files store only the name, and `registries` maps field and
    name back to the object. Fields with a default may be added: older files are read with the default.
    """

    kind: ClassVar[str]
    registries: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    on_gpu: ClassVar[bool] = True  # if there is one
    image_sets: ClassVar[tuple[ImageSet, ...]] = ()  # needed to train and to judge
    length: ClassVar[str] = "epochs"  # the field that sets how long it trains
    constant_rate: Any = False  # of learning, instead of one cycle

    name: Any  # these five are fields, properties or constants of each recipe
    learning_rate: Any
    ema_decay: Any
    epoch: Any  # iterations in an epoch
    iterations: Any

    @abstractmethod
    def network(self) -> nn.Module:
        """A network with initial weights from torch's global generator."""

    def blank(self) -> nn.Module:
        """The network without memory for its weights, to know their shapes. Raises Unfit if it cannot be that large."""
        try:
            with torch.device("meta"):
                return self.network()
        except (RuntimeError, TypeError):
            raise Unfit("has a recipe with which no network can be built") from None

    @property
    def weight_bytes(self) -> int:
        """The size of a network's weights."""
        return sum(weights.nbytes for weights in self.blank().state_dict().values())

    @abstractmethod
    def task(self, seed: int, root: Path, device: str) -> Task:
        """The task, with images from `root`. Raises DataError if they are missing."""

    @abstractmethod
    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        """Metadata with the quality of a trained network; `directory` has other models, `root` the images."""

    def restore(self, network: nn.Module, metadata: dict) -> Any:
        """The model, such as a `Flow`, of a trained network. Raises Unfit if the metadata do not fit."""
        return network

    @abstractmethod
    def summary(self, quality: dict) -> str:
        """The figures of `judge` in one line."""

    def sound(self, quality: dict) -> dict | None:
        """The `quality` of a file, if it is what `judge` writes, complete and finite, so that it can be shown."""
        return quality if all(is_figure(value) for value in quality.values()) else None

    def with_sound_quality(self, metadata: dict) -> dict:
        """The metadata of a file, with `quality` only if that and what is shown beside it can be shown."""
        others = {key: value for key, value in metadata.items() if key != "quality"}
        quality = metadata.get("quality")
        if isinstance(quality, dict) and has_facts(metadata) and (sound := self.sound(quality)) is not None:
            return {**others, "quality": sound}
        return others

    def optimizers(self, network: nn.Module) -> list[Optimizer]:
        """The optimisers; the `lr` in each one's defaults is the peak of its learning rate."""
        return [Adam(network.parameters(), lr=self.learning_rate, fused=True)]

    def lasting(self, epochs: int | None, iterations: int | None = None) -> Self:
        """The recipe with another length; `iterations` is ignored by recipes measured in epochs."""
        batches = epochs * self.epoch if epochs else iterations
        length = epochs if self.length == "epochs" else batches
        return replace(cast(Any, self), **{self.length: length}) if length else self

    @property
    def settings(self) -> dict[str, Any]:
        """The fields as stored in files."""
        values = {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}
        return {name: getattr(value, "name", value) for name, value in values.items()}

    def read(self, settings: object, kind: object = None) -> Self:
        """A recipe of this kind with a file's settings; names are those of registered or own objects. Raises Unfit."""
        if kind not in (None, self.kind):
            raise Unfit(f"holds a model of another kind, {short(kind)}")
        if not isinstance(settings, dict):
            raise Unfit("has no recipe")
        known = {field.name for field in fields(cast(Any, self))}
        for name in settings:
            if name not in known:
                raise Unfit(f"has a recipe with the field {short(name)}, which this code does not know")
        try:
            return type(self)(**{name: self._read_field(name, value) for name, value in settings.items()})
        except TypeError:
            raise Unfit("has a recipe with missing fields") from None

    def _read_field(self, name: str, value: object) -> Any:
        registry, accepted = self.registries.get(name), get_type_hints(type(self))[name]
        if registry is not None and isinstance(value, str):
            own = getattr(self, name)
            if value in registry or value == own.name:
                return registry.get(value, own)
        as_number = isinstance(value, bool) and bool not in (accepted, *get_args(accepted))
        not_finite = isinstance(value, float) and not is_number(value)
        if registry is not None or as_number or not_finite or not isinstance(value, accepted):
            raise Unfit(f"has a recipe whose {name} is {short(value)}, which this code does not know")
        return value
