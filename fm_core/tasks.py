"""What a training step draws and what it descends, for each kind of recipe."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fm_core import recipes
from fm_core.datasets import load
from fm_core.images import IMAGE_SETS, SHAPE, noisy
from fm_core.matching import COUPLINGS, draw_times, matching_loss
from fm_core.precision import fast
from fm_core.recipes import STANDARD, AnyRecipe, ClassifierRecipe, ImageRecipe, Recipe
from fm_core.schedules import SCHEDULES
from fm_core.toy import SOURCES, TARGETS


class Task(Protocol):
    """`batch` draws what `loss` takes; the same seed and iteration draw the same batch."""

    def batch(self, iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]: ...

    def loss(self, network: Callable[..., Tensor], *batch: Tensor) -> Tensor: ...


class ToyTask:
    """Flow matching in 2D: every batch is drawn afresh."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe

    def batch(self, iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """x_0 and x_1 of shape (B, 2), coupled, and t of shape (B,)."""
        recipe = self.recipe
        x_0 = SOURCES[recipe.source].sample(recipe.batch, generator)
        x_1 = TARGETS[recipe.target].sample(recipe.batch, generator)
        x_1 = COUPLINGS[recipe.coupling].pair(x_0, x_1)
        return x_0, x_1, draw_times(recipe.batch, generator, recipe.stratified)

    def loss(self, network: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        return matching_loss(network, SCHEDULES[self.recipe.schedule], *batch)


class ImageTask:
    """Flow matching of images: each epoch shows every training image of source and target once, shuffled apart."""

    def __init__(self, recipe: ImageRecipe, seed: int, root: Path, device: str):
        self.recipe, self.seed = recipe, seed
        self.target = _standardised(recipe.target, root, device)
        self.source = None if recipe.source == STANDARD else _standardised(recipe.source, root, device)

    def batch(self, iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """x_0 and x_1 of shape (B, 1, 28, 28), independent, and t of shape (B,)."""
        recipe = self.recipe
        x_1 = self.target(chosen(recipe, self.seed, iteration, stream=1))
        if self.source is None:
            x_0 = torch.randn(len(x_1), *SHAPE, generator=generator)
        else:
            images = self.source(chosen(recipe, self.seed, iteration, stream=0))
            x_0 = noisy(images, recipe.source_noise, generator)
        return x_0, x_1, draw_times(len(x_1), generator, density=recipe.times)

    def loss(self, network: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        return matching_loss(fast(network), SCHEDULES[self.recipe.schedule], *batch)


class ClassifierTask:
    """Cross entropy on MNIST digits, every batch moved by a few pixels."""

    def __init__(self, recipe: ClassifierRecipe, seed: int, root: Path, device: str):
        self.recipe, self.seed = recipe, seed
        self.images = _standardised("mnist", root, device)
        self.labels = load(IMAGE_SETS["mnist"], True, root)[1].to(device)

    def batch(self, iteration: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Images of shape (B, 1, 28, 28) and labels of shape (B,)."""
        indices = chosen(self.recipe, self.seed, iteration, stream=1)
        reach = self.recipe.shift
        shifts = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        return self.images(indices).roll(shifts, (2, 3)), self.labels[indices]

    def loss(self, network: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        x, labels = batch
        return cross_entropy(fast(network)(x), labels)


def create_task(recipe: AnyRecipe, seed: int, root: Path, device: str) -> Task:
    """The task of a recipe. Raises DataError if it needs images that `root` lacks."""
    if isinstance(recipe, ImageRecipe):
        return ImageTask(recipe, seed, root, device)
    if isinstance(recipe, ClassifierRecipe):
        return ClassifierTask(recipe, seed, root, device)
    return ToyTask(recipe)


def _standardised(name: str, root: Path, device: str) -> Callable[[Tensor], Tensor]:
    """A function from indices of shape (B,) to training images of shape (B, 1, 28, 28), kept as bytes on the device."""
    image_set = IMAGE_SETS[name]
    pixels = load(image_set, True, root)[0].to(device)
    return lambda indices: image_set.standardise(pixels[indices.to(device)])


def chosen(recipe: ImageRecipe | ClassifierRecipe, seed: int, iteration: int, stream: int) -> Tensor:
    """Indices of the training images in this iteration's batch, without a state that a resumed training would lack."""
    epoch, place = divmod(iteration, recipe.epoch)
    return _shuffled(seed, epoch, stream)[place * recipe.batch : (place + 1) * recipe.batch]


@lru_cache(maxsize=2)
def _shuffled(seed: int, epoch: int, stream: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng([seed, epoch, stream]).permutation(recipes.TRAINING_IMAGES))
