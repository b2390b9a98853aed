"""Visitors come in turn."""

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import anyio


class Turns:
    """Calls in threads of their own: at most so many at once, and one for each visitor.

    The others wait, without a thread, in the order in which they came; so who asks for much gets a turn after everybody
    who asked for little.
    """

    def __init__(self, most: int):
        self._free = asyncio.Semaphore(most)
        self._of_visitor: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def call(self, visitor: str | None, function: Callable, *arguments: Any) -> Any:
        """What the function returns, or raises."""
        own = self._of_visitor.setdefault(visitor or "", asyncio.Lock())
        async with own, self._free:
            return await anyio.to_thread.run_sync(function, *arguments)
