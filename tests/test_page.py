"""The tab of 2D flows in headless Chromium, used as a person would use it."""

import io
import json
import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from fm_core import playground
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.quality import field_error
from fm_core.maths.schedules import SCHEDULES
from fm_core.playground import Run, simulate
from fm_core.settings import Settings, Side
from fm_core.ui import exports
from fm_core.ui.point_packet import window
from fm_core.ui.presets import COMPARISONS
from fm_core.ui.snippets import snippet
from tests.pages import (
    NARROW,
    OUTSIDE,
    ROOT,
    WIDE,
    await_answer,
    await_run,
    await_state,
    choose,
    idle,
    query,
    set_number,
    state,
)

PLAYER = ROOT.format("points")
PLOT = f"document.querySelector('{PLAYER} .fm-plot')"
DATA = "#points-player [data-{}]"
LAYERS = ["density", "particles", "trails", "paths", "arrows", "exact", "difference"]


@pytest.fixture
def open_page(visit, address) -> Callable[..., Page]:
    return partial(visit, address)


@pytest.fixture(scope="module")
def shared(visit_for_module, address) -> Page:
    page = visit_for_module(address)
    page.wait_for_selector(f"{PLAYER} .fm-plot .xy")
    return page


@pytest.fixture
def page(shared) -> Page:
    """A page that other tests have used, with the first run again, paused at the end."""
    shared.bring_to_front()  # see pages.visits
    shared.set_viewport_size(WIDE)
    shared.evaluate("document.activeElement.blur()")
    do(shared, "end")
    shared.evaluate("scrollTo(0, 0)")
    if urlsplit(shared.url).query:
        await_answer(shared, lambda: go(shared, ""))
    expect(shared.locator(f"{PLAYER} .fm-a figcaption")).to_have_text("linear · learned · Euler · 50 steps")
    return shared


def go(page: Page, parameters: str) -> None:
    """To an address within the page, as by the buttons of the browser."""
    script = "(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }"
    page.evaluate(script, f"/{parameters}")


def do(page: Page, *actions: str) -> None:
    """Press these buttons of the transport."""
    for action in actions:
        page.click(f"{PLAYER} [data-action={action}]")


def caption(page: Page, side: str = "a") -> str:
    return page.inner_text(f"{PLAYER} .fm-{side} figcaption")


def sentence(page: Page) -> str:
    return page.inner_text(f"{PLAYER} .fm-say")


def note(page: Page, menu: str) -> str:
    """What is said beneath a menu, nothing if it is not seen."""
    place = page.locator(f"#points-{menu}-note")
    return place.inner_text() if place.is_visible() else ""


def picture(page: Page, side: str = "a") -> str:
    """The pixels of a canvas."""
    return page.evaluate(f"document.querySelector('{PLAYER} .fm-{side} canvas').toDataURL()")


def traces(page: Page, count: int) -> dict[str, dict[str, Any]]:
    """The lines of the chart, by name, once there are so many."""
    page.wait_for_function(f"{PLOT}.data?.length === {count}")
    lines = page.evaluate(f"{PLOT}.data.map(({{ name, x, y }}) => ({{ name, x, y }}))")
    return {line["name"]: line for line in lines}


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).first.bounding_box()
    assert found is not None, selector
    return {
        "x": found["x"],
        "y": found["y"],
        "width": found["width"],
        "height": found["height"],
        "bottom": found["y"] + found["height"],
    }


# ---- moving pictures


def test_a_first_visitor_is_told_to_wait_and_then_sees_moons_move_without_a_call_to_the_server(open_page):
    page = open_page(until=f"{PLAYER} .fm-state", reduced_motion="no-preference")
    assert re.match(r"Loading the player|Computing the first run|New run", page.inner_text(f"{PLAYER} .fm-state"))
    idle(page)
    assert caption(page) == "linear · learned · Euler · 50 steps"
    assert "N(0, I) → Moons · 2,000 particles, seed 0" in page.inner_text(f"{PLAYER} .fm-watch")
    page.wait_for_function(f"Number(document.querySelector('{PLAYER}').dataset.step) >= 3")
    await_state(page, playing="true")
    page.wait_for_selector(f"{PLAYER} .fm-plot .xy")
    calls = []
    page.on("request", lambda request: calls.append(request.url) if "/gradio_api/" in request.url else None)
    page.select_option(DATA.format("option=speed"), "4")
    page.uncheck(DATA.format("option=loop"))
    await_state(page, playing="false", step=50, t="1.0000")
    assert sentence(page).startswith("Done in 50 steps: the points lie where the data live")
    do(page, "play")
    await_state(page, playing="true")
    page.focus(PLAYER)
    page.keyboard.press("Space")
    await_state(page, playing="false")
    assert calls == []


def test_the_sentence_follows_the_clock(page):
    said = []
    for t in (0, 200, 500, 800, 1000):
        page.locator(f"{PLAYER} .fm-scrub").fill(str(t))
        said.append(sentence(page))
    assert len(set(said)) == 5
    assert said[0].startswith("2,000 random points.")
    assert "the cloud shrinks" in said[1]
    assert "narrower than both noise and data" in said[2]
    assert re.search(r"variance 0\.3\d against 1 and 0\.50", said[2])
    await_run(page, lambda: choose(page, "schedule", "cosine"))
    page.locator(f"{PLAYER} .fm-scrub").fill("500")
    assert "narrower" not in sentence(page)
    await_run(page, lambda: set_number(page, "steps", 3))
    expect(page.locator(f"{PLAYER} .fm-variance")).to_contain_text("variance at the last state")
    do(page, "start")
    assert sentence(page).startswith("Only 3 steps")


def test_who_wants_no_motion_gets_a_picture_of_the_end_with_the_whole_paths(page):
    page.evaluate("async () => { for (let k = 0; k < 20; k++) await new Promise(requestAnimationFrame); }")
    await_state(page, playing="false", step=50)
    assert page.is_checked(DATA.format("layer=paths"))
    do(page, "play")
    await_state(page, playing="true")
    do(page, "play")


def test_buttons_and_keys_step_from_state_to_state(page):
    await_run(page, lambda: set_number(page, "steps", 5))
    do(page, "start")
    for expected in range(1, 6):
        do(page, "forward")
        assert state(page, "step") == str(expected)
        assert float(state(page, "t")) == pytest.approx(expected / 5, abs=1e-4)
        assert f"step {expected} of 5 · {expected} of 5 evaluations" in page.inner_text(f"{PLAYER} .fm-now")
    page.focus(PLAYER)
    for key, expected in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 5)]:
        page.keyboard.press(key)
        assert state(page, "step") == str(expected)
    do(page, "start")
    await_run(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowLeft"))
    await_state(page, steps=4, step=0)  # the key was the slider's


# ---- the chart


def test_the_theory_is_that_of_the_flow_whatever_the_steps_and_chance_has_a_band(page, library):
    lines = traces(page, 5)
    assert set(lines) == {"measured", "exact, same solver", "theory", "theory −", "theory +"}
    (run,) = simulate(library, Settings())
    x = run.trajectory.x.numpy().astype(np.float64)
    assert lines["measured"]["y"] == pytest.approx(x.var(1, ddof=1).mean(1), rel=1e-3)
    squares = ((x - x.mean(1, keepdims=True)) ** 2).mean(2)
    band = 2 * squares.std(1, ddof=1) / 2000**0.5
    middle = np.array(lines["theory"]["y"])
    for name, sign in (("theory −", -1), ("theory +", 1)):
        assert np.array(lines[name]["y"])[::2] == pytest.approx(middle[::2] + sign * band, abs=2e-4)

    await_run(page, lambda: page.click("#points-compare-1"))  # 5 and 50 steps
    lines = traces(page, 10)
    assert [len(lines[f"{side} measured"]["y"]) for side in "AB"] == [6, 51]
    assert lines["A theory"]["x"] == lines["B theory"]["x"] == pytest.approx(np.linspace(0, 1, 101), abs=1e-4)
    assert lines["A theory"]["y"] == lines["B theory"]["y"] == middle.tolist()

    await_run(page, lambda: page.uncheck("#points-compare input"))
    await_run(page, lambda: set_number(page, "steps", 1))
    lines = traces(page, 5)
    assert len(lines["measured"]["y"]) == 2
    t = np.array(lines["theory"]["x"])
    closed = (1 - t) ** 2 * 1 + t**2 * TARGETS["moons"].variance.mean().item()
    assert lines["theory"]["y"] == pytest.approx(closed, rel=1e-3)
    assert "α2 Var X0 + β2 Var X1 (linear: α = 1 − t, β = t)" in page.inner_text(f"{PLAYER} .fm-chart-words")


def test_what_the_exact_fields_run_tells_joins_the_picture_when_it_is_there(open_page, monkeypatch):
    """Until then the page says less, and the menu of files waits for it."""
    release, add_references = threading.Event(), playground.add_references

    def held(*arguments, **options) -> list[Run]:
        assert release.wait(60)
        return add_references(*arguments, **options)

    monkeypatch.setattr(playground, "add_references", held)
    page = open_page("?steps=9&seed=77&particles=100&layers=exact")
    known = f"{PLAYER} .fm-numbers tbody td:nth-of-type(4)"
    try:
        assert set(traces(page, 4)) == {"measured", "theory", "theory −", "theory +"}
        assert "Dotted" not in page.inner_text(f"{PLAYER} .fm-chart-words")
        assert page.inner_text(known) == ""
        assert "is being measured" in sentence(page)
        assert page.is_visible(DATA.format("layer=exact"))
        arrows = picture(page)
        page.click(f"{PLAYER} .fm-save summary")
        with page.expect_download() as download:
            page.click(f"{PLAYER} [data-save=csv]")
            release.set()
    finally:
        release.set()
    idle(page)
    assert set(traces(page, 5)) == {"measured", "exact, same solver", "theory", "theory −", "theory +"}
    assert "Dotted" in page.inner_text(f"{PLAYER} .fm-chart-words")
    expect(page.locator(known)).to_have_text(re.compile(r"^\d+\.\d%, \d+\.\d% of particles off$"))
    assert "is being measured" not in sentence(page)
    assert picture(page) == arrows
    names = download.value.path().read_text().splitlines()[0].split(",")
    assert {"exact_variance", "w2", "w2_floor"} <= set(names)


# What is drawn first after a choice: the names of what happens until the chart is drawn.
DRAWN = f"""() => new Promise((resolve) => {{
  const order = [], {{ react }} = Plotly, root = document.querySelector("{PLAYER}");
  Plotly.react = (...all) => {{ order.push("chart"); Plotly.react = react; resolve(order); return react(...all); }};
  new MutationObserver((_, observer) => {{
    observer.disconnect();
    order.push("picture");
    requestAnimationFrame(() => order.push("frame"));
  }}).observe(root, {{ attributeFilter: ["data-run"] }});
  document.querySelector("#points-schedule [value=cosine]").click();
}})"""


def test_the_picture_is_seen_before_the_chart_is_drawn(page):
    assert page.evaluate(DRAWN) == ["picture", "frame", "chart"]
    idle(page)


def test_each_statistic_has_its_lines_and_its_words_and_each_dimension_on_demand(page):
    for statistic, names, words in [
        ("distance", ["W2", "chance alone"], "from the first 256 particles"),
        ("speed", ["mean speed"], "Distance travelled in a step"),
        ("straightness", ["distance / path length"], "Distance from the start over the length"),
    ]:
        page.select_option(DATA.format("option=statistic"), statistic)
        page.wait_for_function(f"{PLOT}.data[0].name === '{names[0]}'")
        assert list(traces(page, len(names))) == names
        assert words in page.inner_text(f"{PLAYER} .fm-chart-words")
        assert page.locator(f"{PLAYER} .fm-chart-words .fm-why:visible").count() == 1
        assert not page.is_visible(DATA.format("option=dimensions"))
    page.select_option(DATA.format("option=statistic"), "variance")
    assert re.search(r"theory\s*\?\s*exact field\s*\?", page.inner_text(f"{PLAYER} .fm-chart-words"))
    columns = page.inner_text(f"{PLAYER} .fm-numbers thead")
    assert "flow-map error, same steps" in columns
    assert "W₂ to the data at the end" in columns
    page.check(DATA.format("option=dimensions"))
    lines = traces(page, 10)
    assert {f"measured {which}" for which in ("x₁", "x₂")} <= set(lines)
    page.check(DATA.format("option=close"))
    lowest = f"{PLOT}._fullLayout.yaxis.range[0]"
    page.wait_for_function(f"{lowest} > 0.05")
    page.uncheck(DATA.format("option=close"))
    page.wait_for_function(f"{lowest} <= 0")


def test_the_field_error_has_a_logarithmic_chart_and_is_not_offered_where_there_is_none(page, library):
    words, option = f"{PLAYER} .fm-chart-words", page.locator(f"{PLAYER} option[value=field_error]")
    for velocity, name in (("learned", "moons-linear"), ("relu-output", "moons-linear-relu-output")):
        await_answer(page, lambda velocity=velocity: go(page, f"?chart=field_error&velocity={velocity}"))
        expected = field_error(library.flow(name), [k / 50 for k in range(51)], 1000).tolist()
        page.wait_for_function(f"Math.abs({PLOT}.data[0].y[25] / {expected[25]} - 1) < 0.01")
        assert page.evaluate(f"{PLOT}.data[0].y") == pytest.approx(expected, rel=0.01)
        assert page.evaluate(f"{PLOT}._fullLayout.yaxis.type") == "log"
    assert query(page)["chart"] == "field_error"
    assert "A property of the network" in page.inner_text(words)
    assert page.locator(f"{words} .fm-why:visible").count() == 1
    assert not page.is_visible(DATA.format("option=close"))
    for where, told in (("velocity=exact", "follows the exact field itself"), ("coupling=ot", "optimal transport")):
        await_answer(page, lambda where=where: go(page, f"?chart=field_error&{where}"))
        expect(page.locator(words)).to_contain_text(told)
        expect(option).to_be_disabled()
        assert page.evaluate(f"{PLOT}.data[0].y") == []
    await_answer(page, lambda: go(page, "?chart=field_error&compare=1&velocity_b=exact&schedule_b=linear"))
    expect(option).to_be_enabled()
    expect(option).to_have_text("field error")


def test_a_zoomed_chart_shows_the_curve_of_the_next_data_set(page):
    page.check(DATA.format("option=close"))
    await_run(page, lambda: choose(page, "target", "swiss-roll"))
    variance = TARGETS["swiss-roll"].variance.mean().item()
    page.wait_for_function(f"Math.abs({PLOT}.data.at(-1).y.at(-1) / {variance} - 1) < 0.01")
    low, high = page.evaluate(f"{PLOT}._fullLayout.yaxis.range")
    curve = page.evaluate(f"{PLOT}.data[0].y")
    assert low <= min(curve) < max(curve) <= high


def thumb(page: Page) -> float:
    """The middle of the scrubber's thumb, as its pixels show it: it is higher than the track."""
    frame = box(page, f"{PLAYER} .fm-scrub")
    pixels = np.asarray(Image.open(io.BytesIO(page.locator(f"{PLAYER} .fm-scrub").screenshot())).convert("RGB"), int)
    row = pixels[pixels.shape[0] // 2 + 6]  # beneath the track, and beneath the cursor
    columns = np.flatnonzero(np.abs(row - np.median(row, 0)).sum(1) > 60)
    assert 8 <= len(columns) <= 20
    return frame["x"] + columns.mean() + 0.5


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_cursor_thumb_and_the_axis_of_the_chart_are_one_line(page, viewport):
    page.set_viewport_size(viewport)
    page.wait_for_function(f"{PLOT}._fullLayout.width === {PLOT}.parentElement.clientWidth")
    for t in (0, 0.25, 0.613, 1):
        page.locator(f"{PLAYER} .fm-scrub").fill(str(1000 * t))
        cursor = box(page, f"{PLAYER} .fm-cursor")
        x = cursor["x"] + cursor["width"] / 2
        axis = page.evaluate(
            f"""(t) => {{ const {{ _offset, _length }} = {PLOT}._fullLayout.xaxis;
          return {PLOT}.getBoundingClientRect().left + _offset + t * _length; }}""",
            t,
        )
        assert x == pytest.approx(axis, abs=1)
        assert x == pytest.approx(thumb(page), abs=1)


def test_dragging_along_the_chart_scrubs(page):
    frame = box(page, f"{PLAYER} .fm-plot .nsewdrag")
    at = lambda fraction: frame["x"] + fraction * frame["width"]  # noqa: E731
    y = frame["y"] + 0.7 * frame["height"]
    page.mouse.move(at(0.8), y)
    page.mouse.down()
    for fraction in (0.8, 0.61, 0.25, 0.4):
        page.mouse.move(at(fraction), y, steps=3)
        page.wait_for_function(f"Math.abs(document.querySelector('{PLAYER}').dataset.t - {fraction}) < 0.005")
    page.mouse.up()
    page.mouse.move(at(0.9), y)
    assert float(state(page, "t")) == pytest.approx(0.4, abs=0.005)
    assert query(page)["t"] == state(page, "t").rstrip("0")
    page.mouse.dblclick(at(0.4), y)
    page.mouse.wheel(0, 100)
    page.wait_for_function("scrollY > 0")  # the wheel is the page's
    assert page.evaluate(f"{PLOT}._fullLayout.xaxis.range") == [0, 1]  # nothing was zoomed


# ---- the picture


def test_the_legend_switches_the_layers(page):
    page.locator(f"{PLAYER} .fm-scrub").fill("500")
    assert [name for name in LAYERS if page.is_checked(DATA.format(f"layer={name}"))] == [
        "density",
        "particles",
        "paths",
        "arrows",
    ]
    legend, canvas = box(page, f"{PLAYER} .fm-legend"), box(page, f"{PLAYER} canvas")
    assert legend["bottom"] <= canvas["bottom"]
    opaque = f"getComputedStyle(document.querySelector('{PLAYER} .fm-legend')).backgroundColor"
    assert float(page.evaluate(opaque).split("/")[1].strip(" )")) == pytest.approx(0.94)
    first = picture(page)
    for layer in LAYERS:
        switch = page.locator(DATA.format(f"layer={layer}"))
        switch.click()
        assert picture(page) != first, layer
        switch.click()
        assert picture(page) == first, layer


def test_the_legend_and_the_theory_are_of_what_exists(page):
    await_run(page, lambda: choose(page, "coupling", "ot"))
    assert [page.is_visible(DATA.format(f"layer={layer}")) for layer in LAYERS] == [True] * 5 + [False] * 2
    assert not page.is_visible(f"{PLAYER} [data-needs=exact]")
    words = page.inner_text(f"{PLAYER} .fm-chart-words")
    assert "+ 2αβ Cov(X0, X1)" in words
    assert "exact" not in words.lower()
    assert set(traces(page, 4)) == {"measured", "theory", "theory −", "theory +"}
    await_run(page, lambda: go(page, "?velocity=exact"))
    first = picture(page)
    page.uncheck(DATA.format("layer=arrows"))  # which are now the exact ones
    assert picture(page) != first
    page.check(DATA.format("layer=arrows"))


def test_a_clicked_particle_stays_lit_and_its_coordinates_can_be_read(page, library):
    (run,) = simulate(library, Settings())
    (low_x, low_y), (high_x, high_y) = window(SOURCES["standard-gaussian"], TARGETS["moons"])
    end = run.trajectory.x[-1, 7].tolist()
    frame = box(page, f"{PLAYER} .fm-a canvas")
    unit = min(frame["width"], frame["height"]) / (high_y - low_y)
    x = frame["x"] + frame["width"] / 2 + unit * (end[0] - (low_x + high_x) / 2)
    y = frame["y"] + frame["height"] / 2 - unit * (end[1] - (low_y + high_y) / 2)
    before = picture(page)
    page.mouse.click(x, y)
    particle = int(state(page, "selected"))
    found = run.trajectory.x[:, particle].tolist()
    assert found[-1] == pytest.approx(end, abs=2 / unit)
    assert picture(page) != before
    numbers = re.findall(r"-?\d+\.\d{3}", page.inner_text(f"{PLAYER} .fm-readout"))
    assert [float(number) for number in numbers] == pytest.approx([*found[0], *found[-1], *found[-1]], abs=2e-3)
    await_run(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    await_state(page, selected=particle)
    page.fill(f"{PLAYER} .fm-particle", "1")  # people count from 1
    await_state(page, selected=0)
    assert page.inner_text(f"{PLAYER} .fm-readout").startswith("Particle 1: ")
    number = page.locator(f"{PLAYER} .fm-particle")
    for typed, kept, selected in (("99999", "2000", 1999), ("0", "1", 0)):
        number.fill(typed)
        number.press("Enter")
        note = f"Number of the one to follow must be a whole number from 1 to 2000, so it is now {kept}."
        expect(page.locator(f"{PLAYER} .fm-field-note")).to_have_text(note)
        await_state(page, selected=selected)
    page.get_by_role("button", name="Explain: What happens now").click()
    explanation = page.locator(".fm-explanation:popover-open")
    question, text = box(page, f"{PLAYER} [popovertarget=points-player-why-sentence]"), explanation.bounding_box()
    assert text is not None
    assert 0 <= text["y"] - question["bottom"] <= 10
    assert 0 <= text["x"] - question["x"] <= 30
    page.focus(PLAYER)
    page.keyboard.press("Escape")
    expect(explanation).to_have_count(0)
    await_state(page, selected=0)
    page.keyboard.press("Escape")
    await_state(page, selected="")


# ---- comparing


def test_comparing_shows_two_runs_on_one_noise_one_clock_and_one_chart(page):
    await_run(page, lambda: page.check("#points-compare input"))
    await_state(page, sides=2)
    assert [caption(page, side) for side in "ab"] == ["A linear", "B cosine"]
    assert set(traces(page, 10)) >= {"A measured", "B measured"}
    assert "start, solver" not in sentence(page)
    page.click("#points-editing label:has([value='Run B'])")
    assert not page.is_visible("#points-steps")
    await_run(page, lambda: page.locator("#points-steps_b input[type=range]").press("ArrowRight"))
    assert caption(page, "a").endswith("50 steps")
    assert caption(page, "b").endswith("51 steps")
    page.fill(f"{PLAYER} .fm-particle", "1")
    starts = re.findall(r"x₀ = (\([^)]*\))", page.inner_text(f"{PLAYER} .fm-readout"))
    assert len(starts) == 2
    assert starts[0] == starts[1]
    page.fill(f"{PLAYER} .fm-particle", "")
    do(page, "start")
    numbers = page.locator(f"{PLAYER} .fm-numbers tbody tr")
    for row, steps in zip(numbers.all(), (50, 51), strict=True):
        assert f"0 of {steps}" in row.inner_text()
    page.click("#points-editing label:has([value='Run A'])")
    assert page.is_visible("#points-steps")
    assert not page.is_visible("#points-steps_b")
    await_run(page, lambda: page.uncheck("#points-compare input"))
    await_state(page, sides=1)
    assert page.locator(f"{PLAYER} .fm-panel").count() == 1
    assert page.is_visible("#points-steps")


# Whether the ends of the lines have these names, whole and within the chart.
LABELLED = f"""(names) => {{ const plot = {PLOT}, labels = [...plot.querySelectorAll(".annotation-text")];
  return labels.map((label) => label.textContent).join() === names.join()
    && labels.every((label) => label.getBoundingClientRect().right <= plot.getBoundingClientRect().right); }}"""


def test_each_comparison_is_a_question_that_is_marked_and_says_what_to_watch(page):
    sides = [("A linear", "B cosine"), ("A 5 steps", "B 50 steps"), ("A Euler · 20 steps", "B RK4 · 5 steps")]
    sides += [("A independent", "B optimal transport"), ("A learned", "B exact")]
    sides += [("A learned", "B learned, ReLU output"), ("A no noise", "B noise 1")]
    for k, (entry, (a, b)) in enumerate(zip(COMPARISONS, sides, strict=True)):
        button = page.locator(f"#points-compare-{k}")
        expect(button).to_have_text(entry.title)
        await_run(page, button.click)
        pressed = page.locator(".fm-comparisons button[aria-pressed=true]")
        expect(pressed).to_have_id(f"points-compare-{k}")
        assert entry.watch in page.inner_text(f"{PLAYER} .fm-watch")
        assert (caption(page, "a"), caption(page, "b")) == (a, b)
        first, second = (box(page, f"{PLAYER} .fm-{side} figcaption") for side in "ab")
        assert (first["y"], first["height"]) == (second["y"], second["height"])
        page.wait_for_function(LABELLED, arg=[a, b])
        if entry.title == "Same cost, better solver?":
            costs = page.locator(".fm-columns:has(#points-player) .fm-cost").all_inner_texts()
            assert costs == ["20 evaluations"] * 2
    await_run(page, lambda: page.click("#points-compare-1"))
    expect(page.locator("#points-steps input[type=number]")).to_have_value("5")
    await_run(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert caption(page, "a") == "A 6 steps"
    assert caption(page, "b") == "B 50 steps"
    expect(page.locator(".fm-comparisons button[aria-pressed=true]")).to_have_count(0)


# ---- controls


def test_a_wish_is_kept_where_it_cannot_be_met_and_the_note_says_what_is_shown(page):
    await_run(page, lambda: choose(page, "coupling", "ot"))
    assert "optimal transport" in caption(page)
    assert note(page, "coupling") == ""
    await_run(page, lambda: choose(page, "target", "spirals"))
    assert "optimal transport" not in caption(page)
    assert "Two spirals" in note(page, "coupling")
    assert "shown are independent pairs" in note(page, "coupling")
    below, choice = box(page, "#points-coupling-note"), box(page, "#points-coupling")
    assert choice["bottom"] <= below["y"] <= choice["bottom"] + 10
    expect(page.locator("#points-coupling [value=ot]")).to_be_checked()
    await_run(page, lambda: choose(page, "target", "moons"))
    assert "optimal transport" in caption(page)
    assert note(page, "coupling") == ""
    await_run(page, lambda: choose(page, "coupling", "independent"))
    await_run(page, lambda: choose(page, "velocity", "relu-output"))
    assert "learned, ReLU output" in caption(page)
    await_run(page, lambda: choose(page, "coupling", "ot"))
    assert "ReLU" not in caption(page)
    assert "shown is the network" in note(page, "velocity")
    await_run(page, lambda: choose(page, "coupling", "independent"))
    assert "learned, ReLU output" in caption(page)
    await_run(page, lambda: choose(page, "target", "circles"))
    await_run(page, lambda: choose(page, "schedule", "vp"))
    assert "vp · exact" in caption(page)
    for words in ("recipe", "train_all", "checkpoint"):
        assert words not in note(page, "velocity")


# Choices whose words are broken or cut: a word needs its room, however narrow the card is.
BROKEN = """(labels) => labels.filter((label) => label.checkVisibility()).flatMap((label) => {
  const style = getComputedStyle(label), context = document.createElement("canvas").getContext("2d");
  context.font = style.font;
  context.letterSpacing = style.letterSpacing;
  const words = label.textContent.trim().split(" ");
  return words.filter((word) => context.measureText(word).width > label.clientWidth + 1); })"""


def test_choices_are_pictures_with_names_and_a_menu_without_a_choice_is_not_shown(page):
    for menu, title in [("target", "Two spirals"), ("schedule", "cosine"), ("source", "Eight Gaussians")]:
        expect(page.locator(f"#points-{menu}").get_by_role("radio", name=title, exact=True)).to_have_count(1)
    image = "(elements) => elements.map((e) => getComputedStyle(e, '::before').backgroundImage.slice(0, 9))"
    for places, count in [("#points-target label", len(TARGETS)), ("#points-schedule label", len(SCHEDULES))]:
        assert page.locator(places).evaluate_all(image) == ['url("data'] * count
    assert page.locator(".fm-comparisons button").evaluate_all(image) == ['url("data'] * len(COMPARISONS)
    headings = page.locator("#points-side h2")
    expect(headings).to_have_text(["Steps", "Path (schedule)", "Pairs in training", "Solver", "Field"])
    assert page.locator(".fm-pictures label").evaluate_all(BROKEN) == []
    before = [box(page, f"#points-target label:has([value={name}])")["width"] for name in ("moons", "circles")]
    await_run(page, lambda: choose(page, "target", "circles"))
    expect(page.locator("#points-coupling")).not_to_be_visible()
    expect(headings).to_have_text(["Steps", "Path (schedule)", "Solver", "Field"])
    assert [box(page, f"#points-target label:has([value={name}])")["width"] for name in ("moons", "circles")] == before


def test_letters_are_larger_for_a_projector(page):
    size = f"parseFloat(getComputedStyle(document.querySelector('{PLAYER} .fm-say')).fontSize)"
    assert page.evaluate(size) == 18
    page.check(f"{PLAYER} .fm-size")
    assert page.evaluate(size) == 28
    assert query(page) == {"large": "1"}
    page.get_by_role("tab", name="Models", exact=True).click()
    page.wait_for_function("location.search.includes('tab=catalogue')")
    assert query(page) == {"tab": "catalogue", "large": "1"}
    page.get_by_role("tab", name="2D", exact=True).click()
    page.wait_for_function("!location.search.includes('tab=catalogue')")
    assert page.evaluate(size) == 28
    assert page.is_checked(f"{PLAYER} .fm-size")
    legend, canvas = box(page, f"{PLAYER} .fm-legend"), box(page, f"{PLAYER} canvas")
    assert legend["y"] >= canvas["bottom"]
    page.uncheck(f"{PLAYER} .fm-size")
    assert page.evaluate(size) == 18
    assert query(page) == {}


def test_the_source_and_new_noise(page):
    await_run(page, lambda: choose(page, "source", "eight-gaussians"))
    assert "Eight Gaussians → Moons" in page.inner_text(f"{PLAYER} .fm-watch")
    page.click("#points-more .label-wrap")
    await_run(page, lambda: page.click("#points-dice"))
    number = page.locator("#points-seed input").input_value()
    assert number != "0"
    assert f"seed {number}" in page.inner_text(f"{PLAYER} .fm-watch")
    assert query(page) == {"source": "eight-gaussians", "seed": number}
    await_run(page, lambda: set_number(page, "particles", 300))
    assert "300 particles" in page.inner_text(f"{PLAYER} .fm-watch")
    await_run(page, lambda: set_number(page, "seed", 2147483647))
    await_run(page, lambda: set_number(page, "particles", 5000))
    fields = page.locator(".fm-controls input[type=number]:visible")
    assert fields.count() == 3
    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)
        assert fields.evaluate_all("(all) => all.filter((field) => field.scrollWidth > field.clientWidth)") == []
    page.set_viewport_size(WIDE)
    page.click("#points-more .label-wrap")


def test_a_number_that_cannot_be_is_put_right_when_its_entry_is_finished(page):
    """With a note at the field, one run, and no refusal on the way."""
    page.click("#points-more .label-wrap")
    for name, typed, kept in [
        ("steps", "3000", "200"),
        ("steps", "", "1"),
        ("seed", "-5", "0"),
        ("particles", "7", "100"),
    ]:
        field = page.locator(f"#points-{name} input[type=number]")
        if field.input_value() == kept:
            await_run(page, lambda name=name: set_number(page, name, 150))
        shown = page.inner_text(f"{PLAYER} .fm-watch") + caption(page)
        field.fill("")
        field.press_sequentially(typed)
        assert page.locator(".toast-wrap [data-testid=toast-body]").count() == 0
        assert not page.is_visible(f"{PLAYER} .fm-refusal")
        assert page.locator(".fm-field-note").count() == 0
        await_run(page, lambda field=field: field.press("Tab"))
        expect(field).to_have_value(kept)
        expect(page.locator(".fm-field-note")).to_contain_text(f"so it is now {kept}.")
        assert page.inner_text(f"{PLAYER} .fm-watch") + caption(page) != shown
        await_run(page, lambda field=field: (field.fill("120"), field.press("Enter")))
        assert page.locator(".fm-field-note").count() == 0
    page.click("#points-more .label-wrap")


def test_a_choice_is_one_run(page):
    before = int(state(page, "run"))
    await_run(page, lambda: choose(page, "schedule", "cosine"))
    await_run(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert int(state(page, "run")) == before + 2


# How an explanation's words look, wherever in the page it stands; a letter of a formula is in italics.
LOOK = """(text) => {
  const upright = [...text.querySelectorAll("i")].some((i) => getComputedStyle(i).fontStyle !== "italic");
  const { color, margin, maxWidth, fontSize } = getComputedStyle(text.querySelector("p:not(.fm-formula)"));
  return [color, margin, maxWidth, fontSize, upright].join(); }"""


def test_every_explanation_opens_by_mouse_and_by_keyboard_and_closes_by_escape(page):
    buttons = page.locator(
        "#points-player .fm-why:visible, .fm-columns:has(#points-player) .fm-controls .fm-why:visible"
    )
    assert buttons.count() >= 12
    looks = set()
    for k, button in enumerate(buttons.all()):
        text = page.locator(f"[id='{button.get_attribute('popovertarget')}']")
        if k % 3:
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")
        expect(text).to_be_visible()
        frame = text.bounding_box()
        assert frame is not None
        assert frame["x"] >= 0
        assert frame["x"] + frame["width"] <= WIDE["width"]
        assert frame["y"] >= 0
        assert frame["y"] + frame["height"] <= WIDE["height"]
        assert len(text.inner_text()) > 60
        looks.add(text.evaluate(LOOK))
        page.keyboard.press("Escape")
        expect(text).not_to_be_visible()
    assert len(looks) == 1
    tab = page.get_by_role("tab", name="2D", exact=True)
    tab.focus()
    assert tab.evaluate("(tab) => [tab.matches(':focus-visible'), getComputedStyle(tab).outlineOffset]") == [
        True,
        "-2px",
    ]


# ---- what is said


RECORD = """() => {
  const root = document.querySelector("#points-player .fm-player"), place = root.querySelector(".fm-state");
  const note = () => said.push([root.getAttribute("aria-busy"), place.textContent, root.matches(".fm-old")]);
  window.said = [];
  new MutationObserver(note).observe(place, { childList: true, characterData: true, subtree: true }); }"""


def test_the_start_and_the_end_of_a_run_and_a_refusal_are_announced(page):
    page.evaluate(RECORD)
    assert page.get_attribute(f"{PLAYER} .fm-state", "role") == "status"
    await_run(page, lambda: choose(page, "schedule", "cosine"))
    said = page.evaluate("said")
    assert said[0] == ["true", "Computing …", True]
    assert said[-1][1:] == ["New run: cosine · learned · Euler · 50 steps.", False]
    refusal = page.locator(f"{PLAYER} .fm-refusal")
    assert refusal.get_attribute("role") == "alert"
    assert not refusal.is_visible()
    await_run(page, lambda: go(page, "?steps=1000&seed=5"))
    expect(refusal).to_contain_text("steps must be a whole number from 1 to 200, not 1000.")
    assert "seed 5" in page.inner_text(f"{PLAYER} .fm-watch")
    await_run(page, lambda: choose(page, "schedule", "cosine"))
    expect(refusal).not_to_be_visible()
    page.evaluate("said.length = 0")
    for _ in range(2):
        await_answer(page, lambda: page.click("#points-compare-1"))
    assert page.evaluate("said.filter(([_, words]) => words.startsWith('New run:')).length") == 2


# ---- layout


def test_all_that_matters_is_in_sight_at_once_alone_and_compared(page):
    parts = [".fm-say", ".fm-panels", ".fm-plot", ".fm-scrub", ".fm-transport", ".fm-readout"]
    parts = [f"{PLAYER} {part}" for part in parts] + ["#points-compare", "#points-compare-0", "#points-target"]
    parts += [f"#points-{name}" for name in ("steps", "schedule", "coupling", "solver", "velocity")]
    for compared in (False, True):
        page.locator("#points-compare input").set_checked(compared)
        await_state(page, sides=1 + compared)
        idle(page)
        for part in parts:
            frame = box(page, part)
            assert frame["y"] >= 0, part
            assert frame["bottom"] <= WIDE["height"], part
        widths = [canvas.bounding_box()["width"] for canvas in page.locator(f"{PLAYER} canvas").all()]  # type: ignore[index]
        assert len(widths) == 1 + compared
        assert min(widths) >= 440
        main = box(page, f"{PLAYER} .fm-panels")
        assert sum(widths) >= main["width"] - 16  # no empty sides


def test_nothing_is_cut_off_or_scrolls_sideways(page):
    for compared in (False, True):
        page.set_viewport_size(WIDE)
        page.locator("#points-compare input").set_checked(compared)
        await_state(page, sides=1 + compared)
        idle(page)
        for viewport in (WIDE, NARROW):
            page.set_viewport_size(viewport)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_function(f"document.body.classList.contains('dark') === {str(scheme == 'dark').lower()}")
                assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
                assert page.evaluate(OUTSIDE) == []
                ink, paper = (brightness(page, *of) for of in (("color", ""), ("backgroundColor", " canvas")))
                assert (ink > paper) == (scheme == "dark")
                assert page.evaluate(f"getComputedStyle(document.querySelector('{PLAYER}')).colorScheme") in (
                    ["dark"] if scheme == "dark" else ["normal", "light"]
                )
        sizes = page.evaluate(f"""[...document.querySelectorAll('{PLAYER} .fm-panel canvas')]
          .map((c) => [c.width, c.height, c.clientWidth, c.clientHeight])""")
        assert len(sizes) == 1 + compared
        for width, height, inner_width, inner_height in sizes:
            assert (width, height) == (inner_width, inner_height)
    page.emulate_media(color_scheme="light")


def brightness(page: Page, name: str, within: str) -> int:
    colour = page.evaluate(f"getComputedStyle(document.querySelector('{PLAYER}{within}')).{name}")
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


# ---- taking a run along


def test_what_is_saved_is_the_run_that_is_shown(open_page, library):
    page = open_page("?compare=1&steps=3&steps_b=4&particles=100&seed=4")
    settings = Settings(particles=100, seed=4, sides=(Side(steps=3), Side("cosine", steps=4)))
    name = "moons-linear-euler-3-vs-moons-cosine-euler-4-seed4"
    page.click(f"{PLAYER} .fm-save summary")

    def saved(kind: str) -> bytes:
        with page.expect_download() as download:
            page.click(f"{PLAYER} [data-save={kind}]")
        assert download.value.suggested_filename == f"{name}.{kind}"
        return download.value.path().read_bytes()

    image = Image.open(io.BytesIO(saved("png")))
    assert image.width > 800
    table = saved("csv").decode().splitlines()
    assert len(table) == 1 + 4 + 5
    assert table[0].startswith("side,step,t,nfe,variance")
    with np.load(io.BytesIO(saved("npz"))) as arrays:
        expected = exports.arrays(simulate(library, settings))
        assert set(arrays) == set(expected)
        for key, values in expected.items():
            assert np.array_equal(arrays[key], values), key
    page.click(f"{PLAYER} [data-save=py]")
    expect(page.locator("dialog.fm-listing")).to_be_visible()
    assert page.inner_text("dialog.fm-listing pre").strip() == snippet(settings).strip()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.fm-listing")).not_to_be_visible()


# ---- a server that does not answer


def test_a_server_that_does_not_answer_is_asked_again_and_the_player_says_so(open_page):
    """From the opening on: with growing pauses, at once by the button, and then all is as if nothing had been."""
    asked = []

    def busy(route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, json={"detail": "Queue is full."})

    page = open_page(until=f"{PLAYER}.fm-trouble", before=lambda page: page.route("**/fm/points", busy), expected="503")
    words = page.locator(f"{PLAYER} .fm-state")
    again = page.locator(f"{PLAYER} .fm-again")
    for pause in (2, 4, 8):
        expect(words).to_have_text(f"The server did not answer. Trying again in {pause} s.")
        expect(again).to_be_visible()
    assert len(asked) == 3
    for nothing in (".fm-legend", ".fm-now", ".fm-readout"):
        expect(page.locator(f"{PLAYER} {nothing}")).to_have_css("visibility", "hidden")
    waiting = f"getComputedStyle(document.querySelector('{PLAYER} .fm-plot'), '::before').content"
    assert page.evaluate(waiting) == '"loading the chart …"'
    page.unroute("**/fm/points")
    again.click()
    idle(page)
    expect(again).not_to_be_visible()
    expect(words).to_have_text("New run: linear · learned · Euler · 50 steps.")


def test_a_lost_connection_is_told_and_the_page_comes_back_with_it(open_page):
    page = open_page("?steps=7", expected="ERR_INTERNET_DISCONNECTED", offline=False)
    words = page.locator(f"{PLAYER} .fm-state")
    page.wait_for_selector(f"{PLAYER} .fm-plot .xy")
    page.context.set_offline(True)
    choose(page, "schedule", "cosine")
    expect(words).to_have_text(re.compile("^The server did not answer. Trying again in 2 s.$"))
    expect(page.locator(f"{PLAYER} .fm-again")).to_be_visible()
    assert caption(page) == "linear · learned · Euler · 7 steps"
    page.context.set_offline(False)
    expect(words).to_have_text(re.compile("^New run"))
    expect(page.locator(f"{PLAYER} .fm-a figcaption")).to_have_text(re.compile("· 7 steps$"))


def test_two_people_do_not_see_each_others_runs(open_page):
    first, second = open_page(), open_page("?target=spirals&seed=3")
    await_run(first, lambda: first.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert "Moons" in first.inner_text(f"{PLAYER} .fm-watch")
    assert caption(first).endswith("51 steps")
    assert "Two spirals" in second.inner_text(f"{PLAYER} .fm-watch")
    assert caption(second).endswith("50 steps")


def test_figures_of_a_run_that_was_stopped_come_if_what_was_asked_next_is_refused(open_page):
    """The first answer is cut off behind its states, the next ask is refused, and all later ones are answered."""
    page = open_page("?particles=200")
    wanted: list[str] = []

    def answer(route) -> None:
        wanted.append(json.loads(route.request.post_data)["want"])
        if len(wanted) == 1:
            route.fulfill(status=200, body=states_alone(route.fetch().body()))
        elif len(wanted) == 2:
            route.fulfill(status=200, body=json.dumps({"refused": "Too much."}) + "\n")
        else:
            route.continue_()

    page.route("**/fm/points", answer)
    await_run(page, lambda: set_number(page, "steps", 7))
    expect(page.locator(f"{PLAYER} .fm-say")).to_contain_text("The distance to the data is being measured.")
    set_number(page, "steps", 9)
    expect(page.locator(f"{PLAYER} .fm-refusal")).to_have_text("Too much.")
    expect(page.locator(f"{PLAYER} .fm-numbers")).to_contain_text("chance alone")
    assert caption(page).endswith("7 steps")
    assert wanted == ["run", "run", "more"]
    page.unroute("**/fm/points")


def states_alone(body: bytes) -> bytes:
    """The messages of an answer up to the first that has states."""
    end = 0
    while True:
        line = body.index(b"\n", end) + 1
        header = json.loads(body[end:line])
        end = line + header.get("bytes", 0)
        if "sides" in header:
            return body[:end]
