"""The page in headless Chromium: how the browser tests open it, and what many of them ask of it.

A page that a test has left is opened again by the next test, emptied of what it kept, because this takes half as long
as a page of its own. Pages start paused at the end, as for a person who wants no motion, because software rendering
keeps a processor busy.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
ROOT = "#{}-player .fm-player"  # of a tab
CAPTION = ".fm-{} figcaption"  # of a side, within the root
BLANK = "about:blank"
INTERRUPTED = "(signal is|BodyStreamBuffer was) aborted|Connection errored out"  # of charts, when a page is left
PATIENCE = 30_000  # milliseconds, because the machine may be busy

expect.set_options(timeout=PATIENCE)


class Contexts(dict[tuple[tuple[str, Any], ...], BrowserContext]):
    """The contexts of a browser, one for each set of options."""

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self.browser = browser

    def __missing__(self, options: tuple[tuple[str, Any], ...]) -> BrowserContext:
        self[options] = context = self.browser.new_context(**dict(options))
        context.set_default_timeout(PATIENCE)
        return context


def chromium() -> Iterator[Contexts]:
    """The contexts of a browser, which is closed when the iteration goes on."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "The browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield Contexts(browser)
        browser.close()


def visits(contexts: Contexts) -> Iterator[Callable[..., Page]]:
    """A function that opens pages until the iteration goes on, which fails if one had an error or asked another host.

    It waits for the first run of the `player`, or for the element `until`. A console error that matches the regular
    expression `expected` is none. A page that `before` prepares is not used again. Further arguments are those of a
    browser's context.
    """
    problems: list[str] = []
    left = ExitStack()

    def visit(
        address: str,
        query: str = "",
        player: str = ROOT.format("points"),
        until: str = "",
        expected: str = "$^",
        before: Callable[[Page], Any] | None = None,
        viewport: dict[str, int] = WIDE,
        reduced_motion: str = "reduce",
        color_scheme: str = "light",
        **options: Any,
    ) -> Page:
        context = contexts[tuple(options.items())]
        free = () if before else (page for page in context.pages if page.url == BLANK)
        page = next(iter(free), None) or context.new_page()
        left.callback(page.close if before else partial(empty, page))
        page.bring_to_front()  # those behind it draw a picture a second
        page.set_viewport_size(viewport)  # pyright: ignore[reportArgumentType]
        page.emulate_media(reduced_motion=reduced_motion, color_scheme=color_scheme)  # pyright: ignore[reportArgumentType]
        listen(page, "pageerror", lambda error: problems.append(f"page error: {error}"))
        listen(page, "console", lambda message: heard(message.type, message.text, expected))
        listen(page, "request", lambda request: asked(request.url, (address, "data:", "blob:")))
        if before:
            before(page)
        page.goto(address + query)
        page.wait_for_selector(until or f"{player}:not([data-run='0'])", state="attached")
        return page

    def listen(page: Page, event: str, listener: Callable[[Any], None]) -> None:
        page.on(event, listener)  # pyright: ignore[reportCallIssue, reportArgumentType]
        left.callback(page.remove_listener, event, listener)

    def heard(kind: str, text: str, expected: str) -> None:
        if kind == "error" and not re.search(expected, text):
            problems.append(f"console: {text}")

    def asked(url: str, own: tuple[str, ...]) -> None:
        if not url.startswith(own):
            problems.append(f"foreign request: {url}")

    with left:
        yield visit
    assert problems == [], problems


def empty(page: Page) -> None:
    """Leave nothing in a page of what a test did."""
    page.unroute_all(behavior="ignoreErrors")
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.mouse.move(0, 0)
    page.goto(BLANK)


def idle(page: Page, tab: str = "points") -> None:
    """Wait until everything that was asked is answered, and the picture is that of the answer."""
    script = """(selector) => { const root = document.querySelector(selector);
      return root && root.dataset.run !== "0" && root.dataset.asked === root.dataset.started
        && !root.hasAttribute("aria-busy"); }"""
    page.wait_for_function(script, arg=ROOT.format(tab), timeout=PATIENCE)


def state(page: Page, name: str, tab: str = "points") -> str:
    """What the player says of itself: run, asked, started, step, steps, sides, t, playing or selected."""
    return page.get_attribute(ROOT.format(tab), f"data-{name}") or ""


def await_state(page: Page, tab: str = "points", **expected: object) -> None:
    """Wait until the player says these of itself."""
    for name, value in expected.items():
        expect(page.locator(ROOT.format(tab))).to_have_attribute(f"data-{name}", str(value))


def await_run(page: Page, action: Callable[[], Any], tab: str = "points") -> None:
    """Do the action, and wait until a new run is shown and everything that was asked is answered."""
    _await_change(page, "run", action, tab)


def await_answer(page: Page, action: Callable[[], Any], tab: str = "points") -> None:
    """Do the action, and wait until what it asks is answered, though perhaps by the run that is shown already."""
    _await_change(page, "asked", action, tab)


def _await_change(page: Page, name: str, action: Callable[[], Any], tab: str) -> None:
    before = state(page, name, tab)
    action()
    page.wait_for_function(
        "([selector, name, before]) => document.querySelector(selector).dataset[name] !== before",
        arg=[ROOT.format(tab), name, before],
        timeout=PATIENCE,
    )
    idle(page, tab)


def choose(page: Page, menu: str, option: str, tab: str = "points") -> None:
    """Click a choice by its value; `menu` ends in _b for side B, whose controls must be shown."""
    page.click(f"#{tab}-{menu} label:has([value='{option}'])")


def set_number(page: Page, name: str, value: object, tab: str = "points") -> None:
    """Type into a number field, and finish the entry by Tab."""
    field = page.locator(f"#{tab}-{name} input[type=number]")
    field.fill(str(value))
    field.press("Tab")


def query(page: Page) -> dict[str, str]:
    """The parameters of the address."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


# The visible parts of the page, of these kinds, that reach beyond its left or right edge: those that can be scrolled
# to within a part of the page are not meant.
OUTSIDE = """() => [...document.querySelectorAll('.gradio-container :is(button, input, select, canvas, td, th, p, h1)')]
  .filter((e) => e.getBoundingClientRect().width && !e.matches('[tabindex="-1"]')) // those: tabs in the … menu
  .filter((e) => !e.closest('.fm-comparisons, .fm-legend, .fm-table-frame'))
  .filter((e) => e.getBoundingClientRect().left < 0 || e.getBoundingClientRect().right > innerWidth)
  .map((e) => e.outerHTML.slice(0, 80))"""
