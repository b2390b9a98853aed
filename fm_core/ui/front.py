"""The front page is the same for all who ask at an address, so it is made once, and compressed once."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cachetools import LRUCache
from starlette.datastructures import Headers

from fm_core.ui.preview import address_of

ADDRESSES = 8  # whose pages are kept; a server has one or two, and what asks for others invents them
Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


@dataclass
class Answer:
    """The messages of an answer."""

    start: Message
    body: bytes

    @property
    def can_be_kept(self) -> bool:
        return self.start["status"] == 200 and b"set-cookie" not in dict(self.start["headers"])

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.body)

    async def send(self, send: Send, compressed: bool) -> None:
        body = self.compressed if compressed else self.body
        headers = [(name, value) for name, value in self.start["headers"] if name != b"content-length"]
        headers += [(b"content-length", str(len(body)).encode()), (b"vary", b"accept-encoding")]
        headers += [(b"content-encoding", b"gzip")] * compressed
        await send({**self.start, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Front:
    """ASGI middleware that keeps the front page."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app, self._pages, self._making = app, LRUCache[str, Answer](ADDRESSES), asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        if not _is_front(scope):
            await self.app(scope, receive, send)
            return
        async with self._making:
            answer = self._pages.get(address_of(scope)) or await self._made(scope, receive)
        await answer.send(send, "gzip" in Headers(scope=scope).get("accept-encoding", ""))

    async def _made(self, scope: dict[str, Any], receive: Any) -> Answer:
        answer = Answer({}, b"")

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.start = message
            answer.body += message.get("body", b"")

        await self.app(scope, receive, collect)
        if answer.can_be_kept:
            self._pages[address_of(scope)] = answer
        return answer


def _is_front(scope: dict[str, Any]) -> bool:
    """Whether the front page is asked for, and nothing that depends on the query."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root) in ("", "/") and b"deep_link" not in scope["query_string"]
