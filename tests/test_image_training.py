"""The image networks and their training: shapes, overfitting, epochs, and resuming to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fm_core import recipes, tasks, training
from fm_core.images import IMAGE_SETS, samples
from fm_core.matching import draw_times
from fm_core.networks import DigitClassifier, UpConv, VelocityUNet
from fm_core.recipes import CLASSIFIER, IMAGE_RECIPES, AnyRecipe
from fm_core.tasks import create_task

IMAGES = 48
QUICK = {"epochs": 3, "batch": 20}
RECIPES = [
    replace(IMAGE_RECIPES["mnist-linear"], **QUICK),
    replace(IMAGE_RECIPES["fashion-to-mnist-cosine"], **QUICK),
    replace(CLASSIFIER, **QUICK),
]


@pytest.fixture(autouse=True)
def few_images(monkeypatch) -> None:
    """The first 48 bundled images in place of 60,000."""
    monkeypatch.setattr(recipes, "TRAINING_IMAGES", IMAGES)
    monkeypatch.setattr(tasks, "load", lambda image_set, *_: tuple(part[:IMAGES] for part in samples(image_set.name)))


def test_the_u_net_has_the_practicals_number_of_parameters():
    assert sum(parameter.numel() for parameter in VelocityUNet().parameters()) == 205_953


@pytest.mark.parametrize("side", [4, 28, 32])
def test_a_velocity_has_the_shape_of_its_image_and_depends_on_time(side):
    torch.manual_seed(0)
    network, x = VelocityUNet(), torch.randn(3, 1, side, side)
    with torch.no_grad():
        v = network(x, torch.zeros(3))
        assert v.shape == x.shape
        assert not torch.equal(v, network(x, torch.ones(3)))
        torch.testing.assert_close(network(x, torch.tensor([0.0, 0.5, 1.0]))[:1], network(x[:1], torch.zeros(1)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_an_up_convolution_is_pytorchs_transposed_convolution(layout):
    torch.manual_seed(0)
    ours, x = UpConv(5, 3), torch.randn(2, 5, 4, 6).contiguous(memory_format=layout)
    theirs = torch.nn.ConvTranspose2d(5, 3, kernel_size=2, stride=2)
    theirs.load_state_dict(ours.state_dict())
    v, expected = ours(x), theirs(x)
    torch.testing.assert_close(v, expected)
    gradients = torch.autograd.grad(v.square().sum(), list(ours.parameters()))
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.square().sum(), list(theirs.parameters())))


def test_the_skips_are_added_not_concatenated():
    network = VelocityUNet()
    assert network.up_2[0].in_channels == network.rise_2.out_channels == network.down_2[2].out_channels
    assert network.up_1[0].in_channels == network.rise_1.out_channels == network.down_1[2].out_channels


def test_the_classifier_reads_features_into_ten_logits():
    classifier, x = DigitClassifier(), torch.randn(3, 1, 28, 28)
    assert classifier.features(x).shape == (3, 128)
    torch.testing.assert_close(classifier(x), classifier.logits(classifier.features(x)))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_batch_overfits(recipe):
    """The same batch over and over: its loss falls far below where it starts."""
    state = training.start(replace(recipe, epochs=50, learning_rate=2e-3), seed=0)
    batch = state.task.batch(0, torch.Generator().manual_seed(0))
    losses = []
    for _ in range(60):
        loss = state.task.loss(state.network, *batch)
        for optimizer in state.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in state.optimizers:
            optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_all_four_flows_differ_in_schedule_source_and_epochs_only():
    first, *others = (replace(recipe, schedule="linear", source="", epochs=0) for recipe in IMAGE_RECIPES.values())
    assert all(other == first for other in others)
    assert {name: recipe.epochs >= (100 if "fashion" in name else 30) for name, recipe in IMAGE_RECIPES.items()} == {
        "mnist-linear": True,
        "mnist-cosine": True,
        "fashion-to-mnist-linear": True,
        "fashion-to-mnist-cosine": True,
    }


def chosen(recipe: AnyRecipe, seed: int, stream: int, epoch: int) -> list[int]:
    assert not isinstance(recipe, recipes.Recipe)
    batches = range(epoch * recipe.epoch, (epoch + 1) * recipe.epoch)
    return torch.cat([tasks.chosen(recipe, seed, k, stream) for k in batches]).tolist()


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    orders = [chosen(RECIPES[1], seed, stream, epoch) for seed in (0, 1) for stream in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(IMAGES)) for order in orders)
    assert len({tuple(order) for order in orders}) == 8


def test_a_translation_starts_at_clothes_and_ends_at_digits():
    recipe = replace(RECIPES[1], source_noise=0.0)
    x_0, x_1, t = create_task(recipe, 0, Path(), "cpu").batch(0, torch.Generator().manual_seed(0))
    fashion, mnist = (IMAGE_SETS[name].standardise(samples(name)[0]) for name in ("fashion", "mnist"))
    assert all((image == fashion).flatten(1).all(1).any() for image in x_0)
    assert all((image == mnist).flatten(1).all(1).any() for image in x_1)
    assert t.shape == (20,)


def test_a_translations_clothes_have_the_recipes_noise_anew_in_every_batch():
    generator = torch.Generator().manual_seed(0)
    clean, first, second = (
        create_task(replace(RECIPES[1], source_noise=noise), 0, Path(), "cpu").batch(0, generator)[0]
        for noise in (0.0, 0.6, 0.6)
    )
    for x_0 in (first, second):
        assert (x_0 - 0.8 * clean).std().item() == pytest.approx(0.6, rel=0.03)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("k", [3, 5])
def test_a_training_stopped_and_resumed_equals_a_straight_one_to_the_bit(tmp_path, recipe, k):
    straight = training.start(recipe, 0)
    training.train(straight, tmp_path / "straight.safetensors")

    def stop(state: training.TrainingState) -> None:
        if state.iteration == k:
            raise KeyboardInterrupt

    path = tmp_path / "stopped.safetensors"
    with pytest.raises(KeyboardInterrupt):
        training.train(training.start(recipe, 0), path, stop)
    state = training.resume(path, recipe, 0)
    assert state is not None
    training.train(state, path)
    assert state.iteration == straight.iteration == 9
    for a, b in zip(state.ema.parameters(), straight.ema.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [entry["loss"] for entry in state.curve] == [entry["loss"] for entry in straight.curve]
    assert len(state.curve) == 3


@pytest.mark.parametrize(("density", "mean"), [("logit-normal", 0.0), ("very early logit-normal", -1.2)])
def test_logit_normal_times_are_those_of_the_distribution(density, mean):
    t = draw_times(20_000, torch.Generator().manual_seed(0), density=density)
    logits = t.logit()
    assert logits.mean().item() == pytest.approx(mean, abs=0.01)
    assert (logits.std() - 1).abs() < 0.01
    assert t.min() >= 0
    assert t.max() < 1
