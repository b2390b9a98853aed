"""Settings of runs of images, checked when they are made."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fm_core.budget import WINDOWED, Budget, Costly
from fm_core.checked import Checked, choice_of, decimal_in, whole_in
from fm_core.images.sets import IMAGE_SETS, SHAPE
from fm_core.maths.flow import SEEDS
from fm_core.maths.solvers import SOLVERS
from fm_core.maths.spacing import SHORT_FIRST, SPACINGS, time_grid
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.kind import flow_name
from fm_core.refusals import SettingsError
from fm_core.settings import CORRECTED, DRIFTS, NOISE, STRIDE, PairSide, Side

CLOTHES_SET = IMAGE_SETS["fashion"]
ONE_OF_EACH = "one of each"
CLOTHES = (ONE_OF_EACH, *CLOTHES_SET.classes)
OWN = "own"  # in place of one of them, if the pictures are a person's own, which no settings contain
IMAGE_STEPS, COUNTS = (1, 100), (4, 9, 16, 36, 64)
PERFECT = "perfect"
DIGIT_VELOCITIES = {"learned": "network", PERFECT: "perfect network"}
WHOLE = 2 * SHAPE[1] - 1  # pixels: a window that sees the whole image from everywhere
WINDOWS = (3, 5, 7, 9, 11, 13, 15, 17, 21, WHOLE)
UNTIL, UNTIL_STRIDE = (0.0, 1.0), 0.05
DRAWS = (1, 10)
RANDOM_PAIRS, BY_CLASS, CLEAN, PLAIN = "random-pairs", "by-class", "clean", "plain"
TRAININGS = {  # of networks for clothes, by the variant of their recipe, as in "with pairs of one class"
    RANDOM_PAIRS: "random pairs",
    BY_CLASS: "pairs of one class",
    CLEAN: "clean clothes",
    PLAIN: "clean clothes by plain Adam",
}
IMAGE_SCHEDULES = tuple(dict.fromkeys(recipe.schedule.name for recipe in IMAGE_RECIPES.values()))
IMAGE_BUDGET = Budget(12_800, 1e-3, "images", patience=32)


@dataclass(frozen=True)
class ImageSide(Costly, Checked):
    """The settings of one of two compared runs of images."""

    noise, drift = 0.0, CORRECTED  # for all but digits
    schedule: str = choice_of(IMAGE_SCHEDULES, "linear")
    steps: int = whole_in(IMAGE_STEPS, 20)
    solver: str = choice_of(SOLVERS, "euler")
    spacing: str = choice_of(SPACINGS, SHORT_FIRST.name)


@dataclass(frozen=True)
class TranslateSide(ImageSide):
    """The same for translations; `training` is how the network was trained."""

    training: str = choice_of(TRAININGS, RANDOM_PAIRS)

    @property
    def flow_name(self) -> str:
        suffix = "" if self.training == RANDOM_PAIRS else f"-{self.training}"
        return flow_name(IMAGE_SETS["mnist"].name, self.schedule, CLOTHES_SET.name, suffix)

    @property
    def source_noise(self) -> float:
        """The share s of noise in x_0 = √(1 − s²) clothes + s noise. Raises KeyError if there is no such flow."""
        return IMAGE_RECIPES[self.flow_name].source_noise


@dataclass(frozen=True)
class DigitSide(ImageSide):
    """The same for digits, whose source is noise.

    The velocity "perfect" is the exact one for 2,000 training digits, of which each pixel sees those in a `window` of
    as many pixels around it; it holds `until` a time, from which on the trained one does.
    """

    noise: float = decimal_in(NOISE, STRIDE, 0.0)
    drift: str = choice_of(DRIFTS, CORRECTED)
    velocity: str = choice_of(DIGIT_VELOCITIES, "learned")
    window: int = choice_of(WINDOWS, WHOLE)
    until: float = decimal_in(UNTIL, UNTIL_STRIDE, 1.0)

    @property
    def cost(self) -> float:
        """A step counts as what it begins with."""
        if self.velocity != PERFECT or self.seen is None:
            return 1
        early = sum(t < self.until for t in time_grid(self.steps, SPACINGS[self.spacing])[:-1])
        return 1 + (WINDOWED - 1) * early / self.steps

    @property
    def seen(self) -> int | None:
        """The window, None if each pixel sees the whole image."""
        return self.window if self.window < WHOLE else None

    @property
    def flow_name(self) -> str:
        learned = flow_name(IMAGE_SETS["mnist"].name, self.schedule)
        if self.velocity != PERFECT:
            return learned
        perfect = f"{learned}-perfect-{self.seen or 'whole'}"
        return perfect if self.until == 1 else f"{perfect}-until-{self.until:g}-{learned}"


@dataclass(frozen=True)
class DigitSettings(Checked):
    """A request for digits from noise."""

    images: int = choice_of(COUNTS, 16)
    seed: int = whole_in(SEEDS, 0)
    sides: tuple[DigitSide, ...] = (DigitSide(),)

    def __post_init__(self):
        super().__post_init__()
        IMAGE_BUDGET.check(self.images, self.sides)

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return IMAGE_BUDGET.expected(self.images, self.sides)


@dataclass(frozen=True)
class TranslateSettings(Checked):
    """A request for a translation of bundled clothes, or of a person's own, each once or the first `draws` times."""

    clothes: str = choice_of((*CLOTHES, OWN), ONE_OF_EACH)
    seed: int = whole_in(SEEDS, 0)
    draws: int = choice_of(DRAWS, 1)
    sides: tuple[TranslateSide, ...] = (TranslateSide(),)

    @property
    def seconds(self) -> float:
        """About how long ten pictures take."""
        return IMAGE_BUDGET.expected(10, self.sides)

    @property
    def pixels(self) -> Tensor:
        """The chosen pictures, uint8 (10, 28, 28), as they are translated: ten of a class, or the first of each.

        Raises SettingsError for `OWN`.
        """
        if self.clothes == OWN:
            raise SettingsError("Your own pictures are kept in your page only: upload them again, or choose clothes.")
        pixels, labels = CLOTHES_SET.bundled()
        if self.clothes == ONE_OF_EACH:
            return self.drawn(torch.stack([pixels[labels == k][0] for k in range(10)]))
        return self.drawn(pixels[labels == CLOTHES_SET.classes.index(self.clothes)])

    @property
    def classes(self) -> list[int] | None:
        """The class of each of the `pixels`; None for a person's own pictures, of which nobody told it."""
        if self.clothes == OWN:
            return None
        classes = list(range(10)) if self.clothes == ONE_OF_EACH else [CLOTHES_SET.classes.index(self.clothes)] * 10
        return classes if self.draws == 1 else classes[:1] * self.draws

    @property
    def typical(self) -> bool:
        """Whether the pictures are of all classes alike, as those that the theory of the variance is about."""
        return self.clothes == ONE_OF_EACH and self.draws == 1

    def drawn(self, pixels: Tensor) -> Tensor:
        """Pictures (n, 28, 28) as they are translated: all, or the first alone, with `draws` draws of the noise."""
        return pixels if self.draws == 1 else pixels[:1].expand(self.draws, -1, -1)

    def left_out(self, count: int) -> str:
        """A sentence on the pictures, of so many, that are not translated; empty if all are."""
        if self.draws == 1 or count <= 1:
            return ""
        return f"Only the first of {count} pictures is translated, with {self.draws} draws of the noise."


AnySide = Side | PairSide | ImageSide
