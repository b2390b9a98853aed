"""A visitor's files as 28×28 pictures like Fashion-MNIST's, and what is doubtful about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fm_core.images import archives, arrays, tables
from fm_core.images.garments import INVERSIONS, Garment, prepare
from fm_core.images.limits import ACCEPTED, MAX_BYTES, MAX_FILES, MAX_IMAGES, UploadError
from fm_core.images.pictures import check_bytes, check_size, content_of, open_picture, open_pictures, picture_of_array

__all__ = [
    "INVERSIONS", "MAX_BYTES", "MAX_FILES", "MAX_IMAGES", "Reading", "UploadError",
    "from_array", "from_file", "look_at_array", "look_at_file", "look_at_files", "read_files",
]  # fmt: skip
_HIDDEN = (b"\0\5\x16\7", b"\0\0\0\1Bud1")  # how macOS' files ._x and .DS_Store begin, whatever they are called
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff", ".gif", ".bmp")
_Source = bytes | Image.Image  # a picture as a file's content, or decoded


@dataclass(frozen=True)
class Reading:
    """Pictures as the network sees them, and what is doubtful about them."""

    pixels: Tensor  # uint8 of shape (n, 28, 28)
    doubts: list[str]  # a sentence for each doubtful picture
    other: str  # the `invert` that shows the doubtful pictures, or all, the other way round: "always" or "never"


def look_at_files(paths: Sequence[Path], first: int = 0, count: int = MAX_IMAGES, invert: str = "auto") -> Reading:
    """The pictures of all files. Files of many images give `count` from `first` on. Any bad file raises UploadError.

    `invert`: one of `INVERSIONS`. Hidden files, which a system put beside a person's own, are passed over.
    """
    if len(paths) > MAX_FILES:
        raise UploadError(f"{len(paths)} files are too many: at most {MAX_FILES} at a time.")
    if not isinstance(first, int) or not isinstance(count, int) or first < 0 or count < 1:
        raise UploadError(f"The range must start at image 0 or later and hold at least one, not {first!r}, {count!r}.")
    sources: list[tuple[str, _Source]] = []
    for path in map(Path, paths):
        if archives.is_hidden(path.name) or (content := content_of(path)).startswith(_HIDDEN):
            continue
        sources += _sources(path.name, content, first, count)
        check_bytes([content for _, content in _contents(sources)])
        if len(sources) > MAX_IMAGES:
            raise UploadError(f"With {path.name} these are {len(sources)} images; at most {MAX_IMAGES} are accepted.")
    if not sources:
        raise UploadError(f"No picture was given; accepted are {ACCEPTED}.")
    return _reading(sources, invert)


def look_at_file(source: Path | bytes, invert: str = "auto", name: str = "") -> Reading:
    """One picture in a file or its content, as from the drawing pad; no file of many images. Raises UploadError.

    Sentences call it by `name`, or as the file is called.
    """
    name = name or (source.name if isinstance(source, Path) else "The picture")
    return _together([(name, prepare(open_picture(source, name), invert, name))])


def look_at_array(array: np.ndarray, invert: str = "auto") -> Reading:
    """One picture in an array (H, W), (H, W, 1, 3 or 4) or (784,) of bytes or numbers from 0 to 1, or UploadError."""
    name = "The picture"
    return _together([(name, prepare(picture_of_array(_one_picture(array), name), invert, name))])


def read_files(paths: Sequence[Path], first: int = 0, count: int = MAX_IMAGES, invert: str = "auto") -> Tensor:
    """The pixels of `look_at_files`, uint8 of shape (n, 28, 28)."""
    return look_at_files(paths, first, count, invert).pixels


def from_file(source: Path | bytes, invert: str = "auto") -> Tensor:
    """The pixels of `look_at_file`, uint8 of shape (28, 28)."""
    return look_at_file(source, invert).pixels[0]


def from_array(array: np.ndarray, invert: str = "auto") -> Tensor:
    """The pixels of `look_at_array`, uint8 of shape (28, 28)."""
    return look_at_array(array, invert).pixels[0]


def _sources(name: str, content: bytes, first: int, count: int, packed: bool = False) -> list[tuple[str, _Source]]:
    """The pictures in a file, each with its name; `packed` is one that came out of another."""
    if content.startswith(archives.PACKED):
        if packed:
            raise UploadError(f"{name} is packed twice; pack the pictures themselves.")
        return _packed(name, content, first, count)
    if arrays.recognises(content):
        return _numbered(name, arrays.read(name, content, first, count), first)
    if tables.recognises(name, content):
        return _numbered(name, tables.read(name, content, first, count), first)
    return [(name, content)]


def _packed(name: str, content: bytes, first: int, count: int) -> list[tuple[str, _Source]]:
    if content.startswith(archives.GZIP):
        return _sources(name, archives.gunzip(name, content), first, count, packed=True)
    entries = archives.entries(name, content)
    if any(entry.filename.endswith(".npy") for entry in entries):
        return _numbered(name, arrays.read_npz(name, content, first, count), first)
    pictures = [entry for entry in entries if entry.filename.lower().endswith(_PICTURES)]
    if not (chosen := pictures[first : first + count] if pictures else entries[:1]):
        raise UploadError(f"{name} is a zip file without pictures from {first:,} on; accepted are {ACCEPTED}.")
    contents = archives.unpack(name, content, chosen)
    names = [f"{_printable(PurePosixPath(entry.filename).name)} in {name}" for entry in chosen]
    return [found for one in zip(names, contents, strict=True) for found in _sources(*one, first, count, packed=True)]


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:80])


def _numbered(name: str, images: np.ndarray, first: int) -> list[tuple[str, _Source]]:
    names = [f"Image {first + k:,} of {name}" for k in range(len(images))]
    return [(one, picture_of_array(image, one)) for one, image in zip(names, images, strict=True)]


def _contents(sources: list[tuple[str, _Source]]) -> list[tuple[str, bytes]]:
    return [(name, source) for name, source in sources if isinstance(source, bytes)]


def _reading(sources: list[tuple[str, _Source]], invert: str) -> Reading:
    decoded = iter(open_pictures(_contents(sources)))
    pictures = [(name, next(decoded) if isinstance(source, bytes) else source) for name, source in sources]
    return _together([(name, prepare(picture, invert, name)) for name, picture in pictures])


def _together(named: list[tuple[str, Garment]]) -> Reading:
    doubtful = [(name, garment) for name, garment in named if garment.doubts]
    inverted = [garment.inverted for _, garment in doubtful or named]
    other = "never" if 2 * sum(inverted) > len(inverted) else "always"
    return Reading(torch.stack([garment.pixels for _, garment in named]), list(_sentences(doubtful)), other)


def _sentences(doubtful: list[tuple[str, Garment]]) -> Iterator[str]:
    for name, garment in doubtful:
        *most, last = garment.doubts
        taken = "darker than its background and inverted" if garment.inverted else "lighter than its background"
        yield f"{name}: {', '.join(most) + ' and ' if most else ''}{last}; what is in the middle was taken as {taken}."


def _one_picture(array: np.ndarray) -> np.ndarray:
    """As bytes of shape (H, W), or (H, W, 3 or 4)."""
    if array.shape in ((784,), (1, 28, 28)):
        array = array.reshape(28, 28)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise UploadError(f"A picture has shape (H, W), (H, W, 1, 3 or 4) or (784,), not {array.shape}.")
    check_size(array.shape)
    return arrays.in_bytes("The picture", array)
