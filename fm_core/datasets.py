"""The files of MNIST and Fashion-MNIST: found, verified, fetched and read. The only module that uses torchvision."""

import gzip
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from fm_core.images import IMAGE_SETS, ImageSet

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


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
    if source is None and image_set.name == "fashion" and DEBIAN.is_dir():
        source = DEBIAN
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, suffix=".tmp") as beside:
            fetched = _copy(image_set, source, Path(beside)) if source else _download(image_set, Path(beside))
            for stem, md5 in image_set.md5.items():
                if _md5(fetched / stem) != md5:
                    raise DataError(_wrong(image_set, stem, _md5(fetched / stem)))
            raw.mkdir(parents=True, exist_ok=True)
            for stem in image_set.md5:
                (fetched / stem).replace(raw / stem)
    except OSError as error:
        raise DataError(f"{image_set.title} cannot be written to {root}: {error.strerror or error}.") from None


def _md5(path: Path) -> str | None:
    """MD5 of a file, None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return None


def _wrong(image_set: ImageSet, stem: str, found: str | None) -> str:
    owner = next((other.title for other in IMAGE_SETS.values() if found in other.md5.values()), None)
    what = f"is that of {owner}" if owner else "is truncated or not the published one"
    return (
        f"The file {stem} found for {image_set.title} {what}; give a folder with the right ones by --data-source DIR."
    )


def _copy(image_set: ImageSet, source: Path, target: Path) -> Path:
    """Unpack the four files of `source`, in the first layout that has them all, into `target`."""
    layouts = [
        found for folder in _folders(image_set, source) if all(found := [_find(folder, s) for s in image_set.md5])
    ]
    if not layouts:
        stems = ", ".join(image_set.md5)
        raise DataError(f"{source} does not have the files of {image_set.title}: {stems}, each plain or with .gz.")
    right = (found for found in layouts if _unpack(image_set, found, target))
    if next(right, None) is None:
        _unpack(image_set, layouts[0], target)
    return target


def _folders(image_set: ImageSet, source: Path) -> Iterator[Path]:
    hyphened = "fashion-mnist" if image_set.name == "fashion" else "mnist"
    for name in (image_set.folder, image_set.folder.lower(), image_set.name, hyphened, "."):
        yield from (source / name / "raw", source / name)


def _find(folder: Path, stem: str) -> Path | None:
    names = [stem, stem.replace("-idx", ".idx")]
    return next((path for name in names for ext in ("", ".gz") if (path := folder / f"{name}{ext}").is_file()), None)


def _unpack(image_set: ImageSet, files: list[Path | None], target: Path) -> bool:
    """Write the unpacked files to `target`; whether they are the published ones."""
    for stem, path in zip(image_set.md5, files, strict=True):
        assert path is not None
        try:
            with (
                gzip.open(path) if path.suffix == ".gz" else path.open("rb") as packed,
                (target / stem).open("wb") as out,
            ):
                shutil.copyfileobj(packed, out)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError(f"{path} is truncated or not a gzip file; copy it again.") from None
    return all(_md5(target / stem) == md5 for stem, md5 in image_set.md5.items())


def _download(image_set: ImageSet, target: Path) -> Path:
    from torchvision import datasets

    try:
        getattr(datasets, image_set.folder)(target, download=True)
    except (RuntimeError, ConnectionError, TimeoutError) as error:
        raise DataError(_offline(image_set, error)) from None
    except OSError as error:
        if error.errno in (None, -2, -3, -5):
            raise DataError(_offline(image_set, error)) from None
        raise
    return target / image_set.folder / "raw"


def _offline(image_set: ImageSet, error: Exception) -> str:
    reason = " ".join(str(error).split())[:120]
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
    save_file(tensors, path)
