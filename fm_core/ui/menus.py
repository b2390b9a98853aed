"""Which choices exist for a side, and what is shown where a wish cannot be met. No Gradio here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fm_core.image_settings import (
    BY_CLASS,
    DIGIT_VELOCITIES,
    DRAWS,
    PERFECT,
    RANDOM_PAIRS,
    TRAININGS,
    WHOLE,
    WINDOWS,
    DigitSide,
    TranslateSide,
)
from fm_core.library import Library
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import EULER, SOLVERS
from fm_core.maths.spacing import SPACINGS
from fm_core.settings import DRIFTS, VARIANTS, VELOCITIES, Settings, Side

Choices = list[tuple[str, Any]]
FIELDS = {
    "learned": "network",
    "exact": "exact formula",
    "relu-output": "network + ReLU",
    "one-step": "network for one step",
}
NEEDS_NOISE = "Noise on the way needs independent pairs and a start from N(0, I)"
NEEDS_MEAN = "Noise on the way needs E[x₀ | x], which this field does not tell"
_LACKING = {
    "learned": "No network was trained for {}",
    "exact": "The exact formula holds for independent pairs only",
    "relu-output": "No network with a ReLU at its end was trained for {}",
    "one-step": "No network was trained for one step alone for {}",
}


def _titles(registry: Mapping) -> Choices:
    return [(entry.title, name) for name, entry in registry.items()]


def _words(titles: Mapping[Any, str]) -> Choices:
    return [(title, name) for name, title in titles.items()]


TARGET_CHOICES, SOURCE_CHOICES, SOLVER_CHOICES = _titles(TARGETS), _titles(SOURCES), _titles(SOLVERS)
SPACING_CHOICES, DRIFT_CHOICES, DIGIT_FIELDS = _titles(SPACINGS), _words(DRIFTS), _words(DIGIT_VELOCITIES)
TRAINING_CHOICES = _words(TRAININGS)
DRAW_CHOICES: Choices = [("one draw" if n == 1 else f"{n} draws, first picture only", n) for n in DRAWS]
WINDOW_CHOICES: Choices = [("whole image" if window == WHOLE else str(window), window) for window in WINDOWS]


@dataclass(frozen=True)
class Menu:
    """The side that a wish leads to, and by argument name the choices that depend on it, and sentences on what is
    replaced; `hidden` are settings that have no effect.
    """

    side: Any
    choices: dict[str, Choices]
    notes: dict[str, list[str]]
    hidden: frozenset[str]


def menu(library: Library, target: str, source: str, wish: Side) -> Menu:
    """Every schedule exists, by the exact formula if no network was trained.

    A coupling or velocity that does not exist with it gives way to one that does. Its menu keeps the wish, so that it
    holds again as soon as it can.
    """

    def name(coupling: str, velocity: str, schedule: str = wish.schedule) -> str:
        return Settings(target, source).flow_name(Side(schedule, coupling, velocity))

    def learned(schedule: str) -> bool:
        return any(name(coupling, "learned", schedule) in library.models for coupling in COUPLINGS)

    def velocities(coupling: str) -> list[str]:
        exact = {"exact"} if coupling == "independent" else set()
        return [v for v in VELOCITIES if v in exact or (v != "exact" and name(coupling, v) in library.models)]

    couplings = [coupling for coupling in COUPLINGS if velocities(coupling)]
    coupling = wish.coupling if wish.coupling in couplings else couplings[0]
    offered = velocities(coupling)
    velocity = wish.velocity if wish.velocity in offered else offered[0]
    side = replace(wish, coupling=coupling, velocity=velocity)
    choices = {
        "schedule": [(s if learned(s) else f"{s} (exact)", s) for s in SCHEDULES],
        "coupling": [(COUPLINGS[c].title, c) for c in COUPLINGS if c in {*couplings, wish.coupling}],
        "velocity": [(FIELDS[v], v) for v in VELOCITIES if v in {*offered, wish.velocity}],
    }
    side, notes = _with_noise(side, _against_noise(side, source))
    damaged = [library.problems[missing] for missing in {name(coupling, wish.velocity)} & {*library.problems}]
    notes |= _replaced(wish, side, TARGETS[target].title, damaged)
    return Menu(side, choices, notes, _without_noise(side))


def digit_menu(schedules: list[str], wish: DigitSide) -> Menu:
    """The same for digits, of which flows with these schedules are trained."""
    side = wish if wish.schedule in schedules else replace(wish, schedule=schedules[0])
    side, notes = _with_noise(side)
    if side.noise and side.velocity == PERFECT and side.seen:
        notes["noise"] = ["Each pixel sees its window only, so noise on the way need not keep the distribution."]
    of_perfect = frozenset({"window", "until"} if wish.velocity != PERFECT else ())
    return Menu(side, {"schedule": [(name, name) for name in schedules]}, notes, _without_noise(side) | of_perfect)


def translation_menu(library: Library, schedules: list[str], wish: TranslateSide) -> Menu:
    """The same for clothes; a network that was not trained gives way to that of random pairs, which all schedules have.

    The note says what decides whether there is a right digit.
    """
    side = wish if wish.schedule in schedules else replace(wish, schedule=schedules[0])
    trained = [name for name in TRAININGS if replace(side, training=name).flow_name in library.models]
    shown = side if side.training in trained else replace(side, training=RANDOM_PAIRS)
    lacking = f"No network was trained with {TRAININGS[side.training]} for {side.schedule}."
    why = library.problems.get(side.flow_name, lacking)
    notes = [] if shown == side else [f"{why} Shown is that of random pairs."]
    choices = {
        "schedule": [(name, name) for name in schedules],
        "training": [(TRAININGS[name], name) for name in TRAININGS if name in {*trained, wish.training}],
    }
    return Menu(shown, choices, {"training": [*notes, _of_pairs(library, shown)]}, frozenset())


def _of_pairs(library: Library, side: TranslateSide) -> str:
    """What decides whether there is a right digit for a picture, and how many become it."""
    if side.training != BY_CLASS:
        draws = "" if side.source_noise else ", and without noise all draws are the same"
        return f"Its pairs were random, so no digit is the right one{draws}."
    quality = library.metadata.get(side.flow_name, {}).get("quality", {})
    shares = dict(zip(quality.get("nfe", []), quality.get("right", []), strict=False))
    measured = f": {shares[20]:.0%} of 10,000 test pictures become it in 20 steps" if 20 in shares else ""
    return f"Its pairs decide the right digit, that of the picture's class{measured}."


def _against_noise(side: Side, source: str) -> str:
    """Why this side cannot have noise, if it cannot."""
    if side.coupling != "independent" or not SOURCES[source].is_standard:
        return NEEDS_NOISE
    return NEEDS_MEAN if side.velocity in VARIANTS else ""


def _with_noise(wish: Any, against: str = "") -> tuple[Any, dict[str, list[str]]]:
    """The side with the noise that it can have, and sentences on what is replaced."""
    if wish.noise and against:
        return replace(wish, noise=0.0), {"noise": [f"{against}: shown is the run without it."]}
    if wish.noise and wish.solver != EULER:
        return replace(wish, solver=EULER), {"solver": ["Noise is added to Euler's steps only: shown is Euler."]}
    return wish, {}


def _without_noise(side: Any) -> frozenset[str]:
    return frozenset() if side.noise else frozenset({"drift"})


def _replaced(wish: Side, side: Side, target: str, damaged: list[str]) -> dict[str, list[str]]:
    """Sentences on the parts of a wish that the side lacks, after those on its damaged network."""
    notes = {"velocity": damaged} if damaged else {}
    if wish.coupling != side.coupling:
        pairs, shown = COUPLINGS[wish.coupling].title, COUPLINGS[side.coupling].title
        lacking = f"No network was trained with {pairs} pairs for {target}, {wish.schedule}"
        notes["coupling"] = [f"{lacking}: shown are {shown} pairs."]
    if wish.velocity != side.velocity:
        why = _LACKING[wish.velocity].format(f"{target}, {wish.schedule}")
        notes["velocity"] = [*damaged, f"{why}: shown is the {FIELDS[side.velocity]}."]
    return notes
