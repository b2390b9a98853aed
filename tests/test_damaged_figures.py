"""Figures in files that somebody spoilt: the model works, and the page says that there are none."""

import json
import os
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from safetensors.torch import load_file, save_file

import train_all
from fm_core.checkpoints import CheckpointError, checkpoint_path, curve_path, load_checkpoint, read_tensors
from fm_core.library import Library
from fm_core.models.catalogue import CATALOGUE, CLASSIFIER, IMAGE_RECIPES, POINT_RECIPES
from fm_core.training import report
from fm_core.ui.catalogue_tab import create_catalogue_tab
from fm_core.ui.service import Service
from fm_core.ui.translate_tab import _maps

POINTS, IMAGES, MOONS = list(POINT_RECIPES), list(IMAGE_RECIPES), "moons-linear"
TRANSLATION = "fashion-to-mnist-linear"


def change(**changes: Any) -> Callable[[dict], None]:
    """Other entries in the quality."""
    return lambda metadata: metadata["quality"].update(changes)


def drop(*names: str) -> Callable[[dict], object]:
    return lambda metadata: [metadata["quality"].pop(name) for name in names]


def nested(depth: int) -> list:
    return [nested(depth - 1)] if depth else []


BAD = [float("nan"), float("inf"), -1.0, "0.1", None, True, 10**400, [0.1]]  # where one number is wanted
FACTS = [
    *({"quality": value} for value in (None, 3, "good", [], {}, nested(300), {"nfe": nested(300)})),
    *({"iterations": value} for value in (None, "4000", -1, 1.5, 10**30, True)),
    *({"training_seconds": value} for value in (None, "long", float("nan"), -1, 10**400)),
    *({"hardware": value} for value in (None, [], {}, {"device": "x"}, {"device": 1, "threads": 1})),
]
POINT_DAMAGES = [
    *(
        change(nfe=nfe)
        for nfe in (None, 50, [], [1, 2], "50", [50] * 7, [1, 2, 5, 10, 20, 50], [1, 2, 5, 10, 20, 50, "9"])
    ),
    *(change(nfe=nfe) for nfe in ([50.0] * 7, [[50]] * 7, [100, 50, 20, 10, 5, 2, 1], list(range(1, 200)))),
    *(change(w2=[0.1] * 6 + [bad]) for bad in BAD),
    *(change(far=[0.1] * 6 + [bad]) for bad in BAD[2:] if bad is not None),  # for NaN, ∞ and null it is not defined
    *(change(**{name: values}) for name in ("w2", "w2_std", "variance_error") for values in ([0.1], 7, {}, "0" * 7)),
    *(change(floor=bad) for bad in [*BAD, 0.0]),
    *(change(samples=bad) for bad in BAD),
    *(drop(name) for name in ("nfe", "w2", "floor", "samples")),
    *(lambda metadata, facts=facts: metadata.update(facts) for facts in FACTS),
]
IMAGE_DAMAGES = [
    *(change(floor=floor) for floor in (None, {}, 4.5, {"fd": 4.5}, dict.fromkeys(report.FIGURES, 0.0))),
    *(change(floor={**dict.fromkeys(report.FIGURES, 1.0), "fd": bad}) for bad in BAD),
    *(change(**{name: [0.1] * 6 + [bad]}) for name in ("fd", "evenness") for bad in BAD),
    *(change(map=counts) for counts in (7, [], [[1] * 10] * 9, [[0] * 10] * 10, [["1"] * 10] * 10, [[0.5] * 10] * 10)),
    *(drop(name) for name in ("nfe", "fd", "floor", "images", "recall")),
    *(lambda metadata, facts=facts: metadata.update(facts) for facts in FACTS),
]


@pytest.fixture(scope="module")
def shipped() -> dict[str, tuple[dict, dict]]:
    return {name: read_tensors(checkpoint_path(name)) for name in CATALOGUE}


def spoilt(name: str, damage: Callable[[dict], object], shipped: dict) -> dict:
    """The metadata of a checkpoint as this code reads them from a file with this damage."""
    metadata = json.loads(json.dumps(shipped[name][1]))
    damage(metadata)
    found = json.loads(json.dumps(metadata), parse_constant=lambda _: None)
    return CATALOGUE[name].with_sound_quality(found)


@pytest.mark.parametrize(("name", "damages"), [(MOONS, POINT_DAMAGES), (TRANSLATION, IMAGE_DAMAGES)])
def test_figures_that_cannot_be_shown_count_as_none(shipped, name, damages):
    for damage in damages:
        found = spoilt(name, damage, shipped)
        assert "quality" not in found
        assert found["name"] == name


def test_sound_figures_stay_and_what_is_not_defined_is_none(shipped):
    for name in CATALOGUE:
        figures, recorded = (
            dict(metadata["quality"]) for metadata in (spoilt(name, lambda _: None, shipped), shipped[name][1])
        )
        errors, before = figures.pop("variance_error", []), recorded.pop("variance_error", [])
        assert figures == recorded
        assert errors == [None if error is None or error > 1e9 else error for error in before]
        assert len([error for error in errors if error is not None]) >= len(errors) - 1
    assert spoilt("moons-quadratic", lambda _: None, shipped)["quality"]["variance_error"][1] is None


def write(name: str, directory: Path, shipped: dict, damage: Callable[[dict], object]) -> None:
    """The shipped checkpoint in another folder, with damage."""
    tensors, metadata = shipped[name][0], json.loads(json.dumps(shipped[name][1]))
    damage(metadata)
    save_file(tensors, checkpoint_path(name, directory), {"json": json.dumps(metadata)})


def shown(library: Library, directory: Path) -> str:
    """The page's tabs that show figures, as text."""
    with gr.Blocks() as page:
        create_catalogue_tab(Service(library), directory)
        _maps(library)
    blocks = page.blocks.values()
    json.dumps([block.value for block in blocks if isinstance(block, gr.Plot)], default=str, allow_nan=False)
    return "\n".join(str(block.value) for block in blocks if isinstance(block, gr.Markdown | gr.HTML))


CURVE = '{"iteration": 1, "loss": 0.5, "seconds": 1}\n'
CURVES = {
    "cut": CURVE + CURVE[:20],
    "no JSON": "loss 0.5\n" * 3,
    "brackets": "[" * 200_000,
    "lists": "[]\n" * 10,
    "no loss": '{"iteration": 1, "seconds": 1}\n',
    "words": CURVE.replace("0.5", '"small"'),
    "NaN": CURVE.replace("0.5", "NaN"),
    "beyond numbers": CURVE.replace("0.5", "1e999"),
    "a long number": CURVE.replace("0.5", "9" * 400),
    "bytes": "\udcff\udcfe",
    "a folder": None,
    "a pipe": None,
    "too long": None,
}


def write_curve(kind: str, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    content = CURVES[kind]
    if content is not None:
        path.write_bytes(content.encode(errors="surrogateescape"))
    elif kind == "too long":
        path.touch()
        os.truncate(path, 2**30)
    else:
        os.mkfifo(path) if kind == "a pipe" else path.mkdir()


@pytest.mark.parametrize("kind", CURVES)
def test_a_curve_that_cannot_be_read_is_refused_in_a_sentence(tmp_path, kind):
    write_curve(kind, curve_path(MOONS, tmp_path))
    sentence = f"The learning curve of {MOONS} cannot be read: restore curves/{MOONS}.jsonl."
    with pytest.raises(CheckpointError, match=f"^{sentence}$"):
        report.curve(MOONS, tmp_path)
    assert sentence in report.curves(tmp_path)


def test_a_loss_below_zero_is_drawn_as_the_lowest(tmp_path):
    path = curve_path(MOONS, tmp_path)
    path.parent.mkdir()
    path.write_text("".join(CURVE.replace("0.5", str(loss)) for loss in (4, 2, 0, -1)))
    assert report.curves(tmp_path).splitlines()[-1].split()[-1] == "█▁▁▁"


def test_the_page_opens_whatever_the_files_say(tmp_path, shipped, capsys):
    """A damage for each model, and the rest one after the other in its place; other models are missing."""
    kinds, sound = cycle(kind for kind in CURVES if kind != "bytes"), "moons-vp"
    for name, damage in zip([name for name in POINTS if name != sound], POINT_DAMAGES[::3], strict=False):
        write(name, tmp_path, shipped, damage)
    for name, damage in zip(IMAGES[1:], IMAGE_DAMAGES[::9], strict=False):
        write(name, tmp_path, shipped, damage)
    for name in (sound, IMAGES[0], CLASSIFIER.name):
        write(name, tmp_path, shipped, lambda _: None)
    for name in IMAGES:
        write_curve(next(kinds), curve_path(name, tmp_path))
    os.mkfifo(tmp_path / "pipe")
    checkpoint_path("circles-linear", tmp_path).unlink()
    (tmp_path / "pipe").rename(checkpoint_path("circles-linear", tmp_path))
    library = Library.load(tmp_path)
    assert set(library.problems) == {"circles-linear"}
    page = shown(library, tmp_path)
    assert "| circles-linear | not usable |" in page
    assert "| moons-linear | no figures |" in page
    assert f"| {sound} | 1.24% |" in page
    assert "**No figures** of mnist-cosine can be read: run `python train_all.py --judge --only mnist-cosine`." in page
    assert "**No curve:** The learning curve of mnist-linear cannot be read" in page
    assert library.flows[MOONS].sample(n=2, steps=1).x.isfinite().all()
    assert train_all.main(["--list", "--checkpoints", str(tmp_path)]) == 0
    assert "no figures: python train_all.py --judge --only moons-linear" in capsys.readouterr().out
    report.write_readme(tmp_path)
    assert sound in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_the_page_opens_without_any_model(tmp_path):
    page = shown(Library.load(tmp_path), tmp_path)
    assert page.count("**Not usable:**") == len(CATALOGUE)


def test_judging_gives_a_file_its_figures_back(tmp_path, tiny_directory, quick_quality):
    path = checkpoint_path(MOONS, tmp_path)
    tensors, metadata = read_tensors(checkpoint_path(MOONS, tiny_directory))
    save_file(tensors, path, {"json": json.dumps({**metadata, "quality": "good"})})
    assert "quality" not in load_checkpoint(path, CATALOGUE[MOONS]).metadata
    assert train_all.main(["--judge", "--only", MOONS, "--checkpoints", str(tmp_path)]) == 0
    assert load_checkpoint(path, CATALOGUE[MOONS]).metadata["quality"] == metadata["quality"]
    assert {key: tensor.tolist() for key, tensor in load_file(path).items()} == {
        k: t.tolist() for k, t in tensors.items()
    }
