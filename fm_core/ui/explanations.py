"""Explanations on demand: a button with a question mark, and what it opens. The texts are in explanations.toml."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.image_figures import STEEP_IMAGES, STEEP_PROBES, STEEP_STATES
from fm_core.image_settings import BY_CLASS, IMAGE_SCHEDULES, TranslateSide
from fm_core.images.uploads import MAX_BYTES, MAX_FILES
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.measures import FAR
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS, Solver
from fm_core.maths.spacing import SPACINGS, Spacing, time_grid
from fm_core.models.digit_plane import digit_plane
from fm_core.models.images import TRAINING_IMAGES
from fm_core.playground import W2_PARTICLES

TEXTS = Path(__file__).parent / "texts" / "explanations.toml"
_HIGH = {ord(high): f"<sup>{low}</sup>" for high, low in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)}
_LOW = {ord("ₖ"): "<sub><i>k</i></sub>"}


@dataclass(frozen=True)
class Explanation:
    """What something is, its formula, and what to look for, as HTML; the title is plain text."""

    title: str
    what: str
    look: str
    formula: str = ""


def why(key: str, place: str) -> str:
    """A button that opens the explanation of `key`, and the explanation, as HTML; `place` makes the id unique.

    Raises KeyError for an unknown key.

    >>> why("seed", "digits").split(" aria-label")[0]
    '<button type="button" class="fm-why" popovertarget="digits-why-seed"'
    """
    if key not in explanations():
        raise KeyError(f"There is no explanation of {key!r}, only of {', '.join(explanations())}.")
    text, name = explanations()[key], f"{place}-why-{key}"
    title = escape(text.title)
    formula = f'<p class="fm-formula">{text.formula}</p>' if text.formula else ""
    return (
        f'<button type="button" class="fm-why" popovertarget="{name}" aria-label="Explain: {title}">?</button>'
        f'<div popover id="{name}" class="fm-explanation" role="note"><b>{title}</b>'
        f"<p>{text.what}</p>{formula}<p>{text.look}</p></div>"
    )


@cache
def explanations() -> dict[str, Explanation]:
    """All explanations by key."""
    values = _values()
    return {
        key: Explanation(**{name: text.format(**values) for name, text in entry.items()})
        for key, entry in tomllib.loads(TEXTS.read_text(encoding="utf-8")).items()
    }


def _values() -> dict[str, object]:
    """What the braces of the texts stand for."""
    plane = digit_plane(DEFAULT_DIRECTORY)
    return {
        "schedules": _formulas(SCHEDULES),
        "image_schedules": _formulas(IMAGE_SCHEDULES),
        "solvers": "<br>".join(map(_cost, SOLVERS.values())),
        "couplings": _either(coupling.title for coupling in COUPLINGS.values()),
        "targets": _either(target.title for target in TARGETS.values()),
        "sources": _either(source.title for source in SOURCES.values()),
        "particles": W2_PARTICLES,
        "far": f"{FAR:.0%}",
        "spacings": "<br>".join(f"{escape(s.title)}: {html_formula(s.formula)}" for s in SPACINGS.values()),
        "last_noise": ", ".join(f"{_last_noise(s):.2f} ({escape(s.title)})" for s in SPACINGS.values()),
        "training": f"{TRAINING_IMAGES:,}",
        "share": f"{plane.share:.0%}" if plane else "a part",
        "steep_states": STEEP_STATES,
        "steep_images": STEEP_IMAGES,
        "steep_probes": STEEP_PROBES,
        "deviation": TranslateSide().source_noise,
        **noise_shares(),
        "files": MAX_FILES,
        "megabytes": MAX_BYTES // 2**20,
    }


def _formulas(schedules: Iterable[str]) -> str:
    return "<br>".join(f"{escape(name)}: {html_formula(SCHEDULES[name].formula)}" for name in schedules)


def noise_shares() -> dict[str, str]:
    """The share of noise in the variance of x_0, of the usual network and of that with pairs of one class."""
    sides = {"noise": TranslateSide(), "noise_by_class": TranslateSide(training=BY_CLASS)}
    return {name: f"{side.source_noise**2:.0%}" for name, side in sides.items()}


def _last_noise(spacing: Spacing, steps: int = 20) -> float:
    """Standard deviation √(2 η alpha_t h) of the noise in the last of the steps, for η = 1 and alpha = 1 − t."""
    t = time_grid(steps, spacing)[-2]
    return 2**0.5 * (1 - t)


def html_formula(formula: str) -> str:
    """A formula in plain characters as HTML: single Latin letters in italics, powers raised, indices lowered.

    >>> html_formula("α = (1 − t)², β = sin πt/2")
    'α = (1 − <i>t</i>)<sup>2</sup>, β = sin π<i>t</i>/2'
    """
    with_italics = re.sub(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", r"<i>\g<0></i>", escape(formula))
    return re.sub(r"\^([\d.]+)", r"<sup>\1</sup>", with_italics).translate(_HIGH | _LOW)


def _cost(solver: Solver) -> str:
    evaluations = f"{solver.evaluations} evaluation{'s' * (solver.evaluations > 1)} a step"
    return f"{escape(solver.title)}: {evaluations}, order {solver.order}"


def _either(titles: Iterable[str]) -> str:
    *others, last = map(escape, titles)
    return f"{', '.join(others)} or {last}" if others else last
