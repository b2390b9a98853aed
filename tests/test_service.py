"""What the page asks for beside Gradio, over HTTP: streams of messages, refusals, and calls that nobody waits for."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from fm_core.image_figures import Slopes
from fm_core.image_settings import OWN, DigitSettings, DigitSide
from fm_core.maths import flow
from fm_core.maths.solvers import integrate
from fm_core.playground import generate, simulate
from fm_core.settings import Settings, Side
from fm_core.ui.form import DIGITS, POINTS, TRANSLATE
from fm_core.ui.snippets import snippet
from fm_core.ui.wire import Block, Packet, joined, unpack

SMALL = {"particles": 100, "steps": 3}
Message = tuple[dict[str, Any], bytes]


class Answer:
    """The answer to a request, message by message."""

    def __init__(self, address: str, tab: str, body: str | bytes):
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self.connection.request("POST", f"/fm/{tab}", body)
        self.response = self.connection.getresponse()

    def __iter__(self) -> Iterator[Message]:
        while line := self.response.readline():
            header = json.loads(line)
            yield header, self.response.read(header.get("bytes", 0))

    def leave(self) -> None:
        self.response.close()
        self.connection.close()


@pytest.fixture
def ask(image_address) -> Callable[..., Answer]:
    def ask(tab: str = "points", want: str = "run", visitor: str = "anna", **values: Any) -> Answer:
        form = {"points": POINTS, "digits": DIGITS}[tab]
        body = {"visitor": visitor, "want": want, "values": form.defaults | values}
        return Answer(image_address, tab, json.dumps(body))

    return ask


def packets(messages: list[Message]) -> list[Packet]:
    """The parts of the packet among messages."""
    found = []
    for header, data in messages:
        if "sides" in header:
            blocks, offset = {}, 0
            for block in header["blocks"]:
                array = np.frombuffer(data, block["type"], int(np.prod(block["shape"])), offset)
                blocks[block["name"]] = Block(array.reshape(block["shape"]), block["scale"])
                offset += array.nbytes
            found.append(Packet(header, blocks))
    return found


def test_a_run_comes_as_updates_states_and_then_figures(ask, library):
    messages = list(ask(**SMALL))
    assert "updates" in messages[0][0]
    shown, figures = packets(messages)
    (run,) = simulate(library, Settings(particles=100, sides=(Side(steps=3),)))
    side = unpack(joined([shown, figures]).to_program())["sides"][0]
    assert np.abs(side["x"] - run.trajectory.x.numpy()).max() < 1e-3
    assert side["distances"] == {"states": [3], "values": [pytest.approx(run.samples.distance(3), rel=1e-4)]}
    assert side["floor"] == pytest.approx(run.floor, rel=1e-4)
    assert shown.header["sides"][0].keys().isdisjoint({"distances", "flow_map"})
    assert {"distances", "flow_map", "floor"} <= figures.header["sides"][0].keys()


def test_w2_on_the_way_comes_when_it_is_wanted(ask, library):
    figures, more = packets(list(ask(want="more", **SMALL)))
    (run,) = simulate(library, Settings(particles=100, sides=(Side(steps=3),)))
    expected = [run.samples.distance(state) for state in range(4)]
    assert more.header["sides"][0]["distances"]["values"] == pytest.approx(expected, rel=1e-4)
    assert figures.header["sides"][0]["floor"] == pytest.approx(run.floor, rel=1e-4)  # for who left before it came


def test_digits_come_first_and_then_their_readings(ask):
    shown, readings = packets(list(ask("digits", steps=2)))
    assert set(shown.blocks) == {"sides.0.t", "sides.0.x"}
    assert set(readings.blocks) == {"sides.0.probabilities", "sides.0.nearest.pixels"}  # this page has no plane
    assert readings.blocks["sides.0.probabilities"].values.shape == (3, 16, 10)
    assert readings.header["plane"] is readings.header["agreement"] is None


def test_velocities_come_when_they_are_wanted(ask):
    _, velocities = packets(
        [({"sides": [], **header}, data) for header, data in ask("digits", "more", steps=2) if data]
    )
    assert velocities.blocks["sides.0.v"].values.shape == (3, 16, 28, 28)


def test_steepness_comes_when_it_is_wanted_and_points_have_none(ask, untrained_images):
    (steep,) = packets(list(ask("digits", "last", steps=2)))
    (run,) = generate(untrained_images, DigitSettings(sides=(DigitSide(steps=2),)))
    expected = [Slopes.of(run).at(state) for state in (0, 1)]
    assert steep.header["sides"] == [{"steepness": {"states": [0, 1], "values": pytest.approx(expected, rel=1e-4)}}]
    assert packets(list(ask(want="last", **SMALL))) == []


def test_files_come_by_name(ask):
    ((_, _), (header, data)) = list(ask(want="py", **SMALL))
    assert (header["file"], header["bytes"]) == ("moons-linear-euler-3-seed0.py", len(data))
    assert data.decode() == snippet(Settings(particles=100, sides=(Side(steps=3),)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 200, not 0."),
        ({"seed": "<b>"}, "seed must be a whole number from 0 to 2147483647, not '<b>'."),
        ({"want": "exe"}, "kind must be one of npz, py, not 'exe'."),
        (
            {"particles": 5000, "steps": 200, "solver": "rk4", "compare": True},
            "This takes 4,250,000 evaluations, particles times evaluations of each run; at most 4,000,000 are made at "
            "once, so choose fewer steps or particles.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(ask, wrong, sentence):
    assert list(ask(**wrong))[-1] == ({"refused": sentence}, b"")


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "[" * 100_000, "{}", '{"visitor": 1, "want": "run", "values": {}}', "\xff", "null"),
        '{"visitor": "a", "want": "run", "values": 3}',
        '{"visitor": "a", "want": "run", "values": {"steps": 3}}',
        '{"visitor": "a", "want": "run", "values": {}, "more": "' + 300_000 * "x" + '"}',
    ],
)
def test_junk_is_refused(image_address, body):
    ((header, _),) = list(Answer(image_address, "points", body.encode("latin-1")))
    assert header["refused"].startswith(("A request is a JSON object", "The values must be those of target, source"))


@pytest.mark.parametrize("pictures", [float("nan"), {}, "A" * 100_000])
def test_pictures_that_are_none_are_refused(image_address, pictures):
    values = TRANSLATE.defaults | {"clothes": OWN, "pictures": pictures}
    answer = Answer(image_address, "translate", json.dumps({"visitor": "a", "want": "run", "values": values}))
    ((header, _),) = list(answer)
    assert "pictures" in header["refused"]


def test_there_is_no_other_tab(image_address):
    body = json.dumps({"visitor": "a", "want": "run", "values": {}})
    ((header, _),) = list(Answer(image_address, "catalogue", body))
    assert header["refused"].startswith("the tab must be one of pairs, probe, points, digits, translate, not")


@pytest.fixture
def held(monkeypatch) -> Iterator[dict[str, threading.Event]]:
    """Every run waits after its first step until it is let go or, unless it is patient, nobody waits for it."""
    events = {name: threading.Event() for name in ("begun", "ended", "release", "patient")}

    def held_integrate(*arguments) -> Iterator:
        try:
            for state in integrate(*arguments):
                events["begun"].set()
                yield state
                while not events["release"].wait(0.01):
                    if not events["patient"].is_set():
                        yield state
        finally:
            events["ended"].set()

    monkeypatch.setattr(flow, "integrate", held_integrate)
    yield events
    events["release"].set()


def test_a_run_ends_when_its_page_is_closed(ask, held):
    answer = ask(seed=101, **SMALL)
    assert held["begun"].wait(30)
    answer.leave()
    assert held["ended"].wait(30)
    assert not held["release"].is_set()


def test_whoever_waits_hears_every_second_that_he_is_not_forgotten(ask, held):
    held["patient"].set()
    first = iter(ask(seed=102, **SMALL))
    assert "updates" in next(first)[0]
    assert held["begun"].wait(30)
    second = iter(ask(seed=103, **SMALL))
    assert "updates" in next(second)[0]
    assert next(first)[0] == {"before": 0, "seconds": 0.0}
    waiting = next(second)[0]  # the same visitor's second run
    assert waiting["before"] == 1
    assert waiting["seconds"] > 0
    held["release"].set()
    assert len(packets(list(first))) == len(packets(list(second))) == 2
