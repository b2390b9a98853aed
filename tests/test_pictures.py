"""The door through which pictures are decoded: each format, each way to write a pixel, and what it does not let in."""

import json
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fm_core.images import decoder
from fm_core.images.decoder import SIDE, Problem, decode, flat, scans
from fm_core.images.limits import DECODING, UploadError
from fm_core.images.pictures import open_picture, open_pictures
from tests.picture_files import (
    drawing,
    encoded,
    gif_of_comments,
    jpeg_of_scans,
    noise,
    overlapping_exif,
    png_header,
    spoilt,
)

LIMITS = asdict(DECODING)
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "MPO"]


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L")).astype(int)


def problem(content: bytes, **limits: int) -> dict:
    with pytest.raises(Problem) as caught:
        decode(content, LIMITS | limits)
    return caught.value.answer


def refusal(content: bytes, **limits: Any) -> str:
    with pytest.raises(UploadError) as caught:
        open_picture(content, "coat.jpg", replace(DECODING, **limits))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- formats and modes


@pytest.fixture(scope="module", autouse=True)
def heif() -> None:
    """Pillow learns to write HEIC too."""
    decoder._learn_heif()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_decoded(kind):
    image = drawing(ink=(200, 0, 0), paper=(255,) * 3, mode="RGB")
    found = decode(encoded(kind, image), LIMITS)
    assert (found.mode, found.size) == ("RGB", (60, 60))
    assert np.abs(np.asarray(found).astype(int) - np.asarray(image)).mean() < 4


def test_pictures_come_out_of_the_process_in_order_and_to_the_bit():
    drawings = [drawing(ink=ink, size=(60 + ink, 60)) for ink in (90, 120, 255)]
    named = [(f"{k}.png", encoded("PNG", image)) for k, image in enumerate(drawings)]
    for image, found in zip(drawings, open_pictures(named), strict=True):
        assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(found))
    assert open_pictures([]) == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_mode_gives_the_same_picture(mode):
    values = drawing(ink=255)
    image = values.convert("RGB").convert(mode) if mode not in ("I;16", "I", "F") else values.convert("I")
    if mode in ("I;16", "I"):
        image = Image.fromarray((np.asarray(image) * 257).astype(np.uint16 if mode == "I;16" else np.int32))
    elif mode == "F":
        image = Image.fromarray(np.asarray(image).astype(np.float32) / 255)
    assert np.abs(grey(flat(image)) - grey(values)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_cut_off(kind):
    ramp = np.linspace(0, 65535, 784).round().astype(np.uint16).reshape(28, 28)
    found = decode(encoded(kind, Image.fromarray(ramp)), LIMITS)
    assert np.abs(grey(found) - ramp / 257).max() <= 0.51


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_orientation_of_a_phone_is_applied(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    found = decode(encoded(kind, drawing(size=(64, 32), box=(0, 0, 31, 31)), exif=exif.tobytes()), LIMITS)
    assert found.size == (32, 64)
    assert grey(found)[:24].mean() > 240 > 15 > grey(found)[40:].mean()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_data_are_no_reason_to_refuse():
    assert decode(encoded("PNG", drawing(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), LIMITS).size == (60, 60)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("ink", [0, 255])
def test_what_is_opaque_is_seen_whatever_its_lightness(mode, ink):
    image = drawing(paper=(ink, ink, ink, 0), ink=(ink, ink, ink, 255), mode="RGBA")
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    found = grey(flat(image))
    assert abs(found[30, 30] - ink) < 5
    assert abs(found[5, 5] - (255 - ink)) < 5


def test_only_the_first_frame_of_an_animation_counts():
    content = encoded("GIF", drawing(), save_all=True, append_images=[drawing(ink=99)])
    assert np.array_equal(grey(decode(content, LIMITS)), grey(drawing()))


def test_large_pictures_are_reduced():
    assert flat(Image.new("RGB", (3 * SIDE, SIDE))).size == (SIDE, round(SIDE / 3))
    assert flat(Image.new("L", (1, 5000))).size == (1, SIDE)


# ---- limits, each met before anything is decoded: what would be decoded here is damaged, and nobody notices


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # of which there is none in the process
@pytest.mark.parametrize(
    ("content", "found", "words"),
    [
        (png_header(13_000, 13_000), "pixels", "coat.jpg has 169.0 megapixels; one pixel to 25 megapixels are accept"),
        (png_header(1, 25_000_000), "side", "coat.jpg has 1 × 25,000,000 pixels; at most 10,000 a side are accepted"),
        (jpeg_of_scans(1500, side=8)[:-1000], "scans", "coat.jpg is a JPEG of 1,410 scans; at most 32 are accepted"),
        (jpeg_of_scans(33), "scans", "coat.jpg is a JPEG of 33 scans; at most 32 are accepted: save it again as an"),
    ],
)
def test_what_costs_too_much_is_refused_before_it_is_decoded(content, found, words):
    assert problem(content)["problem"] == found
    assert refusal(content).startswith(words)


def test_as_many_scans_as_programs_write_are_accepted():
    assert scans(encoded("JPEG", drawing().convert("RGB"), progressive=True)) in range(8, 20)
    assert decode(jpeg_of_scans(32), LIMITS).size == (40, 40)


def test_scans_are_counted_where_libjpeg_finds_them():
    content = encoded("JPEG", drawing())
    assert scans(content) == 1
    thumbnail = b"\xff\xe1" + (2 + len(content)).to_bytes(2, "big") + content
    assert scans(content[:2] + thumbnail + content[2:]) == 1
    assert scans(content + b"\xff\xda" * 100) == 1  # a phone's film behind the picture
    assert scans(content[:20] + b"nonsense" + content[20:]) == 1
    assert scans(encoded("PNG", drawing()) + b"\xff\xda" * 100) == 0
    assert scans(b"\xff\xd8\xff") == scans(content[:30]) == 0


def test_all_that_a_request_sends_has_a_limit():
    content = encoded("BMP", drawing())
    with pytest.raises(UploadError, match=r"^The pictures have 64.\d MB; at most 64 MB at a time\.$"):
        open_pictures([("a.bmp", content + bytes(2**20))] * 64)


@pytest.mark.parametrize("kind", ["EPS", "PPM", "ICO", "PDF", "TGA", "JPEG2000", "ICNS", "PCX"])
def test_no_other_format_is_opened_although_pillow_knows_it(kind):
    assert problem(encoded(kind, drawing().convert("RGB")))["problem"] == "format"


def test_a_postscript_file_starts_no_program(tmp_path, monkeypatch):
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert "not a picture that can be read" in refusal(encoded("EPS", drawing()))
    assert not (tmp_path / "started").exists()


def test_what_would_take_more_memory_than_there_is_ends_with_a_sentence():
    content = encoded("JPEG", drawing())
    entries = overlapping_exif(20_000, 200_000)[6:]  # 4 GB
    parts = [b"Exif\0\0" + entries[k : k + 60_000] for k in range(0, len(entries), 60_000)]
    exif = b"".join(b"\xff\xe1" + (2 + len(part)).to_bytes(2, "big") + part for part in parts)
    words = "cannot be decoded in 10 seconds and 256 MB of memory; save it again as a PNG or JPEG."
    assert refusal(content[:2] + exif + content[2:], memory=256 * 2**20) == f"coat.jpg {words}"


def test_what_would_take_minutes_ends_with_a_sentence_that_names_it():
    good, bad = encoded("PNG", drawing()), gif_of_comments(2_000_000)
    with pytest.raises(UploadError, match=r"^second.gif cannot be decoded in 1 seconds"):
        open_pictures([("first.png", good), ("second.gif", bad)], replace(DECODING, seconds=1))


def test_a_decoder_that_hangs_is_ended():
    assert "cannot be decoded" in refusal(gif_of_comments(2_000_000), wall_seconds=0.3)


def test_one_persons_slow_picture_keeps_no_other_waiting():
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(refusal, gif_of_comments(2_000_000), seconds=1)
        assert open_picture(encoded("PNG", drawing())).size == (60, 60)
        assert not slow.done()
        assert "cannot be decoded" in slow.result()


def test_the_warnings_of_the_server_stay_as_they_were():
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refusal(png_header(10_000, 10_000))  # of which Pillow would warn
        refusal(png_header(20_000, 20_000))  # which Pillow would refuse
    assert list(warnings.filters) == before


# ---- damage


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"hello, world", "format"),
        (np.random.default_rng(1).bytes(5000), "format"),
        *[(noise(kind)[:2000], "damaged") for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")],
        (noise("AVIF")[:2000], "format"),
        (noise("PNG")[:10], "format"),
        (spoilt(noise("PNG"), 1000), "damaged"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "heic"),
        (png_header(0, 5), "format"),
        (b"", "format"),
    ],
)
def test_damage_has_a_name(content, found):
    assert problem(content)["problem"] == found


def test_a_damaged_heic_says_heic_and_what_to_do():
    assert "HEIC picture that cannot be read here; export it as JPEG" in refusal(b"\0\0\0\x18ftypheic" + bytes(50))


def test_the_door_takes_a_path_or_a_content(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG", drawing()))
    assert open_picture(path).tobytes() == open_picture(path.read_bytes()).tobytes()
    with pytest.raises(UploadError, match=r"^gone.png is no longer on the server; upload it again\.$"):
        open_picture(tmp_path / "gone.png")


def test_the_program_speaks_the_protocol_of_its_docstring():
    content = encoded("PNG", drawing())
    sent = len(content).to_bytes(8, "big") + content + (4).to_bytes(8, "big") + b"nope"
    command = [sys.executable, "-P", str(Path(decoder.__file__)), json.dumps(LIMITS)]
    answers = BytesIO(subprocess.run(command, input=sent, capture_output=True, check=True).stdout)
    assert json.loads(answers.readline()) == {"size": [60, 60]}
    assert answers.read(60 * 60 * 3) == drawing().convert("RGB").tobytes()
    assert json.loads(answers.readline()) == {"problem": "format"}


def test_the_program_needs_nothing_but_pillow():
    code = (
        f"import sys; sys.path.insert(0, {str(Path(decoder.__file__).parent)!r}); import decoder; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "torch", "fm_core", "gradio", "pillow_heif"} & set(loaded.split())
