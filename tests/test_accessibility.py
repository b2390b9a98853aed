"""What axe-core finds in every tab in every layout, and the page without a mouse or without eyes."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages import NARROW, ROOT, WIDE, await_run, await_state, idle, set_number

AXE = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"
TABS = {"points": "2D", "digits": "Digits", "translate": "Translate", "lessons": "Lessons", "catalogue": "Models"}
# What is Gradio's own and no style and no script of ours can repair: why, by rule and selector.
GRADIOS: dict[tuple[str, str], str] = {}
FINDINGS = """async (options) => {
  const changes = document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime < Infinity);
  for (const change of changes) change.finish();
  const rules = { "target-size": { enabled: true }, ...options?.rules };
  const { violations, passes } = await axe.run(document, { resultTypes: ["violations"], ...options, rules });
  const found = violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, html }) => ({ rule: id, impact, target: target.join(" "), html: html.slice(0, 120) })));
  return [found, passes.length];
}"""
CONTRASTS, ALL_ELSE = {"runOnly": ["color-contrast", "target-size"]}, {"rules": {"color-contrast": {"enabled": False}}}
LAYOUTS: dict[str, tuple[int, int, Literal["light", "dark"], dict]] = {  # with what can differ from those before
    "1280": (1280, 800, "light", {}),
    "1280 dark": (1280, 800, "dark", CONTRASTS),
    "320": (320, 640, "light", {}),
    "1280 at 200 %": (640, 400, "light", ALL_ELSE),
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
    elif tab == "lessons":
        expect(page.locator(".fm-lesson").first).to_be_visible()
    else:
        idle(page, tab)


def unfold(page: Page, tab: str) -> None:
    """Open every part of a tab that opens, and show the link as text; or one lesson, with its run and its answer."""
    if tab == "lessons":
        open_lesson(page)
        return
    for title in page.locator(".tabitem:visible .label-wrap:visible").all():
        if title.evaluate("(title) => !title.matches('.open')"):
            title.click()
    part(page, ".fm-save summary", tab).click()
    part(page, "[data-action=link]", tab).click()
    expect(part(page, ".fm-link input", tab)).to_be_visible()
    expect(part(page, ".fm-b figcaption", tab).first).to_be_visible()


def open_lesson(page: Page) -> None:
    lesson = page.locator(".fm-lesson[data-lesson='6']")
    lesson.locator("summary").first.click()
    lesson.locator(".fm-prediction input").first.check()
    lesson.get_by_role("button", name="This is my prediction").click()
    lesson.get_by_role("button", name="Show me").first.click()
    expect(lesson.locator(".fm-conclusion p").first).to_be_visible()
    lesson.locator(".fm-derivation summary").click()


@pytest.fixture(scope="module")
def page_with_axe(visit_for_module, image_address) -> Page:
    """A page whose tabs open with both sides and a followed particle or image."""
    whole = "compare=1&follow=1&steps=2"
    kept = [f"sessionStorage.setItem('fm-address-{tab}', '?tab={tab}&{whole}');" for tab in ("digits", "translate")]
    page = visit_for_module(image_address, f"?{whole}", before=lambda page: page.add_init_script("".join(kept)))
    page.add_script_tag(path=AXE)
    return page


@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_nothing_in_any_layout(page_with_axe, tab):
    page, found = page_with_axe, {}
    page.set_viewport_size(WIDE)
    show(page, tab)
    if tab != "catalogue":
        unfold(page, tab)
    for layout, (width, height, scheme, options) in LAYOUTS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("body.dark")).to_have_count(int(scheme == "dark"))
        findings, passes = page.evaluate(FINDINGS, options)
        assert passes == 2 if options is CONTRASTS else passes > 20
        found[layout] = [f for f in findings if (f["rule"], f["target"]) not in GRADIOS]
    assert not any(found.values()), found


def test_axe_finds_nothing_in_a_lesson_with_probes_of_two_experiments(open_page):
    page = open_page("?lesson=13&show=2", until=".fm-lesson[data-lesson='13'] .fm-derivation")
    page.add_script_tag(path=AXE)
    lesson = page.locator(".fm-lesson[data-lesson='13']")
    lesson.locator("[data-experiment='2'] .fm-show-me").click()
    for k in (1, 2):
        expect(lesson.locator(f"[data-experiment='{k}'] .fm-conclusion[aria-busy=false] p").first).to_be_attached()
    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)  # pyright: ignore[reportArgumentType]
        assert page.evaluate(FINDINGS)[0] == []


def test_axe_finds_nothing_in_what_opens_over_the_page(open_page):
    page = open_page()
    page.add_script_tag(path=AXE)
    await_run(page, lambda: set_number(page, "steps", 3000))
    expect(page.locator(".fm-field-note")).to_be_visible()
    idle(page)  # what is old is pale
    page.get_by_role("button", name="Explain: Steps").press("Enter")
    expect(page.locator(".fm-explanation:popover-open")).to_be_visible()
    assert page.evaluate(FINDINGS)[0] == []
    page.keyboard.press("Escape")
    part(page, ".fm-save summary").click()
    part(page, "[data-save=py]").click()
    expect(page.locator("dialog[open] pre")).to_be_focused()
    assert page.evaluate(FINDINGS)[0] == []


def test_a_keyboard_reaches_the_player_soon_and_everything_else_and_sees_where_it_is(open_page):
    page = open_page()
    idle(page)
    stops = []
    while not (stops and stops[-1]["last"]):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        assert len(stops) < 100
    assert stops[0]["name"] == "Skip to the player"
    assert [stop["player"] for stop in stops].index(True) <= 14
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

    def press(place: Locator, key: str) -> None:
        """Press a key there, which asks for a run."""
        place.focus()
        await_run(page, lambda: page.keyboard.press(key))

    question = page.locator("#points-compare-0")
    press(question, "Enter")
    expect(question).to_be_focused()
    expect(question).to_have_attribute("aria-pressed", "true")
    for side in "AB":
        expect(part(page, f".fm-{side.lower()} canvas")).to_have_accessible_name(re.compile(f"^Run {side}: "))
    names = {}
    for side in "AB":
        page.locator(f"#points-editing [value='Run {side}']").press("Space")
        fields = page.locator(f"#points-side{'_b' if side == 'B' else ''} :is([role=radiogroup], input[type=range])")
        expect(fields.first).to_be_visible()
        names[side] = fields.evaluate_all("(fields) => fields.map((field) => field.ariaLabel)")
    assert len(names["A"]) >= 4
    assert names["B"] == [f"{name} of run B" for name in names["A"]]
    data = page.locator("#points-target")
    press(data.locator("input:checked"), "ArrowRight")
    expect(data.locator("input:checked")).to_be_focused()
    for control, key in (("#points-steps_b input[type=range]", "ArrowRight"), ("#points-compare input", "Space")):
        press(page.locator(control), key)
        expect(page.locator(control)).to_be_focused()
