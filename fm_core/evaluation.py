"""What is measured when a training ends, for each kind of recipe: the part of the metadata that judges it."""

import math
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from fm_core import image_quality, quality
from fm_core.checkpoints import checkpoint_path, image_flow, load_classifier, save_tensors, toy_flow
from fm_core.datasets import load
from fm_core.image_flows import SPACING, ImageFlow
from fm_core.image_quality import Moments
from fm_core.images import IMAGE_SETS, SHAPE, noisy
from fm_core.matching import COUPLINGS
from fm_core.networks import DigitClassifier
from fm_core.precision import has_bfloat16
from fm_core.quality import JUDGED_NFE, NFES
from fm_core.recipes import CLASSIFIER, STANDARD, AnyRecipe, ClassifierRecipe, ImageRecipe, Recipe
from fm_core.solvers import integrate
from fm_core.toy import SOURCES, TARGETS

IMAGES = 10_000
MOMENTS_FILE = "test-digits.safetensors"
_FLOOR_SEED = 1


def measure(recipe: AnyRecipe, network: nn.Module, directory: Path, root: Path) -> dict:
    """The metadata that judge a trained network; images come from `root`, the classifier from `directory`."""
    if isinstance(recipe, ImageRecipe):
        return measure_image_flow(recipe, network, directory, root)
    if isinstance(recipe, ClassifierRecipe):
        assert isinstance(network, DigitClassifier)
        return measure_classifier(network, directory, root)
    covariance = coupling_covariance(recipe)
    return {"covariance": covariance, "quality": quality.measure(toy_flow(recipe, network, covariance))}


def measure_classifier(classifier: DigitClassifier, directory: Path, root: Path) -> dict:
    """Its accuracy on the test digits, whose features' moments it leaves in `directory` for who lacks the digits."""
    pixels, labels = load(IMAGE_SETS["mnist"], False, root)
    moments = Moments.of(image_quality.read(classifier, pixels).features)
    save_tensors(directory / MOMENTS_FILE, {"mean": moments.mean, "covariance": moments.covariance}, {})
    return {"quality": {"accuracy": image_quality.accuracy(classifier, pixels, labels), "images": len(pixels)}}


def coupling_covariance(recipe: Recipe, batches: int = 100) -> tuple[float, ...]:
    """Cov(X_0, X_1) per dimension under the recipe's coupling, estimated from `batches` batches."""
    if recipe.coupling == "independent":
        return (0.0, 0.0)
    generator = torch.Generator().manual_seed(0)
    source, target, pair = SOURCES[recipe.source], TARGETS[recipe.target], COUPLINGS[recipe.coupling].pair
    total = torch.zeros(2)
    for _ in range(batches):
        x_0 = source.sample(recipe.batch, generator)
        x_1 = pair(x_0, target.sample(recipe.batch, generator))
        total += ((x_0 - source.mean) * (x_1 - target.mean)).mean(0)
    return tuple((total / batches).tolist())


def measure_image_flow(recipe: ImageRecipe, network: nn.Module, directory: Path, root: Path) -> dict:
    """Figures at each NFE of Euler over 10,000 images; for a translation also which class becomes which digit."""
    classifier = load_classifier(checkpoint_path(CLASSIFIER.name, directory))
    flow = image_flow(recipe, network, image_covariance(recipe, root))
    test, floor = references(classifier, root)
    x_0, labels = sources(recipe, root)
    readings = {nfe: image_quality.read(classifier, generate(flow, x_0, nfe)) for nfe in NFES}
    measured = [image_quality.figures(test, readings[nfe]) for nfe in NFES]
    result: dict = {
        "images": len(x_0),
        "solver": "euler",
        "spacing": SPACING,
        "precision": "bfloat16" if has_bfloat16("cpu") else "float32",
        "floor": floor,
        "nfe": list(NFES),
        **{key: [figures[key] for figures in measured] for key in measured[0]},
    }
    if labels is not None:
        pairs = labels * 10 + readings[JUDGED_NFE].classes
        result["map"] = pairs.bincount(minlength=100).view(10, 10).tolist()
    return {"covariance": flow.covariance, "quality": result}


def image_covariance(recipe: ImageRecipe, root: Path) -> float:
    """Cov(X_0, X_1) over samples and pixels together, for independent x_0 and x_1: that of the two mean images.

    The noise in X_0 makes it smaller by √(1 − source_noise²).
    """
    if recipe.source == STANDARD:
        return 0.0
    means = []
    for name in (recipe.source, recipe.target):
        pixels = load(IMAGE_SETS[name], True, root)[0]
        means.append(IMAGE_SETS[name].standardise(pixels.float().mean(0, keepdim=True)))
    return math.sqrt(1 - recipe.source_noise**2) * (means[0] * means[1]).mean().item()


@lru_cache(maxsize=1)
def references(classifier: DigitClassifier, root: Path) -> tuple[image_quality.Reading, dict[str, float]]:
    """The reading of the test digits, and the figures that as many training digits score against them: the floor."""
    train, test = (load(IMAGE_SETS["mnist"], part, root)[0] for part in (True, False))
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(_FLOOR_SEED))[: len(test)]
    reading = image_quality.read(classifier, test)
    return reading, image_quality.figures(reading, image_quality.read(classifier, train[chosen]))


def sources(recipe: ImageRecipe, root: Path) -> tuple[Tensor, Tensor | None]:
    """x_0 to judge a flow by: noise, or the source's test images, with the recipe's noise, and their labels."""
    generator = torch.Generator().manual_seed(0)
    if recipe.source == STANDARD:
        return torch.randn(IMAGES, *SHAPE, generator=generator), None
    pixels, labels = load(IMAGE_SETS[recipe.source], False, root)
    return noisy(IMAGE_SETS[recipe.source].standardise(pixels), recipe.source_noise, generator), labels


@torch.inference_mode()
def generate(flow: ImageFlow, x_0: Tensor, steps: int) -> Tensor:
    """The images at t = 1 by Euler, uint8 of shape (N, 28, 28)."""
    parts = []
    for part in x_0.split(image_quality.BATCH):
        *_, (_, x_1) = integrate(flow.velocity, part, steps, spacing=SPACING)
        parts.append(IMAGE_SETS[flow.target].to_pixels(x_1))
    return torch.cat(parts)
