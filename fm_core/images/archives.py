"""Packed files, zip and gzip, unpacked within limits that are checked before anything is."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath

from fm_core.images.limits import MAX_DIRECTORY, MAX_UNPACKED, MB, UploadError

GZIP = b"\x1f\x8b"
PACKED = (GZIP, b"PK\x03\x04", b"PK\x05\x06")  # how gzip and zip files begin
_END = struct.Struct("<4s4H2LH")  # of a zip file: signature, numbers of disks and entries, size of the directory, …
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may take gigabytes whatever the size


def is_hidden(name: str) -> bool:
    """Whether a system put this file beside a person's own: macOS's ._x, .DS_Store and __MACOSX, Windows' Thumbs.db."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in parts)


def entries(name: str, content: bytes) -> list[zipfile.ZipInfo]:
    """What a zip file holds, folders and hidden files aside, in its order. Raises UploadError."""
    at = content.rfind(b"PK\x05\x06", -(_END.size + 65535))
    with _in_a_sentence(name):
        if _END.unpack_from(content, len(content) if at < 0 else at)[5] > MAX_DIRECTORY:
            raise UploadError(f"{name} holds far too many files; pack fewer of them.")
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return [entry for entry in archive.infolist() if not entry.is_dir() and not is_hidden(entry.filename)]


def unpack(name: str, content: bytes, chosen: list[zipfile.ZipInfo], most: int | None = None) -> list[bytes]:
    """The contents of some of a zip file's entries, or the first `most` bytes of each. Raises UploadError."""
    if any(entry.flag_bits & 1 for entry in chosen):
        raise UploadError(f"{name} is encrypted; pack it without a password.")
    if any(entry.compress_type not in _METHODS for entry in chosen):
        raise UploadError(f"{name} is packed in an unusual way; pack it as an ordinary zip file.")
    if sum(entry.file_size if most is None else most for entry in chosen) > MAX_UNPACKED:
        raise UploadError(f"{name} unpacks to more than {MAX_UNPACKED // MB} MB, the limit.")
    with _in_a_sentence(name), zipfile.ZipFile(BytesIO(content)) as archive:
        return [_read(archive, entry, most) for entry in chosen]


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int | None) -> bytes:
    with archive.open(entry) as file:
        return file.read(entry.file_size if most is None else most)


@contextmanager
def _in_a_sentence(name: str) -> Iterator[None]:
    try:
        yield
    except UploadError:
        raise
    except Exception:  # on damage zipfile and zlib raise half a dozen unrelated kinds
        raise UploadError(f"{name} is a packed file that is damaged or cut short; pack it again.") from None


def gunzip(name: str, content: bytes) -> bytes:
    """What a gzip file unpacks to, as far as the limit, or as it goes if it is cut short. Raises UploadError.

    Only its first member is unpacked: a file may have a million empty ones.
    """
    with _in_a_sentence(name):
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content, MAX_UNPACKED)
