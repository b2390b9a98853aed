"""How good a flow of points is: its flow-map error, its distance to the target, the sampling floor, its variance error.

The flow-map error compares particles in pairs and so has no floor: the exact flow scores 0. W2 compares two finite sets
of samples, and between two sets of the target itself it is not 0 but the floor, which scatters from seed to seed.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor

from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow, Trajectory, fresh_samples
from fm_core.maths.matching import interpolate
from fm_core.maths.measures import finite, flow_map_error, wasserstein
from fm_core.refusals import SettingsError

NFES = (1, 2, 5, 10, 20, 50, 100)
JUDGED_NFE, SAMPLES = 50, 2000
ROUNDING = 1e-9  # of a mean square: a smaller one is that of a single point, or of a rest, computed in float32
SEEDS = tuple(range(8))


def exact_flow(flow: Flow) -> Flow:
    """The exact velocity on the path of `flow`. Raises SettingsError unless x_0 and x_1 are independent."""
    if flow.coupled:
        raise SettingsError("The exact field is known for the independent coupling only, so choose that.")
    velocity = exact_velocity(flow.source, flow.target, flow.schedule)
    return replace(flow, name=f"{flow.name}-exact", velocity=velocity)


def exact_run(flow: Flow, run: Trajectory) -> Trajectory | None:
    """The exact velocity's run from the same x_0 in as many Euler steps, or None for a coupling without one."""
    if flow.coupled:
        return None
    return exact_flow(flow).carry(run.x[0], len(run.t) - 1)


@torch.no_grad()
def field_error(flow: Flow, times: Sequence[float], samples: int = SAMPLES, seed: int = 0) -> Tensor:
    """E‖v_t(X_t) − v*_t(X_t)‖² / E‖v*_t(X_t)‖² at each of the times, shape (T,), where v* is the exact velocity.

    X_t = alpha_t x_0 + beta_t x_1 is drawn from the path, with the same x_0 and x_1 at all times. 0 for the exact flow,
    1 for one that rests. The numerator is what the flow's matching loss at t has over the smallest possible. Where all
    of the exact flow rests but for rounding, as cosine's does at t = 1, it is NaN. Raises NotFinite, and SettingsError
    for coupled ends.
    """
    exact, x_0, x_1 = exact_flow(flow), flow.draw(samples, seed), flow.fresh(samples, seed)

    def at(time: float) -> Tensor:
        t = torch.full((samples,), time)
        x_t, u = interpolate(flow.schedule, x_0, x_1, t)
        v = exact.velocity(x_t, t)
        squares = v.square().sum()
        error = finite(flow.velocity(x_t, t) - v).square().sum() / squares
        return torch.where(squares > ROUNDING * u.square().sum(), error, torch.nan)

    return torch.stack([at(time) for time in times])


def variance_error(flow: Flow, run: Trajectory, exact: Trajectory | None) -> float | None:
    """Largest relative deviation, over states and dimensions, of a run's variance from that of the exact velocity's run
    or, for a coupling without one, from theory, which leaves the solver's error in.

    None if that is not defined: one step of the exact velocity on the linear path takes all particles to one point.
    Raises NotFinite for a run that left the range of numbers.
    """
    reference = exact.variance_per_dimension if exact else flow.theory_variance(run.t)
    variance = finite(run.variance_per_dimension)
    if (reference < ROUNDING * flow.target.variance).any():
        return None
    return (variance / reference - 1).abs().max().item()


def distances(samples: Sequence[Tensor], target: Any, seeds: tuple[int, ...]) -> tuple[float, ...]:
    """W2 of each seed's samples, each (n, d), to n fresh ones of the target from the same seed; two at a time."""
    fresh = [fresh_samples(target, len(x), seed) for x, seed in zip(samples, seeds, strict=True)]
    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(wasserstein, samples, fresh))


@lru_cache
def sampling_floors(target: Any, n: int, seeds: tuple[int, ...] = SEEDS) -> tuple[float, ...]:
    """W2 between two independent sets of n fresh samples, for each seed: the scores of a perfect flow."""
    return distances([fresh_samples(target, n, 1000 + seed) for seed in seeds], target, seeds)


def sampling_floor(target: Any, n: int, seeds: tuple[int, ...] = SEEDS) -> float:
    """The mean of `sampling_floors` over the seeds."""
    return mean(sampling_floors(target, n, seeds))


def measure(flow: Flow, samples: int = SAMPLES, nfes: tuple[int, ...] = NFES) -> dict:
    """Figures for each number of Euler steps, and the floor, from `samples` particles for each of the `SEEDS`.

    W2 and its floor are means over the seeds, with standard deviations; the others are over all particles together.
    Raises NotFinite for a flow that takes particles out of the range of numbers.
    """
    x_0 = torch.cat([flow.draw(samples, seed) for seed in SEEDS])
    floors = sampling_floors(flow.target, samples)
    figures = [_measure_at(flow, x_0, nfe) for nfe in nfes]
    return {
        "samples": samples,
        "seeds": list(SEEDS),
        "solver": "euler",
        "floor": mean(floors),
        "floor_std": stdev(floors),
        "nfe": list(nfes),
        **{name: [at_nfe[name] for at_nfe in figures] for name in figures[0]},
    }


def _measure_at(flow: Flow, x_0: Tensor, nfe: int) -> dict[str, float | None]:
    """The figures of one run from x_0, the equally many points (n, 2) of the `SEEDS` one after the other."""
    run = flow.carry(x_0, nfe)
    exact = exact_run(flow, run)
    error = flow_map_error(run.x[-1], exact.x[-1], flow.target.variance) if exact else None
    w2 = distances(run.x[-1].chunk(len(SEEDS)), flow.target, SEEDS)
    return {
        "flow_map_error": error and error.median,
        "far": error and error.far,
        "w2": mean(w2),
        "w2_std": stdev(w2),
        "variance_error": variance_error(flow, run, exact),
    }
