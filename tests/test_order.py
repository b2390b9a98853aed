"""Whatever is asked in whatever order, the page ends at what was asked last, and nobody computes what nobody waits for.

Either the server is held, so that the first run ends only when it is let go or when the page says that nobody waits for
it any more; or the network is slow.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from fm_core.image_settings import CLOTHES_SET
from fm_core.line import Line
from fm_core.maths import flow
from fm_core.maths.solvers import integrate
from fm_core.ui.form import DIGITS, POINTS, TRANSLATE
from tests.pages import ROOT, choose, idle, query, set_number, state

FORMS = {"points": POINTS, "digits": DIGITS, "translate": TRANSLATE}


@dataclass
class Hold:
    """Holds the first run that starts after `arm()`, at its first step."""

    line: Line
    armed: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def arm(self) -> None:
        self.line.forget()  # what is kept is not computed, so it cannot be held
        for event in (self.begun, self.ended):
            event.clear()
        self.armed = True

    def integrate(self, *arguments) -> Iterator:
        held, self.armed = self.armed, False
        if not held:
            yield from integrate(*arguments)
            return
        try:
            for state in integrate(*arguments):
                self.begun.set()
                yield state
                while not self.release.wait(0.01):
                    yield state  # so that the run's check is asked
        finally:
            self.ended.set()


@pytest.fixture
def hold(monkeypatch, image_page) -> Iterator[Hold]:
    hold = Hold(image_page.service.line)
    monkeypatch.setattr(flow, "integrate", hold.integrate)
    yield hold
    hold.release.set()


@pytest.fixture
def open_tab(visit, image_address) -> Callable[..., Page]:
    """Opens a tab by its link and waits for its first run."""

    def open_tab(tab: str, parameters: str = "") -> Page:
        named = "" if tab == "points" else f"&tab={tab}"
        page = visit(image_address, f"?{parameters}{named}", ROOT.format(tab))
        idle(page, tab)
        return page

    return open_tab


@dataclass(frozen=True)
class Step:
    """Something that a person does, and the parameters that the address then has; None for whichever."""

    do: Callable[[Page], object]
    leaves: dict[str, str | None]


def chosen(tab: str, menu: str, value: str) -> Step:
    return Step(lambda page: choose(page, menu, value, tab), {menu: value})


def number(tab: str, name: str, value: int) -> Step:
    return Step(lambda page: set_number(page, name, value, tab), {name: str(value)})


def dice(tab: str) -> Step:
    return Step(lambda page: page.click(f"#{tab}-dice"), {"seed": None})


def compared(tab: str, yes: bool) -> Step:
    check = f"#{tab}-compare input"
    return Step(lambda page: page.locator(check).set_checked(yes), {"compare": "1"} if yes else {})


def comparison(k: int, **leaves: str) -> Step:
    return Step(lambda page: page.click(f"#points-compare-{k}"), {"compare": "1", **leaves})


def picked(k: int) -> Step:
    """One of the hundred."""
    return Step(lambda page: page.locator("#translate-gallery .gallery-item button").nth(k).click(), {})


def uploaded(count: int) -> Step:
    file = io.BytesIO()
    np.save(file, CLOTHES_SET.bundled()[0][:count].numpy())
    given = FilePayload(name="some.npy", mimeType="application/octet-stream", buffer=file.getvalue())

    def give(page: Page) -> None:
        box = page.locator("#translate-files")
        if box.get_by_label("Clear").is_visible():
            box.get_by_label("Clear").click()
        box.locator("input[type=file]").set_input_files(given)

    return Step(give, {})


def agree(page: Page, tab: str) -> None:
    """The controls, the address and the picture say the same."""
    form = FORMS[tab]
    defaults = {name: str(int(v) if isinstance(v, bool) else v) for name, v in form.defaults.items()}
    script = """([tab, names]) => Object.fromEntries(names.flatMap((name) => {
      const box = document.querySelector(`#${tab}-${name}`);
      const input = box?.querySelector("input[type=number], input[type=checkbox], input:checked");
      return input ? [[name, input.type === "checkbox" ? String(Number(input.checked)) : input.value]] : []; }))"""
    controls = page.evaluate(script, [tab, list(form.names)])
    assert {"steps", "schedule", "compare"} <= set(controls)
    if controls["compare"] == "0":
        controls = {name: value for name, value in controls.items() if not name.endswith("_b")}
    address = query(page)
    assert {name: address.get(name, defaults[name]) for name in controls} == controls
    shown = page.locator(f"{ROOT.format(tab)} .fm-a canvas").first.get_attribute("aria-label") or ""
    count = int(controls["steps"])
    assert controls["schedule"] in shown
    assert shown.endswith(f"{count} step{'s' * (count > 1)}")
    assert state(page, "sides", tab) == str(1 + int(controls["compare"]))


def leaves(page: Page, tab: str, *steps: Step) -> None:
    """The address has what the steps leave in it; it is silent about what is the default."""
    address = query(page)
    for step in steps:
        for name, value in step.leaves.items():
            assert address.get(name, FORMS[tab].defaults[name]) == value or (value is None and name in address)


# What is done one upon the other; the third entry is False if the second undoes the first.
ROUNDS: dict[str, list[tuple[Step, Step, bool]]] = {
    "points": [
        (number("points", "seed", 7), comparison(2, target="swiss-roll"), False),
        (comparison(1, steps="5"), number("points", "seed", 8), True),
        (chosen("points", "schedule", "cosine"), compared("points", False), True),
        (compared("points", True), chosen("points", "solver", "rk4"), True),
        (chosen("points", "target", "spirals"), chosen("points", "schedule", "linear"), True),
        (chosen("points", "schedule", "cosine"), chosen("points", "target", "circles"), True),
        (number("points", "steps", 9), dice("points"), True),
        (dice("points"), number("points", "steps", 12), True),
        (comparison(4, target="spirals"), comparison(3, target="eight-gaussians"), False),
    ],
    "digits": [
        (dice("digits"), number("digits", "steps", 9), True),
        (chosen("digits", "schedule", "cosine"), chosen("digits", "images", "36"), True),
    ],
    "translate": [
        (chosen("translate", "clothes", "bag"), number("translate", "seed", 7), True),
        (number("translate", "seed", 8), chosen("translate", "clothes", "dress"), True),
        (uploaded(3), chosen("translate", "clothes", "bag"), False),
        (chosen("translate", "clothes", "coat"), uploaded(2), False),
        (picked(3), dice("translate"), True),
        (dice("translate"), picked(4), True),
    ],
}


# How often the player was no longer busy.
RESTS = """(selector) => { window.rests = 0; const root = document.querySelector(selector);
  const count = () => { if (!root.hasAttribute("aria-busy")) rests += 1; };
  new MutationObserver(count).observe(root, { attributeFilter: ["aria-busy"] }); }"""


def prepare(page: Page, tab: str) -> None:
    """Open what is folded."""
    if tab == "points":
        page.click("#points-more .label-wrap")
    if tab == "translate":
        page.get_by_text("Pick one of a hundred").click()
        page.get_by_text("Your own:").click()
        expect(page.locator("#translate-gallery .gallery-item").nth(3)).to_be_visible()
        expect(page.locator("#translate-files input[type=file]")).to_be_attached()


@pytest.mark.parametrize("tab", ROUNDS)
def test_two_things_asked_at_once_end_at_both_and_where_they_conflict_at_the_second(open_tab, hold, tab):
    """The first run takes until it is stopped; the second thing is asked while it is computed."""
    page = open_tab(tab, "particles=200" * (tab == "points"))
    prepare(page, tab)
    page.evaluate(RESTS, ROOT.format(tab))
    for first, second, keeps_first in ROUNDS[tab]:
        before = state(page, "run", tab)
        hold.arm()
        first.do(page)
        assert hold.begun.wait(30)
        assert not hold.ended.is_set()
        second.do(page)
        assert hold.ended.wait(30)  # nobody waits for the first any more
        page.wait_for_function(f"document.querySelector('{ROOT.format(tab)}').dataset.run !== '{before}'")
        idle(page, tab)
        agree(page, tab)
        leaves(page, tab, *([first] * keeps_first), second)
        assert page.evaluate("{ const n = rests; rests = 0; n }") == 1  # busy until the last call ends
    if tab == "translate":
        expect(page.locator(f"{ROOT.format(tab)} .fm-watch")).to_contain_text("1 image")
        expect(page.locator("#translate-clothes input:checked")).to_have_count(0)


@pytest.mark.parametrize("latency", [300, 1000])
def test_on_a_slow_network_too_what_was_asked_last_is_what_stays(open_tab, latency):
    page = open_tab("points", "particles=200")
    prepare(page, "points")
    slow = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", slow)
    target, schedule = chosen("points", "target", "circles"), chosen("points", "schedule", "cosine")
    steps, other = number("points", "steps", 9), comparison(3, target="eight-gaussians")
    back = [chosen("points", "target", "gaussian"), chosen("points", "schedule", "linear")]
    rounds = [(target, schedule, True), (*back, True), (schedule, target, True), (dice("points"), steps, True)]
    rounds += [(other, steps, False), (number("points", "steps", 30), other, False)]
    for first, second, keeps_first in rounds[: 6 if latency < 1000 else 3]:
        with page.expect_request("**/fm/points"):
            first.do(page)
        before = state(page, "asked")
        second.do(page)
        expect(page.locator(ROOT.format("points"))).not_to_have_attribute("data-asked", before)
        idle(page)
        agree(page, "points")
        leaves(page, "points", *([first] * keeps_first), second)
    session.detach()


def test_a_link_gives_way_to_what_a_person_does_meanwhile(visit, image_address, hold):
    """Its settings are read, and its first run is computed, while the person changes one thing; the others stay."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    started = "#points-player .fm-player[data-started]"
    page = visit(
        image_address,
        "?particles=500&steps=12&seed=4",
        until="#points-steps input[type=number]",
        before=lambda page: page.route("**/run/predict*", keep),
    )
    while not waiting:  # for the player to ask what the link says
        page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.locator("#points-steps input[type=number]")).to_have_value("50")
    set_number(page, "steps", 9)
    page.wait_for_selector(started)
    idle(page)
    assert query(page) == {"steps": "9"}  # the link is still to come
    waiting[0].continue_()
    page.unroute("**/run/predict*")
    shown = "new URLSearchParams(location.search)"
    page.wait_for_function(f"({shown}.get('steps') === '9') && ({shown}.get('seed') === '4')")
    idle(page)
    assert query(page) == {"particles": "500", "steps": "9", "seed": "4"}

    hold.arm()
    page.goto(f"{image_address}?particles=400&steps=12&seed=4")
    page.wait_for_selector(started)
    assert hold.begun.wait(30)
    page.check("#points-compare input")
    idle(page)
    agree(page, "points")
    assert query(page) == {"particles": "400", "steps": "12", "seed": "4", "compare": "1"}


def test_pictures_come_while_a_slider_is_dragged_and_the_last_one_is_where_it_is_let_go(open_tab):
    page = open_tab("points", "particles=200")
    prepare(page, "points")
    before = int(state(page, "run"))
    page.locator("#points-steps input[type=range]").scroll_into_view_if_needed()
    box = page.locator("#points-steps input[type=range]").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    for k in range(20):
        page.mouse.move(box["x"] + (0.3 + 0.03 * k) * box["width"], y)
        page.evaluate("new Promise(requestAnimationFrame)")
    page.wait_for_function(f"document.querySelector('{ROOT.format('points')}').dataset.run > {before + 1}")
    page.mouse.up()
    idle(page)
    agree(page, "points")
    assert int(query(page)["steps"]) > 120
    slider = page.locator("#points-steps input[type=range]")
    for _ in range(12):
        slider.press("ArrowLeft")
    idle(page)
    agree(page, "points")
