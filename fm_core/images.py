"""The image data sets: what they are, and how their pixels become numbers and back.

Inside, an image is a float tensor (1, 28, 28), standardised with the data set's own mean and standard
deviation; at the edges it is uint8 of shape (28, 28). To add a data set, add one entry to `IMAGE_SETS`.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

SHAPE = (1, 28, 28)
SAMPLES_FILE = Path(__file__).resolve().parent / "image_samples.safetensors"


@dataclass(frozen=True)
class ImageSet:
    """A data set of 28×28 grey images in ten classes.

    `folder` is its name in torchvision and on disk; `mean` and `std` are those of all training pixels in
    [0, 1]; `md5` holds the sums of its four unpacked IDX files, by stem.
    """

    name: str
    title: str
    folder: str
    classes: tuple[str, ...]
    mean: float
    std: float
    md5: dict[str, str]

    def standardise(self, pixels: Tensor) -> Tensor:
        """uint8 of shape (B, 28, 28) to floats of shape (B, 1, 28, 28), mean 0 and variance 1 over the data set."""
        return ((pixels.float() / 255 - self.mean) / self.std)[:, None]

    def to_pixels(self, x: Tensor) -> Tensor:
        """Floats of shape (…, 1, 28, 28) to uint8 of shape (…, 28, 28), cut off at black and white."""
        return ((x.squeeze(-3) * self.std + self.mean) * 255).round().clamp(0, 255).to(torch.uint8)


_ENTRIES = [
    ImageSet(
        "mnist",
        "MNIST digits",
        "MNIST",
        tuple("0123456789"),
        mean=0.13066,
        std=0.30811,
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    ImageSet(
        "fashion",
        "Fashion-MNIST clothes",
        "FashionMNIST",
        (
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        mean=0.28604,
        std=0.35302,
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
]

IMAGE_SETS: dict[str, ImageSet] = {entry.name: entry for entry in _ENTRIES}


@lru_cache
def samples(name: str) -> tuple[Tensor, Tensor]:
    """The bundled test images of a set, ten a class in order of class: uint8 (100, 28, 28), and int64 labels (100,)."""
    tensors = load_file(SAMPLES_FILE)
    return tensors[f"{name}.pixels"], tensors[f"{name}.labels"].long()


def noisy(images: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """x_0 = √(1 − noise²) x + noise z with z standard normal: as large a variance as that of standardised images x.

    Clothes have exactly black backgrounds, so without noise x_t would give x_1 away as soon as t > 0, and the
    velocity would be infinitely steep at t = 0.
    """
    z = torch.randn(images.shape, generator=generator).to(images.device)
    return math.sqrt(1 - noise**2) * images + noise * z
