"""Files that people bring to 28×28 pictures like Fashion-MNIST's: light on black, filling the frame, centred."""

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from fm_core import upload_arrays
from fm_core.upload_arrays import UploadError

MAX_BYTES = 5 * 1024 * 1024
MAX_FILES = 64
MAX_PIXELS = 25_000_000
MAX_IMAGES = 64
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
INVERSIONS = ("auto", "always", "never")
ACCEPTED = "PNG, JPEG, WebP, GIF and BMP pictures, and .npy, .npz or IDX files of 28×28 images"
_SIZES = f"one pixel to {MAX_PIXELS // 10**6} megapixels"
_SIDE = 28
_FAINT = 24  # of 255: what differs less from the background is background
_QUIET = threading.Lock()  # warnings are silenced for the whole process, so by one thread at a time


def read_files(paths: Sequence[Path], first: int = 0, count: int = MAX_IMAGES, invert: str = "auto") -> Tensor:
    """The pictures of all files as the network sees them, uint8 of shape (N, 28, 28).

    Of files with many images, `count` are taken from the `first` on. `invert` is one of `INVERSIONS`. One bad
    file refuses them all: UploadError names it, what is wrong and what is accepted.
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
        warnings.simplefilter("ignore")  # Pillow warns of bombs and oddities; here a file is taken or refused
        if upload_arrays.recognises(head):
            return [from_array(image, invert) for image in upload_arrays.read(path, head, first, count)]
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
    """One picture as the network sees it, uint8 of shape (28, 28). Raises UploadError, with its `name`.

    Upright by its EXIF orientation, on black where it is transparent, grey, light on dark, cut to what stands out
    from the background, centred in a square, and resized with antialiasing. A 28×28 picture is only turned grey
    and inverted, if at all. Size is judged before pixels are decoded.
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
        grey = _framed(_trimmed(_levelled(grey, background)))
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
    """The first frame in 8-bit grey, on black where it is transparent."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        values = np.asarray(image, dtype=np.int32).clip(0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        return _on_black(image.convert("RGBA"))
    return image.convert("L")


def _on_black(image: Image.Image) -> Image.Image:
    """An RGBA picture in grey on black; one that is itself black, and would vanish there, is seen by its opacity."""
    grey, opacity = image.convert("L"), image.getchannel("A")
    grey = Image.composite(grey, Image.new("L", grey.size), opacity)
    see_through = np.asarray(opacity).min() < 255
    return opacity if see_through and np.asarray(grey).max() <= _FAINT else grey


def _background(grey: Image.Image) -> float:
    """The median of the four corners' medians: clothes often touch the borders, seldom the corners."""
    values = np.asarray(grey)
    height, width = (max(1, side // 10) for side in values.shape)
    rows, columns = (slice(None, height), slice(-height, None)), (slice(None, width), slice(-width, None))
    return float(np.median([np.median(values[r, c]) for r in rows for c in columns]))


def _levelled(grey: Image.Image, background: float) -> Image.Image:
    """Stretched so that a dark background is black; a light one, which somebody wanted so, stays."""
    if background > 127:
        return grey
    return grey.point([max(0, round((value - background) * 255 / (255 - background))) for value in range(256)])


def _trimmed(grey: Image.Image) -> Image.Image:
    """Cut to the box around all that stands out from black; the whole picture if nothing does."""
    box = grey.point([255 * (value > _FAINT) for value in range(256)]).getbbox()
    return grey.crop(box) if box else grey


def _framed(grey: Image.Image) -> Image.Image:
    """Scaled to fit 28×28 and centred on black. (Pillow's `pad` refuses what gets thinner than a pixel.)"""
    scale = _SIDE / max(grey.size)
    width, height = (max(1, round(side * scale)) for side in grey.size)
    frame = Image.new("L", (_SIDE, _SIDE))
    frame.paste(grey.resize((width, height), Image.Resampling.LANCZOS), ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return frame
