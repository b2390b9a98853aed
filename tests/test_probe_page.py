"""The probe in headless Chromium: why the arrow at a place points where it does."""

import json
import re
from functools import partial
from itertools import pairwise

import pytest
import torch
from playwright.sync_api import Page, expect

from fm_core.library import Library
from fm_core.maths.probe import probe
from tests.pages import NARROW, ROOT, idle, query, state

PLAYER = ROOT.format("points")
POINT = f"{PLAYER} .fm-a .fm-probe-point"
READOUT = f"{PLAYER} .fm-readout"
FIGURES = f"{PLAYER} .fm-probe-figures"
ASKED = 'performance.getEntriesByType("resource").filter(({ name }) => name.includes("/fm/probe"))'
CORNER = (0.86, 0.2)  # of the canvas: far from all particles


@pytest.fixture
def open_page(visit, address):
    return partial(visit, address)


def click(page: Page, across: float, down: float, side: str = "a") -> None:
    canvas = page.locator(f"{PLAYER} .fm-{side} canvas")
    frame = canvas.bounding_box()
    assert frame is not None
    canvas.click(position={"x": across * frame["width"], "y": down * frame["height"]})


def place(page: Page) -> list[float]:
    return [float(part) for part in query(page)["probe"].split(",")]


def figures(page: Page, side: str = "a") -> dict[str, str]:
    """What is said beneath the picture of a side, by the names; found and read in one, as an answer replaces it."""
    script = """(selector) => Object.fromEntries([...document.querySelectorAll(selector)].map((term) =>
      [term.querySelector("dt").lastChild.data, term.querySelector("dd").innerText]))"""
    return page.evaluate(script, f"{FIGURES} dl.fm-{side} > div")


def vector(text: str) -> list[float]:
    return [float(part) for part in text.replace("−", "-").strip("()").split(",")]


def assert_agrees(page: Page, library: Library, side: str = "a", name: str = "moons-linear") -> None:
    """The figures are those of Python for the place and the time in the address."""
    x, t = torch.tensor(place(page)), float(query(page).get("t", 1))
    flow = library.flow(name)
    expected, shown = probe(flow, x, t), figures(page, side)
    learned = flow.velocity(x[None], torch.tensor([t]))[0]
    for title, values in (
        ("network's arrow", learned),
        ("exact arrow", expected.v),
        ("starts, mean E[X₀ | x]", expected.x_0),
        ("ends, mean E[X₁ | x]", expected.x_1),
    ):
        assert vector(shown[title]) == pytest.approx(values.tolist(), abs=0.006)


def test_a_link_opens_the_probe_which_follows_the_clock_and_can_be_dragged_moved_and_closed(open_page, library):
    page = open_page("?probe=0.5,0.25&t=0.4")
    expect(page.locator(READOUT)).to_have_text(
        re.compile(r"^At \(0\.50, 0\.25\): the network's arrow is \d+\.\d° off and .*\.$")
    )
    assert_agrees(page, library)
    assert "mean of their velocities is the exact arrow" in page.inner_text(f"{PLAYER} .fm-probe-say")
    expect(page.locator(FIGURES)).to_contain_text("by the flow")  # later, as it stays where it is

    await_figures(page, lambda: page.locator(f"{PLAYER} .fm-scrub").fill("700"))
    page.locator(f"{PLAYER} .fm-scrub").dispatch_event("change")
    assert query(page)["t"] == "0.7"
    assert_agrees(page, library)

    def drag(right: int, up: int) -> None:
        frame = page.locator(POINT).bounding_box()
        assert frame is not None
        x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + right, y - up, steps=4)
        page.mouse.up()

    await_figures(page, lambda: drag(60, 40))
    moved = place(page)
    assert moved[0] > 0.6
    assert moved[1] > 0.35
    page.focus(POINT)
    await_figures(page, lambda: page.keyboard.press("Shift+ArrowRight"))
    assert place(page)[0] > moved[0] + 0.3
    assert_agrees(page, library)
    assert state(page, "step") == "35"  # the key was the probe's
    await_figures(page, lambda: drag(0, 700))
    assert page.locator(POINT).is_visible()  # at the edge
    page.keyboard.press("Escape")
    expect(page.locator(POINT)).to_be_hidden()
    expect(page.locator(f"{PLAYER} .fm-detail")).to_be_hidden()
    assert "probe" not in query(page)


def await_figures(page: Page, action) -> None:
    """Do what changes the figures, and wait until they rest."""
    with page.expect_response(lambda response: "/fm/probe" in response.url and wanted(response) == "flow"):
        action()
    expect(page.locator(FIGURES)).to_contain_text("log p(x) now")


def wanted(response) -> str:
    return json.loads(response.request.post_data or "{}")["want"]


def test_a_click_where_no_particle_is_asks_for_both_sides_and_a_click_on_the_probe_closes_it(open_page, library):
    page = open_page("?t=0.5&compare=1&schedule_b=cosine")
    assert page.inner_text(READOUT) == (
        "Click a particle to follow it, or an empty place to see why its arrow points there."
    )
    click(page, *CORNER, side="b")
    expect(page.locator(READOUT)).to_have_text(re.compile(r"^At \(.*\)\. A: hardly any .*; B: hardly any .*\.$"))
    assert_agrees(page, library)
    assert_agrees(page, library, "b", "moons-cosine")
    expect(page.locator(f"{PLAYER} .fm-probe-point:visible")).to_have_count(2)
    page.reload()
    idle(page)
    expect(page.locator(f"{PLAYER} .fm-probe-point:visible")).to_have_count(2)
    page.locator(POINT).click()
    expect(page.locator(f"{PLAYER} .fm-probe-point:visible")).to_have_count(0)
    click(page, *CORNER)
    page.locator(POINT).wait_for()
    page.fill(f"{PLAYER} .fm-particle", "7")
    expect(page.locator(f"{PLAYER} .fm-probe-point:visible")).to_have_count(0)  # one thing is asked at a time


def test_optimal_transport_shows_the_networks_arrow_and_says_why_and_a_playing_clock_asks_one_at_a_time(open_page):
    page = open_page("?probe=0.5,0.25&t=0&coupling=ot")
    expect(page.locator(READOUT)).to_have_text("At (0.50, 0.25): only the network's arrow is known.")
    assert "matched by optimal transport" in page.inner_text(f"{PLAYER} .fm-probe-say")
    expect(page.locator(FIGURES)).to_contain_text("by the flow")
    before = len(asked(page))
    page.click(f"{PLAYER} [data-action=play]")
    page.wait_for_function(f"(before) => {ASKED}.length > before + 5", arg=before)
    page.click(f"{PLAYER} [data-action=play]")
    spans = asked(page)[before:]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def asked(page: Page) -> list[tuple[float, float]]:
    """When the requests began and ended that are answered."""
    return page.evaluate(f"{ASKED}.map(({{ startTime, responseEnd }}) => [startTime, responseEnd])")


def test_on_a_phone_the_probe_is_dragged_by_touch_and_the_page_does_not_scroll(open_page):
    page = open_page("?probe=0.5,0.25&t=0.4", viewport=NARROW, has_touch=True, is_mobile=True)
    page.locator(POINT).wait_for()
    assert page.locator(READOUT).is_visible()
    frame = page.locator(POINT).bounding_box()
    assert frame is not None
    x, y, scrolled = frame["x"] + 14, frame["y"] + 14, page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)
    for kind, down in (("touchStart", 0), ("touchMove", 20), ("touchMove", 50), ("touchEnd", None)):
        points = [] if down is None else [{"x": x, "y": y + down}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(READOUT)).to_have_text(re.compile(r"^At \(0\.\d+, −\d\.\d\d\): "))
    assert place(page)[1] < 0
    assert page.evaluate("scrollY") == scrolled


def test_the_probe_opens_and_closes_without_a_pointer(open_page):
    page = open_page("?particles=200&t=0.5")
    page.focus(f"{PLAYER} [data-action=probe]")
    page.keyboard.press("Enter")
    expect(page.locator(POINT)).to_be_focused()
    assert "probe" in query(page)
    page.keyboard.press("Space")
    expect(page.locator(POINT)).to_be_hidden()
    assert query(page) == {"particles": "200", "t": "0.5"}  # and nothing plays


def test_images_have_no_arrows_to_probe(visit, address):
    page = visit(address, "?tab=digits&images=4&steps=1", ROOT.format("digits"))
    expect(page.locator(f"{ROOT.format('digits')} [data-action=probe]")).to_be_hidden()
