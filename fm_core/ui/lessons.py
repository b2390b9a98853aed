"""The lessons: each is one file of texts/lessons, named by its number, which is its place and its name in addresses.

Texts are HTML with formulas in LaTeX between dollars. CONTRIBUTING.md has a whole example.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from fm_core.refusals import Refusal

FOLDER = Path(__file__).parent / "texts" / "lessons"
Entry = TypeVar("Entry")


class LessonError(Refusal):
    """A lesson's file that cannot be used. The message says which, and why."""


@dataclass(frozen=True)
class Choice:
    """One of the predictions to choose from, and what is said to who chose it."""

    text: str
    answer: str
    right: bool = False


@dataclass(frozen=True)
class Case:
    """A part of a conclusion, with figures in braces, said `when` a comparison of figures holds: lesson_figures.js."""

    say: str
    when: str = ""


@dataclass(frozen=True)
class Control:
    """A control beside an experiment, of the tab's setting of this name; of a setting of both sides, without suffix.

    `least`, `most` and `choices` narrow what the setting accepts.
    """

    name: str
    least: float | None = None
    most: float | None = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Try:
    """A button that sets some of the experiment's controls, and puts its probe where `show` says: probe=x,y&t=0.5."""

    say: str
    set: Mapping[str, Any] = field(default_factory=dict)
    show: str = ""


@dataclass(frozen=True)
class Experiment:
    """What decides: a run of a tab's service with these values, the others being usual, or a record of trainings.

    `show` is how the player shows the run, as in addresses; `suggest` says what to look for in the `tries`.
    """

    title: str
    conclusion: tuple[Case, ...]
    tab: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    controls: tuple[Control, ...] = ()
    show: str = ""
    record: str = ""
    flows: tuple[str, ...] = ()
    about: str = ""
    suggest: str = ""
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True)
class Step:
    """A step of a derivation: words, and formulas in lines of their own."""

    say: str
    formulas: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """A question, a prediction to commit to, experiments that decide, and the answer step by step."""

    id: str
    title: str
    question: str
    ask: str
    choices: tuple[Choice, ...]
    experiments: tuple[Experiment, ...]
    answer: tuple[Step, ...]
    sources: tuple[str, ...] = ()


@cache
def lessons(folder: Path = FOLDER) -> dict[str, Lesson]:
    """All lessons by their numbers, in order. Raises LessonError."""
    read = sorted((_read(path) for path in folder.glob("*.toml")), key=lambda lesson: int(lesson.id))
    twice = [a.id for a, b in pairwise(read) if a.id == b.id]
    if twice:
        raise LessonError(f"Two lessons have the number {twice[0]}.")
    return {lesson.id: lesson for lesson in read}


def _read(path: Path) -> Lesson:
    number = path.stem.split("-")[0]
    try:
        if not number.isdecimal():
            raise LessonError("its name must begin with its number")
        entry = tomllib.loads(path.read_text(encoding="utf-8"))
        lesson = _made(Lesson, {"id": str(int(number)), **entry}, "the lesson")
        if sum(choice.right for choice in lesson.choices) != 1:
            raise LessonError("one of its choices must be right, and only one")
    except (LessonError, tomllib.TOMLDecodeError) as error:
        raise LessonError(f"The lesson {path.name} cannot be used: {error}.") from None
    return lesson


_LISTS = {
    "choices": Choice,
    "experiments": Experiment,
    "answer": Step,
    "conclusion": Case,
    "controls": Control,
    "tries": Try,
}


def _made(kind: type[Entry], entry: Any, what: str) -> Entry:
    """An object of a table of the file; a text stands for a table with only the first field."""
    known = {f.name: f for f in fields(kind)}  # pyright: ignore[reportArgumentType]
    table = {next(iter(known)): entry} if isinstance(entry, str) else entry
    unknown = [name for name in table if name not in known]
    needed = [name for name, f in known.items() if f.default is f.default_factory is MISSING]
    missing = [name for name in needed if name not in table]
    if unknown or missing:
        words = f"has no {missing[0]}" if missing else f"has {unknown[0]}, which is none of {', '.join(known)}"
        raise LessonError(f"{what} {words}")
    return kind(**{name: _value(kind, name, value) for name, value in table.items()})


def _value(kind: type, name: str, value: Any) -> Any:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    entries = _LISTS.get(name) if kind is not Control else None  # whose choices are values
    return tuple(_made(entries, entry, f"one of the {name}") for entry in value) if entries else tuple(value)
