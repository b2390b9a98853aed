"""The door of the server: which addresses there are, how much may be sent to them, and short answers to junk."""

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fm_core import visitors_files
from fm_core.images.limits import DECODING, MAX_BYTES, MB
from fm_core.refusals import Refusal

MAX_JSON = 1 * MB  # bytes; 64 pictures of a person's own take 67 kB
MAX_UPLOAD = DECODING.total_bytes + MAX_BYTES  # bytes of all files of one request
_UPLOADS = {"/gradio_api/upload": MAX_UPLOAD, "/gradio_api/component_server": MAX_BYTES + MAX_JSON}  # the pad's layers
CHECKED = 8 * MB  # bytes of an upload, after which the room on the disk is looked at again
TIDIED = 10  # seconds between two looks at the room, when nothing is uploaded

# What the page and Gradio's clients use. Gradio also has a log-in, monitoring, links to saved states, a proxy, a
# converter of videos and more, none of which is offered here.
_ADDRESSES = re.compile(
    r"/(config|theme\.css|robots\.txt|favicon\.ico|manifest\.json)?/?"
    r"|/(assets|static|svelte|page|fm)/.+"
    r"|/gradio_api/(info|openapi\.json|startup-events|app_id|theme\.css|upload|upload_progress|component_server"
    r"|cancel|reset|queue/(join|data|status))/?"
    r"|/gradio_api/(call|run|heartbeat|mcp)(/.*)?"
    r"|/gradio_api/file=(?!https?:).+"
)
_CALLS = re.compile(r"/gradio_api/(?:call/(?:v2/)?|run/(?!predict/?$))([^/]*)")
_RELOADING = "/gradio_api/dev/reload"
NO_ADDRESS = "There is no such address."
NO_ENDPOINT = "There is no such endpoint or session; /gradio_api/info lists the endpoints."
JUNK = "The request cannot be read; /gradio_api/info describes what is accepted."
NO_DISK = "The server cannot store files at present; try again later."
Send = Callable[[Any], Awaitable[None]]
log = logging.getLogger("fm_core")


class Guard:
    """ASGI middleware that refuses with a sentence what no honest client sends."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app, self.tidied = app, 0.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, started = _path(scope), []

        async def noticed(message: dict[str, Any]) -> None:
            started.append(message)
            await send(message)

        try:
            _check_address(scope, path)
            if scope["method"] == "HEAD" and path == "/":  # is the server up? Gradio asks at its start, for 3 seconds
                await Response(media_type="text/html")(scope, receive, send)
                return
            body = await self._checked_body(scope, path, receive)
            await self.app(scope, body, noticed)
        except Exception as error:
            if started:  # the head of the answer is sent: end it
                with suppress(Exception):
                    await send({"type": "http.response.body", "body": b""})
            else:
                await _answer(path, error)(scope, receive, send)
            _tell(scope, error)

    async def _checked_body(self, scope: dict[str, Any], path: str, receive: Any) -> Any:
        """`receive`, which raises HTTPException once more than is accepted has come, or no room is left for it."""
        if scope["method"] in ("GET", "HEAD"):
            return receive
        is_upload, limit = path.rstrip("/") in _UPLOADS, _UPLOADS.get(path.rstrip("/"), MAX_JSON)
        announced = Headers(scope=scope).get("content-length", "0")
        _check_size(int(announced) if announced.isdecimal() else limit + 1, limit)
        if is_upload or time.monotonic() - self.tidied > TIDIED:
            self.tidied = time.monotonic()
            await _make_room(scope, int(announced) if is_upload else 0, must=is_upload)
        received = checked = 0

        async def counted() -> dict[str, Any]:
            nonlocal received, checked
            message = await receive()
            received += len(message.get("body", b""))
            _check_size(received, limit)
            if is_upload and received > checked + CHECKED:
                checked = received
                await _make_room(scope, 0, must=True)
            return message

        return counted


def _path(scope: dict[str, Any]) -> str:
    """The address within the page, without the path under which a proxy serves it."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _check_address(scope: dict[str, Any], path: str) -> None:
    if not _ADDRESSES.fullmatch(path) and not (path == _RELOADING and "GRADIO_WATCH_DIRS" in os.environ):
        raise HTTPException(404, NO_ADDRESS)
    if called := _CALLS.match(path):  # the page calls its own endpoints by number
        endpoints = scope["app"].get_blocks().fns.values()
        if called[1] not in {endpoint.api_name for endpoint in endpoints if endpoint.api_visibility == "public"}:
            raise HTTPException(404, NO_ENDPOINT)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise HTTPException(413, f"The request is larger than the {limit // MB} MB that are accepted here.")


async def _make_room(scope: dict[str, Any], incoming: int, must: bool) -> None:
    blocks = scope["app"].get_blocks()
    try:
        place = Path(scope["app"].uploaded_file_dir)
        deleted = await anyio.to_thread.run_sync(visitors_files.make_room, place, incoming)
    except Refusal as refusal:
        if must:
            raise HTTPException(503, str(refusal)) from None
    else:
        for names in blocks.temp_file_sets:
            names -= deleted


def _answer(path: str, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, sentence = error.status_code, str(error.detail)
    elif isinstance(error, KeyError | FnIndexInferError):
        status, sentence = 404, NO_ENDPOINT
    else:
        status, sentence = (507, NO_DISK) if isinstance(error, OSError) else (400, JUNK)
    if path.rstrip("/") in _UPLOADS:  # whose answers Gradio's page shows as they are
        return PlainTextResponse(sentence, status)
    return JSONResponse({"detail": sentence, "error": sentence}, status)


def _tell(scope: dict[str, Any], error: Exception) -> None:
    cause = error.__cause__ or error  # of an answer that had begun, the refusal behind it
    if not isinstance(cause, HTTPException | KeyError | FnIndexInferError):
        log.error("%s %.200s failed", scope["method"], scope["path"], exc_info=error)
