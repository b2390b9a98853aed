"""The packet of runs of points: states, velocity fields on a grid, the target density, and statistics."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any
from urllib.parse import urlencode

import torch
from torch import Tensor

from fm_core.library import exact_flow
from fm_core.maths.distributions import Distribution, Mixture
from fm_core.maths.flow import Flow
from fm_core.maths.quality import field_error
from fm_core.playground import Run, Samples
from fm_core.settings import PairSettings, PairSide, Settings, Side
from fm_core.ui.wire import Block, Later, Packet, about, rounded, rounded_to, titles

GRID, TIMES, PIXELS = 16, 11, 96
LAST = 0.98  # of the fields' times: no step begins at 1, where the exact velocity no longer depends on the data
FEW = 16  # Gaussians
ERROR_TIMES, ERROR_SAMPLES = 51, 1000  # of the field error: 0.1 to 0.5 seconds for a flow, once
WIDTH = 3  # of the fields' grid, in heights of the window: a picture may be wider than its window
Corner = tuple[float, ...]


def point_packets(
    settings: Settings | PairSettings,
    runs: list[Run],
    refer: Callable[[list[Run]], list[Run]],
    query: Mapping[str, object],
) -> Iterator[Packet | Later]:
    """What is shown; figures of the end, and of the references that `refer` adds and that take about as long again;
    and W2 on the way, which takes long and which one chart shows.

    Sides have blocks `t` (T,), `x` (T, n, 2) and `fields.NAME` (times, rows, columns, 2), whose grid spans
    `field_window`; `density` (pixels, pixels) is the square root of the target density over its maximum. Rows go
    upward. Only `t` and `x` grow with the run's size.
    """
    yield _shown(settings, runs, query)
    samples = [run.samples for run in runs]
    yield Packet({"sides": list(map(_figures, refer(runs), samples))}, {})
    yield Later(lambda: _everywhere(samples), sum(s.nbytes for s in samples))


def _shown(settings: Settings | PairSettings, runs: list[Run], query: Mapping[str, object]) -> Packet:
    source, target = runs[0].flow.source, runs[0].flow.target
    low, high = window(source, target)
    blocks = {"density": _density(target, low, high)}
    for k, run in enumerate(runs):
        blocks[f"sides.{k}.t"] = Block(run.trajectory.t.numpy())
        blocks[f"sides.{k}.x"] = rounded_to(torch.int16, run.trajectory.x)
        blocks |= {f"sides.{k}.fields.{name}": _field(flow, low, high) for name, flow in _fields(settings, run).items()}
    header = {
        "kind": "points",
        "target": target.title,
        "source": source.title,
        "ends": {"target": target.name, "source": source.name},
        "particles": settings.particles,
        "seed": settings.seed,
        "query": urlencode(query),
        "window": [low, high],
        "field_window": _wide(low, high),
        "parts": _parts(target),
        "sides": [_side(run, title) for run, title in zip(runs, titles(runs), strict=True)],
    }
    return Packet(header, blocks)


def _side(run: Run, title: str) -> dict[str, Any]:
    side = run.side
    assert isinstance(side, Side | PairSide)
    return {
        **about(run, title),
        "velocity": side.velocity,
        "coupling": side.coupling,
        "statistics": _statistics(run),
    }


def _figures(run: Run, samples: Samples) -> dict[str, Any]:
    """W2 of the last state and what it is by chance, how the run compares with its reference, and its field's error."""
    error, reference = run.flow_map_error, run.reference
    return {
        **_distances(samples, [max(samples.x)]),
        "floor": rounded([run.floor])[0],
        "flow_map": error and {"median": rounded([error.median])[0], "far": rounded([error.far])[0]},
        "field_error": _field_error(run.flow) if _is_judged(run) else None,
        "statistics": {"exact": _with_mean(reference.variance_per_dimension) if reference else []},
    }


def _is_judged(run: Run) -> bool:
    """Whether its field is a network's, and the exact one is known."""
    side = run.side
    return isinstance(side, Side) and side.velocity != "exact" and side.coupling == "independent"


@lru_cache(maxsize=64)
def _field_error(flow: Flow) -> dict[str, list]:
    """`field_error` at evenly spaced times `t`, whatever the run's steps are; None where the exact field rests."""
    t = torch.linspace(0, 1, ERROR_TIMES)
    values = rounded(field_error(flow, t.tolist(), ERROR_SAMPLES))
    return {"t": rounded(t), "values": [value if isfinite(value) else None for value in values]}


def _everywhere(samples: list[Samples]) -> Packet:
    return Packet({"sides": [_distances(s, list(s.x)) for s in samples]}, {})


def _distances(samples: Samples, states: list[int]) -> dict[str, Any]:
    return {"distances": {"states": states, "values": rounded(map(samples.distance, states))}}


def _parts(target: Distribution) -> dict[str, Any] | None:
    """The Gaussians that the data are made of, if they are few enough to count which of them are reached."""
    if not isinstance(target, Mixture) or len(target.centres) > FEW:
        return None
    return {"centres": list(map(rounded, target.centres)), "std": target.std}


def _statistics(run: Run) -> dict[str, list]:
    """The per-step series of the charts; variances as [mean, first dimension, second dimension]."""
    trajectory = run.trajectory
    return {
        "variance": _with_mean(trajectory.variance_per_dimension),
        "speed": rounded(trajectory.mean_speed),
        "straightness": rounded(trajectory.straightness),
    }


def _with_mean(per_dimension: Tensor) -> list[list[float]]:
    return [rounded(series) for series in (per_dimension.mean(1), *per_dimension.T)]


def window(source: Mixture, target: Distribution) -> tuple[Corner, Corner]:
    """Corners (low, high) of the square that spans 3 standard deviations around source and target."""
    means = torch.stack([source.mean, target.mean])
    reach = 3 * torch.stack([source.variance, target.variance]).sqrt()
    low, high = (means - reach).amin(0), (means + reach).amax(0)
    middle, half = (low + high) / 2, (high - low).max() / 2
    return tuple((middle - half).tolist()), tuple((middle + half).tolist())


def _fields(settings: Settings | PairSettings, run: Run) -> dict[str, Flow]:
    """The fields whose arrows a side can show: its own, and the exact one if it is known."""
    side = run.side
    if not isinstance(side, Side):
        return {}
    fields = {} if side.velocity == "exact" else {"learned": run.flow}
    if side.coupling == "independent":
        fields["exact"] = exact_flow(settings.target, side.schedule, settings.source)
    return fields


@lru_cache(maxsize=64)
@torch.no_grad()
def _field(flow: Flow, low: Corner, high: Corner) -> Block:
    """The velocity at the grid's cell centres, at evenly spaced times from 0 to 1, the last of which is `LAST`."""
    points = _grid(*_wide(low, high), GRID, WIDTH * GRID)
    times = torch.linspace(0, 1, TIMES).clamp(max=LAST)
    velocities = torch.stack([flow.velocity(points, t.expand(len(points))) for t in times])
    return rounded_to(torch.int16, velocities.view(TIMES, GRID, WIDTH * GRID, 2))


def _wide(low: Corner, high: Corner) -> tuple[Corner, Corner]:
    """The window, `WIDTH` times as wide about its middle."""
    more = (WIDTH - 1) * (high[0] - low[0]) / 2
    return (low[0] - more, low[1]), (high[0] + more, high[1])


@lru_cache(maxsize=64)
def _density(target: Distribution, low: Corner, high: Corner) -> Block:
    density = target.density(_grid(low, high, PIXELS, PIXELS)).view(PIXELS, PIXELS)
    return rounded_to(torch.uint8, (density / density.max()).sqrt(), limit=1)


def _grid(low: Corner, high: Corner, rows: int, columns: int) -> Tensor:
    """Centres of the cells of the rectangle, shape (rows · columns, 2), row by row from the bottom."""
    counts = (columns, rows)
    x, y = (a + (b - a) * (torch.arange(n) + 0.5) / n for a, b, n in zip(low, high, counts, strict=True))
    return torch.cartesian_prod(y, x).flip(1)
