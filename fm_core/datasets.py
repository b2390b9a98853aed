"""The files of MNIST and Fashion-MNIST: found, verified, fetched and read. The only module that uses torchvision."""

import errno
import gzip
import hashlib
import http.client
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from fm_core.images import IMAGE_SETS, ImageSet

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)  # failures of a network are OSErrors too


class DataError(ValueError):
    """Image files that cannot be had. The message is one sentence on what is wrong, with what to do."""


def default_root() -> Path:
    """The folder for image data: the environment's FM_DATA, or `data` in the repository."""
    return Path(os.environ.get("FM_DATA") or Path(__file__).resolve().parent.parent / "data")


def load(image_set: ImageSet, train: bool, root: Path) -> tuple[Tensor, Tensor]:
    """Pixels, uint8 of shape (N, 28, 28), and labels, int64 of shape (N,). Raises DataError if they are missing."""
    from torchvision import datasets

    try:
        data = getattr(datasets, image_set.folder)(root, train=train, download=False)
    except (RuntimeError, OSError, ValueError, AssertionError):
        raise DataError(f"{image_set.title} is not complete under {root}: python train_all.py fetches it.") from None
    return data.data, data.targets


def acquire(image_set: ImageSet, root: Path, source: Path | None = None) -> None:
    """See that the four files are under `root`, verified: those there, those of `source`, or a download.

    Raises DataError; whatever happens, nothing half-written is left behind.
    """
    raw = root / image_set.folder / "raw"
    if all(_md5(raw / stem) == md5 for stem, md5 in image_set.md5.items()):
        return
    if source is None and image_set.name == "fashion" and _layouts(image_set, DEBIAN):
        source = DEBIAN
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, suffix=".tmp") as beside:
            fetched = _copy(image_set, source, Path(beside)) if source else _download(image_set, Path(beside))
            raw.mkdir(parents=True, exist_ok=True)
            for stem in image_set.md5:
                (fetched / stem).replace(raw / stem)
    except OSError as error:
        reason = error.strerror or error
        remedy = "name another folder by --data-root DIR, or make room there"
        raise DataError(f"{image_set.title} cannot be written to {root} ({reason}); {remedy}.") from None


def _md5(path: Path) -> str | None:
    """MD5 of a file, None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return None


def _verify(image_set: ImageSet, folder: Path) -> None:
    """Raises DataError, naming the file, unless the four files of `folder` are the published ones."""
    for stem, md5 in image_set.md5.items():
        found = _md5(folder / stem)
        if found != md5:
            raise DataError(_wrong(image_set, stem, found))


def _wrong(image_set: ImageSet, stem: str, found: str | None) -> str:
    owner = next((other.title for other in IMAGE_SETS.values() if found in other.md5.values()), None)
    what = f"is that of {owner}" if owner else "is truncated or not the published one"
    return (
        f"The file {stem} found for {image_set.title} {what}; give a folder with the right ones by --data-source DIR."
    )


def _copy(image_set: ImageSet, source: Path, target: Path) -> Path:
    """Unpack the four files of `source`, in the first layout that has the right ones, into `target`."""
    layouts = _layouts(image_set, source)
    if not layouts:
        stems = ", ".join(image_set.md5)
        raise DataError(f"{source} does not have the files of {image_set.title}: {stems}, each plain or with .gz.")
    refusals = []
    for files in layouts:
        try:
            _unpack(files, target)
            _verify(image_set, target)
            return target
        except DataError as error:
            refusals.append(error)
    raise refusals[0]


def _layouts(image_set: ImageSet, source: Path) -> list[dict[str, Path]]:
    """For each folder in `source` that has all four files: their paths by stem."""
    found = [{stem: _find(folder, stem) for stem in image_set.md5} for folder in _folders(image_set, source)]
    complete = [{stem: path for stem, path in files.items() if path} for files in found]
    return [files for files in complete if len(files) == len(image_set.md5)]


def _folders(image_set: ImageSet, source: Path) -> Iterator[Path]:
    hyphened = "fashion-mnist" if image_set.name == "fashion" else "mnist"
    for name in (image_set.folder, image_set.folder.lower(), image_set.name, hyphened, "."):
        yield from (source / name / "raw", source / name)


def _find(folder: Path, stem: str) -> Path | None:
    names = [stem, stem.replace("-idx", ".idx")]
    paths = (folder / f"{name}{ext}" for name in names for ext in ("", ".gz"))
    return next((path for path in paths if os.path.isfile(path)), None)  # Path.is_file raises on a locked folder


def _unpack(files: dict[str, Path], target: Path) -> None:
    """Write the files to `target`, unpacked, under their stems."""
    for stem, path in files.items():
        try:
            with _open(path) as packed, (target / stem).open("wb") as out:
                shutil.copyfileobj(packed, out)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError(f"{path} is truncated or not a gzip file; copy it again.") from None


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); make it readable, or copy it again.") from None


def _download(image_set: ImageSet, target: Path) -> Path:
    from torchvision import datasets

    try:
        getattr(datasets, image_set.folder)(target, download=True)
    except (RuntimeError, http.client.HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        raise DataError(_offline(image_set, error)) from None
    fetched = target / image_set.folder / "raw"
    _verify(image_set, fetched)
    return fetched


def _offline(image_set: ImageSet, error: Exception) -> str:
    lines = str(error).split("\n")  # torchvision lists each mirror it tried: the last line is a reason
    reason = next((line for line in reversed(lines) if line.strip()), type(error).__name__).strip(" .<>")
    return (
        f"{image_set.title} could not be downloaded ({reason}); name a folder that has its files by --data-source DIR."
    )


def write_samples(root: Path, path: Path, per_class: int = 10) -> None:
    """The first test images of each class of each set, in order of class, as one small file for the page and tests."""
    tensors = {}
    for image_set in IMAGE_SETS.values():
        pixels, labels = load(image_set, False, root)
        chosen = torch.cat([(labels == digit).nonzero()[:per_class, 0] for digit in range(10)])
        tensors[f"{image_set.name}.pixels"] = pixels[chosen].clone()
        tensors[f"{image_set.name}.labels"] = labels[chosen].to(torch.uint8)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        save_file(tensors, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
