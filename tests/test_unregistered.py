"""Objects that are in no registry serve like those that are: a mixture, and image sets."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fm_core.checkpoints import CheckpointError, checkpoint_path, load_checkpoint
from fm_core.images.sets import IMAGE_SETS
from fm_core.maths import quality
from fm_core.maths.distributions import STANDARD, TARGETS, Mixture
from fm_core.maths.exact import exact_velocity
from fm_core.maths.flow import Flow
from fm_core.maths.matching import interpolate
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import Velocity
from fm_core.models.classifier import ClassifierRecipe
from fm_core.models.images import ImageRecipe
from fm_core.models.points import PointRecipe
from fm_core.refusals import SettingsError
from fm_core.training import loop
from tests.image_files import TEST, bundled, write_bundled

POINTS = torch.tensor([[0.0, 0.0], [3.0, 1.0], [-2.0, 2.5], [-1.0, -3.0], [2.0, -2.0]])
FIVE = Mixture("five", "Five points", POINTS, std=0.01)
RECIPE = PointRecipe(FIVE, SCHEDULES["cosine"], n_hidden=32, iterations=200, batch=256)


def test_the_exact_flow_to_five_points_hits_each_as_often():
    assert FIVE.name not in TARGETS
    for schedule in SCHEDULES.values():
        flow = quality.exact_flow(Flow("five", STANDARD, FIVE, schedule, lambda x, t: x))
        distances = torch.cdist(flow.sample(n=1000, steps=60, solver="rk4").x[-1], POINTS)
        assert (distances.amin(1) < 0.1).float().mean() > 0.99
        counts = distances.argmin(1).bincount(minlength=5)
        assert ((counts - 200).abs() < 4.5 * (1000 * 0.2 * 0.8) ** 0.5).all()


def test_a_flow_to_five_points_is_trained_and_measured(tmp_path):
    generator = torch.Generator().manual_seed(9)
    x_0, x_1, t = STANDARD.sample(2000, generator), FIVE.sample(2000, generator), torch.rand(2000, generator=generator)
    x_t, u_t = interpolate(SCHEDULES["cosine"], x_0, x_1, t)

    def loss(velocity: Velocity) -> float:
        with torch.no_grad():
            return (velocity(x_t, t) - u_t).square().sum(1).mean().item()

    state = loop.start(RECIPE, 0)
    before = loss(state.ema)
    loop.train(state, tmp_path / "state.safetensors")
    best = loss(exact_velocity(STANDARD, FIVE, SCHEDULES["cosine"]))  # u_t is known up to its mean only
    assert best < loss(state.ema) < best + 0.6 * (before - best)
    assert state.loss.item() < before
    figures = quality.measure(RECIPE.flow(state.ema), samples=200, nfes=(1, 50))
    assert 0 < figures["floor"] < figures["w2"][1] < figures["w2"][0]


def test_its_checkpoint_is_read_by_who_has_the_object_or_has_registered_it(tmp_path, quick_quality, monkeypatch):
    state = loop.start(replace(RECIPE, iterations=3), 0)
    loop.train(state, tmp_path / "state.safetensors")
    path = checkpoint_path(RECIPE.name, tmp_path)
    loop.finish(state, path)
    assert load_checkpoint(path, RECIPE).model.target is FIVE
    stranger = replace(RECIPE, target=TARGETS["moons"])
    with pytest.raises(CheckpointError, match="target is 'five', which this code does not know"):
        load_checkpoint(path, stranger)
    monkeypatch.setitem(TARGETS, "five", FIVE)
    assert load_checkpoint(path, stranger).model.target is FIVE


def test_an_image_set_without_bundled_images_says_so():
    rags = replace(IMAGE_SETS["fashion"], name="rags")
    with pytest.raises(SettingsError, match=r"^No images of rags are bundled, only those of .*mnist.*\.$"):
        rags.sample(3, torch.Generator())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_bundled(tmp_path / "data")


def test_image_sets_of_no_registry_are_trained_with_and_judged(tmp_path, root):
    """A translation; the judge is the shipped classifier, on the few images that are here."""
    numbers, rags = replace(bundled("mnist"), name="numbers"), replace(bundled("fashion"), name="rags")
    assert not {"numbers", "rags"} & set(IMAGE_SETS)
    recipe = ImageRecipe(numbers, SCHEDULES["linear"], source=rags, epochs=2, batch=24)
    assert recipe.name == "rags-to-numbers-linear"
    assert recipe.iterations == 4
    assert [images.name for images in recipe.image_sets] == ["rags", "numbers", "mnist"]
    state = loop.start(recipe, 0, root=root)
    loop.train(state, tmp_path / "state.safetensors")
    classifier = checkpoint_path(ClassifierRecipe.name)
    shutil.copy(classifier, tmp_path)
    metadata = loop.finish(state, checkpoint_path(recipe.name, tmp_path), root)
    assert metadata["recipe"]["source"] == "rags"
    assert metadata["quality"]["images"] == TEST
    assert sum(map(sum, metadata["quality"]["map"])) == TEST
    assert len(metadata["quality"]["fd"]) == len(quality.NFES)
    assert metadata["covariance"] == pytest.approx(recipe.covariance(root))


def test_digits_of_no_registry_are_made_from_noise(root):
    numbers = replace(bundled("mnist"), name="numbers")
    recipe = ImageRecipe(numbers, SCHEDULES["cosine"], epochs=2, batch=24)
    state = loop.start(recipe, 0, root=root)
    before = [parameter.detach().clone() for parameter in state.network.parameters()]
    for _ in range(3):
        loop.step(state)
    assert all(not torch.equal(a, b) for a, b in zip(before, state.network.parameters(), strict=True))
    run = recipe.flow(state.ema).sample(n=2, steps=2)
    assert run.x.shape == (3, 2, 1, 28, 28)
    assert run.x.isfinite().all()
