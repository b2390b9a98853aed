"""The tab of trained flows: what there is, how good it is, and its distance to the target against NFE."""

import gradio as gr
import plotly.graph_objects as go

from fm_core.playground import Library
from fm_core.quality import JUDGED_NFE
from fm_core.recipes import RECIPES
from fm_core.report import quality_at

HEADERS = ["flow", f"W2 at NFE {JUDGED_NFE}", "floor", "ratio", "variance error", "iterations", "seconds"]
GREY, GRID = "#808080", "rgba(128,128,128,0.3)"  # readable on light and on dark

EXPLANATION = """Every flow was trained by `train_all.py`; the weights kept are their exponential moving average.
**W2** is the exact 2-Wasserstein distance from 4,000 Euler samples to 4,000 fresh ones, the median of three seeds.
The **floor** is the same between two fresh sets, so nobody can expect less. The **variance error** is the largest
deviation, at any of 50 steps and in either dimension, from the exact field's run on the same noise (for OT couplings:
from the theory curve of the path)."""


def create_catalogue_tab(library: Library) -> None:
    gr.Markdown(EXPLANATION)
    for problem in library.problems.values():
        gr.Markdown(f"**Not usable:** {problem}")
    names = list(library.metadata)
    if names:
        chosen = gr.Dropdown(names, value=names[:4], multiselect=True, max_choices=8, label="Distance against NFE for")
        chart = gr.Plot(figure(library, names[:4]), elem_id="quality", show_label=False)
        chosen.input(
            lambda choice: figure(library, choice), chosen, chart, api_visibility="private", show_progress="hidden"
        )
    gr.Markdown(table(library), elem_id="catalogue")


def table(library: Library) -> str:
    """A Markdown table with one row per recipe of the catalogue."""
    rows = [HEADERS, ["---"] * len(HEADERS), *(_row(library, name) for name in RECIPES)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(library: Library, name: str) -> list[str]:
    metadata = library.metadata.get(name)
    if metadata is None:
        return [name, "not usable", *[""] * (len(HEADERS) - 2)]
    w2, floor, error = quality_at(metadata, JUDGED_NFE)
    figures = [f"{w2:.4f}", f"{floor:.4f}", f"{w2 / floor:.2f}", f"{error:.2%}"]
    return [name, *figures, f"{metadata['iterations']:,}", f"{metadata['training_seconds']:.0f}"]


def figure(library: Library, names: list[str]) -> go.Figure:
    """W2 over the floor against NFE, both logarithmic, one line per flow; the floor itself is the line at 1."""
    chart = go.Figure(layout={"template": "none", "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"})
    for name in names:
        quality = library.metadata[name]["quality"]
        ratio = [w2 / quality["floor"] for w2 in quality["w2"]]
        chart.add_scatter(x=quality["nfe"], y=ratio, name=name, mode="lines+markers")
    chart.add_hline(1, line={"dash": "dash", "color": GREY})
    ticks = [1, 2, 5, 10, 20, 50, 100]
    chart.update_xaxes(title="NFE (Euler steps)", type="log", tickvals=ticks, gridcolor=GRID)
    chart.update_yaxes(title="W2 / floor", type="log", tickvals=ticks, gridcolor=GRID, automargin=True)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return chart.update_layout(font_color=GREY, margin={"l": 56, "r": 12, "t": 12, "b": 56}, legend=legend)
