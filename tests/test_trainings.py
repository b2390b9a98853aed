"""How networks for clothes were trained: the recipes, the runs, and the control on the page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import expect
from torch.optim import Adam

from fm_core.image_figures import Slopes
from fm_core.image_settings import (
    BY_CLASS,
    CLEAN,
    CLOTHES_SET,
    OWN,
    PLAIN,
    RANDOM_PAIRS,
    TRAININGS,
    TranslateSettings,
    TranslateSide,
)
from fm_core.images.files import load
from fm_core.library import Library
from fm_core.maths.flow import always
from fm_core.maths.matching import UNIFORM
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.spacing import EQUAL
from fm_core.models import images
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.images import ImageRecipe
from fm_core.models.networks import VelocityUNet
from fm_core.playground import translate
from fm_core.refusals import SettingsError
from fm_core.training import loop
from fm_core.ui.menus import translation_menu
from fm_core.ui.snippets import file_name, snippet
from fm_core.ui.translate_tab import translate_work
from fm_core.ui.wire import joined, unpack
from tests.image_files import TRAINING, bundled, training_pixels, write_bundled
from tests.pages import CAPTION, ROOT, await_run, choose, query
from tests.test_snippets import assert_same_states

MNIST, FASHION = bundled("mnist"), bundled("fashion")
ALL = [TranslateSide(training=training) for training in TRAININGS]
STRIP = f"{ROOT.format('translate')} .fm-bars"


def small(training: str, **others) -> ImageRecipe:
    """The recipe of a training over a few images."""
    recipe = IMAGE_RECIPES[TranslateSide(training=training).flow_name]
    return replace(recipe, target=MNIST, source=FASHION, batch=20, **others)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 48 training images of each set."""
    return write_bundled(tmp_path_factory.mktemp("data"))


# ---- Recipes


def test_trainings_differ_from_the_usual_one_in_what_they_are_named_after():
    assert small(BY_CLASS) == replace(small(RANDOM_PAIRS), source_noise=0.25, by_class=True, variant=BY_CLASS)
    clean = {"source_noise": 0.0, "times": UNIFORM, "spacing": EQUAL}
    student = {"learning_rate": 1e-3, "muon_rate": 0.0, "ema_decay": 0.0, "constant_rate": True}
    assert small(CLEAN) == replace(small(RANDOM_PAIRS), **clean, variant=CLEAN)
    assert small(PLAIN) == replace(small(CLEAN), **student, variant=PLAIN)
    assert {IMAGE_RECIPES[side.flow_name].epochs for side in ALL} == {100}


def test_pairs_of_one_class_are_of_one_class_and_every_picture_of_it_comes(root):
    task = small(BY_CLASS, source_noise=0.0).task(0, root, "cpu")
    clothes, digits = (s.standardise(training_pixels(s.name)) for s in (FASHION, MNIST))
    labels = load(FASHION, True, root)[1], load(MNIST, True, root)[1]
    counts = torch.zeros(TRAINING)
    for iteration in range(90):
        x_0, x_1, _ = task.batch(iteration, torch.Generator())
        of_x_0 = (x_0[:, None] == clothes).flatten(2).all(2).int().argmax(1)
        of_x_1 = (x_1[:, None] == digits).flatten(2).all(2).int().argmax(1)
        assert torch.equal(labels[0][of_x_0], labels[1][of_x_1])
        counts += of_x_0.bincount(minlength=TRAINING)
    digits_of, clothes_of = (of.bincount(minlength=10)[labels[0]] for of in (labels[1], labels[0]))
    expected = counts.sum() * digits_of / TRAINING / clothes_of
    chi_square = ((counts - expected) ** 2 / expected).sum().item()
    degrees = TRAINING - 10  # how many of each class there are is no chance
    assert chi_square < degrees + 4.5 * (2 * degrees) ** 0.5


def test_the_covariance_of_pairs_of_one_class_is_that_of_all_such_pairs(root):
    clothes, digits = (s.standardise(training_pixels(s.name)).flatten(1) for s in (FASHION, MNIST))
    together = load(MNIST, True, root)[1][:, None] == load(FASHION, True, root)[1]
    each = (digits @ clothes.T / 784 * together).sum(1) / together.sum(1)  # of a digit with the clothes of its class
    expected = (1 - 0.25**2) ** 0.5 * each.mean().item()
    assert small(BY_CLASS).covariance(root) == pytest.approx(expected, abs=1e-5)
    assert small(RANDOM_PAIRS, source_noise=0.25).covariance(root) != pytest.approx(expected, abs=1e-3)


def test_a_student_trains_with_adam_at_a_constant_rate_and_without_an_average(root, tmp_path):
    state = loop.start(small(PLAIN, epochs=2), 0, root=root)
    assert [type(optimizer) for optimizer in state.optimizers] == [Adam]
    rates = []
    loop.train(state, tmp_path / "state.safetensors", lambda s: rates.append(s.optimizers[0].param_groups[0]["lr"]))
    assert rates == [1e-3] * state.recipe.iterations
    for average, weight in zip(state.ema.parameters(), state.network.parameters(), strict=True):
        assert torch.equal(average, weight)


def test_what_a_training_stopped_in_the_middle_is_resumed_by_has_its_pairs(root, tmp_path):
    recipe, path = small(BY_CLASS, epochs=1), tmp_path / "state.safetensors"
    straight = loop.start(recipe, 0, root=root)
    loop.train(straight, tmp_path / "straight.safetensors")
    stopped = loop.start(recipe, 0, root=root)
    loop.step(stopped)
    loop.save_state(stopped, path)
    resumed = loop.resume(path, recipe, 0, root=root)
    assert resumed is not None
    loop.train(resumed, path)
    for a, b in zip(resumed.ema.parameters(), straight.ema.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_right_digits_are_counted_at_every_nfe(root, library, monkeypatch, tmp_path):
    """At the NFE of the map, they are its diagonal."""
    monkeypatch.setattr(images, "load_classifier", lambda _: library.classifier)
    monkeypatch.setattr(images, "references", lambda *_: (images.read(library.classifier, MNIST.bundled()[0]), {}))
    torch.manual_seed(0)
    quality = small(BY_CLASS).judge(VelocityUNet().eval(), tmp_path, root)["quality"]
    counts = torch.tensor(quality["map"])
    assert len(quality["right"]) == len(quality["nfe"])
    at = quality["nfe"].index(images.JUDGED_NFE)
    assert quality["right"][at] == pytest.approx(counts.trace().item() / counts.sum().item())
    assert "right" not in small(RANDOM_PAIRS).judge(VelocityUNet().eval(), tmp_path, root)["quality"]


@pytest.mark.parametrize("right", [[0.5], [0.5] * 6 + [1.5], [0.5] * 6 + [-0.1], "all", [None] * 7])
def test_shares_that_cannot_be_are_not_shown(library, right):
    recipe, quality = IMAGE_RECIPES["fashion-to-mnist-linear"], library.metadata["fashion-to-mnist-linear"]["quality"]
    assert recipe.sound({**quality, "right": [0.5] * 7}) is not None
    assert recipe.sound({**quality, "right": right}) is None


# ---- Runs


def test_every_network_starts_from_the_same_noise_in_its_own_share(untrained_images):
    sides = tuple(TranslateSide(steps=1, training=training) for training in (RANDOM_PAIRS, BY_CLASS))
    settings = TranslateSettings("bag", seed=3, sides=sides)
    clothes = CLOTHES_SET.standardise(settings.pixels)
    runs = translate(untrained_images, settings.pixels.numpy(), settings)
    noise = [(run.trajectory.x[0] - (1 - s**2) ** 0.5 * clothes) / s for run, s in zip(runs, (0.5, 0.25), strict=True)]
    torch.testing.assert_close(noise[0], noise[1], rtol=0, atol=1e-5)
    assert noise[0].std().item() == pytest.approx(1, abs=4.5 / (2 * noise[0].numel()) ** 0.5)


def test_without_noise_every_draw_starts_as_the_picture_itself(untrained_images):
    settings = TranslateSettings("coat", seed=3, draws=10, sides=(TranslateSide(steps=1, training=PLAIN),))
    (run,) = translate(untrained_images, settings.pixels.numpy(), settings)
    assert torch.equal(run.trajectory.x[0], CLOTHES_SET.standardise(settings.pixels))


def test_the_program_of_two_trainings_computes_the_pages_run(library):
    sides = (TranslateSide(steps=2), TranslateSide(steps=3, training=BY_CLASS))
    settings = TranslateSettings("coat", seed=5, sides=sides)
    assert_same_states(snippet(settings), translate(library, settings.pixels.numpy(), settings))
    name = "fashion-to-mnist-linear-euler-2-vs-fashion-to-mnist-linear-by-class-euler-3-seed5.npz"
    assert file_name(settings, "npz") == name


@pytest.mark.parametrize(
    ("clothes", "draws", "classes"),
    [
        ("one of each", 1, [*range(10)]),
        ("coat", 1, [4] * 10),
        ("coat", 10, [4] * 10),
        ("one of each", 10, [0] * 10),
        (OWN, 1, None),
    ],
)
def test_the_right_digits_are_the_classes_of_the_pictures(untrained_images, clothes, draws, classes):
    sides = (TranslateSide(steps=1, training=BY_CLASS), TranslateSide(steps=1))
    settings = TranslateSettings(clothes, draws=draws, sides=sides)
    assert settings.classes == classes
    pixels = CLOTHES_SET.bundled()[0][:10] if clothes == OWN else settings.pixels
    work = translate_work(untrained_images, pixels.numpy(), settings)
    run = unpack(joined(work.compute(always)).to_program())
    paired, usual = run["sides"]
    assert usual["right"] is None
    assert (paired["source_noise"], usual["source_noise"]) == (0.25, 0.5)
    assert (paired["training_title"], usual["training_title"]) == ("pairs of one class", "random pairs")
    assert run["draws"] == draws
    assert usual["typical"] == (clothes == "one of each" and draws == 1)
    if classes is None:
        assert paired["right"] is None
    else:
        read = paired["probabilities"][-1].argmax(1)
        assert paired["right"] == {"digits": classes, "count": int((read == np.array(classes)).sum())}


# ---- Menu, page and API


def test_the_note_says_what_decides_and_what_is_replaced(library):
    schedules = list(SCHEDULES)[:2]
    for training in TRAININGS:
        menu = translation_menu(library, schedules, TranslateSide("cosine", training=training))
        assert menu.side.training == RANDOM_PAIRS
        (*replaced, pairs) = menu.notes["training"]
        assert pairs == "Its pairs were random, so no digit is the right one."
        assert len(replaced) == (training != RANDOM_PAIRS)
        assert {name for _, name in menu.choices["training"]} == {RANDOM_PAIRS, training}
    for training in (CLEAN, PLAIN):
        pairs = translation_menu(library, schedules, TranslateSide(training=training)).notes["training"]
        assert pairs == [
            "Its pairs were random, so no digit is the right one, and without noise all draws are the same."
        ]
    damaged = Library({"fashion-to-mnist-linear": None}, {}, {ALL[1].flow_name: "It is cut short."})  # pyright: ignore[reportArgumentType]
    assert translation_menu(damaged, schedules, ALL[1]).notes["training"][0].startswith("It is cut short. Shown is")
    menu = translation_menu(library, schedules, TranslateSide(training=BY_CLASS))
    assert menu.side.training == BY_CLASS
    assert [name for _, name in menu.choices["training"]] == list(TRAININGS)
    quality = library.metadata[menu.side.flow_name]["quality"]
    measured = f"{quality['right'][quality['nfe'].index(20)]:.0%} of 10,000 test pictures"
    assert measured in " ".join(menu.notes["training"])


def test_the_training_is_chosen_travels_in_the_link_and_marks_the_right_digit(open_tab):
    page = open_tab("translate", "&steps=2&clothes=coat")
    note = page.locator("#translate-training-note")
    expect(note).to_have_text("Its pairs were random, so no digit is the right one.")
    await_run(page, lambda: choose(page, "training", BY_CLASS, "translate"), "translate")
    expect(note).to_contain_text("Its pairs decide the right digit")
    expect(page.locator(f"{ROOT.format('translate')} {CAPTION.format('a')}")).to_contain_text("pairs of one class")
    assert query(page)["training"] == BY_CLASS
    page.fill(f"{ROOT.format('translate')} .fm-particle", "1")
    expect(page.locator(f"{STRIP} .fm-right")).to_have_text("4")
    expect(page.locator("#translate-player .fm-chart-words > p")).to_contain_text("No theory is shown")
    expect(page.locator("#translate-player [data-needs=theory]")).to_be_hidden()
    page.reload()
    expect(note).to_contain_text("Its pairs decide the right digit")
    choose(page, "schedule", "cosine", "translate")
    expect(note).to_contain_text(
        "No network was trained with pairs of one class for cosine. Shown is that of random pairs."
    )
    choose(page, "schedule", "linear", "translate")  # the wish is kept
    expect(note).to_contain_text("Its pairs decide the right digit")


def test_an_unknown_training_gets_one_sentence(image_page, tmp_path):
    Image.fromarray(CLOTHES_SET.bundled()[0][0].numpy()).save(tmp_path / "shirt.png")
    client = Client(image_page.local_url, verbose=False)
    with pytest.raises(AppError) as caught:
        client.predict(files=[handle_file(tmp_path / "shirt.png")], training="hard", api_name="/translate")
    assert f"training must be one of {', '.join(TRAININGS)}, not 'hard'." in str(caught.value)
    with pytest.raises(SettingsError, match="training must be one of"):
        TranslateSide(training="hard")


def test_the_lesson_says_how_steep_the_start_is_without_noise_and_with_it(visit, address, library):
    """Once it is measured, which takes longest."""
    page = visit(address, "?lesson=16&show=3", until=".fm-lesson[data-lesson='16'] .fm-conclusion p")
    said = page.locator(".fm-lesson[data-lesson='16'] [data-experiment='2'] .fm-conclusion")
    expect(said).to_contain_text("times as fast")
    sides = tuple(TranslateSide(training=training) for training in (CLEAN, RANDOM_PAIRS))
    settings = TranslateSettings(sides=sides)
    steep = [Slopes.of(run).at(0) for run in translate(library, settings.pixels.numpy(), settings)]
    words = f"the velocity {steep[0]:.1f} times as much without noise, and {steep[1]:.1f} times with it"
    expect(said).to_contain_text(words)
    assert steep[0] > 15 * steep[1]
