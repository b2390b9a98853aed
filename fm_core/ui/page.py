"""The page: its tabs, its look, and its launch options."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fm_core import visitors_files

# Read when gradio is imported: no call to any other host, and a folder for files that is not shared by users.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_TEMP_DIR"] = str(visitors_files.folder())

import gradio as gr
from gradio.themes import Default
from starlette.middleware import Middleware

from fm_core.image_settings import CLOTHES_SET
from fm_core.images import uploads
from fm_core.library import Library
from fm_core.maths.distributions import STANDARD
from fm_core.texts import text
from fm_core.ui import lessons_tab, service, static
from fm_core.ui.catalogue_tab import create_catalogue_tab
from fm_core.ui.digits_tab import create_digits_tab
from fm_core.ui.explanations import why
from fm_core.ui.front import Front
from fm_core.ui.guard import Guard
from fm_core.ui.headers import SecurityHeaders
from fm_core.ui.lessons import Lesson, lessons
from fm_core.ui.memory import SESSIONS, bounded
from fm_core.ui.pairs import offer_pairs, publish_pairs
from fm_core.ui.player import module_url
from fm_core.ui.points_tab import create_points_tab
from fm_core.ui.preview import Preview
from fm_core.ui.probes import offer_probe, publish_probe
from fm_core.ui.service import Service
from fm_core.ui.thumbnails import style_sheet
from fm_core.ui.translate_tab import create_translate_tab

FONTS = ["system-ui", "sans-serif"]
VISITORS_FILES = (3600, 86_400)  # seconds: how often to look for old uploads and results, and how old


@dataclass(frozen=True)
class PageTab:
    """A tab: its name in addresses, its title, its builder, and whether the library has what it needs."""

    id: str
    title: str
    create: Callable[[Service], None]
    possible: Callable[[Library], object] = lambda library: True


TABS = [
    PageTab("flows", "2D", create_points_tab),
    PageTab("digits", "Digits", create_digits_tab, lambda library: library.image_schedules(STANDARD.name)),
    PageTab("translate", "Translate", create_translate_tab, lambda library: library.image_schedules(CLOTHES_SET.name)),
    PageTab("lessons", "Lessons", lessons_tab.create_lessons_tab),
    PageTab("catalogue", "Models", create_catalogue_tab),
]
SELECTED = """() => { const named = new URLSearchParams(location.search);
  const tab = named.get("tab") ?? (named.has("lesson") ? "lessons" : null);
  return KNOWN.includes(tab) ? { __type__: "update", selected: tab } : { __type__: "update" }; }"""


class Page(gr.Blocks):
    """The page, with the service that answers what its players ask."""

    def __init__(self, service: Service, **options):
        self.service = service
        super().__init__(**options)


def build_page(library: Library, taught: Mapping[str, Lesson] | None = None) -> Page:
    """The whole page for these models, without the tabs that need others, and for these lessons or the shipped ones."""
    answering = Service(library, lessons() if taught is None else taught)
    offer_pairs(answering)
    offer_probe(answering)
    title, plain = "Flow Matching Playground", {"analytics_enabled": False, "fill_width": True}
    with Page(answering, title=title, delete_cache=VISITORS_FILES, **plain) as demo:
        title_and_why = text("ui/texts/introduction.html", why=why("flow_matching", "page"))
        gr.HTML(title_and_why, elem_classes="fm-title", apply_default_css=False)
        possible = [tab for tab in TABS if tab.possible(library)]
        with gr.Tabs(elem_id="tabs") as tabs:
            for tab in possible:
                with gr.Tab(tab.title, id=tab.id) as shown:
                    tab.create(answering)
                shown.select(
                    None, js=f"() => window.dispatchEvent(new CustomEvent('fm-tab', {{ detail: '{tab.id}' }}))"
                )
        publish_pairs(answering)
        publish_probe(answering)
        known = json.dumps([tab.id for tab in possible])
        demo.load(None, outputs=tabs, js=SELECTED.replace("KNOWN", known), api_visibility="private")
        connect = f'import(new URL("{module_url("page.js")}", document.baseURI)).then((page) => page.connectPage())'
        demo.load(None, js=f"() => {{ {connect}; }}", api_visibility="private")
    return demo.queue(max_size=64)


def launch_options() -> dict:
    """The keyword arguments of `demo.launch` for this page."""
    return {
        "css_paths": Path(__file__).parent / "page.css",
        "css": style_sheet(),
        "head": text("ui/texts/head.html"),
        "theme": Default(primary_hue="slate", font=FONTS, font_mono=["ui-monospace", "monospace"]),
        "run_history": False,
        "max_file_size": uploads.MAX_BYTES,
        "state_session_capacity": SESSIONS,
        "app_kwargs": {
            "routes": [lessons_tab.ROUTE, service.ROUTE, static.ROUTE],
            "middleware": [Middleware(SecurityHeaders), Middleware(Guard), Middleware(Front), Middleware(Preview)],
            "lifespan": bounded,
            "openapi_url": None,
        },
        "ssr_mode": False,
        "footer_links": ["api", "settings"],
    }
