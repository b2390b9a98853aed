"""The figures of runs of images, against brute force and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from fm_core.image_figures import agreement, decided, neighbours, usual_distance
from fm_core.image_settings import DigitSettings, DigitSide
from fm_core.models.classifier import MNIST
from fm_core.models.images import perfect_flow
from fm_core.playground import Run, generate

TRAINING = MNIST.standardise(MNIST.bundled_training()[0])


@pytest.fixture(scope="module")
def runs(library) -> list[Run]:
    return generate(library, DigitSettings(seed=3, sides=(DigitSide(steps=4), DigitSide("cosine", 3))))


def test_a_digit_is_decided_at_the_first_state_of_the_last_stretch_in_which_it_is_the_most_probable():
    t = torch.tensor([0.0, 0.1, 0.4, 1.0])
    digits = torch.tensor([[7, 7, 3, 5], [7, 2, 7, 5], [7, 7, 7, 5], [7, 7, 3, 1]])  # a column for each image
    probabilities = torch.nn.functional.one_hot(digits, 10).float() * 0.6 + 0.04
    assert decided(t, probabilities).tolist() == pytest.approx([0, 0.4, 1, 1])
    assert decided(t[:2], probabilities[:2]).tolist() == pytest.approx([0, 0.1, 0.1, 0])


def test_neighbours_are_those_that_brute_force_finds(runs):
    found = neighbours(runs[0])
    ends = runs[0].trajectory.x[-1].numpy().reshape(16, 784)
    references = TRAINING.numpy().reshape(-1, 784)
    errors = np.sqrt(((ends[:, None] - references[None]) ** 2).mean(2))
    assert found.distances.tolist() == pytest.approx(errors.min(1), rel=1e-4)
    pixels, labels = MNIST.bundled_training()
    assert torch.equal(found.pixels, pixels[errors.argmin(1)])
    assert torch.equal(found.labels, labels[errors.argmin(1)])
    middle = runs[0].flow.predicted_ends(runs[0].trajectory)[1][2].numpy().reshape(16, 784)
    errors = np.sqrt(((middle[:, None] - references[None]) ** 2).mean(2))
    assert found.on_the_way.shape == (5, 16)
    assert found.on_the_way[2].tolist() == pytest.approx(errors.min(1), rel=1e-4)


def test_copies_are_at_distance_0_and_test_digits_are_not():
    flow = perfect_flow("linear")
    trajectory = flow.sample(4, 20)
    copies = neighbours(Run(DigitSide(), flow, trajectory))
    assert copies.distances.max() < 0.01
    assert 0.5 < usual_distance() < 0.8


def test_agreement_is_the_r2_score_of_the_second_runs_ends_for_the_firsts(runs):
    found = agreement(*runs)
    assert found is not None
    a, b = (run.trajectory.x[-1].double().numpy().reshape(16, 784) for run in runs)
    assert found.all == pytest.approx(r2_score(a.ravel(), b.ravel()), abs=1e-5)
    assert found.each.tolist() == pytest.approx([r2_score(*pair) for pair in zip(a, b, strict=True)], abs=1e-4)
    same = agreement(runs[0], runs[0])
    assert same is not None
    assert same.all == 1


def test_runs_from_other_noise_are_not_compared(runs):
    other = replace(runs[1], trajectory=replace(runs[1].trajectory, x=runs[1].trajectory.x + 0.1))
    assert agreement(runs[0], other) is None
