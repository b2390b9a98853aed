"""What the conclusions of lessons 12 and 13 say of a place and a time, against posteriors and densities computed here.

A check gets the experiment's values, its conclusion's paragraphs as plain text and their figures in order.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from fm_core.library import exact_flow
from fm_core.maths.distributions import TARGETS, Mixture
from fm_core.maths.flow import Flow
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import load_flow
from tests.lesson_checks_paths import Check, Values, is_said, near, said_figures

PAIRS = 0.25  # the relative error of a spread that is measured on 64 weighted pairs: about 2.5 standard errors
DRAWS = 0.35  # and of a field error of 1,000 draws


class Posterior:
    """From N(0, I) to Gaussian groups, of X_t = x: the groups' weights, and the mean and the variance of X_1."""

    def __init__(self, target: str, schedule: str, x: Sequence[float], t: float):
        data = TARGETS[target]
        assert isinstance(data, Mixture)
        m, sigma, self.x = data.centres.double().numpy(), data.std, np.array(x)
        self.alpha, self.beta, self.d_alpha, self.d_beta = (
            c.item() for c in SCHEDULES[schedule](torch.tensor(t, dtype=torch.float64))
        )
        s_2 = self.alpha**2 + (self.beta * sigma) ** 2
        r = self.x - self.beta * m
        logits = -(r**2).sum(1) / (2 * s_2)
        self.log_density = math.log(np.exp(logits - logits.max()).mean()) + logits.max() - math.log(2 * math.pi * s_2)
        self.weights = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        means = m + self.beta * sigma**2 / s_2 * r
        self.x_1 = self.weights @ means
        within = 2 * (self.alpha * sigma) ** 2 / s_2
        self.variance = within + self.weights @ ((means - self.x_1) ** 2).sum(1)

    @property
    def v(self) -> np.ndarray:
        """α′ x̂_0 + β′ x̂_1, where α x̂_0 + β x̂_1 = x."""
        return self.d_alpha * (self.x - self.beta * self.x_1) / self.alpha + self.d_beta * self.x_1


def arrow(name: str, x: Sequence[float], t: float) -> np.ndarray:
    v = load_flow(name).velocity(torch.tensor([x], dtype=torch.float32), torch.tensor([t], dtype=torch.float32))
    return v[0].double().numpy()


# Lesson 12


def from_all_to_one(values: Values, said: list[str], _: list[float]) -> None:
    t, *x = said_figures(said, "At t = # and x = (#, #), the pairs that pass here")
    at = Posterior(values["target"], values["schedule"], x, t)
    *ends, spread = said_figures(said, "end on average at (#, #), and typically # away from that")
    near(ends, at.x_1, 0.006)
    np.testing.assert_allclose(spread, math.sqrt(at.variance), rtol=PAIRS)
    likely = int((np.sort(at.weights)[::-1].cumsum() < 0.9).sum()) + 1
    if len(at.weights) > 16:
        assert not is_said(said, "90 % of the probability")
    elif likely == 1:
        near(said_figures(said, "One group of the # alone holds"), [len(at.weights)], 0)
    elif likely < len(at.weights):
        near(said_figures(said, "# of the # groups of the data hold"), [likely, len(at.weights)], 0)
    else:
        assert is_said(said, f"It takes all {likely} groups")
    pairs, *means = said_figures(said, "velocities of the # pairs drawn is (#, #); the exact arrow is (#, #)")
    assert pairs == 64
    near(means, [*at.v, *at.v], 0.012)
    (scatter,) = said_figures(said, "typically # away from this mean")
    moves = abs(at.d_beta - at.d_alpha * at.beta / at.alpha)  # of u, as x_1 moves and x stays
    np.testing.assert_allclose(scatter, moves * math.sqrt(at.variance), rtol=PAIRS)


def arrows_stand_for_ends(values: Values, said: list[str], _: list[float]) -> None:
    t, *x_and_arrows = said_figures(
        said, "At t = # and x = (#, #), the network’s arrow is (#, #) on linear and (#, #) on cosine"
    )
    x, found = x_and_arrows[:2], [x_and_arrows[2:4], x_and_arrows[4:]]
    weights = said_figures(said, "linear has # of the noise and # of the data, cosine # and #")
    for k, (schedule, words) in enumerate(
        (
            ("linear", "It stands for the end (#, #) on linear; the exact"),
            ("cosine", "On cosine it stands for (#, #); the exact"),
        )
    ):
        at = Posterior(values["target"], schedule, x, t)
        v = arrow(f"{values['target']}-{schedule}", x, t)
        near(found[k], v, 0.006)
        *end, first, second = said_figures(
            said, f"{words} mean" + (" of the ends is (#, #)" if k == 0 else " is (#, #)")
        )
        denominator = 1 if schedule == "linear" else math.pi / 2
        near(end, (at.alpha * v - at.d_alpha * at.x) / denominator, 0.006)
        near([first, second], at.x_1, 0.006)
        near(weights[2 * k : 2 * k + 2], [at.alpha, at.beta], 0.006)


def where_it_is_wrong(values: Values, said: list[str], _: list[float]) -> None:
    t, x, y, angle, off = said_figures(
        said, "At t = # and x = (#, #), the network’s arrow is #° off, and the difference of the two is # %"
    )
    name = f"{values['target']}-{values['schedule']}"
    at, v = Posterior(values["target"], values["schedule"], (x, y), t), arrow(name, (x, y), t)
    cosine = v @ at.v / np.linalg.norm(v) / np.linalg.norm(at.v)
    near([angle], [math.degrees(math.acos(cosine))], 0.06)
    near([off], [float(100 * np.linalg.norm(v - at.v) / np.linalg.norm(at.v))], 0.1)
    near(said_figures(said, "of the density of the pairs here is #"), [at.log_density], 0.06)
    sentences = ["Many pairs pass here", "Few pairs pass here", "Hardly any pair ever passes here"]
    assert [is_said(said, words) for words in sentences] == [
        at.log_density >= -3,
        -6 <= at.log_density < -3,
        at.log_density < -6,
    ]
    errors = said_figures(said, "the field error is # at t = 0.1, # at 0.5 and # at 0.9")
    for error, time in zip(errors, (0.1, 0.5, 0.9), strict=True):
        assert abs(error - relative_error(name, time)) < 6e-5 + DRAWS * error


def relative_error(name: str, time: float, n: int = 4000) -> float:
    """E‖f − v‖² / E‖v‖² of other draws."""
    flow = load_flow(name)
    exact = exact_flow(*name.rsplit("-", 1))
    t = torch.full((n,), time)
    at = flow.schedule(t)
    x = at.alpha[:, None] * flow.draw(n, 91) + at.beta[:, None] * flow.fresh(n, 92)
    v = exact.velocity(x, t)
    return ((flow.velocity(x, t) - v).square().sum() / v.square().sum()).item()


# Lesson 13


def squeezed(values: Values, said: list[str], _: list[float]) -> None:
    """From N(0, I) to N(m, I): x_t = β m + s x_0 with s² = α² + β², so that log p_t(x_t) = log p_0(x_0) − ln s²."""
    x, y, t, *start = said_figures(said, "The particle that is at (#, #) at t = # began at (#, #)")
    at = Posterior("gaussian", values["schedule"], (x, y), t)
    s_2 = at.alpha**2 + at.beta**2
    x_0 = (np.array([x, y]) - at.beta) / math.sqrt(s_2)
    noise = -math.log(2 * math.pi) - (x_0**2).sum() / 2
    near(start, x_0, 0.006)
    near(said_figures(said, "There the noise has log p = #"), [noise], 0.0016)
    near(
        said_figures(said, "changed it by #. Together, the flow says log p = #"),
        [-math.log(s_2), noise - math.log(s_2)],
        0.0016,
    )
    near(said_figures(said, "The formula of the density says #. They differ by #"), [at.log_density, 0], 0.0006)
    near([at.log_density], [noise - math.log(s_2)], 1e-9)
    assert is_said(said, "were squeezed") == (s_2 < 0.994)
    if s_2 < 0.994:
        near(said_figures(said, "the density rose by the factor #"), [1 / s_2], 0.006)
    else:
        assert is_said(said, "as much room as at the start")


def log_density(flow: Flow, x: Sequence[float]) -> float:
    return flow.log_density(torch.tensor([x], dtype=torch.float32)).value.item()


def on_data_or_not(values: Values, said: list[str], _: list[float]) -> None:
    x, y, t, *found = said_figures(
        said, "At (#, #) and t = #: log p is # by the network’s flow, # by the exact flow, and # by the formula"
    )
    assert t == 1
    target = values["target"]
    formula = TARGETS[target].log_density(torch.tensor([[x, y]], dtype=torch.float64)).item()
    expected = [log_density(flow, (x, y)) for flow in (load_flow(f"{target}-linear"), exact_flow(target, "linear"))]
    np.testing.assert_allclose(found, [*expected, formula], rtol=0.05, atol=0.02)
    assert is_said(said, "times the right one here") == (formula >= -6)
    assert is_said(said, "“very improbable”") == (formula < -6)
    assert is_said(said, "the network’s particles more often") == (formula < -6 and expected[0] > max(formula + 1, -20))
    if formula >= -6:
        ratios = said_figures(said, "the network’s density is # times the right one here, and the exact flow’s # times")
        np.testing.assert_allclose(ratios, np.exp(np.array(expected) - formula), rtol=0.02)
        near(ratios[1:], [1], 0.002)


def two_flows(values: Values, said: list[str], _: list[float]) -> None:
    t, x, y, *starts = said_figures(
        said, "At t = #, the particle at (#, #) began at (#, #) in run A, and at (#, #) in run B"
    )
    assert t == 1
    flows = [load_flow(f"{values['target']}-linear{end}") for end in ("", "-ot")]
    place = torch.tensor([[x, y]], dtype=torch.float32)
    x_0 = torch.cat([flow.reverse(place, 100, "rk4").x[-1, 0] for flow in flows]).tolist()
    near(starts, x_0, 0.05)
    found = said_figures(said, "log p is # by the flow of A and # by the flow of B")
    np.testing.assert_allclose(found, [log_density(flow, (x, y)) for flow in flows], rtol=0.05, atol=0.02)
    formula = TARGETS[values["target"]].log_density(place.double()).item()
    near(said_figures(said, "The formula of the data’s density says #"), [formula], 0.006)


CHECKS: dict[tuple[str, int], Check] = {
    ("12", 0): from_all_to_one,
    ("12", 1): arrows_stand_for_ends,
    ("12", 2): where_it_is_wrong,
    ("13", 0): squeezed,
    ("13", 1): on_data_or_not,
    ("13", 2): two_flows,
}
