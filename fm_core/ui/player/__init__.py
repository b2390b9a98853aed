"""The player: a Gradio component that plays runs in the browser. Its page parts are the files beside this one."""

from pathlib import Path

import gradio as gr
import plotly

_HERE = Path(__file__).parent
_SCENES = {"toy": ("panel.js", "toy.js"), "image": ("grid.js", "images.js")}
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


class Player(gr.HTML):
    """Plays what `wire.encode` (scene "toy") or `image_wire.encode` (scene "image") returns.

    Everything but a new run happens in the browser.
    """

    def __init__(self, scene: str = "toy", **keywords):
        self.scene = scene  # gr.HTML takes attributes that do not exist for events
        scripts = ("decode.js", *_SCENES[scene], "chart.js", "player.js")
        super().__init__(
            html_template=_read("player.html").replace("<!-- views -->\n", _read(f"{scene}_views.html")),
            css_template=_read("player.css"),
            js_on_load="\n".join(map(_read, scripts)),
            apply_default_css=False,
            plotly=f"gradio_api/file={PLOTLY}",
            **keywords,
        )

    def api_info(self) -> dict:
        return {
            "type": "object",
            "description": "header: statistics; data: base64, see fm_core/ui/wire.py and fm_core/ui/image_wire.py",
        }
