"""The plane in which features vary most, and where digits lie in it."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.decomposition import PCA

from fm_core.checkpoints import DEFAULT_DIRECTORY
from fm_core.image_settings import DigitSettings, DigitSide
from fm_core.library import Library
from fm_core.maths.measures import Moments
from fm_core.maths.plane import principal_plane
from fm_core.models.classifier import MNIST, MOMENTS_FILE, read
from fm_core.models.digit_plane import clouds, digit_plane
from fm_core.playground import generate, read_ends


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(500, 12, generator=generator) @ torch.randn(12, 12, generator=generator) + 3


def test_the_plane_is_that_of_a_principal_component_analysis(features):
    plane = principal_plane(Moments.of(features))
    known = PCA(2).fit(features.double().numpy())
    assert plane.share == pytest.approx(known.explained_variance_ratio_.sum(), rel=1e-9)
    signs = np.sign((known.components_ * plane.axes.numpy()).sum(1))[:, None]
    np.testing.assert_allclose(plane.axes, signs * known.components_, atol=1e-9)
    np.testing.assert_allclose(plane.project(features), signs.T * known.transform(features.double()), atol=1e-4)


def test_the_signs_of_the_axes_are_fixed_by_their_largest_entry(features):
    mirrored = principal_plane(Moments.of(-features))
    torch.testing.assert_close(mirrored.axes, principal_plane(Moments.of(features)).axes)
    assert (mirrored.axes.gather(1, mirrored.axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_digits_of_a_class_lie_together_in_the_plane(library):
    """Nearer to their own mean than chance: of ten means, one in ten would be right by chance."""
    assert library.classifier is not None
    assert library.plane is not None
    places, labels, share = clouds(library.classifier, library.plane)
    assert places.shape == (2000, 2)
    assert share == library.plane.share
    means = torch.stack([places[labels == digit].mean(0) for digit in range(10)])
    assert (torch.cdist(places, means).argmin(1) == labels).float().mean() > 0.5


def test_a_run_is_placed_by_the_features_of_its_predicted_ends(library):
    (run,) = read_ends(library, generate(library, DigitSettings(sides=(DigitSide(steps=2),))))
    assert library.plane is not None
    ends = MNIST.to_pixels(run.flow.predicted_ends(run.trajectory)[1][1])
    features = read(library.classifier, ends).features.double().numpy()
    expected = (features - library.plane.mean.numpy()) @ library.plane.axes.numpy().T
    assert run.plane is not None
    assert run.plane.shape == (3, 16, 2)
    np.testing.assert_allclose(run.plane[1], expected, atol=1e-3)


@pytest.mark.parametrize(
    "tensors",
    [
        None,
        {"mean": torch.zeros(128)},
        {"mean": torch.zeros(3), "covariance": torch.eye(3)},
        {"mean": torch.zeros(128), "covariance": torch.full((128, 128), torch.nan)},
    ],
)
def test_without_sound_moments_there_is_no_plane_and_the_rest_works(tmp_path, library, tensors):
    shutil.copy(DEFAULT_DIRECTORY / "digit-classifier.safetensors", tmp_path)
    if tensors is not None:
        save_file(tensors, tmp_path / MOMENTS_FILE, {"json": "{}"})
    assert digit_plane(tmp_path) is None
    bare = Library.load(tmp_path)
    (run,) = read_ends(bare, generate(library, DigitSettings(sides=(DigitSide(steps=1),))))
    assert run.probabilities is not None
    assert run.plane is run.clouds is None
