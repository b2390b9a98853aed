"""The velocity networks, as the practical draws them."""

import torch
from torch import Tensor, nn


class VelocityMLP(nn.Module):
    """Four fully connected layers with ReLU between: (x, t) in R^(dim + 1) to a velocity in R^dim.

    `relu_output` puts a ReLU behind the last layer too, as the practical prints it: then no component
    of the velocity can be negative. It exists to show what that breaks.
    """

    def __init__(self, n_hidden: int, dim: int = 2, relu_output: bool = False):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim + 1, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, dim),
            *([nn.ReLU()] if relu_output else []),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Velocity at x of shape (B, dim) and t of shape (B,); the result has the shape of x."""
        return self.layers(torch.cat([x, t[:, None]], dim=1))
