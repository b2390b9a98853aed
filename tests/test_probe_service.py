"""What the service answers to a probe: against `maths/probe`, the flows themselves, and beside runs in work."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from fm_core.library import Library, exact_flow
from fm_core.line import Line, Work
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.flow import always
from fm_core.maths.probe import marginal, probe
from fm_core.maths.schedules import SCHEDULES
from fm_core.settings import Field
from fm_core.ui.form import PROBE
from fm_core.ui.probes import PAIRS, flow_packet, offer_probe, probe_packet
from fm_core.ui.service import Service
from fm_core.ui.wire import unpack

PLACE = {"x": 0.4, "y": -0.3, "t": 0.55}
X = torch.tensor([0.4, -0.3])


@pytest.fixture(scope="module")
def service(library: Library) -> Service:
    service = Service(library)
    offer_probe(service)
    return service


def answer(service: Service, want: str = "run", visitor: str = "anna-probe", **values: Any) -> dict[str, Any]:
    """The last header of the answer."""

    async def collect() -> list[bytes]:
        body = {"visitor": visitor, "want": want, "values": PROBE.defaults | PLACE | values}
        return [part async for part in service.messages("probe", body)]

    return json.loads(asyncio.run(collect())[-1].partition(b"\n")[0])


def sent(library: Library, make=probe_packet, **values: Any) -> dict[str, Any]:
    settings = PROBE.unflatten(PLACE | values)
    return unpack(make(library, settings, always).to_program())


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_side_has_both_arrows_and_the_pairs_whose_weighted_mean_is_the_exact_one(library, schedule):
    (side,) = sent(library, schedule=schedule)["sides"]
    flow = library.flow(f"moons-{schedule}")
    expected = probe(flow, X, PLACE["t"], PAIRS)
    assert side["learned"] == pytest.approx(flow.velocity(X[None], torch.tensor([0.55]))[0].tolist(), rel=1e-4)
    for name, values in (("exact", expected.v), ("x_0", expected.x_0), ("x_1", expected.x_1)):
        assert side[name] == pytest.approx(values.tolist(), rel=1e-4, abs=1e-6)
    x_0, x_1, weights = (side["pairs"][name] for name in ("x_0", "x_1", "weights"))
    at = flow.schedule(torch.tensor(0.55))
    mean = weights @ (at.d_alpha.item() * x_0 + at.d_beta.item() * x_1)
    assert mean == pytest.approx(side["exact"], abs=1e-4)
    np.testing.assert_allclose(at.alpha.item() * x_0 + at.beta.item() * x_1, np.tile(X, (PAIRS, 1)), atol=1e-5)
    assert side["path"][[0, -1]] == pytest.approx(np.array([[1, 0], [0, 1]]), abs=1e-4)


def test_a_side_says_how_many_groups_of_the_data_are_likely_and_how_the_path_weighs_its_ends(library):
    counts, data = [], TARGETS["eight-gaussians"]
    assert isinstance(data, Mixture)
    for t in (0.0, 0.3, 0.95):
        (side,) = sent(library, target="eight-gaussians", x=0.9, y=0.9, t=t)["sides"]
        x = torch.tensor([0.9, 0.9])
        logits = -(x - t * data.centres).square().sum(1) / 2 / ((1 - t) ** 2 + (0.15 * t) ** 2)
        shares = logits.softmax(0).sort(descending=True).values
        likely = next(k for k in range(1, 9) if shares[:k].sum() >= 0.9)
        assert side["groups"] == [likely, 8]
        assert side["coefficients"] == pytest.approx([1 - t, t, -1, 1])
        counts.append(likely)
    assert counts[0] == 8 > counts[1] > counts[2] == 1
    (side,) = sent(library, target="checkerboard", velocity="exact", schedule="cosine", t=0.5)["sides"]
    assert side["groups"][1] == 8  # squares
    w = np.pi / 2
    assert side["coefficients"] == pytest.approx([0.5**0.5, 0.5**0.5, -w * 0.5**0.5, w * 0.5**0.5], rel=1e-4)


def test_each_side_answers_for_its_own_field(library):
    first, second = sent(library, compare=True, velocity="relu-output", velocity_b="exact")["sides"]
    assert min(first["learned"]) >= 0  # as only a ReLU's are
    assert second["learned"] is None
    assert second["exact"] != first["exact"]  # of cosine
    own = library.flow("moons-linear-one-step").velocity(X[None], torch.tensor([0.55]))[0].tolist()
    assert sent(library, velocity="one-step")["sides"][0]["learned"] == pytest.approx(own, rel=1e-4)


def test_pairs_by_optimal_transport_have_the_networks_arrow_alone(library):
    (side,) = sent(library, coupling="ot")["sides"]
    assert side.keys() == {"learned", "exact"}
    assert side["exact"] is None
    (side,) = sent(library, flow_packet, coupling="ot")["sides"]
    assert side["lines"].keys() == {"learned"}
    assert side["log_p"]["closed"] is None


@pytest.mark.parametrize("source", ["standard-gaussian", "eight-gaussians"])
@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
def test_every_target_can_be_probed_at_every_time(library, t, source):
    for target in TARGETS:
        for make in (probe_packet, flow_packet):
            ends = {"target": target, "source": source, "velocity": "exact"}
            settings = PROBE.unflatten({**ends, "x": 19, "y": -20, "t": t})
            packet = make(library, settings, always)
            assert json.dumps(packet.header, allow_nan=False).startswith('{"kind": "probe", "x": [19.0, -20.0]')
            assert all(np.isfinite(block.values).all() for block in packet.blocks.values())


def test_the_way_leads_through_the_place_and_the_density_is_that_of_the_flow(library):
    (side,) = sent(library, flow_packet)["sides"]
    for line in side["lines"].values():
        assert np.abs(line - X.numpy()).sum(1).min() < 1e-6
    flow = library.flow("moons-linear")
    x_0 = torch.from_numpy(side["lines"]["learned"][:1]).float()
    end = flow.carry(x_0, 100, "rk4").x[-1, 0].tolist()
    assert side["lines"]["learned"][-1] == pytest.approx(end, abs=0.02)
    (side,) = sent(library, flow_packet, velocity="exact")["sides"]
    assert side["lines"].keys() == {"exact"}
    assert side["log_p"]["flow"] == pytest.approx(side["log_p"]["closed"], abs=1e-3)


def test_where_hardly_a_pair_passes_is_known_with_the_arrows(library):
    """Far from the moons at the end: there the exact arrow points outward, and the network's inward."""
    (side,) = sent(library, x=3.2, y=1.2, t=1)["sides"]
    (flow,) = sent(library, flow_packet, x=3.2, y=1.2, t=1)["sides"]
    assert side["log_density"] == flow["log_p"]["closed"] < -50
    assert side["exact"] == pytest.approx([3.2, 1.2], abs=1e-3)
    assert np.dot(side["learned"], side["exact"]) < 0


def test_the_density_in_closed_form_is_that_of_draws():
    flow = exact_flow("moons", "cosine")
    at = flow.schedule(torch.tensor(0.6))
    draws = at.alpha * flow.draw(200_000, 1) + at.beta * flow.fresh(200_000, 1)
    density = marginal(flow, 0.6)
    assert density is not None
    near = ((draws - X).abs() < 0.05).all(1).double().mean().item() / 0.1**2
    assert density.density(X[None]).item() == pytest.approx(near, rel=0.1)
    start = marginal(flow, 0.0)
    assert start is not None
    assert start.log_density(X[None]).item() == pytest.approx(STANDARD.log_density(X[None]).item(), abs=1e-5)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"x": 21}, "x must be a number from -20.0 to 20.0, not 21."),
        ({"y": "0"}, "y must be a number from -20.0 to 20.0, not '0'."),
        ({"y": float("nan")}, "y must be a number from -20.0 to 20.0, not nan."),
        ({"t": 1.01}, "t must be a number from 0.0 to 1.0, not 1.01."),
        ({"t": None}, "t must be a number from 0.0 to 1.0, not None."),
        ({"schedule": "custom"}, "schedule must be one of linear, cosine, quadratic, vp, not 'custom'."),
        ({"velocity": "pairs"}, "velocity must be one of learned,"),
        ({"want": "npz"}, "kind must be one of flow, not 'npz'."),
        ({"steps": 5}, "The values must be those of target, source, x, y, t, compare, schedule,"),
        ({"source": "eight-gaussians", "schedule": "vp"}, "There is no trained checkpoint for eight-gaussians-to-moo"),
        ({"coupling": "ot", "velocity": "exact"}, "The exact field is known for the independent coupling only"),
    ],
)  # fmt: skip
def test_what_cannot_be_probed_is_refused_in_one_sentence(service, values, sentence):
    assert answer(service, **values)["refused"].startswith(sentence)


def test_an_answer_is_small_and_soon_there(service):
    answer(service)  # imports
    times = []
    for k in range(9):
        began = time.perf_counter()
        assert answer(service, x=k / 10)["bytes"] < 4000
        times.append(time.perf_counter() - began)
    assert sorted(times)[4] < 0.1


@pytest.fixture
def held() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


def test_a_probe_during_a_run_neither_waits_for_it_nor_stops_it(library, held):
    service = Service(library, line=Line(2))
    offer_probe(service)
    begun = threading.Event()

    def compute(check):
        begun.set()
        while not held.wait(0.005):
            check()
        yield b"run"

    place = service.line.join(Work("run", "points", 5.0, 1, compute), "anna")
    assert begun.wait(10)
    assert answer(service)["sides"][0]["exact"]
    assert not place.parts[0].done()
    held.set()
    assert place.parts[0].result(10) == b"run"


def test_a_field_of_a_probe_is_that_of_a_run():
    names = ("schedule", "coupling", "velocity")
    assert PROBE.per_side == tuple(Field.__dataclass_fields__) == names
