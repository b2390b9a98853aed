"""What visitors hand in: nobody's files or drawings take the server's memory, or the turn of others."""

import asyncio
import re
import threading
from collections.abc import Awaitable
from pathlib import Path

import httpx
import pytest

from fm_core.images.limits import UploadError
from fm_core.ui.intake import DRAWING, DRAWINGS, STROKES, Pad
from fm_core.ui.turns import Turns
from tests.events import config, number, refusal, send
from tests.picture_files import drawing, encoded, png_of_zeros

TICKET = {"number": "1", "source": "pad"}


def status(name: str) -> int:
    """A figure of this process in bytes, such as VmRSS."""
    return 1024 * int(re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def draw(address: str, content: bytes, name: str = "one", kind: str = "composite") -> httpx.Response:
    """Send a part of a drawing as the page does after a stroke."""
    pad = number(config(address), "translate-pad")
    said = {"component_id": pad, "session_hash": "anybody", "fn_name": "accept_blobs"}
    fields = {**said, "id": name, "type": kind, "index": "null"}
    return httpx.post(f"{address}gradio_api/component_server", data=fields, files={"file": ("a.png", content)})


def apply(address: str, value: dict | None, invert: object = "auto") -> dict:
    """Press ✓ on the pad."""
    return send(address, "translate-pad", "apply", [TICKET, None, 0, 10, invert, value])


def uploaded(address: str, files: object) -> dict:
    ticket = {"number": "1", "source": "files"}
    return send(address, "translate-files", "upload", [ticket, files, 0, 10, "auto", None])


def file(path: str) -> list[dict]:
    return [{"path": path, "meta": {"_type": "gradio.FileData"}}]


# ---- the pad


def test_a_drawing_is_read_and_its_doubts_come_with_it(image_address):
    draw(image_address, encoded("PNG", drawing(paper=250, ink=235)))
    found = apply(image_address, {"id": "one"})["output"]["data"][0]
    assert found["number"] == "1"
    assert len(found["pictures"]) == 1048  # 784 bytes in base64
    assert found["in_use"]["words"] == "In use: your drawing."
    assert found["in_use"]["doubts"][0].startswith("Your drawing: little stands out")
    assert found["in_use"]["other"] == "never"


def test_a_small_file_of_169_megapixels_takes_no_memory_on_the_pad(image_address):
    content = png_of_zeros(13_000, 13_000)
    assert len(content) < 50_000
    draw(image_address, content)
    draw(image_address, content, kind="layer")
    draw(image_address, content, kind="background")
    sent = httpx.post(f"{image_address}gradio_api/upload", files={"files": ("composite.png", content)}).json()[0]
    values = [{"id": "one"}, {"composite": file(sent)[0], "layers": file(sent), "background": file(sent)[0]}]
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM is from now on
    before = status("VmRSS")
    for value in values:
        assert "Your drawing has 169.0 megapixels; one pixel to 25" in refusal(apply(image_address, value))
    assert status("VmHWM") - before < 60 * 2**20  # one of the 169 megapixels takes a byte at least


def test_an_empty_a_lost_or_a_malformed_drawing_gets_a_sentence(image_address):
    assert refusal(apply(image_address, None)).startswith("The pad is empty")
    assert refusal(apply(image_address, {"composite": None})).startswith("The pad is empty")
    assert refusal(apply(image_address, {"id": "gone"})) == "The drawing is no longer on the server; press ✓ again."
    assert refusal(apply(image_address, {"composite": 5})).startswith("Files are given as")
    draw(image_address, encoded("PNG", drawing()))
    expected = "invert must be one of auto, always, never, not ['never']."
    assert refusal(apply(image_address, {"id": "one"}, ["never"])) == expected


class Sent:
    """What the page sends after a stroke."""

    def __init__(self, name: str, content: bytes, kind: str = "composite"):
        self.data, self.files = {"id": name, "type": kind}, [("a.png", content)]


def test_drawings_are_kept_up_to_a_number_of_bytes_the_newest_of_them():
    pad = Pad()
    n = DRAWINGS // DRAWING
    for k in range(n + 1):
        pad.accept_blobs(Sent(str(k), bytes([k % 250 + 1]) * DRAWING))
    for name, content, kind in [("large", bytes(DRAWING + 1), "composite"), ("layer", b"x", "layer")]:
        pad.accept_blobs(Sent(name, content, kind))
    for lost in ("0", "large", "layer"):
        with pytest.raises(UploadError, match="press ✓ again"):
            pad.content({"id": lost})
    assert pad.content({"id": "1"}) == bytes([2]) * DRAWING
    with pytest.raises(UploadError, match="press ✓ again"):
        pad.content({"id": "1"})  # read once
    for k in range(STROKES + 1):
        pad.accept_blobs(Sent(f"small {k}", b"x"))
    assert pad.content({"id": "small 1"}) == b"x"
    with pytest.raises(UploadError, match="press ✓ again"):
        pad.content({"id": "small 0"})


# ---- files


def test_only_what_was_uploaded_is_read(image_address):
    message = uploaded(image_address, file("/etc/passwd"))
    assert not message["success"]
    assert "data" not in message["output"]
    elsewhere = refusal(uploaded(image_address, file(f"{image_address}config")))
    assert elsewhere == "An address is not fetched from here; upload the file itself."
    assert refusal(uploaded(image_address, 5)) == "Files are given as a list of uploaded files."


def test_an_upload_that_expired_is_asked_for_again(image_address):
    content = encoded("PNG", drawing())
    path = httpx.post(f"{image_address}gradio_api/upload", files={"files": ("coat.png", content)}).json()[0]
    assert uploaded(image_address, file(path))["output"]["data"][0]["in_use"]["words"] == (
        "In use: 1 picture of your files."
    )
    Path(path).unlink()
    sentence = "coat.png is no longer on the server; upload it again."
    assert refusal(uploaded(image_address, file(path))) == sentence


def test_one_of_the_hundred_is_one_of_the_hundred(image_address):
    ticket = {"number": "1", "source": "gallery"}
    for index in (-1, "one", [0, 1]):
        message = send(image_address, "translate-gallery", "select", [ticket], index=index, value=None)
        assert refusal(message).startswith("the picture must be a whole number from 0 to 99")


# ---- turns


class Work:
    """Calls that last until they are let go."""

    def __init__(self):
        self.running: list[str] = []
        self.begun: list[str] = []
        self.ends: dict[str, threading.Event] = {}

    def do(self, name: str) -> str:
        self.ends[name] = threading.Event()
        self.running.append(name)
        self.begun.append(name)
        assert self.ends[name].wait(30)
        self.running.remove(name)
        return name


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


def test_a_visitor_who_asks_for_much_gets_one_turn_at_a_time():
    async def play() -> None:
        turns, work = Turns(2), Work()
        calls: list[Awaitable[str]] = [
            asyncio.create_task(turns.call(visitor, work.do, name))
            for visitor, name in [*[("greedy", f"greedy {k}") for k in range(5)], ("a", "a"), ("b", "b"), ("c", "c")]
        ]
        await until(lambda: len(work.running) == 2)
        assert set(work.begun) == {"greedy 0", "a"}  # in two threads, whichever is first
        order = ["greedy 0", "a", "b", "c", *[f"greedy {k}" for k in range(1, 5)]]
        for k, name in enumerate(order):
            await until(lambda name=name: name in work.running)
            assert len(work.running) <= 2
            assert sum("greedy" in one for one in work.running) <= 1
            work.ends[name].set()
            await until(lambda name=name, k=k: name not in work.running and len(work.begun) >= min(k + 2, len(order)))
        assert sorted(await asyncio.gather(*calls)) == sorted(order)

    asyncio.run(play())


def test_a_call_that_fails_gives_its_turn_away():
    async def play() -> None:
        turns = Turns(1)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await turns.call("a", lambda: 1 // 0)
        assert await turns.call(None, len, "abc") == 3

    asyncio.run(play())
