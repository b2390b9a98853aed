"""The page in headless Chromium, used as a person would use it."""

import re
import shutil
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PLAYER = ".fm-player"
CAPTION = ".fm-a figcaption"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OUTSIDE = """() => [...document.querySelectorAll('.gradio-container :is(button, input, select, canvas, td, th, p, h1)')]
  .filter((e) => e.getBoundingClientRect().width && !e.matches('[tabindex="-1"]')) // those: tabs in the … menu
  .filter((e) => e.getBoundingClientRect().left < 0 || e.getBoundingClientRect().right > innerWidth)
  .map((e) => e.outerHTML.slice(0, 80))"""
PLOT = "document.querySelector('.fm-plot')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "The browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser) -> Iterator:
    """Opens an address, waits for its first run, or `until`; fails if the page has an error or asks another host."""
    contexts, problems = [], []

    def visit(address: str, query: str = "", player: str = PLAYER, until: str = "", **options) -> Page:
        context = browser.new_context(**{"viewport": WIDE, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type == "error" else None)
        own = (address, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else problems.append(f"foreign request: {r.url}"))
        page.goto(address + query)
        page.wait_for_selector(until or f"{player}:not([data-run='0'])")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def open_page(visit, address):
    return partial(visit, address)


def state(page: Page, name: str) -> str:
    return page.get_attribute(PLAYER, f"data-{name}") or ""


def await_change(page: Page, action) -> None:
    """Do the action and wait until a new run has arrived."""
    before = state(page, "run")
    action()
    page.wait_for_function(f"document.querySelector('{PLAYER}').dataset.run != '{before}'")


def idle(page: Page) -> None:
    """Wait until everything that was asked is answered."""
    page.wait_for_function(f"""() => {{ const root = document.querySelector('{PLAYER}');
      return root.dataset.asked === root.dataset.started && !root.hasAttribute("aria-busy"); }}""")


def pause_at_start(page: Page) -> None:
    page.click("[data-action=start]")
    assert state(page, "playing") == "false"
    assert state(page, "step") == "0"


def choose(page: Page, menu: str, option: str) -> None:
    page.click(f"#points-{menu} input")
    page.get_by_role("option", name=option, exact=True).click()


def caption(page: Page, side: str = "a") -> str:
    return page.inner_text(f".fm-{side} figcaption")


def canvas_colours(page: Page) -> int:
    """How many different colours the first canvas shows: one for a blank one."""
    return page.evaluate("""() => {
      const canvas = document.querySelector('.fm-panel canvas');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(new Uint32Array(pixels.buffer)).size;
    }""")


def test_a_first_visitor_sees_moons_move_without_touching_anything(open_page):
    page = open_page()
    assert "linear · learned · Euler, 50 steps" in caption(page)
    assert "→ Moons" in caption(page)
    page.wait_for_function(f"Number(document.querySelector('{PLAYER}').dataset.step) >= 3")
    assert state(page, "playing") == "true"
    assert canvas_colours(page) > 100


def test_the_variance_chart_has_measurement_theory_and_the_exact_field(open_page):
    page = open_page()
    page.wait_for_function(f"{PLOT}.data?.length === 3")
    names = page.evaluate(f"{PLOT}.data.map((trace) => trace.name)")
    assert names == ["measured", "exact, same solver", "theory"]
    lengths = page.evaluate(f"{PLOT}.data.map((trace) => trace.y.length)")
    assert lengths == [51, 51, 51]
    start, half, end = (page.evaluate(f"{PLOT}.data[2].y[{k}]") for k in (0, 25, 50))
    assert half == pytest.approx((start + end) / 4, rel=1e-3)  # linear: (1/2)² of each end
    assert page.locator(".fm-plot .js-line").first.bounding_box()["width"] > 100
    explanation = page.inner_text(".fm-explanation")
    assert "α² Var X₀ + β² Var X₁ (linear: α = 1 − t, β = t)" in explanation
    assert "exact field with the same solver" in explanation


@pytest.mark.parametrize(
    ("statistic", "series", "explanation"),
    [
        ("distance", ["W2", "sampling floor"], "Exact 2-Wasserstein distance"),
        ("speed", ["mean speed"], "Distance travelled in a step"),
        ("straightness", ["distance / path length"], "Distance from the start over the length"),
    ],
)
def test_the_chart_shows_the_other_statistics_and_says_what_they_are(open_page, statistic, series, explanation):
    page = open_page()
    page.select_option("[data-option=statistic]", statistic)
    page.wait_for_function(f"{PLOT}.data?.[0].name === '{series[0]}'")
    assert page.evaluate(f"{PLOT}.data.map((trace) => trace.name)") == series
    assert not page.is_visible("[data-option=dimensions]")
    assert page.inner_text(".fm-explanation").startswith(explanation)


def test_each_dimension_has_its_own_lines_on_demand(open_page):
    page = open_page()
    page.check("[data-option=dimensions]")
    page.wait_for_function(f"{PLOT}.data?.length === 6")


def test_a_slider_move_changes_the_run(open_page):
    page = open_page()
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert state(page, "steps") == "51"
    assert "51 steps" in caption(page)
    assert "steps=51" in page.url


def test_the_player_says_while_a_run_is_computed(open_page):
    page = open_page("?steps=100&solver=rk4")
    player = page.locator(PLAYER)
    expect(player).not_to_have_attribute("aria-busy", "true")
    page.locator("#points-steps input[type=range]").press("ArrowRight")
    expect(player).to_have_attribute("aria-busy", "true")
    expect(player).to_have_attribute("data-steps", "101")
    expect(player).not_to_have_attribute("aria-busy", "true")
    choose(page, "schedule", "cosine")
    expect(player).to_have_attribute("aria-busy", "true")
    expect(player).not_to_have_attribute("aria-busy", "true", timeout=20_000)
    assert "cosine" in caption(page)


def test_many_quick_slider_moves_end_at_the_last_one(open_page):
    page = open_page()
    slider = page.locator("#points-steps input[type=range]")
    for _ in range(12):
        slider.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('{PLAYER}').dataset.steps === '62'")


def test_playback_never_calls_the_server(open_page):
    page = open_page()
    page.wait_for_selector(".fm-plot .legend")
    idle(page)
    calls = []
    page.on("request", lambda request: calls.append(request.url) if "/queue/join" in request.url else None)
    page.click("[data-action=play]")
    page.select_option("[data-option=arrows]", "difference")
    page.select_option("[data-option=paths]", "whole")
    page.select_option("[data-option=statistic]", "distance")
    page.locator(".fm-scrub").fill("300")
    for action in ("forward", "back", "start", "end", "play"):
        page.click(f"[data-action={action}]")
    assert calls == []
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    idle(page)
    assert len(calls) == 1  # the slider's; a call of the playback would have come before


def test_the_transport_steps_from_state_to_state(open_page):
    page = open_page("?steps=5")
    pause_at_start(page)
    for expected in range(1, 6):
        page.click("[data-action=forward]")
        assert state(page, "step") == str(expected)
        assert float(state(page, "t")) == pytest.approx(expected / 5, abs=1e-4)
    page.click("[data-action=back]")
    assert state(page, "step") == "4"
    page.click("[data-action=end]")
    assert state(page, "step") == "5"


def test_playing_without_loop_stops_at_the_end(open_page):
    page = open_page()
    page.uncheck("[data-option=loop]")
    page.select_option("[data-option=speed]", "4")
    page.wait_for_function(f"document.querySelector('{PLAYER}').dataset.playing === 'false'")
    assert state(page, "step") == "50"


def test_keys_drive_the_player(open_page):
    page = open_page()
    page.focus(PLAYER)
    page.keyboard.press("Home")
    assert state(page, "step") == "0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert state(page, "step") == "2"
    page.keyboard.press("ArrowLeft")
    assert state(page, "step") == "1"
    page.keyboard.press("End")
    assert state(page, "step") == "50"
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{PLAYER}').dataset.playing === 'true'")
    page.keyboard.press("Space")
    assert state(page, "playing") == "false"


def test_keys_in_a_slider_belong_to_the_slider(open_page):
    page = open_page()
    pause_at_start(page)
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowLeft"))
    assert state(page, "steps") == "49"
    assert state(page, "step") == "0"


def test_everything_in_the_player_can_be_reached_by_tab_and_has_a_name(open_page):
    page = open_page()
    unnamed = page.evaluate(f"""() => [...document.querySelectorAll('{PLAYER} :is(button, input, select, canvas)')]
      .filter((e) => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim()))
      .map((e) => e.outerHTML)""")
    assert unnamed == []
    page.focus(PLAYER)
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.action || document.activeElement.dataset.option"))
    assert {"start", "back", "play", "forward", "end", "speed", "paths", "arrows", "loop", "statistic"} <= reached


def test_clicking_the_chart_moves_the_clock(open_page):
    page = open_page()
    page.wait_for_selector(".fm-plot .nsewdrag")
    pause_at_start(page)
    box = page.locator(".fm-plot .nsewdrag").bounding_box()
    for fraction in (0.61, 0.25):  # between two states, far from any line, one quickly after the other
        page.mouse.click(box["x"] + fraction * box["width"], box["y"] + 0.9 * box["height"])
        page.wait_for_function(
            f"Math.abs(document.querySelector('{PLAYER}').dataset.t - {fraction}) < 2 / {box['width']}"
        )


def test_the_cursor_of_the_chart_follows_the_clock(open_page):
    page = open_page()
    page.wait_for_selector(".fm-plot .nsewdrag")
    plot = page.locator(".fm-plot .nsewdrag").bounding_box()
    for action, fraction in (("start", 0), ("end", 1)):
        page.click(f"[data-action={action}]")
        cursor = page.locator(".fm-cursor").bounding_box()
        assert cursor["x"] == pytest.approx(plot["x"] + fraction * plot["width"], abs=3)


def test_a_clicked_particle_stays_lit_and_its_coordinates_can_be_read(open_page):
    page = open_page()
    page.click("[data-action=end]")
    box = page.locator(".fm-panel canvas").bounding_box()
    low, high = -3.0, 3.0  # the upper moon passes near (0, 1), whatever the exact window is
    page.mouse.click(
        box["x"] + box["width"] * (0.05 - low) / (high - low), box["y"] + box["height"] * (high - 0.95) / (high - low)
    )
    readout = page.inner_text(".fm-readout")
    assert re.match(r"Particle \d+: x₀ = \(-?\d\.\d{3}, -?\d\.\d{3}\), x_t = .*, x₁ = ", readout)
    particle = state(page, "selected")
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert state(page, "selected") == particle
    page.fill(".fm-particle", "7")
    assert page.inner_text(".fm-readout").startswith("Particle 7: ")
    page.focus(PLAYER)
    page.keyboard.press("Escape")
    assert state(page, "selected") == ""


def test_compare_shows_two_runs_on_one_noise_one_clock_and_one_chart(open_page):
    page = open_page()
    await_change(page, lambda: page.check("#points-compare input"))
    assert state(page, "sides") == "2"
    assert "A: linear" in caption(page, "a")
    assert "B: cosine" in caption(page, "b")
    page.wait_for_function(f"{PLOT}.data?.length === 6")
    await_change(page, lambda: page.locator("#points-steps_b input[type=range]").press("ArrowRight"))
    assert "51 steps" in caption(page, "b")
    assert "50 steps" in caption(page, "a")
    page.fill(".fm-particle", "0")
    starts = re.findall(r"x₀ = (\([^)]*\))", page.inner_text(".fm-readout"))
    assert len(starts) == 2
    assert starts[0] == starts[1]
    await_change(page, lambda: page.uncheck("#points-compare input"))
    assert state(page, "sides") == "1"
    assert page.locator(".fm-panel").count() == 1


@pytest.mark.parametrize(
    ("preset", "a", "b"),
    [
        ("Linear / cosine on N((1, 1), I)", "linear · learned", "cosine · learned"),
        ("5 / 50 steps", "5 steps", "50 steps"),
        ("Euler / RK4 at NFE 40", "Euler, 40 steps", "RK4, 10 steps"),
        ("Independent / optimal transport", "linear · learned", "optimal transport"),
        ("Learned / exact", "learned", "exact"),
        ("Linear / ReLU output layer", "linear · learned", "ReLU output"),
    ],
)
def test_presets_show_their_comparison(open_page, preset, a, b):
    page = open_page()
    await_change(page, lambda: page.get_by_role("button", name=preset).click())
    assert a in caption(page, "a")
    assert b in caption(page, "b")


def test_a_preset_sets_the_controls_so_that_sliders_go_on_from_it(open_page):
    page = open_page()
    await_change(page, lambda: page.get_by_role("button", name="5 / 50 steps").click())
    expect(page.locator("#points-steps input[type=range]")).to_have_value("5")
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert "6 steps" in caption(page, "a")
    assert "50 steps" in caption(page, "b")


def test_a_combination_without_a_checkpoint_shows_the_exact_field_and_says_what_it_needs(open_page):
    page = open_page()
    choose(page, "target", "Circles")
    expect(page.locator(CAPTION)).to_contain_text("Circles")
    expect(page.locator(CAPTION)).to_contain_text("learned")
    choose(page, "schedule", "quadratic (exact)")
    expect(page.locator(CAPTION)).to_contain_text("quadratic · exact")
    expect(page.locator("#points-note")).to_contain_text("no trained checkpoint for circles-quadratic")
    choose(page, "target", "Moons")
    expect(page.locator("#points-note")).to_contain_text("moons-quadratic-ot")


def test_the_source_can_be_chosen(open_page):
    page = open_page()
    choose(page, "source", "Eight Gaussians")
    expect(page.locator(CAPTION)).to_contain_text("Eight Gaussians → Moons")
    choose(page, "coupling", "optimal transport")
    expect(page.locator(CAPTION)).to_contain_text("optimal transport")


def test_a_choice_from_a_menu_is_one_run_though_gradio_reports_it_twice(open_page):
    page = open_page()
    before = int(state(page, "run"))
    choose(page, "schedule", "cosine")
    expect(page.locator(CAPTION)).to_contain_text("cosine")
    idle(page)
    await_change(page, lambda: page.locator("#points-steps input[type=range]").press("ArrowRight"))
    idle(page)
    assert int(state(page, "run")) == before + 2  # the menu's, and the slider's, which comes after all of the menu's


def test_the_dice_draws_new_noise(open_page):
    page = open_page()
    await_change(page, lambda: page.click("#points-dice"))
    seed = re.search(r"seed (\d+)", caption(page))
    assert seed
    assert seed.group(1) != "0"
    assert f"seed={seed.group(1)}" in page.url


def test_a_link_opens_the_same_setting(open_page):
    page = open_page(
        "?target=spirals&schedule=cosine&steps=12&compare=1&velocity_b=exact&solver_b=rk4&particles=300&seed=5"
    )
    assert "cosine · learned · Euler, 12 steps" in caption(page, "a")
    assert "cosine · exact · RK4, 50 steps" in caption(page, "b")
    assert "300 particles, seed 5" in caption(page, "a")
    expect(page.locator("#points-steps input[type=range]")).to_have_value("12")
    again = open_page(page.url[page.url.index("?") :])
    assert caption(again, "b") == caption(page, "b")


def test_a_wrong_link_opens_the_default_and_says_so(open_page):
    page = open_page("?steps=1000")
    assert "linear · learned · Euler, 50 steps" in caption(page)
    expect(page.locator(".toast-wrap")).to_contain_text("steps must be a whole number from 1 to 200, not 1000.")


def test_a_wrong_seed_is_answered_by_a_sentence_and_loses_nothing(open_page):
    page = open_page()
    before = caption(page)
    page.fill("#points-seed input", "-5")
    expect(page.locator(".toast-wrap")).to_contain_text("seed must be a whole number from 0 to 2147483647, not -5.")
    assert caption(page) == before
    expect(page.locator(PLAYER)).not_to_have_attribute("aria-busy", "true")
    await_change(page, lambda: page.fill("#points-seed input", "5"))
    assert "seed 5" in caption(page)


def test_the_arrows_offered_and_the_theory_told_are_those_that_exist(open_page):
    page = open_page("?coupling=ot")
    assert "+ 2αβ Cov(X₀, X₁)" in page.inner_text(".fm-explanation")
    assert "exact" not in page.inner_text(".fm-explanation")
    enabled = (
        "[...document.querySelector('[data-option=arrows]').options].filter((o) => !o.disabled).map((o) => o.value)"
    )
    assert page.evaluate(enabled) == ["none", "learned"]
    other = open_page()
    assert other.evaluate(enabled) == ["none", "learned", "exact", "difference"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("query", ["", "?compare=1"], ids=["one", "two"])
def test_nothing_is_cut_off_or_scrolls_sideways(open_page, scheme, viewport, query):
    page = open_page(query, viewport=viewport, color_scheme=scheme)
    page.wait_for_selector(".fm-plot .legend")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    outside = page.evaluate(OUTSIDE)
    assert outside == []
    ink, paper = page.evaluate("""() => ['color', 'backgroundColor'].map((name) =>
      getComputedStyle(document.querySelector(name === 'color' ? '.fm-player' : '.fm-panel canvas'))[name])""")
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, paper)]
    assert (brightness[0] > brightness[1]) == (scheme == "dark")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("query", ["", "?compare=1"], ids=["one", "two"])
def test_pictures_are_as_high_as_wide_inside_and_out(open_page, viewport, query):
    """At 390 pixels the canvas is 300 wide, as wide as one is by default: its default height of 150 must not stay."""
    page = open_page(query, viewport=viewport)
    sizes = page.evaluate("""[...document.querySelectorAll('.fm-panel canvas')]
      .map((c) => [c.width, c.height, c.clientWidth, c.clientHeight])""")
    assert len(sizes) == 1 + bool(query)
    for size in sizes:
        assert size == pytest.approx([size[0]] * 4, abs=1)


@pytest.mark.parametrize("query", ["", "?compare=1"], ids=["one", "two"])
def test_particles_chart_and_figures_are_in_view_without_scrolling(open_page, query):
    page = open_page(query)
    for part in (".fm-panels", ".fm-transport", ".fm-plot", ".fm-numbers"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= WIDE["height"], part


def test_the_player_comes_before_the_controls_on_a_narrow_screen(open_page):
    page = open_page(viewport=NARROW)
    assert page.locator(PLAYER).bounding_box()["y"] < page.locator("#points-steps").bounding_box()["y"]


def test_reduced_motion_is_respected(open_page):
    page = open_page(reduced_motion="reduce")
    page.evaluate("async () => { for (let k = 0; k < 20; k++) await new Promise(requestAnimationFrame); }")
    assert state(page, "playing") == "false"
    assert state(page, "step") == "50"
    page.click("[data-action=play]")
    assert state(page, "playing") == "true"


def test_the_tab_of_trained_flows_lists_every_flow_and_draws_the_quality(open_page):
    page = open_page()
    page.get_by_role("tab", name="Trained flows").click()
    expect(page.locator("#catalogue")).to_contain_text("moons-linear-relu-output")
    expect(page.locator("#quality .js-plotly-plot")).to_be_visible()
    page.get_by_role("tab", name="2D flows").click()
    expect(page.locator(PLAYER)).to_be_visible()


def test_two_people_do_not_see_each_others_runs(open_page):
    first, second = open_page(), open_page("?target=spirals&seed=3")
    await_change(first, lambda: first.locator("#points-steps input[type=range]").press("ArrowRight"))
    assert "Moons" in caption(first)
    assert "51 steps" in caption(first)
    assert "Two spirals" in caption(second)
    assert "50 steps" in caption(second)
