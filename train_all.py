"""Train every flow of the catalogue that has no finished checkpoint. See `python train_all.py --help`."""

import argparse
import difflib
import fnmatch
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from fm_core import report, training
from fm_core.checkpoints import DEFAULT_DIRECTORY, checkpoint_path
from fm_core.quality import JUDGED_NFE
from fm_core.recipes import EPOCH, RECIPES, Recipe


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.list:
        print(report.listing(options.checkpoints))
        return 0
    if options.threads:
        torch.set_num_threads(options.threads)
    chosen = choose(options.only)
    pending = [r for r in chosen if options.force or report.state_of(r.name, options.checkpoints)[0] != "trained"]
    print(f"{len(pending)} to train, {len(chosen) - len(pending)} finished already.")
    try:
        for recipe in pending:
            train(recipe if options.iterations is None else replace(recipe, iterations=options.iterations), options)
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: the same command, without --force, goes on from here.", file=sys.stderr)
        return 130
    report.write_readme(options.checkpoints)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the flows of the catalogue that have no finished checkpoint.")
    add = parser.add_argument
    add("--list", action="store_true", help="print the catalogue with state and quality, train nothing")
    add("--only", nargs="+", metavar="NAME", help="train only these; globs such as 'moons-*' are allowed")
    add("--force", action="store_true", help="train finished ones again, and from the start")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=positive, metavar="N", help="batches to train on, not the recipe's number")
    length.add_argument("--epochs", type=epochs, dest="iterations", metavar="N", help=f"the same in units of {EPOCH}")
    add("--seed", type=seed, default=0, metavar="N", help="seed of the weights and of every draw (default 0)")
    add("--device", type=device, default="cpu", help="cpu (default, and fastest for networks this small), cuda …")
    add("--threads", type=positive, metavar="N", help="processor threads (default: PyTorch's choice)")
    add("--checkpoints", type=Path, default=DEFAULT_DIRECTORY, metavar="DIR", help="where checkpoints are kept")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def epochs(text: str) -> int:
    return positive(text) * EPOCH


def seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**31 - 1}")
    return int(text)


def device(text: str) -> str:
    try:
        torch.zeros(1, device=text).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise argparse.ArgumentTypeError(f"there is no device {text!r} here; cpu always is") from None
    return text


def choose(patterns: list[str] | None) -> list[Recipe]:
    """The recipes that match any of the patterns, in catalogue order; exits with 2 for a pattern without a match."""
    for pattern in patterns or []:
        if not fnmatch.filter(RECIPES, pattern):
            nearest = difflib.get_close_matches(pattern, RECIPES, n=3, cutoff=0.3) or list(RECIPES)
            print(f"There is no recipe {pattern!r}. The nearest names are: {', '.join(nearest)}.", file=sys.stderr)
            raise SystemExit(2)
    return [r for name, r in RECIPES.items() if not patterns or any(fnmatch.fnmatch(name, p) for p in patterns)]


def train(recipe: Recipe, options: argparse.Namespace) -> None:
    """Train one recipe, or go on where it was stopped, and write its checkpoint."""
    state_path = report.state_path(recipe.name, options.checkpoints)
    if options.force:
        state_path.unlink(missing_ok=True)
    state = training.resume(state_path, recipe, options.seed, options.device)
    state = state or training.start(recipe, options.seed, options.device)
    with tqdm(total=recipe.iterations, initial=state.iteration, desc=recipe.name, unit="it") as bar:

        def show(state: training.TrainingState) -> None:
            bar.update()
            if state.iteration % 100 == 0:
                bar.set_postfix(loss=f"{state.loss.item():.4f}", refresh=False)

        training.train(state, state_path, show)
    metadata = training.finish(state, checkpoint_path(recipe.name, options.checkpoints))
    state_path.unlink(missing_ok=True)
    w2, floor, error = report.quality_at(metadata, JUDGED_NFE)
    print(
        f"{recipe.name}: W2 {w2:.4f} at NFE {JUDGED_NFE}, {w2 / floor:.2f} times the floor; variance within {error:.2%}"
    )


if __name__ == "__main__":
    sys.exit(main())
