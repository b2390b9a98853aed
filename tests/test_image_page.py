"""The Digits and Translate tabs in headless Chromium and through the API, with networks that need no training."""

import gzip
import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageSequence
from playwright.sync_api import Page, expect

from fm_core import playground
from fm_core.models.catalogue import CATALOGUE
from fm_core.models.images import SPACING
from fm_core.playground import Library
from fm_core.refusals import SettingsError
from fm_core.settings import CLOTHES_SET, DigitSettings, ImageSide, TranslateSettings
from fm_core.ui import exports
from fm_core.ui.image_packet import end_coefficients
from fm_core.ui.wire import unpack
from tests.conftest import served
from tests.test_page import NARROW, OUTSIDE, WIDE, browser, visit  # noqa: F401

expect.set_options(timeout=15_000)  # a run of a U-Net on a busy machine takes seconds
TABS = {"digits": "#digits-player .fm-player", "translate": "#translate-player .fm-player"}


@pytest.fixture
def open_tab(visit, image_address):  # noqa: F811
    """Opens a tab by its link and waits for its first run."""

    def open_tab(tab: str, query: str = "", **options) -> Page:
        return visit(image_address, f"?tab={tab}{query}", TABS[tab], **options)

    return open_tab


def caption(page: Page, tab: str, side: str = "a"):
    return page.locator(f"{TABS[tab]} .fm-{side} figcaption").first


def test_digits_play_from_noise_with_variance_on_the_same_clock(open_tab):
    page = open_tab("digits")
    expect(caption(page, "digits")).to_contain_text("linear · Euler, 20 steps")
    expect(caption(page, "digits")).to_contain_text("16 images, seed 0")
    page.wait_for_function(f"Number(document.querySelector('{TABS['digits']}').dataset.step) >= 3")
    page.wait_for_function("document.querySelector('#digits-player .fm-plot').data?.length === 2")
    assert page.evaluate("document.querySelector('#digits-player .fm-plot').data.map((trace) => trace.y.length)") == [
        21,
        21,
    ]


def test_a_link_opens_a_comparison_on_the_same_noise(open_tab):
    page = open_tab("digits", "&compare=1&steps_b=5&images=36&seed=7")
    expect(caption(page, "digits", "b")).to_contain_text("cosine · Euler, 5 steps")
    expect(caption(page, "digits", "b")).to_contain_text("36 images, seed 7")
    assert "tab=digits" in page.url
    assert "seed=7" in page.url


def test_a_comparison_with_an_untrained_schedule_opens_with_a_trained_one(visit, untrained_images):  # noqa: F811
    models = {name: model for name, model in untrained_images.models.items() if name != "mnist-cosine"}
    for address in served(Library(models, {}, {"mnist-cosine": "mnist-cosine does not exist."})):
        page = visit(address, "?tab=digits&compare=1&steps_b=5", TABS["digits"])
        expect(caption(page, "digits", "b")).to_contain_text("linear · Euler, 5 steps")


def test_settings_change_the_run_and_the_address(open_tab):
    page = open_tab("digits")
    page.fill("#digits-steps input[type=number]", "7")
    page.press("#digits-steps input[type=number]", "Enter")
    expect(caption(page, "digits")).to_contain_text("7 steps")
    page.wait_for_function("location.search.includes('steps=7')")
    page.locator("#digits-images").get_by_text("36").click()
    expect(caption(page, "digits")).to_contain_text("36 images")


def test_a_clicked_image_shows_its_film_strip_and_what_is_read(open_tab):
    page = open_tab("digits")
    page.locator(f"{TABS['digits']} canvas").first.click(position={"x": 20, "y": 20})
    strip = page.locator("#digits-player .fm-strip figure")
    expect(strip).to_have_count(11)
    expect(page.locator("#digits-player .fm-bars li")).to_have_count(10)
    expect(page.locator("#digits-player .fm-readout")).to_contain_text(re.compile(r"Image 0: the classifier reads \d"))
    page.locator("#digits-player [data-action=end]").click()
    expect(strip.last).to_have_class(re.compile("fm-now"))


def test_the_step_buttons_stop_where_the_unequal_steps_end(open_tab):
    page = open_tab("digits", "&steps=4")
    player = page.locator(TABS["digits"])
    times = [(k / 4) ** SPACING for k in range(5)]
    page.wait_for_function("document.querySelector('#digits-player .fm-plot').data?.length === 2")
    assert page.evaluate("document.querySelector('#digits-player .fm-plot').data[0].x") == pytest.approx(times)
    page.click("#digits-player [data-action=start]")
    for action, steps in (("forward", [1, 2, 3, 4]), ("back", [3, 2, 1, 0])):
        for k in steps:
            page.click(f"#digits-player [data-action={action}]")
            expect(player).to_have_attribute("data-step", str(k))
            expect(player).to_have_attribute("data-t", f"{times[k]:.4f}")


@pytest.mark.parametrize("view", ["end", "speed"])
def test_other_views_show_other_pictures(open_tab, view):
    page = open_tab("digits")
    page.locator("#digits-player [data-action=start]").click()
    picture = "document.querySelector('#digits-player canvas').toDataURL()"
    before = page.evaluate(picture)
    page.select_option("#digits-player [data-option=view]", view)
    page.wait_for_function(f"{picture} !== {before!r}")


def test_new_noise_translates_the_same_clothes_again(open_tab):
    page = open_tab("translate")
    page.click("#translate-dice")
    page.wait_for_function("document.querySelector('#translate-player .fm-player').dataset.run >= 2")
    seed = page.locator("#translate-seed input").input_value()
    assert seed != "0"
    expect(caption(page, "translate")).to_contain_text(f"10 images, seed {seed}")
    page.wait_for_function(f"location.search.includes('seed={seed}')")


def test_clothes_are_translated_and_a_class_can_be_picked(open_tab):
    page = open_tab("translate")
    expect(caption(page, "translate")).to_contain_text("Fashion-MNIST clothes → MNIST digits, 10 images")
    page.click("#translate-clothes input")
    page.get_by_role("option", name="ankle boot", exact=True).click()
    page.wait_for_function("document.querySelector('#translate-player .fm-player').dataset.run >= 2")
    page.wait_for_function("location.search.includes('clothes=ankle')")
    page.get_by_text("Pick one").click()
    page.locator("#translate-gallery button.thumbnail-item, #translate-gallery .gallery-item").first.click()
    expect(caption(page, "translate")).to_contain_text("1 image")
    expect(page.locator("#translate-clothes input")).to_have_value("")
    page.wait_for_function("!location.search.includes('clothes')")


def test_the_address_keeps_the_clothes_while_other_settings_change(open_tab):
    page = open_tab("translate", "&clothes=bag&seed=3")
    expect(page.locator("#translate-clothes input")).to_have_value("bag")
    await_run(page, lambda: page.click("#translate-dice"))
    page.wait_for_function("!location.search.includes('seed=3')")
    assert "clothes=bag" in page.url


def test_the_menu_of_clothes_is_empty_for_uploads_until_one_is_picked(open_tab, tmp_path):
    page = open_tab("translate", "&clothes=bag")
    menu = page.locator("#translate-clothes input")
    opened_upload(page)
    await_run(
        page, lambda: page.locator("#translate-files input[type=file]").set_input_files(picture(tmp_path / "a.png"))
    )
    expect(menu).to_have_value("")
    await_run(page, lambda: page.locator("#translate-seed input").first.fill("5"))
    expect(caption(page, "translate")).to_contain_text("1 image, seed 5")
    menu.click()
    await_run(page, lambda: page.get_by_role("option", name="dress", exact=True).click())
    expect(caption(page, "translate")).to_contain_text("10 images, seed 5")
    page.wait_for_function("location.search.includes('clothes=dress')")
    await_run(page, lambda: page.get_by_label("How many").fill("1"))
    expect(caption(page, "translate")).to_contain_text("1 image, seed 5")
    expect(menu).to_have_value("")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_gallery_shows_five_whole_clothes_in_a_row(open_tab, viewport):
    page = open_tab("translate", viewport=viewport)
    page.get_by_text("Pick one").click()
    tiles = page.locator("#translate-gallery .gallery-item")
    expect(tiles).to_have_count(100)
    expect(tiles.first).to_be_visible()
    boxes = "(elements) => elements.map((element) => element.getBoundingClientRect().toJSON())"
    (frame,) = page.locator("#translate-gallery").evaluate_all(boxes)
    first, *_, fifth, sixth = tiles.evaluate_all(boxes)[:6]
    assert first["y"] == fifth["y"]
    assert fifth["right"] <= frame["right"]
    assert first["bottom"] <= sixth["y"] <= first["bottom"] + 10
    assert sixth["x"] == first["x"]


def picture(path: Path, side: int = 90) -> Path:
    array = np.full((side, side, 3), 255, np.uint8)
    array[20:60, 30:70] = (30, 60, 120)
    Image.fromarray(array).save(path)
    return path


def test_an_upload_is_translated_and_a_bad_one_loses_nothing(open_tab, tmp_path):
    page = open_tab("translate")
    page.get_by_text("Upload, paste or draw").click()
    chooser = page.locator("#translate-files input[type=file]")
    chooser.set_input_files([picture(tmp_path / "one.png"), picture(tmp_path / "two.jpg")])
    expect(caption(page, "translate")).to_contain_text("2 images")
    page.locator("#translate-files").get_by_label("Clear").click()
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    page.locator("#translate-files input[type=file]").set_input_files(tmp_path / "bad.png")
    expect(page.get_by_test_id("toast-body")).to_contain_text("bad.png is not a picture that can be read")
    expect(caption(page, "translate")).to_contain_text("2 images")
    page.click("#translate-save-png")
    expect(page.locator("#translate-saved")).to_contain_text(re.compile(r"fashion-to-mnist-linear\s*\.png"))


def opened_upload(page: Page):
    page.get_by_text("Upload, paste or draw").click()
    expect(page.locator("#translate-files input[type=file]")).to_be_attached()


def await_run(page: Page, action) -> None:
    """Do the action and wait until a new translation has arrived."""
    before = page.locator(TABS["translate"]).get_attribute("data-run")
    action()
    page.wait_for_function(f"document.querySelector('{TABS['translate']}').dataset.run !== '{before}'")


def test_a_drawing_is_translated(open_tab):
    page = open_tab("translate")
    opened_upload(page)
    pad = page.locator("#translate-pad")
    pad.get_by_label("Brush", exact=True).click()
    box = pad.locator("canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 50, y - 50)
    page.mouse.down()
    page.mouse.move(x + 50, y + 50, steps=8)
    page.mouse.up()
    pad.get_by_label("Save changes").click()
    expect(caption(page, "translate")).to_contain_text("1 image")
    expect(page.locator("#translate-clothes input")).to_have_value("")


COPY = """async () => {
  const canvas = new OffscreenCanvas(60, 40);
  const context = canvas.getContext("2d");
  context.fillRect(10, 10, 30, 20);
  const blob = await canvas.convertToBlob();
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""


def test_a_picture_is_pasted_again_and_again(open_tab):
    page = open_tab("translate")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened_upload(page)
    page.evaluate(COPY)
    for _ in range(2):
        await_run(page, lambda: page.keyboard.press("Control+V"))
        expect(caption(page, "translate")).to_contain_text("1 image")


def test_another_range_of_the_same_file_is_read_and_the_run_is_saved(open_tab, tmp_path):
    page = open_tab("translate")
    np.save(tmp_path / "clothes.npy", CLOTHES_SET.bundled()[0].numpy())
    opened_upload(page)
    chooser = page.locator("#translate-files input[type=file]")
    await_run(page, lambda: chooser.set_input_files(tmp_path / "clothes.npy"))
    expect(caption(page, "translate")).to_contain_text("10 images")
    page.get_by_label("How many").fill("3")
    expect(caption(page, "translate")).to_contain_text("3 images")
    page.click("#translate-save-npz")
    with page.expect_download() as download:
        page.locator("#translate-saved a").first.click()
    with np.load(download.value.path()) as arrays:
        assert arrays["images_a"].shape == (21, 3, 28, 28)


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_nothing_is_cut_off(open_tab, tab, viewport):
    page = open_tab(tab, "&compare=1", viewport=viewport)
    expect(caption(page, tab, "b")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(OUTSIDE) == []


# ---- the API


@pytest.fixture(scope="module")
def client(image_address) -> Client:
    return Client(image_address, verbose=False)


def test_the_api_gives_what_python_computes(client, untrained_images):
    value = client.predict(images=16, seed=3, steps=4, solver="heun", api_name="/digits")
    run = playground.generate(untrained_images, DigitSettings(16, 3, (ImageSide("linear", 4, "heun"),)))[0]
    side = unpack(value)["sides"][0]
    assert side["nfe"] == 8
    assert np.abs(side["x"] - run.trajectory.x.squeeze(2).numpy().clip(-4, 4)).max() < 0.02
    assert np.abs(side["v"] - run.trajectory.v.squeeze(2).numpy().clip(-8, 8)).max() < 0.04
    assert run.probabilities is not None
    assert np.abs(side["probabilities"] - run.probabilities.numpy()).max() < 0.003
    assert np.array_equal(side["t"], run.trajectory.t.numpy())
    assert side["statistics"]["variance"][0] == pytest.approx(run.trajectory.variance.tolist(), rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"images": 17}, "images must be one of 16, 36, 64, not 17."),
        ({"images": "many"}, "images must be one of 16, 36, 64, not 'many'."),
        ({"steps": 0}, "steps must be a whole number from 1 to 100, not 0."),
        ({"steps": 101}, "steps must be a whole number from 1 to 100, not 101."),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, not -1."),
        ({"schedule": "vp"}, "schedule must be one of linear, cosine, not 'vp'."),
        ({"solver": "magic"}, "solver must be one of euler"),
        ({"compare": "yes"}, "compare must be true or false, not 'yes'."),
    ],
)
def test_a_wrong_request_gets_one_sentence(client, wrong, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**wrong, api_name="/digits")
    assert sentence in str(caught.value)
    assert "Traceback" not in str(caught.value)


def idx(n: int) -> bytes:
    return struct.pack(">IIII", 0x803, n, 28, 28) + CLOTHES_SET.bundled()[0][:n].numpy().tobytes()


def test_original_files_are_read_through_the_api(client, tmp_path, untrained_images):
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(20)))
    files = [handle_file(tmp_path / "t10k-images-idx3-ubyte.gz")]
    value = client.predict(
        files, 5, 3, "auto", 7, False, "linear", 2, "euler", "cosine", 2, "euler", api_name="/translate"
    )[-1]
    clothes = CLOTHES_SET.standardise(CLOTHES_SET.bundled()[0][5:8])
    source = untrained_images.flows["fashion-to-mnist-linear"].source
    expected = source.mix(clothes, torch.Generator().manual_seed(7)).squeeze(1).numpy()
    assert np.abs(unpack(value)["sides"][0]["x"][0] - expected.clip(-4, 4)).max() < 0.02
    assert value["header"]["seed"] == 7


@pytest.mark.parametrize(("first", "count"), [(None, 3), (0, None), (-1, 3), (0, 0), (0, 65)])
def test_a_wrong_range_gets_one_sentence(client, tmp_path, first, count):
    (tmp_path / "images.idx").write_bytes(idx(5))
    arguments = [[handle_file(tmp_path / "images.idx")], first, count, "auto", 0, False, *("linear", 2, "euler") * 2]
    with pytest.raises(AppError, match="image"):
        client.predict(*arguments, api_name="/translate")


@pytest.mark.parametrize(
    ("content", "words"), [(b"nothing", "not a picture"), (b"", "empty"), (idx(2)[:-9], "cut short")]
)
def test_a_bad_file_gets_one_sentence_through_the_api(client, tmp_path, content, words):
    (tmp_path / "bad.bin").write_bytes(content)
    arguments = [[handle_file(tmp_path / "bad.bin")], 0, 3, "auto", 0, False, *("linear", 2, "euler") * 2]
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name="/translate")


# ---- what lies beneath


def test_a_library_without_flows_says_what_is_missing(tmp_path):
    library = Library.load(tmp_path)
    assert set(library.problems) == set(CATALOGUE)
    assert library.image_schedules("fashion") == []
    with pytest.raises(SettingsError, match=r"train_all\.py"):
        playground.generate(library, DigitSettings())


def test_both_sides_start_from_the_same_images(untrained_images):
    sides = (ImageSide("linear", 2), ImageSide("cosine", 5))
    runs = playground.generate(untrained_images, DigitSettings(16, 1, sides))
    assert torch.equal(runs[0].trajectory.x[0], runs[1].trajectory.x[0])
    assert runs[1].probabilities is not None
    assert runs[1].probabilities.shape == (6, 16, 10)
    assert torch.allclose(runs[1].probabilities.sum(2), torch.ones(6, 16))


def test_the_clothes_are_ten_of_a_class_or_one_of_each():
    pixels, labels = CLOTHES_SET.bundled()
    assert torch.equal(TranslateSettings().pixels, pixels[::10])
    assert torch.equal(TranslateSettings("bag").pixels, pixels[labels == 8])
    with pytest.raises(SettingsError, match="clothes must be one of"):
        TranslateSettings("hat")
    with pytest.raises(SettingsError, match="seed must be a whole number"):
        TranslateSettings(seed=-1)


@pytest.fixture(scope="module")
def runs(untrained_images):
    sides = (ImageSide("linear", 3), ImageSide("cosine", 5))
    return playground.translate(
        untrained_images, TranslateSettings("bag").pixels.numpy(), TranslateSettings("bag", 3, sides)
    )


def test_the_wires_coefficients_give_the_predicted_end(runs):
    for run in runs:
        a, b = torch.tensor(end_coefficients(run)).T.view(2, -1, 1, 1, 1, 1)
        _, expected = run.flow.predicted_ends(run.trajectory)
        torch.testing.assert_close(a * run.trajectory.x + b * run.trajectory.v, expected, rtol=1e-4, atol=1e-4)


def test_a_sheet_breaks_into_rows_in_reading_order():
    pixels = CLOTHES_SET.bundled()[0][: exports.COLUMNS + 2].numpy()
    whole = np.asarray(exports.sheet(pixels))[:: exports.ZOOM, :: exports.ZOOM]
    assert whole.shape == (2 * 30, exports.COLUMNS * 30)
    assert np.array_equal(whole[1:29, 31:59], pixels[1])
    assert np.array_equal(whole[31:59, 31:59], pixels[exports.COLUMNS + 1])
    assert not whole[30:, 60:].any()


def test_saved_files_hold_the_run(runs, tmp_path):
    sheet = Image.open(exports.save(runs, "png", tmp_path))
    assert sheet.size == (10 * 30 * exports.ZOOM, 3 * 30 * exports.ZOOM)
    clothes = CLOTHES_SET.standardise(TranslateSettings("bag").pixels)
    x_0 = runs[0].flow.source.mix(clothes, torch.Generator().manual_seed(3))
    expected = CLOTHES_SET.to_pixels(x_0).numpy()
    first = np.asarray(sheet)[4 : 29 * 4 : 4, 4 : 29 * 4 : 4]
    assert np.array_equal(first, expected[0])
    film = Image.open(exports.save(runs, "gif", tmp_path))
    assert getattr(film, "n_frames", 1) == 6
    lengths = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
    assert lengths == sorted(lengths)  # the time to the next state, and the last state is shown longest
    assert lengths[0] < lengths[-2]
    arrays = np.load(io.BytesIO(Path(exports.save(runs, "npz", tmp_path)).read_bytes()), allow_pickle=False)
    assert arrays["images_a"].shape == (4, 10, 28, 28)
    assert arrays["images_b"].shape == (6, 10, 28, 28)
    assert np.array_equal(arrays["images_b"][0], expected)
    assert arrays["probabilities_b"].shape == (6, 10, 10)
