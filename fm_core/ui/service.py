"""What the page asks the server for beside Gradio: runs, and files of runs.

A request has all that its answer depends on, so nothing is kept of a visitor, and any process can answer. POST fm/TAB
with the JSON {"visitor": name, "want": what, "values": the tab's inputs by name}. The answer is a
stream of messages, each a line of JSON: {"updates"} of controls by component number; {"before": n, "seconds": s} every
second while n others come first, or it is computed; then the parts of the packet (see `wire.py`), or
{"file": name, "bytes": n} and the n bytes; or {"refused": sentence}.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fm_core.library import Library
from fm_core.line import Line, Place, Work
from fm_core.refusals import Refusal, SettingsError, entry
from fm_core.ui.lessons import Lesson, lessons
from fm_core.ui.wire import message

MAX_BODY = 2**18  # bytes
HEARTBEAT = 1.0  # seconds
PARTS = {"run": slice(2), "more": slice(1, 3), "last": slice(3, None)}  # of a run's packets; else a file is wanted
WHAT = "A request is a JSON object with visitor, want and values, of at most 256 kB."
Values = dict[str, Any]  # of a tab's inputs, by name


@dataclass(frozen=True)
class Answers:
    """How a tab answers, by the values of its `inputs`; all raise Refusals.

    `settle` replaces values that do not exist, and gives the updates that show it, by component number; `work` is
    their run, and `export` the file of a kind of it.
    """

    inputs: tuple[str, ...]
    settle: Callable[[Values], tuple[Values, dict[str, Any]]]
    work: Callable[[Values], Work]
    export: Callable[[Values, str], Work]


@dataclass(frozen=True, eq=False)
class Service:
    """The models, the lessons, the line in which runs are computed, and how each tab answers."""

    library: Library
    lessons: Mapping[str, Lesson] = field(default_factory=lessons)
    line: Line = field(default_factory=Line)
    tabs: dict[str, Answers] = field(default_factory=dict)

    async def messages(self, tab: str, body: dict[str, Any]) -> AsyncIterator[bytes]:
        """The answer to a request."""
        place = None
        try:
            place, updates = self._join(tab, body)
            yield message({"updates": updates})
            async for part in _parts(place, PARTS.get(body["want"], slice(None))):
                yield part
        except Refusal as refusal:
            yield message({"refused": str(refusal)})
        finally:
            if place:
                place.leave()

    def _join(self, tab: str, body: dict[str, Any]) -> tuple[Place, dict[str, Any]]:
        answers, values = entry("the tab", tab, self.tabs), body["values"]
        if values.keys() != set(answers.inputs):
            raise SettingsError(f"The values must be those of {', '.join(answers.inputs)}.")
        settled, updates = answers.settle(values)
        work = answers.work(settled) if body["want"] in PARTS else answers.export(settled, body["want"])
        return self.line.join(work, body["visitor"]), updates


async def _answer(request: Request) -> Response:
    service: Service = request.app.get_blocks().service
    try:
        messages = service.messages(request.path_params["tab"], await _body(request))
    except Refusal as refusal:
        return Response(message({"refused": str(refusal)}))
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}  # a proxy must not collect the messages
    return StreamingResponse(messages, media_type="application/octet-stream", headers=headers)


async def _body(request: Request) -> dict[str, Any]:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY:
            raise SettingsError(WHAT)
    try:
        body = json.loads(content)
        fits = isinstance(body["visitor"], str) and isinstance(body["want"], str) and isinstance(body["values"], dict)
    except (ValueError, TypeError, KeyError, RecursionError):
        fits, body = False, {}
    if not fits:
        raise SettingsError(WHAT)
    return body


async def _parts(place: Place, wanted: slice) -> AsyncIterator[bytes]:
    """The wanted parts of the result, and a message every second until they are there."""
    for part in place.parts[wanted]:
        future = asyncio.wrap_future(part)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, though nobody waits
        while not (await asyncio.wait({future}, timeout=HEARTBEAT))[0]:
            before, seconds = place.before()
            yield message({"before": before, "seconds": round(seconds, 3)})
        yield await to_thread.run_sync(future.result().to_page)


ROUTE = Route("/fm/{tab}", _answer, methods=["POST"])
