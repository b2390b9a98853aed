"""The page: its tabs, its look, and how it is launched."""

import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: no call to any other host

import gradio as gr
from gradio.themes import Default

from fm_core import uploads
from fm_core.image_playground import ImageLibrary
from fm_core.playground import Library
from fm_core.recipes import STANDARD
from fm_core.ui.catalogue_tab import create_catalogue_tab
from fm_core.ui.digits_tab import create_digits_tab
from fm_core.ui.image_catalogue import create_image_catalogue
from fm_core.ui.menus import DIE
from fm_core.ui.player import PLOTLY
from fm_core.ui.toy_tab import create_toy_tab
from fm_core.ui.translate_tab import create_translate_tab

TITLE = "Flow Matching Playground"
INTRODUCTION = f"""# {TITLE}
Watch particles flow from a source to a data set, and check theory against measurement at every step."""
VISITORS_FILES = (3600, 86_400)  # seconds: how often the server looks for old uploads and results, and what is old


def build_demo(library: Library, images: ImageLibrary) -> gr.Blocks:
    """The whole page over these flows; without image flows, without the tabs that need them."""
    gr.set_static_paths([PLOTLY, DIE])
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=VISITORS_FILES) as demo:
        gr.Markdown(INTRODUCTION, elem_classes="fm-title")
        with gr.Tabs() as tabs:
            with gr.Tab("2D flows", id="flows"):
                create_toy_tab(demo, library)
            if images.schedules(STANDARD):
                with gr.Tab("Digits", id="digits"):
                    create_digits_tab(demo, images)
            if images.schedules("fashion"):
                with gr.Tab("Translate", id="translate"):
                    create_translate_tab(demo, images)
            with gr.Tab("Trained flows", id="catalogue"):
                create_catalogue_tab(library)
                create_image_catalogue(images)
        demo.load(_open_tab, outputs=tabs, api_visibility="private", show_progress="hidden")
    return demo.queue(max_size=64)


def _open_tab(request: gr.Request) -> dict:
    """The tab that the address names."""
    tab = dict(request.query_params).get("tab")
    return gr.update(selected=tab) if tab in ("digits", "translate", "catalogue") else gr.update()


def launch_options() -> dict:
    """What `demo.launch` needs for this page, wherever it is launched."""
    return {
        "css_paths": Path(__file__).parent / "page.css",
        "theme": Default(primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        "run_history": False,
        "max_file_size": uploads.MAX_BYTES,
        "ssr_mode": False,
        "footer_links": ["api", "settings"],
    }
