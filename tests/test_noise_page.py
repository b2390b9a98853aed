"""Noise on the way and the spacing of the steps: on the page, in its links, and through the API."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from fm_core import exact_flow
from fm_core.image_settings import DigitSide
from fm_core.library import Library
from fm_core.maths.distributions import STANDARD
from fm_core.maths.spacing import POWER, SPACINGS, time_grid
from fm_core.playground import simulate
from fm_core.settings import Settings, Side
from fm_core.ui.menus import digit_menu, menu
from fm_core.ui.wire import unpack
from tests.pages import CAPTION, ROOT, await_run, choose, idle, query, set_number

ALONE = {"noise": "1.0", "drift": "uncorrected", "spacing": "short-last"}


@pytest.fixture
def open_page(visit, image_address) -> Callable[..., Page]:
    """Opens a tab by its link, unfolds what it has of noise, and waits for the run."""

    def opened(parameters: str = "", tab: str = "points", suffix: str = "_a") -> Page:
        page = visit(image_address, f"?{'' if tab == 'points' else f'tab={tab}&'}{parameters}", ROOT.format(tab))
        idle(page, tab)
        if suffix == "_b":
            page.locator(f"#{tab}-editing label", has_text="Run B").click()
        page.click(f"#{tab}-more{suffix} .label-wrap")
        expect(page.locator(f"#{tab}-noise{suffix.replace('_a', '')}")).to_be_visible()
        return page

    return opened


def caption(page: Page, tab: str = "points", side: str = "a") -> str:
    return page.inner_text(f"{ROOT.format(tab)} {CAPTION.format(side)}")


def note(page: Page, name: str, tab: str = "points") -> str:
    return page.locator(f"#{tab}-{name}-note").inner_text().strip()


def await_times(page: Page, tab: str, expected: list[float]) -> None:
    """Wait until the chart, which comes after the picture, has states at these times."""
    shown = f"document.querySelector('{ROOT.format(tab)} .fm-plot').data?.[0].x"
    same = "shown?.length === expected.length && shown.every((t, k) => Math.abs(t - expected[k]) < 1e-6)"
    page.wait_for_function(f"(expected) => {{ const shown = {shown}; return {same}; }}", arg=expected)


@pytest.mark.parametrize(("tab", "run"), [("points", "steps=10&particles=300"), ("digits", "steps=4&images=4")])
def test_noise_its_drift_and_the_spacing_are_set_by_mouse_and_keyboard_and_travel_in_the_link(open_page, tab, run):
    page = open_page(run, tab)
    usual = query(page)
    expect(page.locator(f"#{tab}-drift")).to_be_hidden()
    await_run(page, lambda: set_number(page, "noise", 0.17, tab), tab)
    words = "Noise on the way must be a number from 0 to 3 in steps of 0.1, so it is now 0.2."
    expect(page.locator(".fm-field-note")).to_have_text(words)
    assert query(page) == usual | {"noise": "0.2"}
    slider = page.locator(f"#{tab}-noise input[type=range]")
    for value in ("0.3", "0.4"):
        await_run(page, lambda: slider.press("ArrowRight"), tab)
        assert query(page) == usual | {"noise": value}
    assert "noise 0.4" in caption(page, tab)
    corrected = page.locator(f"#{tab}-drift input").first
    corrected.focus()
    await_run(page, lambda: corrected.press("ArrowRight"), tab)
    assert "noise 0.4 uncorrected" in caption(page, tab)
    await_run(page, lambda: choose(page, "spacing", "short-last", tab), tab)
    wished = usual | {"noise": "0.4", "drift": "uncorrected", "spacing": "short-last"}
    assert query(page) == wished
    steps = int(usual["steps"])
    await_times(page, tab, [1 - (1 - k / steps) ** POWER for k in range(steps + 1)])
    page.reload()
    page.wait_for_selector(f"{ROOT.format(tab)}:not([data-run='0'])")
    idle(page, tab)
    assert query(page) == wished
    assert "noise 0.4 uncorrected" in caption(page, tab)
    page.click(f"#{tab}-more_a .label-wrap")
    expect(page.locator(f"#{tab}-drift [value=uncorrected]")).to_be_checked()
    expect(page.locator(f"#{tab}-noise input[type=number]")).to_have_value("0.4")
    await_run(page, lambda: page.locator(f"#{tab}-noise input[type=range]").evaluate(TO_NOUGHT), tab)
    expect(page.locator(f"#{tab}-drift")).to_be_hidden()
    assert "noise" not in caption(page, tab)


TO_NOUGHT = "(input) => { input.value = '0'; input.dispatchEvent(new Event('input', { bubbles: true })); }"


def test_a_second_run_has_noise_of_its_own_and_the_link_restores_it(open_page):
    beside = {f"{name}_b": value for name, value in ALONE.items()}
    page = open_page("compare=1&schedule_b=linear&" + "&".join(map("=".join, beside.items())), suffix="_b")
    assert query(page) == {"compare": "1", "schedule_b": "linear"} | beside
    assert [caption(page, side=side) for side in "ab"] == [
        "A no noise · equal steps",
        "B noise 1 uncorrected · short last steps",
    ]
    expect(page.locator("#points-drift_b [value=uncorrected]")).to_be_checked()
    await_run(page, lambda: choose(page, "drift_b", "corrected"))
    assert caption(page, side="b") == "B noise 1 · short last steps"
    say = page.locator(f"{ROOT.format('points')} .fm-say")
    expect(say).to_contain_text("Other paths, other ends, the same crowd")
    words = page.locator(f"{ROOT.format('points')} .fm-chart-words > p")
    expect(words).to_contain_text("noise with its correction leaves it as it is")
    page.select_option(f"{ROOT.format('points')} [data-option=statistic]", "straightness")
    expect(words).to_contain_text("this says nothing of the flow")


def test_where_noise_cannot_be_it_gives_way_with_a_note_and_the_wish_is_kept(open_page):
    page = open_page("noise=1&particles=300")
    for name, wish, back in [("source", "eight-gaussians", STANDARD.name), ("coupling", "ot", "independent")]:
        await_run(page, lambda name=name, wish=wish: choose(page, name, wish))
        needs = "Noise on the way needs independent pairs and a start from N(0, I): shown is the run without it."
        assert note(page, "noise") == needs
        assert "noise" not in caption(page)
        expect(page.locator("#points-drift")).to_be_hidden()
        expect(page.locator("#points-noise input[type=number]")).to_have_value("1")
        choice = page.locator(f"#points-{name} input").first
        await_run(page, choice.check)
        assert note(page, "noise") == ""
        assert "noise 1" in caption(page), back
    await_run(page, lambda: choose(page, "velocity", "relu-output"))
    assert note(page, "noise") == (
        "Noise on the way needs E[x₀ | x], which this field does not tell: shown is the run without it."
    )
    await_run(page, lambda: choose(page, "velocity", "learned"))
    await_run(page, lambda: choose(page, "solver", "rk4"))
    assert note(page, "solver") == "Noise is added to Euler's steps only: shown is Euler."
    assert "noise 1 · Euler" in caption(page)
    expect(page.locator("#points-solver [value=rk4]")).to_be_checked()
    await_run(page, lambda: page.locator("#points-noise input[type=range]").evaluate(TO_NOUGHT))
    assert "RK4" in caption(page)
    assert note(page, "solver") == ""


def test_what_is_too_wide_without_the_correction_is_not_laid_on_the_network(open_page):
    page = open_page("noise=1&drift=uncorrected&target=gaussian")
    say = page.locator(f"{ROOT.format('points')} .fm-say")
    run = exact_flow("gaussian", "linear").sample(2000, 50, noise=1, corrected=False)
    expect(say).to_contain_text(f"on the exact field as well ({run.variance[-1]:.2f})")
    expect(say).to_contain_text("the data's is 1.")


def test_translations_say_why_they_have_no_noise(visit, image_address):
    page = visit(image_address, "?tab=translate", ROOT.format("translate"))
    page.click("#translate-more_a .label-wrap")
    words = "Noise on the way needs independent pairs and a start from N(0, I), so there is none here."
    expect(page.locator("#translate-more_a")).to_contain_text(words)
    expect(page.locator("#translate-noise")).to_have_count(0)


# ---- without a browser


def test_menus_hide_the_drift_where_there_is_no_noise(library):
    def hidden(source: str, **wish: object) -> bool:
        return "drift" in menu(library, "moons", source, Side(**wish)).hidden  # pyright: ignore[reportArgumentType]

    assert hidden(STANDARD.name)
    assert not hidden(STANDARD.name, noise=0.5)
    assert hidden("eight-gaussians", noise=0.5)
    assert hidden(STANDARD.name, noise=0.5, velocity="one-step")
    assert "drift" in digit_menu(["linear"], DigitSide()).hidden
    assert "drift" not in digit_menu(["linear"], DigitSide(noise=1.0)).hidden


def test_noise_on_a_perfect_network_with_a_window_comes_with_a_note():
    def noted(**wish: object) -> bool:
        return "noise" in digit_menu(["linear"], DigitSide(**wish)).notes  # pyright: ignore[reportArgumentType]

    assert noted(noise=1.0, velocity="perfect", window=11)
    assert not noted(noise=1.0, velocity="perfect")
    assert not noted(noise=1.0, window=11)
    assert not noted(velocity="perfect", window=11)


@pytest.mark.parametrize("name", SPACINGS)
def test_every_spacing_rises_from_nought_to_one_and_is_short_where_it_says(name):
    times = np.array(time_grid(20, SPACINGS[name]))
    lengths = np.diff(times)
    assert (times[0], times[-1]) == (0, 1)
    assert (lengths > 0).all()
    ratio = {"equal": 1, "short-first": 20**-POWER / (1 - (19 / 20) ** POWER)}
    ratio["short-last"] = 1 / ratio["short-first"]
    assert lengths[0] / lengths[-1] == pytest.approx(ratio[name])


def holds(corrected: bool) -> bool:
    """Whether the exact field's variance with η = 1, at the page's largest settings, is theory at every state, to 4.5
    standard errors of two normal dimensions, and 1 % for the steps.
    """
    drift = "corrected" if corrected else "uncorrected"
    side = Side(velocity="exact", steps=200, noise=1.0, drift=drift)
    (run,) = simulate(Library({}, {}, {}), Settings("gaussian", particles=5000, sides=(side,)))
    theory = run.flow.theory_variance(run.trajectory.t).mean(1)
    return bool(((run.trajectory.variance / theory - 1).abs() < 4.5 / 5000**0.5 + 0.01).all())


def test_the_exact_field_keeps_the_variance_of_theory_with_noise_and_without_the_correction_does_not():
    assert holds(corrected=True)
    assert not holds(corrected=False)


# ---- the API


@pytest.fixture(scope="module")
def client(image_address) -> Client:
    return Client(image_address, verbose=False)


def test_the_answer_with_noise_is_what_python_computes(client):
    settings = {"schedule": "cosine", "velocity": "exact", "particles": 200, "steps": 12, "seed": 5}
    value = client.predict(**settings, noise=0.7, drift="uncorrected", spacing="short-last", api_name="/trajectory")
    flow = exact_flow("moons", "cosine")
    run = flow.sample(200, 12, seed=5, noise=0.7, corrected=False, spacing="short-last")
    (side,) = unpack(value)["sides"]
    assert np.allclose(side["x"], run.x.numpy(), atol=1e-3)
    assert np.allclose(side["t"], run.t.numpy())
    assert (side["noise"], side["drift"], side["spacing"]) == (0.7, "uncorrected", "short-last")
    assert side["statistics"]["variance"][0] == pytest.approx(run.variance.tolist(), rel=1e-3)
    assert not np.allclose(run.x[-1], flow.sample(200, 12, seed=5, noise=0.7, spacing="short-last").x[-1], atol=0.1)


def test_digits_with_noise_are_what_python_computes(client, untrained_images):
    value = client.predict(images=4, steps=3, noise=1, spacing="equal", seed=2, api_name="/digits")
    torch.set_num_threads(1)
    run = untrained_images.flows["mnist-linear"].sample(4, 3, seed=2, noise=1.0, spacing="equal")
    (side,) = unpack(value)["sides"]
    assert np.allclose(side["x"], run.x.squeeze(2).clamp(-4, 4).numpy(), atol=0.05)  # sent in 255 levels
    assert side["noise"] == 1


@pytest.mark.parametrize("endpoint", ["/trajectory", "/digits"])
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"noise": 5}, "noise must be a number from 0 to 3 in steps of 0.1, not 5."),
        ({"noise": "x"}, "noise must be a number from 0 to 3 in steps of 0.1, not 'x'."),
        ({"noise": True}, "noise must be a number from 0 to 3 in steps of 0.1, not True."),
        ({"noise": 0.05}, "noise must be a number from 0 to 3 in steps of 0.1, not 0.05."),
        ({"drift": "?"}, "drift must be one of corrected, uncorrected, not '?'."),
        ({"spacing": "?"}, "spacing must be one of equal, short-first, short-last, not '?'."),
        ({"noise": 1, "solver": "rk4"}, "Noise is added to Euler's steps only, so choose euler in place of 'rk4'."),
    ],
)
def test_wrong_noise_gets_one_sentence(client, endpoint, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, api_name=endpoint)
    assert str(caught.value) == sentence


OF_THE_ENDS = "Noise needs a flow from N(0, I) with independent ends: choose one, or noise 0."
OF_THE_FIELD = "Noise needs a velocity that tells E[x_0 | x]: choose learned or exact, or noise 0."


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"source": "eight-gaussians"}, OF_THE_ENDS),
        ({"coupling": "ot"}, OF_THE_ENDS),
        ({"velocity": "relu-output"}, OF_THE_FIELD),
        ({"velocity": "one-step"}, OF_THE_FIELD),
    ],
)
def test_noise_where_it_cannot_be_gets_one_sentence(client, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, noise=1, api_name="/trajectory")
    assert str(caught.value) == sentence
