"""The packet of runs of images: states, velocities, what is read in the predicted ends, and figures of the runs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
import torch
from torch import Tensor

from fm_core.image_figures import Slopes, agreement, decided, neighbours, usual_distance
from fm_core.image_settings import BY_CLASS, AnySide, DigitSettings, TranslateSettings, TranslateSide
from fm_core.maths.measures import bands, norms
from fm_core.models.digit_plane import Clouds
from fm_core.playground import Run
from fm_core.ui.wire import Block, Later, Packet, about, rounded, rounded_to, titles

PARTS = 4  # of `image_packets`
LIMIT, VELOCITY_LIMIT = 4.0, 8.0  # larger values are clipped


def pixel_scales(run: Run) -> list[list[float]]:
    """[mean, std] of the source's and the target's pixels in [0, 1]; noise takes the target's."""
    source, target = run.flow.source, run.flow.target
    start = source.images or target
    return [[start.mean, start.std], [target.mean, target.std]]


def image_packets(
    runs: list[Run],
    read: Callable[[list[Run]], list[Run]],
    settings: DigitSettings | TranslateSettings,
    query: Mapping[str, object],
    pixels: np.ndarray | None = None,
) -> Iterator[Packet | Later]:
    """What is shown; figures, and what the classifier reads in the runs, which `read` adds and which takes a good part
    as long again; the velocities, which only some views need; and the steepness, which takes long and one chart shows.

    Sides have blocks `t` (T,), `x` and `v` (T, n, 28, 28), with a classifier `probabilities` (T, n, 10), with a plane
    `plane` (T, n, 2), and for digits `nearest.pixels` (n, 28, 28). The statistics `norm`, `speed` and `neighbour` are
    [mean, 10 % quantile, 90 % quantile] of ‖x_t‖ / √784, of ‖v‖ / √784 at the states that a step begins at, and of the
    distance from x̂_1 to the nearest training digit. `pixels`, uint8 (n, 28, 28), are the pictures that the runs
    translate, before noise; their block is `pictures`, and `draws` says how often each is translated. `typical` is
    whether the theory of the variance is about such images.
    """
    yield _shown(runs, settings, query, pixels)
    yield _readings(read(runs), settings)
    yield _velocities(runs)
    slopes = [Slopes.of(run) for run in runs]
    yield Later(lambda: _steepness(slopes), sum(s.nbytes for s in slopes))


def _shown(
    runs: list[Run],
    settings: DigitSettings | TranslateSettings,
    query: Mapping[str, object],
    pixels: np.ndarray | None,
) -> Packet:
    draws, typical = (settings.draws, settings.typical) if isinstance(settings, TranslateSettings) else (1, True)
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
        "draws": draws,
        "seed": settings.seed,
        "query": urlencode(query),
        "scales": pixel_scales(runs[0]),
        "sides": [{**_side(run, title), "typical": typical} for run, title in zip(runs, titles(runs), strict=True)],
    }
    return Packet(header, blocks)


def _side(run: Run, title: str) -> dict[str, Any]:
    return {
        **about(run, title),
        "covariance": round(float(torch.tensor(run.flow.covariance)), 4),
        "coefficients": end_coefficients(run),
        "statistics": {
            "variance": [rounded(run.trajectory.variance)],
            "norm": _rounded(norms(run.trajectory.x)),
        },
    }


def _readings(runs: list[Run], settings: DigitSettings | TranslateSettings) -> Packet:
    classes = settings.classes if isinstance(settings, TranslateSettings) else None
    headers, blocks = zip(*(_reading(run, classes) for run in runs), strict=True)
    placed = {f"sides.{k}.{name}": block for k, side in enumerate(blocks) for name, block in side.items()}
    plane, dots = _clouds(runs[0].clouds)
    return Packet({"sides": list(headers), "plane": plane, "agreement": _agreement(runs)}, placed | dots)


def _reading(run: Run, classes: list[int] | None) -> tuple[dict[str, Any], dict[str, Block]]:
    """The header and the blocks of what is read in one side."""
    statistics: dict[str, Any] = {"speed": _rounded(norms(run.trajectory.v[:-1]))}
    header: dict[str, Any] = {"statistics": statistics}
    blocks = {}
    if run.probabilities is not None:
        blocks["probabilities"] = rounded_to(torch.uint8, run.probabilities, limit=1)
        statistics["confidence"] = rounded(run.probabilities.amax(2).mean(1))
        times = decided(run.trajectory.t, run.probabilities)
        header["decided"] = {"median": rounded([times.quantile(0.5).item()])[0], "each": rounded(times)}
        header["right"] = _right(run.side, run.probabilities[-1], classes)
    if run.plane is not None:
        blocks["plane"] = rounded_to(torch.int16, run.plane)
    if run.flow.source.is_standard:
        found = neighbours(run)
        blocks["nearest.pixels"] = Block(found.pixels.numpy())
        distances, usual = rounded(found.distances), rounded([usual_distance()])[0]
        header["nearest"] = {"labels": found.labels.tolist(), "distances": distances, "usual": usual}
        statistics["neighbour"] = _rounded(bands(found.on_the_way))
    return header, blocks


def _right(side: AnySide, probabilities: Tensor, classes: list[int] | None) -> dict[str, Any] | None:
    """The right digits, and how many of the images became them; None if there are none."""
    if classes is None or not isinstance(side, TranslateSide) or side.training != BY_CLASS:
        return None
    return {"digits": classes, "count": int((probabilities.argmax(1) == torch.tensor(classes)).sum())}


def _clouds(clouds: Clouds | None) -> tuple[dict[str, Any] | None, dict[str, Block]]:
    """What lies behind the images in the plane: training digits with their labels, and the mean place of each digit."""
    if clouds is None:
        return None, {}
    places, labels, share = clouds
    means = [rounded(places[labels == digit].mean(0)) for digit in range(10)]
    blocks = {"plane.places": rounded_to(torch.int16, places), "plane.labels": Block(labels.byte().numpy())}
    return {"share": round(share, 4), "means": means}, blocks


def _agreement(runs: list[Run]) -> dict[str, Any] | None:
    found = agreement(*runs) if len(runs) == 2 else None
    return found and {"all": rounded([found.all])[0], "each": rounded(found.each)}


def _steepness(slopes: list[Slopes]) -> Packet:
    sides = [{"states": list(s.x), "values": rounded(map(s.at, s.x))} for s in slopes]
    return Packet({"sides": [{"steepness": side} for side in sides]}, {})


def _rounded(series: torch.Tensor) -> list[list[float]]:
    return list(map(rounded, series))


def _velocities(runs: list[Run]) -> Packet:
    sent = [rounded_to(torch.int8, run.trajectory.v.squeeze(2), VELOCITY_LIMIT) for run in runs]
    return Packet({}, {f"sides.{k}.v": block for k, block in enumerate(sent)})


def end_coefficients(run: Run) -> list[list[float]]:
    """(a, b) at each state, where x̂_1 = a x + b v: the predicted ends of (x, v) = (1, 0) and (0, 1)."""
    t = run.trajectory.t
    ends = [run.flow.schedule.predicted_ends(x, 1 - x, t)[1] for x in (torch.ones_like(t), torch.zeros_like(t))]
    return [rounded(pair) for pair in torch.stack(ends, 1)]
