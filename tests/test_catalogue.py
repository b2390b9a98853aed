"""The tab of trained flows: its charts, by the figures, and as a person uses it in headless Chromium."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fm_core.library import Library
from fm_core.models.catalogue import POINT_RECIPES
from fm_core.training import report
from fm_core.ui.charts import POINT_FIGURES, point_figure
from tests.pages import INTERRUPTED

CHART = "document.querySelector('#quality .js-plotly-plot')"
OLD = {"samples": 4000, "floor": 0.05, "nfe": [1, 50], "w2": [0.9, 0.06], "variance_error": [0.5, 0.01]}


@pytest.fixture(scope="module")
def judged(library: Library) -> dict[str, dict]:
    return library.judged(POINT_RECIPES)


def lines(metadata: dict[str, dict], key: str, names: list[str]) -> list[Any]:
    return list(point_figure(metadata, key, names).data)


@pytest.mark.parametrize("key", ["flow_map_error", "far"])
def test_the_chart_has_the_recorded_errors_of_each_flow(judged, key):
    drawn = lines(judged, key, ["moons-linear", "spirals-cosine"])
    assert [line.name for line in drawn] == ["moons-linear", "spirals-cosine"]
    for line in drawn:
        quality = judged[line.name]["quality"]
        assert (list(line.x), list(line.y)) == (quality["nfe"], quality[key])
        assert line.error_y.array is None


def test_w2_over_the_floor_is_drawn_with_one_deviation_to_either_side(judged):
    (line,) = lines(judged, "ratio", ["moons-linear"])
    quality = judged["moons-linear"]["quality"]
    assert [y * quality["floor"] for y in line.y] == pytest.approx(quality["w2"])
    assert [dy * quality["floor"] for dy in line.error_y.array] == pytest.approx(quality["w2_std"])


@pytest.mark.parametrize("key", POINT_FIGURES)
def test_no_flow_is_no_line(judged, key):
    assert lines(judged, key, []) == []


def test_a_flow_with_older_figures_is_drawn_with_what_it_has():
    older = {"moons-linear": {"quality": OLD, "iterations": 4000, "training_seconds": 13.0}}
    (ratio,) = lines(older, "ratio", ["moons-linear"])
    assert list(ratio.y) == pytest.approx([18, 1.2])
    assert list(ratio.error_y.array) == [0, 0]
    (error,) = lines(older, "flow_map_error", ["moons-linear"])
    assert list(error.y) == [None, None]
    assert "| moons-linear | – | – | 0.060 (of 4,000) | 0.050 | 1.20 | 1.0% | 4,000 | 13 |" in report.point_table(older)


def test_the_table_says_which_flow_is_not_usable(judged):
    table = report.point_table({"moons-linear": judged["moons-linear"], "moons-vp": None}).splitlines()
    assert table[-1].startswith("| moons-vp | not usable |")
    assert len({row.count("|") for row in table}) == 1


def await_lines(page: Page, names: list[str]) -> None:
    page.wait_for_function(f"(names) => {CHART}?.data.map((line) => line.name).join() === names.join()", arg=names)


def test_a_person_clears_the_flows_and_chooses_others_and_another_figure(visit, address):
    page = visit(address, "?tab=catalogue", until="#quality .js-plotly-plot", expected=INTERRUPTED)
    await_lines(page, list(POINT_RECIPES)[:4])
    expect(page.get_by_text("Smaller errors are better")).to_be_visible()
    expect(page.get_by_text("is here the exact 2-Wasserstein distance")).not_to_be_visible()
    page.locator("#point-flows").get_by_title("Clear").click()
    await_lines(page, [])
    page.click("#point-flows input")
    page.get_by_role("option", name="spirals-linear", exact=True).click()
    await_lines(page, ["spirals-linear"])
    page.click("#point-figure input")
    page.get_by_role("option", name=POINT_FIGURES["ratio"]).click()
    page.wait_for_function(f"{CHART}.data[0].error_y.array?.length === 7")
    expect(page.locator("#quality .ytitle")).to_have_text(POINT_FIGURES["ratio"])
    page.click("#image-figure input")
    page.get_by_role("option", name="recall").click()
    page.wait_for_url("**/?tab=catalogue&figure=ratio&flows=spirals-linear&image_figure=recall")
    page.reload()
    await_lines(page, ["spirals-linear"])
    expect(page.locator("#quality .ytitle")).to_have_text(POINT_FIGURES["ratio"])
    expect(page.locator("#image-quality .ytitle")).to_have_text("recall")
    expect(page.locator("#point-flows")).to_contain_text("spirals-linear")
    page.goto(f"{address}?tab=catalogue&figure=magic&flows=none-such,moons-vp&image_figure=")
    await_lines(page, ["moons-vp"])
    expect(page.locator("#quality .ytitle")).to_have_text(POINT_FIGURES["flow_map_error"])
