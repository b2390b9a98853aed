"""Image runs as the player receives them: a JSON header and one block of binary, base64.

The binary holds for each side, as uint8: the states (T, n, 28, 28), the velocities (T, n, 28, 28), both cut off at
± the header's `limits`, and the probabilities of the ten digits (T, n, 10) where there is a classifier.
"""

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

import numpy as np
import torch
from torch import Tensor

from fm_core.image_flows import SPACING
from fm_core.image_playground import SOURCES, TARGET, ImageRun
from fm_core.images import IMAGE_SETS
from fm_core.recipes import STANDARD
from fm_core.solvers import SOLVERS
from fm_core.ui.wire import rounded

LIMIT, VELOCITY_LIMIT = 4.0, 8.0


def encode(runs: list[ImageRun], query: Mapping[str, object], **facts: object) -> dict:
    """The player's value for these runs; `query` is what the page's address shall say, `facts` go into the header."""
    source, target = runs[0].flow.source, IMAGE_SETS[TARGET]
    start = target if source == STANDARD else IMAGE_SETS[source]
    header = {
        "source": SOURCES[source],
        "target": target.title,
        "particles": runs[0].trajectory.x.shape[1],
        "limits": [LIMIT, VELOCITY_LIMIT],
        "scales": [[start.mean, start.std], [target.mean, target.std]],
        "query": urlencode(query),
        "sides": [_side(run) for run in runs],
        **facts,
    }
    return {"header": header, "data": base64.b64encode(b"".join(map(_blocks, runs))).decode()}


def _side(run: ImageRun) -> dict:
    side, trajectory, flow = run.side, run.trajectory, run.flow
    steps = f"{side.steps} step{'s' * (side.steps > 1)}"
    theory = flow.theory_variance(trajectory.t)
    return {
        "flow": flow.name,
        "label": f"{side.schedule} · {SOLVERS[side.solver].title}, {steps}",
        "schedule": side.schedule,
        "formula": flow.schedule.formula,
        "correlated": flow.covariance != 0,
        "covariance": round(flow.covariance, 4),
        "steps": side.steps,
        "spacing": SPACING,
        "nfe": trajectory.nfe,
        "milliseconds": round(1000 * trajectory.seconds, 1),
        "coefficients": [rounded(row) for row in _end_coefficients(run).tolist()],
        "readings": run.probabilities is not None,
        "statistics": {
            "variance": [rounded(trajectory.variance.tolist())],
            "theory": [rounded(theory.tolist())],
            "confidence": _confidence(run),
        },
    }


def _confidence(run: ImageRun) -> list[float]:
    return [] if run.probabilities is None else rounded(run.probabilities.amax(2).mean(1).tolist())


def _end_coefficients(run: ImageRun) -> Tensor:
    """(a, b) with x̂_1 = a x + b v at each state, shape (T, 2)."""
    schedule, t = run.flow.schedule, run.trajectory.t
    determinant = schedule.alpha(t) * schedule.d_beta(t) - schedule.d_alpha(t) * schedule.beta(t)
    return torch.stack([-schedule.d_alpha(t), schedule.alpha(t)], 1) / determinant[:, None]


def _blocks(run: ImageRun) -> bytes:
    blocks = [_bytes(run.trajectory.x, LIMIT), _bytes(run.trajectory.v, VELOCITY_LIMIT)]
    if run.probabilities is not None:
        blocks.append((255 * run.probabilities).round().to(torch.uint8).numpy())
    return b"".join(block.tobytes() for block in blocks)


def _bytes(values: Tensor, limit: float) -> np.ndarray:
    """Values in [−limit, limit] as 0 … 255."""
    return ((values / limit + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
