"""Packed files, zip and gzip, unpacked within limits that are checked before anything is."""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import PurePosixPath

from fm_core.images.limits import MAX_DIRECTORY, MAX_UNPACKED, MB, UploadError

ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
_END = struct.Struct("<4s4H2LH")  # of a zip file: signature, numbers of disks and entries, size of the directory, …
_TOO_MUCH = f"unpacks to more than {MAX_UNPACKED // MB} MB, the limit."
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may take gigabytes whatever the size


def is_hidden(name: str) -> bool:
    """Whether a system put this file beside a person's own: macOS's ._x, .DS_Store and __MACOSX, Windows' Thumbs.db."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in parts)


def entries(name: str, content: bytes) -> list[zipfile.ZipInfo]:
    """What a zip file holds, folders and hidden files aside, in its order. Raises UploadError."""
    at = content.rfind(b"PK\x05\x06", -(_END.size + 65535))
    if at < 0 or at + _END.size > len(content):
        raise UploadError(f"{name} is a zip file that is damaged or cut short; pack it again.")
    if _END.unpack_from(content, at)[5] > MAX_DIRECTORY:
        raise UploadError(f"{name} holds far too many files for a zip file of pictures; pack fewer of them.")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return [entry for entry in archive.infolist() if not entry.is_dir() and not is_hidden(entry.filename)]


def unpack(name: str, content: bytes, chosen: list[zipfile.ZipInfo], most: int | None = None) -> list[bytes]:
    """The contents of some of the entries, or their first `most` bytes. Raises UploadError."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for entry in chosen:
            if entry.flag_bits & 1:
                raise UploadError(f"{name} is encrypted; pack it without a password.")
            if entry.compress_type not in _METHODS:
                raise UploadError(f"{name} is packed in an unusual way; pack it as an ordinary zip file (deflate).")
        if most is None and sum(entry.file_size for entry in chosen) > MAX_UNPACKED:
            raise UploadError(f"{name} {_TOO_MUCH}")
        contents = []
        for entry in chosen:
            with archive.open(entry) as file:
                contents.append(file.read(entry.file_size if most is None else most))
        return contents


def gunzip(content: bytes) -> tuple[bytes, bool]:
    """What a gzip file unpacks to, up to the limit or to where it is cut short, and whether there is more.

    Only its first member is unpacked: a file may have a million empty ones.
    """
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    return unpacker.decompress(content, MAX_UNPACKED), not unpacker.eof
