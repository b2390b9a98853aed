"""Train every network of the catalogue that has no finished checkpoint. See `python train_all.py --help`."""

import argparse
import difflib
import fnmatch
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from fm_core import datasets, parallel, report, training
from fm_core.checkpoints import DEFAULT_DIRECTORY, checkpoint_path
from fm_core.images import IMAGE_SETS
from fm_core.memory import keep_freed_memory
from fm_core.recipes import CATALOGUE, CLASSIFIER, AnyRecipe, ImageRecipe, Recipe


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.list or options.report:
        print((report.curves if options.report else report.listing)(options.checkpoints))
        return 0
    if options.threads:
        torch.set_num_threads(options.threads)
    team = parallel.join(cpu=options.device == "cpu")
    if not team.leads:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 one process speaks for all, to the end
    chosen = choose(options.only)
    pending = [r for r in chosen if options.force or report.state_of(r.name, options.checkpoints)[0] != "trained"]
    print(f"{len(pending)} to train, {len(chosen) - len(pending)} finished already.")
    try:
        with team.local_leader_first():
            find_images(pending, options)
        for recipe in pending:
            train(shortened(recipe, options), options, team)
    except (datasets.DataError, parallel.TeamError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: the same command, without --force, goes on from here.", file=sys.stderr)
        return 130
    if team.leads:
        report.write_readme(options.checkpoints)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the networks of the catalogue that have no finished checkpoint."
    )
    add = parser.add_argument
    add("--list", action="store_true", help="print the catalogue with state and quality, train nothing")
    add("--report", action="store_true", help="print the learning curves, those of stopped trainings too")
    add("--only", nargs="+", metavar="NAME", help="train only these; globs such as 'moons-*' are allowed")
    add("--force", action="store_true", help="train finished ones again, and from the start")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=positive, metavar="N", help="batches, for 2D flows only")
    length.add_argument("--epochs", type=positive, metavar="N", help=f"epochs; in 2D one is {Recipe.epoch} batches")
    add("--seed", type=seed, default=0, metavar="N", help="seed of the weights and of every draw (default 0)")
    add("--device", type=device, help="cpu, cuda … (default: cuda for images if there is one, else cpu)")
    add("--threads", type=positive, metavar="N", help="processor threads (default: PyTorch's choice)")
    add("--checkpoints", type=Path, default=DEFAULT_DIRECTORY, metavar="DIR", help="where checkpoints are kept")
    add("--data-root", type=Path, default=datasets.default_root(), metavar="DIR", help="where images are kept")
    add("--data-source", type=Path, metavar="DIR", help="a folder that has the IDX files of MNIST or Fashion-MNIST")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


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


def choose(patterns: list[str] | None) -> list[AnyRecipe]:
    """The recipes that match any of the patterns, in catalogue order; exits with 2 for a pattern without a match."""
    for pattern in patterns or []:
        if not fnmatch.filter(CATALOGUE, pattern):
            nearest = difflib.get_close_matches(pattern, CATALOGUE, n=3, cutoff=0.3) or list(CATALOGUE)
            print(f"There is no recipe {pattern!r}. The nearest names are: {', '.join(nearest)}.", file=sys.stderr)
            raise SystemExit(2)
    return [r for name, r in CATALOGUE.items() if not patterns or any(fnmatch.fnmatch(name, p) for p in patterns)]


def shortened(recipe: AnyRecipe, options: argparse.Namespace) -> AnyRecipe:
    """The recipe with the length that was asked for."""
    if options.epochs:
        toy = isinstance(recipe, Recipe)
        changes = {"iterations": options.epochs * recipe.epoch} if toy else {"epochs": options.epochs}
        return replace(recipe, **changes)
    if options.iterations and isinstance(recipe, Recipe):
        return replace(recipe, iterations=options.iterations)
    return recipe


def find_images(pending: list[AnyRecipe], options: argparse.Namespace) -> None:
    """See that the images that the recipes need are under the data root. Raises DataError."""
    needed = {name for r in pending if isinstance(r, ImageRecipe) for name in (r.source, r.target, "mnist")}
    needed |= {"mnist" for r in pending if r is CLASSIFIER}
    for name in sorted(needed & set(IMAGE_SETS)):
        datasets.acquire(IMAGE_SETS[name], options.data_root, options.data_source)


def train(recipe: AnyRecipe, options: argparse.Namespace, team: parallel.Team) -> None:
    """Train one recipe, or go on where it was stopped, and write its checkpoint."""
    state_path = report.state_path(recipe.name, options.checkpoints)
    if options.force and team.leads:
        state_path.unlink(missing_ok=True)
    team.wait()
    with_gpu = torch.cuda.is_available() and not isinstance(recipe, Recipe)
    how = (
        recipe,
        options.seed,
        team.device or options.device or ("cuda" if with_gpu else "cpu"),
        options.data_root,
        team,
    )
    state = training.resume(state_path, *how) or training.start(*how)
    team.check_iteration(state.iteration)
    with tqdm(
        total=recipe.iterations, initial=state.iteration, desc=recipe.name, unit="it", disable=not team.leads
    ) as bar:

        def show(state: training.TrainingState) -> None:
            bar.update()
            if state.iteration % 100 == 0:
                bar.set_postfix(loss=f"{state.loss.item():.4f}", refresh=False)

        training.train(state, state_path, show)
    if team.leads:
        metadata = training.finish(state, checkpoint_path(recipe.name, options.checkpoints), options.data_root)
        state_path.unlink(missing_ok=True)
        print(f"{recipe.name}: {report.summary(metadata)}")
    team.wait()


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
