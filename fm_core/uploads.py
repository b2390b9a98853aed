"""Files that people bring to 28×28 pictures like Fashion-MNIST's: light on black, filling the frame, centred."""

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
_SIDE = 28
_FAINT = 24  # of 255: what differs less from the background is background


def read_files(paths: Sequence[Path], first: int = 0, count: int = MAX_IMAGES, invert: str = "auto") -> Tensor:
    """The pictures of all files as the network sees them, uint8 of shape (N, 28, 28).

    Of files with many images, `count` are taken from the `first` on. `invert` is one of `INVERSIONS`. One bad
    file refuses them all: UploadError names it, what is wrong and what is accepted.
    """
    if not paths:
        raise UploadError(f"No file was given; accepted are {ACCEPTED}.")
    if len(paths) > MAX_FILES:
        raise UploadError(f"{len(paths)} files are too many: at most {MAX_FILES} at a time.")
    if invert not in INVERSIONS:
        raise UploadError(f"invert must be one of {', '.join(INVERSIONS)}, not {invert!r:.80}.")
    pictures = torch.cat([_read(Path(path), first, count, invert) for path in paths])
    if len(pictures) > MAX_IMAGES:
        raise UploadError(f"{len(pictures)} images are too many: at most {MAX_IMAGES} at a time.")
    return pictures


def _read(path: Path, first: int, count: int, invert: str) -> Tensor:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        raise UploadError(f"{path.name} cannot be read as a file.") from None
    if size == 0:
        raise UploadError(f"{path.name} is empty.")
    if size > MAX_BYTES:
        raise UploadError(f"{path.name} has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB are accepted.")
    if upload_arrays.recognises(head):
        return torch.from_numpy(upload_arrays.read(path, head, first, count))
    return _open_picture(path, invert)[None]


def _open_picture(path: Path, invert: str) -> Tensor:
    """One picture file, its size checked before anything is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of bombs; the limit below refuses them
        try:
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    megapixels = image.width * image.height / 1e6
                    raise UploadError(
                        f"{path.name} has {megapixels:.0f} megapixels; at most {MAX_PIXELS // 10**6} are accepted."
                    )
                image.load()
                return prepare(image, invert)
        except UnidentifiedImageError:
            raise UploadError(f"{path.name} is not a picture that can be read; accepted are {ACCEPTED}.") from None
        except Image.DecompressionBombError:
            raise UploadError(
                f"{path.name} unpacks to too many pixels; at most {MAX_PIXELS // 10**6} megapixels are accepted."
            ) from None
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:
            if isinstance(error, UploadError):
                raise
            raise UploadError(f"{path.name} is damaged or cut short; accepted are {ACCEPTED}.") from None


def prepare(image: Image.Image, invert: str = "auto") -> Tensor:
    """One picture as the network sees it, uint8 of shape (28, 28).

    Upright by its EXIF orientation, on black where it is transparent, grey, light on dark, cut to what is in it,
    centred in a square, and resized with antialiasing. A grey 28×28 picture is only inverted, if at all.
    """
    grey = _grey(ImageOps.exif_transpose(image))
    if invert == "always" or (invert == "auto" and _light_background(grey)):
        grey = ImageOps.invert(grey)
    if grey.size != (_SIDE, _SIDE):
        grey = _framed(_trimmed(grey))
    return torch.from_numpy(np.array(grey))


def from_array(array: np.ndarray, invert: str = "auto") -> Tensor:
    """Like `prepare`, for an array (H, W) or (H, W, 1, 3 or 4) of bytes. Raises UploadError for other shapes."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise UploadError(f"A picture has shape (H, W) or (H, W, 3 or 4) in bytes, not {array.shape} of {array.dtype}.")
    return prepare(Image.fromarray(array), invert)


def _grey(image: Image.Image) -> Image.Image:
    """The first frame in 8-bit grey, on black where it is transparent."""
    if image.mode.startswith(("I", "F")):  # 16 bits and more
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray((values / 257).clip(0, 255).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert("L")


def _light_background(grey: Image.Image) -> bool:
    """Whether the corners are light, by the median of four patches: clothes may touch the borders, seldom corners."""
    values = np.asarray(grey)
    height, width = (max(1, side // 10) for side in values.shape)
    rows, columns = (slice(None, height), slice(-height, None)), (slice(None, width), slice(-width, None))
    return float(np.median([np.median(values[r, c]) for r in rows for c in columns])) > 127


def _trimmed(grey: Image.Image) -> Image.Image:
    """Cut to the box around all that stands out from black; the whole picture if nothing does."""
    box = grey.point(lambda value: 255 * (value > _FAINT)).getbbox()  # pyright: ignore[reportOperatorIssue]
    return grey.crop(box) if box else grey


def _framed(grey: Image.Image) -> Image.Image:
    """Scaled to fit 28×28 and centred on black; Pillow's own `pad` fails where a side is scaled to no pixel."""
    scale = _SIDE / max(grey.size)
    width, height = (max(1, round(side * scale)) for side in grey.size)
    frame = Image.new("L", (_SIDE, _SIDE))
    frame.paste(grey.resize((width, height), Image.Resampling.LANCZOS), ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return frame
