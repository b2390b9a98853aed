"""Train a short image recipe on the bundled images, in the team that this process was started in; see test_parallel."""

import sys
from dataclasses import replace
from pathlib import Path

from fm_core import parallel, precision, recipes, tasks, training
from fm_core.images import samples
from fm_core.recipes import IMAGE_RECIPES

IMAGES = 48
RECIPE = replace(IMAGE_RECIPES["fashion-to-mnist-cosine"], epochs=4, batch=21)  # shares of 11 and 10, then of 3 and 3


def main(path: Path) -> training.TrainingState:
    """The finished training, its state saved at `path`."""
    recipes.TRAINING_IMAGES = IMAGES
    tasks.load = lambda image_set, *_: tuple(part[:IMAGES] for part in samples(image_set.name))
    precision.has_bfloat16 = lambda _: False
    state = training.start(RECIPE, 0, team=parallel.join(cpu=True))
    training.train(state, path)
    return state


if __name__ == "__main__":
    main(Path(sys.argv[1]))
