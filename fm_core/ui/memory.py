"""Bounds for all that Gradio keeps of its visitors, set when the server starts."""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import processing_utils, queueing, routes
from gradio.blocks import Blocks
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import LRUCache

SESSIONS = 1000  # visitors whose gr.State is kept, 16 kB each
UNREAD = 128 * 2**20  # bytes of answers that nobody has fetched
MAILBOXES = 2000  # visitors and calls for whom answers are kept
UPLOADING = 1000  # uploads whose progress is known
ERRORS = (10, 60)  # of the log: how many of them in how many seconds
MAX_NAME = 64  # characters of a session's name


@asynccontextmanager
async def bounded(app: routes.App) -> AsyncIterator[None]:
    """The lifespan of the server: what this module bounds."""
    blocks = app.get_blocks()
    blocks.api_open = False  # what has a queue is computed in it, and not beside it
    app.state_holder = Sessions()
    app.state_holder.set_blocks(blocks)
    _bound_queue(blocks._queue)
    progress: Any = routes.file_upload_statuses
    progress._signals, progress._statuses = Signals(UPLOADING), LRUCache(UPLOADING)
    processing_utils.async_ssrf_protected_download = _no_download
    _bound_log()
    yield


def _bound_queue(queue: queueing.Queue) -> None:
    queue.pending_messages_per_session = Mailboxes(MAILBOXES, UNREAD)
    queue.pending_event_ids_session = LRUCache(MAILBOXES)
    queue.ANALYTICS_MAX_EVENTS, queue.ANAYLTICS_CACHE_FREQUENCY = 1, 2**62  # for Gradio's monitoring page


class Session(SessionState):
    """A visitor's gr.State. Gradio also keeps every component with its last value, for links to saved states."""

    def __init__(self, blocks: Blocks):
        self.blocks_config = copy(blocks.default_config)
        self.config_values, self.state_data, self._state_ttl = {}, {}, {}
        self.is_closed, self.STATE_TTL_WHEN_CLOSED = False, 3600

    def _update_config(self, key: int) -> None:
        """Nothing is kept."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Nothing is kept."""


class Sessions(StateHolder):
    """The newest visitors. For one who was forgotten a new session begins, as what a run needs is in its request."""

    def __getitem__(self, session_id: str) -> SessionState:
        if len(session_id) > MAX_NAME:
            raise KeyError("a name that no client gives its session")
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


class Mailbox(asyncio.Queue):
    """The messages for a session, which know how many bytes they are."""

    def __init__(self, changed: Callable[[], None]):
        super().__init__()
        self.weight, self.changed = 0, changed

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.weight += weight(getattr(item, "output", None))
        self.changed()

    def _get(self) -> Any:
        item = super()._get()
        self.weight -= weight(getattr(item, "output", None))
        return item


class Mailboxes(LRUCache):
    """The messages for each session. When all together have more bytes than the budget, the oldest go unread."""

    def __init__(self, entries: int, budget: int):
        super().__init__(entries)
        self.budget = budget

    def __setitem__(self, key: str, value: asyncio.Queue) -> None:
        super().__setitem__(key, Mailbox(self.trim))

    def trim(self) -> None:
        total = sum(box.weight for box in self.values())
        for key, box in list(self.items()):
            if total <= self.budget:
                return
            if box.weight:
                total -= box.weight
                del self[key]


class Signals(LRUCache):
    """An asyncio.Event for every key, as of a defaultdict."""

    def __missing__(self, key: str) -> asyncio.Event:
        self[key] = asyncio.Event()
        return self[key]


def weight(value: Any) -> int:
    """The characters of all text in an answer: what is beside it is small."""
    if isinstance(value, dict):
        return sum(map(weight, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(weight, value))
    return len(value) if isinstance(value, str | bytes) else 0


async def _no_download(url: str, cache_dir: str) -> str:
    """The server would hold whatever the address gives in memory, and could be sent anywhere."""
    raise gr.Error("Files are uploaded: the server fetches none from an address.", print_exception=False)


class _AtMost(logging.Filter):
    """Lets so many records through in so many seconds."""

    def __init__(self, count: int, seconds: float):
        super().__init__()
        self.count, self.seconds, self.times = count, seconds, []

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        self.times = [then for then in self.times if then > now - self.seconds][-self.count :]
        if len(self.times) >= self.count:
            return False
        self.times.append(now)
        return True


def _bound_log() -> None:
    """Junk makes an error for each request, of which a few suffice; Gradio prints them, uvicorn logs them."""
    ours = logging.getLogger("fm_core")
    limited = _AtMost(*ERRORS)
    for log in (ours, logging.getLogger("uvicorn.error")):
        log.filters = [limited]
    printer = SimpleNamespace(**vars(traceback) | {"print_exc": lambda: ours.error("A request failed", exc_info=True)})
    for module in (queueing, routes):
        module.traceback = printer  # pyright: ignore[reportAttributeAccessIssue]
