"""What the velocities at one place and time are made of, which the service offers without a tab: their packets."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from fm_core.library import Library
from fm_core.line import Work
from fm_core.maths.flow import Check, Flow
from fm_core.maths.likelihood import integrate_forms, unit_vectors
from fm_core.maths.probe import marginal, probe
from fm_core.maths.quality import exact_flow
from fm_core.refusals import entry
from fm_core.settings import Field, ProbeSettings
from fm_core.ui.form import PROBE
from fm_core.ui.run_tab import publish
from fm_core.ui.service import Answers, Service, Values
from fm_core.ui.wire import Block, Later, Packet, joined, rounded

PROBE_ENDPOINT = """Take the velocities of one flow, or of two, at the place (x, y) and the time t apart.

The answer has the arrow of the network and the exact one, the training pairs whose paths lead through the place and
their weights, the path of the place from t = 0 to 1 on either flow, and log p by the flow and in closed form."""
PAIRS, PATH_TIMES = 64, 33
MOST = 0.9  # of the probability
STEPS, SOLVER = 40, "rk4"  # of the whole way from t = 0 to 1 through the place
SECONDS = {"run": 0.02, "flow": 0.3}
PATIENCE = 1.0  # nothing is shorter, and it follows a pointer
HELD = 8192  # bytes that Python keeps of such a packet
Make = Callable[[Library, ProbeSettings, Check], Packet]


def offer_probe(service: Service) -> None:
    """Answer requests for probes; what is wanted is `run`, or `flow`, the path through the place and its density."""
    library = service.library
    kinds: dict[str, Make] = {"flow": flow_packet}

    def export(values: Values, kind: str) -> Work:
        return probe_work(library, PROBE.unflatten(values), entry("kind", kind, kinds), kind)

    service.tabs["probe"] = Answers(
        PROBE.names,
        lambda values: (values, {}),
        lambda values: probe_work(library, PROBE.unflatten(values), probe_packet, "run"),
        export,
    )


def publish_probe(service: Service) -> None:
    """Offer whole probes to other programs."""

    def work(values: Values) -> Work:
        return probe_work(service.library, PROBE.unflatten(values), _whole_packet, "flow")

    publish(service, "probe", PROBE, work, PROBE_ENDPOINT)


def _whole_packet(library: Library, settings: ProbeSettings, check: Check) -> Packet:
    return joined([make(library, settings, check) for make in (probe_packet, flow_packet)])


def probe_work(library: Library, settings: ProbeSettings, make: Make, kind: str) -> Work:
    """One packet."""

    def compute(check: Check) -> Iterator[Later]:
        packet = make(library, settings, check)
        yield Later(lambda: packet, HELD)

    return Work((make, settings), f"probe-{kind}", SECONDS[kind], 1, compute, PATIENCE)


def probe_packet(library: Library, settings: ProbeSettings, check: Check) -> Packet:
    """Sides have the `learned` velocity, None for the exact field, and the `exact` one, None where it is unknown; if it
    is known, also the means `x_0` and `x_1` given x, `log_density`, which is log p_t(x) in nats in closed form, None
    where there is none, the `coefficients` (alpha, beta, d_alpha, d_beta), `groups`, which is how many of the data's
    components hold 90 % of the probability given x, and how many there are, and blocks `pairs.x_0`, `pairs.x_1` (n, 2),
    `pairs.weights` (n,) and `path` (times, 2), alpha and beta at evenly spaced times.
    """
    flows = _flows(library, settings)
    found = [_side(*each, settings) for each in zip(flows, settings.sides, strict=True)]
    blocks = {
        f"sides.{k}.{name}": Block(v.numpy()) for k, (_, values) in enumerate(found) for name, v in values.items()
    }
    return Packet({**_where(settings), "sides": [side for side, _ in found]}, blocks)


def _side(flow: Flow, field: Field, settings: ProbeSettings) -> tuple[dict[str, Any], dict[str, Tensor]]:
    x = torch.tensor([settings.x, settings.y])
    with torch.no_grad():
        v = None if field.velocity == "exact" else rounded(flow.velocity(x[None], torch.tensor([settings.t]))[0])
    if flow.coupled:
        return {"learned": v, "exact": None}, {}
    at = probe(flow, x, settings.t, PAIRS)
    path = flow.schedule(torch.linspace(0, 1, PATH_TIMES))
    of_data = at.weights.sum(0).sort(descending=True).values.cumsum(0)
    side = {
        "learned": v,
        **{name: rounded(mean) for name, mean in (("exact", at.v), ("x_0", at.x_0), ("x_1", at.x_1))},
        "log_density": _closed(flow, settings),
        "coefficients": rounded([c.item() for c in flow.schedule(torch.tensor(settings.t, dtype=torch.float64))]),
        "groups": [int((of_data < MOST).sum()) + 1, len(of_data)],
    }
    blocks = {"x_0": at.pairs.x_0, "x_1": at.pairs.x_1, "weights": at.pairs.weights}
    blocks = {f"pairs.{name}": values.float() for name, values in blocks.items()}
    return side, {**blocks, "path": torch.stack([path.alpha, path.beta], 1)}


def flow_packet(library: Library, settings: ProbeSettings, check: Check) -> Packet:
    """Sides have the blocks `lines.learned` and `lines.exact` (times, 2), the way of the place from t = 0 to 1 on each
    flow, and `log_p`: log p_t(x) in nats by the `flow` of the side, and in `closed` form, None where there is none.
    """
    sides, blocks = [], {}
    for k, (flow, side) in enumerate(zip(_flows(library, settings), settings.sides, strict=True)):
        lines = {"exact" if side.velocity == "exact" else "learned": flow}
        if not flow.coupled:
            lines["exact"] = exact_flow(flow)
        blocks |= {f"sides.{k}.lines.{name}": Block(_line(f, settings, check)) for name, f in lines.items()}
        sides.append({"log_p": _densities(flow, settings, check)})
    return Packet({**_where(settings), "sides": sides}, blocks)


def _line(flow: Flow, settings: ProbeSettings, check: Check) -> Any:
    """The states from t = 0 to 1 of the flow through the place, float32 (times, 2)."""
    x = torch.tensor([[settings.x, settings.y]])
    back, forth = (flow.carry(x, solver=SOLVER, times=_times(settings.t, end), check=check).x[:, 0] for end in (0, 1))
    return torch.cat([back.flip(0), forth[1:]]).numpy()


def _times(t: float, end: float) -> list[float]:
    """From t to the end; at the end itself, one step of no length."""
    return torch.linspace(t, end, max(2, 1 + round(STEPS * abs(end - t))), dtype=torch.float64).tolist()


def _densities(flow: Flow, settings: ProbeSettings, check: Check) -> dict[str, float | None]:
    x = torch.tensor([[settings.x, settings.y]])
    times = _times(settings.t, 0)
    x_0, integrals = integrate_forms(flow.velocity, x, times, SOLVER, unit_vectors(x), check)
    by_flow = flow.source.log_density(x_0) + integrals.sum(1)
    return {"flow": rounded(by_flow)[0], "closed": _closed(flow, settings)}


def _closed(flow: Flow, settings: ProbeSettings) -> float | None:
    """log p_t(x) in closed form, if there is one."""
    closed = marginal(flow, settings.t)
    x = torch.tensor([[settings.x, settings.y]], dtype=torch.float64)
    return None if closed is None else rounded(closed.log_density(x))[0]


def _flows(library: Library, settings: ProbeSettings) -> list[Flow]:
    return [library.flow_of(settings, side) for side in settings.sides]


def _where(settings: ProbeSettings) -> dict[str, Any]:
    return {"kind": "probe", "x": [settings.x, settings.y], "t": settings.t}
