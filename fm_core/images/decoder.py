"""A program that decodes pictures in a process of its own, within limits, so that no file can harm the server.

`pictures.py` starts it as a script with the limits as JSON in its argument. It imports only Pillow, to start fast.
Standard input holds, for each picture, its length as 8 bytes and its content. Standard output answers each by a line
of JSON, {"size": [width, height]} followed by width · height · 3 bytes of RGB, or {"problem": …} with figures, which
ends the program.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageStat,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# Once imported, Pillow knows these formats, and need not import the forty others.
_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # with HEIC, and no other, EPS least of all
SIDE = 320  # pixels of the longer side of what is handed back: 28 are needed, also of clothes that fill a tenth of it
_ORIENTATION = 0x0112  # EXIF's number for it
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BARE = {0x01, *range(0xD0, 0xD9)}  # JPEG's markers without a length


class Problem(Exception):
    """Why a picture is not decoded, as a word for `pictures.py`, with figures."""

    def __init__(self, what: str, **figures: int):
        super().__init__(what)
        self.answer = {"problem": what, **figures}


def decode(content: bytes, limits: dict[str, Any]) -> Image.Image:
    """The first frame in RGB, upright, opaque, at most `SIDE` pixels a side. Raises Problem.

    Scans and size are checked before pixels are decoded.
    """
    heic = content[4:12] in [b"ftyp" + brand for brand in _HEIF] and b"avif" not in content[:64]
    formats = FORMATS + ("HEIF",) * (heic and _learn_heif())
    count = scans(content)
    if count > limits["scans"]:
        raise Problem("scans", scans=count)
    try:
        with Image.open(BytesIO(content), formats=formats) as image:
            check_size(*image.size, limits)
            return flat(image)
    except Problem:
        raise
    except MemoryError:
        raise Problem("limits") from None
    except Image.UnidentifiedImageError:
        raise Problem("heic" if heic else "format") from None
    except Exception:  # on damage Pillow's decoders raise a dozen unrelated kinds
        raise Problem("heic" if heic else "damaged") from None


def check_size(width: int, height: int, limits: dict[str, Any]) -> None:
    """Raise Problem unless the picture has pixels, and not too many of them."""
    if not 0 < width * height <= limits["pixels"]:
        raise Problem("pixels", width=width, height=height)
    if max(width, height) > limits["side"]:
        raise Problem("side", width=width, height=height)


def scans(content: bytes) -> int:
    """How many scans a JPEG has until its first image ends; 0 for other formats. Costs one pass over the bytes."""
    return sum(marker == 0xDA for marker in _markers(content)) if content.startswith(b"\xff\xd8\xff") else 0


def _markers(content: bytes) -> Iterator[int]:
    """The markers of a JPEG, found as libjpeg finds them: between segments, and in coded data, at 0xFF."""
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        marker, at = content[at + 1], at + 1
        if marker in (0x00, 0xFF):  # a stuffed byte, which begins nothing, or padding before a marker
            continue
        yield marker
        if marker == 0xD9:
            return
        at += 1 if marker in _BARE else 1 + max(2, int.from_bytes(content[at + 1 : at + 3], "big"))


def flat(image: Image.Image) -> Image.Image:
    """In RGB, upright, at most `SIDE` pixels a side; transparent parts become black, or white if the rest is dark."""
    if image.mode.startswith(("I", "F")):
        image = _in_bytes(image)
    elif image.mode in ("1", "P", "PA") or image.has_transparency_data:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    image = _upright(image)
    return _on_paper(image.convert("RGBA")) if "A" in image.getbands() else image.convert("RGB")


def _in_bytes(image: Image.Image) -> Image.Image:
    """16 bits, or floating point up to 1, 255 or more, as 8 bits; Pillow would clip them at 255."""
    image = image.convert("I" if image.mode.startswith("I") else "F")
    high = 65535 if image.mode == "I" else _highest(image)
    top = 65535 if high > 280 else 255 if high > 1.05 else 1
    scaled = image.point(lambda value: value * (255 / top) + 0.5)
    return Image.merge("L", [scaled.convert("L")])  # a plain image, without the file's transparent value


def _highest(band: Image.Image) -> float:
    return max(value for value in band.getextrema() if not isinstance(value, tuple))


def _lowest(band: Image.Image) -> float:
    return min(value for value in band.getextrema() if not isinstance(value, tuple))


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF data say; Pillow has already turned a TIFF or a HEIC, and removed that from them."""
    exif = Image.Exif()
    with suppress(Exception):  # damaged EXIF data are no reason to refuse a picture
        exif.load(image.info.get("exif", b""))
    turn = _TURNS.get(exif.get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _on_paper(image: Image.Image) -> Image.Image:
    opacity = image.getchannel("A")
    seen = opacity.point([255 * (value > 127) for value in range(256)])
    dark = bool(seen.getbbox()) and ImageStat.Stat(image.convert("L"), seen).mean[0] < 128
    paper = Image.new("RGB", image.size, "white" if dark and _lowest(opacity) < 255 else "black")
    paper.paste(image.convert("RGB"), mask=opacity)
    return paper


def _learn_heif() -> bool:
    """Teach Pillow HEIC, on one core as all else. False if pillow-heif is not installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False, decode_threads=1)
    except ImportError:
        return False
    return True


def _confine(limits: dict[str, Any]) -> None:
    """Let the system end this process if it takes more time or memory, and put others first, where it can do so."""
    with suppress(AttributeError, OSError):
        os.nice(5)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (limits["seconds"], limits["seconds"] + 1))
        resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))


def main() -> None:
    limits = json.loads(sys.argv[1])
    _confine(limits)
    Image.MAX_IMAGE_PIXELS = None  # `check_size` says it with figures
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    answers = sys.stdout.buffer
    while length := sys.stdin.buffer.read(8):
        try:
            image = decode(sys.stdin.buffer.read(int.from_bytes(length, "big")), limits)
        except Problem as problem:
            answers.write(json.dumps(problem.answer).encode() + b"\n")
            return
        answers.write(json.dumps({"size": image.size}).encode() + b"\n" + image.tobytes())
        answers.flush()


if __name__ == "__main__":
    main()
