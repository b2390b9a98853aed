"""The packet of runs of images: states, velocities, and the classifier's reading of the predicted ends."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
import torch

from fm_core.maths.measures import norms
from fm_core.playground import Run
from fm_core.ui.wire import Block, Packet, about, rounded, rounded_to, titles

LIMIT, VELOCITY_LIMIT = 4.0, 8.0  # larger values are clipped


def pixel_scales(run: Run) -> list[list[float]]:
    """[mean, std] of the source's and the target's pixels in [0, 1]; noise takes the target's."""
    source, target = run.flow.source, run.flow.target
    start = source.images or target
    return [[start.mean, start.std], [target.mean, target.std]]


def image_packets(
    runs: list[Run],
    read: Callable[[list[Run]], list[Run]],
    seed: int,
    query: Mapping[str, object],
    pixels: np.ndarray | None = None,
) -> Iterator[Packet]:
    """What is shown; what the classifier reads in the runs, which `read` adds and which takes as long again; and the
    velocities, which only some views of the pictures need.

    Sides have blocks `t` (T,), `x` and `v` (T, n, 28, 28), and with a classifier `probabilities` (T, n, 10); the
    statistic `norm` is [mean, 10 % quantile, 90 % quantile] of ‖x_t‖ / √784, each (T,).
    `pixels`, uint8 (n, 28, 28), are the pictures that the runs translate, before noise; their block is `pictures`.
    """
    yield _shown(runs, seed, query, pixels)
    yield _readings(read(runs))
    yield _velocities(runs)


def _shown(runs: list[Run], seed: int, query: Mapping[str, object], pixels: np.ndarray | None) -> Packet:
    blocks = {} if pixels is None else {"pictures": Block(pixels)}
    for k, run in enumerate(runs):
        trajectory = run.trajectory
        blocks[f"sides.{k}.t"] = Block(trajectory.t.numpy())
        blocks[f"sides.{k}.x"] = rounded_to(torch.int8, trajectory.x.squeeze(2), LIMIT)
    header = {
        "kind": "translation" if runs[0].flow.source.images else "digits",
        "source": runs[0].flow.source.title,
        "target": runs[0].flow.target.title,
        "particles": runs[0].trajectory.x.shape[1],
        "seed": seed,
        "query": urlencode(query),
        "scales": pixel_scales(runs[0]),
        "sides": [_side(run, title) for run, title in zip(runs, titles(runs), strict=True)],
    }
    return Packet(header, blocks)


def _side(run: Run, title: str) -> dict[str, Any]:
    return {
        **about(run, title),
        "covariance": round(float(torch.tensor(run.flow.covariance)), 4),
        "coefficients": end_coefficients(run),
        "statistics": {
            "variance": [rounded(run.trajectory.variance)],
            "norm": [rounded(series) for series in norms(run.trajectory.x)],
        },
    }


def _readings(runs: list[Run]) -> Packet:
    read = {k: run.probabilities for k, run in enumerate(runs) if run.probabilities is not None}
    blocks = {f"sides.{k}.probabilities": rounded_to(torch.uint8, values, limit=1) for k, values in read.items()}
    confidences = [rounded(read[k].amax(2).mean(1)) if k in read else [] for k in range(len(runs))]
    return Packet({"sides": [{"statistics": {"confidence": values}} for values in confidences]}, blocks)


def _velocities(runs: list[Run]) -> Packet:
    sent = [rounded_to(torch.int8, run.trajectory.v.squeeze(2), VELOCITY_LIMIT) for run in runs]
    return Packet({}, {f"sides.{k}.v": block for k, block in enumerate(sent)})


def end_coefficients(run: Run) -> list[list[float]]:
    """(a, b) at each state, where x̂_1 = a x + b v: the predicted ends of (x, v) = (1, 0) and (0, 1)."""
    t = run.trajectory.t
    ends = [run.flow.schedule.predicted_ends(x, 1 - x, t)[1] for x in (torch.ones_like(t), torch.zeros_like(t))]
    return [rounded(pair) for pair in torch.stack(ends, 1)]
