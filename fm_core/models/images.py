"""Flows of images, from noise or from another data set's images."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fm_core.checkpoints import Unfit
from fm_core.images.files import load
from fm_core.images.sets import IMAGE_SETS, NOISE, ImageSet, ImageSource
from fm_core.machine import fast, has_bfloat16
from fm_core.maths.empirical import empirical_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.matching import TIME_DENSITIES, TimeDensity, draw_times, matching_loss
from fm_core.maths.measures import BATCH, finite
from fm_core.maths.quality import JUDGED_NFE, NFES
from fm_core.maths.schedules import SCHEDULES, Schedule
from fm_core.maths.solvers import integrate
from fm_core.maths.spacing import SHORT_FIRST, SPACINGS, Spacing, time_grid
from fm_core.models.classifier import MNIST, Reading, figures, load_classifier, read
from fm_core.models.epochs import InEpochs, epoch_by_class, epoch_of
from fm_core.models.figures import are_nfes, is_count, is_number, is_series
from fm_core.models.kind import Recipe, Task, flow_name
from fm_core.models.networks import DigitClassifier, VelocityUNet
from fm_core.models.optimizers import adam_and_muon
from fm_core.refusals import entry

IMAGES = 10_000
SPACING = SHORT_FIRST  # an image's shape is decided early
JUDGED = (20, 50)  # NFE
TRAINING_IMAGES = 2000  # of the perfect flow
SMALLEST = 1e-9  # floor that a figure is divided by
FIGURES = ("fd", "precision", "recall", "coverage", "confidence", "evenness")  # at each NFE, and of the floor
_STARTS = {NOISE.name: NOISE, **IMAGE_SETS}


@dataclass(frozen=True)
class ImageRecipe(InEpochs, Recipe):
    """Everything but the seed that determines a trained flow of images."""

    kind: ClassVar[str] = "images"
    registries: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "target": IMAGE_SETS,
        "source": _STARTS,
        "schedule": SCHEDULES,
        "times": TIME_DENSITIES,
        "spacing": SPACINGS,
    }

    target: ImageSet
    schedule: Schedule
    source: ImageSet | ImageSource = NOISE
    epochs: int = 100
    batch: int = 128
    learning_rate: float = 3e-3  # Adam's
    muon_rate: float = 2e-2  # Muon's, for the hidden convolutions; 0 leaves those to Adam too
    ema_decay: float = 0.999
    times: TimeDensity = TIME_DENSITIES["very early logit-normal"]
    source_noise: float = 0.5  # in x_0 of a translation, see `ImageSource`
    constant_rate: bool = False  # of learning, instead of one cycle
    spacing: Spacing = SPACING  # of the steps that it is judged by and that `sample` takes by default
    by_class: bool = False  # each x_1 with a random x_0 of its own class, instead of independent ones
    variant: str = ""  # last part of the name

    @property
    def name(self) -> str:
        suffix = f"-{self.variant}" if self.variant else ""
        return flow_name(self.target.name, self.schedule.name, self.source.name, suffix)

    @property
    def image_sets(self) -> tuple[ImageSet, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return tuple(images for images in (self.start.images, self.target, MNIST) if images)

    @property
    def start(self) -> ImageSource:
        return ImageSource(self.source, self.source_noise) if isinstance(self.source, ImageSet) else self.source

    def network(self) -> VelocityUNet:
        return VelocityUNet()

    def task(self, seed: int, root: Path, device: str) -> Task:
        """A batch is x_0 and x_1 of shape (B, 1, 28, 28), independent or of one class, and t of shape (B,)."""
        start = self.start
        ends = epoch_of(self, self.target, seed, root, device, stream=1)
        starts = start.images and self._starts(start.images, seed, root, device)

        def batch(iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
            x_1 = ends(iteration)
            x_0 = start.mix(starts(iteration), generator) if starts else start.sample(len(x_1), generator)
            return x_0, x_1, draw_times(len(x_1), generator, density=self.times)

        return Task(batch, lambda network, *batch: matching_loss(fast(network), self.schedule, *batch))

    def _starts(self, images: ImageSet, seed: int, root: Path, device: str) -> Callable[[int], Tensor]:
        """A function from iteration to source images (B, 1, 28, 28), still without noise."""
        if not self.by_class:
            return epoch_of(self, images, seed, root, device, stream=0)
        return epoch_by_class(self, images, self.target, seed, root, device)

    def optimizers(self, network: nn.Module) -> list[Optimizer]:
        if not self.muon_rate:
            return super().optimizers(network)
        return adam_and_muon(network, self.learning_rate, self.muon_rate)

    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        """Figures over 10,000 images at each NFE of Euler; for translations also the map from classes to digits."""
        classifier = load_classifier(directory)
        flow = self.flow(network, self.covariance(root))
        test, floor = references(classifier, root)
        x_0, labels = self.test_starts(root)
        readings = {nfe: read(classifier, generate(flow, x_0, nfe)) for nfe in NFES}
        measured = [figures(test, readings[nfe]) for nfe in NFES]
        precision = "bfloat16" if has_bfloat16("cpu") else "float32"
        result: dict = {"images": len(x_0), "solver": "euler", "spacing": self.spacing.name, "precision": precision}
        result |= {"floor": floor, "nfe": list(NFES)}
        result |= {key: [at_nfe[key] for at_nfe in measured] for key in measured[0]}
        if labels is not None:
            pairs = labels * 10 + readings[JUDGED_NFE].classes
            result["map"] = pairs.bincount(minlength=100).view(10, 10).tolist()
        if labels is not None and self.by_class:
            result["right"] = [(readings[nfe].classes == labels).float().mean().item() for nfe in NFES]
        return {"covariance": flow.covariance, "quality": result}

    def sound(self, quality: dict) -> dict | None:
        """The `map` of a translation counts test images, by class of clothes and digit; `right` is the share of those
        that became the digit of their class, at each NFE.
        """
        nfe, floor, counts, right = (cast(Any, quality.get(name)) for name in ("nfe", "floor", "map", "right"))
        sound = (
            are_nfes(nfe, JUDGED)
            and is_count(quality.get("images"))
            and isinstance(floor, dict)
            and all(is_number(floor.get(name), SMALLEST) for name in FIGURES)
            and all(is_series(quality.get(name), len(nfe), 0) for name in FIGURES)
            and (counts is None or _is_map(counts))
            and (right is None or (is_series(right, len(nfe), 0) and max(right) <= 1))
        )
        return quality if sound else None

    def restore(self, network: nn.Module, metadata: dict) -> Flow:
        covariance = metadata.get("covariance")
        if not isinstance(covariance, float) or not is_number(covariance):
            raise Unfit("has no covariance, one number")
        if not 0 <= self.source_noise <= 1:
            raise Unfit(f"has a source_noise of {self.source_noise}, which is no share from 0 to 1")
        return self.flow(network, covariance)

    def summary(self, quality: dict) -> str:
        distances = dict(zip(quality["nfe"], quality["fd"], strict=True))
        ratios = (f"{distances[nfe] / quality['floor']['fd']:.1f} at NFE {nfe}" for nfe in JUDGED)
        right = dict(zip(quality["nfe"], quality.get("right", []), strict=False)).get(JUDGED[0])
        shares = "" if right is None else f"; {right:.1%} right at NFE {JUDGED[0]}"
        return f"Fréchet distance / floor {', '.join(ratios)}{shares}"

    def flow(self, network: nn.Module, covariance: float = 0.0) -> Flow:
        """The flow of a U-Net, its velocity computed fast."""
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return Flow(self.name, self.start, self.target, self.schedule, fast(network), covariance, self.spacing)

    def covariance(self, root: Path) -> float:
        """Cov(X_0, X_1) over samples and pixels together: √(1 − source_noise²) times that of the two mean images.

        The images of a pair are drawn independently, or independently given their class, but those of both sets are
        bright in the middle.
        """
        if not isinstance(self.source, ImageSet):
            return 0.0
        (x_0, _), (x_1, shares) = (self._means(images, root) for images in (self.source, self.target))
        return math.sqrt(1 - self.source_noise**2) * ((x_0 * x_1).flatten(1).mean(1) @ shares).item()

    def _means(self, images: ImageSet, root: Path) -> tuple[Tensor, Tensor]:
        """Mean training images, standardised (k, 1, 28, 28), and their shares (k,): of all, or `by_class` of each."""
        pixels, labels = load(images, True, root)
        groups = [pixels[labels == k] for k in range(10)] if self.by_class else [pixels]
        means = images.standardise(torch.stack([group.float().mean(0) for group in groups]))
        return means, torch.tensor([len(group) / len(pixels) for group in groups])

    def test_starts(self, root: Path) -> tuple[Tensor, Tensor | None]:
        """x_0 to judge a flow by: noise, or the source's test images with the recipe's noise, and their labels."""
        start, generator = self.start, torch.Generator().manual_seed(0)
        if start.images is None:
            return start.sample(IMAGES, generator), None
        pixels, labels = load(start.images, False, root)
        return start.mix(start.images.standardise(pixels), generator), labels


def _is_map(counts: object) -> bool:
    """Whether these are ten rows of ten counts, not all 0."""
    if not isinstance(counts, list) or not all(is_series(row, 10, 0) for row in counts):
        return False
    whole = all(isinstance(count, int) for row in counts for count in row)
    return len(counts) == 10 and whole and any(map(any, counts))


@lru_cache(maxsize=1)
def references(classifier: DigitClassifier, root: Path) -> tuple[Reading, dict[str, float]]:
    """The reading of the test digits, and the floor: the figures of as many training digits against them."""
    train, test = (load(MNIST, part, root)[0] for part in (True, False))
    chosen_ones = torch.randperm(len(train), generator=torch.Generator().manual_seed(1))[: len(test)]
    reading = read(classifier, test)
    return reading, figures(reading, read(classifier, train[chosen_ones]))


@torch.no_grad()
def generate(flow: Flow, x_0: Tensor, steps: int) -> Tensor:
    """The images at t = 1 by Euler, uint8 of shape (N, 28, 28). Raises NotFinite."""
    parts = []
    for part in x_0.split(BATCH):
        *_, (_, x_1, _) = integrate(flow.velocity, part, time_grid(steps, flow.spacing))
        parts.append(flow.target.to_pixels(finite(x_1)))
    return torch.cat(parts)


@lru_cache(maxsize=4)  # of 13 MB each
def perfect_flow(schedule: str, window: int | None = None, images: int = TRAINING_IMAGES) -> Flow:
    """The flow of digits that a network without any error would have learned from so many bundled training images.

    With a `window`, each pixel sees only as many pixels around it: see `maths/empirical.py`. Raises SettingsError.

    >>> perfect_flow("linear", window=7, images=100).sample(n=2, steps=3)
    Trajectory(2 of 1×28×28 in 3 steps, NFE 3, seed 0)
    """
    path = entry("schedule", schedule, SCHEDULES)
    x_1 = MNIST.standardise(MNIST.bundled_training(images)[0])
    name = flow_name(MNIST.name, schedule, suffix=f"-perfect-{window or 'whole'}")
    return Flow(name, NOISE, MNIST, path, empirical_velocity(x_1, path, window), spacing=SPACING)
