"""How good a flow is: its distance to the target beside the sampling floor, and its variance error."""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from statistics import median

from fm_core.exact import exact_velocity
from fm_core.flows import Flow, Trajectory, fresh_samples
from fm_core.statistics import wasserstein
from fm_core.toy import TARGETS

NFES = (1, 2, 5, 10, 20, 50, 100)
JUDGED_NFE = 50
SEEDS = (0, 1, 2)
SAMPLES = 4000


def exact_flow(flow: Flow) -> Flow:
    """The flow with the exact field on the path of `flow`."""
    velocity = exact_velocity(flow.source, flow.target, flow.schedule)
    return Flow(f"{flow.name} (exact)", flow.source, flow.target, flow.schedule, velocity)


def variance_error(flow: Flow, run: Trajectory) -> float:
    """Largest relative deviation, over all states and dimensions, of a run's variance from its reference.

    The reference is the exact field's run with the same Euler steps on the same noise; for a coupling
    without an exact field it is the theory curve of the path, which leaves the solver's own error in.
    """
    if any(flow.covariance):
        reference = flow.theory_variance(run.t)
    else:
        steps, n = len(run.t) - 1, run.x.shape[1]
        reference = exact_flow(flow).sample(n, steps, seed=run.seed).variance_per_dimension
    return (run.variance_per_dimension / reference - 1).abs().max().item()


def measure(flow: Flow, samples: int = SAMPLES, nfes: tuple[int, ...] = NFES) -> dict:
    """W2 to fresh samples, the floor, and the variance error, for Euler at each NFE.

    W2 is the distance between `samples` points of the flow and as many fresh ones; the floor is the distance between
    those fresh ones and others as fresh. At `JUDGED_NFE` both are medians over three seeds, elsewhere W2 has one.
    """
    runs = {nfe: [flow.sample(samples, nfe, seed=seed) for seed in _seeds(nfe)] for nfe in nfes}
    with ThreadPoolExecutor(2) as pool:
        distances = {nfe: pool.map(partial(_distance, flow), runs[nfe]) for nfe in nfes}
        w2 = [median(distances[nfe]) for nfe in nfes]
    return {
        "samples": samples,
        "seeds": [list(_seeds(nfe)) for nfe in nfes],
        "solver": "euler",
        "floor": sampling_floor(flow.target.name, samples),
        "nfe": list(nfes),
        "w2": w2,
        "variance_error": [max(variance_error(flow, run) for run in runs[nfe]) for nfe in nfes],
    }


def _seeds(nfe: int) -> tuple[int, ...]:
    return SEEDS if nfe == JUDGED_NFE else SEEDS[:1]


def _distance(flow: Flow, run: Trajectory) -> float:
    return wasserstein(run.x[-1], flow.fresh(run.x.shape[1], run.seed))


@lru_cache
def sampling_floor(target: str, samples: int) -> float:
    """Median W2 between two independent sets of fresh samples: what a perfect flow would score."""
    return median(
        wasserstein(fresh_samples(TARGETS[target], samples, seed), fresh_samples(TARGETS[target], samples, 1000 + seed))
        for seed in SEEDS
    )
