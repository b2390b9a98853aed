"""Files of many images: IDX (plain or gzipped), .npy and .npz, read without pickle and within limits."""

import gzip
import io
import math
import struct
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from fm_core.refusals import Refusal

MAX_UNPACKED = 64 * 1024 * 1024
_MAX_ARRAYS = 64  # examined in a .npz file
_IDX, _LABELS, _GZIP, _NPY, _ZIP = b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b", b"\x93NUMPY", b"PK\x03\x04"
_NAMES = ("images.npy", "x.npy", "x_test.npy", "x_train.npy")  # preferred in a .npz file
_SHAPES = "(28, 28), (N, 28, 28), (N, 28, 28, 1), (N, 1, 28, 28) or (N, 784)"
_File = io.BufferedIOBase | IO[bytes]
_ACCEPTED = "IDX (plain or gzipped), .npy and .npz files of 28×28 images"


class UploadError(Refusal):
    """A file that cannot be used; one sentence says which, what is wrong and what is accepted."""


def recognises(head: bytes) -> bool:
    """Whether a file that starts with these bytes has a format of this module."""
    return head.startswith((_IDX, _LABELS, _GZIP, _NPY, _ZIP))


def read(path: Path, head: bytes, first: int, count: int) -> np.ndarray:
    """Images `first` to `first + count` of the file, uint8 of shape (n, 28, 28). Raises UploadError."""
    if not isinstance(first, int) or not isinstance(count, int) or first < 0 or count < 1:
        raise UploadError(f"The range must start at image 0 or later and hold at least one, not {first!r}, {count!r}.")
    try:
        if head.startswith(_ZIP):
            return _npz(path, first, count)
        with (gzip.open if head.startswith(_GZIP) else open)(path, "rb") as file:
            return (_npy if head.startswith(_NPY) else _idx)(path.name, file, first, count)
    except UploadError:
        raise
    except Exception:  # on damage the unpackers and NumPy's header parser raise a dozen unrelated kinds
        raise UploadError(f"{path.name} is damaged or cut short; accepted are {_ACCEPTED}.") from None


def _idx(name: str, file: _File, first: int, count: int) -> np.ndarray:
    """Read no further than the requested range."""
    header = file.read(16)
    if header.startswith(_LABELS):
        raise UploadError(f"{name} holds labels, not images; the images are in the file with 'images' in its name.")
    if not header.startswith(_IDX) or len(header) < 16:
        raise UploadError(f"{name} is not an IDX file of images; accepted are {_ACCEPTED}.")
    n, height, width = struct.unpack(">III", header[4:])
    if (height, width) != (28, 28):
        raise UploadError(f"{name} holds images of {height}×{width} pixels; 28×28 are accepted.")
    taken = _within(name, n, first, count)
    if 16 + 784 * taken.stop > MAX_UNPACKED:
        raise UploadError(f"{name} would have to be unpacked beyond {MAX_UNPACKED // 2**20} MB, the limit.")
    file.seek(16 + 784 * taken.start)
    pixels = file.read(784 * len(taken))
    if len(pixels) < 784 * len(taken):
        raise UploadError(f"{name} is cut short: it promises {n:,} images and ends before image {taken.stop:,}.")
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28).copy()


def _npz(path: Path, first: int, count: int) -> np.ndarray:
    """Unpack only the first array with a suitable shape, usual names before others."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if not entries:
            raise UploadError(f"{path.name} is a zip file without arrays; accepted are .npz files of 28×28 images.")
        if max(entry.file_size for entry in entries) > MAX_UNPACKED:
            raise UploadError(f"{path.name} unpacks to more than {MAX_UNPACKED // 2**20} MB, the limit.")
        entries.sort(key=lambda entry: entry.filename.lower() not in _NAMES)
        fitting = (entry for entry in entries[:_MAX_ARRAYS] if _fits(_shape(archive, entry)))
        with archive.open(next(fitting, entries[0])) as file:
            return _npy(path.name, file, first, count)


def _shape(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, ...]:
    with archive.open(entry) as file:
        return _header(file)[0]


def _header(file: _File) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran order, and dtype of the array in a .npy file."""
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _npy(name: str, file: _File, first: int, count: int) -> np.ndarray:
    """Shape, dtype and size are checked in the header, before the data are read."""
    shape, fortran, dtype = _header(file)
    if not _fits(shape):
        raise UploadError(f"{name} holds an array of shape {shape}; accepted are {_SHAPES}.")
    if dtype.kind not in "buif":
        kind = "Python objects" if dtype.hasobject else f"{dtype} values"
        raise UploadError(f"{name} holds {kind}; accepted are bytes, or numbers from 0 to 1 or to 255.")
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_UNPACKED:
        raise UploadError(f"{name} unpacks to more than {MAX_UNPACKED // 2**20} MB, the limit.")
    content = file.read(size)
    if len(content) < size:
        raise UploadError(f"{name} is cut short: it promises an array of shape {shape} and ends before.")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").reshape(-1, 28, 28)
    taken = _within(name, len(array), first, count)
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # refuses NaN too
        raise UploadError(f"{name} holds values from {low:g} to {high:g}; accepted are 0 to 1 or 0 to 255.")
    scale = 255 if dtype.kind in "bf" and high <= 1 else 1  # decided by the whole array
    return (array[taken.start : taken.stop] * float(scale)).round().astype(np.uint8)


def _fits(shape: tuple[int, ...]) -> bool:
    return shape == (28, 28) or (shape[1:] in ((28, 28), (28, 28, 1), (1, 28, 28), (784,)) and shape[0] >= 0)


def _within(name: str, n: int, first: int, count: int) -> range:
    """Indices of the images to take, of n."""
    if first >= n:
        raise UploadError(f"{name} holds {n:,} images, counted from 0, so none can be taken from {first:,} on.")
    return range(first, min(first + count, n))
