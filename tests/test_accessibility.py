"""What axe-core finds in every tab in every layout, and the page without a mouse or without eyes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages import NARROW, ROOT, WIDE, await_run, await_state, idle

AXE = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"
TABS = {"points": "2D", "digits": "Digits", "translate": "Translate", "catalogue": "Models"}
# What is Gradio's own and no style and no script of ours can repair: the rule, the selector, and why.
GRADIOS: list[tuple[str, str, str]] = []
FINDINGS = """async () => {
  const { violations, passes } = await axe.run(document, { resultTypes: ["violations"] });
  const found = violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, html }) => ({ rule: id, impact, target: target.join(" "), html: html.slice(0, 120) })));
  return [found, passes.length];
}"""
LAYOUTS = {
    "1280 light": {**WIDE, "scheme": "light"},
    "1280 dark": {**WIDE, "scheme": "dark"},
    "390": {**NARROW, "scheme": "light"},
    "320 dark": {"width": 320, "height": 640, "scheme": "dark"},
    "200 %": {"width": 640, "height": 400, "scheme": "light"},
}
FOCUSED = """() => { const element = document.activeElement;
  const isMarked = (part) => part?.matches(":focus-visible, :has(:focus-visible)")
    && getComputedStyle(part).outlineStyle !== "none" && parseFloat(getComputedStyle(part).outlineWidth) >= 2;
  return { marked: [element, element.closest("label")].some(isMarked), seen: element.checkVisibility(),
    player: element.closest(".fm-player") !== null, last: element.closest("footer") !== null,
    name: (element.ariaLabel ?? element.closest("label")?.textContent ?? element.textContent).trim(),
    html: element.outerHTML.slice(0, 120) }; }"""


@pytest.fixture
def open_page(visit, image_address) -> Callable[..., Page]:
    return partial(visit, image_address)


def part(page: Page, selector: str, tab: str = "points") -> Locator:
    return page.locator(f"{ROOT.format(tab)} {selector}")


def show(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=TABS[tab], exact=True).click()
    if tab == "catalogue":
        expect(page.locator("#image-quality .js-plotly-plot")).to_be_visible()
    else:
        idle(page, tab)


def unfold(page: Page, tab: str) -> None:
    """Show all that a tab can show: both sides, a followed particle, every part that opens, the link as text."""
    page.check(f"#{tab}-compare input")
    idle(page, tab)
    part(page, ".fm-particle", tab).fill("1")
    for title in page.locator(".tabitem:visible .label-wrap").all():
        if title.evaluate("(title) => !title.matches('.open')"):
            title.click()
    part(page, ".fm-save summary", tab).click()
    part(page, "[data-action=link]", tab).click()
    expect(part(page, ".fm-link input", tab)).to_be_visible()


@pytest.fixture(scope="module")
def whole_page(visit_for_module, image_address) -> Page:
    """A page on which every tab has shown all that it can."""
    page = visit_for_module(image_address)
    for tab in TABS:
        show(page, tab)
        if tab != "catalogue":
            unfold(page, tab)
    page.add_script_tag(path=AXE)
    return page


@pytest.mark.parametrize("layout", LAYOUTS)
def test_axe_finds_nothing_in_any_tab(whole_page, layout):
    width, height, scheme = LAYOUTS[layout].values()
    page = whole_page
    session = page.context.new_cdp_session(page)
    metrics = {"width": width, "height": height, "deviceScaleFactor": WIDE["width"] // width, "mobile": False}
    page.set_viewport_size({"width": width, "height": height})
    session.send(
        "Emulation.setDeviceMetricsOverride", metrics if layout == "200 %" else {**metrics, "deviceScaleFactor": 1}
    )
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("body.dark")).to_have_count(int(scheme == "dark"))
    for tab in TABS:
        show(page, tab)
        findings, passes = page.evaluate(FINDINGS)
        ours = [f for f in findings if not any((f["rule"], f["target"]) == known[:2] for known in GRADIOS)]
        assert ours == [], f"{tab}, {layout}"
        assert passes > 20


def test_a_keyboard_reaches_the_player_soon_and_everything_else_and_sees_where_it_is(open_page):
    page = open_page()
    idle(page)
    stops = []
    while not (stops and stops[-1]["last"]):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        assert len(stops) < 100
    assert stops[0]["name"] == "Skip to the player"
    assert [stop["player"] for stop in stops].index(True) < 12
    assert [stop for stop in stops if not (stop["marked"] and stop["seen"] and stop["name"])] == []
    page.locator(".fm-skip").focus()
    assert page.locator(".fm-skip").evaluate("(link) => link.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    expect(part(page, ".fm-play")).to_be_focused()
    page.keyboard.press("Home")
    await_state(page, step=0)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    await_state(page, step=1)
    show(page, "catalogue")
    page.locator(".fm-skip").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tabpanel")).to_be_focused()


def test_the_focus_stays_where_something_was_chosen_and_the_two_sides_have_names_of_their_own(open_page):
    page = open_page()
    idle(page)

    def pressed(place: Locator, key: str) -> None:
        """Press a key there, which asks for a run."""
        place.focus()
        await_run(page, lambda: page.keyboard.press(key))

    question = page.locator("#points-compare-3")
    pressed(question, "Enter")
    expect(question).to_be_focused()
    expect(question).to_have_attribute("aria-pressed", "true")
    for menu in ("target", "schedule", "solver"):
        choices = page.locator(f"#points-{menu}")
        pressed(choices.locator("input:checked"), "ArrowRight")
        expect(choices.locator("input:checked")).to_be_focused()
    steps = page.locator("#points-steps input[type=range]")
    pressed(steps, "ArrowRight")
    expect(steps).to_be_focused()
    compare = page.locator("#points-compare input")
    pressed(compare, "Space")
    expect(compare).to_be_focused()
    pressed(compare, "Space")
    for side, mark in (("a", "Run A"), ("b", "Run B")):
        expect(part(page, f".fm-{side} canvas")).to_have_accessible_name(re.compile(f"^{mark}: "))
    names = []
    for side in ("Run A", "Run B"):
        page.locator(f"#points-editing [value='{side}']").check(force=True)
        fields = page.locator(".fm-controls").get_by_role("slider").or_(page.get_by_role("radiogroup"))
        names += fields.evaluate_all(
            "(fields) => fields.filter((f) => f.closest('.fm-side')?.checkVisibility()).map((f) => f.ariaLabel)"
        )
    assert len(names) == 10
    assert len(set(names)) == len(names)
    assert sum("of run B" in name for name in names) == 5
