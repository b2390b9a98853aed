"""What the browser needs of a lesson: its text, and how its experiments are run."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from fm_core.refusals import Refusal
from fm_core.ui.lesson_controls import described, tries_of, values_of
from fm_core.ui.lesson_formulas import formula, with_formulas
from fm_core.ui.lesson_records import record
from fm_core.ui.lessons import Experiment, Lesson, LessonError, Step
from fm_core.ui.player import player_html
from fm_core.ui.service import Service

IMAGES = ("digits", "translate")  # the tabs whose runs are of images


def list_html(lessons: Mapping[str, Lesson]) -> str:
    """The titles of all lessons, each of which opens."""
    return "".join(
        f'<details class="fm-lesson" data-lesson="{lesson.id}"><summary>'
        f'<span class="fm-lesson-number">{lesson.id}</span> '
        f'<h2 class="fm-lesson-title">{with_formulas(lesson.title)}</h2> <span class="fm-lesson-state"></span>'
        f'</summary><div class="fm-lesson-body"></div></details>'
        for lesson in lessons.values()
    )


def content(lesson: Lesson, service: Service) -> dict[str, Any]:
    """The lesson for the browser: `html`, the choices' answers and the experiments."""
    return {
        "html": _body(lesson),
        "question": with_formulas(lesson.question),
        "ask": with_formulas(lesson.ask),
        "choices": [
            {"text": with_formulas(c.text), "answer": with_formulas(c.answer), "right": c.right} for c in lesson.choices
        ],
        "experiments": [_experiment(lesson, k, service) for k in range(len(lesson.experiments))],
    }


def _body(lesson: Lesson) -> str:
    name = f"lesson-{lesson.id}"
    choices = "".join(
        f'<label><input type="radio" name="{name}" value="{k}"> <span>{with_formulas(choice.text)}</span></label>'
        for k, choice in enumerate(lesson.choices)
    )
    experiments = "".join(_section(experiment, k) for k, experiment in enumerate(lesson.experiments))
    steps = "".join(map(_step, lesson.answer))
    sources = "".join(f"<li>{source}</li>" for source in lesson.sources)
    return (
        f'<div class="fm-question">{with_formulas(lesson.question)}</div>'
        f'<form class="fm-prediction"><fieldset><legend>{with_formulas(lesson.ask)}</legend>{choices}</fieldset>'
        '<button type="submit" disabled>This is my prediction</button> '
        '<button type="button" class="fm-skip-prediction">Go on without one</button></form>'
        f'<div class="fm-verdict" role="status" tabindex="-1"></div>{experiments}'
        '<label class="fm-notes"><span>Your answer, in your own words</span>'
        '<textarea rows="3" placeholder="Kept in this browser, and in your report."></textarea></label>'
        f'<details class="fm-derivation"><summary>The answer, step by step</summary><ol>{steps}</ol></details>'
        + (f'<ul class="fm-sources">{sources}</ul>' if sources else "")
        + '<p class="fm-next"></p>'
    )


def _section(experiment: Experiment, k: int) -> str:
    about = with_formulas(experiment.about)
    return (
        f'<section class="fm-experiment" data-experiment="{k}"><h3>{with_formulas(experiment.title)}</h3>'
        + (f"<p>{about}</p>" if about else "")
        + '<button type="button" class="fm-show-me">Show me</button><div class="fm-shown" tabindex="-1" hidden>'
        f'<div class="fm-beside"><div>{_suggestion(experiment)}<div class="fm-lesson-controls"></div></div>'
        '<div class="fm-conclusion" role="status"></div></div><div class="fm-lesson-player"></div></div></section>'
    )


def _suggestion(experiment: Experiment) -> str:
    """What to try, the buttons that do it, and the one that undoes it."""
    tries = "".join(
        f'<button type="button" data-try="{k}">{with_formulas(attempt.say)}</button>'
        for k, attempt in enumerate(experiment.tries)
    )
    undo = '<button type="button" class="fm-usual" hidden>As at first</button>'
    suggest = f'<p class="fm-suggest"><b>Try:</b> {with_formulas(experiment.suggest)}</p>' if experiment.suggest else ""
    return suggest + (f'<div class="fm-tries">{tries}{undo}</div>' if experiment.controls or tries else "")


def _step(step: Step) -> str:
    lines = "".join(f'<div class="fm-line">{formula(line)}</div>' for line in step.formulas)
    return f"<li><p>{with_formulas(step.say)}</p>{lines}</li>"


def _experiment(lesson: Lesson, k: int, service: Service) -> dict[str, Any]:
    experiment = lesson.experiments[k]
    said = [{"say": with_formulas(case.say), "when": case.when} for case in experiment.conclusion]
    common = {"title": escape(experiment.title), "conclusion": said}
    try:
        return common | (_record(experiment, service) if experiment.record else _run(lesson, k, service))
    except Refusal as refusal:
        return common | {"refused": str(refusal)}


def _record(experiment: Experiment, service: Service) -> dict[str, Any]:
    found = record(service.library, experiment.record, experiment.flows)
    return {"chart": json.loads(found.chart.to_json() or ""), "figures": found.figures}


def _run(lesson: Lesson, k: int, service: Service) -> dict[str, Any]:
    experiment = lesson.experiments[k]
    if experiment.tab not in service.tabs:
        raise LessonError("The models of this experiment are missing: python train_all.py trains them.")
    scene = "images" if experiment.tab in IMAGES else "points"
    return {
        "tab": experiment.tab,
        "scene": scene,
        "player": player_html(scene, f"lesson-{lesson.id}-{k}"),
        "values": values_of(experiment, service.tabs[experiment.tab].inputs),
        "controls": described(experiment),
        "tries": tries_of(experiment),
        "show": experiment.show,
    }
