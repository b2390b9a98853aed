"""The one door through which pictures are decoded: `decoder.py`, in a process of its own, answers; here are its words.

Arrays of pixels, which need no decoding, come in by `picture_of_array`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fm_core.images import decoder
from fm_core.images.limits import ACCEPTED, DECODING, MAX_BYTES, MB, Decoding, UploadError

_PROGRAM = Path(decoder.__file__)
_REASONS = {
    "format": "is not a picture that can be read; accepted are {accepted}.",
    "damaged": "is damaged or cut short; accepted are {accepted}.",
    "heic": "is a HEIC picture that cannot be read here; export it as JPEG or PNG, and choose that file.",
    "pixels": "has {megapixels:.1f} megapixels; one pixel to {most:.0f} megapixels are accepted.",
    "side": "has {width:,} × {height:,} pixels; at most {side:,} a side are accepted.",
    "scans": "is a JPEG of {scans:,} scans; at most {most_scans} are accepted: save it again as an ordinary JPEG.",
    "limits": "cannot be decoded in {seconds} seconds and {memory} MB of memory; save it again as a PNG or JPEG.",
}


def open_picture(source: Path | bytes, name: str = "", limits: Decoding = DECODING) -> Image.Image:
    """The picture in a file, or in its content, as `open_pictures` gives it. Raises UploadError with its name."""
    if isinstance(source, Path):
        return open_picture(content_of(source), name or source.name, limits)
    return open_pictures([(name or "The picture", source)], limits)[0]


def content_of(path: Path) -> bytes:
    """The bytes of a visitor's file, if it has any and not too many. Raises UploadError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
            size = max(len(content), path.stat().st_size)
    except FileNotFoundError:
        raise UploadError(f"{path.name} is no longer on the server; upload it again.") from None
    except OSError:
        raise UploadError(f"{path.name} cannot be read as a file; accepted are {ACCEPTED}.") from None
    if not content:
        raise UploadError(f"{path.name} is empty; accepted are {ACCEPTED}.")
    _check_length(path.name, size)
    return content


def _check_length(name: str, length: int) -> None:
    if length > MAX_BYTES:
        raise UploadError(f"{name} has {length / MB:.1f} MB; at most {MAX_BYTES // MB} MB are accepted.")


def check_bytes(contents: Sequence[bytes], limits: Decoding = DECODING) -> None:
    """Raise UploadError if the pictures have too many bytes together."""
    total = sum(map(len, contents))
    if total > limits.total_bytes:
        raise UploadError(f"The pictures have {total / MB:.1f} MB; at most {limits.total_bytes // MB} MB at a time.")


def open_pictures(named: Sequence[tuple[str, bytes]], limits: Decoding = DECODING) -> list[Image.Image]:
    """Pictures from names and contents: RGB, opaque, upright, at most 320 pixels a side. Raises UploadError.

    They are decoded in one process within `limits`; it holds nothing that another request waits for.
    """
    if not named:
        return []
    contents = [content for _, content in named]
    for name, content in named:
        _check_length(name, len(content))
    check_bytes(contents, limits)
    pictures, problem = _answers(_decoded(contents, limits))
    if len(pictures) < len(named):
        raise UploadError(_sentence(named[len(pictures)][0], problem, limits))
    return pictures


def _decoded(contents: list[bytes], limits: Decoding) -> bytes:
    """What the decoder wrote before it ended, or was ended."""
    command = [sys.executable, "-P", "-W", "ignore", str(_PROGRAM), json.dumps(asdict(limits))]
    sent = b"".join(part for content in contents for part in (len(content).to_bytes(8, "big"), content))
    try:
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "timeout": limits.wall_seconds}
        return subprocess.run(command, input=sent, **how).stdout
    except subprocess.TimeoutExpired as expired:
        return expired.stdout or b""
    except OSError:
        raise UploadError("The server has no room to decode pictures at present; try again in a minute.") from None


def _answers(written: bytes) -> tuple[list[Image.Image], dict[str, Any]]:
    """The pictures, and why there are no more of them; where the decoder could not say it, it met a limit."""
    pictures, file = [], BytesIO(written)
    while (line := file.readline()).endswith(b"\n"):
        answer = json.loads(line)
        if "problem" in answer:
            return pictures, answer
        width, height = answer["size"]
        pixels = file.read(3 * width * height)
        if len(pixels) < 3 * width * height:  # ended while it wrote
            break
        pictures.append(Image.frombytes("RGB", (width, height), pixels))
    return pictures, {"problem": "limits"}


def _sentence(name: str, problem: dict[str, Any], limits: Decoding) -> str:
    figures = {key: value for key, value in problem.items() if key != "problem"}
    figures |= {"accepted": ACCEPTED, "most": limits.pixels / 1e6, "side": limits.side, "most_scans": limits.scans}
    figures |= {"memory": limits.memory // MB, "seconds": limits.seconds}
    figures["megapixels"] = figures.get("width", 0) * figures.get("height", 0) / 1e6
    return f"{name} {_REASONS[problem['problem']].format(**figures)}"


def check_size(shape: tuple[int, ...], name: str = "The picture", limits: Decoding = DECODING) -> None:
    """Raise UploadError unless an array of shape (H, W, …) has pixels, and not too many of them."""
    try:
        decoder.check_size(shape[1], shape[0], asdict(limits))
    except decoder.Problem as problem:
        raise UploadError(_sentence(name, problem.answer, limits)) from None


def picture_of_array(pixels: np.ndarray, name: str = "The picture") -> Image.Image:
    """Like `open_picture`, for bytes of shape (H, W), or (H, W, 3 or 4)."""
    check_size(pixels.shape, name)
    return decoder.flat(Image.fromarray(pixels))
