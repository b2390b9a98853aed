"""What the conclusions of lessons 1 to 6 must say, computed from the experiments' values and not from their packets.

A check gets the values of an experiment, the paragraphs of its conclusion as plain text, and the figures in them.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from fm_core.checkpoints import checkpoint_path
from fm_core.images.sets import IMAGE_SETS
from fm_core.library import exact_flow
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.flow import fresh_samples
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS, integrate
from fm_core.maths.spacing import time_grid
from fm_core.models.images import SPACING

Values = Mapping[str, Any]
Check = Callable[[Values, list[str], list[float]], None]
NUMBER = r"([-−]?[\d,]+(?:\.\d+)?|Infinity|NaN)"
NETWORK = 0.06  # by how much a trained network may change a variance, relative to it


def said_figures(said: Sequence[str], pattern: str) -> list[float]:
    """The figures in the paragraph that the pattern fits, in which # stands for a figure."""
    expression = re.compile(NUMBER.join(map(re.escape, pattern.split("#"))))
    flat = [re.sub(r"\s+", " ", paragraph) for paragraph in said]
    found = [match for match in map(expression.search, flat) if match]
    assert len(found) == 1, f"{len(found)} paragraphs fit “{pattern}” in {flat}"
    return [float(figure.replace(",", "").replace("−", "-")) for figure in found[0].groups()]


def is_said(said: Sequence[str], words: str) -> bool:
    return any(words in re.sub(r"\s+", " ", paragraph) for paragraph in said)


def near(found: Sequence[float], expected: Sequence[float] | np.ndarray, tolerance: float) -> None:
    """Within the tolerance, which includes half a unit of the last printed digit."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


# Pairs, in float64


def of(values: Values, name: str, end: str) -> Any:
    return values[name + end]


def draw(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """x_0 and x_1 (n, 2), paired by chance."""
    generator = torch.Generator().manual_seed(int(values["seed"]))
    n = int(values["particles"])
    sets = SOURCES[values["source"]], TARGETS[values["target"]]
    x_0, x_1 = (distribution.sample(n, generator).double().numpy() for distribution in sets)
    return x_0, x_1


def weights(values: Values, end: str, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    name, a, b = (of(values, key, end) for key in ("schedule", "a", "b"))
    if name == "custom":
        return np.cos(a * math.pi * t), np.sin(b * math.pi * t)
    if name == "cosine":
        return np.cos(math.pi / 2 * t), np.sin(math.pi / 2 * t)
    assert name == "linear"
    return 1 - t, t


def matched(values: Values, end: str, x_0: np.ndarray, x_1: np.ndarray) -> np.ndarray:
    """x_1, in groups reordered so that the squared distances are least."""
    if of(values, "coupling", end) == "independent":
        return x_1
    group, parts = int(of(values, "group", end)), []
    for k in range(0, len(x_0), group):
        a, b = x_0[k : k + group], x_1[k : k + group]
        parts.append(b[linear_sum_assignment(cdist(a, b, "sqeuclidean"))[1]])
    return np.concatenate(parts)


def path(values: Values, end: str = "") -> np.ndarray:
    """The states of pairs, (T, n, 2)."""
    x_0, x_1 = draw(values)
    t = np.arange(int(of(values, "steps", end)) + 1) / int(of(values, "steps", end))
    alpha, beta = (weight[:, None, None] for weight in weights(values, end, t))
    return alpha * x_0 + beta * matched(values, end, x_0, x_1)


def variance(x: np.ndarray) -> np.ndarray:
    """Over the particles, the average of the dimensions, (T,)."""
    return x.var(1, ddof=1).mean(-1)


def middle(steps: int) -> int:
    """The state that the player shows for t = ½."""
    return round(steps / 2)


def data_variance(values: Values) -> float:
    return TARGETS[values["target"]].variance.mean().item()


def speeds(x: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(x, axis=0), axis=2).mean(1) * (len(x) - 1)


# Lesson 1


def ends(values: Values) -> tuple[float, float]:
    """(cos a, sin b) of run B."""
    return math.cos(values["a_b"] * math.pi), math.sin(values["b_b"] * math.pi)


def holds(values: Values) -> bool:
    alpha, beta = ends(values)
    return abs(alpha) < 0.005 and abs(beta - 1) < 0.005


def borders(values: Values, said: list[str], numbers: list[float]) -> None:
    alpha, beta = ends(values)
    weights = said_figures(said, "run A is # times x0 plus # times x1, and run B is # times x0 plus # times x1")
    near(weights, [0, 1, alpha, beta], 0.006)
    assert is_said(said, "In B noise is left") == (abs(alpha) >= 0.005)
    assert is_said(said, "In B the data do not come as they are") == (abs(beta - 1) >= 0.005)
    assert is_said(said, "its borders hold") == holds(values)
    expected = alpha**2 + beta**2 * data_variance(values)
    theory, measured, data = said_figures(said, "= #; measured are #. The data have #.")
    near([theory, data], [expected, data_variance(values)], 0.0006)
    near([measured], [variance(path(values, "_b"))[-1]], 0.0006)
    fresh = fresh_samples(TARGETS[values["target"]], 256, values["seed"]).double().numpy()
    distances = said_figures(said, "fresh samples of the data is # in A and # in B")
    for found, end in zip(distances, ("", "_b"), strict=True):
        cost = cdist(path(values, end)[-1][:256], fresh, "sqeuclidean")
        near([found], [math.sqrt(cost[linear_sum_assignment(cost)].mean())], 0.006)


def other_solutions(values: Values, said: list[str], numbers: list[float]) -> None:
    lengths, straight = [], []
    for end in ("", "_b"):
        x = path(values, end)
        lengths.append(np.linalg.norm(np.diff(x, axis=0), axis=2).sum(0).mean())
        straight.append(np.linalg.norm(x[-1] - x[0], axis=1).mean())
    if straight[1] > 0.05 * lengths[1]:
        ratios = [length / chord for length, chord in zip(lengths, straight, strict=True)]
        found = said_figures(
            said, "A's paths are # times as long as the straight lines from their starts to their ends, B's #"
        )
        np.testing.assert_allclose(found, ratios, atol=0.006, rtol=0.002)
    fastest = [speeds(path(values, end)).max() for end in ("", "_b")]
    near(said_figures(said, "the mean speed is # in A and # in B"), fastest, 0.006)
    assert is_said(said, "Both runs end at the same points") == holds(values)
    assert not is_said(said, "So B makes a detour") or holds(values)


# Lesson 2


def finite_differences(values: Values, said: list[str], numbers: list[float]) -> None:
    steps = [int(values["steps"]), int(values["steps_b"])]
    z = math.pi / 2 / np.array(steps)
    exact = 100 * (1 - np.sin(z) / z)  # in percent, at every t
    found = said_figures(said, "differ by # % of the velocity in A, with # steps, and by # % in B, with # steps")
    assert found[1::2] == steps
    np.testing.assert_allclose(found[::2], exact, rtol=0.1, atol=0.0006)  # states are float32
    near(said_figures(said, "(πh/2)²/6: # % and # %"), list(100 * z**2 / 6), 0.0006)
    if steps[0] == steps[1]:
        assert is_said(said, "Both runs have the same steps")
        return
    times, smaller, square = said_figures(
        said, "steps are # times shorter, and its difference is # times smaller, about the square of that: #"
    )
    ratio = max(steps) / min(steps)
    near([times, square], [ratio, ratio**2], 0.006)
    np.testing.assert_allclose(smaller, ratio**2, rtol=0.15)


def chain_rule(values: Values, said: list[str], numbers: list[float]) -> None:
    linear, cosine = (speeds(path(values, end)) for end in ("", "_b"))
    near(said_figures(said, "the mean speed is # in the first step and # in the last"), linear[[0, -1]], 0.006)
    near(said_figures(said, "it changes from # in the first step to # in the last"), cosine[[0, -1]], 0.006)
    x_0, _ = draw(values)
    (last,) = said_figures(said, "Measured are #")
    near([last], [math.pi / 2 * np.linalg.norm(x_0, axis=1).mean()], 0.02)  # over the last step, not at its end
    near([last], [math.pi / 2 * math.sqrt(math.pi / 2)], 4 * math.pi / 2 * 0.655 / math.sqrt(len(x_0)) + 0.02)


# Lessons 3 and 4


def linear_pairs(values: Values, said: list[str], numbers: list[float]) -> None:
    x = path(values)
    k = middle(len(x) - 1)
    found = said_figures(said, "variance is # at t = 0, # at t = # and # at t = 1")
    near([found[0], found[1], found[3]], variance(x)[[0, k, -1]], 0.0006)
    data = data_variance(values)
    near(said_figures(said, "¼ · # + ¼ · # = #")[2:], [(1 + data) / 4], 0.0006)
    (chance,) = said_figures(said, "by ± #")
    squares = ((x[k] - x[k].mean(0)) ** 2).mean(1)
    near([chance], [2 * squares.std(ddof=1) / math.sqrt(len(squares))], 0.0006)
    assert is_said(said, "So halfway the cloud is narrower") == (variance(x)[k] < min(variance(x)[[0, -1]]))
    assert is_said(said, "lies outside of that") == (abs(variance(x)[k] - (1 + data) / 4) > chance)


def linear_network(values: Values, said: list[str], numbers: list[float]) -> None:
    steps, data = int(values["steps"]), data_variance(values)
    flow = exact_flow(values["target"], "linear")
    exact = flow.sample(int(values["particles"]), steps, seed=int(values["seed"])).variance.tolist()
    t, found, theory, noise, end = said_figures(
        said, "At t = # the network's cloud has variance #. Theory says # there, and # and # at the two ends"
    )
    halfway = exact[round(t * steps)]
    near([t], [0.5], 0.5 / steps + 0.006)
    near([found], [halfway], NETWORK * halfway + 0.006)
    near([noise, end], [1, data], 0.0006)
    near([theory], [(1 - t) ** 2 + t**2 * data], 0.02)  # t is printed with two digits
    if is_said(said, "shrinks the cloud by itself"):
        assert halfway < min(1, data)


def cosine_pairs(values: Values, said: list[str], numbers: list[float]) -> None:
    x, data = path(values), data_variance(values)
    k = middle(len(x) - 1)
    near(said_figures(said, "Noise has the variance #"), [1], 0.0006)
    near(
        said_figures(said, "have #. Halfway # is measured; theory says #"),
        [data, variance(x)[k], (1 + data) / 2],
        0.0006,
    )
    assert is_said(said, "it is preserved") == (abs(data - 1) < 0.005)
    assert is_said(said, "theory falls") == (data < 0.995)
    assert is_said(said, "theory rises") == (data > 1.005)


def matched_pairs(values: Values, said: list[str], numbers: list[float]) -> None:
    a, b = (path(values, end) for end in ("", "_b"))
    k, data = middle(len(a) - 1), data_variance(values)
    found = said_figures(
        said,
        "variance is # with independent pairs and # with pairs matched among #. Without a covariance, theory says #",
    )
    near(found[:2], [variance(a)[k], variance(b)[k]], 0.002)  # rounding may match a pair otherwise
    near(found[2:], [values["group_b"], (1 + data) / 2], 0.0006)
    x_0, x_1 = b[0], b[-1]
    covariance = ((x_0 - x_0.mean(0)) * (x_1 - x_1.mean(0))).sum(0).mean() / (len(x_0) - 1)
    near(said_figures(said, "adds #: with it, theory for B says #"), [covariance, (1 + data) / 2 + covariance], 0.15)
    if is_said(said, "So B is wider halfway"):
        assert variance(b)[k] > max(1, data) - 0.1


def clothes(values: Values, said: list[str], numbers: list[float]) -> None:
    means = [IMAGE_SETS[name].standardise(IMAGE_SETS[name].bundled()[0]).mean(0) for name in ("fashion", "mnist")]
    bundled = math.sqrt(0.75) * (means[0] * means[1]).mean().item()  # of 100 images of each, and a quarter of noise
    (covariance,) = said_figures(said, "Cov(X0, X1) = #")
    near([covariance], [bundled], 0.05)
    t = torch.tensor(time_grid(int(values["steps"]), SPACING))
    alpha, beta, _, _ = SCHEDULES[values["schedule"]](t[(t - 0.5).abs().argmin()])
    expected = (alpha**2 + beta**2 + 2 * alpha * beta * covariance).item()
    theory, _, pictures, measured, chance = (
        said_figures(said, "theory says # at t = #; these # pictures have #, with chance ± #")
        if (values["schedule"] == "cosine")
        else [
            *said_figures(said, "With it, theory says #"),
            0.5,
            *said_figures(said, "these # pictures have #, with chance ± #"),
        ]
    )
    near([theory, pictures], [expected, 10], 0.004)  # theory is known at 101 times
    near([measured], [expected], 2 * chance)
    if values["schedule"] == "linear":
        near(said_figures(said, "theory at t = # would be #")[1:], [(alpha**2 + beta**2).item()], 0.004)
        assert not is_said(said, "Ten pictures alone")


# Lesson 5


def shells(values: Values, said: list[str], numbers: list[float]) -> None:
    n, steps = int(values["images"]), int(values["steps"])
    noise = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(int(values["seed"])))
    sizes = noise.flatten(1).double().norm(dim=1).numpy() / 28
    expected = [sizes.mean(), n, *np.quantile(sizes, [0.1, 0.9])]
    near(
        said_figures(said, "the mean of ‖x‖/28 is #, and 80 % of these # images lie between # and #"),
        expected,
        0.0006,
    )
    t, linear, cosine = said_figures(said, "At t = # the mean is # on the linear path, and # on the cosine path")
    times = np.array(time_grid(steps, SPACING))
    near([t], [times[np.abs(times - 0.5).argmin()]], 0.006)
    if steps >= 10:
        near([linear, cosine], [math.sqrt((1 - t) ** 2 + t**2), 1], 0.08)
    if is_said(said, "inside the shell"):
        assert said_figures(said, "80 % lie between # and #")[1] < expected[2]


def quality(name: str) -> dict[str, Any]:
    with safe_open(checkpoint_path(name), "pt") as file:
        return json.loads(file.metadata()["json"])["quality"]


def digits_record(values: Values, said: list[str], numbers: list[float]) -> None:
    def distance(name: str, nfe: int) -> float:
        figures = quality(f"mnist-{name}")
        return figures["fd"][figures["nfe"].index(nfe)] / figures["floor"]["fd"]

    pairs = {nfe: [distance(name, nfe) for name in ("linear", "cosine")] for nfe in (5, 20, 100)}
    found = said_figures(said, "network: # on linear, # on cosine. With 20: # and #. With 100: # and #.")
    near(found, [value for pair in pairs.values() for value in pair], 0.06)
    assert is_said(said, "Cosine is better with few steps and with many") == all(a > b for a, b in pairs.values())
    for nfe, (linear, cosine) in pairs.items():
        assert is_said(said, f"With {nfe} evaluations linear is better here") == (linear < cosine)


def moons_record(values: Values, said: list[str], numbers: list[float]) -> None:
    def ratio(name: str, nfe: int) -> float:
        figures = quality(f"moons-{name}")
        return figures["w2"][figures["nfe"].index(nfe)] / figures["floor"]

    independent = [ratio(name, nfe) for nfe in (5, 100) for name in ("linear", "cosine")]
    near(said_figures(said, "5 steps: # on linear, # on cosine. With 100 steps: # and #."), independent, 0.006)
    assert is_said(said, "is not better by itself") == (independent[0] > independent[1])
    found = said_figures(said, "linear path: # in a single step, # in two and # in five")
    near(found, [ratio("linear-ot", nfe) for nfe in (1, 2, 5)], 0.006)
    assert is_said(said, "That is where linear wins") == (
        ratio("linear-ot", 2) < min(ratio("linear", 2), ratio("cosine", 2))
    )


# Lesson 6


def kept(steps: int, solver: str) -> float:
    """The share of the variance that a solver keeps on the exact linear field from N(0, 1) to N(m, 1)."""

    def field(y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return ((2 * t - 1) / (t**2 + (1 - t) ** 2))[:, None] * y

    start = torch.ones(1, 1, dtype=torch.float64)
    *_, (_, end, _) = integrate(field, start, time_grid(steps), solver)
    return end.item() ** 2


def noise_variance(values: Values) -> float:
    return variance(draw(values)[0][None])[0]


def both_schedules(values: Values, said: list[str], numbers: list[float]) -> None:
    steps, solver, noise = int(values["steps"]), str(values["solver"]), noise_variance(values)
    exact, exact_b = said_figures(said, "ends at # on linear and # on cosine")
    near([exact, exact_b], [kept(steps, solver) * noise, noise], 0.0007)
    lost = noise - kept(steps, solver) * noise
    near(said_figures(said, "which is the solver's alone: #"), [abs(lost)], 0.0002)
    linear, cosine, theory = said_figures(said, "linear has # and cosine #; theory says # for both")
    near(
        [linear, cosine, theory], [exact, exact_b, 1], max(0.03, 3 / math.sqrt(values["particles"])) + 0.1 * (steps < 5)
    )
    network = said_figures(said, "is the network's: # on linear and # on cosine")
    near(network, [abs(linear - exact), abs(cosine - exact_b)], 0.0016)
    chance = 2 / math.sqrt(values["particles"] - 1) * linear
    if abs(1 - linear - chance) > 0.1 * chance:  # else it depends on the sample's own standard error
        assert is_said(said, "too narrow for chance alone") == (1 - linear > chance)
    assert is_said(said, "steps of Euler keep") == (solver == "euler" and steps >= 5)
    if solver == "euler" and steps >= 5:
        share, predicted = said_figures(
            said, "of Euler keep # of the variance. The formula below predicts about e−(1 + π/2)/N = #"
        )
        near([share, predicted], [kept(steps, solver), math.exp(-(1 + math.pi / 2) / steps)], 0.0001)
        near([share], [predicted], 0.005)
    t, *halfway = said_figures(
        said, "At t = #, linear has variance #, and theory says #; cosine has #, and theory says #"
    )
    near([t], [0.5], 0.5 / steps + 0.006)
    t = round(t * steps) / steps
    near(halfway[1::2], [(1 - t) ** 2 + t**2, 1], 0.01)  # theory is known at 101 times
    of_states = said_figures(said, "Of # measured variances, # on linear and # on cosine")
    assert of_states[0] == steps + 1 >= max(of_states[1:])


def two_solvers(values: Values, said: list[str], numbers: list[float]) -> None:
    sides = [(int(values[f"steps{end}"]), str(values[f"solver{end}"])) for end in ("", "_b")]
    shares = [kept(*side) for side in sides]
    first, second = (SOLVERS[solver].title for _, solver in sides)
    a, kept_a, b, kept_b = said_figures(
        said,
        f"{first} with # evaluations keeps # of the variance that the noise has; {second} with # evaluations keeps #.",
    )
    assert [a, b] == [steps * SOLVERS[solver].evaluations for steps, solver in sides]
    near([kept_a], shares[:1], 0.0001)
    near([kept_b], shares[1:], 0.00001)
    if is_said(said, "belongs to the solver"):
        assert abs(1 - shares[1]) < abs(1 - shares[0])


CHECKS: dict[tuple[str, int], Check] = {
    ("1", 0): borders,
    ("1", 1): other_solutions,
    ("2", 0): finite_differences,
    ("2", 1): chain_rule,
    ("3", 0): linear_pairs,
    ("3", 1): linear_network,
    ("4", 0): cosine_pairs,
    ("4", 1): matched_pairs,
    ("4", 2): clothes,
    ("5", 0): shells,
    ("5", 1): digits_record,
    ("5", 2): moons_record,
    ("6", 0): both_schedules,
    ("6", 1): two_solvers,
}
