"""Files of pictures made by hand: what encoders would not write, and what attackers would."""

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SOS, EOI = b"\xff\xda", b"\xff\xd9"


def drawing(
    size: tuple[int, int] = (60, 60),
    box: tuple[int, int, int, int] = (20, 20, 39, 39),
    paper: int | tuple[int, ...] = 0,
    ink: int | tuple[int, ...] = 255,
    mode: str = "L",
) -> Image.Image:
    """A filled rectangle on paper."""
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    return image


def encoded(kind: str, image: Image.Image, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def noise(kind: str) -> bytes:
    return encoded(kind, Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)))


def jpeg_of_scans(n: int, side: int = 40) -> bytes:
    """A progressive JPEG whose last scan is repeated until there are n."""
    content = encoded("JPEG", Image.new("L", (side, side), 128), progressive=True)
    last = content.rfind(SOS)
    return content[:last] + content[last : -len(EOI)] * (n - content.count(SOS) + 1) + EOI


def png_header(width: int, height: int) -> bytes:
    """A PNG of this size without any pixels: decoding it is an error, if it comes to that."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def png_of_zeros(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, all of them black, which takes little room until it is decoded."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def gif_of_comments(n: int) -> bytes:
    """A small GIF with n blocks of a comment, which Pillow joins one by one."""
    head = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 10, 10, 0) + b"\x02\x02\x4c\x01\x00;"
    return head + b"!\xfe" + b"\1a" * n + b"\0" + frame


def overlapping_exif(entries: int, size: int) -> bytes:
    """EXIF data whose entries all point to the same bytes, so that they unpack to entries · size bytes."""
    table = b"".join(struct.pack("<HHII", 1000 + k, 7, size, 8) for k in range(entries))
    return b"Exif\0\0II*\0" + struct.pack("<I", 8 + size) + bytes(size) + struct.pack("<H", entries) + table + bytes(4)


def archive(contents: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return file.getvalue()


def spoilt(content: bytes, start: int) -> bytes:
    """With twenty bytes overwritten."""
    return content[:start] + b"\xff" * 20 + content[start + 20 :]
