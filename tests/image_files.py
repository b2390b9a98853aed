"""Small stand-ins for the image data sets, in the published format."""

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from fm_core.images import IMAGE_SETS, ImageSet

STEMS = tuple(IMAGE_SETS["mnist"].md5)


def content(stem: str, seed: int, n: int = 20) -> bytes:
    """An IDX file of n random images, or of labels 0 … 9 in turn."""
    if "labels" in stem:
        return struct.pack(">II", 0x801, n) + bytes(k % 10 for k in range(n))
    pixels = np.random.default_rng(seed).integers(0, 256, n * 784, dtype=np.uint8)
    return struct.pack(">IIII", 0x803, n, 28, 28) + pixels.tobytes()


def contents(name: str) -> dict[str, bytes]:
    seed = 1 + list(IMAGE_SETS).index(name)
    return {stem: content(stem, seed + 10 * k, 20 + seed) for k, stem in enumerate(STEMS)}


def small(name: str) -> ImageSet:
    """The image set of this name, but with the sums of the stand-in's files."""
    sums = {stem: hashlib.md5(data).hexdigest() for stem, data in contents(name).items()}
    return replace(IMAGE_SETS[name], md5=sums)


def write(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, data in contents(name).items():
        (folder / stem).write_bytes(data)
    return folder
