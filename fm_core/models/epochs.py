"""Training on a data set in epochs, with each image once per epoch."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fm_core.images.files import load
from fm_core.images.sets import ImageSet


class InEpochs:
    """A recipe that trains for `epochs` over the images of its `target`."""

    target: ImageSet
    epochs: int
    batch: int

    @property
    def epoch(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return -(-self.target.training_images // self.batch)

    @property
    def iterations(self) -> int:
        return self.epochs * self.epoch


def chosen(recipe: InEpochs, images: ImageSet, seed: int, iteration: int, stream: int) -> Tensor:
    """Indices of the images in this iteration's batch. Stateless, so that training can resume; streams differ."""
    epoch, place = divmod(iteration, recipe.epoch)
    order = _shuffled(images.training_images, seed, epoch, stream)
    return order[place * recipe.batch : (place + 1) * recipe.batch]


def epoch_of(
    recipe: InEpochs, images: ImageSet, seed: int, root: Path, device: str, stream: int
) -> Callable[[int], Tensor]:
    """A function from iteration to training images (B, 1, 28, 28), which are kept on the device as bytes."""
    pixels = load(images, True, root)[0].to(device)
    return lambda iteration: images.standardise(pixels[chosen(recipe, images, seed, iteration, stream).to(device)])


def epoch_by_class(
    recipe: InEpochs, images: ImageSet, target: ImageSet, seed: int, root: Path, device: str
) -> Callable[[int], Tensor]:
    """A function from iteration to random images of the classes of the `target` images that `epoch_of` gives."""
    pixels, labels = load(images, True, root)
    wanted = load(target, True, root)[1]
    counts = labels.bincount(minlength=10)
    first, pixels = counts.cumsum(0) - counts, pixels[labels.argsort()].to(device)

    def batch(iteration: int) -> Tensor:
        classes = wanted[chosen(recipe, target, seed, iteration, stream=1)]
        u = torch.from_numpy(np.random.default_rng([seed, iteration, 2]).random(len(classes)))
        places = first[classes] + (u * counts[classes]).long()
        return images.standardise(pixels[places.to(device)])

    return batch


@lru_cache(maxsize=2)
def _shuffled(n: int, seed: int, epoch: int, stream: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng([seed, epoch, stream]).permutation(n))
