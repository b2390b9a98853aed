"""The player: a Gradio component that plays runs in the browser. Its page parts are the files beside this one."""

from pathlib import Path

import gradio as gr
import plotly

_HERE = Path(__file__).parent
_SCRIPTS = ("decode.js", "panel.js", "chart.js", "player.js")
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


class Player(gr.HTML):
    """Plays what `fm_core.ui.wire.encode` returns. Everything but a new run happens in the browser."""

    def __init__(self, **keywords):
        super().__init__(
            html_template=(_HERE / "player.html").read_text(encoding="utf-8"),
            css_template=(_HERE / "player.css").read_text(encoding="utf-8"),
            js_on_load="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
            apply_default_css=False,
            plotly=f"gradio_api/file={PLOTLY}",
            **keywords,
        )

    def api_info(self) -> dict:
        return {
            "type": "object",
            "description": "header: statistics; data: base64, see fm_core/ui/wire.py",
        }
