"""Whatever is asked in whatever order, the page ends at what was asked last, and nobody computes what nobody waits for.

The server is held: the first run that is asked while it is held ends only when it is let go, or when the page says
that nobody waits for it any more.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fm_core.maths import flow
from fm_core.maths.solvers import integrate
from fm_core.settings import CLOTHES_SET
from fm_core.ui import digits_tab, points_tab
from tests.pages import ROOT, choose, idle, query, state


@dataclass
class Hold:
    """Holds the first run that starts while `armed`, at its first step."""

    armed: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

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
def hold(monkeypatch) -> Iterator[Hold]:
    hold = Hold()
    monkeypatch.setattr(flow, "integrate", hold.integrate)
    for tab in (points_tab, digits_tab):
        tab.encoded.cache_clear()  # what is kept is not computed, so it cannot be held
    yield hold
    hold.release.set()


@pytest.fixture
def open_tab(visit, image_address) -> Callable[..., Page]:
    """Opens a tab by its link and waits for its first run."""

    def open_tab(tab: str, settings: str = "", **options) -> Page:
        named = "" if tab == "points" else f"&tab={tab}"
        return visit(image_address, f"?{settings}{named}", ROOT.format(tab), **options)

    return open_tab


def seed(page: Page, tab: str, number: int) -> None:
    page.fill(f"#{tab}-seed input", str(number))


def steps(page: Page, tab: str, number: int) -> None:
    page.fill(f"#{tab}-steps input[type=number]", str(number))
    page.press(f"#{tab}-steps input[type=number]", "Enter")


def dice(page: Page, tab: str) -> None:
    page.click(f"#{tab}-dice")


def comparison(page: Page, tab: str) -> None:
    page.get_by_role("button", name="Same cost, better solver?").click()


def compare(page: Page, tab: str) -> None:
    page.check(f"#{tab}-compare input")


def cosine(page: Page, tab: str) -> None:
    choose(page, "schedule", "cosine", tab)


def bags(page: Page, tab: str) -> None:
    choose(page, "clothes", "bag", tab)


def gallery(page: Page, tab: str) -> None:
    page.locator("#translate-gallery .gallery-item button").nth(3).click()


def upload(page: Page, tab: str) -> None:
    page.locator("#translate-files input[type=file]").set_input_files(
        {"name": "three.npy", "mimeType": "application/octet-stream", "buffer": three_clothes()}
    )


def three_clothes() -> bytes:
    file = io.BytesIO()
    np.save(file, CLOTHES_SET.bundled()[0][:3].numpy())
    return file.getvalue()


def agree(page: Page, tab: str) -> None:
    """Player, address and controls say the same."""
    number = page.locator(f"#{tab}-seed input").first.input_value()
    count = page.locator(f"#{tab}-steps input[type=number]").input_value()
    shown, compared = query(page), page.is_checked(f"#{tab}-compare input")
    assert shown.get("seed", "0") == number
    assert shown.get("steps", "50" if tab == "points" else "20") == count
    assert f"{count} step" in page.inner_text(f"{ROOT.format(tab)} .fm-state")
    assert state(page, "sides", tab) == str(1 + compared)
    assert (shown.get("compare") == "1") == compared


PAIRS = [
    ("points", partial(seed, number=7), comparison),
    ("points", cosine, compare),
    ("digits", dice, partial(steps, number=9)),
    ("translate", bags, partial(seed, number=7)),
    ("translate", upload, bags),
    ("translate", gallery, dice),
]
# What the caption and the address say after each of them, and which of them one that comes later undoes.
FACTS: dict[Callable, tuple[str, str]] = {
    seed: ("seed 7", "seed=7"),
    steps: ("9 steps", "steps=9"),
    dice: ("", "seed="),
    compare: ("", "compare=1"),
    comparison: ("RK4", "compare=1"),
    bags: ("10 images", "clothes=bag"),
    upload: ("3 images", ""),
    gallery: ("1 image", ""),
    cosine: ("cosine", "schedule=cosine"),
}
UNDONE = {(seed, comparison), (bags, upload), (upload, bags)}  # the first, by the second


def opened(open_tab: Callable[..., Page], tab: str) -> Page:
    page = open_tab(tab)
    if tab == "points":
        page.click("#points-more button")
    if tab == "translate":
        page.get_by_text("Pick one of a hundred").click()
        page.get_by_text("Your own").click()
        expect(page.locator("#translate-gallery .gallery-item").nth(3)).to_be_visible()
        expect(page.locator("#translate-files input[type=file]")).to_be_attached()
    idle(page, tab)
    return page


@pytest.mark.parametrize("swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize(("tab", "first", "second"), PAIRS)
def test_two_things_asked_at_once_end_at_both_and_where_they_conflict_at_the_second(
    open_tab, hold, tab, first, second, swapped
):
    """The first run takes until it is stopped; the second thing is asked while it is computed."""
    page = opened(open_tab, tab)
    first, second = (second, first) if swapped else (first, second)
    hold.armed = True
    first(page, tab)
    assert hold.begun.wait(20)
    second(page, tab)
    idle(page, tab)
    agree(page, tab)
    before, after = (getattr(action, "func", action) for action in (first, second))
    for action in (after,) if (before, after) in UNDONE else (before, after):
        words, query = FACTS[action]
        expect(page.locator(ROOT.format(tab))).to_contain_text(words)
        assert query in page.url


def test_a_run_that_nobody_waits_for_ends_while_the_next_one_waits(open_tab, hold):
    page = opened(open_tab, "points")
    hold.armed = True
    seed(page, "points", 11)
    assert hold.begun.wait(20)
    assert not hold.ended.is_set()
    seed(page, "points", 12)
    assert hold.ended.wait(20)
    idle(page, "points")
    agree(page, "points")


def test_the_link_that_opens_a_page_gives_way_to_what_a_person_does_meanwhile(visit, image_address, hold):
    """The first run of the link is held; the person changes one thing, and the link's other settings stay."""
    hold.armed = True
    started = "#points-player .fm-player[data-started]"
    page = visit(image_address, "?particles=500&steps=12&seed=4", until=started)
    assert hold.begun.wait(20)
    compare(page, "points")
    idle(page, "points")
    page.click("#points-more button")
    agree(page, "points")
    assert "500 particles, seed 4" in page.inner_text(f"{ROOT.format('points')} .fm-watch")


def test_pictures_come_while_a_slider_is_dragged_and_the_last_one_is_where_it_is_let_go(open_tab):
    page = opened(open_tab, "points")
    before = int(state(page, "run"))
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
    idle(page, "points")
    agree(page, "points")
