"""The page under a finger, on a phone upright and on its side."""

from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import CDPSession, FloatRect, Locator, Page, expect

from tests.pages import CAPTION, NARROW, OUTSIDE, ROOT, await_run, await_state, choose, idle

PHONE, SMALL, SIDEWAYS = NARROW, {"width": 320, "height": 640}, {"width": 844, "height": 390}
TABS = {"points": "2D", "digits": "Digits", "translate": "Translate"}
LETTERS = """() => [...document.querySelectorAll('input, select, textarea')]
  .filter((field) => !['radio', 'checkbox', 'range'].includes(field.type) && field.checkVisibility())
  .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16)
  .map((field) => field.outerHTML.slice(0, 90))"""


@pytest.fixture
def open_page(visit, image_address) -> Callable[..., Page]:
    return partial(visit, image_address, has_touch=True, is_mobile=True, viewport=PHONE)


def part(page: Page, selector: str, tab: str = "points") -> Locator:
    return page.locator(f"{ROOT.format(tab)} {selector}")


def box(place: Locator) -> FloatRect:
    found = place.bounding_box()
    assert found is not None
    return found


def within(inner: FloatRect, outer: FloatRect) -> bool:
    return outer["y"] - 1 <= inner["y"] and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1


def window(page: Page) -> FloatRect:
    assert page.viewport_size is not None
    return {"x": 0, "y": 0, **page.viewport_size}


def await_time(page: Page, expected: float, tab: str = "points") -> None:
    script = "([selector, t]) => Math.abs(document.querySelector(selector).dataset.t - t) < 0.02"
    page.wait_for_function(script, arg=[ROOT.format(tab), expected])


def open_tab(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=TABS[tab], exact=True).tap()
    idle(page, tab)


def tap_scrubber(page: Page, tab: str, fraction: float) -> None:
    """Touch the track itself, whose ends lie half a thumb inside."""
    track, thumb = box(part(page, ".fm-scrub", tab)), 18
    x = track["x"] + thumb / 2 + fraction * (track["width"] - thumb)
    page.touchscreen.tap(x, track["y"] + track["height"] / 2)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """One finger, in ten moves."""
    session: CDPSession = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", start)
    for k in range(1, 11):
        send("touchMove", (start[0] + k / 10 * (end[0] - start[0]), start[1] + k / 10 * (end[1] - start[1])))
    send("touchEnd")
    session.detach()


def scroll_of(page: Page) -> float:
    return page.evaluate("scrollY")


def test_a_finger_sets_the_time_on_every_tab_follows_a_particle_and_never_traps_the_page(open_page):
    page = open_page()
    for tab in TABS:
        open_tab(page, tab)
        page.evaluate("document.activeElement?.blur()")
        part(page, ".fm-time", tab).scroll_into_view_if_needed()
        for fraction in (0.6, 0.2):
            tap_scrubber(page, tab, fraction)
            await_time(page, fraction, tab)
            await_state(page, tab, playing="false")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(LETTERS) == []
        if tab == "translate":
            frame = page.locator("#translate-maps .html-container")
            assert frame.evaluate("(frame) => frame.scrollWidth <= frame.clientWidth")
    page.get_by_role("tab", name="Models", exact=True).tap()
    charts = [page.locator(f"{name} .js-plotly-plot") for name in ("#image-quality", "#image-curves")]
    for chart in charts:
        expect(chart).to_be_visible()
        assert box(chart)["width"] >= 0.8 * PHONE["width"]
        expect(chart.locator(".modebar")).not_to_be_visible()
    assert box(page.locator("#point-figure"))["width"] >= 0.8 * PHONE["width"]
    open_tab(page, "points")
    question = page.get_by_role("button", name="Explain: Path (schedule)").first
    question.tap()
    text = page.locator(".fm-explanation:popover-open")
    assert within(box(text), window(page))
    assert not within(box(question), box(text))
    page.keyboard.press("Escape")
    plot = box(part(page, ".fm-plot .nsewdrag"))
    y = plot["y"] + plot["height"] / 2
    drag(page, (plot["x"] + 0.2 * plot["width"], y), (plot["x"] + 0.7 * plot["width"], y))
    await_time(page, 0.7)
    part(page, "[data-action=start]").tap()
    picture = box(part(page, ".fm-panel canvas"))
    page.touchscreen.tap(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2)
    readout = part(page, ".fm-readout")
    expect(readout).to_contain_text("x₀ = (")
    assert within(box(readout), box(part(page, ".fm-screen")))
    assert box(part(page, ".fm-screen"))["height"] <= 0.45 * PHONE["height"]
    before = scroll_of(page)
    x, y = picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] - 20
    drag(page, (x, y), (x, y - 180))
    page.wait_for_function("(before) => scrollY > before + 50", arg=before)


@pytest.mark.parametrize(("viewport", "query"), [(PHONE, ""), (SMALL, "?compare=1&particles=300")], ids=["390", "320"])
def test_the_picture_and_its_transport_stay_in_sight_while_the_controls_are_moved(open_page, viewport, query):
    page = open_page(query, viewport=viewport)
    idle(page)
    titles = page.get_by_role("tab")
    expect(titles).to_have_text(["2D", "Digits", "Translate", "Lessons", "Models"])
    assert all(title["x"] + title["width"] <= viewport["width"] for title in map(box, titles.all()))
    row = page.locator(".fm-comparisons button")
    assert len({box(button)["y"] for button in row.all()}) == 1
    assert page.locator(".fm-comparisons").evaluate("(row) => row.scrollWidth > row.clientWidth")
    for control in ("#points-steps", "#points-schedule"):
        assert box(page.locator(control))["y"] < viewport["height"] + 100
    for control in map(page.locator, ("#points-steps", "#points-target", "#points-source")):
        control.evaluate("(control) => control.scrollIntoView({ block: 'end' })")
        screen = box(part(page, ".fm-screen"))
        assert within(screen, window(page))
        assert screen["height"] <= 0.45 * viewport["height"]
        for seen in (".fm-panel canvas", ".fm-play", ".fm-scrub"):
            assert within(box(part(page, seen).first), screen)
        assert box(control)["y"] >= screen["y"] + screen["height"]
        assert within(box(control), window(page))
    assert box(part(page, ".fm-screen"))["y"] == pytest.approx(0, abs=1)
    await_run(page, lambda: page.locator("#points-target label:has([value=spirals])").tap())
    expect(part(page, ".fm-watch")).to_contain_text("Two spirals")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    if not query:
        return
    variance, canvas = box(part(page, ".fm-a .fm-variance")), box(part(page, ".fm-a canvas"))
    assert variance["y"] + variance["height"] <= canvas["y"] + canvas["height"] - 14  # above the numbers of the axis
    assert box(part(page, ".fm-b canvas"))["y"] == box(part(page, ".fm-a canvas"))["y"]
    choose(page, "editing", "Run B")
    await_run(page, lambda: page.locator("#points-solver_b label:has([value=rk4])").tap())
    expect(part(page, CAPTION.format("b"))).to_contain_text("RK4")


def test_on_its_side_a_phone_shows_the_picture_beside_the_controls(open_page):
    page = open_page(viewport=SIDEWAYS)
    idle(page)
    stage = part(page, ".fm-stage")
    stage.evaluate("(stage) => stage.scrollIntoView({ block: 'start' })")
    page.locator("#points-source").evaluate("(control) => control.scrollIntoView({ block: 'nearest' })")
    source = box(page.locator("#points-source"))
    for place in (stage, part(page, ".fm-play"), part(page, ".fm-scrub")):
        assert within(box(place), window(page))
        assert box(place)["x"] >= source["x"] + source["width"]
    assert within(source, window(page))
    assert box(stage)["height"] >= 180
    tap_scrubber(page, "points", 0.4)
    await_time(page, 0.4)
    await_run(page, lambda: page.locator("#points-source label:has([value=eight-gaussians])").tap())
    expect(part(page, ".fm-watch")).to_contain_text("Eight Gaussians → Moons")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIDEWAYS["width"]
    assert page.evaluate(LETTERS) == []
