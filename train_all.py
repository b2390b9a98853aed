"""Train every network of the catalogue that has no finished checkpoint, or measure the finished ones anew.

See `python train_all.py --help`.
"""

import argparse
import difflib
import fnmatch
import io
import os
import sys
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from fm_core.checkpoints import DEFAULT_DIRECTORY, check_writable, checkpoint_path, curve_path
from fm_core.images import files
from fm_core.machine import keep_freed_memory
from fm_core.models.catalogue import CATALOGUE
from fm_core.models.kind import Recipe
from fm_core.models.points import PointRecipe
from fm_core.refusals import Refusal
from fm_core.training import loop, report
from fm_core.training.team import Team, join


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a Windows console's code page may lack a character
    if options.list or options.report:
        print(report.curves(options.checkpoints, marks()) if options.report else report.listing(options.checkpoints))
        return 0
    if options.threads:
        torch.set_num_threads(options.threads)
    team = join(cpu=options.device == "cpu")
    if not team.leads:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 only the leader prints, to the end
    chosen = choose(options.only)
    try:
        if options.judge:
            judge_finished(chosen, options, team)
        else:
            train_pending(chosen, options, team)
        if team.leads:
            report.write_readme(options.checkpoints)
    except Refusal as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = "what was measured is kept" if options.judge else "the same command, without --force, resumes from here"
        print(f"\nStopped. Nothing is lost: {kept}.", file=sys.stderr)
        return 130
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train every network that has no finished checkpoint.")
    add = parser.add_argument
    add("--list", action="store_true", help="print the catalogue with state and quality, train nothing")
    add("--report", action="store_true", help="print the learning curves, including those of stopped trainings")
    add("--only", nargs="+", metavar="NAME", help="train or judge only these; globs such as 'moons-*' are allowed")
    anew = parser.add_mutually_exclusive_group()
    anew.add_argument("--force", action="store_true", help="train finished networks again, from the start")
    anew.add_argument("--judge", action="store_true", help="measure finished networks again, train nothing")
    positive = partial(whole, least=1)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=positive, metavar="N", help="batches, for 2D flows only")
    length.add_argument("--epochs", type=positive, metavar="N", help=f"in 2D, one is {PointRecipe.epoch} batches")
    add("--seed", type=whole, default=0, metavar="N", help="seed of the weights and of every draw (default 0)")
    add("--device", type=device, help="cpu, cuda … (default: cuda for images if there is one, else cpu)")
    add("--threads", type=positive, metavar="N", help="processor threads (default: PyTorch's choice)")
    add("--checkpoints", type=Path, default=DEFAULT_DIRECTORY, metavar="DIR", help="where checkpoints are kept")
    add("--data-root", type=Path, default=files.default_root(), metavar="DIR", help="where images are kept")
    add("--data-source", type=Path, metavar="DIR", help="a folder with the IDX files of MNIST or Fashion-MNIST")
    return parser.parse_args(arguments)


def marks() -> str:
    """The characters to plot learning curves with: bars, if they can be printed."""
    encoding = sys.stdout.encoding or "ascii"
    printed = report.BLOCKS.encode(encoding, errors="ignore").decode(encoding)
    return report.BLOCKS if printed == report.BLOCKS else report.ASCII


def whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {2**31 - 1}")
    return int(text)


def device(text: str) -> str:
    try:
        torch.zeros(1, device=text).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise argparse.ArgumentTypeError(f"there is no device {text!r} here; cpu always is") from None
    return text


def choose(patterns: list[str] | None) -> list[Recipe]:
    """The recipes that match any pattern, in catalogue order. Exits with code 2 if a pattern has no match."""
    for pattern in patterns or []:
        if not fnmatch.filter(CATALOGUE, pattern):
            nearest = difflib.get_close_matches(pattern, CATALOGUE, n=3, cutoff=0.3) or list(CATALOGUE)
            print(f"There is no recipe {pattern!r}. The nearest names are: {', '.join(nearest)}.", file=sys.stderr)
            raise SystemExit(2)
    return [r for name, r in CATALOGUE.items() if not patterns or any(fnmatch.fnmatch(name, p) for p in patterns)]


def acquire_images(recipes: list[Recipe], options: argparse.Namespace) -> None:
    """Find or download the images that these recipes need."""
    needed = {image_set.name: image_set for recipe in recipes for image_set in recipe.image_sets}
    for _, image_set in sorted(needed.items()):
        files.acquire(image_set, options.data_root, options.data_source)


def check_room(recipes: list[Recipe], directory: Path) -> None:
    """Try to write files as large as the checkpoints, states and curves will be. Raises CheckpointError."""
    margin = 2**16
    for recipe in recipes:
        check_writable(checkpoint_path(recipe.name, directory), recipe.weight_bytes + margin)
        check_writable(curve_path(recipe.name, directory), margin)
        # Weights, their averages, and at most two moments of each.
        check_writable(report.state_path(recipe.name, directory), 4 * recipe.weight_bytes + margin)


def judge_finished(chosen: list[Recipe], options: argparse.Namespace, team: Team) -> None:
    """Measure finished networks anew, on the leader. Raises Refusal if one that was asked for is not finished."""
    if not team.leads:
        return
    states = {recipe.name: report.state_of(recipe.name, options.checkpoints) for recipe in chosen}
    for name, (state, metadata) in states.items():
        if options.only and not metadata:
            raise Refusal(f"{name} is {state}, so there is nothing to judge: run python train_all.py --only {name}.")
    finished = [recipe for recipe in chosen if states[recipe.name][1]]
    print(f"{len(finished)} to judge.")
    check_room(finished, options.checkpoints)
    acquire_images(finished, options)
    for recipe in finished:
        metadata = loop.judge(checkpoint_path(recipe.name, options.checkpoints), recipe, options.data_root)
        print(f"{recipe.name}: {recipe.summary(metadata['quality'])}", flush=True)


def train_pending(chosen: list[Recipe], options: argparse.Namespace, team: Team) -> None:
    """Train what is not finished, or everything chosen with --force."""
    pending = [r for r in chosen if options.force or report.state_of(r.name, options.checkpoints)[0] != "trained"]
    print(f"{len(pending)} to train, {len(chosen) - len(pending)} finished already.")
    if team.leads:
        check_room(pending, options.checkpoints)
    with team.local_leader_first():
        acquire_images(pending, options)
    for recipe in pending:
        train(recipe.lasting(options.epochs, options.iterations), options, team)


def train(recipe: Recipe, options: argparse.Namespace, team: Team) -> None:
    """Train one recipe, or resume a stopped training, and write the checkpoint."""
    state_path = report.state_path(recipe.name, options.checkpoints)
    if options.force and team.leads:
        state_path.unlink(missing_ok=True)
    team.wait()
    usual_device = "cuda" if recipe.on_gpu and torch.cuda.is_available() else "cpu"
    how = (recipe, options.seed, team.device or options.device or usual_device, options.data_root, team)
    state = loop.resume(state_path, *how)
    if state is None and os.path.exists(state_path):
        print(f"{recipe.name}: {state_path} is damaged or of another recipe or seed, so the training starts over.")
    state = state or loop.start(*how)
    team.check_iteration(state.iteration)
    with tqdm(total=recipe.iterations, initial=state.iteration, desc=recipe.name, disable=not team.leads) as bar:

        def show(state: loop.TrainingState) -> None:
            bar.update()
            if state.iteration % 100 == 0:
                bar.set_postfix(loss=f"{state.loss.item():.4f}", refresh=False)

        loop.train(state, state_path, show)
    if team.leads:
        metadata = loop.finish(state, checkpoint_path(recipe.name, options.checkpoints), options.data_root)
        state_path.unlink(missing_ok=True)
        print(f"{recipe.name}: {recipe.summary(metadata['quality'])}")
    team.wait()


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
