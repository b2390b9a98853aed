"""What the conclusions of lessons 15 and 16 must say, computed with the flows and not from the packets."""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fm_core import hand_over, load_image_flow, perfect_flow
from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.image_settings import CLOTHES_SET, RANDOM_PAIRS, WHOLE, TranslateSide
from fm_core.images.sets import IMAGE_SETS
from fm_core.maths.flow import Flow
from fm_core.models.classifier import load_classifier, read
from tests.lesson_checks_models import Check, Values, agree, shown

SENT = 0.012  # a difference of two images is sent with this error at most: 4/127 √(1/6)
SURE = 0.7  # per cent; probabilities are sent in 255 levels


def digits_flow(values: Values, end: str) -> Flow:
    schedule, window, until = (values[f"{name}{end}"] for name in ("schedule", "window", "until"))
    learned = load_image_flow(f"mnist-{schedule}")
    if values[f"velocity{end}"] == "learned":
        return learned
    perfect = perfect_flow(schedule, None if window == WHOLE else window)
    return perfect if until == 1 else hand_over(perfect, learned, until)


def digits(values: Values, end: str = "") -> tuple[Tensor, Tensor]:
    """The first and the last states, (n, 784) each."""
    x = digits_flow(values, end).sample(values["images"], values[f"steps{end}"], seed=values["seed"]).x.flatten(2)
    return x[0], x[-1]


def translated(values: Values, end: str = "") -> tuple[Tensor, Tensor]:
    """The same for pictures of clothes."""
    training = values.get(f"training{end}", RANDOM_PAIRS)
    flow = load_image_flow(TranslateSide(values[f"schedule{end}"], training=training).flow_name)
    generator = torch.Generator()
    pixels, labels = CLOTHES_SET.bundled()
    if values["clothes"] == "one of each":
        chosen = torch.stack([pixels[labels == k][0] for k in range(10)])
    else:
        chosen = pixels[labels == CLOTHES_SET.classes.index(values["clothes"])]
    if values["draws"] == 10:
        chosen = chosen[:1].repeat(10, 1, 1)
    x_0 = flow.source.mix(CLOTHES_SET.standardise(chosen), generator.manual_seed(values["seed"]))
    x = flow.carry(x_0, values[f"steps{end}"], spacing=values[f"spacing{end}"]).x.flatten(2)
    return x[0], x[-1]


@cache
def classifier() -> Any:
    return load_classifier(DEFAULT_DIRECTORY)


def reading(ends: Tensor) -> tuple[Tensor, float]:
    """The digits, and the mean confidence in per cent."""
    images = load_image_flow("mnist-linear").target.to_pixels(ends.view(-1, 1, 28, 28))
    chances = read(classifier(), images).probabilities
    return chances.argmax(1), 100 * chances.amax(1).mean().item()


def apart(a: Tensor, b: Tensor) -> np.ndarray:
    return np.sqrt(np.square((a - b).double().numpy()).mean(1))


def nearest(x: Tensor, known: Tensor) -> float:
    """The mean distance of images (n, 784) to the nearest of the known ones."""
    return float(np.mean([apart(image[None], known).min() for image in x]))


def variety(x: Tensor) -> float:
    return float(np.mean([apart(x[[i]], x[[j]])[0] for i in range(len(x)) for j in range(i)]))


def agreed(a: Tensor, b: Tensor) -> int:
    return int((reading(a)[0] == reading(b)[0]).sum())


# Lesson 15


def other_digits_from_the_same_noise(values: Values, said: list[str], _: list[float]) -> None:
    a, b = digits(values)[1], digits(values, "_b")[1]
    found = shown(said, "From the same")
    agree(found, values["images"], agreed(a, b), reading(a)[1], reading(b)[1], error=SURE)
    agree(shown(said, "In the median"), float(np.median(apart(a, b))), variety(a), error=SENT)
    known = IMAGE_SETS["mnist"].standardise(IMAGE_SETS["mnist"].bundled_training()[0]).flatten(1)
    agree(shown(said, "On average, an end"), nearest(a, known), len(known), nearest(b, known), 0.62, error=SENT)
    assert (shown(said, "drew none of these copies") is not None) == bool((apart(a, b) >= 0.3).all())


def pixels_see_a_window(values: Values, said: list[str], _: list[float]) -> None:
    a, b = digits(values)[1], digits(values, "_b")[1]
    sure = reading(a)[1], reading(b)[1]
    if values["window"] == WHOLE:
        agree(shown(said, "agree on one training digit"), *sure, error=SURE)
    else:
        agree(shown(said, "Window of"), values["window"], values["window"], *sure, error=SURE)
    figures = shown(said, "as the same digit in both runs")
    agree(figures, agreed(a, b), values["images"], float(np.median(apart(a, b))), error=SENT)


def the_hand_over_decides(values: Values, said: list[str], _: list[float]) -> None:
    a, b = digits(values)[1], digits(values, "_b")[1]
    far = apart(a, b)
    close = int((far < 0.3).sum())
    middle = float(np.median(far))
    figures = shown(said, "Perfect until")
    agree(figures, values["until"], agreed(a, b), values["images"], middle, close, 0.3, error=SENT)
    said_of = {"little is decided yet": middle > 0.6, "heads for": 0.3 < middle <= 0.6, "is visible": middle <= 0.3}
    assert [shown(said, words) is not None for words in said_of] == list(said_of.values())


# Lesson 16


def one_coat_becomes_many_digits(values: Values, said: list[str], _: list[float]) -> None:
    starts, ends = translated(values)
    found, sure = reading(ends)
    counts = found.bincount(minlength=10)
    most = int(counts.max())
    agree(shown(said, "One picture"), 10, int((counts > 0).sum()), int(counts.argmax()), most, sure, error=SURE)
    figures = shown(said, "Two of the starts")
    agree(figures, variety(starts), 0.5, 2, 0.71, variety(ends), 0, error=SENT)
    assert abs(variety(starts) - 0.5 * 2**0.5) < 0.02


def without_noise_ten_draws_are_one(values: Values, said: list[str], _: list[float]) -> None:
    clean, usual = translated(values)[1], translated(values, "_b")[1]
    (digit,) = reading(clean)[0].unique().tolist()
    figures = shown(said, "Without noise")
    agree(figures, 10, 10, digit, variety(clean), len(reading(usual)[0].unique()), variety(usual), error=SENT)
    assert variety(clean) < 1e-3 < 0.5 < variety(usual)


def without_noise_the_classifier_is_less_sure(values: Values, said: list[str], _: list[float]) -> None:
    """The steepness comes later, see test_trainings.py."""
    sure = [reading(translated(values, end)[1])[1] for end in ("", "_b")]
    agree(shown(said, "At the end"), *sure, error=SURE)


def few_steps_miss(values: Values, said: list[str], _: list[float]) -> None:
    a, b = translated(values)[1], translated(values, "_b")[1]
    middle = float(np.median(apart(a, b)))
    figures = shown(said, "the ends are")
    agree(figures, values["steps"], middle, values["steps_b"], agreed(a, b), 10, error=SENT)
    assert (shown(said, "nothing to do with each other") is not None) == (middle > 0.5)


def schedules_choose_other_digits(values: Values, said: list[str], _: list[float]) -> None:
    a, b = translated(values)[1], translated(values, "_b")[1]
    different = [len(reading(x)[0].unique()) for x in (a, b)]
    agree(shown(said, "The classifier reads"), *different, agreed(a, b), 10)
    agree(shown(said, "Two ends of a run"), variety(a), variety(b), error=SENT)


def pairs_decide_which_digit_is_right(values: Values, said: list[str], _: list[float]) -> None:
    classes = CLOTHES_SET.classes
    wanted = torch.arange(10) if values["clothes"] == "one of each" else classes.index(values["clothes"])
    right = [int((reading(translated(values, end)[1])[0] == wanted).sum()) for end in ("", "_b")]
    agree(shown(said, "became the digit of their class"), right[0], 10, right[1])
    assert right[0] > right[1]


CHECKS: dict[tuple[str, int], Check] = {
    ("15", 0): other_digits_from_the_same_noise,
    ("15", 1): pixels_see_a_window,
    ("15", 2): the_hand_over_decides,
    ("16", 0): one_coat_becomes_many_digits,
    ("16", 1): without_noise_ten_draws_are_one,
    ("16", 2): without_noise_the_classifier_is_less_sure,
    ("16", 3): few_steps_miss,
    ("16", 4): schedules_choose_other_digits,
    ("16", 5): pairs_decide_which_digit_is_right,
}
