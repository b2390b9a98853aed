"""The lessons: their files, and the tab in a browser, with the lesson that CONTRIBUTING.md adds."""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from playwright.sync_api import Page, Route, expect

from fm_core.library import Library
from fm_core.maths.flow import Flow
from fm_core.ui.lesson_controls import described, tries_of, values_of
from fm_core.ui.lesson_formulas import formula, with_formulas
from fm_core.ui.lessons import Lesson, LessonError, lessons
from fm_core.ui.page import build_page, launch_options
from tests import (
    lesson_checks_models,
    lesson_checks_noise,
    lesson_checks_paths,
    lesson_checks_perfect,
    lesson_checks_probes,
)
from tests.pages import NARROW, WIDE

PARTS = (lesson_checks_paths, lesson_checks_models, lesson_checks_probes, lesson_checks_noise, lesson_checks_perfect)
CHECKS = {name: check for part in PARTS for name, check in part.CHECKS.items()}

ROOT = Path(__file__).parent.parent
OUTSIDE = """(all) => { const right = (e) => e.getBoundingClientRect().right;
  return all.filter((e) => right(e) > right(e.closest(".fm-lesson-controls")) + 0.5).map((e) => e.outerHTML); }"""
PLAYER = ".fm-lesson-player .fm-player:not([data-run='0'])"


HOLD = """() => {
  const { fetch } = window, held = new Promise((done) => { window.release = done; });
  window.fetch = async (...asked) => { await held; return fetch(...asked); };
}"""


def example() -> str:
    """The lesson of CONTRIBUTING.md."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add a lesson\n")[1].split("\n## ")[0]
    return textwrap.dedent("\n".join(line for line in section.splitlines() if line.startswith("    ") or not line))


@pytest.fixture(scope="session")
def added(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Lesson]:
    """The shipped lessons, and that of CONTRIBUTING.md."""
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "99-more-particles.toml").write_text(example(), encoding="utf-8")
    return {**lessons(), **lessons(folder)}


@pytest.fixture(scope="module")
def taught(library: Library, added: Mapping[str, Lesson]) -> Iterator[Any]:
    """The address of a page with these lessons."""
    page = build_page(library, added)
    page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield page.local_url
    page.close()


@pytest.fixture
def open_lesson(visit: Callable[..., Page], taught: str) -> Callable[..., Page]:
    """Opens a page at a lesson, perhaps with further parameters of the address."""

    def opened(lesson: str, more: str = "", **options: Any) -> Page:
        until = f".fm-lesson[data-lesson='{lesson}'] .fm-prediction"
        return visit(taught, f"?lesson={lesson}{more}", until=until, **options)

    return opened


def body(page: Page, lesson: str) -> Any:
    return page.locator(f".fm-lesson[data-lesson='{lesson}'] .fm-lesson-body")


# Files


def write(folder: Path, content: str, name: str = "1-test.toml") -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title =", "titel =", "has no title"),
        ("right = true", "", "one of its choices must be right, and only one"),
        ("right = true", "right = false", "one of its choices must be right, and only one"),
        ("suggest =", "hint =", "one of the experiments has hint, which is none of title, conclusion, tab"),
        ('title = "What', 'title = What', "Invalid value"),
        ("[[answer]]\nsay", "[[answer]]\nsays", "one of the answer has no say"),
    ],
)  # fmt: skip
def test_a_lesson_that_cannot_be_used_gives_one_sentence_with_its_name(tmp_path, old, new, words):
    content = example()
    assert old in content
    with pytest.raises(LessonError, match=r"^The lesson 1-test\.toml cannot be used: .*" + re.escape(words)):
        lessons(write(tmp_path, content.replace(old, new, 1)))


def test_the_name_of_a_lesson_begins_with_its_number(tmp_path):
    with pytest.raises(LessonError, match="its name must begin with its number"):
        lessons(write(tmp_path, example(), "variance.toml"))


def test_lessons_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("10-c.toml", "02-a.toml", "9-b.toml"):
        write(tmp_path, example(), name)
    assert list(lessons(tmp_path)) == ["2", "9", "10"]


def test_two_lessons_of_one_number_are_refused(tmp_path):
    for name in ("2-a.toml", "02-b.toml"):
        write(tmp_path, example(), name)
    with pytest.raises(LessonError, match=r"^Two lessons have the number 2\.$"):
        lessons(tmp_path)


def test_values_that_cannot_be_run_are_named_with_their_experiment(tmp_path):
    lesson = lessons(write(tmp_path, example().replace("particles = 500", "particles = 5")))["1"]
    with pytest.raises(LessonError, match="'The band around theory' cannot be run: particles must be a whole number"):
        values_of(lesson.experiments[0], [])


def test_a_control_of_no_setting_is_named(tmp_path):
    lesson = lessons(write(tmp_path, example().replace('controls = ["particles"]', 'controls = ["sides"]')))["1"]
    with pytest.raises(LessonError, match="no setting 'sides'"):
        described(lesson.experiments[0])


def compared(tmp_path: Path, values: str, control: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = example().replace('target = "gaussian", particles = 500, steps = 20', values)
    experiment = lessons(write(tmp_path, content.replace('["particles"]', f'["{control}"]')))["1"].experiments[0]
    return values_of(experiment, ["source", "pictures"]), described(experiment)


def test_what_is_given_for_one_side_holds_for_both_unless_the_other_has_its_own(tmp_path):
    values, [control] = compared(tmp_path, "compare = true, steps = 20, solver_b = 'rk4'", "steps")
    assert (values["steps"], values["steps_b"], values["solver"], values["solver_b"]) == (20, 20, "euler", "rk4")
    assert values["pictures"] == ""
    assert control == {"sets": ["steps", "steps_b"], "title": "Steps", "least": 1, "most": 200, "step": 1}


def test_a_number_can_be_offered_as_choices(tmp_path):
    content = example().replace('["particles"]', '[{ name = "particles", choices = [500, 2000] }]')
    [control] = described(lessons(write(tmp_path, content))["1"].experiments[0])
    assert control == {"sets": ["particles"], "title": "Particles", "choices": [["500", 500], ["2000", 2000]]}


def test_a_control_of_what_the_sides_differ_in_says_of_which(tmp_path):
    _, [control] = compared(tmp_path, "compare = true, steps = 20, steps_b = 50", "steps_b")
    assert (control["sets"], control["title"]) == (["steps_b"], "Steps of run B")


@pytest.mark.parametrize("wanted", ["particles = 50", "particles = 5001", "seed = 1"])
def test_a_button_that_no_control_can_follow_is_named(tmp_path, wanted):
    lesson = lessons(write(tmp_path, example().replace("{ particles = 2000 }", f"{{ {wanted} }}")))["1"]
    with pytest.raises(LessonError, match=re.escape(f"No control of 'The band around theory' can be set to {wanted}")):
        tries_of(lesson.experiments[0])


@pytest.mark.parametrize("place", ["probe=0.2,0.4", "t=0.5", "chart=speed", "probe=0.2,0.4&t=0.5"])
def test_a_button_puts_the_probe_only_where_there_is_one(tmp_path, place):
    content = example().replace("set = { particles = 2000 }", f'show = "{place}"')
    with pytest.raises(LessonError, match=re.escape(f"has no probe to be put at '{place}'")):
        tries_of(lessons(write(tmp_path, content))["1"].experiments[0])
    if "probe" in place and "t=" in place:
        (tmp_path / "with").mkdir()
        shown = content.replace('tab = "points"\n', 'tab = "points"\nshow = "probe=0,0&t=0.1"\n')
        tries = tries_of(lessons(write(tmp_path / "with", shown))["1"].experiments[0])
        assert tries == [{"set": {}, "show": place}]


@pytest.mark.parametrize("number", lessons())
def test_sliders_of_lessons_have_steps_that_can_be_hit(number):
    controls = [c for e in lessons()[number].experiments if e.tab for c in described(e)]
    sliders = [c for c in controls if "step" in c and c["sets"][0] != "seed"]
    assert all((c["most"] - c["least"]) / c["step"] <= 400 for c in sliders)


def test_formulas_become_mathml_that_names_its_source():
    assert formula("x^2").startswith('<math alttext="x^2"')
    assert with_formulas("between $a < b$ and") == f"between {formula('a < b', 'inline')} and"
    assert 'alttext="a &lt; b"' in formula("a < b")


def test_no_line_begins_with_the_punctuation_after_a_formula():
    assert with_formulas("of $t$, and") == f'of <span class="fm-whole">{formula("t", "inline")},</span> and'


@pytest.mark.parametrize("number", lessons())
def test_every_lesson_asks_predicts_shows_and_derives(number):
    lesson = lessons()[number]
    assert len(lesson.choices) >= 3
    assert len({choice.text for choice in lesson.choices}) == len({choice.answer for choice in lesson.choices})
    assert all(len(choice.answer) > 50 for choice in lesson.choices)
    assert lesson.experiments
    assert all(experiment.conclusion for experiment in lesson.experiments)
    assert any(step.formulas for step in lesson.answer)


def texts(lesson: Lesson) -> str:
    choices = [part for choice in lesson.choices for part in (choice.text, choice.answer)]
    experiments = [part for e in lesson.experiments for part in (e.title, e.about, e.suggest)]
    said = [case.say for e in lesson.experiments for case in e.conclusion]
    steps = [step.say for step in lesson.answer]
    return " ".join([lesson.title, lesson.question, lesson.ask, *choices, *experiments, *said, *steps, *lesson.sources])


@pytest.mark.parametrize("number", lessons())
def test_no_latex_is_left_over_in_a_lesson(number):
    lesson = lessons()[number]
    assert "\\" not in re.sub(r'alttext="[^"]*"', "", with_formulas(texts(lesson)))
    lines = [formula(line) for step in lesson.answer for line in step.formulas]
    assert [line for line in lines if re.search(r"\\|<mi>&(amp;)?</mi>", re.sub(r'alttext="[^"]*"', "", line))] == []


# The tab


def predict(page: Page, lesson: str, choice: int) -> None:
    form = body(page, lesson).locator(".fm-prediction")
    form.locator("input").nth(choice).check()
    form.get_by_role("button", name="This is my prediction").click()


def begin(page: Page, lesson: str) -> None:
    """Go on without a prediction, unless the link leads to a run."""
    body(page, lesson).locator(".fm-prediction").wait_for(state="attached")
    skip = body(page, lesson).get_by_role("button", name="Go on without one")
    if skip.is_visible():
        skip.click()


def set_slider(page: Page, lesson: str, title: str, value: int) -> None:
    slider = body(page, lesson).get_by_label(title, exact=True)
    slider.evaluate("(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value)


def concluded(page: Page, lesson: str, experiment: int, words: str | re.Pattern) -> str:
    place = body(page, lesson).locator(f"[data-experiment='{experiment}'] .fm-conclusion")
    expect(place).to_contain_text(words)
    return place.inner_text()


def test_an_added_lesson_is_predicted_shown_changed_and_concluded(open_lesson, library):
    page = open_lesson("99")
    predict(page, "99", 0)
    expect(body(page, "99").locator(".fm-verdict")).to_have_text(re.compile(r"^No\. The error falls with the root"))
    expect(body(page, "99").locator(".fm-prediction input").first).to_be_disabled()
    body(page, "99").get_by_role("button", name="Show me").click()
    flow: Flow = library.flows["gaussian-linear"]
    for particles in (500, 2000):
        if particles != 500:
            set_slider(page, "99", "Particles", particles)
        said = concluded(page, "99", 0, f"With {particles:,} particles")
        torch.set_num_threads(1)
        measured = flow.sample(particles, steps=20).x[-1].var(0).mean()
        assert f"measured is {measured:.3f}" in said
        band = float(re.search(r"±\s([\d.]+)", said)[1])  # pyright: ignore[reportOptionalSubscript]
        assert band == pytest.approx(2 * (2 / (2 * particles)) ** 0.5, rel=0.2)  # two dimensions, variance about 1
    expect(page.locator(".fm-lesson[data-lesson='99'] .fm-lesson-state")).to_have_text("done")
    page.wait_for_function("location.search === '?tab=lessons&lesson=99&show=1&particles=2000'")


def test_a_link_opens_a_lesson_at_its_state_and_the_prediction_is_kept(open_lesson):
    page = open_lesson("99", "&show=1&particles=1000")
    concluded(page, "99", 0, "With 1,000 particles")
    predict(page, "99", 1)
    page.reload()
    concluded(page, "99", 0, "With 1,000 particles")
    expect(body(page, "99").locator(".fm-verdict")).to_contain_text("Yes. The standard error")


def test_a_link_leads_to_the_top_of_its_lesson(open_lesson):
    page = open_lesson("11")
    top = "document.querySelector(\"[data-lesson='11']\").getBoundingClientRect().top"
    page.wait_for_function(f"Math.abs({top}) < 20")


@pytest.mark.parametrize("more", ["&particles=5&magic=1", "&particles=many&show=7", "&particles="])
def test_a_link_with_what_cannot_be_opens_the_lesson_as_it_is(open_lesson, more):
    page = open_lesson("99", more)
    begin(page, "99")
    body(page, "99").get_by_role("button", name="Show me").click()
    concluded(page, "99", 0, "With 500 particles")


def test_a_teachers_link_hides_what_it_names(open_lesson):
    page = open_lesson("99", "&hide=answers,conclusions")
    predict(page, "99", 1)
    body(page, "99").get_by_role("button", name="Show me").click()
    body(page, "99").locator(PLAYER).wait_for()
    for part in (".fm-verdict", ".fm-derivation", ".fm-conclusion"):
        expect(body(page, "99").locator(part)).to_be_hidden()
    set_slider(page, "99", "Particles", 1500)
    page.wait_for_function("new URLSearchParams(location.search).get('particles') === '1500'")
    assert page.evaluate("new URLSearchParams(location.search).get('hide')") == "answers,conclusions"


def test_a_button_sets_what_it_says_and_another_undoes_it(open_lesson):
    page = open_lesson("99", "&show=1&particles=1000")
    concluded(page, "99", 0, "With 1,000 particles")
    wanted, undo = (body(page, "99").get_by_role("button", name=name) for name in ("2,000 particles", "As at first"))
    expect(wanted).to_have_attribute("aria-pressed", "false")
    wanted.click()
    concluded(page, "99", 0, "With 2,000 particles")
    expect(body(page, "99").get_by_label("Particles", exact=True)).to_have_value("2000")
    expect(wanted).to_have_attribute("aria-pressed", "true")
    undo.click()
    concluded(page, "99", 0, "With 500 particles")
    expect(undo).to_be_hidden()
    page.wait_for_function("location.search === '?tab=lessons&lesson=99&show=1'")


def test_a_conclusion_of_an_earlier_run_is_dimmed_until_the_newest_one_is_there(open_lesson):
    page = open_lesson("99", "&show=1")
    concluded(page, "99", 0, "With 500 particles")
    page.evaluate(HOLD)
    place = body(page, "99").locator("[data-experiment='0']")
    for particles in (1000, 1500):
        set_slider(page, "99", "Particles", particles)
        expect(place.locator(".fm-conclusion")).to_have_css("opacity", "0.4")
    expect(place.locator(".fm-conclusion")).to_have_attribute("aria-busy", "true")
    assert "With 500 particles" in place.inner_text()
    page.evaluate("release()")
    concluded(page, "99", 0, "With 1,500 particles")
    expect(place.locator(".fm-conclusion")).to_have_css("opacity", "1")
    expect(place.locator(".fm-conclusion")).to_have_attribute("aria-busy", "false")


def test_other_data_are_seen_at_the_time_that_the_question_is_about(open_lesson):
    page = open_lesson("3", "&show=1", reduced_motion="no-preference")
    concluded(page, "3", 0, "at t = 0.50")
    body(page, "3").get_by_role("button", name="narrower: moons").click()
    concluded(page, "3", 0, "¼ · 0.503")
    player = body(page, "3").locator(PLAYER)
    assert (player.get_attribute("data-t"), player.get_attribute("data-playing")) == ("0.5000", "false")


def test_with_the_keyboard_one_goes_from_the_question_to_the_next_lesson(open_lesson):
    page = open_lesson("11")
    body(page, "11").get_by_role("radio").first.focus()
    focused = "document.activeElement.className"
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "fm-verdict"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "fm-show-me"
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "fm-shown"
    settled(page, "11", 0)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "Steps"
    body(page, "11").get_by_role("button", name=f"Next: 12. {lessons()['12'].title}").press("Enter")
    body(page, "12").get_by_role("radio").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "lesson-12"
    expect(body(page, "11")).to_be_hidden()
    page.wait_for_function("new URLSearchParams(location.search).get('lesson') === '12'")


def test_after_the_last_lesson_comes_the_report(open_lesson):
    page = open_lesson("99")
    begin(page, "99")
    expect(body(page, "99").locator(".fm-next [data-lessons='report']")).to_have_text("Save my report")


def test_the_conclusion_follows_the_probe_which_buttons_keys_and_links_move(open_lesson):
    page = open_lesson("12", "&show=1&probe=0.5,-0.25&t=0.3")
    place = body(page, "12").locator("[data-experiment='0']")
    concluded(page, "12", 0, "At t = 0.30 and x = (0.50, −0.25), the pairs")
    settled(page, "12", 0)
    place.get_by_role("button", name="between two groups").click()
    concluded(page, "12", 0, "At t = 0.70 and x = (1.20, 0.50), the pairs")
    expect(place.get_by_role("button", name="between two groups")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("new URLSearchParams(location.search).get('probe') === '1.2,0.5'")
    place.locator(".fm-probe-point").press("Shift+ArrowUp")
    concluded(page, "12", 0, re.compile(r"At t = 0\.70 and x = \(1\.20, 1\.\d\d\), the pairs"))
    expect(place.get_by_role("button", name="between two groups")).to_have_attribute("aria-pressed", "false")
    place.locator(".fm-scrub").fill("900")
    concluded(page, "12", 0, "At t = 0.90 and x = (1.20, 1.")
    link = place.get_by_role("link", name="Open this run in the playground")
    assert re.search(r"target=eight-gaussians.*&probe=1\.2,1\.\d+&t=0\.9$", link.get_attribute("href") or "")
    place.locator(".fm-probe-point").press("Escape")
    concluded(page, "12", 0, "Click an empty place of the picture")
    place.get_by_role("button", name="As at first").click()
    concluded(page, "12", 0, "At t = 0.10 and x = (0.90, 0.90), the pairs")
    expect(place.get_by_role("button", name="As at first")).to_be_hidden()
    page.wait_for_function("!location.search.includes('probe')")


def test_the_run_opens_in_the_playground(open_lesson):
    page = open_lesson("99", "&show=1&particles=700")
    concluded(page, "99", 0, "With 700 particles")
    body(page, "99").get_by_role("link", name="Open this run in the playground").click()
    page.wait_for_selector("#points-player .fm-player:not([data-run='0'])")
    expect(page.locator("#points-player .fm-watch")).to_have_text("N(0, I) → N((1, 1), I) · 700 particles, seed 0")


def test_nothing_is_fetched_until_a_lesson_is_opened(visit, taught):
    asked: list[str] = []
    listen = lambda page: page.on("request", lambda request: asked.append(request.url))  # noqa: E731
    page = visit(taught, "?tab=lessons", until=".fm-lesson", before=listen)
    expect(page.locator(".fm-lessons-progress")).to_contain_text("done")
    assert [url for url in asked if "/fm/" in url] == []


def test_a_lesson_that_is_opened_before_its_script_is_there_is_shown(visit, taught):
    held: list[Route] = []
    page = visit(
        taught,
        "?tab=lessons",
        until=".fm-lesson",
        before=lambda page: page.route("**/lessons.js", lambda route: held.append(route)),
    )
    page.locator(".fm-lesson[data-lesson='99'] > summary").click()
    page.wait_for_function("document.querySelector('.fm-lesson[data-lesson=\"99\"]').open")
    while not held:
        page.wait_for_timeout(10)  # in which Playwright hears of requests
    held[0].continue_()
    expect(body(page, "99").locator(".fm-prediction")).to_be_visible()


def test_after_going_back_every_lesson_that_is_opened_is_in_the_address(visit, taught):
    page = visit(taught, "?tab=lessons", until=".fm-lesson")

    def press(lesson: str, opens: bool) -> None:
        page.locator(f".fm-lesson[data-lesson='{lesson}'] > summary").click()
        if opens:
            expect(body(page, lesson).locator(".fm-prediction")).to_be_visible()
            named(lesson)

    def named(lesson: str) -> None:
        page.wait_for_function("(lesson) => new URLSearchParams(location.search).get('lesson') === lesson", arg=lesson)

    press("99", opens=True)
    press("1", opens=True)
    page.go_back()
    named("99")
    press("99", opens=False)
    press("2", opens=True)
    press("99", opens=True)


def test_players_out_of_sight_rest(open_lesson):
    page = open_lesson("99", "&show=1", reduced_motion="no-preference")
    player = body(page, "99").locator(PLAYER)
    player.wait_for()
    playing = "(root) => root.dataset.playing === 'true'"
    page.wait_for_function(playing, arg=player.element_handle())
    page.evaluate("document.querySelector('.fm-lessons').style.paddingTop = '5000px'; scrollTo(0, 0)")
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
    page.evaluate(frames)
    page.wait_for_function("(root) => root.getBoundingClientRect().top > 2000", arg=player.element_handle())
    before = player.get_attribute("data-t")
    for _ in range(10):
        page.evaluate(frames)
    assert player.get_attribute("data-t") == before


def test_an_unknown_lesson_is_refused_in_a_sentence(taught):
    response = httpx.get(f"{taught}fm/lessons/nought")
    assert response.status_code == 404
    assert response.json()["refused"].startswith("the lesson must be one of")


# The shipped lessons


def settled(page: Page, lesson: str, experiment: int) -> tuple[list[str], list[float]]:
    """The conclusion's paragraphs and its figures, once everything that was asked is answered."""
    place = body(page, lesson).locator(f"[data-experiment='{experiment}']")
    script = """(place) => { const root = place.querySelector(".fm-player"), { dataset } = root ?? {};
      const done = !root || (dataset.run !== "0" && dataset.asked === dataset.started && !root.ariaBusy);
      const said = place.querySelector(".fm-conclusion");
      return done && said.ariaBusy !== "true" && said.querySelector("p")?.checkVisibility(); }"""
    page.wait_for_function(script, arg=place.element_handle())
    said = place.locator(".fm-conclusion p").all_inner_texts()
    figures = place.locator(".fm-conclusion p b").all_inner_texts()
    return said, [number(text) for text in figures if re.match(r"[-−]?[\d.,]+( %)?$", text)]


def number(text: str) -> float:
    value = float(text.replace("−", "-").replace(",", "").removesuffix(" %"))
    return value / 100 if text.endswith(" %") else value


def other_value(control: Mapping[str, Any], value: Any) -> Any:
    """Another value that a control can have, which is not more work."""
    if "choices" in control:
        return next(choice for _, choice in control["choices"] if choice != value)
    lower = max(control["least"], round(value / 2, 2) if control["step"] < 1 else value // 2)
    return lower if lower != value else value + control["step"]


def change(place: Any, control: Mapping[str, Any], value: Any) -> None:
    field = place.get_by_label(control["title"], exact=True)
    if "choices" in control:
        field.select_option(str(value))
    else:
        field.evaluate("(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value)


@pytest.fixture(scope="module")
def all_lessons(visit_for_module: Callable[..., Page], taught: str) -> Page:
    """A page on which one lesson after the other is opened."""
    return visit_for_module(taught, "?tab=lessons", until=".fm-lesson")


@pytest.mark.parametrize("number", lessons())
def test_every_experiment_concludes_from_its_run_as_computed_here_and_follows_its_controls(all_lessons, number):
    page = all_lessons
    page.locator(f".fm-lesson[data-lesson='{number}'] > summary").click()
    begin(page, number)
    for k, experiment in enumerate(lessons()[number].experiments):
        place = body(page, number).locator(f"[data-experiment='{k}']")
        place.get_by_role("button", name="Show me").click()
        said, figures = settled(page, number, k)
        assert figures, "a conclusion has figures"
        values = values_of(experiment, []) if experiment.tab else {}
        CHECKS[number, k](values, said, figures)
        for control in described(experiment)[:1] if experiment.tab else []:
            value = other_value(control, values[control["sets"][0]])
            values |= dict.fromkeys(control["sets"], value)
            change(place, control, value)
            changed, figures = settled(page, number, k)
            assert changed != said
            CHECKS[number, k](values, changed, figures)
    expect(page.locator(f".fm-lesson[data-lesson='{number}'] .fm-lesson-state")).to_be_empty()  # nothing was predicted
    page.set_viewport_size(NARROW)
    assert body(page, number).locator(".fm-lesson-controls *").evaluate_all(OUTSIDE) == []
    page.set_viewport_size(WIDE)
