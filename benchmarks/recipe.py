"""Why the recipe is what it is: moons-linear with one choice changed at a time, written to benchmarks/recipe.md."""

import sys
import time
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from fm_core.maths import quality
from fm_core.models.catalogue import POINT_RECIPES
from fm_core.models.points import PointRecipe
from fm_core.training import loop

RECIPE = POINT_RECIPES["moons-linear"]
TRIALS = {
    "the recipe": {},
    "n_hidden 64": {"n_hidden": 64},
    "n_hidden 256": {"n_hidden": 256},
    "1,000 iterations": {"iterations": 1000},
    "2,000 iterations": {"iterations": 2000},
    "8,000 iterations": {"iterations": 8000},
    "t uniform, not stratified": {"stratified": False},
    "no EMA": {"ema_decay": 0.0},
    "EMA decay 0.98": {"ema_decay": 0.98},
    "EMA decay 0.998": {"ema_decay": 0.998},
    "learning rate 1e-3": {"learning_rate": 1e-3},
    "learning rate 1e-2": {"learning_rate": 1e-2},
    "batch 256": {"batch": 256},
    "batch 256, learning rate 1e-3, no EMA, t uniform": {
        "batch": 256,
        "learning_rate": 1e-3,
        "ema_decay": 0.0,
        "stratified": False,
    },
}


def main() -> None:
    lines = [
        "# The recipe, measured",
        "",
        "Written by `benchmarks/recipe.py`: moons-linear, one choice of the recipe changed at a time. W2 over the",
        f"sampling floor at 50 Euler steps ({quality.SAMPLES:,} points, mean of {len(quality.SEEDS)} seeds), the",
        "largest variance error at any of those steps, and the seconds of loop.",
        "",
        "| trial | W2 / floor | variance error | seconds |",
        "|---|---|---|---|",
    ]
    for title, changes in tqdm(TRIALS.items(), file=sys.stdout):
        lines.append(f"| {title} | {' | '.join(trial(replace(RECIPE, **changes)))} |")
    text = "\n".join([*lines, ""])
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def trial(recipe: PointRecipe) -> tuple[str, str, str]:
    state = loop.start(recipe, seed=0)
    start = time.perf_counter()
    while state.iteration < recipe.iterations:
        loop.step(state)
    seconds = time.perf_counter() - start
    figures = quality.measure(recipe.flow(state.ema.eval()), nfes=(quality.JUDGED_NFE,))
    ratio = figures["w2"][0] / figures["floor"]
    return f"{ratio:.2f}", f"{figures['variance_error'][0]:.2%}", f"{seconds:.0f}"


if __name__ == "__main__":
    main()
