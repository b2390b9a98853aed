"""The values and the controls of a lesson's experiment, by the forms of the tabs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from fm_core.image_settings import DIGIT_VELOCITIES
from fm_core.maths.matching import COUPLINGS
from fm_core.refusals import SettingsError
from fm_core.settings import DRIFTS
from fm_core.ui import menus
from fm_core.ui.form import DIGITS, PAIRS, POINTS, TRANSLATE, Form
from fm_core.ui.lessons import Control, Experiment, LessonError

FORMS: dict[str, Form] = {"points": POINTS, "pairs": PAIRS, "digits": DIGITS, "translate": TRANSLATE}
TITLES = {
    "target": "Data",
    "source": "Start from",
    "particles": "Particles",
    "seed": "Seed",
    "schedule": "Path (schedule)",
    "coupling": "Pairs in training",
    "velocity": "Field",
    "steps": "Steps",
    "solver": "Solver",
    "images": "Images",
    "clothes": "Clothes",
    "a": "a / π",
    "b": "b / π",
    "group": "Group size",
    "spacing": "Spacing of the steps",
    "noise": "Noise on the way",
    "drift": "Drift",
    "window": "Window of a pixel",
    "until": "Perfect until t",
    "draws": "Noise for each",
    "training": "Training",
}
STRIDES = (1, 10, 50, 100)
CHOICES: dict[str, menus.Choices] = {
    "target": menus.TARGET_CHOICES,
    "source": menus.SOURCE_CHOICES,
    "solver": menus.SOLVER_CHOICES,
    "spacing": menus.SPACING_CHOICES,
    "window": menus.WINDOW_CHOICES,
    "draws": menus.DRAW_CHOICES,
    "training": menus.TRAINING_CHOICES,
}
PLACE = re.compile(r"probe=-?[\d.]+,-?[\d.]+&t=[\d.]+")
WORDS = {name: {value: title for title, value in choices} for name, choices in CHOICES.items()}
WORDS |= {"velocity": menus.FIELDS | DIGIT_VELOCITIES, "drift": DRIFTS}
WORDS["coupling"] = {name: coupling.title for name, coupling in COUPLINGS.items()}


def values_of(experiment: Experiment, inputs: Iterable[str]) -> dict[str, Any]:
    """The values of all inputs of the tab's service. Raises LessonError for values that cannot be run."""
    form, values = FORMS[experiment.tab], _of_both_sides(experiment)
    try:
        form.unflatten(values)
    except SettingsError as error:
        raise LessonError(f"The experiment {experiment.title!r} cannot be run: {error}") from None
    return dict.fromkeys(inputs, "") | values


def _of_both_sides(experiment: Experiment) -> dict[str, Any]:
    """All values; side B is like side A in what is not given for it."""
    form = FORMS[experiment.tab]
    values = form.defaults | dict(experiment.values)
    return values | {f"{name}_b": experiment.values.get(f"{name}_b", values[name]) for name in form.per_side}


def described(experiment: Experiment) -> list[dict[str, Any]]:
    """The controls for the browser: the names of the values that each sets, its title, and its range or its choices."""
    values = _of_both_sides(experiment)
    return [_described(FORMS[experiment.tab], control, values) for control in experiment.controls]


def _described(form: Form, control: Control, values: Mapping[str, Any]) -> dict[str, Any]:
    name = control.name.removesuffix("_b")
    together = values["compare"] and control.name in form.per_side and values[name] == values[f"{name}_b"]
    sets = [name, f"{name}_b"] if together else [control.name]
    apart = values["compare"] and name in form.per_side and not together
    side = f" of run {'AB'[control.name != name]}" if apart else ""
    about = {"sets": sets, "title": TITLES.get(name, name) + side}
    check = _check(form, name)
    if "limits" in check and not control.choices:
        least, most = check["limits"]
        narrowed = {"least": least if control.least is None else control.least, "most": control.most or most}
        return about | narrowed | {"step": check.get("step") or _stride(**narrowed)}
    offered = control.choices or tuple(check["choices"])
    return about | {"choices": [[WORDS.get(name, {}).get(choice, str(choice)), choice] for choice in offered]}


def _stride(least: float, most: float) -> int:
    """The step of a slider of whole numbers, which are then few enough to be hit."""
    return next((step for step in STRIDES if (most - least) / step <= 200), STRIDES[-1])


def tries_of(experiment: Experiment) -> list[dict[str, Any]]:
    """What each button sets, by the first names of the controls, and shows.

    Raises LessonError for what no control can have, and for a place that no probe can be at.
    """
    controls = {control["sets"][0]: control for control in described(experiment)}
    for attempt in experiment.tries:
        for name, value in attempt.set.items():
            if name not in controls or not _can_have(controls[name], value):
                raise LessonError(f"No control of {experiment.title!r} can be set to {name} = {value!r}.")
        if attempt.show and not (PLACE.fullmatch(attempt.show) and PLACE.search(experiment.show)):
            raise LessonError(f"The experiment {experiment.title!r} has no probe to be put at {attempt.show!r}.")
    return [{"set": dict(attempt.set), "show": attempt.show} for attempt in experiment.tries]


def _can_have(control: Mapping[str, Any], value: Any) -> bool:
    if "choices" in control:
        return value in [choice for _, choice in control["choices"]]
    return control["least"] <= value <= control["most"]


def _check(form: Form, name: str) -> dict[str, Any]:
    """What a setting accepts: `limits` or `choices`. Raises LessonError for one that is none."""
    for kind in (form.kind, form.side):
        for entry in fields(kind):
            if entry.name == name and "check" in entry.metadata:
                return entry.metadata["check"].keywords
    raise LessonError(f"There is no setting {name!r} for a control.")
