"""Runs of training pairs, which the service offers without a tab of their own: their packets and files."""

from collections.abc import Iterator
from typing import Any

import torch

from fm_core import playground
from fm_core.line import Work
from fm_core.maths.flow import Check
from fm_core.maths.measures import crossing_share, difference_errors
from fm_core.playground import Run
from fm_core.settings import POINT_BUDGET, PairSettings, PairSide
from fm_core.ui import exports
from fm_core.ui.form import PAIRS
from fm_core.ui.point_packet import point_packets
from fm_core.ui.run_tab import publish
from fm_core.ui.service import Answers, Service, Values
from fm_core.ui.wire import Later, Packet, joined, rounded

PAIRS_ENDPOINT = """Move pairs as training of a flow draws them along their paths, without a network.

The answer has their states and the statistics of every step."""
CROSSINGS = 10_000  # pairs of lines between partners


def offer_pairs(service: Service) -> None:
    """Answer requests for pairs. Nothing of their values ever needs to be replaced."""

    def export(values: Values, kind: str) -> Work:
        settings = PAIRS.unflatten(values)
        return exports.work(kind, settings, lambda check: playground.pair_paths(settings, check))

    service.tabs["pairs"] = Answers(
        PAIRS.names, lambda values: (values, {}), lambda values: pairs_work(PAIRS.unflatten(values)), export
    )


def publish_pairs(service: Service) -> None:
    """Offer them to other programs."""
    publish(service, "pairs", PAIRS, lambda values: pairs_work(PAIRS.unflatten(values)), PAIRS_ENDPOINT)


def pairs_work(settings: PairSettings) -> Work:
    """The packets of a run."""

    def compute(check: Check) -> Iterator[Packet | Later]:
        return pair_packets(settings, playground.pair_paths(settings, check))

    return Work(settings, "pairs", settings.seconds, 3, compute, POINT_BUDGET.patience)


def pair_packets(settings: PairSettings, runs: list[Run]) -> Iterator[Packet | Later]:
    """The packets of points, without fields. Sides also have their `group` of optimal transport, `end`, which is
    (alpha_1, beta_1), and the statistics `difference` (T,), which is null at both ends, `distance2` and `crossing`.
    """
    parts = point_packets(settings, runs, lambda runs: runs, PAIRS.to_query(settings))
    yield joined([next(parts), Packet({"sides": list(map(_side, runs))}, {})])
    yield from parts


def _side(run: Run) -> dict[str, Any]:
    trajectory, side, x_0, x_1 = run.trajectory, run.side, run.trajectory.x[0], run.partners
    assert isinstance(side, PairSide)
    assert x_1 is not None
    generator = torch.Generator().manual_seed(0)
    alpha, beta, _, _ = run.flow.schedule(torch.tensor(1.0))
    return {
        "fields": {},
        "group": side.group if side.matched else None,
        "flow_map": None,
        "end": rounded(torch.stack([alpha, beta])),
        "statistics": {
            "exact": [],
            "difference": [None, *rounded(difference_errors(trajectory.t, trajectory.x, trajectory.v)), None],
            "distance2": rounded((x_1 - x_0).square().sum(1).mean()[None])[0],
            "crossing": rounded([crossing_share(x_0, x_1, CROSSINGS, generator)])[0],
        },
    }
