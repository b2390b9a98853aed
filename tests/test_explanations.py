"""The explanations on demand: complete, short, and valid HTML."""

import re
from html.parser import HTMLParser

import pytest

from fm_core.image_settings import IMAGE_SCHEDULES, TRAININGS
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.matching import COUPLINGS
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import SOLVERS
from fm_core.ui.explanations import explanations, html_formula, why
from fm_core.ui.point_packet import LAST

CONTROLS = [
    "steps", "schedule", "solver", "velocity", "coupling", "target", "source", "particles", "seed", "compare", "images",
    "clothes", "pictures", "spacing", "noise", "drift", "digit_velocity", "window", "until", "draws", "training",
    "image_schedule",
]  # fmt: skip
FIGURES = [
    "variance", "theory", "exact_run", "distance", "speed", "straightness", "norm", "confidence", "evaluations",
    "flow_map", "field_error", "map", "sentence", "flow_matching", "decided", "agreement", "image_speed", "steepness",
]  # fmt: skip
LAYERS = [
    "density", "particles_layer", "trails", "paths", "arrows", "exact_arrows", "difference", "probe", "predicted_end",
    "velocity_size", "plane", "nearest_digit",
]  # fmt: skip
KEYS = [*CONTROLS, *FIGURES, *LAYERS]


class Parsed(HTMLParser):
    """The words, ids and attributes of some HTML; `balanced` unless a tag is closed that is not the last one opened."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.balanced = True
        self.feed(html)
        self.close()
        self.balanced &= not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.balanced &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def values(self, attribute: str) -> list[str | None]:
        return [attributes[attribute] for _, attributes in self.found if attribute in attributes]


def test_every_control_figure_and_layer_has_an_explanation():
    assert set(KEYS) == set(explanations())


@pytest.mark.parametrize("key", KEYS)
def test_an_explanation_is_valid_html_without_braces_or_plain_powers(key):
    page = Parsed(why(key, "here"))
    assert page.balanced
    assert not re.search(r"[{}^⁰¹²³⁴-⁹]", page.text)
    assert {tag for tag, _ in page.found} <= {"button", "div", "b", "p", "i", "sub", "sup", "br"}


@pytest.mark.parametrize("key", KEYS)
def test_the_button_opens_its_own_explanation_and_says_of_what(key):
    page = Parsed(why(key, "here"))
    assert page.values("popovertarget") == page.values("id")
    assert page.values("aria-label") == [f"Explain: {explanations()[key].title}"]
    assert page.values("type") == ["button"]


def test_ids_are_unique_in_a_page():
    ids = [name for place in ("points", "points_b") for key in KEYS for name in Parsed(why(key, place)).values("id")]
    assert len(set(ids)) == len(ids) == 2 * len(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_text_has_at_most_60_words_and_is_made_of_sentences(key):
    entry = explanations()[key]
    for text in (entry.what, entry.look):
        words = Parsed(text).text
        assert len(words.split()) <= 60
        assert words.endswith((".", "?"))
    assert entry.title[0].isupper()


@pytest.mark.parametrize(
    ("key", "registry", "words"),
    [
        ("schedule", SCHEDULES, lambda entry: [entry.name, Parsed(html_formula(entry.formula)).text]),
        ("image_schedule", {n: SCHEDULES[n] for n in IMAGE_SCHEDULES}, lambda entry: [entry.name]),
        ("solver", SOLVERS, lambda entry: [f"{entry.title}: {entry.evaluations} evaluation", f"order {entry.order}"]),
        ("evaluations", SOLVERS, lambda entry: [f"{entry.title}: {entry.evaluations} evaluation"]),
        ("training", TRAININGS, lambda title: [f"{title[0].upper()}{title[1:]}: "]),
        ("coupling", COUPLINGS, lambda entry: [entry.title]),
        ("target", TARGETS, lambda entry: [entry.title]),
        ("source", SOURCES, lambda entry: [entry.title]),
    ],
)
def test_a_choice_explains_every_entry_of_its_registry(key, registry, words):
    said = Parsed(why(key, "here")).text
    assert [word for entry in registry.values() for word in words(entry) if word not in said] == []


def test_the_schedules_of_images_alone_are_explained_beside_images():
    said = Parsed(why("image_schedule", "here")).text
    assert not any(name in said for name in SCHEDULES.keys() - set(IMAGE_SCHEDULES))


def test_the_time_of_the_last_arrows_is_that_of_the_packet():
    assert f"At t = 1 those of {LAST} are shown" in Parsed(why("arrows", "here")).text


def test_an_unknown_key_is_refused_with_those_that_exist():
    with pytest.raises(KeyError, match=r"There is no explanation of 'colour', only of .*steps"):
        why("colour", "here")
