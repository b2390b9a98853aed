"""Muon on convolutions: the step it takes, and that every parameter has exactly one optimiser."""

from dataclasses import replace

import torch
from torch import nn

from fm_core.models.catalogue import IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.networks import VelocityMLP, VelocityUNet
from fm_core.models.optimizers import ConvolutionMuon


def gradient_step(layout: torch.memory_format) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient of a random convolution, and the step that Muon takes from it, both as matrices."""
    torch.manual_seed(0)
    network = nn.Conv2d(8, 16, 3)
    network.weight = nn.Parameter(network.weight.detach().contiguous(memory_format=layout))
    before = network.weight.detach().clone()
    optimizer = ConvolutionMuon([network.weight], lr=0.1)
    network(torch.randn(4, 8, 6, 6)).square().sum().backward()
    optimizer.step()
    assert network.weight.grad is not None
    return network.weight.grad.flatten(1), (before - network.weight.detach()).flatten(1)


def test_a_step_of_muon_has_singular_values_near_the_rate_and_descends():
    gradient, step = gradient_step(torch.contiguous_format)
    values = torch.linalg.svdvals(step) / 0.1
    assert 0.5 < values.min() <= values.max() < 1.5
    assert (gradient * step).sum() > 0


def test_a_step_does_not_depend_on_the_layout_in_memory():
    steps = [gradient_step(layout)[1] for layout in (torch.contiguous_format, torch.channels_last)]
    torch.testing.assert_close(*steps, rtol=1e-3, atol=1e-4)


def test_every_parameter_is_stepped_by_exactly_one_optimizer():
    for recipe, network in (
        (IMAGE_RECIPES["mnist-linear"], VelocityUNet()),
        (replace(IMAGE_RECIPES["mnist-linear"], muon_rate=0.0), VelocityUNet()),
        (POINT_RECIPES["moons-linear"], VelocityMLP(8)),
    ):
        before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        optimizers = recipe.optimizers(network)
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
        for optimizer in optimizers:
            optimizer.step()
        assert all(not torch.equal(before[name], parameter) for name, parameter in network.named_parameters())
        adam = {id(p) for p in optimizers[0].param_groups[0]["params"]}
        muon = {id(w) for optimizer in optimizers if isinstance(optimizer, ConvolutionMuon) for w in optimizer.weights}
        assert not adam & muon
        assert adam | muon == {id(parameter) for parameter in network.parameters()}
        for optimizer in optimizers:
            optimizer.zero_grad()
        assert all(parameter.grad is None for parameter in network.parameters())
