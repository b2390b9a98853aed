"""The catalogue: one frozen recipe per trained network."""

from dataclasses import dataclass
from typing import ClassVar

from fm_core.matching import COUPLINGS
from fm_core.toy import TARGETS

STANDARD = "standard-gaussian"
TRAINING_IMAGES = 60_000


def flow_name(target: str, schedule: str, source: str = STANDARD, coupling: str = "independent") -> str:
    """The name of a flow, such as `moons-cosine`, `moons-linear-ot` or `eight-gaussians-to-moons-linear`."""
    start = "" if source == STANDARD else f"{source}-to-"
    return f"{start}{target}-{schedule}{COUPLINGS[coupling].suffix}"


@dataclass(frozen=True)
class Recipe:
    """Everything but the seed that decides a trained 2D flow."""

    epoch: ClassVar[int] = 100  # iterations; 2D data are drawn afresh for every batch, so an epoch is only a unit

    target: str
    schedule: str
    source: str = STANDARD
    coupling: str = "independent"
    relu_output: bool = False
    n_hidden: int = 128
    iterations: int = 4_000
    batch: int = 1024
    learning_rate: float = 4e-3
    ema_decay: float = 0.995
    stratified: bool = True

    @property
    def name(self) -> str:
        suffix = "-relu-output" if self.relu_output else ""
        return flow_name(self.target, self.schedule, self.source, self.coupling) + suffix


class _InEpochs:
    """An epoch shows every training image once."""

    epochs: int
    batch: int

    @property
    def epoch(self) -> int:
        """Batches in an epoch; the last one is smaller where the batch does not divide the training images."""
        return -(-TRAINING_IMAGES // self.batch)

    @property
    def iterations(self) -> int:
        return self.epochs * self.epoch


@dataclass(frozen=True)
class ImageRecipe(_InEpochs):
    """Everything but the seed that decides a trained image flow.

    `learning_rate` is Adam's, `muon_rate` that of Muon for the hidden convolutions; 0 leaves them to Adam too.
    `source_noise` is the share of noise in x_0, see `images.noisy`; it changes nothing where x_0 is noise.
    """

    target: str
    schedule: str
    source: str = STANDARD
    epochs: int = 100
    batch: int = 128
    learning_rate: float = 3e-3
    muon_rate: float = 2e-2
    ema_decay: float = 0.999
    times: str = "very early logit-normal"
    source_noise: float = 0.5

    @property
    def name(self) -> str:
        return flow_name(self.target, self.schedule, self.source)


@dataclass(frozen=True)
class ClassifierRecipe(_InEpochs):
    """Everything but the seed that decides the digit classifier; `shift` moves each batch by up to that many pixels."""

    name: ClassVar[str] = "digit-classifier"

    epochs: int = 15
    batch: int = 128
    learning_rate: float = 3e-3
    ema_decay: float = 0.999
    shift: int = 2


AnyRecipe = Recipe | ImageRecipe | ClassifierRecipe

_TOY = [
    *(Recipe(target, schedule) for target in TARGETS for schedule in ("linear", "cosine")),
    Recipe("moons", "quadratic"),
    Recipe("moons", "vp"),
    Recipe("moons", "linear", coupling="ot", batch=512),
    Recipe("eight-gaussians", "linear", coupling="ot", batch=512),
    Recipe("moons", "linear", source="eight-gaussians", n_hidden=256, iterations=8_000),
    Recipe("moons", "linear", source="eight-gaussians", coupling="ot", batch=512),
    Recipe("moons", "linear", relu_output=True),
]

_IMAGES = [
    ImageRecipe("mnist", "linear", epochs=60),
    ImageRecipe("mnist", "cosine", epochs=60),
    ImageRecipe("mnist", "linear", source="fashion"),
    ImageRecipe("mnist", "cosine", source="fashion"),
]

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _TOY}
IMAGE_RECIPES: dict[str, ImageRecipe] = {recipe.name: recipe for recipe in _IMAGES}
CLASSIFIER = ClassifierRecipe()
CATALOGUE: dict[str, AnyRecipe] = {**RECIPES, CLASSIFIER.name: CLASSIFIER, **IMAGE_RECIPES}
