"""Files with many images at once: IDX (plain or gzipped), .npy and .npz, read without pickle and within limits."""

import gzip
import io
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

MAX_UNPACKED = 64 * 1024 * 1024
_IDX, _LABELS, _GZIP, _NPY, _ZIP = b"\0\0\x08\x03", b"\0\0\x08\x01", b"\x1f\x8b", b"\x93NUMPY", b"PK\x03\x04"
_SHAPES = "(28, 28), (N, 28, 28), (N, 28, 28, 1), (N, 1, 28, 28) or (N, 784)"


class UploadError(ValueError):
    """A file that cannot be used. One sentence names it, what is wrong, and what is accepted."""


def recognises(head: bytes) -> bool:
    """Whether a file that begins like this is one of those that this module reads."""
    return head.startswith((_IDX, _LABELS, _GZIP, _NPY, _ZIP))


def read(path: Path, head: bytes, first: int, count: int) -> np.ndarray:
    """Images `first` to `first + count` of the file, uint8 of shape (n, 28, 28). Raises UploadError."""
    if not isinstance(first, int) or not isinstance(count, int) or first < 0 or count < 1:
        raise UploadError(
            f"The range of images must start at 0 or later and hold at least one, not {first!r}, {count!r}."
        )
    try:
        if head.startswith(_GZIP):
            with gzip.open(path) as file:
                return _idx(path.name, _limited(file, path.name), first, count)
        if head.startswith((_IDX, _LABELS)):
            return _idx(path.name, path.read_bytes(), first, count)
        array = _npz(path) if head.startswith(_ZIP) else _npy(path.name, path.read_bytes())
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise UploadError(f"{path.name} is damaged or cut short.") from None
    return _range(path.name, _images(path.name, array), first, count)


def _limited(file: io.BufferedIOBase | gzip.GzipFile, name: str) -> bytes:
    content = file.read(MAX_UNPACKED + 1)
    if len(content) > MAX_UNPACKED:
        raise UploadError(f"{name} unpacks to more than {MAX_UNPACKED // 2**20} MB, the limit.")
    return content


def _idx(name: str, content: bytes, first: int, count: int) -> np.ndarray:
    if content.startswith(_LABELS):
        raise UploadError(f"{name} holds labels, not images; the images are in the file with 'images' in its name.")
    if not content.startswith(_IDX) or len(content) < 16:
        raise UploadError(f"{name} is gzipped, but not an IDX file of images.")
    n, height, width = (int(value) for value in np.frombuffer(content, ">u4", 3, offset=4))
    if (height, width) != (28, 28):
        raise UploadError(f"{name} holds images of {height}×{width} pixels; 28×28 are accepted.")
    if len(content) != 16 + n * 784:
        raise UploadError(f"{name} is cut short: it promises {n:,} images and holds {(len(content) - 16) / 784:,.1f}.")
    return _range(name, np.frombuffer(content, np.uint8, offset=16).reshape(n, 28, 28), first, count)


def _npy(name: str, content: bytes) -> np.ndarray:
    """The array of a .npy file whose header does not promise more than the file holds or the limit allows."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(file)
        if dtype.hasobject:
            raise UploadError(f"{name} holds Python objects; only numbers are accepted.")
        if math.prod(shape) * dtype.itemsize > min(MAX_UNPACKED, len(content) - file.tell()):
            raise UploadError(f"{name} is cut short or larger than {MAX_UNPACKED // 2**20} MB.")
        return np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, SyntaxError, TypeError, KeyError) as error:
        if isinstance(error, UploadError):
            raise
        raise UploadError(f"{name} is not a sound .npy file.") from None


def _npz(path: Path) -> np.ndarray:
    """The array of a .npz file that holds images: the first whose shape fits, else the first."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if not entries:
            raise UploadError(f"{path.name} is a zip file without arrays; accepted are .npz files of 28×28 images.")
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            raise UploadError(f"{path.name} unpacks to more than {MAX_UNPACKED // 2**20} MB, the limit.")
        arrays = []
        for entry in entries:
            with archive.open(entry) as file:
                arrays.append(_npy(path.name, _limited(file, path.name)))  # pyright: ignore[reportArgumentType]
    return next((array for array in arrays if _fits(array.shape)), arrays[0])


def _fits(shape: tuple[int, ...]) -> bool:
    return shape == (28, 28) or shape[1:] in ((28, 28), (28, 28, 1), (1, 28, 28), (784,))


def _images(name: str, array: np.ndarray) -> np.ndarray:
    """Any accepted array as uint8 of shape (N, 28, 28)."""
    if not _fits(array.shape):
        raise UploadError(f"{name} holds an array of shape {array.shape}; accepted are {_SHAPES}.")
    array = array.reshape(-1, 28, 28)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "buif":
        raise UploadError(f"{name} holds {array.dtype} values; accepted are bytes, or numbers from 0 to 1 or to 255.")
    values = array.astype(np.float64)
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if not (np.isfinite(values).all() and low >= 0 and high <= 255):
        raise UploadError(f"{name} holds values from {low:g} to {high:g}; accepted are 0 to 1 or 0 to 255.")
    scale = 255 if array.dtype.kind in "bf" and high <= 1 else 1
    return (values * scale).round().astype(np.uint8)


def _range(name: str, images: np.ndarray, first: int, count: int) -> np.ndarray:
    if first >= len(images):
        raise UploadError(
            f"{name} holds {len(images):,} images, counted from 0, so none can be taken from {first:,} on."
        )
    return images[first : first + count].copy()
