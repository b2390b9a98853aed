"""Arrays of pixels: IDX, .npy and .npz files, read without pickle and within limits, and what their numbers mean."""

import math
import struct
import zipfile
from io import BytesIO
from pathlib import PurePosixPath

import numpy as np

from fm_core.images import archives
from fm_core.images.limits import MAX_UNPACKED, MB, UploadError

_MAX_ARRAYS = 64  # examined in a .npz file
_HEAD = 12_000  # bytes, in which the header of an array ends; NumPy takes no longer ones
_IDX, _LABELS, _NPY = b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x93NUMPY"
_NAMES = ("images.npy", "x.npy", "x_test.npy", "x_train.npy")  # preferred in a .npz file
_SHAPES = "(28, 28), (784,), (N, 28, 28), (N, 784), with a last axis of 1, 3 or 4 colours or a first of 1, or (H, W, 3)"
_ACCEPTED = "IDX (plain or gzipped), .npy and .npz files of 28×28 images"
_OVER = 0.05  # of the range by which values may leave it, as they do after bicubic resizing


def recognises(content: bytes) -> bool:
    """Whether a file with this content is one of arrays, and not packed."""
    return content.startswith((_IDX, _LABELS, _NPY))


def read(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    """Images `first` to `first + count`, uint8 of shape (n, H, W) or (n, H, W, 3 or 4). Raises UploadError."""
    try:
        if content.startswith(_NPY):
            return _npy(name, content, first, count)
        return _idx(name, content, first, count)
    except UploadError:
        raise
    except Exception:  # on damage NumPy's header parser raises a dozen unrelated kinds
        raise UploadError(f"{name} is damaged or cut short; accepted are {_ACCEPTED}.") from None


def read_npz(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    """Like `read`, from the first array of a suitable shape, usual names before others; no other is unpacked."""
    try:
        arrays = [entry for entry in archives.entries(name, content) if entry.filename.endswith(".npy")]
        arrays.sort(key=_rank)
        heads = (archives.unpack(name, content, [entry], _HEAD)[0] for entry in arrays[:_MAX_ARRAYS])
        fitting = (entry for entry, head in zip(arrays, heads, strict=False) if _images(_header(BytesIO(head))[0]))
        return _npy(name, archives.unpack(name, content, [next(fitting, arrays[0])])[0], first, count)
    except UploadError:
        raise
    except Exception:
        raise UploadError(f"{name} is damaged or cut short; accepted are {_ACCEPTED}.") from None


def _rank(entry: zipfile.ZipInfo) -> int:
    """Where an array's name stands among the usual ones, or behind them."""
    name = PurePosixPath(entry.filename).name.lower()
    return _NAMES.index(name) if name in _NAMES else len(_NAMES)


def in_bytes(name: str, values: np.ndarray) -> np.ndarray:
    """Numbers from 0 to 1 or from 0 to 255, whichever it is for all of them, as uint8. Raises UploadError."""
    return _scaled(values, _scale(name, values))


def _scale(name: str, values: np.ndarray) -> float:
    """What the numbers are to be multiplied by. Raises UploadError."""
    _check_kind(name, values.dtype)
    over = _OVER if values.dtype.kind == "f" else 0
    low, high = values.min(), values.max()
    top = 1 if high <= 1 + over else 255
    if not (low >= -over * top and high <= (1 + over) * top):  # refuses NaN too
        raise UploadError(f"{name} holds values from {low:g} to {high:g}; accepted are 0 to 1 or 0 to 255.")
    return 255 / top


def _check_kind(name: str, dtype: np.dtype) -> None:
    if dtype.kind not in "buif":
        kind = "Python objects" if dtype.hasobject else f"{dtype} values"
        raise UploadError(f"{name} holds {kind}; accepted are bytes, or numbers from 0 to 1 or to 255.")


def _scaled(values: np.ndarray, scale: float) -> np.ndarray:
    if values.dtype == np.uint8 and scale == 1:
        return values
    return (values * scale).round().clip(0, 255).astype(np.uint8)


def _idx(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    if content.startswith(_LABELS):
        raise UploadError(f"{name} holds labels, not images; the images are in the file with 'images' in its name.")
    if len(content) < 16:
        raise UploadError(f"{name} is not an IDX file of images; accepted are {_ACCEPTED}.")
    n, height, width = struct.unpack(">III", content[4:16])
    if (height, width) != (28, 28):
        raise UploadError(f"{name} holds images of {height}×{width} pixels; 28×28 are accepted.")
    taken = _within(name, n, first, count)
    if len(content) < 16 + 784 * taken.stop:
        if len(content) >= MAX_UNPACKED:
            raise UploadError(f"{name} would have to be unpacked beyond {MAX_UNPACKED // MB} MB, the limit.")
        raise UploadError(f"{name} is cut short: it promises {n:,} images and ends before image {taken.stop:,}.")
    return np.frombuffer(content, np.uint8, 784 * len(taken), 16 + 784 * taken.start).reshape(-1, 28, 28)


def _header(file: BytesIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran order, and dtype of the array in a .npy file."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _npy(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    """Shape, dtype and size are checked in the header, before the data are touched."""
    file = BytesIO(content)
    shape, fortran, dtype = _header(file)
    images = _images(shape)
    if images is None:
        raise UploadError(f"{name} holds an array of shape {shape}; accepted are {_SHAPES}.")
    _check_kind(name, dtype)
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_UNPACKED:
        raise UploadError(f"{name} unpacks to more than {MAX_UNPACKED // MB} MB, the limit.")
    if len(content) - file.tell() < size:
        raise UploadError(f"{name} is cut short: it promises an array of shape {shape} and ends before.")
    taken = _within(name, images[0], first, count)
    array = np.frombuffer(content, dtype, math.prod(shape), file.tell())
    array = array.reshape(shape, order="F" if fortran else "C").reshape(images)
    return _scaled(array[taken.start : taken.stop], _scale(name, array))


def _images(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape (N, H, W) or (N, H, W, 3 or 4) that an array of images of this shape has, None for another array."""
    if shape in ((784,), (28, 28), (28, 28, 1), (1, 28, 28)):
        return (1, 28, 28)
    if shape[1:] in ((28, 28), (28, 28, 1), (1, 28, 28), (784,)) and shape[0] >= 0:
        return (shape[0], 28, 28)
    if shape[1:] in ((28, 28, 3), (28, 28, 4)) and shape[0] >= 0:
        return shape
    return (1, *shape) if len(shape) == 3 and shape[2] in (3, 4) and min(shape) > 0 else None


def _within(name: str, n: int, first: int, count: int) -> range:
    """Indices of the images to take, of n."""
    if first >= n:
        raise UploadError(f"{name} holds {n:,} images, counted from 0, so none can be taken from {first:,} on.")
    return range(first, min(first + count, n))
