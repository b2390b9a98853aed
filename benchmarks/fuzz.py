"""Ten thousand requests that nobody would send, and two hundred damaged files. Writes benchmarks/fuzz.md.

    PYTHONPATH=. python benchmarks/fuzz.py [requests] [files]

Each request is answered by a run or by one sentence, each file by pictures or by one sentence; the rest is "wrong",
and the server answers as usual afterwards.
"""

import gzip
import io
import json
import random
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.load import FORMS, app, free_port
from fm_core.image_settings import CLOTHES_SET
from fm_core.images.uploads import UploadError, look_at_files

ROOT = Path(__file__).parent.parent
REQUESTS, FILES = 10_000, 200
ODD: list[Any] = [
    *(None, True, False, -1, 0, 1, 0.5, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**40, "", "0", "nan", "\0"),
    *("linear", "moons", "<b>x</b>", "../../etc/passwd", "' OR 1=1 --", "é" * 1000, "\ud800", [], [[]], {}, {"a": [1]}),
]


def request_of(rng: random.Random) -> tuple[str, bytes]:
    """A request for a small run, with some values that are odd."""
    tab = rng.choice(list(FORMS))
    values = FORMS[tab].defaults | {"steps": rng.randint(1, 3)} | ({"particles": 100} if tab == "points" else {})
    if tab == "translate":
        values |= {"pictures": rng.choice(["", "", "AAAA", "x" * 5000])}
    for name in rng.sample(list(values), rng.choice([0, 0, 1, 1, 2, 5])):
        values[name] = rng.choice(ODD)
    want = rng.choice(["run", "run", "run", "more", "py", "npz", str(rng.choice(ODD))])
    body: Any = {"visitor": "fuzz", "want": want, "values": values}
    if rng.random() < 0.1:
        body = rng.choice([*ODD, {**body, "values": rng.choice(ODD)}, {**body, "visitor": rng.choice(ODD)}])
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    return rng.choice([tab, tab, tab, "nothing"]), text[: rng.randrange(len(text))] if rng.random() < 0.05 else text


def outcome_of(answer: httpx.Response) -> str:
    """What came: a run, a file or a refusal; otherwise what is wrong."""
    held, last = answer.content, {}
    while held:
        line, _, held = held.partition(b"\n")
        last = json.loads(line)
        held = held[last.get("bytes", 0) :]
    if "refused" in last:
        sentence = last["refused"]
        return (
            "refused"
            if sentence.endswith(".") and len(sentence) < 600 and "Traceback" not in sentence
            else f"wrong: {sentence}"
        )
    known = {"updates", "sides", "blocks", "file"}
    return (
        "answered"
        if answer.status_code == 200 and known & last.keys()
        else f"wrong: {answer.status_code} {answer.text[:200]}"
    )


def fuzz_requests(count: int) -> Counter[str]:
    rng, found = random.Random(0), Counter()
    port = free_port()
    with app(port), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        for _ in range(count):
            tab, body = request_of(rng)
            found[outcome_of(http.post(f"/fm/{tab}", content=body))] += 1
        usual = {"visitor": "fuzz", "want": "run", "values": FORMS["points"].defaults}
        found[f"afterwards {outcome_of(http.post('/fm/points', content=json.dumps(usual)))}"] += 1
    return found


def good_files() -> dict[str, bytes]:
    pixels = CLOTHES_SET.bundled()[0][:5].numpy()
    files = {}
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"):
        content = io.BytesIO()
        Image.fromarray(pixels[0]).resize((200, 200)).save(content, kind)
        files[f"{kind}.{kind.lower()}"] = content.getvalue()
    for name, save in (("a.npy", np.save), ("a.npz", np.savez)):
        content = io.BytesIO()
        save(content, pixels)
        files[name] = content.getvalue()
    files["a-idx3-ubyte"] = struct.pack(">IIII", 0x803, 5, 28, 28) + pixels.tobytes()
    files["a-idx3-ubyte.gz"] = gzip.compress(files["a-idx3-ubyte"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.png", files["PNG.png"])
    return {**files, "a.zip": content.getvalue()}


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut, with some bytes changed, doubled, or with its middle missing."""
    changed = bytearray(content)
    how = rng.randrange(4)
    if how == 0:
        return content[: rng.randrange(len(content))]
    if how == 1:
        for _ in range(rng.choice([1, 10, 100])):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        return bytes(changed)
    first, second = sorted(rng.randrange(len(content)) for _ in range(2))
    return content + content[first:] if how == 2 else content[:first] + content[second:]


def fuzz_files(count: int) -> Counter[str]:
    rng, found, good = random.Random(0), Counter(), good_files()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            name = rng.choice(list(good))
            path = Path(folder) / name
            path.write_bytes(damaged(good[name], rng))
            try:
                shape = tuple(look_at_files([path]).pixels.shape[1:])
                found["pictures" if shape == (28, 28) else f"wrong: {shape}"] += 1
            except UploadError as refusal:
                found["refused" if str(refusal).endswith(".") and len(str(refusal)) < 600 else f"wrong: {refusal}"] += 1
            except Exception as error:
                found[f"wrong: {name} {error!r:.200}"] += 1
    return found


def main() -> None:
    requests, files = [*map(int, sys.argv[1:]), REQUESTS, FILES][:2] if len(sys.argv) < 3 else map(int, sys.argv[1:3])
    rows = []
    for what, fuzz, count in (("requests", fuzz_requests, requests), ("files", fuzz_files, files)):
        began = time.perf_counter()
        found = ", ".join(f"{number:,} {outcome}" for outcome, number in fuzz(count).most_common())
        rows.append(f"| {count:,} {what} | {found} | {time.perf_counter() - began:.0f} s |")
        print(rows[-1], flush=True)
    title = "# What nobody would send\n\n`benchmarks/fuzz.py`: damaged at random, seed 0.\n\n"
    text = title + "| sent | outcomes | took |\n|---|---|---|\n"
    (ROOT / "benchmarks" / "fuzz.md").write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
