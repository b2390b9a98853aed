"""The image sets: their scaling both ways, the bundled samples, and the sources made of them."""

import pytest
import torch

from fm_core.images.sets import IMAGE_SETS, NOISE, ImageSource
from fm_core.refusals import SettingsError

every_set = pytest.mark.parametrize("name", IMAGE_SETS)


@every_set
def test_every_byte_survives_standardising_and_back(name):
    pixels = torch.arange(784).view(1, 28, 28).remainder(256).to(torch.uint8)
    image_set = IMAGE_SETS[name]
    assert torch.equal(image_set.to_pixels(image_set.standardise(pixels)), pixels)


@every_set
def test_pixels_are_cut_off_at_black_and_white(name):
    extremes = torch.tensor([-100.0, 100.0]).view(2, 1, 1, 1).expand(2, 1, 28, 28)
    low, high = IMAGE_SETS[name].to_pixels(extremes)
    assert low.unique().tolist() == [0]
    assert high.unique().tolist() == [255]


@every_set
def test_standardised_samples_have_about_mean_zero_and_variance_one(name):
    """A hundred images are a small sample of the data set, whose mean and variance are exactly these."""
    x = IMAGE_SETS[name].standardise(IMAGE_SETS[name].bundled()[0])
    assert x.shape == (100, 1, 28, 28)
    assert x.mean().abs() < 0.15
    assert 0.8 < x.var() < 1.2


@every_set
def test_the_bundled_images_are_ten_of_each_class_in_order(name):
    pixels, labels = IMAGE_SETS[name].bundled()
    assert pixels.shape == (100, 28, 28)
    assert pixels.dtype == torch.uint8
    assert labels.tolist() == [digit for digit in range(10) for _ in range(10)]
    assert len({tuple(image.flatten().tolist()) for image in pixels}) == 100
    assert len(IMAGE_SETS[name].classes) == 10


@pytest.mark.parametrize("n", [10, 500, 2000])
def test_the_bundled_training_images_are_as_many_of_each_digit(n):
    pixels, labels = IMAGE_SETS["mnist"].bundled_training(n)
    assert pixels.shape == (n, 28, 28)
    assert pixels.dtype == torch.uint8
    assert labels.bincount().tolist() == [n // 10] * 10


def test_the_bundled_training_images_are_a_sample_of_the_set_and_none_of_the_test_images():
    """Their mean and variance are 0 and 1 to 4.5 standard errors, the images being the independent draws."""
    digits = IMAGE_SETS["mnist"]
    pixels, test = digits.bundled_training()[0], digits.bundled()[0]
    assert len(torch.cat([pixels, test]).flatten(1).unique(dim=0)) == 2100
    x = digits.standardise(pixels).flatten(1)
    for of_images, expected in ((x.mean(1), 0), (x.square().mean(1), 1)):
        assert abs(of_images.mean() - expected) < 4.5 * of_images.std() / 2000**0.5


def test_training_images_that_are_not_bundled_are_refused():
    with pytest.raises(SettingsError, match=r"^n must be a whole number from 1 to 2000, not 2001\.$"):
        IMAGE_SETS["mnist"].bundled_training(2001)
    with pytest.raises(SettingsError, match=r"^No images of fashion are bundled, only those of mnist\.$"):
        IMAGE_SETS["fashion"].bundled_training()


def test_names_are_keys():
    assert [entry.name for entry in IMAGE_SETS.values()] == list(IMAGE_SETS)


def test_clothes_are_drawn_from_the_bundled_ones():
    fashion = IMAGE_SETS["fashion"]
    clothes = fashion.standardise(fashion.bundled()[0])
    drawn = ImageSource(fashion, noise=0.0).sample(5, torch.Generator().manual_seed(0))
    assert all((image == clothes).flatten(1).all(1).any() for image in drawn)


def test_noise_in_a_source_keeps_its_variance_and_follows_the_seed():
    fashion = IMAGE_SETS["fashion"]
    clothes, source = fashion.standardise(fashion.bundled()[0]), ImageSource(fashion, noise=0.6)

    def mixed(seed: int) -> torch.Tensor:
        return source.mix(clothes, torch.Generator().manual_seed(seed))

    assert mixed(1).var().item() == pytest.approx(0.64 * clothes.var().item() + 0.36, rel=0.01)
    noise = (mixed(1) - 0.8 * clothes) / 0.6
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, rel=0.02)
    assert torch.equal(mixed(1), mixed(1))
    assert not torch.equal(mixed(1), mixed(2))


@pytest.mark.parametrize("source", [NOISE, ImageSource(IMAGE_SETS["fashion"], noise=0.6)])
def test_the_same_seed_draws_the_same_start_and_another_another(source):
    first, again, other = (source.sample(4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.shape == (4, 1, 28, 28)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
