"""Runs as the player receives them: a JSON header and one block of binary, base64.

The binary holds, in this order and little endian: for each side its states as int16 (T, n, 2), 4 bytes per particle
and state; for each side its fields as int16 (fields, times, grid², 2); the target's density as uint8 (pixels²).
Only the first grows with particles and steps.
"""

import base64
from functools import lru_cache
from urllib.parse import urlencode

import numpy as np
import torch
from torch import Tensor

from fm_core import playground
from fm_core.flows import Flow
from fm_core.playground import Run, Settings
from fm_core.toy import Distribution, Mixture

GRID, TIMES, PIXELS = 16, 11, 96
_LIMIT = 32767


def encode(settings: Settings, runs: list[Run], query: dict[str, object]) -> dict:
    """The player's value for these runs; `query` is what the page's address shall say of them."""
    source, target = runs[0].flow.source, runs[0].flow.target
    low, high = window(source, target)
    sides, blocks, fields = [], [], []
    for run in runs:
        states, scale = _int16(run.trajectory.x)
        side_fields = {name: _arrows(flow, low, high) for name, flow in _fields(settings, run).items()}
        blocks.append(states)
        fields += [values for values, _ in side_fields.values()]
        sides.append(_side(settings, run, scale, {name: scale for name, (_, scale) in side_fields.items()}))
    header = {
        "target": target.title,
        "source": source.title,
        "particles": settings.particles,
        "seed": settings.seed,
        "window": [low, high],
        "grid": GRID,
        "times": TIMES,
        "pixels": PIXELS,
        "query": urlencode(query),
        "sides": sides,
    }
    data = b"".join(block.tobytes() for block in [*blocks, *fields, _density(target, low, high)])
    return {"header": header, "data": base64.b64encode(data).decode()}


def _side(settings: Settings, run: Run, scale: float, field_scales: dict[str, float]) -> dict:
    side, trajectory = run.side, run.trajectory
    return {
        "flow": run.flow.name,
        "label": _label(settings, run),
        "schedule": side.schedule,
        "formula": run.flow.schedule.formula,
        "correlated": any(run.flow.covariance),
        "steps": side.steps,
        "nfe": trajectory.nfe,
        "milliseconds": round(1000 * trajectory.seconds, 1),
        "scale": scale,
        "fields": field_scales,
        "statistics": _statistics(run),
        "distances": {"states": list(run.distances), "values": rounded(list(run.distances.values()))},
        "floor": rounded([run.floor])[0],
    }


def _label(settings: Settings, run: Run) -> str:
    side = run.side
    coupling = "" if side.coupling == "independent" else f" · {playground.COUPLINGS[side.coupling].title}"
    steps = f"{side.steps} step{'s' * (side.steps > 1)}"
    solver = playground.SOLVERS[side.solver].title
    return f"{side.schedule}{coupling} · {playground.VELOCITIES[side.velocity]} · {solver}, {steps}"


def _statistics(run: Run) -> dict[str, list]:
    """Every per-step series of the charts; variances as [mean, first dimension, second dimension]."""
    trajectory, reference = run.trajectory, run.reference
    return {
        "variance": _with_mean(trajectory.variance_per_dimension),
        "theory": _with_mean(run.flow.theory_variance(trajectory.t)),
        "exact": _with_mean(reference.variance_per_dimension) if reference else [],
        "speed": rounded(trajectory.mean_speed.tolist()),
        "straightness": rounded(trajectory.straightness.tolist()),
    }


def _with_mean(per_dimension: Tensor) -> list[list[float]]:
    return [rounded(series.tolist()) for series in (per_dimension.mean(1), *per_dimension.T)]


def rounded(values: list[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _int16(values: Tensor) -> tuple[np.ndarray, float]:
    """Values as int16, and the scale by which the integers are multiplied to get them back."""
    scale = max(values.abs().max().item(), 1e-9) / _LIMIT
    return (values / scale).round().clamp(-_LIMIT, _LIMIT).to(torch.int16).numpy(), scale


def window(source: Mixture, target: Distribution) -> tuple[list[float], list[float]]:
    """Corners (low, high) of the square that shows source and target: 3 standard deviations around each."""
    means = torch.stack([source.mean, target.mean])
    reach = 3 * torch.stack([source.variance, target.variance]).sqrt()
    low, high = (means - reach).amin(0), (means + reach).amax(0)
    middle, half = (low + high) / 2, ((high - low).max() / 2)
    return (middle - half).tolist(), (middle + half).tolist()


def _fields(settings: Settings, run: Run) -> dict[str, Flow]:
    """The fields whose arrows a side can show: its own, and the exact one where there is one."""
    fields = {} if run.side.velocity == "exact" else {"learned": run.flow}
    if run.reference is not None:
        fields["exact"] = playground.exact_flow(settings.target, run.side.schedule, settings.source)
    return fields


def _arrows(flow: Flow, low: list[float], high: list[float]) -> tuple[np.ndarray, float]:
    return _cached_arrows(flow, tuple(low), tuple(high))


@lru_cache(maxsize=64)
def _cached_arrows(flow: Flow, low: tuple[float, ...], high: tuple[float, ...]) -> tuple[np.ndarray, float]:
    """The flow's velocity on a grid of cell centres at evenly spaced times, as int16 (times, grid², 2)."""
    points, times = _grid(low, high, GRID), torch.linspace(0, 1, TIMES)
    with torch.inference_mode():
        velocities = torch.stack([flow.velocity(points, t.expand(len(points))) for t in times])
    return _int16(velocities)


def _density(target: Distribution, low: list[float], high: list[float]) -> np.ndarray:
    return _cached_density(target, tuple(low), tuple(high))


@lru_cache(maxsize=64)
def _cached_density(target: Distribution, low: tuple[float, ...], high: tuple[float, ...]) -> np.ndarray:
    """The square root of the target's density over its maximum, as uint8 (pixels²), rows upward."""
    density = target.density(_grid(low, high, PIXELS))
    return (255 * (density / density.max()).sqrt()).to(torch.uint8).numpy()


def _grid(low: tuple[float, ...], high: tuple[float, ...], n: int) -> Tensor:
    """Centres of n × n cells of the square, shape (n², 2), row by row from the bottom."""
    centres = [a + (b - a) * (torch.arange(n) + 0.5) / n for a, b in zip(low, high, strict=True)]
    y, x = torch.meshgrid(centres[1], centres[0], indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)
