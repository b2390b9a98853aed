"""Training on images: overfitting, epochs, and resuming to the bit."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from fm_core.images.files import DataError
from fm_core.images.sets import ImageSet
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.classifier import ClassifierRecipe
from fm_core.models.epochs import InEpochs, chosen
from fm_core.models.kind import Recipe
from fm_core.training import loop
from tests.image_files import TRAINING, bundled, training_pixels, write_bundled

MNIST, FASHION = bundled("mnist"), bundled("fashion")


@dataclass(frozen=True)
class SmallClassifierRecipe(ClassifierRecipe):
    """The classifier's recipe over a few digits."""

    target: ClassVar[ImageSet] = MNIST
    image_sets: ClassVar[tuple[ImageSet, ...]] = (MNIST,)


FROM_NOISE = replace(IMAGE_RECIPES["mnist-linear"], target=MNIST, epochs=3, batch=20)
TRANSLATION = replace(IMAGE_RECIPES["fashion-to-mnist-cosine"], target=MNIST, source=FASHION, epochs=3, batch=20)
CLASSIFIER = SmallClassifierRecipe(epochs=3, batch=20)
every_recipe = pytest.mark.parametrize("recipe", [FROM_NOISE, TRANSLATION, CLASSIFIER], ids=lambda recipe: recipe.name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 48 training images of each set."""
    return write_bundled(tmp_path_factory.mktemp("data"))


def trained(recipe: Recipe, root: Path, path: Path) -> loop.TrainingState:
    state = loop.start(recipe, 0, root=root)
    loop.train(state, path)
    return state


@pytest.mark.parametrize("recipe", [TRANSLATION, CLASSIFIER], ids=lambda recipe: recipe.name)
def test_a_batch_overfits(root, recipe):
    """The same batch over and over: its loss falls far below where it starts."""
    state = loop.start(replace(recipe, epochs=50, learning_rate=2e-3), seed=0, root=root)
    batch = state.task.batch(0, torch.Generator().manual_seed(0))
    losses = [state.task.descend(state.network, state.optimizers, list(batch), 1.0).item() for _ in range(40)]
    assert losses[-1] < 0.7 * losses[0]


def test_the_usual_flows_differ_in_schedule_source_and_epochs_only():
    usual = {name: recipe for name, recipe in IMAGE_RECIPES.items() if not recipe.variant}
    assert len(usual) == 4
    alike = {replace(r, schedule=SCHEDULES["linear"], source=FASHION, epochs=0) for r in usual.values()}
    assert len(alike) == 1
    assert all(r.epochs >= (100 if "fashion" in name else 30) for name, r in usual.items())


def order(recipe: InEpochs, seed: int, stream: int, epoch: int) -> list[int]:
    batches = range(epoch * recipe.epoch, (epoch + 1) * recipe.epoch)
    return torch.cat([chosen(recipe, recipe.target, seed, k, stream) for k in batches]).tolist()


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    orders = [order(TRANSLATION, seed, stream, epoch) for seed in (0, 1) for stream in (0, 1) for epoch in (0, 1)]
    assert all(sorted(shown) == list(range(TRAINING)) for shown in orders)
    assert len({tuple(shown) for shown in orders}) == 8


def test_a_translation_starts_at_clothes_and_ends_at_digits(root):
    task = replace(TRANSLATION, source_noise=0.0).task(0, root, "cpu")
    x_0, x_1, t = task.batch(0, torch.Generator().manual_seed(0))
    fashion, mnist = (images.standardise(training_pixels(images.name)) for images in (FASHION, MNIST))
    assert all((image == fashion).flatten(1).all(1).any() for image in x_0)
    assert all((image == mnist).flatten(1).all(1).any() for image in x_1)
    assert t.shape == (20,)


def test_a_translations_clothes_have_the_recipes_noise_anew_in_every_batch(root):
    generator = torch.Generator().manual_seed(0)
    clean, first, second = (
        replace(TRANSLATION, source_noise=noise).task(0, root, "cpu").batch(0, generator)[0]
        for noise in (0.0, 0.6, 0.6)
    )
    for x_0 in (first, second):
        assert (x_0 - 0.8 * clean).std().item() == pytest.approx(0.6, rel=0.03)
    assert not torch.equal(first, second)


@every_recipe
def test_a_training_stopped_and_resumed_equals_a_straight_one_to_the_bit(root, tmp_path, recipe):
    """Stopped at the end of an epoch and in the middle of the next."""
    straight, path = trained(recipe, root, tmp_path / "straight.safetensors"), tmp_path / "stopped.safetensors"
    state = loop.start(recipe, 0, root=root)
    for k in (3, 5):

        def stop(state: loop.TrainingState, k: int = k) -> None:
            if state.iteration == k:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            loop.train(state, path, stop)
        resumed = loop.resume(path, recipe, 0, root=root)
        assert resumed is not None
        assert resumed.iteration == k
        state = resumed
    loop.train(state, path)
    assert state.iteration == straight.iteration == 9
    for a, b in zip(state.ema.parameters(), straight.ema.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [entry["loss"] for entry in state.curve] == [entry["loss"] for entry in straight.curve]
    assert len(state.curve) == 3


@every_recipe
def test_without_its_images_a_training_does_not_start(tmp_path, recipe):
    with pytest.raises(DataError, match=r"^(MNIST|Fashion-MNIST) \w+ is not complete under .*train_all\.py"):
        loop.start(recipe, 0, root=tmp_path)
