"""What descends the loss: Adam, and Muon for the weights of hidden convolutions."""

import torch
from torch import nn
from torch.optim import Adam, Muon, Optimizer

from fm_core.recipes import AnyRecipe, ImageRecipe


class ConvolutionMuon(Muon):
    """Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) on convolutions.

    PyTorch's Muon takes matrices only. Each weight is shown to it as one, with a row for each entry of its first
    dimension, and takes over what becomes of that matrix.
    """

    def __init__(self, weights: list[nn.Parameter], lr: float):
        self.weights = weights
        super().__init__([nn.Parameter(weight.detach().flatten(1)) for weight in weights], lr=lr, weight_decay=0.0)

    @property
    def pairs(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        return list(zip(self.weights, self.param_groups[0]["params"], strict=True))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Descend along the weights' gradients."""
        for weight, matrix in self.pairs:
            assert weight.grad is not None
            matrix.copy_(weight.flatten(1))
            matrix.grad = weight.grad.flatten(1)
        super().step(closure)
        for weight, matrix in self.pairs:
            weight.copy_(matrix.view_as(weight))

    def zero_grad(self, set_to_none: bool = True) -> None:
        for weight in self.weights:
            weight.grad = None


def create_optimizers(recipe: AnyRecipe, network: nn.Module) -> list[Optimizer]:
    """The recipe's optimisers; the `lr` of each one's defaults is where its learning rate peaks."""
    if not isinstance(recipe, ImageRecipe) or not recipe.muon_rate:
        return [Adam(network.parameters(), lr=recipe.learning_rate, fused=True)]
    named = network.named_parameters()
    hidden = {name: weight for name, weight in named if weight.dim() == 4 and not name.startswith("output")}
    others = [parameter for name, parameter in network.named_parameters() if name not in hidden]
    return [Adam(others, lr=recipe.learning_rate, fused=True), ConvolutionMuon(list(hidden.values()), recipe.muon_rate)]
