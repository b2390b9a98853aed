"""Visitors who all click at once: how long they wait, and what the server needs. Writes benchmarks/load.md.

    PYTHONPATH=. python benchmarks/load.py [visitors ...]

Starts `app.py` on 127.0.0.1 and sends what browsers send, for 90 seconds for each number of visitors, then for 100
beside an abuser, and for 200 with two processes behind nginx, if it is installed, as `docs/nginx.conf` says. Each
visitor clicks every 6 seconds: half for points, a fifth for digits, else for a translation, of own pictures every third
time. Half of the clicks are what a class shares (openings, comparisons, usual step counts), the others arbitrary. Every
answer is checked to be that of its request.
"""

import asyncio
import base64
import json
import os
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs

import httpx
import numpy as np

from fm_core.image_settings import CLOTHES_SET, OWN
from fm_core.ui.form import DIGITS, POINTS, TRANSLATE
from fm_core.ui.presets import COMPARISONS

ROOT = Path(__file__).parent.parent
SECONDS, PAUSE, VISITORS = 90, 6.0, (1, 20, 50, 100, 200)
SHARED_STEPS = {"points": (5, 10, 20, 50, 100), "digits": (5, 10, 20, 50), "translate": (5, 10, 20, 50)}
MAXIMAL = {"particles": 5000, "steps": 200, "solver": "rk4"}  # all that one run may take
FORMS = {"points": POINTS, "digits": DIGITS, "translate": TRANSLATE}
Values = dict[str, Any]


@dataclass
class Found:
    """What the visitors of one round saw."""

    waits: dict[str, list[float]] = field(default_factory=lambda: {tab: [] for tab in FORMS})
    openings: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB


def shared(tab: str, rng: random.Random) -> Values:
    if tab == "points" and rng.random() < 0.5:
        return POINTS.flatten(rng.choice(COMPARISONS).settings)
    return FORMS[tab].defaults | {"steps": rng.choice(SHARED_STEPS[tab])}


def arbitrary(tab: str, rng: random.Random) -> Values:
    values = FORMS[tab].defaults | {"seed": rng.randrange(2**31), "schedule": rng.choice(["linear", "cosine"])}
    usual = rng.randint(5, 100 if tab == "points" else 30)
    return values | {"steps": usual, "compare": rng.random() < 0.2}


def click(rng: random.Random) -> tuple[str, Values]:
    """A tab and the values of its inputs."""
    tab = rng.choices(["points", "digits", "translate"], [5, 2, 3])[0]
    values = (shared if rng.random() < 0.5 else arbitrary)(tab, rng)
    if tab == "translate":
        values = {**values, "pictures": ""}
        if rng.random() < 1 / 3:
            pixels = CLOTHES_SET.bundled()[0][rng.randrange(90) :][:10].numpy()
            values |= {"pictures": base64.b64encode(pixels.tobytes()).decode(), "clothes": OWN}
    return tab, values


async def messages(answer: httpx.Response) -> AsyncIterator[tuple[dict, bytes]]:
    held, chunks = b"", answer.aiter_bytes()
    while True:
        while b"\n" not in held:
            if not (chunk := await anext(chunks, b"")):
                return
            held += chunk
        line, _, held = held.partition(b"\n")
        header, parts = json.loads(line), [held]
        length, size = header.get("bytes", 0), len(held)
        while size < length:
            parts.append(await anext(chunks))
            size += len(parts[-1])
        held = b"".join(parts)
        yield header, held[:length]
        held = held[length:]


async def run(http: httpx.AsyncClient, visitor: str, tab: str, values: Values, found: Found) -> None:
    """Ask for a run as the page does, and note when its picture is there."""
    body, began = {"visitor": visitor, "want": "run", "values": values}, time.perf_counter()
    try:
        cookie = {"Cookie": f"fm={visitor.replace(' ', '')}"}  # which nginx tells them apart by
        async with http.stream("POST", f"/fm/{tab}", content=json.dumps(body), headers=cookie) as answer:
            first = True
            async for header, data in messages(answer):
                found.refused += "refused" in header
                if "sides" in header and first:
                    found.waits[tab].append(time.perf_counter() - began)
                    found.wrong += not fits(header, data, tab, values)
                    first = False
    except httpx.HTTPError:
        found.refused += 1


def fits(header: dict, data: bytes, tab: str, values: Values) -> bool:
    """Whether an answer is that of the request: its settings, its size, the pictures it translates."""
    query = {key: parts[0] for key, parts in parse_qs(header["query"]).items()}
    asked = FORMS[tab].to_query(FORMS[tab].unflatten({k: v for k, v in values.items() if k != "pictures"}))
    states = next(block["shape"][0] for block in header["blocks"] if block["name"] == "sides.0.x")
    same = query == asked and states == values["steps"] + 1
    if tab != "translate" or not values["pictures"]:
        return same
    offset = 0
    for block in header["blocks"]:
        size = int(np.prod(block["shape"])) * np.dtype(block["type"]).itemsize
        if block["name"] == "pictures":
            same &= data[offset : offset + size] == base64.b64decode(values["pictures"])
        offset += size
    return same


async def open_page(http: httpx.AsyncClient, visitor: str, found: Found) -> None:
    """What a browser fetches first, and the first run."""
    began = time.perf_counter()
    try:
        page = (await http.get("/")).text
        scripts = set(re.findall(r'(?:src|href)="\.?(/?(?:assets|static|theme)[^"]+)"', page))
        await asyncio.gather(*(http.get("/" + path.lstrip("/")) for path in scripts))
        await run(http, visitor, "points", POINTS.defaults, found)
        found.openings.append(time.perf_counter() - began)
    except httpx.HTTPError:
        found.refused += 1


async def visitor(http: httpx.AsyncClient, name: str, until: float, delay: float, found: Found) -> None:
    rng = random.Random(name)
    await asyncio.sleep(delay)
    await open_page(http, name, found)
    while time.perf_counter() < until:
        await asyncio.sleep(PAUSE * rng.uniform(0.5, 1.5))
        await run(http, name, *click(rng), found)


async def abuser(http: httpx.AsyncClient, until: float) -> None:
    """Four maximal runs at a time, under four names, again and again."""

    async def insist(name: str) -> None:
        nothing, rng = Found(), random.Random(name)
        while time.perf_counter() < until:
            values = POINTS.defaults | MAXIMAL | {"seed": rng.randrange(2**31)}
            await run(http, name, "points", values, nothing)

    await asyncio.gather(*(insist(f"abuser {k}") for k in range(4)))


async def round_of(address: str, pids: list[int], count: int, abused: bool = False) -> Found:
    """So many visitors for `SECONDS`, who open the page within 3 seconds."""
    found, began = Found(), time.perf_counter()
    until = began + SECONDS

    async def watch() -> None:
        while time.perf_counter() < until:
            found.memory.append((time.perf_counter() - began, sum(map(resident, pids))))
            await asyncio.sleep(1)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as http:
        delays = [3 * k / count for k in range(count)]
        visitors = (visitor(http, f"{count}-{k}-{abused}", until, delays[k], found) for k in range(count))
        await asyncio.gather(watch(), *visitors, *([abuser(http, until)] if abused else []))
    return found


def resident(pid: int) -> float:
    """The memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def row(label: str, found: Found, cpu: float) -> str:
    def figures(waits: list[float]) -> str:
        if not waits:
            return "–"
        ordered = sorted(waits)
        return f"{median(ordered):.2f} / {ordered[int(0.95 * (len(ordered) - 1))]:.2f} / {ordered[-1]:.2f}"

    cells = [label, *(figures(found.waits[tab]) for tab in FORMS), figures(found.openings)]
    memory = [megabytes for seconds, megabytes in found.memory if seconds > SECONDS / 3] or [0.0]
    counts = [str(sum(map(len, found.waits.values()))), str(found.refused), str(found.wrong)]
    return f"| {' | '.join([*cells, *counts, f'{memory[0]:,.0f} → {memory[-1]:,.0f}', f'{cpu:.0%}'])} |"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def started(command: list[str], port: int) -> Iterator[int]:
    """A server's process, once it answers."""
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/").status_code == 200:
                    break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{command} does not start.")
        yield server.pid
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)


@contextmanager
def app(port: int) -> Iterator[int]:
    with started([sys.executable, "app.py", "--port", str(port)], port) as pid:
        yield pid


@contextmanager
def two_behind_nginx(port: int) -> Iterator[list[int]]:
    """Two processes of the app, which nginx serves together."""
    first, second = free_port(), free_port()
    text = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (("7860", port), ("7861", first), ("7862", second)):
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    with tempfile.TemporaryDirectory() as folder, app(first) as one, app(second) as other:
        path = Path(folder) / "nginx.conf"
        path.write_text(text, encoding="utf-8")
        with started(["nginx", "-p", folder, "-c", str(path)], port):
            yield [one, other]


def measured(label: str, port: int, pids: list[int], count: int, abused: bool = False) -> str:
    before, began = sum(map(seconds_of, pids)), time.perf_counter()
    found = asyncio.run(round_of(f"http://127.0.0.1:{port}", pids, min(count, 200), abused))
    cpu = (sum(map(seconds_of, pids)) - before) / (time.perf_counter() - began)
    line = row(label, found, cpu)
    print(line, flush=True)
    return line


def seconds_of(pid: int) -> float:
    """The processor's time that a process has taken."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    counts, port = [int(text) for text in sys.argv[1:]] or VISITORS, free_port()
    with app(port) as pid:
        rows = [measured(str(count), port, [pid], count) for count in counts]
        rows.append(measured("100 and an abuser", port, [pid], 100, abused=True))
    if shutil.which("nginx"):
        with two_behind_nginx(port) as pids:
            rows.append(measured("200, two processes", port, pids, 200))
    write(rows)


def write(rows: list[str]) -> None:
    text = f"""# Many visitors at once

`benchmarks/load.py`, on {platform.processor() or platform.machine()}, {os.cpu_count()} cores, which the visitors' own \
programs share. {SECONDS} seconds each; a click every {PAUSE:.0f} s by every visitor, until its picture is there, in \
seconds as median / 95th percentile / longest; memory of the server after a third of the time and at its end.

| visitors | 2D | digits | translations | page opened, first picture there | runs | refused | wrong | memory, MB | CPU |
|---|---|---|---|---|---|---|---|---|---|
"""
    (ROOT / "benchmarks" / "load.md").write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
