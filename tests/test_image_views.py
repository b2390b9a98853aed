"""The plane, the nearest training digits and the agreement of two runs, on the page with the shipped models."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from sklearn.metrics import r2_score

from fm_core.image_figures import Slopes
from fm_core.image_settings import DigitSettings, DigitSide
from fm_core.models.classifier import MNIST
from fm_core.playground import Run, generate, read_ends
from fm_core.ui import exports
from fm_core.ui.static import address as script
from tests.pages import ROOT, await_state, idle, query
from tests.test_image_page import PLOT, number_of_lines, part

digits = partial(part, tab="digits")
SETTINGS = DigitSettings(seed=3, sides=(DigitSide(steps=4), DigitSide("cosine", 4)))
LINK = "?tab=digits&seed=3&steps=4&compare=1&steps_b=4"

# Pixels in the middle of those of the nearest training digit of an image, from the page's own geometry of the grid.
BENEATH = """async (canvas, [script, index]) => {
  const { cellOf, columnsFor } = await import(new URL(script, document.baseURI));
  const cell = cellOf(false, true), head = 52 * devicePixelRatio, { width, height } = canvas;
  const room = height - head - 6 * devicePixelRatio;
  const columns = columnsFor(16, width, room, cell.width, cell.height);
  const size = [columns * cell.width + 2, Math.ceil(16 / columns) * cell.height + 2];
  const zoom = Math.min(width / size[0], room / size[1]);
  const [x0, y0] = [(width - zoom * size[0]) / 2, head + (room - zoom * size[1]) / 2];
  const left = x0 + zoom * ((index % columns) * cell.width + 2);
  const top = y0 + zoom * (Math.floor(index / columns) * cell.height + 2 + cell.nearest);
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const [x, y] = [left, top].map((edge) => (k) => Math.floor(edge + (k + 0.5) * zoom));
  const at = (column, row) => data[4 * (y(row) * width + x(column))];
  return Array.from({ length: 28 }, (_, row) => Array.from({ length: 28 }, (_, column) => at(column, row)));
}"""
# Where an image is in the plane at the last state, in pixels of the page.
PLACE = """async (canvas, [script, low, high, place]) => {
  const { frameOf } = await import(new URL(script, document.baseURI)), ratio = devicePixelRatio;
  const { unit, x0, y0 } = frameOf({ low, high }, canvas.width, canvas.height, 52 * ratio, 22 * ratio);
  return { x: (x0 + unit * place[0]) / ratio, y: (y0 - unit * place[1]) / ratio };
}"""


@pytest.fixture(scope="module")
def runs(library) -> list[Run]:
    return read_ends(library, generate(library, SETTINGS))


@pytest.fixture
def open_digits(visit, address) -> Callable[..., Page]:
    def open_digits(more: str = "", base: str = address) -> Page:
        page = visit(base, LINK + more, ROOT.format("digits"))
        idle(page, "digits")
        return page

    return open_digits


def test_the_plane_shows_each_image_where_the_classifier_sees_it(open_digits, runs):
    page = open_digits("&picture=plane&chart=steepness")
    expect(digits(page, "[data-option=view]")).to_have_value("plane")
    places = torch.cat([runs[0].clouds.places, *(run.plane.flatten(0, 1) for run in runs)])
    ends = runs[0].plane[-1]
    apart = torch.cdist(ends, ends) + 100 * torch.eye(16)
    lonely = int(apart.amin(1).argmax())  # whom a click cannot miss
    canvas = digits(page, ".fm-panel.fm-a canvas")
    frame = [script("plane.js"), places.amin(0).tolist(), places.amax(0).tolist(), ends[lonely].tolist()]
    canvas.click(position=canvas.evaluate(PLACE, frame))
    await_state(page, "digits", selected=lonely)
    whole = r2_score(*(run.trajectory.x[-1, lonely].flatten().numpy() for run in runs))
    expect(digits(page, ".fm-readout")).to_contain_text(f"r² of both ends: {whole:.2f}")
    number_of_lines(page, "digits", 2)
    page.wait_for_function(f"{PLOT.format('digits')}.data[1].y.length === 4")
    for k, run in enumerate(runs):
        slopes = Slopes.of(run)
        shown = page.evaluate(f"(({{ x, y }}) => [[...x], [...y]])({PLOT.format('digits')}.data[{k}])")
        np.testing.assert_allclose(shown, [run.trajectory.t[:4], [slopes.at(state) for state in range(4)]], rtol=1e-3)
    painted = canvas.evaluate("(canvas) => canvas.toDataURL()")
    digits(page, "[data-action=start]").click()
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") != painted
    shown = {"tab": "digits", "seed": "3", "steps": "4", "compare": "1", "steps_b": "4", "t": "0"}
    assert query(page) == shown | {"picture": "plane", "chart": "steepness", "follow": str(lonely + 1)}
    digits(page, ".fm-save summary").click()
    with page.expect_download() as download:
        digits(page, "[data-save=png]").click()
    assert download.value.path().stat().st_size > 20_000


def test_the_nearest_training_digit_stands_beneath_each_image_and_in_the_figures(open_digits, runs):
    page = open_digits("&chart=neighbour&follow=5")
    canvas, switch = digits(page, ".fm-panel.fm-a canvas"), digits(page, "[data-layer=nearest]")
    switch.check()
    page.wait_for_function("location.search.includes('layers=nearest')")
    pixels, labels = MNIST.bundled_training()
    references = MNIST.standardise(pixels).numpy().reshape(-1, 784)
    errors = np.sqrt(((runs[0].trajectory.x[-1].numpy().reshape(16, 1, 784) - references) ** 2).mean(2))
    best = errors.argmin(1)
    for index in (0, 4, 15):
        shown = np.array(canvas.evaluate(BENEATH, [script("grid.js"), index]))
        frame = slice(None) if index != 4 else slice(1, -1)  # around the one that is followed
        assert np.array_equal(shown[frame, frame], pixels[best[index]].numpy()[frame, frame])
    expect(digits(page, ".fm-readout")).to_contain_text(f"nearest: a {labels[best[4]]} ({errors[4].min():.2f})")
    row = digits(page, ".fm-numbers tr.fm-a")
    expect(row).to_contain_text(re.compile(rf"{errors.min(1).mean():.2f} \(test digits: 0\.6\d\)"))
    number_of_lines(page, "digits", 8)
    mean = page.evaluate(f"{PLOT.format('digits')}.data[0].y.at(-1)")
    assert mean == pytest.approx(errors.min(1).mean(), rel=1e-3)
    digits(page, "[data-option=view]").select_option("plane")
    expect(switch).to_be_hidden()


def test_figures_say_when_digits_are_decided_and_how_well_both_runs_agree(open_digits, runs):
    page = open_digits()
    ends = [run.trajectory.x[-1].flatten().numpy() for run in runs]
    for letter, run in zip("ab", runs, strict=True):
        read = run.probabilities.argmax(2).numpy()
        first = [max((k + 1 for k in range(5) if column[k] != column[-1]), default=0) for column in read.T]
        median = np.median(run.trajectory.t.numpy()[first])
        row = digits(page, f".fm-numbers tr.fm-{letter}")
        expect(row).to_contain_text(f"t = {median:.2f}")
        expect(row.locator("td").last).to_have_text(f"{r2_score(*ends):.2f}")
    digits(page, "[aria-label='Explain: Do the ends agree?']").click()
    expect(page.locator("#digits-player-why-agreement")).to_contain_text("same x0")
    page.keyboard.press("Escape")
    page.locator("#digits-compare input").uncheck()
    expect(digits(page, ".fm-numbers th:visible")).to_have_count(8)  # the row's too, and nothing of an agreement
    expect(digits(page, ".fm-numbers td:visible")).to_have_count(6)


def test_without_a_plane_its_view_is_not_offered(open_digits, image_address):
    page = open_digits("&picture=plane", image_address)
    expect(digits(page, "[data-option=view]")).to_have_value("x")
    expect(digits(page, "option[value=plane]")).to_be_disabled()
    expect(digits(page, "[data-layer=nearest]")).to_be_visible()
    page.wait_for_function("!location.search.includes('picture')")


def test_translations_have_no_nearest_digit(visit, address):
    page = visit(address, "?tab=translate&steps=2&chart=neighbour", ROOT.format("translate"))
    expect(part(page, "[data-option=statistic]", "translate")).to_have_value("variance")
    expect(part(page, "[data-layer=nearest]", "translate")).to_be_hidden()
    expect(part(page, ".fm-numbers th:visible", "translate")).to_have_count(7)


def test_arrays_have_the_plane(runs):
    assert runs[1].plane is not None
    assert np.array_equal(exports.arrays(runs)["plane_b"], runs[1].plane.numpy())


def test_a_view_whose_pictures_did_not_come_says_so_and_may_be_chosen_again(visit, address):
    page = visit(address, LINK + "&t=0.5", ROOT.format("digits"), expected="503")
    idle(page, "digits")
    view, canvas = digits(page, "[data-option=view]"), digits(page, ".fm-panel.fm-a canvas")
    painted = canvas.evaluate("(canvas) => canvas.toDataURL()")
    page.route("**/fm/digits", lambda route: route.fulfill(status=503))
    view.select_option("end")
    expect(digits(page, ".fm-refusal")).to_contain_text(
        "The server did not answer, so what this view shows is missing."
    )
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") == painted
    page.unroute("**/fm/digits")
    view.select_option("x")
    view.select_option("end")
    changed = "(canvas, before) => canvas.toDataURL() !== before"
    page.wait_for_function(f"([canvas, before]) => ({changed})(canvas, before)", arg=[canvas.element_handle(), painted])
