"""The image sets: their scaling both ways, and the bundled samples."""

import pytest
import torch

from fm_core.images import IMAGE_SETS, samples

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
    x = IMAGE_SETS[name].standardise(samples(name)[0])
    assert x.shape == (100, 1, 28, 28)
    assert x.mean().abs() < 0.15
    assert 0.8 < x.var() < 1.2


@every_set
def test_the_bundled_images_are_ten_of_each_class_in_order(name):
    pixels, labels = samples(name)
    assert pixels.shape == (100, 28, 28)
    assert pixels.dtype == torch.uint8
    assert labels.tolist() == [digit for digit in range(10) for _ in range(10)]
    assert len({tuple(image.flatten().tolist()) for image in pixels}) == 100
    assert len(IMAGE_SETS[name].classes) == 10
