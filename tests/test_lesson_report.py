"""The report that a student hands in: one file, made in the browser of what it kept, which may be damaged."""

import json
import re
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

# A further experiment of the lesson, as somebody could write it into what the browser keeps.
FORGED = {
    "title": "<svg onload='window.forged = 1'></svg>Forged",
    "said": ["<img src=x onerror='window.forged = 1'><b onclick='x()'>bold</b><script>window.forged = 1</script>"],
    "about": ["<iframe src=//evil.example>"],
    "changed": {"lesson": "<b>", "show": "2"},
    "query": "//evil.example/?a='><script>",
    "pictures": [{"title": "", "t": 1, "image": "data:image/svg+xml;base64,AAAA"}],
    "series": [{"name": "<b>", "x": [0, 1], "y": ["1", None]}, 7],
}
FORGE = """(run) => {
  const all = JSON.parse(localStorage.getItem("fm-lessons"));
  all[6].runs[1] = run;
  localStorage.setItem("fm-lessons", JSON.stringify({ ...all, 5: [], x: 1 }));
}"""
KEPT = """() => {
  const run = JSON.parse(localStorage.getItem("fm-lessons") ?? "{}")[6]?.runs?.[0];
  return run?.settings.includes("Steps: 10 (usually 50)") && run.series.length === 6; // measured, exact, theory
}"""
FULL = """() => {
  const { setItem } = Storage.prototype;
  Storage.prototype.setItem = function (...entry) {
    if (this === localStorage) throw new DOMException("no room", "QuotaExceededError");
    setItem.apply(this, entry);
  };
}"""


def predict_and_run(page: Page, lesson: Locator) -> None:
    lesson.get_by_text("1, as the data have").click()
    lesson.get_by_role("button", name="This is my prediction").click()
    lesson.get_by_role("button", name="Show me").first.click()
    lesson.get_by_role("slider", name="Steps").fill("10")
    expect(lesson.locator(".fm-conclusion p").nth(1)).to_contain_text("Of 11 measured variances")
    page.wait_for_function(KEPT)  # a moment after the last figures
    expect(lesson.locator(".fm-lesson-state")).to_have_text("done")


def saved(page: Page, name: str, folder: Path) -> str:
    """The text of the report with this name."""
    page.get_by_role("button", name="Save my report").click()
    dialog = page.get_by_role("dialog", name="Save my report")
    dialog.get_by_label("Your name").fill(name)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == f"flow-matching-report-{datetime.now():%Y-%m-%d}.html"
    expect(dialog.get_by_role("status")).to_contain_text("Saved flow-matching-report")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    path = folder / "report.html"
    download.value.save_as(path)
    return path.read_text(encoding="utf-8")


def test_a_report_is_one_harmless_file_of_what_was_done_and_progress_can_be_cleared(visit, address, tmp_path):
    page = visit(address, "?tab=lessons&lesson=6", until="[data-lesson='6'] .fm-prediction")
    lesson = page.locator("[data-lesson='6']")
    predict_and_run(page, lesson)
    conclusion = lesson.locator(".fm-conclusion p").nth(1).inner_text()
    lesson.get_by_label("Your answer, in your own words").fill("Euler is <too> narrow.")
    page.wait_for_function("localStorage.getItem('fm-lessons').includes('Euler is <too> narrow.')")
    page.evaluate(FORGE, FORGED)
    html = saved(page, 'Ada <b>&"', tmp_path)

    # One file, which asks for nothing: links lead to the page.
    links = re.findall(r'\b(?:src|href)\s*=\s*"([^"]*)', html)
    assert all(link.startswith(("data:image/webp;base64,", address.rstrip("/"))) for link in links)
    assert not re.search(r"<script|<iframe|<svg on|\bon\w+\s*=|url\(|@import|svg\+xml", html.replace("&lt;", "‹"))
    assert len(html) < 100_000

    report = page.context.new_page()
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto((tmp_path / "report.html").as_uri())
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    text = report.locator("main").inner_text()
    assert 'Ada <b>&"' in text
    assert "1, as the data have, up to chance" in text
    assert "Not right. That is what the exact flow does." in text
    assert conclusion in text
    assert "Steps: 10 (usually 50)" in text
    assert "Euler is <too> narrow." in text
    assert report.locator("article").first.locator("polyline.c0, polyline.c1").count() == 6  # measured, exact, theory
    sizes = report.locator("img").evaluate_all("(images) => images.map((i) => [i.naturalWidth, i.src.length])")
    assert len(sizes) == 2
    assert all(0 < width <= 480 and length < 28_000 for width, length in sizes)
    assert report.locator(".question math").count() >= 2
    forged = report.locator("article").nth(1)
    assert forged.locator(".conclusion").inner_html() == "<p><b>bold</b></p>"
    assert forged.get_by_role("heading").inner_text() == "Forged"
    assert report.evaluate("window.forged") is None
    link = report.get_by_role("link", name="Open this experiment in the lesson").first.get_attribute("href") or ""
    assert {"lesson=6", "show=1", "steps=10"} <= set(link.split("?")[1].split("&"))
    report.close()

    # Without room the page says so, and the report still has everything.
    page.evaluate(FULL)
    lesson.get_by_role("slider", name="Steps").fill("5")
    expect(page.locator(".fm-lessons-progress")).to_contain_text("save your report before you close the page")
    assert "Steps: 5 (usually 50)" in saved(page, "", tmp_path)

    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear my progress").click()
    expect(page.locator(".fm-lessons-progress")).to_contain_text("0 of")
    expect(page.locator(".fm-lessons-progress")).to_contain_text("kept in this browser only")
    expect(lesson.locator(".fm-player")).to_have_count(0)
    assert (
        json.loads(page.evaluate("JSON.stringify({ ...localStorage })")).keys() & {"fm-lessons", "fm-lessons-name"}
        == set()
    )
    lesson.locator("summary").first.click()
    expect(lesson.get_by_role("radio", checked=True)).to_have_count(0)
    expect(lesson.get_by_role("radio").first).to_be_enabled()
    expect(lesson.locator(".fm-experiment").first).to_be_hidden()  # the prediction comes first
    expect(lesson.locator(".fm-verdict")).to_be_empty()
    expect(lesson.locator(".fm-lesson-state")).to_be_empty()
    expect(lesson.locator("textarea")).to_have_value("")
