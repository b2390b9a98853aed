"""Links and the browser's history: an address opens what was seen, whatever else is in it."""

import re
from functools import partial

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages import CAPTION, INTERRUPTED, ROOT, await_run, await_state, choose, idle, query, set_number

SPIRALS = {
    **{"target": "spirals", "particles": "300", "seed": "5", "schedule": "cosine", "steps": "12", "compare": "1"},
    **{"schedule_b": "linear", "velocity_b": "exact", "solver_b": "rk4"},
}
DISPLAYED = {
    **{"layers": "density,particles,arrows,trails", "chart": "distance", "close": "1", "speed": "2", "loop": "0"},
    **{"follow": "7", "t": "0.25", "large": "1"},
}
WITHOUT_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"


@pytest.fixture
def open_page(visit, image_address):
    return partial(visit, image_address)


def part(page: Page, selector: str, tab: str = "points") -> Locator:
    return page.locator(f"{ROOT.format(tab)} {selector}")


def address(page: Page, **parameters: str) -> None:
    """Wait until these are the parameters of the address."""
    script = "(expected) => [...new URLSearchParams(location.search)].sort().join('&') === expected"
    expected = "&".join(f"{name},{value}" for name, value in sorted(parameters.items()))
    page.wait_for_function(script, arg=expected)


def open_tab(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title, exact=True).click()


def test_an_address_opens_whatever_strangers_add_to_it_and_names_what_cannot_be(open_page):
    """The footer's own view=api, what mailers add, and two wrong values, of which one would be a link."""
    strange = "fbclid=x&utm_source=mail&view=api&seed=<a href=//x>y</a>&solver=magic"
    page = open_page(f"?{strange}&target=circles&steps=9")
    idle(page)
    expect(part(page, CAPTION.format("a"))).to_contain_text("9 steps")
    expect(part(page, ".fm-watch")).to_contain_text("Circles")
    refusal = part(page, ".fm-refusal")
    expect(refusal).to_contain_text("seed must be a whole number from 0 to 2147483647, not '<a href=//x>y</a>'.")
    expect(refusal).to_contain_text("solver must be one of euler, midpoint, heun, rk4, not 'magic'.")
    expect(refusal.locator("*")).to_have_count(0)
    address(page, target="circles", steps="9")


def test_a_link_opens_all_that_was_seen_when_it_was_copied(open_page):
    page = open_page()
    choose(page, "target", "spirals")
    page.check("#points-compare input")
    choose(page, "schedule", "cosine")
    set_number(page, "steps", 12)
    choose(page, "editing", "Run B")
    choose(page, "schedule_b", "linear")
    choose(page, "velocity_b", "exact")
    choose(page, "solver_b", "rk4")
    page.get_by_text("More: particles, seed").click()
    set_number(page, "particles", 300)
    await_run(page, lambda: set_number(page, "seed", 5))
    idle(page)
    part(page, "[data-layer=paths]").uncheck()
    part(page, "[data-layer=trails]").check()
    part(page, "[data-option=statistic]").select_option("distance")
    part(page, "[data-option=speed]").select_option("2")
    for option, is_on in (("close", True), ("loop", False)):
        part(page, f"[data-option={option}]").set_checked(is_on)
    part(page, ".fm-size").check()
    part(page, ".fm-particle").fill("7")
    part(page, ".fm-scrub").fill("250")
    address(page, **SPIRALS, **DISPLAYED)
    page.reload()
    await_state(page, run=1, sides=2, t="0.2500", selected=6, playing="false")
    expect(part(page, CAPTION.format("a"))).to_contain_text("cosine · learned · Euler · 12 steps")
    expect(part(page, CAPTION.format("b"))).to_contain_text("linear · exact · RK4 · 50 steps")
    expect(part(page, ".fm-watch")).to_contain_text("Two spirals · 300 particles, seed 5")
    expect(part(page, ".fm-readout")).to_contain_text("Particle 7. A: x₀")
    checked = part(page, "[data-layer]:checked").evaluate_all("(inputs) => inputs.map((input) => input.dataset.layer)")
    assert sorted(checked) == sorted(DISPLAYED["layers"].split(","))
    for option, value in (("statistic", "distance"), ("speed", "2")):
        expect(part(page, f"[data-option={option}]")).to_have_value(value)
    for option, is_on in (("close", True), ("loop", False)):
        expect(part(page, f"[data-option={option}]")).to_be_checked(checked=is_on)
    expect(part(page, ".fm-size")).to_be_checked()
    expect(page.locator("html")).to_have_class(re.compile("fm-large"))
    expect(page.locator("#points-steps input[type=number]")).to_have_value("12")
    expect(page.locator("#points-solver_b [value=rk4]")).to_be_checked()
    address(page, **SPIRALS, **DISPLAYED)


def test_a_link_opens_the_view_of_images(open_page):
    shown = {"tab": "digits", "picture": "end", "chart": "confidence", "follow": "3", "t": "0.5", "large": "1"}
    page = open_page("?" + "&".join(map("=".join, shown.items())), ROOT.format("digits"))
    await_state(page, "digits", t="0.5000", selected=2, playing="false")
    expect(part(page, "[data-option=view]", "digits")).to_have_value("end")
    expect(part(page, "[data-option=statistic]", "digits")).to_have_value("confidence")
    expect(part(page, ".fm-strip", "digits")).to_be_visible()
    select, question = (
        part(page, f".fm-view {p}", "digits").bounding_box() for p in ("select", "[data-when='view end'] .fm-why")
    )
    assert select is not None
    assert question is not None
    assert select["y"] <= question["y"] <= select["y"] + select["height"]
    address(page, **shown)
    for title, tab in (("2D", "points"), ("Digits", "digits")):  # letters stay large, whichever player came last
        open_tab(page, title)
        idle(page, tab)
        expect(part(page, ".fm-size", tab)).to_be_checked()
        expect(page.locator("html")).to_have_class(re.compile("fm-large"))
    address(page, **shown)


def test_a_wish_that_cannot_be_met_is_kept_and_the_page_says_what_it_opens_instead(open_page):
    page = open_page("?velocity=exact&coupling=ot")
    idle(page)
    note = page.locator("#points-velocity-note")
    expect(note).to_have_text(re.compile("exact formula holds for independent pairs only.*shown is the network"))
    expect(part(page, CAPTION.format("a"))).to_contain_text("learned")
    expect(page.locator("#points-coupling [value=ot]")).to_be_checked()
    expect(page.locator("#points-velocity [value=exact]")).to_be_checked()
    await_run(page, lambda: choose(page, "coupling", "independent"))
    expect(part(page, CAPTION.format("a"))).to_contain_text("exact")
    expect(note).not_to_be_visible()
    address(page, velocity="exact")


def test_back_undoes_a_comparison_and_a_tab_and_every_tab_keeps_its_settings_over_a_reload(open_page):
    page = open_page("?steps=9", expected=INTERRUPTED)
    await_run(page, lambda: page.get_by_text("How many steps are enough?").click())
    address(page, steps="5", compare="1", schedule_b="linear")
    open_tab(page, "Digits")
    idle(page, "digits")
    address(page, tab="digits")
    await_run(page, lambda: set_number(page, "steps", 2, "digits"), "digits")
    address(page, tab="digits", steps="2")
    page.go_back()
    expect(part(page, ".fm-stage")).to_be_visible()
    address(page, steps="5", compare="1", schedule_b="linear")
    await_run(page, page.go_back)
    await_state(page, sides=1, steps=9)
    expect(page.locator("#points-compare input")).not_to_be_checked()
    address(page, steps="9")
    await_run(page, page.go_forward)
    await_state(page, sides=2, steps=50)
    await_run(page, page.go_back)
    open_tab(page, "Translate")
    idle(page, "translate")
    await_run(page, lambda: choose(page, "clothes", "bag", "translate"), "translate")
    address(page, tab="translate", clothes="bag")
    open_tab(page, "Models")
    address(page, tab="catalogue")
    page.reload()
    expect(page.locator("#catalogue")).to_be_visible()
    for title, tab, expected in (
        ("Translate", "translate", {"tab": "translate", "clothes": "bag"}),
        ("Digits", "digits", {"tab": "digits", "steps": "2"}),
        ("2D", "points", {"steps": "9"}),
    ):
        open_tab(page, title)
        idle(page, tab)
        address(page, **expected)
    expect(page.locator("#digits-steps input[type=number]")).to_have_value("2")
    await_state(page, steps=9)


def test_copy_link_confirms_while_it_plays_and_offers_the_text_where_there_is_no_clipboard(open_page):
    page = open_page("?seed=3", reduced_motion="no-preference")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    idle(page)
    await_state(page, playing="true")
    offered = part(page, ".fm-link")
    part(page, "[data-action=link]").click()
    expect(offered).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert query(page) == {"seed": "3"}
    step = "Number(document.querySelector('#points-player .fm-player').dataset.step)"
    page.wait_for_function(f"(before) => {step} !== before", arg=page.evaluate(step))
    expect(offered).to_contain_text("Copied")
    part(page, "[data-action=start]").click()
    page.evaluate(WITHOUT_CLIPBOARD)
    part(page, "[data-action=link]").click()
    expect(offered).to_contain_text("Copy this")
    field = offered.locator("input")
    expect(field).to_have_value(page.url)
    expect(field).to_be_focused()
    assert query(page) == {"seed": "3", "t": "0"}
    assert field.evaluate("(field) => field.value.slice(field.selectionStart, field.selectionEnd)") == page.url


def test_a_link_to_more_than_can_be_computed_shows_what_it_can_and_says_so(visit, image_address):
    page = visit(image_address, "?tab=digits&images=64&steps=100&solver=rk4", ROOT.format("digits"))
    refusal = part(page, ".fm-refusal", "digits")
    expect(refusal).to_contain_text("This takes 25,600 evaluations")
    expect(refusal).to_contain_text("The rest of the address is shown.")
    address(page, tab="digits", images="64", steps="100")
    expect(page.locator("#digits-steps input[type=number]")).to_have_value("100")


def test_back_follows_no_particle_that_the_address_does_not_name(open_page):
    page = open_page("?steps=9")
    await_run(page, lambda: page.get_by_text("How many steps are enough?").click())
    part(page, ".fm-particle").fill("5")
    address(page, steps="5", compare="1", schedule_b="linear", follow="5")
    await_run(page, page.go_back)
    address(page, steps="9")
    expect(part(page, ".fm-particle")).to_have_value("")
