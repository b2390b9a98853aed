"""The catalogue: one frozen recipe per trained model."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fm_core.checkpoints import DEFAULT_DIRECTORY, CheckpointError, checkpoint_path, load_checkpoint
from fm_core.images.sets import IMAGE_SETS
from fm_core.maths.distributions import SOURCES, TARGETS
from fm_core.maths.flow import Flow
from fm_core.maths.matching import COUPLINGS, TIME_DENSITIES
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.spacing import SPACINGS
from fm_core.models.classifier import ClassifierRecipe
from fm_core.models.images import ImageRecipe
from fm_core.models.kind import Recipe
from fm_core.models.points import PointRecipe

_LINEAR, _COSINE = SCHEDULES["linear"], SCHEDULES["cosine"]
_MOONS, _EIGHT, _OT = TARGETS["moons"], SOURCES["eight-gaussians"], COUPLINGS["ot"]
_MNIST, _FASHION = IMAGE_SETS["mnist"], IMAGE_SETS["fashion"]

_POINTS = [
    *(PointRecipe(target, schedule) for target in TARGETS.values() for schedule in (_LINEAR, _COSINE)),
    *(PointRecipe(_MOONS, SCHEDULES[name]) for name in ("quadratic", "vp")),
    PointRecipe(_MOONS, _LINEAR, coupling=_OT, batch=512),
    PointRecipe(_EIGHT, _LINEAR, coupling=_OT, batch=512),
    PointRecipe(_MOONS, _LINEAR, source=_EIGHT, n_hidden=256, iterations=8_000),
    PointRecipe(_MOONS, _LINEAR, source=_EIGHT, coupling=_OT, batch=512),
    PointRecipe(_MOONS, _LINEAR, relu_output=True),
    PointRecipe(_MOONS, _LINEAR, one_step=True),
]

_TRANSLATION = ImageRecipe(_MNIST, _LINEAR, source=_FASHION)
# What the practical describes: clothes without noise, t uniform, equal steps.
_CLEAN = replace(_TRANSLATION, source_noise=0.0, times=TIME_DENSITIES["uniform"], spacing=SPACINGS["equal"])

_IMAGES = [
    *(ImageRecipe(_MNIST, schedule, epochs=60) for schedule in (_LINEAR, _COSINE)),
    *(replace(_TRANSLATION, schedule=schedule) for schedule in (_LINEAR, _COSINE)),
    replace(_TRANSLATION, source_noise=0.25, by_class=True, variant="by-class"),
    replace(_CLEAN, variant="clean"),
    replace(_CLEAN, variant="plain", learning_rate=1e-3, muon_rate=0.0, ema_decay=0.0, constant_rate=True),
]

POINT_RECIPES: dict[str, PointRecipe] = {recipe.name: recipe for recipe in _POINTS}
IMAGE_RECIPES: dict[str, ImageRecipe] = {recipe.name: recipe for recipe in _IMAGES}
CLASSIFIER = ClassifierRecipe()
CATALOGUE: dict[str, Recipe] = {**POINT_RECIPES, CLASSIFIER.name: CLASSIFIER, **IMAGE_RECIPES}


def load_flow(name: str, directory: str | Path = DEFAULT_DIRECTORY) -> Flow:
    """The trained flow of points called `name`, such as "moons-cosine", ready to `sample`.

    Raises CheckpointError if the catalogue has no such flow or its file cannot be used.

    >>> load_flow("moons-cosine").sample(n=100, steps=20)
    Trajectory(100 of 2 in 20 steps, NFE 20, seed 0)
    """
    return _load(name, POINT_RECIPES, directory)


def load_image_flow(name: str, directory: str | Path = DEFAULT_DIRECTORY) -> Flow:
    """The trained flow of images called `name`, such as "mnist-linear", ready to `sample`. Raises like `load_flow`."""
    return _load(name, IMAGE_RECIPES, directory)


def _load(name: str, recipes: Mapping[str, Recipe], directory: str | Path) -> Flow:
    if name not in recipes:
        raise CheckpointError(f"There is no flow {name!r}; choose one of: {', '.join(recipes)}.")
    return load_checkpoint(checkpoint_path(name, Path(directory)), recipes[name]).model
