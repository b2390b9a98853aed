"""The player: a Gradio component that plays runs in the browser, made of the files beside this one."""

from pathlib import Path
from urllib.parse import quote

import gradio as gr
import plotly

MODULES = Path(__file__).parent
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
MOUNT = """import(new URL(props.module, document.baseURI)).then(({ mount }) => mount(element, props, watch, {
  run: (ticket) => trigger("run", { ticket }),
  stop: (ticket) => trigger("stop", { ticket }),
})); // Gradio looks for event names in this script: "api" is an endpoint that the page never calls"""


def _read(name: str) -> str:
    return (MODULES / name).read_text(encoding="utf-8")


def _url(path: Path) -> str:
    return f"gradio_api/file={quote(str(path))}"


class Player(gr.HTML):
    """Plays the packets of `point_packet` (scene "points") or `image_packet` (scene "images").

    All but new runs happens in the browser. Event `run` asks for one, `stop` reports a newer ask: see `run_tab.py`.
    """

    def __init__(self, scene: str, elem_id: str, **keywords):
        super().__init__(
            html_template=_read("player.html").replace("<!-- views -->\n", _read(f"{scene}_views.html")),
            css_template=_read("player.css"),
            js_on_load=MOUNT,
            apply_default_css=False,
            elem_id=elem_id,
            module=_url(MODULES / f"{scene}.js"),
            plotly=_url(PLOTLY),
            player=elem_id,
            **keywords,
        )

    def api_info(self) -> dict:
        return {"type": "object", "description": "header and data of a packet, see fm_core/ui/wire.py"}
