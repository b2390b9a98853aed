"""Adam, and Muon for the weights of hidden convolutions."""

import torch
from torch import nn
from torch.optim import Adam, Muon, Optimizer


class ConvolutionMuon(Muon):
    """Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) on the weights flattened to matrices."""

    def __init__(self, weights: list[nn.Parameter], lr: float):
        self.weights = weights
        super().__init__([nn.Parameter(weight.detach().flatten(1)) for weight in weights], lr=lr, weight_decay=0.0)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        pairs = list(zip(self.weights, self.param_groups[0]["params"], strict=True))
        for weight, matrix in pairs:
            assert weight.grad is not None
            matrix.copy_(weight.flatten(1))
            matrix.grad = weight.grad.flatten(1)
        super().step(closure)
        for weight, matrix in pairs:
            weight.copy_(matrix.view_as(weight))

    def zero_grad(self, set_to_none: bool = True) -> None:
        for weight in self.weights:
            weight.grad = None


def adam_and_muon(network: nn.Module, adam_rate: float, muon_rate: float) -> list[Optimizer]:
    """Muon for the weights of all convolutions except `output`; Adam for all other parameters."""
    parameters = dict(network.named_parameters())
    hidden = {name: p for name, p in parameters.items() if p.dim() == 4 and not name.startswith("output")}
    others = [parameter for name, parameter in parameters.items() if name not in hidden]
    return [Adam(others, lr=adam_rate, fused=True), ConvolutionMuon(list(hidden.values()), muon_rate)]
