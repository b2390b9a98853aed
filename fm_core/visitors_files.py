"""The folder of what visitors upload and of the files made for them: one per user of the machine, bounded in bytes."""

import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from fm_core.refusals import Refusal

MAX_TOTAL = 512 * 2**20  # bytes of all files together
YOUNG = 60  # seconds; a younger file may be in use, and is not deleted to make room
MIN_FREE = 64 * 2**20  # bytes of the disk that stay free


def own_folder() -> Path:
    """A folder of this user's in the system's folder for temporary files."""
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""  # on Windows the system's folder is the user's own
    return Path(tempfile.gettempdir()).resolve() / f"flow-matching{user}"


def folder() -> Path:
    """The folder that GRADIO_TEMP_DIR names, else `own_folder()`."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    return Path(given).absolute() if given else own_folder()


def prepare(place: Path) -> None:
    """Make the folder, closed to other users. Raises Refusal if nothing can be written, or its name was taken."""
    advice = "set GRADIO_TEMP_DIR to a folder where you can write"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place == own_folder() and not _is_own(place.lstat()):
            raise Refusal(f"The folder for uploads, {place}, is a link or belongs to another user; {advice}.")
        with tempfile.TemporaryFile(dir=place) as trial:
            trial.write(bytes(2**16))
    except OSError as error:
        reason = error.strerror or error
        raise Refusal(f"Nothing can be written to the folder for uploads, {place} ({reason}); {advice}.") from None


def _is_own(status: os.stat_result) -> bool:
    return not stat.S_ISLNK(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def make_room(place: Path, incoming: int = 0) -> set[str]:
    """Delete the oldest files until `incoming` more bytes fit; which those are. Raises Refusal if they do not."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = (os.path.join(parent, name) for parent, _, names in os.walk(place) for name in names)
    files = [(status.st_mtime, status.st_size, path) for path in paths if (status := _status(path))]
    total, deleted, before = incoming + sum(size for _, size, _ in files), set(), time.time() - YOUNG
    for changed, size, path in sorted(files):
        if total <= MAX_TOTAL or changed > before:
            break
        with suppress(OSError):
            os.remove(path)
            deleted.add(path)
            total -= size
            os.rmdir(os.path.dirname(path))  # each has one of its own, named by its contents
    if total > MAX_TOTAL or shutil.disk_usage(place).free < MIN_FREE + incoming:
        raise Refusal("The server has no room for more files at present; try again in a minute.")
    return deleted


def _status(path: str) -> os.stat_result | None:
    with suppress(OSError):  # it went meanwhile
        return os.lstat(path)
    return None
