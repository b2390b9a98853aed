"""The perfect network on the page, in its packets, its files and its programs; and draws of the noise for one picture.

It needs no training: on this page the trained networks have the weights they start from.
"""

import base64
import io
from typing import Any

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from fm_core import hand_over, load_image_flow, perfect_flow
from fm_core.budget import evaluations
from fm_core.image_settings import IMAGE_BUDGET, OWN, WHOLE, DigitSettings, DigitSide, TranslateSettings, TranslateSide
from fm_core.images.sets import IMAGE_SETS
from fm_core.library import Library
from fm_core.maths.flow import always
from fm_core.maths.solvers import SOLVERS
from fm_core.playground import generate, translate
from fm_core.refusals import SettingsError
from fm_core.ui.digits_tab import digits_work
from fm_core.ui.exports import npz
from fm_core.ui.form import TRANSLATE
from fm_core.ui.snippets import file_name, snippet
from fm_core.ui.wire import joined, unpack
from tests import pages, picture_files
from tests.pages import CAPTION, ROOT, idle
from tests.test_snippets import assert_same_states

SENT = 4 / 127  # twice the error of a pixel on its way, see image_packet.py
WINDOW_11 = DigitSide(velocity="perfect", window=11, steps=4)


def digits(*sides: DigitSide, images: int = 4, **shared: Any) -> DigitSettings:
    return DigitSettings(images=images, sides=sides, **shared)


def packet(library: Library, settings: DigitSettings) -> dict[str, Any]:
    return unpack(joined(list(digits_work(library, settings).compute(always))).to_program())


def distances(x: torch.Tensor) -> np.ndarray:
    """From each image to the nearest of the 2,000, by all differences in float64, root mean square over the pixels."""
    digits = IMAGE_SETS["mnist"]
    known = digits.standardise(digits.bundled_training(2000)[0]).flatten(1).double().numpy()
    found = x.flatten(1).double().numpy()
    return np.array([np.sqrt(np.square(known - image).mean(1).min()) for image in found])


# ---- Runs


def test_what_the_page_gets_is_what_python_computes(library):
    sides = (WINDOW_11, DigitSide(schedule="cosine", steps=6, velocity="perfect", until=0.3))
    found = packet(library, digits(*sides, seed=3))["sides"]
    handed = hand_over(perfect_flow("cosine"), load_image_flow("mnist-cosine"), 0.3)
    expected = perfect_flow("linear", 11).sample(4, 4, seed=3), handed.sample(4, 6, seed=3)
    for side, run in zip(found, expected, strict=True):
        assert np.allclose(side["x"], run.x.squeeze(2).clamp(-4, 4).numpy(), atol=0.51 * SENT)
        assert side["nfe"] == run.nfe
    assert [found[0][name] for name in ("velocity", "window", "until")] == ["perfect", 11, 1]
    assert [found[1][name] for name in ("velocity", "window", "until")] == ["perfect", None, 0.3]


def test_ends_are_copies_with_the_whole_image_and_not_with_a_window(library):
    whole, local = generate(library, digits(DigitSide(velocity="perfect"), WINDOW_11))
    assert distances(whole.trajectory.x[-1]).max() < 1e-5
    assert distances(local.trajectory.x[-1]).min() > 0.3


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_every_solver_ends_near_the_copies(library, schedule, solver):
    """Heun and RK4 look at t = 1, where x says nothing of the noise: up to the share ½ and 1/6 of it in the last step
    is left, α of the last but one state times that, which is below 0.13 here.
    """
    (run,) = generate(library, digits(DigitSide(schedule=schedule, velocity="perfect", solver=solver)))
    assert distances(run.trajectory.x[-1]).max() < 0.13 / 2
    assert 0.5 < run.trajectory.x[-1].var().item() < 1.5  # of four digits


def test_the_perfect_network_needs_no_checkpoint_but_its_hand_over_does():
    nothing = Library({}, {}, {"mnist-linear": "mnist-linear does not exist."})
    assert generate(nothing, digits(DigitSide(velocity="perfect", steps=2)))[0].trajectory.nfe == 2
    with pytest.raises(SettingsError, match=r"^mnist-linear does not exist\."):
        generate(nothing, digits(DigitSide(velocity="perfect", steps=2, until=0.5)))


# ---- Costs


def test_a_step_with_a_window_counts_as_nine_and_a_step_of_the_network_as_one():
    """Of ten steps that end at (k/10)^1.6, those from 0, 0.03, 0.08, 0.15 and 0.23 begin before 0.3."""
    side = DigitSide(steps=10, velocity="perfect", window=11, until=0.3)
    assert evaluations(4, (side,)) == 4 * (5 * 9 + 5)
    assert evaluations(4, (WINDOW_11, TranslateSide(steps=3))) == 4 * (4 * 9 + 3)
    assert evaluations(4, (DigitSide(steps=10, velocity="perfect", window=WHOLE),)) == 40
    assert evaluations(4, (DigitSide(steps=10, velocity="learned", window=11),)) == 40


def test_too_much_work_is_refused_with_what_a_window_counts():
    with pytest.raises(SettingsError) as refused:
        digits(DigitSide(steps=50, velocity="perfect", window=11), images=36)
    assert str(refused.value) == (
        "This takes 16,200 evaluations, images times evaluations of each run, of which one with a window counts as 9; "
        "at most 12,800 are made at once, so choose fewer steps or images."
    )
    with pytest.raises(SettingsError, match=r"evaluations of each run; at most"):
        IMAGE_BUDGET.check(64, [DigitSide(steps=100), DigitSide(steps=101 - 1, solver="heun")])


# ---- Files and programs


@pytest.mark.parametrize(
    "sides",
    [
        (WINDOW_11,),
        (DigitSide(schedule="cosine", steps=3, velocity="perfect", spacing="equal"), DigitSide(steps=2, noise=0.5)),
        (DigitSide(steps=4, velocity="perfect", until=0.35), DigitSide(steps=4, velocity="perfect", noise=0.3)),
    ],
)
def test_the_program_computes_the_pages_run(library, sides):
    settings = digits(*sides, seed=5)
    assert_same_states(snippet(settings), generate(library, settings))


def test_the_program_of_draws_computes_the_pages_run(library):
    settings = TranslateSettings("coat", draws=10, sides=(TranslateSide(steps=2),))
    assert_same_states(snippet(settings), translate(library, settings.pixels.numpy(), settings))


def test_a_file_is_named_after_the_window_and_the_hand_over(library):
    sides = (WINDOW_11, DigitSide(steps=4, velocity="perfect", until=0.3))
    settings = digits(*sides)
    runs = generate(library, settings)
    name = "mnist-linear-perfect-11-euler-4-vs-mnist-linear-perfect-whole-until-0.3-mnist-linear-euler-4-seed0.npz"
    assert file_name(settings, "npz") == name
    arrays = np.load(io.BytesIO(npz(runs)))
    assert [str(arrays[f"flow_{side}"]) for side in "ab"] == [run.flow.name for run in runs]
    assert np.array_equal(arrays["images_a"][-1], runs[0].flow.target.to_pixels(runs[0].trajectory.x[-1]).numpy())


# ---- The API


@pytest.fixture(scope="module")
def client(image_address) -> Client:
    return Client(image_address, verbose=False)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"velocity": "?"}, "velocity must be one of learned, perfect, not '?'."),
        ({"window": 4}, "window must be one of 3, 5, 7, 9, 11, 13, 15, 17, 21, 55, not 4."),
        ({"window": "x"}, "window must be one of 3, 5, 7, 9, 11, 13, 15, 17, 21, 55, not 'x'."),
        ({"until": 1.5}, "until must be a number from 0 to 1 in steps of 0.05, not 1.5."),
        ({"until": 0.33}, "until must be a number from 0 to 1 in steps of 0.05, not 0.33."),
        ({"images": 64, "steps": 100, "velocity": "perfect", "window": 3}, "This takes 57,600 evaluations"),
    ],
)
def test_a_wrong_request_gets_one_sentence(client, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, api_name="/digits")
    assert str(caught.value).startswith(sentence)


def test_the_first_of_several_pictures_is_drawn_ten_times_and_the_answer_says_so(client, tmp_path):
    for name, width in {"a": 10, "b": 20}.items():
        picture_files.drawing(box=(20, 20, 19 + width, 39)).save(tmp_path / f"{name}.png")
    files = [handle_file(tmp_path / f"{name}.png") for name in "ab"]
    _, run, doubts = client.predict(files=files, steps=1, draws=10, api_name="/translate")
    _, alone, none = client.predict(files=files[:1], steps=1, draws=10, api_name="/translate")
    pictures, side = unpack(run)["pictures"], unpack(run)["sides"][0]
    assert pictures.shape == (10, 28, 28)
    assert (pictures == unpack(alone)["pictures"][0]).all()
    assert len({start.tobytes() for start in side["x"][0]}) == 10
    assert doubts == ["Only the first of 2 pictures is translated, with 10 draws of the noise."]
    assert none == []
    with pytest.raises(AppError, match=r"^draws must be one of 1, 10, not 3\."):
        client.predict(files=files, draws=3, api_name="/translate")


# ---- The page


def caption(page: Page, words: str, side: str = "a", tab: str = "digits") -> None:
    expect(page.locator(f"{ROOT.format(tab)} {CAPTION.format(side)}").first).to_have_text(words)


def choose(page: Page, name: str, value: object, tab: str = "digits") -> None:
    pages.await_run(page, lambda: pages.choose(page, name, str(value), tab), tab)


def test_window_and_hand_over_appear_with_the_perfect_network_and_are_set_by_mouse_and_keyboard(open_tab):
    page = open_tab("digits", "&images=4&steps=3")
    window, until = page.locator("#digits-window"), page.locator("#digits-until")
    expect(window).to_be_hidden()
    expect(until).to_be_hidden()
    choose(page, "velocity", "perfect")
    expect(page.locator(f"{ROOT.format('digits')} .fm-say")).not_to_contain_text("network")
    caption(page, "linear · perfect network · Euler · 3 steps")
    choose(page, "window", 11)
    caption(page, "linear · perfect network, window 11 · Euler · 3 steps")
    until.locator("input[type=range]").focus()
    pages.await_run(page, lambda: page.keyboard.press("ArrowLeft"), "digits")
    caption(page, "linear · perfect network, window 11, until t = 0.95 · Euler · 3 steps")
    expected = {"tab": "digits", "images": "4", "steps": "3", "velocity": "perfect", "window": "11", "until": "0.95"}
    page.wait_for_function("location.search.includes('until=0.95')")
    assert expected.items() <= pages.query(page).items()
    page.reload()
    idle(page, "digits")
    caption(page, "linear · perfect network, window 11, until t = 0.95 · Euler · 3 steps")
    expect(until.locator("input[type=number]")).to_have_value("0.95")
    choose(page, "velocity", "learned")
    caption(page, "linear · Euler · 3 steps")
    expect(window).to_be_hidden()


def test_a_link_compares_the_perfect_network_with_the_trained_one(open_tab):
    page = open_tab("digits", "&images=4&steps=3&steps_b=3&compare=1&velocity=perfect&schedule_b=linear&t=0")
    caption(page, "A perfect network")
    caption(page, "B network", "b")
    said = page.locator(f"{ROOT.format('digits')} .fm-say")
    expect(said).to_contain_text("only the field differs: the perfect network and the network")
    expect(page.locator("#digits-window")).to_be_visible()
    pages.choose(page, "editing", "Run B", "digits")
    expect(page.locator("#digits-window_b")).to_be_hidden()


def test_one_coat_is_drawn_ten_times(open_tab):
    page = open_tab("translate", "&clothes=coat&steps=1")
    note = page.locator("#translate-draws-note")
    expect(note).to_be_empty()
    choose(page, "draws", 10, "translate")
    expect(note).to_have_text("Only the first of 10 pictures is translated, with 10 draws of the noise.")
    page.wait_for_function("location.search.includes('draws=10')")


@pytest.mark.parametrize("want", ["work", "npz"])
def test_files_of_a_translation_may_take_no_more_than_its_run(image_page, want):
    """64 pictures in 100 steps of RK4, twice."""
    answers = image_page.service.tabs["translate"]
    pictures = base64.b64encode(bytes(784 * 64)).decode()
    sides = tuple(TranslateSide(schedule, 100, "rk4") for schedule in ("linear", "cosine"))
    values = {"pictures": pictures, **TRANSLATE.flatten(TranslateSettings(OWN, sides=sides))}
    with pytest.raises(SettingsError, match=r"^This takes 51,200 evaluations, .* at most 12,800 are made at once"):
        answers.work(values) if want == "work" else answers.export(values, want)
    few = values | {"steps": 2, "steps_b": 2}
    assert answers.export(few, "npz").seconds == pytest.approx(answers.work(few).seconds)


def test_a_persons_own_pictures_give_their_first_to_all_draws(image_page):
    """By the service, as the page asks it."""
    answers = image_page.service.tabs["translate"]
    own = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    values = dict.fromkeys(answers.inputs, "") | {"pictures": base64.b64encode(own.tobytes()).decode()}
    defaults = TranslateSettings(OWN, draws=10, sides=(TranslateSide(steps=1),))
    values |= TRANSLATE.flatten(defaults)
    settled, updates = answers.settle(values)
    found = unpack(joined(list(answers.work(settled).compute(always))).to_program())
    assert (found["pictures"] == own[0]).all()
    assert len(found["pictures"]) == 10
    said = [update["value"] for update in updates.values() if "Only" in str(update.get("value"))]
    assert said == ["Only the first of 3 pictures is translated, with 10 draws of the noise."]
