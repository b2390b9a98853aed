"""The networks: shapes, parameters, and the time in every form that it is given in."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS
from fm_core.maths.exact import exact_velocity
from fm_core.maths.schedules import SCHEDULES
from fm_core.maths.solvers import Velocity
from fm_core.models.catalogue import IMAGE_RECIPES
from fm_core.models.networks import DigitClassifier, UpConv, VelocityMLP, VelocityUNet


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


# Velocities, learned or exact, are called alike.


def mlp() -> Velocity:
    torch.manual_seed(0)
    return VelocityMLP(16).requires_grad_(False)


def u_net_of_a_flow() -> Velocity:
    torch.manual_seed(0)
    return IMAGE_RECIPES["mnist-linear"].flow(VelocityUNet().requires_grad_(False)).velocity


def exact(target: str, source: str = STANDARD.name) -> Callable[[], Velocity]:
    return lambda: exact_velocity(SOURCES[source], TARGETS[target], SCHEDULES["cosine"])


VELOCITIES = {
    "mlp": (mlp, (2,)),
    "u-net": (u_net_of_a_flow, (1, 28, 28)),
    "mixture": (exact("moons", "eight-gaussians"), (2,)),
    "checkerboard": (exact("checkerboard", "eight-gaussians"), (2,)),
}
every_velocity = pytest.mark.parametrize(("create", "shape"), VELOCITIES.values(), ids=VELOCITIES)


@every_velocity
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_velocity_takes_its_time_as_a_number_or_a_tensor_or_one_per_sample(create, shape, dtype):
    """And answers in x's type. 0.3 has no exact float32, so a time that loses digits on the way shows in float64."""
    velocity, x = create(), torch.randn(5, *shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    v = velocity(x, torch.full((5,), 0.3, dtype=dtype))
    assert v.shape == x.shape
    assert v.dtype == dtype
    for t in (0.3, torch.tensor(0.3, dtype=dtype), torch.tensor([0.3], dtype=dtype).expand(5)):
        torch.testing.assert_close(velocity(x, t), v, rtol=1e-12, atol=1e-12)
    for t in (0, torch.tensor(0), torch.zeros(5, dtype=torch.long)):
        torch.testing.assert_close(velocity(x, t), velocity(x, torch.zeros(5, dtype=dtype)), rtol=1e-12, atol=1e-12)


@every_velocity
def test_a_velocity_serves_a_solver_that_calls_it_with_one_time_first(create, shape):
    """As torchdiffeq does: f(t, y) with t of shape (), here by RK4's rule of thirds in float64."""
    velocity, y = create(), torch.randn(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def f(t: Tensor, y: Tensor) -> Tensor:
        return velocity(y, t)

    for t in torch.linspace(0, 1, 5, dtype=torch.float64)[:-1]:
        h = 0.25
        k1 = f(t, y)
        k2 = f(t + h / 3, y + h * k1 / 3)
        k3 = f(t + h * 2 / 3, y + h * (k2 - k1 / 3))
        k4 = f(t + h, y + h * (k1 - k2 + k3))
        y = y + h * (k1 + 3 * (k2 + k3) + k4) / 8
    assert y.dtype == torch.float64
    assert y.isfinite().all()


@every_velocity
def test_a_velocity_computes_on_the_device_of_its_points(create, shape):
    """The device without memory stands for any: what mixes two devices is refused there as on a GPU."""
    velocity = VelocityUNet() if shape == (1, 28, 28) else create()
    if isinstance(velocity, torch.nn.Module):
        velocity = velocity.to("meta")
    x = torch.empty(5, *shape, device="meta")
    for t in (0.3, torch.empty((), device="meta"), torch.empty(5, device="meta")):
        assert velocity(x, t).device == x.device
