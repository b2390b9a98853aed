"""The line of computations: what is computed, in which order, for whom, and what is not computed at all."""

import threading
from collections.abc import Callable, Iterator

import pytest

from fm_core.line import PATIENCE, Abandoned, Crowded, Line, Work
from fm_core.maths.flow import Check
from fm_core.refusals import SettingsError


class Bench:
    """Works by name that wait until they are let go; `begun` has the names in the order of their beginning."""

    def __init__(self):
        self.begun: list[str] = []
        self.started = threading.Semaphore(0)
        self.gates: dict[str, threading.Event] = {}

    def work(self, name: str, seconds: float = 0.1, held: bool = False, size: int = 1) -> Work:
        gate = self.gates.setdefault(name, threading.Event())
        if not held:
            gate.set()

        def compute(check: Check) -> Iterator[bytes]:
            self.begun.append(name)
            self.started.release()
            while not gate.wait(0.005):
                check()
            yield name.encode() * size
            yield b"more"

        return Work(name, "test", seconds, 2, compute)

    def await_start(self) -> None:
        assert self.started.acquire(timeout=10)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for gate in bench.gates.values():
        gate.set()


def line_of(workers: int, **bounds: int) -> Line:
    return Line(workers, **bounds)


def results(place) -> list[bytes]:
    return [part.result(10) for part in place.parts]


def test_parts_come_one_after_another_and_equal_work_is_computed_once(bench):
    line, work = line_of(2), bench.work("a", held=True)
    places = [line.join(work, visitor) for visitor in ("anna", "bert")]
    bench.await_start()
    bench.gates["a"].set()
    assert [results(place) for place in places] == [[b"a", b"more"]] * 2
    assert results(line.join(bench.work("a"), "carl")) == [b"a", b"more"]
    assert line.result(bench.work("a"), "dora") == [b"a", b"more"]
    assert bench.begun == ["a"]


def test_the_first_part_does_not_wait_for_the_second():
    ready, line = threading.Event(), line_of(1)

    def compute(check: Check) -> Iterator[bytes]:
        yield b"first"
        assert ready.wait(10)
        yield b"second"

    place = line.join(Work("a", "test", 0.1, 2, compute), "anna")
    assert place.parts[0].result(10) == b"first"
    assert not place.parts[1].done()
    ready.set()
    assert place.parts[1].result(10) == b"second"


def test_results_are_kept_within_so_many_bytes_the_newest_longest(bench):
    line = line_of(1, kept=20)
    for name in ("a", "b", "c"):
        line.result(bench.work(name, size=4), "anna")  # 8 bytes each
    line.result(bench.work("large", size=100), "anna")
    bench.begun.clear()
    for name in ("c", "b", "a", "large"):
        line.result(bench.work(name, size=4 if name != "large" else 100), "anna")
    assert bench.begun == ["a", "large"]


def begin_in_order(bench: Bench, line: Line, works: list[tuple[Work, str]]) -> list[str]:
    """The order in which works begin that join while the only worker is held by another visitor."""
    first = line.join(bench.work("first", held=True), "first")
    bench.await_start()
    places = [line.join(work, visitor) for work, visitor in works]
    bench.gates["first"].set()
    for place in [first, *places]:
        results(place)
    return bench.begun[1:]


def test_the_shortest_comes_first(bench):
    works = [(bench.work(name, seconds), name) for name, seconds in (("long", 5.0), ("short", 0.1), ("middle", 2.0))]
    assert begin_in_order(bench, line_of(1), works) == ["short", "middle", "long"]


def test_long_work_is_not_overtaken_for_ever(bench, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("fm_core.line.time.monotonic", lambda: now[0])
    line = line_of(1)
    first = line.join(bench.work("first", held=True), "first")
    bench.await_start()
    long = line.join(bench.work("long", 2.0), "anna")
    now[0] = 4 * PATIENCE - 2
    early = line.join(bench.work("early", 0.1), "bert")
    now[0] = 4 * PATIENCE + 1  # later than it lets itself be overtaken
    late = line.join(bench.work("late", 0.1), "carl")
    bench.gates["first"].set()
    for place in (first, long, early, late):
        results(place)
    assert bench.begun[1:] == ["early", "long", "late"]


def test_a_visitor_has_one_computation_at_a_time(bench):
    line = line_of(2)
    own = [line.join(bench.work(name, held=True), "anna") for name in ("a1", "a2")]
    bench.await_start()
    other = line.join(bench.work("b"), "bert")
    assert results(other) == [b"b", b"more"]
    assert bench.begun == ["a1", "b"]
    for gate in bench.gates.values():
        gate.set()
    assert [results(place)[0] for place in own] == [b"a1", b"a2"]


def test_a_worker_is_kept_free_of_long_work(bench):
    line = line_of(2)
    long = [line.join(bench.work(name, 10.0, held=True), name) for name in ("l1", "l2")]
    bench.await_start()
    assert results(line.join(bench.work("short"), "anna")) == [b"short", b"more"]
    assert bench.begun == ["l1", "short"]
    bench.gates["l1"].set()
    bench.gates["l2"].set()
    assert [results(place)[0] for place in long] == [b"l1", b"l2"]


def test_what_nobody_waits_for_stops_at_its_next_step_and_what_has_not_begun_never_begins(bench):
    line = line_of(1)
    running, waiting = (line.join(bench.work(name, held=True), name) for name in ("running", "waiting"))
    bench.await_start()
    waiting.leave()
    running.leave()
    with pytest.raises(Abandoned):
        running.parts[0].result(10)
    assert results(line.join(bench.work("next"), "anna")) == [b"next", b"more"]
    assert bench.begun == ["running", "next"]


def test_work_goes_on_while_somebody_waits_and_begins_anew_for_who_comes_after_all_left(bench):
    line, work = line_of(1), bench.work("a", held=True)
    first, second = line.join(work, "anna"), line.join(work, "bert")
    bench.await_start()
    first.leave()
    bench.gates["a"].set()
    assert results(second) == [b"a", b"more"]
    work = bench.work("b", held=True)
    bench.gates["b"].clear()
    gone = line.join(work, "anna")
    bench.await_start()
    gone.leave()
    back = line.join(work, "anna")
    bench.gates["b"].set()
    assert results(back) == [b"b", b"more"]


def test_a_refusal_reaches_all_who_wait_and_is_not_kept():
    calls = []

    def compute(check: Check) -> Iterator[bytes]:
        calls.append(1)
        yield b"first"
        raise SettingsError("It cannot be.")

    line, work = line_of(1), Work("a", "test", 0.1, 2, compute)
    for _ in range(2):
        place = line.join(work, "anna")
        assert place.parts[0].result(10) == b"first"
        with pytest.raises(SettingsError, match=r"It cannot be\."):
            place.parts[1].result(10)
    assert len(calls) == 2


def test_whoever_waits_is_told_how_many_come_first_and_about_how_long_they_take(bench):
    line = line_of(1)
    places = [line.join(bench.work(name, seconds, held=True), name) for name, seconds in (("a", 2.0), ("b", 3.0))]
    bench.await_start()
    last = line.join(bench.work("c", 4.0), "c")
    assert [place.before() for place in (*places, last)] == [(0, 0.0), (1, 2.0), (2, 5.0)]


def test_expectations_follow_how_long_works_of_the_kind_take(bench, monkeypatch):
    """Works expected to take a second that take three: what is in line counts nearly three times as much in the end."""
    now = [0.0]
    monkeypatch.setattr("fm_core.line.time.monotonic", lambda: now[0])
    line = line_of(1)
    for k in range(30):
        place = line.join(bench.work(f"w{k}", 1.0, held=True), "anna")
        bench.await_start()
        now[0] += 3.0
        bench.gates[f"w{k}"].set()
        results(place)
    line.join(bench.work("held", 1.0, held=True), "anna")
    bench.await_start()
    count, seconds = line.join(bench.work("b", 1.0), "bert").before()
    assert count == 1
    assert seconds == pytest.approx(3, abs=0.1)


def test_a_full_line_says_so(bench):
    line = line_of(1, longest=2)
    for name in ("a", "b"):
        line.join(bench.work(name, held=True), name)
    with pytest.raises(Crowded, match="2 computations are in line already"):
        line.join(bench.work("c"), "c")


def test_many_visitors_at_once_each_get_their_own(bench):
    line, got = line_of(4), {}

    def ask(k: int) -> Callable[[], None]:
        return lambda: got.__setitem__(k, line.result(bench.work(f"w{k % 20}"), f"v{k}")[0])

    threads = [threading.Thread(target=ask(k)) for k in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == {k: f"w{k % 20}".encode() for k in range(60)}
    assert len(bench.begun) >= 20
