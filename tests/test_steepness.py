"""The steepness of a velocity against the Jacobian itself."""

import pytest
import torch
from safetensors.torch import load_file
from torch.autograd.functional import jacobian

from fm_core.checkpoints import checkpoint_path
from fm_core.image_figures import STEEP_IMAGES, STEEP_PROBES, STEEP_STATES, Slopes
from fm_core.image_settings import DigitSettings, DigitSide
from fm_core.maths.likelihood import random_signs
from fm_core.maths.steepness import steepness
from fm_core.models.networks import VelocityMLP, VelocityUNet
from fm_core.playground import generate


@pytest.fixture
def network() -> VelocityMLP:
    torch.manual_seed(0)
    return VelocityMLP(32, dim=6).requires_grad_(False)


def test_it_is_the_frobenius_norm_of_the_jacobian_over_the_root_of_the_dimension(network, generator):
    x, t = torch.randn(5, 6, generator=generator), torch.tensor(0.3)
    each = torch.stack([jacobian(lambda y: network(y[None], t)[0], point) for point in x])  # type: ignore[arg-type]
    expected = (each.square().sum((1, 2)).mean() / 6).sqrt()
    found = steepness(network, x, t, random_signs(x, 4000, generator))
    assert found.item() == pytest.approx(expected.item(), rel=0.02)  # 20,000 forms, each off by about itself


@pytest.mark.parametrize(("velocity", "expected"), [(lambda x, t: -3 * x, 3), (lambda x, t: torch.ones_like(x), 0)])
def test_of_known_velocities_one_probe_is_exact(velocity, expected, generator):
    x = torch.randn(4, 1, 28, 28, generator=generator)
    assert steepness(velocity, x, torch.tensor(0.5), random_signs(x, 1, generator)) == pytest.approx(expected)


def test_gradients_pass_through_the_fast_networks_of_images(library):
    """As in float64 without the fast arithmetic, from the same random signs."""
    (run,) = generate(library, DigitSettings(sides=(DigitSide(steps=3),)))
    slopes = Slopes.of(run)
    assert list(slopes.x) == [0, 1, 2]
    x, t = run.trajectory.x[1, :STEEP_IMAGES], run.trajectory.t[1]
    precise = load_file(checkpoint_path("mnist-linear"))
    network = VelocityUNet().requires_grad_(False)
    network.load_state_dict(precise)
    signs = random_signs(x, STEEP_PROBES, torch.Generator().manual_seed(0)).double()
    expected = steepness(network.double(), x.double(), t.double(), signs).item()
    assert slopes.at(1) == pytest.approx(expected, rel=0.05)


def test_few_states_and_images_of_a_run_are_enough(library):
    (run,) = generate(library, DigitSettings(36, sides=(DigitSide(steps=15),)))
    slopes = Slopes.of(run)
    assert len(slopes.x) == STEEP_STATES
    assert (min(slopes.x), max(slopes.x)) == (0, 14)  # no step begins at the last state
    assert {len(x) for x in slopes.x.values()} == {STEEP_IMAGES}
    assert slopes.nbytes == 4 * 784 * STEEP_STATES * STEEP_IMAGES
