"""The player: a Gradio component that plays runs in the browser, made of the files beside this one."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gradio as gr

from fm_core.ui.explanations import why
from fm_core.ui.static import address

MODULES = Path(__file__).parent
MOUNT = """import(new URL(props.module, document.baseURI)).then(({ mount }) => mount(element, props, {
  ask: () => trigger("ask"),
  apply: () => trigger("apply"),
  restore: (query) => trigger("restore", { query }),
})); // Gradio looks for event names in this script: "api" is an endpoint that the page never calls"""


def _read(name: str) -> str:
    return (MODULES / name).read_text(encoding="utf-8")


def _why(place: str, found: re.Match[str]) -> str:
    """The button for `<why KEY>`; a second one of the same key has a place of its own: `<why KEY PLACE>`."""
    return why(found[1], place + (found[2] or "").replace(" ", "-"))


def player_html(scene: str, place: str) -> str:
    """The player's element for runs of a scene; `place` makes the ids of its explanations unique."""
    html = _read("player.html").replace("<!-- views -->\n", _read(f"{scene}_views.html"))
    return re.sub(r"<why (\w+)( \w+)?>", partial(_why, place), html)


def styles(*others: str) -> str:
    """The player's style sheets, and others beside them."""
    return "".join(map(_read, ("player.css", "save.css", *others)))


def module_url(name: str) -> str:
    """The address of a script beside this file, relative to the page's."""
    return address(name)


class Player(gr.HTML):
    """Plays the packets of `point_packets` (scene "points") or `image_packets` (scene "images") in a tab of this name.

    All but new runs and files, for which it asks the `Service`, happens in the browser. Event `ask` wants the values of
    the controls, `apply` shows an answer's updates of them, `restore` the settings of an address: see `run_tab.py`.
    `comparisons` are queries of the address, each with what to watch in its run.
    """

    def __init__(self, scene: str, tab: str, comparisons: Sequence[tuple[str, str]] = (), **keywords):
        super().__init__(
            html_template=player_html(scene, f"{tab}-player"),
            css_template=styles(),
            js_on_load=MOUNT,
            apply_default_css=False,
            elem_id=f"{tab}-player",
            module=module_url(f"{scene}.js"),
            plotly=address("plotly.min.js"),
            tab=tab,
            comparisons=list(comparisons),
            **keywords,
        )

    def api_info(self) -> dict:
        return {"type": "object", "description": "header and data of a packet, see fm_core/ui/wire.py"}
