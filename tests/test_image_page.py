"""The Digits and Translate tabs in headless Chromium and through the API, with networks that need no training."""

import base64
import csv
import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import FilePayload, FloatRect, Locator, Page, expect

from fm_core import playground
from fm_core.image_settings import CLOTHES_SET, DigitSettings, DigitSide, TranslateSettings, TranslateSide
from fm_core.library import Library
from fm_core.maths.spacing import POWER
from fm_core.models.catalogue import CATALOGUE
from fm_core.refusals import Refusal, SettingsError
from fm_core.ui import exports
from fm_core.ui.form import TRANSLATE
from fm_core.ui.image_packet import end_coefficients
from fm_core.ui.snippets import snippet
from fm_core.ui.translate_tab import _pixels
from fm_core.ui.wire import unpack
from tests import pages, picture_files
from tests.conftest import served
from tests.pages import CAPTION, NARROW, OUTSIDE, ROOT, WIDE, await_state, query, set_number

PLOT = "document.querySelector('#{}-player .fm-plot')"
BUNDLED, LABELS = CLOTHES_SET.bundled()


def part(page: Page, selector: str, tab: str) -> Locator:
    return page.locator(f"{ROOT.format(tab)} {selector}")


def choose(page: Page, menu: str, option: str, tab: str) -> None:
    pages.await_run(page, lambda: pages.choose(page, menu, option, tab), tab)


def await_run(page: Page, action: Callable[[], object], words: str = "") -> None:
    """Do the action, and wait for a new translation, whose heading has these words."""
    pages.await_run(page, action, "translate")
    expect(part(page, ".fm-watch", "translate")).to_contain_text(words)


def number_of_lines(page: Page, tab: str, count: int) -> None:
    page.wait_for_function(f"{PLOT.format(tab)}.data?.length === {count}")


def box(place: Locator) -> FloatRect:
    found = place.bounding_box()
    assert found is not None
    return found


# ---- digits


def test_digits_play_from_noise_with_variance_on_the_same_clock(open_tab):
    page = open_tab("digits", reduced_motion="no-preference")
    expect(part(page, ".fm-a figcaption", "digits")).to_have_text("linear · Euler · 20 steps")
    expect(part(page, ".fm-watch", "digits")).to_contain_text("→ MNIST digits · 16 images, seed 0")
    number_of_lines(page, "digits", 4)
    lengths = page.evaluate(f"{PLOT.format('digits')}.data.map((line) => line.y.length)")
    assert lengths == [21, 101, 101, 101]  # measured, and theory with its band
    root = f"document.querySelector('{ROOT.format('digits')}')"
    page.wait_for_function(f"Number({root}.dataset.step) >= 3")
    part(page, "[data-action=play]", "digits").click()
    await_state(page, "digits", playing="false")
    time = float(pages.state(page, "t", "digits"))
    step = int(pages.state(page, "step", "digits"))
    assert (step / 20) ** POWER <= time + 1e-4
    assert time <= ((step + 1) / 20) ** POWER + 1e-4
    variance = page.evaluate(f"{PLOT.format('digits')}.data[0].y[{step}]")
    expect(part(page, ".fm-variance", "digits")).to_contain_text(f"variance now {variance:.2f}")
    expect(part(page, ".fm-place", "digits")).to_have_text(f"step {step} of 20")


def test_digits_with_other_settings_other_views_and_one_of_them_in_detail(open_tab):
    page = open_tab("digits", "&seed=2")
    set_number(page, "steps", 4, "digits")
    expect(part(page, CAPTION.format("a"), "digits")).to_contain_text("4 steps")
    choose(page, "images", "36", "digits")
    choose(page, "schedule", "cosine", "digits")
    expect(part(page, CAPTION.format("a"), "digits")).to_have_text("cosine · Euler · 4 steps")
    expect(part(page, ".fm-watch", "digits")).to_contain_text("36 images, seed 2")
    expect(page.locator("#digits-side .fm-cost")).to_have_text("4 evaluations")
    times = [(k / 4) ** POWER for k in range(5)]
    page.wait_for_function(f"{PLOT.format('digits')}.data?.[0].x.length === 5")
    assert page.evaluate(f"{PLOT.format('digits')}.data[0].x") == pytest.approx(times)
    part(page, "[data-action=start]", "digits").click()
    for action, steps in (("forward", [1, 2, 3, 4]), ("back", [3, 2])):
        for k in steps:
            part(page, f"[data-action={action}]", "digits").click()
            await_state(page, "digits", step=k, t=f"{times[k]:.4f}")
    canvas, views = f"document.querySelector('{ROOT.format('digits')} .fm-panel canvas')", []
    for view in ("x", "end", "speed"):  # the velocities come when they are needed
        part(page, "[data-option=view]", "digits").select_option(view)
        page.wait_for_function(f"(views) => !views.includes({canvas}.toDataURL())", arg=views)
        views.append(page.evaluate(f"{canvas}.toDataURL()"))
    canvas = box(part(page, ".fm-panel canvas", "digits"))
    part(page, ".fm-panel canvas", "digits").click(position={"x": canvas["width"] / 2, "y": canvas["height"] * 0.6})
    followed = pages.state(page, "selected", "digits")
    expect(part(page, ".fm-readout", "digits")).to_have_text(
        re.compile(rf"Image {int(followed) + 1}: read as \d \(\d+%\)")
    )
    frames = part(page, ".fm-strip figure", "digits")
    expect(frames).to_have_count(5)
    part(page, "[data-action=end]", "digits").click()
    expect(frames.last).to_have_class(re.compile("fm-now"))
    bars = part(page, ".fm-bars i", "digits").evaluate_all("(bars) => bars.map((bar) => parseFloat(bar.style.height))")
    assert len(bars) == 10
    assert sum(bars) == pytest.approx(100, abs=3)
    part(page, "[data-option=statistic]", "digits").select_option("confidence")
    number_of_lines(page, "digits", 1)
    shown = {"tab": "digits", "seed": "2", "steps": "4", "images": "36", "schedule": "cosine", "picture": "speed"}
    assert query(page) == {**shown, "chart": "confidence", "follow": str(int(followed) + 1)}


def test_the_chart_of_the_norm_has_its_mean_its_band_and_the_shell_of_noise(open_tab):
    page = open_tab("digits", "&chart=norm&steps=4")
    number_of_lines(page, "digits", 4)
    lines = page.evaluate(f"{PLOT.format('digits')}.data.map(({{ y }}) => [...y])")
    mean, low, high, shell = lines
    assert mean[0] == pytest.approx(1, abs=0.03)
    assert all(a < b < c for a, b, c in zip(low, mean, high, strict=True))
    assert shell == [1, 1]
    expect(part(page, ".fm-chart-words > p", "digits")).to_contain_text("eight of ten images")
    part(page, "[aria-label='Explain: Norm of the images']", "digits").click()
    expect(part(page, "#digits-player-why-norm", "digits")).to_contain_text("thin shell")


def test_a_link_opens_a_comparison_on_the_same_noise(open_tab):
    page = open_tab("digits", "&compare=1&steps_b=5&seed=7&t=0&follow=3")
    expect(part(page, CAPTION.format("a"), "digits").first).to_have_text("A linear · 20 steps")
    expect(part(page, CAPTION.format("b"), "digits").first).to_have_text("B cosine · 5 steps")
    pictures = part(page, ".fm-panel canvas", "digits")
    first, second = map(box, pictures.all())
    assert first["y"] == second["y"]
    assert min(first["width"], second["width"]) >= 440
    starts = part(page, ".fm-strip figure:first-child canvas", "digits")
    assert len(set(starts.evaluate_all("(starts) => starts.map((start) => start.toDataURL())"))) == 1
    expect(part(page, ".fm-bars", "digits")).to_have_count(2)
    number_of_lines(page, "digits", 8)
    pages.choose(page, "editing", "Run B", "digits")
    set_number(page, "steps_b", 6, "digits")
    expect(part(page, CAPTION.format("b"), "digits").first).to_have_text("B cosine · 6 steps")


def test_a_comparison_with_an_untrained_schedule_opens_with_a_trained_one(visit, untrained_images):
    models = {name: model for name, model in untrained_images.models.items() if name != "mnist-cosine"}
    for server in served(Library(models, {}, {"mnist-cosine": "mnist-cosine does not exist."})):
        page = visit(server.local_url, "?tab=digits&compare=1&steps_b=5", ROOT.format("digits"))
        expect(part(page, CAPTION.format("b"), "digits").first).to_have_text("B 5 steps")
        expect(page.locator("#digits-schedule_b")).to_have_count(0)
        page.wait_for_function(f"{PLOT.format('digits')}.data")  # what it loads late, while the server is there


# ---- translations

# The pixels of the upper picture of a pair that fills the canvas, at the places of `grid.js`.
UPPER = """(canvas) => {
  const head = 52 * devicePixelRatio, room = canvas.height - 58 * devicePixelRatio; // see grid.js
  const zoom = Math.min(canvas.width / 32, room / 62);
  const x0 = (canvas.width - 32 * zoom) / 2, y0 = head + (room - 62 * zoom) / 2;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const [x, y] = [x0, y0].map((edge) => (k) => Math.floor(edge + (k + 2.5) * zoom));
  const at = (column, row) => data[4 * (y(row) * canvas.width + x(column))];
  return Array.from({ length: 28 }, (_, row) => Array.from({ length: 28 }, (_, column) => at(column, row)));
}"""
COPY = """async () => {
  const canvas = new OffscreenCanvas(60, 40);
  const context = canvas.getContext("2d");
  context.fillRect(10, 10, 30, 20);
  const blob = await canvas.convertToBlob();
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""


def unfold(page: Page, title: str) -> None:
    page.locator("#translate-player").evaluate("() => scrollTo(0, 0)")
    page.get_by_role("button", name=title).click()


def unfold_own(page: Page) -> Locator:
    """Open the place for a person's own pictures; where files are chosen."""
    unfold(page, "Your own")
    chooser = page.locator("#translate-files input[type=file]")
    expect(chooser).to_be_attached()
    return chooser


def in_use(page: Page, words: str, clothes: str = "") -> None:
    """The page says that these pictures are in use, and marks this entry of the menu, or none."""
    expect(page.locator("#translate-in-use [role=status]")).to_have_text(words)
    expect(page.locator("#translate-clothes input:checked")).to_have_count(int(bool(clothes)))
    if clothes:
        expect(page.locator(f"#translate-clothes [value='{clothes}']")).to_be_checked()


def picture(path: Path, side: int = 90) -> Path:
    array = np.full((side, side, 3), 255, np.uint8)
    array[20:60, 30:70] = (30, 60, 120)
    Image.fromarray(array).save(path)
    return path


def draw(page: Page) -> None:
    pad = page.locator("#translate-pad")
    pad.get_by_label("Brush", exact=True).click()
    canvas = pad.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    place = box(canvas)
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x - 40, y - 40)
    page.mouse.down()
    page.mouse.move(x + 40, y + 40, steps=8)
    page.mouse.up()
    pad.get_by_label("Save changes").click()


def test_each_garment_is_above_its_digit_and_the_menu_is_in_the_address(open_tab):
    page = open_tab("translate", "&seed=3&steps=2")
    expect(part(page, ".fm-watch", "translate")).to_have_text(
        "Fashion-MNIST clothes → MNIST digits · 10 images, seed 3"
    )
    expect(page.locator("#translate-maps table").first).to_be_visible()
    in_use(page, "", "one of each")
    choose(page, "clothes", "ankle boot", "translate")
    page.wait_for_function("location.search.includes('clothes=ankle+boot')")
    await_run(page, lambda: page.click("#translate-dice"), "10 images, seed ")
    page.wait_for_function("!/seed=3(&|$)/.test(location.search)")  # another seed may begin with 3
    assert query(page)["clothes"] == "ankle boot"
    assert query(page)["seed"] == page.locator("#translate-seed input").input_value()
    choose(page, "schedule", "cosine", "translate")
    expect(part(page, CAPTION.format("a"), "translate")).to_contain_text("cosine")
    unfold(page, "Pick one")
    await_run(page, lambda: page.locator("#translate-gallery .gallery-item button").nth(13).click(), "1 image,")
    in_use(page, "In use: the picture that you picked.")
    assert part(page, ".fm-panel canvas", "translate").evaluate(UPPER) == BUNDLED[13].tolist()
    page.wait_for_function("location.search.includes('clothes=own')")
    await_run(page, lambda: page.check("#translate-compare input"), "1 image,")
    for canvas in part(page, ".fm-panel canvas", "translate").all():
        assert canvas.evaluate(UPPER) == BUNDLED[13].tolist()
    expect(part(page, CAPTION.format("b"), "translate")).to_contain_text("B ")
    choose(page, "clothes", "bag", "translate")
    in_use(page, "", "bag")


def test_no_old_picture_comes_back_and_a_bad_file_loses_nothing(open_tab, tmp_path):
    page = open_tab("translate", "&steps=2")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chooser = unfold_own(page)
    page.evaluate(COPY)
    for _ in range(2):
        await_run(page, lambda: page.keyboard.press("Control+V"), "1 image,")
        in_use(page, "In use: 1 picture of your files.")
    page.locator("#translate-files").get_by_label("Clear").click()
    several = [picture(tmp_path / "one.png"), picture(tmp_path / "two.jpg"), picture(tmp_path / "three.bmp")]
    await_run(page, lambda: chooser.set_input_files(several), "3 images")
    in_use(page, "In use: 3 pictures of your files.")
    page.locator("#translate-files").get_by_label("Clear").click()
    np.save(tmp_path / "five.npy", BUNDLED[:5].numpy())
    await_run(page, lambda: chooser.set_input_files(tmp_path / "five.npy"), "5 images")
    how_many = page.get_by_label("How many")
    how_many.fill("")
    await_run(page, lambda: how_many.press_sequentially("2"), "2 images")
    in_use(page, "In use: 2 pictures of your files.")
    how_many.fill("90")
    how_many.press("Tab")
    note = page.locator("#translate-upload .fm-field-note")
    expect(note).to_have_text("How many must be a whole number from 1 to 64, so it is now 64.")
    expect(part(page, ".fm-watch", "translate")).to_contain_text("5 images")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    page.locator("#translate-files").get_by_label("Clear").click()
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    chooser.set_input_files(tmp_path / "bad.png")
    refusal = page.get_by_test_id("toast-body")
    expect(refusal).to_have_count(1)
    expect(refusal).to_contain_text("bad.png is not a picture that can be read")
    refusal.get_by_label("Close").click()
    in_use(page, "In use: 5 pictures of your files.")
    page.locator("#translate-files").get_by_label("Clear").click()
    chooser.set_input_files([tmp_path / "bad.png", several[0]])
    expect(refusal).to_contain_text("accepted are")
    expect(refusal).to_contain_text("Files are removed from the list with ×; the others are then used.")
    refusal.get_by_label("Close").click()
    files = page.locator("#translate-files")
    await_run(page, lambda: files.get_by_label("Remove this file").first.click(), "1 image, seed 0")
    in_use(page, "In use: 1 picture of your files.")
    files.get_by_label("Clear").click()
    how_many.fill("5")
    await_run(page, lambda: chooser.set_input_files(tmp_path / "five.npy"), "5 images, seed 0")
    files.get_by_label("Clear").click()
    choose(page, "clothes", "dress", "translate")
    in_use(page, "", "dress")
    how_many.fill("1")
    page.locator("#translate-upload").get_by_label("always").check()
    await_run(page, lambda: set_number(page, "seed", 5, "translate"), "10 images, seed 5")
    in_use(page, "", "dress")
    await_run(page, lambda: draw(page), "1 image, seed 5")
    in_use(page, "In use: your drawing.")
    expect(part(page, ".fm-say", "translate")).to_be_in_viewport()  # though the pad is far below it
    part(page, "[data-action=link]", "translate").click()
    expect(part(page, ".fm-link", "translate")).to_contain_text("Your own pictures are not in it")
    before = part(page, ".fm-panel canvas", "translate").evaluate(UPPER)
    await_run(page, lambda: page.locator("#translate-upload").get_by_label("never").check(), "1 image, seed 5")
    in_use(page, "In use: your drawing.")
    assert part(page, ".fm-panel canvas", "translate").evaluate(UPPER) != before
    chooser.set_input_files(tmp_path / "bad.png")
    expect(refusal).to_have_count(1)
    await_run(page, lambda: page.locator("#translate-upload").get_by_label("always").check(), "1 image, seed 5")
    in_use(page, "In use: your drawing.")


def test_what_is_doubtful_is_said_as_text_and_turned_round_by_one_click(open_tab, tmp_path):
    """With the keyboard; until other pictures are in use, and never again after the page was reloaded."""
    page = open_tab("translate", "&steps=1")
    said, button = page.locator("#translate-in-use [role=status]"), page.locator("#translate-in-use button")
    upper = part(page, ".fm-panel canvas", "translate").first
    chooser = unfold_own(page)
    expect(button).to_be_hidden()
    faint = picture_files.encoded("PNG", picture_files.drawing(paper=250, ink=235))
    content = picture_files.archive({"<img src=x onerror=alert(1)>.png": faint})
    given = FilePayload(name="faint.zip", mimeType="application/zip", buffer=content)
    await_run(page, lambda: chooser.set_input_files(given), "1 image,")
    expect(said.locator("p")).to_have_text(
        ["In use: 1 picture of your files.", re.compile(r"^<img src=x onerror=alert\(1\)>\.png in faint\.zip: little")]
    )
    expect(said.locator("img")).to_have_count(0)
    expect(button).to_have_text("Show it the other way")
    first = upper.evaluate(UPPER)
    button.focus()
    await_run(page, lambda: page.keyboard.press("Enter"), "1 image,")
    in_use(page, "In use: 1 picture of your files.")
    expect(button).to_be_hidden()
    expect(said).to_be_focused()
    invert = page.locator("#translate-upload [type=radio]:checked")
    expect(invert).to_have_value("never")
    assert upper.evaluate(UPPER) != first
    page.locator("#translate-upload").get_by_label("auto").check()
    expect(button).to_be_visible()
    choose(page, "clothes", "bag", "translate")
    in_use(page, "", "bag")
    expect(button).to_be_hidden()
    page.goto(page.url.replace("bag", "own"))
    expect(part(page, ".fm-refusal", "translate")).to_contain_text("upload them again, or choose clothes")
    assert pages.state(page, "run", "translate") == "0"
    in_use(page, "")


def test_a_run_of_a_persons_own_pictures_is_saved_from_the_page(open_tab, tmp_path, untrained_images):
    page = open_tab("translate", "&steps=3")
    np.save(tmp_path / "clothes.npy", BUNDLED.numpy())
    chooser = unfold_own(page)
    await_run(page, lambda: chooser.set_input_files(tmp_path / "clothes.npy"), "10 images")
    await_run(page, lambda: page.get_by_label("From image").fill("97"), "3 images")
    save = part(page, ".fm-save", "translate")
    save.locator("summary").click()

    def saved(kind: str) -> tuple[str, Path]:
        with page.expect_download() as download:
            save.locator(f"[data-save={kind}]").click()
        return download.value.suggested_filename, download.value.path()

    settings, own = TranslateSettings(sides=(TranslateSide(steps=3),)), BUNDLED[97:].numpy()
    (run,) = playground.translate(untrained_images, own, settings)
    stem = "fashion-to-mnist-linear-euler-3-seed0"
    name, path = saved("npz")
    assert name == f"{stem}.npz"
    with np.load(path) as arrays:
        assert np.array_equal(arrays["images_a"], exports.pixels_at(run).numpy())
    name, path = saved("csv")
    assert name == f"{stem}.csv"
    rows = list(csv.DictReader(path.open()))
    assert [float(row["variance"]) for row in rows] == pytest.approx(run.trajectory.variance.tolist(), rel=1e-3)
    name, path = saved("png")
    assert name == f"{stem}.png"
    assert Image.open(path).width > 500
    save.locator("[data-save=py]").click()
    expect(page.locator("dialog[open] pre")).to_have_text(snippet(settings, own))


def test_on_a_phone_nothing_is_cut_off_and_the_gallery_has_five_whole_clothes_in_a_row(open_tab):
    page = open_tab("translate", "&compare=1&steps=2", viewport=NARROW)
    for side in ".fm-a", ".fm-b":  # nothing hides an image: they begin 52 pixels below the canvas' edge, see grid.js
        name, canvas = (box(part(page, f"{side} {place}", "translate")) for place in ("figcaption", "canvas"))
        assert name["y"] + name["height"] <= canvas["y"] + 52
        expect(part(page, f"{side} .fm-variance", "translate")).to_be_hidden()
    unfold(page, "Pick one")
    unfold_own(page)
    tiles = page.locator("#translate-gallery .gallery-item")
    expect(tiles).to_have_count(100)
    for viewport in (NARROW, WIDE):
        page.set_viewport_size(viewport)
        tiles.first.scroll_into_view_if_needed()
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert page.evaluate(OUTSIDE) == []
        frame = box(page.locator("#translate-gallery"))
        first, *_, fifth, sixth = map(box, tiles.all()[:6])
        assert first["y"] == fifth["y"]
        assert fifth["x"] + fifth["width"] <= frame["x"] + frame["width"]
        assert first["y"] + first["height"] <= sixth["y"] <= first["y"] + first["height"] + 10
        assert sixth["x"] == first["x"]


# ---- the API


@pytest.fixture(scope="module")
def client(image_address) -> Client:
    return Client(image_address, verbose=False)


def test_the_api_gives_what_python_computes(client, untrained_images):
    value = client.predict(images=16, seed=3, steps=4, solver="heun", api_name="/digits")
    settings = DigitSettings(16, 3, (DigitSide("linear", 4, "heun"),))
    (run,) = playground.read_ends(untrained_images, playground.generate(untrained_images, settings))
    side = unpack(value)["sides"][0]
    assert side["nfe"] == 8
    assert np.abs(side["x"] - run.trajectory.x.squeeze(2).numpy().clip(-4, 4)).max() < 0.02
    assert np.abs(side["v"] - run.trajectory.v.squeeze(2).numpy().clip(-8, 8)).max() < 0.04
    assert run.probabilities is not None
    assert np.abs(side["probabilities"] - run.probabilities.numpy()).max() < 0.003
    assert np.array_equal(side["t"], run.trajectory.t.numpy())
    assert side["statistics"]["variance"][0] == pytest.approx(run.trajectory.variance.tolist(), rel=1e-3)
    lengths = np.linalg.norm(run.trajectory.x.numpy().reshape(5, 16, 784), axis=2) / 28
    norms = np.stack([lengths.mean(1), *np.quantile(lengths, [0.1, 0.9], axis=1)])
    np.testing.assert_allclose(side["statistics"]["norm"], norms, rtol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"images": 17}, "images must be one of 4, 9, 16, 36, 64, not 17."),
        ({"images": "many"}, "images must be one of 4, 9, 16, 36, 64, not 'many'."),
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
    return struct.pack(">IIII", 0x803, n, 28, 28) + BUNDLED[:n].numpy().tobytes()


def test_original_files_are_read_through_the_api(client, tmp_path, untrained_images):
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(20)))
    files = [handle_file(tmp_path / "t10k-images-idx3-ubyte.gz")]
    how = {"invert": "auto", "seed": 7, "steps": 2, "api_name": "/translate"}
    value = client.predict(files=files, first=5, count=3, **how)[1]
    assert np.array_equal(unpack(value)["pictures"], BUNDLED[5:8].numpy())
    clothes = CLOTHES_SET.standardise(BUNDLED[5:8])
    source = untrained_images.flows["fashion-to-mnist-linear"].source
    expected = source.mix(clothes, torch.Generator().manual_seed(7)).squeeze(1).numpy()
    assert np.abs(unpack(value)["sides"][0]["x"][0] - expected.clip(-4, 4)).max() < 0.02
    assert value["header"]["seed"] == 7


@pytest.mark.parametrize(("first", "count"), [(None, 3), (0, None), (-1, 3), (0, 0), (0, 65)])
def test_a_wrong_range_gets_one_sentence(client, tmp_path, first, count):
    (tmp_path / "images.idx").write_bytes(idx(5))
    files = [handle_file(tmp_path / "images.idx")]
    with pytest.raises(AppError, match="image"):
        client.predict(files=files, first=first, count=count, api_name="/translate")


@pytest.mark.parametrize(
    ("content", "words"), [(b"nothing", "not a picture"), (b"", "empty"), (idx(2)[:-9], "cut short")]
)
def test_a_bad_file_gets_one_sentence_through_the_api(client, tmp_path, content, words):
    (tmp_path / "bad.bin").write_bytes(content)
    with pytest.raises(AppError, match=words):
        client.predict(files=[handle_file(tmp_path / "bad.bin")], api_name="/translate")


def run_of(pictures: object, clothes: object) -> dict:
    """The values of a request of the page."""
    return {**TRANSLATE.defaults, "pictures": pictures, "clothes": clothes}


def base64_of(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


def test_the_pictures_of_a_request_are_its_own():
    sent = base64_of(BUNDLED[:64].numpy())
    assert np.array_equal(_pixels(run_of(sent, "own")), BUNDLED[:64].numpy())
    assert np.array_equal(_pixels(run_of(sent, "bag")), BUNDLED[80:90].numpy())


@pytest.mark.parametrize(
    ("pictures", "clothes", "sentence"),
    [
        ("not base64!", "own", "The pictures are not 28×28 pixels in base64."),
        ("\N{SNOWMAN}", "own", "The pictures are not 28×28 pixels in base64."),
        ("AAAA", "own", "The pictures are not 28×28 pixels in base64."),
        ("A" * 10_000_000, "own", "The pictures are not 1 to 64 of 28×28 pixels in base64."),
        (base64_of(BUNDLED[:65].numpy()), "own", "The pictures are not 1 to 64 of 28×28 pixels in base64."),
        ({"a": [1]}, "own", "The pictures are not 1 to 64 of 28×28 pixels in base64."),
        *[(none, "own", "Your own pictures are kept in your page only: upload them again, or choose clothes.")
          for none in ("", None, [], 0)],
        *[("", none, "clothes must be one of one of each, ") for none in ("", None, ["bag"])],
    ],
)  # fmt: skip
def test_no_malformed_request_is_answered_by_the_ten_default_pictures(pictures, clothes, sentence):
    with pytest.raises(Refusal) as caught:
        _pixels(run_of(pictures, clothes))
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 300


# ---- what lies beneath


def test_a_library_without_flows_says_what_is_missing(tmp_path):
    library = Library.load(tmp_path)
    assert set(library.problems) == set(CATALOGUE)
    assert library.image_schedules("fashion") == []
    with pytest.raises(SettingsError, match=r"train_all\.py"):
        playground.generate(library, DigitSettings())


def test_both_sides_start_from_the_same_images(untrained_images):
    sides = (DigitSide("linear", 2), DigitSide("cosine", 5))
    runs = playground.read_ends(untrained_images, playground.generate(untrained_images, DigitSettings(16, 1, sides)))
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
    sides = (TranslateSide("linear", 3), TranslateSide("cosine", 5))
    return playground.translate(
        untrained_images, TranslateSettings("bag").pixels.numpy(), TranslateSettings("bag", 3, sides=sides)
    )


def test_the_wires_coefficients_give_the_predicted_end(runs):
    for run in runs:
        a, b = torch.tensor(end_coefficients(run)).T.view(2, -1, 1, 1, 1, 1)
        _, expected = run.flow.predicted_ends(run.trajectory)
        torch.testing.assert_close(a * run.trajectory.x + b * run.trajectory.v, expected, rtol=1e-4, atol=1e-4)


def test_a_sheet_breaks_into_rows_in_reading_order():
    pixels = BUNDLED[: exports.COLUMNS + 2].numpy()
    whole = np.asarray(exports.sheet(pixels))[:: exports.ZOOM, :: exports.ZOOM]
    assert whole.shape == (2 * 30, exports.COLUMNS * 30)
    assert np.array_equal(whole[1:29, 31:59], pixels[1])
    assert np.array_equal(whole[31:59, 31:59], pixels[exports.COLUMNS + 1])
    assert not whole[30:, 60:].any()
