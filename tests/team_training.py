"""Train a short image recipe on a few images, in the team that this process was started in; see test_team."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from fm_core.maths.matching import matching_loss
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.images import ImageRecipe
from fm_core.models.kind import Task
from fm_core.training import loop, team
from tests.image_files import bundled


@dataclass(frozen=True)
class FullPrecision(ImageRecipe):
    """An image recipe that computes in float32 everywhere, so that the order of sums hardly counts."""

    def task(self, seed: int, root: Path, device: str) -> Task:
        task = super().task(seed, root, device)
        return replace(task, loss=lambda network, *batch: matching_loss(network, self.schedule, *batch))


# Shares of 11 and 10 images, then of 3 and 3.
RECIPE = FullPrecision(bundled("mnist"), SCHEDULES["cosine"], source=bundled("fashion"), epochs=4, batch=21)


def main(path: Path, root: Path) -> loop.TrainingState:
    """The finished training with images from `root`, its state saved at `path`."""
    state = loop.start(RECIPE, 0, root=root, team=team.join(cpu=True))
    loop.train(state, path)
    return state


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
