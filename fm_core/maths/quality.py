"""How good a flow of points is: its distance to the target, the sampling floor, and its variance error."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from statistics import median
from typing import Any

import torch

from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow, Trajectory, fresh_samples
from fm_core.maths.measures import wasserstein

NFES = (1, 2, 5, 10, 20, 50, 100)
JUDGED_NFE, SAMPLES = 50, 4000
SEEDS = (0, 1, 2)


def exact_flow(flow: Flow) -> Flow:
    """The exact velocity on the path of `flow`, for independent x_0 and x_1."""
    velocity = exact_velocity(flow.source, flow.target, flow.schedule)
    return replace(flow, name=f"{flow.name}-exact", velocity=velocity, covariance=0.0)


@lru_cache
def sampling_floor(target: Any, n: int, seeds: tuple[int, ...] = SEEDS) -> float:
    """Median W2 between two independent sets of n fresh samples: the score of a perfect flow."""
    pairs = ((fresh_samples(target, n, seed), fresh_samples(target, n, 1000 + seed)) for seed in seeds)
    return median(wasserstein(a, b) for a, b in pairs)


def variance_error(flow: Flow, run: Trajectory) -> float:
    """Largest relative deviation, over states and dimensions, of a run's variance from that of the exact velocity with
    the same Euler steps and noise or, for a coupling without one, from theory, which leaves the solver's error in.
    """
    if torch.tensor(flow.covariance).any():
        reference = flow.theory_variance(run.t)
    else:
        reference = exact_flow(flow).carry(run.x[0], len(run.t) - 1).variance_per_dimension
    return (run.variance_per_dimension / reference - 1).abs().max().item()


def measure(flow: Flow, samples: int = SAMPLES, nfes: tuple[int, ...] = NFES) -> dict:
    """W2 from `samples` points of the flow to as many fresh ones, its floor, and the variance error, for Euler steps.

    W2 at `JUDGED_NFE` and the floor are medians over three seeds; at other NFEs, W2 uses one seed.
    """

    def distance(run: Trajectory) -> float:
        assert run.seed is not None
        return wasserstein(run.x[-1], flow.fresh(samples, run.seed))

    runs = {nfe: [flow.sample(samples, nfe, seed=seed) for seed in _seeds(nfe)] for nfe in nfes}
    with ThreadPoolExecutor(2) as pool:
        distances = [pool.map(distance, runs[nfe]) for nfe in nfes]
        w2 = [median(of_seeds) for of_seeds in distances]
    return {
        "samples": samples,
        "seeds": [list(_seeds(nfe)) for nfe in nfes],
        "solver": "euler",
        "floor": sampling_floor(flow.target, samples),
        "nfe": list(nfes),
        "w2": w2,
        "variance_error": [max(variance_error(flow, run) for run in runs[nfe]) for nfe in nfes],
    }


def _seeds(nfe: int) -> tuple[int, ...]:
    return SEEDS if nfe == JUDGED_NFE else SEEDS[:1]
