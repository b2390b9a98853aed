"""The preview that other sites show of a link to the page: our title, sentence and picture instead of Gradio's."""

import re
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from fm_core.ui.static import address as address_of_file

TITLE = "Flow Matching Playground"
SENTENCE = "See how a neural network carries noise to data, step by step, and check theory against measurement."
_OLD = re.compile(rb'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
Send = Callable[[dict[str, Any]], Awaitable[None]]


def meta_tags(address: str) -> str:
    """The tags for a page at this address, which ends with a slash."""
    picture = address + address_of_file("preview.png")
    tags = {"title": TITLE, "description": SENTENCE, "type": "website", "url": address, "image": picture}
    named = [f'<meta property="og:{name}" content="{escape(value)}">' for name, value in tags.items()]
    icon = '<link rel="icon" href="favicon.ico">'  # which the page has no word of: under a proxy's path none is found
    return "".join([*named, '<meta name="twitter:card" content="summary_large_image">', icon])


class Preview:
    """ASGI middleware that puts our tags into the head of each HTML page."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        start: dict[str, Any] = {}
        page = bytearray()

        async def changed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                start.update(message)
            elif not start:
                await send(message)
            else:
                page.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await _send_page(start, _OLD.sub(b"", bytes(page)), address_of(scope), send)

        await self.app(scope, receive, changed if scope["type"] == "http" else send)


def address_of(scope: dict[str, Any]) -> str:
    """The public address of the page, as proxies report it."""
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    host = headers.get("x-forwarded-host", headers.get("host", "localhost"))
    scheme = headers.get("x-forwarded-proto", scope.get("scheme", "http")).split(",")[0]
    root = scope.get("root_path", "").rstrip("/")
    return f"{root}/" if root.startswith(("http://", "https://")) else f"{scheme}://{host}{root}/"


def _is_page(message: dict[str, Any]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])


async def _send_page(start: dict[str, Any], page: bytes, address: str, send: Send) -> None:
    page = page.replace(b"</head>", meta_tags(address).encode() + b"</head>", 1)
    page = page.replace(b'href="/manifest.json"', b'href="./manifest.json"', 1)  # which a proxy's path comes before
    kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    await send({**start, "headers": [*kept, (b"content-length", str(len(page)).encode())]})
    await send({"type": "http.response.body", "body": page})
