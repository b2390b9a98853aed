"""What is judged of flows of images: their covariance, the classifier, and the recorded figures of the shipped ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fm_core.checkpoints import DEFAULT_DIRECTORY, read_tensors
from fm_core.images.sets import IMAGE_SETS
from fm_core.maths.measures import Moments, evenness, frechet_distance
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.classifier import MOMENTS_FILE, accuracy, read
from fm_core.models.images import generate
from tests.image_files import bundled, training_pixels, write_bundled

NFE = 20


def test_the_covariance_of_two_sets_is_that_of_their_mean_images(tmp_path):
    root, (fashion, mnist) = write_bundled(tmp_path), (bundled("fashion"), bundled("mnist"))
    recipe = IMAGE_RECIPES["fashion-to-mnist-linear"]
    found = replace(recipe, source=fashion, target=mnist, source_noise=0.6).covariance(root)
    means = [images.standardise(training_pixels(images.name)).mean(0) for images in (fashion, mnist)]
    assert found == pytest.approx(0.8 * (means[0] * means[1]).mean().item(), abs=1e-5)
    assert found > 0.1
    assert IMAGE_RECIPES["mnist-linear"].covariance(root) == 0


def test_real_digits_are_read_right_by_the_shipped_classifier(image_library):
    assert image_library.classifier is not None
    assert accuracy(image_library.classifier, *IMAGE_SETS["mnist"].bundled()) >= 0.98


@pytest.mark.parametrize("name", IMAGE_RECIPES)
def test_a_checkpoint_reaches_its_recorded_figures(image_library, name):
    """250 images from noise, or the 100 bundled clothes, instead of 10,000."""
    flow, figures = image_library.flows[name], image_library.metadata[name]["quality"]
    from_noise, generator = flow.source.images is None, torch.Generator().manual_seed(3)
    pixels, labels = IMAGE_SETS["fashion"].bundled()
    clothes = IMAGE_SETS["fashion"].standardise(pixels)
    x_0 = flow.draw(250, seed=3) if from_noise else flow.source.mix(clothes, generator)
    reading = read(image_library.classifier, generate(flow, x_0, NFE))
    recorded = {key: figures[key][figures["nfe"].index(NFE)] for key in ("fd", "confidence", "evenness")}
    tolerance = 0.03 if from_noise else 0.08
    assert reading.probabilities.amax(1).mean().item() == pytest.approx(recorded["confidence"], abs=tolerance)
    assert evenness(reading.classes) == pytest.approx(recorded["evenness"], abs=tolerance)
    if from_noise:
        assert unbiased_distance(reading.features) == pytest.approx(recorded["fd"], rel=0.35)
    if "right" in figures:
        share = figures["right"][figures["nfe"].index(NFE)]
        chance = 4.5 * (share * (1 - share) / len(labels)) ** 0.5
        assert (reading.classes == labels).float().mean().item() == pytest.approx(share, abs=chance)


def unbiased_distance(features: torch.Tensor) -> float:
    """Fréchet distance to the test digits, less what as few Gaussian features score that have the digits' moments."""
    digits = Moments(**read_tensors(DEFAULT_DIRECTORY / MOMENTS_FILE)[0])
    gaussian = np.random.default_rng(0).multivariate_normal(
        digits.mean.numpy(), digits.covariance.numpy(), len(features)
    )
    perfect = Moments.of(torch.from_numpy(gaussian))
    return frechet_distance(Moments.of(features), digits) - frechet_distance(perfect, digits)
