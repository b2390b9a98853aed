"""Measure the page in headless Chromium and write the figures to benchmarks/page.md. Run it on an idle machine.

Everything is measured in one run on one machine, and speeds are given as ratios: the time from a slider move to the new
picture stands beside the sampling of the flow itself and an empty Gradio round trip.
"""

import os
import platform
import shutil
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import gradio as gr
import torch
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fm_core.library import Library
from fm_core.line import Line
from fm_core.playground import add_references, simulate
from fm_core.settings import Settings, Side
from fm_core.ui.page import build_page, launch_options
from fm_core.ui.point_packet import point_packets
from fm_core.ui.wire import joined

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
MOVES = 40
RUN = ".fm-player:not([data-run='0'])"

FRAMES = """(milliseconds) => new Promise((resolve) => {
  const times = [];
  const tick = (now) => {
    times.push(now);
    if (now - times[0] < milliseconds) requestAnimationFrame(tick);
    else resolve(times);
  };
  requestAnimationFrame(tick);
})"""

# Milliseconds from an arrow key on a slider to the change of an attribute or a text somewhere else in the page.
MOVE = """([slider, observed, key]) => new Promise((resolve) => {
  const input = document.querySelector(slider);
  const target = document.querySelector(observed);
  const observer = new MutationObserver(() => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  });
  const whole = { attributes: true, attributeFilter: ["data-run"] };
  const parts = { childList: true, characterData: true, subtree: true };
  observer.observe(target, target.dataset.run ? whole : parts);
  const start = performance.now();
  input.value = Number(input.value) + key;
  input.dispatchEvent(new Event("input", { bubbles: true }));
})"""


# Milliseconds from the start of navigation to the frame after the first run.
FIRST = """new MutationObserver((_, observer) => {
  if (!document.querySelector(".fm-player:not([data-run='0'])")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.fmFirst = performance.now(); });
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-run"] })"""


def main() -> None:
    torch.set_num_threads(1)  # as app.py does
    library = Library.load()
    playground = build_page(library)
    _, address, _ = playground.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    empty = empty_demo()
    _, empty_address, _ = empty.launch(prevent_thread_lock=True, quiet=True, run_history=False, ssr_mode=False)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        rows = [
            *wire_size(library),
            *opening(browser, address),
            *frame_rate(page, address),
            *latency(library, playground.service.line, page, address, empty_address),
        ]
        rows += growth(page, playground.service.line, address)
        browser.close()
    playground.close()
    empty.close()
    write(rows)


def empty_demo() -> gr.Blocks:
    """A slider that changes a text through the queue: what Gradio itself takes."""
    with gr.Blocks(analytics_enabled=False) as demo:
        slider, text = gr.Slider(1, 200, 50, step=1, elem_id="steps"), gr.HTML("50", elem_id="text")
        slider.input(str, slider, text, show_progress="hidden", trigger_mode="always_last")
    return demo


def wire_size(library: Library) -> list[tuple[str, str]]:
    settings = Settings(particles=5000, sides=(Side(steps=200),))
    small = Settings(particles=100, sides=(Side(steps=200),))

    def size(settings: Settings) -> int:
        refer = partial(add_references, library, settings)
        return len(joined(point_packets(settings, simulate(library, settings), refer, {})))

    slope = (size(settings) - size(small)) / (settings.particles - small.particles) / 201
    fixed = size(small) - (4 * small.particles + 4) * 201  # 4 bytes are the time of a state
    return [
        ("bytes per particle and state", f"{slope:.2f}"),
        ("fixed part of the binary, bytes", f"{fixed:,}"),
    ]


def opening(browser: Browser, address: str, visits: int = 9) -> list[tuple[str, str]]:
    """From the start of navigation to the first run drawn, by visitors with an empty cache, and by one who returns."""

    def visit(context: BrowserContext) -> float:
        page = context.new_page()
        page.add_init_script(FIRST)
        page.goto(address)
        first = page.wait_for_function("window.fmFirst").json_value()
        page.close()
        return first

    new = [visit(browser.new_context()) for _ in range(visits)]
    context = browser.new_context()
    again = [visit(context) for _ in range(visits + 1)][1:]
    return [
        ("opening to first picture, empty cache, median ms", f"{median(new):.0f}"),
        ("opening to first picture, second visit, median ms", f"{median(again):.0f}"),
    ]


def frame_rate(page: Page, address: str) -> list[tuple[str, str]]:
    """Two panels of 2,000 particles with trails and the variance chart, playing."""
    page.goto(f"{address}?compare=1")
    page.wait_for_selector(".fm-player[data-sides='2']")
    page.wait_for_selector(".fm-plot .main-svg")
    page.wait_for_timeout(1500)
    times = page.evaluate(FRAMES, 4000)
    gaps = sorted(b - a for a, b in pairwise(times))
    rate = 1000 * (len(times) - 1) / (times[-1] - times[0])
    empty = page.context.new_page()
    bare = empty.evaluate(FRAMES, 2000)
    cap = 1000 * (len(bare) - 1) / (bare[-1] - bare[0])
    empty.close()
    return [
        ("frames a second, two panels of 2,000 particles, trails and variance on", f"{rate:.1f}"),
        ("frames a second of an empty page (the display's cap)", f"{cap:.1f}"),
        ("95th percentile of the time between frames, ms", f"{gaps[int(0.95 * len(gaps))]:.1f}"),
    ]


def latency(library: Library, line: Line, page: Page, address: str, empty_address: str) -> list[tuple[str, str]]:
    """Slider moves in turn with the flow's own computation, so that both meet the same machine, which plays."""
    moons, mnist = library.flow("moons-linear"), library.flow("mnist-linear")
    points = moves_and_computations(page, line, address, "#points-steps", "", lambda: moons.sample(2000, 50))
    tab = f"{address}?tab=digits", "#digits-steps", "#digits-player "
    digits = moves_and_computations(page, line, *tab, lambda: mnist.sample(16, 20))
    page.goto(empty_address)
    page.wait_for_selector("#text")
    page.wait_for_timeout(1000)
    trip = median(page.evaluate(MOVE, ["#steps input[type=range]", "#text", 1 - 2 * (k % 2)]) for k in range(MOVES))
    return [
        ("empty Gradio round trip, median ms", f"{trip:.0f}"),
        *ratios("2,000 particles × 50 steps", *points, trip),
        *ratios("16 images × 20 steps", *digits, trip),
    ]


def moves_and_computations(
    page: Page, line: Line, address: str, slider: str, player: str, compute: Callable[[], object]
) -> tuple[float, float]:
    """Median milliseconds of a slider move to its new picture, and of the computation alone."""
    page.goto(address)
    page.wait_for_selector(f"{player}{RUN}")
    page.wait_for_timeout(2000)
    moves, bare = [], []
    for k in range(MOVES):
        moves.append(move(page, line, k, slider, player))
        bare.append(timed(compute))
    return median(moves), median(bare)


def ratios(size: str, picture: float, bare: float, trip: float) -> list[tuple[str, str]]:
    return [
        (f"slider to new picture, {size}, median ms", f"{picture:.0f}"),
        ("the flow's own computation, median ms", f"{bare:.0f}"),
        ("slider to picture over (the flow + an empty round trip)", f"{picture / (bare + trip):.2f}"),
    ]


def move(page: Page, line: Line, k: int, slider: str = "#points-steps", player: str = "") -> float:
    """Milliseconds of one slider move, one step more and one less in turn, with nothing kept of earlier runs."""
    page.wait_for_selector(f"{player}.fm-player:not([aria-busy])")
    line.forget()
    return page.evaluate(MOVE, [f"{slider} input[type=range]", f"{player}.fm-player", 1 - 2 * (k % 2)])


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def growth(page: Page, line: Line, address: str, changes: int = 100) -> list[tuple[str, str]]:
    """Heap and DOM nodes after garbage collection, before and after slider changes."""
    page.goto(address)
    page.wait_for_selector(RUN)
    page.wait_for_timeout(2000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def snapshot() -> tuple[float, int]:
        session.send("HeapProfiler.collectGarbage")
        metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
        return metrics["JSHeapUsedSize"] / 2**20, int(metrics["Nodes"])

    def change(count: int) -> None:
        for k in range(count):
            move(page, line, k)

    change(10)
    heap, nodes = snapshot()
    change(changes)
    heap_after, nodes_after = snapshot()
    return [
        (f"heap before and after {changes} slider changes, MB", f"{heap:.1f} → {heap_after:.1f}"),
        (f"DOM nodes before and after {changes} slider changes", f"{nodes} → {nodes_after}"),
    ]


def write(rows: list[tuple[str, str]]) -> None:
    python = f"Python {platform.python_version()}, torch {torch.__version__}"
    machine = f"{os.cpu_count()} cores, {platform.system()}, {python}"
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    text = "\n".join(
        [
            "# The page, measured",
            "",
            f"Written by `benchmarks/page.py`: headless Chromium without a GPU, {machine}.",
            "",
            "| what | measured |",
            "|---|---|",
            *lines,
            "",
        ]
    )
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
