"""The Lessons tab: questions with predictions, experiments that decide, and answers. Each is fetched when opened."""

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fm_core.refusals import Refusal, entry
from fm_core.texts import text
from fm_core.ui.lesson_page import content, list_html
from fm_core.ui.player import module_url, styles
from fm_core.ui.service import Service
from fm_core.ui.static import address

MOUNT = (
    """import(new URL(props.module, document.baseURI)).then(({ connectLessons }) => connectLessons(element, props));"""
)


class Lessons(gr.HTML):
    """The list of lessons. All that happens in it happens in the browser, where also the progress is kept."""

    def __init__(self, service: Service):
        super().__init__(
            html_template=text("ui/texts/lessons.html", lessons=list_html(service.lessons)),
            css_template=styles("lessons.css"),
            js_on_load=MOUNT,
            apply_default_css=False,
            elem_id="lessons",
            module=module_url("lessons.js"),
            plotly=address("plotly.min.js"),
        )


def create_lessons_tab(service: Service) -> None:
    """Build the tab."""
    Lessons(service)


async def _answer(request: Request) -> JSONResponse:
    service: Service = request.app.get_blocks().service
    try:
        lesson = entry("the lesson", request.path_params["lesson"], service.lessons)
        return JSONResponse(await run_in_threadpool(content, lesson, service))
    except Refusal as refusal:
        return JSONResponse({"refused": str(refusal)}, 404)


ROUTE = Route("/fm/lessons/{lesson}", _answer)
