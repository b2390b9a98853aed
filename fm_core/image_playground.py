"""What the page and a notebook call for images: settings in, runs with their statistics out. No Gradio here."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fm_core.checkpoints import DEFAULT_DIRECTORY, CheckpointError, checkpoint_path, load_checkpoint, load_classifier
from fm_core.flows import FRESH_SEEDS
from fm_core.image_flows import ImageFlow, ImageTrajectory
from fm_core.images import IMAGE_SETS, samples
from fm_core.networks import DigitClassifier
from fm_core.recipes import CLASSIFIER, IMAGE_RECIPES, STANDARD, flow_name
from fm_core.requests import SettingsError, one_of, whole
from fm_core.solvers import SOLVERS

STEPS = (1, 100)
COUNTS = (16, 36, 64)
SEEDS = (0, FRESH_SEEDS - 1)
TARGET = "mnist"
SCHEDULES = tuple(dict.fromkeys(recipe.schedule for recipe in IMAGE_RECIPES.values()))
SOURCES = {STANDARD: "Gaussian noise", "fashion": IMAGE_SETS["fashion"].title}

ONE_OF_EACH = "one of each"
CLOTHES = (ONE_OF_EACH, *IMAGE_SETS["fashion"].classes)


@dataclass(frozen=True)
class ImageSide:
    """What one of two compared runs has of its own. Raises SettingsError."""

    schedule: str = "linear"
    steps: int = 20
    solver: str = "euler"

    def __post_init__(self):
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("solver", self.solver, SOLVERS)
        object.__setattr__(self, "steps", whole("steps", self.steps, STEPS))


@dataclass(frozen=True)
class DigitSettings:
    """One request for digits from noise: how many, from which noise, and one or two sides. Raises SettingsError."""

    images: int = 16
    seed: int = 0
    sides: tuple[ImageSide, ...] = (ImageSide(),)

    def __post_init__(self):
        if isinstance(self.images, bool) or self.images not in COUNTS:
            choices = ", ".join(map(str, COUNTS))
            raise SettingsError(f"images must be one of {choices}, not {self.images!r:.80}.")
        object.__setattr__(self, "seed", whole("seed", self.seed, SEEDS))


@dataclass(frozen=True)
class TranslateSettings:
    """One request for a translation: which bundled clothes, which noise, one or two sides. Raises SettingsError."""

    clothes: str = ONE_OF_EACH
    seed: int = 0
    sides: tuple[ImageSide, ...] = (ImageSide(),)

    def __post_init__(self):
        one_of("clothes", self.clothes, CLOTHES)
        object.__setattr__(self, "seed", whole("seed", self.seed, SEEDS))

    @property
    def pixels(self) -> Tensor:
        """The chosen pictures, uint8 of shape (10, 28, 28): the ten of a class, or the first of each."""
        pixels, labels = samples("fashion")
        if self.clothes == ONE_OF_EACH:
            return torch.stack([pixels[labels == k][0] for k in range(10)])
        return pixels[labels == IMAGE_SETS["fashion"].classes.index(self.clothes)]


@dataclass(frozen=True, eq=False)
class ImageLibrary:
    """The image flows and the classifier that could be loaded, and one sentence for each that could not. Read-only."""

    flows: Mapping[str, ImageFlow]
    metadata: Mapping[str, dict]
    classifier: DigitClassifier | None
    problems: Mapping[str, str]

    @staticmethod
    def load(directory: Path = DEFAULT_DIRECTORY) -> "ImageLibrary":
        """Load every image checkpoint of the catalogue; one that is missing or damaged becomes a problem."""
        flows, metadata, problems, classifier = {}, {}, {}, None
        try:
            classifier = load_classifier(checkpoint_path(CLASSIFIER.name, directory))
        except CheckpointError as error:
            problems[CLASSIFIER.name] = str(error)
        for name in IMAGE_RECIPES:
            try:
                checkpoint = load_checkpoint(checkpoint_path(name, directory))
                flows[name], metadata[name] = checkpoint.flow, checkpoint.metadata
            except CheckpointError as error:
                problems[name] = str(error)
        return ImageLibrary(flows, metadata, classifier, problems)

    def schedules(self, source: str) -> list[str]:
        """The schedules with a trained flow from this source."""
        return [s for s in SCHEDULES if flow_name(TARGET, s, source) in self.flows]

    def flow(self, source: str, schedule: str) -> ImageFlow:
        """Raises SettingsError, saying what it would need, for a flow that does not exist."""
        name = flow_name(TARGET, schedule, source)
        if name not in self.flows:
            raise SettingsError(f"{self.problems[name]} Trained are: {', '.join(self.flows) or 'none'}.")
        return self.flows[name]


@dataclass(frozen=True)
class ImageRun:
    """One side's outcome; `probabilities` of the ten digits, read from the predicted end x̂_1, shape (T, n, 10)."""

    side: ImageSide
    flow: ImageFlow
    trajectory: ImageTrajectory
    probabilities: Tensor | None


def simulate(library: ImageLibrary, source: str, x_0: Tensor, sides: tuple[ImageSide, ...]) -> list[ImageRun]:
    """Carry the same x_0 of shape (n, 1, 28, 28) along every side, two at a time. Raises SettingsError."""
    flows = [library.flow(source, side.schedule) for side in sides]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda flow, side: _run(library, flow, side, x_0), flows, sides))


def _run(library: ImageLibrary, flow: ImageFlow, side: ImageSide, x_0: Tensor) -> ImageRun:
    trajectory = flow.carry(x_0, side.steps, side.solver)
    probabilities = None
    if library.classifier is not None:
        probabilities = read(library.classifier, flow.predicted_end(trajectory).flatten(0, 1))
        probabilities = probabilities.view(len(trajectory.t), len(x_0), 10)
    return ImageRun(side, flow, trajectory, probabilities)


@torch.inference_mode()
def read(classifier: DigitClassifier, x: Tensor) -> Tensor:
    """Probabilities of the ten digits, shape (B, 10), for standardised images cut off at black and white."""
    mnist = IMAGE_SETS[TARGET]
    return classifier(mnist.standardise(mnist.to_pixels(x))).softmax(1)


def generate(library: ImageLibrary, settings: DigitSettings) -> list[ImageRun]:
    """Digits from noise: every side on the same noise. Raises SettingsError."""
    flow = library.flow(STANDARD, settings.sides[0].schedule)
    return simulate(library, STANDARD, flow.draw(settings.images, settings.seed), settings.sides)


def translate(library: ImageLibrary, pixels: Tensor, seed: int, sides: tuple[ImageSide, ...]) -> list[ImageRun]:
    """Digits from pictures of clothes, uint8 of shape (n, 28, 28), and the seed's noise. Raises SettingsError."""
    flow = library.flow("fashion", sides[0].schedule)
    x_0 = flow.start(IMAGE_SETS["fashion"].standardise(pixels), seed)
    return simulate(library, "fashion", x_0, sides)
