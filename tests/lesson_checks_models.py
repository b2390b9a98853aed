"""What the conclusions of lessons 7 to 11 say, against runs and figures computed here.

A check gets the experiment's values, its conclusion's paragraphs as plain text and their figures in order; paragraphs
that wait for late figures may be missing.
"""

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fm_core.checkpoints import DEFAULT_DIRECTORY, checkpoint_path, load_checkpoint
from fm_core.maths.distributions import SOURCES, TARGETS, Mixture
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow, Trajectory, fresh_samples
from fm_core.maths.matching import optimal_transport
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.models.catalogue import CATALOGUE, POINT_RECIPES, load_flow, load_image_flow
from fm_core.models.classifier import load_classifier, read
from fm_core.training.report import curve

Values = dict[str, Any]
Check = Callable[[Values, list[str], list[float]], None]
HALF = 0.51  # of the last digit that is shown
SENT = 3e-4  # positions are sent as whole numbers, with this error at most


def shown(said: list[str], beginning: str) -> list[tuple[float, int]] | None:
    """The figures of the paragraph that has these words, each with its decimals; None if it is not said."""
    for paragraph in said:
        if beginning in paragraph:
            found = re.findall(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?", paragraph)
            return [(float(text.replace(",", "").replace("−", "-")), len(text.partition(".")[2])) for text in found]
    return None


def agree(figures: list[tuple[float, int]] | None, *expected: float | None, error: float = 0.0) -> None:
    """The figures are the expected ones, as they are rounded; None stands for any."""
    assert figures is not None
    assert len(figures) == len(expected), (figures, expected)
    for (figure, decimals), value in zip(figures, expected, strict=True):
        if value is not None:
            assert abs(figure - value) <= HALF * 10**-decimals + error, (figure, value)


def near(figures: list[tuple[float, int]], *expected: float, by: float) -> None:
    for (figure, _), value in zip(figures, expected, strict=True):
        assert abs(figure - value) <= by * abs(value), (figure, value)


def losses(name: str) -> list[float]:
    return [entry["loss"] for entry in curve(name, DEFAULT_DIRECTORY)]


@cache
def quality(name: str) -> dict[str, Any]:
    return load_checkpoint(checkpoint_path(name, DEFAULT_DIRECTORY), CATALOGUE[name]).metadata["quality"]


def at(name: str, key: str, nfe: int) -> float:
    judged = quality(name)
    return judged[key][judged["nfe"].index(nfe)]


def run_of_points(values: Values, end: str = "") -> Trajectory:
    """The run of a side by its Flow, without the service."""
    velocity, target, schedule = (values[name] for name in (f"velocity{end}", "target", f"schedule{end}"))
    suffix = {"learned": "", "relu-output": "-relu-output", "one-step": "-one-step"}
    if velocity == "exact":
        source, data, path = SOURCES[values["source"]], TARGETS[target], SCHEDULES[schedule]
        flow = Flow("", source, data, path, exact_velocity(source, data, path))
    else:
        pairs = "-ot" * (values[f"coupling{end}"] == "ot")
        flow = load_flow(f"{target}-{schedule}{pairs}{suffix[velocity]}")
    return flow.sample(values["particles"], values[f"steps{end}"], values[f"solver{end}"], values["seed"])


def mean_of_ends(run: Trajectory) -> tuple[float, ...]:
    return tuple(run.x[-1].mean(0).tolist())


def bend(run: Trajectory) -> float:
    """The mean distance from start to end over the mean length of the paths."""
    lengths = sum((b - a).norm(dim=1).mean().item() for a, b in zip(run.x, run.x[1:], strict=False))
    return (run.x[-1] - run.x[0]).norm(dim=1).mean().item() / lengths


def to_data(values: Values, *runs: Trajectory) -> list[float]:
    """W2 of the first 256 ends of each run to as many fresh samples, by an assignment; and the mean of nine floors."""
    data = TARGETS[values["target"]]
    n = min(256, values["particles"])
    pairs = [(run.x[-1][:n], fresh_samples(data, n, values["seed"])) for run in runs]
    floors = [(fresh_samples(data, n, 1000 + k), fresh_samples(data, n, k)) for k in range(9)]
    found = [w2(*sets) for sets in pairs + floors]
    return [*found[: len(runs)], sum(found[len(runs) :]) / 9]


def w2(x: Tensor, y: Tensor) -> float:
    costs = (x[:, None].double() - y).square().sum(2).numpy()
    return math.sqrt(costs[linear_sum_assignment(costs)].mean())


# Lesson 7


def losses_fall(_: Values, said: list[str], __: list[float]) -> None:
    first, second = losses("mnist-linear"), losses("mnist-cosine")
    agree(shown(said, "From the first epoch"), first[0], first[-1], second[0], second[-1])
    rises = [max(b - a for k, a in enumerate(c) for b in c[k:]) for c in (first, second)]
    shares = [100 * rise / (c[0] - c[-1]) for rise, c in zip(rises, (first, second), strict=True)]
    agree(shown(said, "The largest rise"), *rises, *shares)


def groups_are_reached(values: Values, said: list[str], _: list[float]) -> None:
    n, data, run = values["particles"], TARGETS["eight-gaussians"], run_of_points(values)
    assert isinstance(data, Mixture)
    distances = torch.cdist(run.x[-1], data.centres)
    counts = (distances < 3 * data.std).sum(0)  # no point is that near to two centres
    reached = int((counts >= n / 16).sum())
    agree(shown(said, "The flow reaches"), reached, 8)
    assert (shown(said, "None is left out") is not None) == (reached == 8)
    one = HALF / 8 * 8 / n * 100  # a particle at the border may fall to either side of it
    if reached == 8:
        fewest = 100 * counts.min().item() / n
        agree(shown(said, "None is left out"), 12.5, n, 200 * math.sqrt(7 / 64 / n), fewest, error=2 * one)
    if outside := shown(said, "outside of all groups"):
        agree(outside, 100 * (1 - counts.sum().item() / n), values["steps"], error=2 * one)
        assert counts.sum() / n < 0.952
    if (distance := shown(said, "Distance W₂ to the data")) is not None:
        agree(distance, *to_data(values, run), error=SENT)


def digits_are_even(_: Values, said: list[str], __: list[float]) -> None:
    linear, cosine = "mnist-linear", "mnist-cosine"
    floor = quality(linear)["floor"]["evenness"]
    agree(shown(said, "In 50 steps"), 50, at(linear, "evenness", 50), at(cosine, "evenness", 50), floor)
    agree(shown(said, "In one step"), at(linear, "evenness", 1), at(cosine, "evenness", 1))
    assert min(at(linear, "evenness", 50), at(cosine, "evenness", 50)) > math.log(9) / math.log(10)
    assert shown(said, "no digit is missing") is not None


# Lesson 8


def evaluations_are_counted(values: Values, said: list[str], __: list[float]) -> None:
    """The times cannot be computed, but must fit to each other."""
    nfe = values["steps"] * SOLVERS[values["solver"]].evaluations
    figures = shown(said, "one after the other")
    agree(figures, values["steps"], nfe, values["images"], None, None, None)
    assert figures is not None
    (whole, _), (image, _), (evaluation, _) = figures[3:]
    assert abs(whole - image * values["images"]) <= 0.5 + 0.05 * values["images"]
    assert abs(whole - evaluation * nfe) <= 0.5 + 0.05 * nfe
    if nfe > 1:
        agree(shown(said, "A GAN's generator is evaluated once"), evaluation, nfe)
    else:
        x = load_image_flow(f"mnist-{values['schedule']}").sample(values["images"], 1, seed=values["seed"]).x[-1]
        agree(shown(said, "One evaluation is what"), x.var().item(), 1, error=0.01)


def fewer_evaluations_cost(_: Values, said: list[str], __: list[float]) -> None:
    judged = quality("mnist-linear")
    fd = {nfe: value / judged["floor"]["fd"] for nfe, value in zip(judged["nfe"], judged["fd"], strict=True)}
    agree(shown(said, "With 1, 5, 20 and 100"), 1, 5, 20, 100, fd[1], fd[5], fd[20], fd[100])
    agree(shown(said, "From 5 to 20"), 5, 20, fd[5] / fd[20], 20, 100, fd[20] / fd[100])
    agree(shown(said, "From 50 to 100"), 50, 100, 100 * (1 - fd[100] / fd[50]))


# Lesson 9


def one_step_ends_at_the_mean(values: Values, said: list[str], _: list[float]) -> None:
    a, b = run_of_points(values), run_of_points(values, "_b")
    assert a.nfe == 1
    data = TARGETS[values["target"]]
    variance = a.variance[-1].item()
    agree(shown(said, "Run A, 1 evaluation"), 1, *mean_of_ends(a), variance, data.variance.mean().item(), error=SENT)
    assert (a.x[-1].mean(0) - data.mean).abs().max() < 0.02
    assert variance < 0.01
    if b.nfe > 1:
        agree(shown(said, "of a network of the same size"), b.nfe, b.variance[-1].item(), error=SENT)
    if (distances := shown(said, "Distance W₂ to the data")) is not None:
        agree(distances, *to_data(values, a, b), error=SENT)
        # W2 to a single point is the spread of the data; of 256 samples, within some per cent.
        near(distances[:1], data.variance.sum().sqrt().item(), by=0.1)


def digits_need_steps(values: Values, said: list[str], __: list[float]) -> None:
    flow = load_image_flow("mnist-linear")
    figures = shown(said, "mean confidence")
    sure = []
    for steps in (values["steps"], values["steps_b"]):
        pixels = flow.target.to_pixels(flow.sample(16, steps, seed=values["seed"]).x[-1]).squeeze(1)
        sure.append(100 * read(load_classifier(DEFAULT_DIRECTORY), pixels).probabilities.amax(1).mean().item())
    agree(figures, values["steps"], values["steps_b"], 16, *sure, error=0.7)  # sent in 255 levels
    assert figures is not None
    if values["steps"] == 1:
        ends = flow.sample(16, 1, seed=values["seed"]).x[-1]
        assert ends.var(0).mean() < 0.05 * ends.var()
        agree(shown(said, "In one step all images"), ends.var().item(), 1, error=0.01)
        assert figures[3][0] < figures[4][0] or values["steps_b"] == 1


def one_network_in_more_steps(_: Values, said: list[str], __: list[float]) -> None:
    judged = quality("mnist-linear")
    fd = {nfe: value / judged["floor"]["fd"] for nfe, value in zip(judged["nfe"], judged["fd"], strict=True)}
    agree(shown(said, "With one and the same network"), fd[1], fd[2], 2, fd[5], 5, fd[20], 20)
    agree(shown(said, "The parameters are the same"), 20, fd[1] / fd[20])


# Lesson 10


def crossing(x_0: Tensor, x_1: Tensor) -> float:
    """The share of all pairs of segments that cross, by solving for both parameters of their lines' common point."""
    n = len(x_0)
    i, j = torch.triu_indices(n, n, 1)
    p, r, q, s = x_0[i], x_1[i] - x_0[i], x_0[j], x_1[j] - x_0[j]
    cross = lambda a, b: a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]  # noqa: E731
    along, other = cross(q - p, s) / cross(r, s), cross(q - p, r) / cross(r, s)
    return ((along > 0) & (along < 1) & (other > 0) & (other < 1)).float().mean().item()


def lines_cross(values: Values, said: list[str], __: list[float]) -> None:
    """The pairs are drawn as the service draws them; what is measured on them is computed otherwise."""
    generator = torch.Generator().manual_seed(values["seed"])
    n, group = values["particles"], values["group_b"]
    x_0, x_1 = SOURCES[values["source"]].sample(n, generator), TARGETS[values["target"]].sample(n, generator)
    matched = optimal_transport(x_0, x_1, group)
    agree(shown(said, "Every pair runs straight"), 1, 1)
    shares = [100 * crossing(x_0, end) for end in (x_1, matched)]
    figures = shown(said, "drawn by chance")
    agree(figures, None, group, None)
    assert figures is not None
    for (figure, _), share in zip((figures[0], figures[2]), shares, strict=True):  # measured on 10,000 of them
        assert abs(figure - share) < 5 * math.sqrt(share * (100 - share) / 10_000) + 0.06
    costs = [(end - x_0).square().sum(1).mean().item() for end in (x_1, matched)]
    agree(shown(said, "The mean squared distance"), *costs, error=SENT)
    assert costs[1] < costs[0]
    assert shares[1] < shares[0]


def flows_bend(values: Values, said: list[str], __: list[float]) -> None:
    a, b = (bend(run_of_points(values, end)) for end in ("", "_b"))
    agree(shown(said, "of the length of the path"), 100 * a, 100 * b, 100, error=0.05)
    assert (shown(said, "the bend is not an error") is not None) == (b < 0.98)


def matched_pairs_straighten(values: Values, said: list[str], _: list[float]) -> None:
    runs = [run_of_points(values, end) for end in ("", "_b")]
    if values["steps"] > 1:
        a, b = map(bend, runs)
        agree(shown(said, "Straightness at the end"), a, b, error=SENT)
        assert a < b
    else:
        assert shown(said, "Straightness at the end") is None
    if (distances := shown(said, "Distance W₂ to the data")) is not None:
        a, b, floor = to_data(values, *runs)
        agree(distances, values["steps"], a, b, floor, error=SENT)
        assert (shown(said, "On the straighter paths") is not None) == (a > 1.5 * b)


# Lesson 11


def nothing_moves_left_or_down(values: Values, said: list[str], _: list[float]) -> None:
    runs = [run_of_points(values, end) for end in ("", "_b")]
    shares = [100 * (run.x[-1] < run.x[0]).float().mean(0) for run in runs]
    assert shares[1].max() == 0
    one = 100 / values["particles"]  # a particle that hardly moved may be rounded to either side
    agree(shown(said, "end further left"), *shares[0].tolist(), 0, 0, error=2 * one)
    start, means = runs[0].x[0].mean(0).tolist(), [mean_of_ends(run) for run in runs]
    agree(shown(said, "The mean of the particles"), *start, *means[0], *means[1], 0.5, 0.25, error=SENT)
    variances = [run.x[-1].var(0).tolist() for run in runs]
    data = TARGETS["moons"].variance.tolist()
    sideways, upright = zip(*variances, strict=True)
    agree(shown(said, "The variance from left to right"), *sideways, *upright, *data, error=2 * SENT)
    if (distances := shown(said, "Distance W₂ to the data")) is not None:
        agree(distances, *to_data(values, *runs), error=SENT)


def the_loss_stops_early(_: Values, said: list[str], __: list[float]) -> None:
    plain, relu = losses("moons-linear"), losses("moons-linear-relu-output")
    agree(shown(said, "The loss ends at"), plain[-1], relu[-1], relu[-1] - plain[-1])
    figures = shown(said, "No network can have less")
    assert figures is not None
    least, relu_least = least_losses()
    near(figures[:2], least, relu_least, by=0.015)  # both by chance within 0.5 %
    agree(figures[2:], 100 * (plain[-1] / figures[0][0] - 1), 100 * (relu[-1] / figures[1][0] - 1), error=0.3)
    agree(shown(said, "In the second half"), relu[19] - relu[39])


def least_losses(n: int = 100_000) -> tuple[float, float]:
    """E‖u‖² − E‖f‖² for f = v and f = max(0, v), since E u·f = E v·f = E‖f‖² for both."""
    recipe, generator = POINT_RECIPES["moons-linear"], torch.Generator().manual_seed(99)
    x_0, x_1 = recipe.source.sample(n, generator), recipe.target.sample(n, generator)
    t = torch.rand(n, generator=generator)
    x = (1 - t)[:, None] * x_0 + t[:, None] * x_1
    v = exact_velocity(recipe.source, recipe.target, recipe.schedule)(x, t)
    whole = (recipe.source.variance + recipe.target.variance + recipe.target.mean.square()).sum().item()
    return whole - v.square().sum(1).mean().item(), whole - v.relu().square().sum(1).mean().item()


CHECKS: dict[tuple[str, int], Check] = {
    ("7", 0): losses_fall,
    ("7", 1): groups_are_reached,
    ("7", 2): digits_are_even,
    ("8", 0): evaluations_are_counted,
    ("8", 1): fewer_evaluations_cost,
    ("9", 0): one_step_ends_at_the_mean,
    ("9", 1): digits_need_steps,
    ("9", 2): one_network_in_more_steps,
    ("10", 0): lines_cross,
    ("10", 1): flows_bend,
    ("10", 2): matched_pairs_straighten,
    ("11", 0): nothing_moves_left_or_down,
    ("11", 1): the_loss_stops_early,
}
