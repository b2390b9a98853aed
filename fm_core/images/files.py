"""The MNIST and Fashion-MNIST files: find, verify, fetch and read them. The only module that uses torchvision."""

import errno
import gzip
import hashlib
import http.client
import os
import shutil
import tempfile
import zlib
from pathlib import Path

from torch import Tensor

from fm_core.images.sets import IMAGE_SETS, ImageSet
from fm_core.refusals import Refusal

DEBIAN = Path("/usr/share/datasets")  # where Debian's data set packages put them
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)  # network failures are OSErrors too


class DataError(Refusal):
    """Image files that are unavailable; one sentence says why and what to do."""


def default_root() -> Path:
    """The folder for image data: the environment variable FM_DATA, or `data` in the repository."""
    return Path(os.environ.get("FM_DATA") or Path(__file__).resolve().parents[2] / "data")


def load(image_set: ImageSet, train: bool, root: Path) -> tuple[Tensor, Tensor]:
    """Pixels, uint8 of shape (N, 28, 28), and labels, int64 of shape (N,). Raises DataError if they are missing."""
    from torchvision import datasets

    try:
        data = getattr(datasets, image_set.folder)(root, train=train, download=False)
    except (RuntimeError, OSError, ValueError, AssertionError):
        raise DataError(f"{image_set.title} is not complete under {root}: python train_all.py fetches it.") from None
    return data.data, data.targets


def acquire(image_set: ImageSet, root: Path, source: Path | None = None) -> None:
    """Put the four verified files under `root`, from `source` or by download, or raise DataError and leave nothing."""
    raw = root / image_set.folder / "raw"
    if all(_md5(raw / stem) == md5 for stem, md5 in image_set.md5.items()):
        return
    if source is None and _layouts(image_set, DEBIAN / image_set.package):
        source = DEBIAN / image_set.package
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, suffix=".tmp") as beside:
            fetched = _copy(image_set, source, Path(beside)) if source else _download(image_set, Path(beside))
            raw.mkdir(parents=True, exist_ok=True)
            for stem in image_set.md5:
                (fetched / stem).replace(raw / stem)
    except OSError as error:
        reason = f"{image_set.title} cannot be written to {root} ({error.strerror or error})"
        raise DataError(f"{reason}; make room there, or choose another folder with --data-root DIR.") from None


def _md5(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return None


def _verify(image_set: ImageSet, folder: Path) -> None:
    """Raise DataError, naming the file, unless the four files of `folder` are the published ones."""
    for stem, md5 in image_set.md5.items():
        found = _md5(folder / stem)
        if found != md5:
            owner = next((other.title for other in IMAGE_SETS.values() if found in other.md5.values()), None)
            problem = f"is that of {owner}" if owner else "is truncated or not the published one"
            remedy = "use --data-source DIR for a folder with the right ones"
            raise DataError(f"The file {stem} found for {image_set.title} {problem}; {remedy}.")


def _copy(image_set: ImageSet, source: Path, target: Path) -> Path:
    """Unpack the four files of `source` into `target`, from the first layout with the right ones."""
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
    """The paths of the files by stem, for each folder in `source` that has all four."""
    names = (image_set.folder, image_set.folder.lower(), image_set.name, image_set.package, ".")
    folders = [source / name / inner for name in names for inner in ("raw", ".")]
    found = [{stem: path for stem in image_set.md5 if (path := _find(folder, stem))} for folder in folders]
    return [files for files in found if len(files) == len(image_set.md5)]


def _find(folder: Path, stem: str) -> Path | None:
    paths = (folder / f"{name}{ext}" for name in (stem, stem.replace("-idx", ".idx")) for ext in ("", ".gz"))
    return next((path for path in paths if os.path.isfile(path)), None)  # Path.is_file raises on a locked folder


def _unpack(files: dict[str, Path], target: Path) -> None:
    """Write the files to `target`, unpacked and named by their stems."""
    for stem, path in files.items():
        try:
            packed = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 closed below
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); make it readable, or copy it again.") from None
        try:
            with packed, (target / stem).open("wb") as out:
                shutil.copyfileobj(packed, out)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError(f"{path} is truncated or not a gzip file; copy it again.") from None


def _download(image_set: ImageSet, target: Path) -> Path:
    from torchvision import datasets

    try:
        getattr(datasets, image_set.folder)(target, download=True)
    except (RuntimeError, http.client.HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        lines = [line for line in str(error).split("\n") if line.strip()]  # torchvision lists each mirror it tried
        reason = (lines or [type(error).__name__])[-1].strip(" .<>")
        remedy = "use --data-source DIR for a folder that has its files"
        raise DataError(f"{image_set.title} could not be downloaded ({reason}); {remedy}.") from None
    fetched = target / image_set.folder / "raw"
    _verify(image_set, fetched)
    return fetched
