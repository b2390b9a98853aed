"""Uploaded files as 28×28 pictures like Fashion-MNIST's: light on black, filling the frame, centred."""

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from fm_core.images import arrays
from fm_core.images.arrays import UploadError

MAX_BYTES = 5 * 1024 * 1024
MAX_FILES = 64
MAX_PIXELS = 25_000_000
MAX_IMAGES = 64
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
INVERSIONS = ("auto", "always", "never")
ACCEPTED = "PNG, JPEG, WebP, GIF and BMP pictures, and .npy, .npz or IDX files of 28×28 images"
_SIZES = f"one pixel to {MAX_PIXELS // 10**6} megapixels"
_SIDE = 28
_FAINT = 24  # of 255: smaller differences from the background belong to it
_QUIET = threading.Lock()  # warnings are silenced process-wide, so one thread at a time


def read_files(paths: Sequence[Path], first: int = 0, count: int = MAX_IMAGES, invert: str = "auto") -> Tensor:
    """The pictures of all files as the network sees them, uint8 of shape (N, 28, 28).

    Files of many images give `count` from `first` on. `invert`: one of `INVERSIONS`. Any bad file raises UploadError.
    """
    if not paths:
        raise UploadError(f"No file was given; accepted are {ACCEPTED}.")
    if len(paths) > MAX_FILES:
        raise UploadError(f"{len(paths)} files are too many: at most {MAX_FILES} at a time.")
    pictures: list[Tensor] = []
    for path in map(Path, paths):
        pictures += _read(path, first, count, invert)
        if len(pictures) > MAX_IMAGES:
            raise UploadError(f"With {path.name} these are {len(pictures)} images; at most {MAX_IMAGES} are accepted.")
    return torch.stack(pictures)


def _read(path: Path, first: int, count: int, invert: str) -> list[Tensor]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise UploadError(f"{path.name} is no longer on the server; upload it again.") from None
    except OSError:
        raise UploadError(f"{path.name} cannot be read as a file; accepted are {ACCEPTED}.") from None
    if size == 0:
        raise UploadError(f"{path.name} is empty; accepted are {ACCEPTED}.")
    if size > MAX_BYTES:
        raise UploadError(f"{path.name} has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are accepted.")
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of bombs and oddities; here a file is accepted or refused
        if arrays.recognises(head):
            return [from_array(image, invert) for image in arrays.read(path, head, first, count)]
        return [_open_picture(path, invert)]


def _open_picture(path: Path, invert: str) -> Tensor:
    try:
        with Image.open(path, formats=FORMATS) as image:
            return prepare(image, invert, path.name)
    except UploadError:
        raise
    except UnidentifiedImageError:
        raise UploadError(f"{path.name} is not a picture that can be read; accepted are {ACCEPTED}.") from None
    except Image.DecompressionBombError:
        raise UploadError(f"{path.name} has far too many pixels; {_SIZES} are accepted.") from None
    except Exception:  # on damage Pillow's decoders raise a dozen unrelated kinds
        raise UploadError(f"{path.name} is damaged or cut short; accepted are {ACCEPTED}.") from None


def prepare(image: Image.Image, invert: str = "auto", name: str = "The picture") -> Tensor:
    """One picture as the network sees it, uint8 of shape (28, 28). Raises UploadError with its `name`.

    Upright by its EXIF orientation, transparency as black, grey, light on dark, cropped to what stands out from the
    background, centred in a square and resized with antialiasing. A 28×28 picture is at most turned grey and inverted.
    The size is checked before pixels are decoded.
    """
    if invert not in INVERSIONS:
        raise UploadError(f"invert must be one of {', '.join(INVERSIONS)}, not {invert!r:.80}.")
    pixels = image.width * image.height
    if not 0 < pixels <= MAX_PIXELS:
        raise UploadError(f"{name} has {pixels / 1e6:.1f} megapixels; {_SIZES} are accepted.")
    grey = _grey(ImageOps.exif_transpose(image))
    background = _background(grey)
    if invert == "always" or (invert == "auto" and background > 127):
        grey, background = ImageOps.invert(grey), 255 - background
    if grey.size != (_SIDE, _SIDE):
        if background <= 127:  # stretched so that it is black; a light one is left, as asked for by `invert`
            grey = grey.point([max(0, round((value - background) * 255 / (255 - background))) for value in range(256)])
        grey = _framed(grey)
    return torch.from_numpy(np.array(grey))


def from_array(array: np.ndarray, invert: str = "auto") -> Tensor:
    """Like `prepare`, for an array (H, W) or (H, W, 1, 3 or 4) of bytes or of numbers in [0, 1]."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise UploadError(f"A picture has shape (H, W) or (H, W, 1, 3 or 4), not {array.shape}.")
    if array.dtype.kind in "bf" and array.min() >= 0 and array.max() <= 1:
        array = (array * 255.0).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise UploadError(f"A picture holds bytes or numbers from 0 to 1, not {array.dtype} of other values.")
    return prepare(Image.fromarray(array), invert)


def _grey(image: Image.Image) -> Image.Image:
    """The first frame in 8-bit grey, with transparency as black."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
        values = np.asarray(image, dtype=np.int32).clip(0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    image = image.convert("RGBA")
    opacity = image.getchannel("A")
    grey = Image.composite(image.convert("L"), Image.new("L", image.size), opacity)
    # A picture that is black itself would vanish on black, so its opacity is shown instead.
    vanishes = np.asarray(opacity).min() < 255 and np.asarray(grey).max() <= _FAINT
    return opacity if vanishes else grey


def _background(grey: Image.Image) -> float:
    """The median of the four corners' medians: clothes often touch the borders, seldom the corners."""
    values = np.asarray(grey)
    height, width = (max(1, side // 10) for side in values.shape)
    rows, columns = (slice(None, height), slice(-height, None)), (slice(None, width), slice(-width, None))
    return float(np.median([np.median(values[r, c]) for r in rows for c in columns]))


def _framed(grey: Image.Image) -> Image.Image:
    """Cropped to what stands out from black, if anything does, scaled to fit 28×28 and centred on black."""
    grey = grey.crop(grey.point([255 * (value > _FAINT) for value in range(256)]).getbbox())
    # Pillow's `pad` fails if a side gets thinner than a pixel.
    scale = _SIDE / max(grey.size)
    width, height = (max(1, round(side * scale)) for side in grey.size)
    frame = Image.new("L", (_SIDE, _SIDE))
    frame.paste(grey.resize((width, height), Image.Resampling.LANCZOS), ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return frame
