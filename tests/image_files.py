"""Small stand-ins for the image data sets, as files in the published format."""

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from fm_core.images.sets import IMAGE_SETS, ImageSet

STEMS = tuple(IMAGE_SETS["mnist"].md5)
TRAINING, TEST = 48, 12  # bundled images in a stand-in that is trained with


def idx(array: np.ndarray) -> bytes:
    """The IDX file of bytes in one dimension, labels, or in three, images."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def contents(name: str) -> dict[str, bytes]:
    """The four files, by stem, of a set of this name with random images, whose labels are 0 … 9 in turn."""
    seed = 1 + list(IMAGE_SETS).index(name)
    n = 20 + seed
    return {
        stem: idx(
            np.arange(n) % 10
            if "labels" in stem
            else np.random.default_rng(seed + 10 * k).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        )
        for k, stem in enumerate(STEMS)
    }


def bundled_contents(name: str) -> dict[str, bytes]:
    """The four files, by stem, of a set of this name made of bundled images, each class as often as the others."""
    pixels, labels = IMAGE_SETS[name].bundled()
    order = np.arange(100).reshape(10, 10).T.flatten()
    parts = {"train": order[:TRAINING], "t10k": order[-TEST:]}
    arrays = {"images": pixels.numpy(), "labels": labels.numpy()}
    return {stem: idx(arrays[stem.split("-")[1]][parts[stem.split("-")[0]]]) for stem in STEMS}


def small(name: str) -> ImageSet:
    """The image set of this name, but with the sums of the stand-in's files."""
    return _with(IMAGE_SETS[name], contents(name))


def bundled(name: str) -> ImageSet:
    """The image set of this name, but with so few images and the sums of their files."""
    return replace(_with(IMAGE_SETS[name], bundled_contents(name)), training_images=TRAINING)


def training_pixels(name: str) -> Tensor:
    """The training images that `write_bundled` writes, uint8 of shape (48, 28, 28)."""
    pixels, _ = IMAGE_SETS[name].bundled()
    return pixels.view(10, 10, 28, 28).transpose(0, 1).flatten(0, 1)[:TRAINING]


def _with(image_set: ImageSet, files: dict[str, bytes]) -> ImageSet:
    return replace(image_set, md5={stem: hashlib.md5(data).hexdigest() for stem, data in files.items()})


def write(name: str, folder: Path) -> Path:
    return _write(contents(name), folder)


def write_bundled(root: Path) -> Path:
    """Both sets of bundled images as a data root has them."""
    for name in IMAGE_SETS:
        _write(bundled_contents(name), root / IMAGE_SETS[name].folder / "raw")
    return root


def _write(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, data in files.items():
        (folder / stem).write_bytes(data)
    return folder
