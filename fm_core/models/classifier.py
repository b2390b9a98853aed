"""The digit classifier, and its figures of generated digits."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fm_core.checkpoints import checkpoint_path, load_checkpoint, save_tensors
from fm_core.images.files import load
from fm_core.images.sets import IMAGE_SETS, ImageSet
from fm_core.machine import fast
from fm_core.maths.flow import Check, always
from fm_core.maths.measures import BATCH, Moments, evenness, frechet_distance, neighbour_figures
from fm_core.models.epochs import InEpochs, chosen, epoch_of
from fm_core.models.figures import is_count, is_number
from fm_core.models.kind import Recipe, Task
from fm_core.models.networks import DigitClassifier

MNIST = IMAGE_SETS["mnist"]
MOMENTS_FILE = "test-digits.safetensors"


@dataclass(frozen=True)
class ClassifierRecipe(InEpochs, Recipe):
    """Everything but the seed that determines the classifier; each batch is moved by up to `shift` pixels."""

    kind: ClassVar[str] = "classifier"
    name: ClassVar[str] = "digit-classifier"  # pyright: ignore[reportIncompatibleVariableOverride]
    target: ClassVar[ImageSet] = MNIST  # pyright: ignore[reportIncompatibleVariableOverride]
    image_sets: ClassVar[tuple[ImageSet, ...]] = (MNIST,)

    epochs: int = 15
    batch: int = 128
    learning_rate: float = 3e-3
    ema_decay: float = 0.999
    shift: int = 2

    def network(self) -> DigitClassifier:
        return DigitClassifier()

    def task(self, seed: int, root: Path, device: str) -> Task:
        """A batch is digits of shape (B, 1, 28, 28), all moved by the same shift, and labels of shape (B,)."""
        images = epoch_of(self, self.target, seed, root, device, stream=1)
        labels = load(self.target, True, root)[1].to(device)

        def batch(iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
            shifts = torch.randint(-self.shift, self.shift + 1, (2,), generator=generator).tolist()
            indices = chosen(self, self.target, seed, iteration, stream=1).to(device)
            return images(iteration).roll(shifts, (2, 3)), labels[indices]

        return Task(batch, lambda network, x, labels: cross_entropy(fast(network)(x), labels))

    def judge(self, network: nn.Module, directory: Path, root: Path) -> dict:
        """Accuracy on the test digits; saves the moments of their features in `directory`, for users without them."""
        assert isinstance(network, DigitClassifier)
        pixels, labels = load(self.target, False, root)
        moments = Moments.of(read(network, pixels).features)
        save_tensors(directory / MOMENTS_FILE, {"mean": moments.mean, "covariance": moments.covariance}, {})
        return {"quality": {"accuracy": accuracy(network, pixels, labels), "images": len(pixels)}}

    def sound(self, quality: dict) -> dict | None:
        sound = is_number(quality.get("accuracy"), 0, 1) and is_count(quality.get("images"))
        return quality if sound else None

    def summary(self, quality: dict) -> str:
        return f"{quality['accuracy']:.2%} of {quality['images']:,} test digits read right"


def load_classifier(directory: Path) -> DigitClassifier:
    """The trained classifier. Raises CheckpointError."""
    recipe = ClassifierRecipe()
    return load_checkpoint(checkpoint_path(recipe.name, directory), recipe).model


@dataclass(frozen=True)
class Reading:
    """The classifier's output for N images: features (N, 128) and class probabilities (N, 10)."""

    features: Tensor
    probabilities: Tensor

    def __repr__(self) -> str:
        return f"Reading({len(self.features):,} images)"

    @property
    def classes(self) -> Tensor:
        return self.probabilities.argmax(1)


@torch.no_grad()
def read(classifier: DigitClassifier, pixels: Tensor, check: Check = always) -> Reading:
    """The classifier's reading of uint8 images of shape (N, 28, 28); `check` is called in between and may raise."""
    features = []
    for part in pixels.split(BATCH):
        check()
        features.append(classifier.features(MNIST.standardise(part)))
    all_features = torch.cat(features)
    return Reading(all_features, classifier.logits(all_features).softmax(1))


def figures(test: Reading, generated: Reading) -> dict[str, float]:
    """The figures of a set of generated images against the test digits."""
    return {
        "fd": frechet_distance(Moments.of(generated.features), Moments.of(test.features)),
        **neighbour_figures(test.features, generated.features),
        "confidence": generated.probabilities.amax(1).mean().item(),
        "evenness": evenness(generated.classes),
    }


def accuracy(classifier: DigitClassifier, pixels: Tensor, labels: Tensor) -> float:
    """Share of uint8 images of shape (N, 28, 28) whose class is read correctly."""
    return (read(classifier, pixels).classes == labels).float().mean().item()
