"""The line of computations for many visitors on a few cores.

Equal work is done once and kept for a while. The shortest work comes first, but none waits for ever; each visitor has
one computation at a time; and what nobody waits for any more stops at its next step.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from fm_core.maths.flow import Check
from fm_core.refusals import Refusal

KEPT = 128 * 2**20  # bytes of results
LONGEST = 2000  # computations in line
PATIENCE = 16.0  # usually work may be overtaken by what arrives within this many times its own duration
LONGEST_WAIT = 120.0  # seconds within which any work may be overtaken
LONG = 1.0  # seconds from which on work is long: a worker is kept free of long work
MEMORY = 0.2  # weight of the last duration in the estimate of the next


class Abandoned(Exception):
    """Nobody waits for this result any more."""


class Crowded(Refusal):
    """The line is full."""


@dataclass(frozen=True)
class Work:
    """Something to compute, in `parts` results that come one after another; `compute` calls its check before each step.

    Works with equal keys have equal results. `seconds` is a rough expectation, which the line corrects for works of
    this `kind` by how long they take. It may be overtaken by what arrives within `patience` times its duration; long
    work within more, but never within more than `LONGEST_WAIT`.
    """

    key: Hashable
    kind: str
    seconds: float
    parts: int
    compute: Callable[[Check], Iterator[Any]]
    patience: float = PATIENCE


@dataclass(eq=False)
class _Job:
    work: Work
    visitor: str
    parts: list[Future]
    arrived: float
    expected: float
    waiting: int = 0
    running: bool = False
    abandoned: bool = False

    @property
    def order(self) -> float:
        """When it comes before all that arrives later; long work waits out of proportion, within bounds."""
        return self.arrived + min(self.work.patience * self.expected * max(1, self.expected / LONG), LONGEST_WAIT)

    def check(self) -> None:
        if self.abandoned:
            raise Abandoned


@dataclass(frozen=True)
class Place:
    """Somebody's place in the line: futures of the parts of the result, and whether he waits for them any more."""

    parts: Sequence[Future]
    before: Callable[[], tuple[int, float]] = field(repr=False)  # how many come first, and about how many seconds
    leave: Callable[[], None] = field(repr=False)


class Line:
    """See the module. Safe to use from several threads."""

    def __init__(self, workers: int = 0, kept: int = KEPT, longest: int = LONGEST):
        self.workers = workers or os.cpu_count() or 1
        self.longest = longest
        self._pool = ThreadPoolExecutor(self.workers, "run")
        self._results: LRUCache[Hashable, tuple[Sized, ...]] = LRUCache(kept, lambda parts: sum(map(len, parts)))
        self._jobs: dict[Hashable, _Job] = {}  # in line or running, without the abandoned
        self._busy: list[_Job] = []
        self._pace: defaultdict[str, float] = defaultdict(lambda: 1.0)  # seconds needed per second expected, by kind
        self._lock = threading.RLock()

    def join(self, work: Work, visitor: str) -> Place:
        """A place in the line, or at its end if the result is kept. Raises Crowded."""
        with self._lock:
            if (kept := self._results.get(work.key)) is not None:
                return Place([_done(part) for part in kept], lambda: (0, 0.0), lambda: None)
            job = self._jobs.get(work.key) or self._add(work, visitor)
            job.waiting += 1
            self._start()
        return Place(job.parts, lambda: self._before(job), lambda: self._leave(job))

    def result(self, work: Work, visitor: str) -> list[Any]:
        """The parts, once they are there."""
        place = self.join(work, visitor)
        try:
            return [part.result() for part in place.parts]
        finally:
            place.leave()

    def forget(self) -> None:
        """Drop the results that are kept."""
        with self._lock:
            self._results.clear()

    def _add(self, work: Work, visitor: str) -> _Job:
        if len(self._jobs) >= self.longest:
            raise Crowded(f"{self.longest:,} computations are in line already; please try again in a minute.")
        parts, expected = [Future() for _ in range(work.parts)], work.seconds * self._pace[work.kind]
        self._jobs[work.key] = job = _Job(work, visitor, parts, time.monotonic(), expected)
        return job

    def _start(self) -> None:
        """Give the free workers what comes next."""
        while len(self._busy) < self.workers and (job := self._next()):
            job.running = True
            self._busy.append(job)
            self._pool.submit(self._run, job)

    def _next(self) -> _Job | None:
        served = {job.visitor for job in self._busy if not job.abandoned}
        long = sum(job.expected > LONG for job in self._busy) >= max(1, self.workers - 1)
        ready = (job for job in self._jobs.values() if not job.running and job.visitor not in served)
        return min(
            (job for job in ready if not (long and job.expected > LONG)), key=lambda job: job.order, default=None
        )

    def _run(self, job: _Job) -> None:
        began, results, problem = time.monotonic(), [], None
        try:
            for part, result in zip(job.parts, job.work.compute(job.check), strict=True):
                results.append(result)
                part.set_result(result)
        except BaseException as error:  # for whoever waits; the worker goes on
            problem = error
        with self._lock:
            self._busy.remove(job)
            self._forget(job)
            if problem is None:
                self._keep(job, tuple(results), time.monotonic() - began)
            self._start()
        for part in job.parts[len(results) :]:
            part.set_exception(problem)

    def _forget(self, job: _Job) -> None:
        if self._jobs.get(job.work.key) is job:
            del self._jobs[job.work.key]

    def _keep(self, job: _Job, results: tuple[Sized, ...], seconds: float) -> None:
        pace = self._pace[job.work.kind]
        self._pace[job.work.kind] = pace + MEMORY * (seconds / job.work.seconds - pace)
        if sum(map(len, results)) <= self._results.maxsize:
            self._results[job.work.key] = results

    def _before(self, job: _Job) -> tuple[int, float]:
        with self._lock:
            if job.running:
                return 0, 0.0
            first = [other for other in self._jobs.values() if other.running or other.order < job.order]
            return len(first), sum(other.expected for other in first) / self.workers

    def _leave(self, job: _Job) -> None:
        with self._lock:
            job.waiting -= 1
            if job.waiting or job.parts[-1].done():
                return
            job.abandoned = True
            self._forget(job)


def _done(result: Sized) -> Future:
    future: Future = Future()
    future.set_result(result)
    return future
