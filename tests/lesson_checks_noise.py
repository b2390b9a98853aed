"""What the conclusions of lesson 14, on noise on the way, say, against runs computed here."""

import math

from fm_core import exact_flow, load_flow, load_image_flow
from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.maths.flow import Trajectory
from fm_core.models.classifier import load_classifier, read
from tests.lesson_checks_models import SENT, Check, Values, agree, shown, to_data


def run_of(values: Values, end: str = "", velocity: str = "") -> Trajectory:
    """The run of a side by its Flow, without the service."""
    target, schedule = values["target"], values[f"schedule{end}"]
    exact = (velocity or values[f"velocity{end}"]) == "exact"
    flow = exact_flow(target, schedule) if exact else load_flow(f"{target}-{schedule}")
    noise, corrected = values[f"noise{end}"], values[f"drift{end}"] == "corrected"
    return flow.sample(
        values["particles"], values[f"steps{end}"], seed=values["seed"], noise=noise, corrected=corrected
    )


def crowds_agree(values: Values, said: list[str], _: list[float]) -> None:
    a, b, exact = run_of(values), run_of(values, "_b"), run_of(values, "_b", "exact")
    eta = values["noise_b"]
    assert (eta > 0) == (shown(said, "A particle of run B") is not None)
    apart = (a.x[-1] - b.x[-1]).norm(dim=1).mean().item()
    agree(shown(said, "A particle of run B"), apart, error=SENT)
    middle = values["steps"] // 2
    t = a.t[middle].item()
    theory = load_flow(f"{values['target']}-linear").theory_variance(a.t[middle]).mean().item()
    figures = shown(said, "the variance is")
    agree(figures, t, a.variance[middle].item(), b.variance[middle].item(), eta, theory, None, error=SENT)
    assert figures is not None
    chance = figures[-1][0]
    assert 0 < chance < 0.1 * theory  # 2,000 particles, two dimensions
    leaves = all(abs(run.variance[middle].item() - theory) > chance for run in (b, exact))
    assert leaves == (shown(said, "leaves theory there") is not None)
    if distances := shown(said, "Distance W₂ to the data"):
        agree(distances, *to_data(values, a, b), error=SENT)


def the_correction_is_needed(values: Values, said: list[str], _: list[float]) -> None:
    runs = [run_of(values, end) for end in ("", "_b")]
    figures = shown(said, "With the correction the variance ends")
    agree(figures, *(run.variance[-1].item() for run in runs), 1, 2 / math.sqrt(values["particles"] - 1), error=0.006)
    if exact := shown(said, "The network is not why"):
        agree(exact, *(run_of(values, end, "exact").variance[-1].item() for end in ("", "_b")), error=SENT)
    assert (shown(said, "There is no network here") is not None) == (values["velocity"] == "exact")
    slope = {"linear": math.pi / 2, "cosine": 4 / math.pi}[values["schedule"]]
    derived = shown(said, "the derivation says")
    assert derived is not None
    wide = 1 + slope * values["noise"]
    chance = 2 * wide / math.sqrt(values["particles"] - 1)
    agree(derived[-2:], wide, chance)
    assert abs(runs[1].variance[-1].item() - wide) < 2.25 * chance + 0.02 * wide  # 4.5 standard errors, and the steps


def digits_change(values: Values, said: list[str], _: list[float]) -> None:
    flow, classifier, digits, sure, wide = (
        load_image_flow("mnist-linear"),
        load_classifier(DEFAULT_DIRECTORY),
        [],
        [],
        [],
    )
    for end in ("", "_b"):
        options = {"spacing": values[f"spacing{end}"], "noise": values[f"noise{end}"]}
        x = flow.sample(values["images"], values[f"steps{end}"], seed=values["seed"], **options).x[-1]
        probabilities = read(classifier, flow.target.to_pixels(x).squeeze(1)).probabilities
        digits.append(probabilities.argmax(1))
        sure.append(100 * probabilities.amax(1).mean().item())
        wide.append(x.var().item())
    changed = int((digits[0] != digits[1]).sum())
    assert 0 < changed < values["images"]
    agree(shown(said, "as another digit"), changed, values["images"])
    agree(shown(said, "sure of what it reads"), *sure, *wide, 1, error=0.7)
    last = 1 - flow.times(values["steps_b"], values["spacing_b"])[-2]  # and alpha where it begins
    deviation = math.sqrt(2 * values["noise_b"] * last * last)
    agree(shown(said, "The last step of run B"), last, deviation, 1, error=1e-5)


CHECKS: dict[tuple[str, int], Check] = {
    ("14", 0): crowds_agree,
    ("14", 1): the_correction_is_needed,
    ("14", 2): digits_change,
}
