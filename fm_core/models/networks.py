"""The velocity networks of the practical, and the classifier that judges digits."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from fm_core.maths.schedules import one_per_sample

FEATURES = 128  # of the classifier, before its last layer


class VelocityMLP(nn.Module):
    """Four fully connected layers with ReLU between: (x, t) in R^(dim + 1) to a velocity in R^dim.

    `relu_output` adds the ReLU that the practical prints after the last layer, so that no velocity can be negative.
    """

    def __init__(self, n_hidden: int, dim: int = 2, relu_output: bool = False):
        super().__init__()
        widths = pairwise([dim + 1, n_hidden, n_hidden, n_hidden, dim])
        layers = [layer for sizes in widths for layer in (nn.Linear(*sizes), nn.ReLU(inplace=True))]
        self.layers = nn.Sequential(*layers if relu_output else layers[:-1])

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Velocity at x of shape (B, dim) and t of shape (B,) or a number, with x's shape and dtype."""
        inputs = torch.cat([x, one_per_sample(t, x)[:, None]], dim=1)
        return self.layers(inputs) if x.dtype == torch.float32 else self.layers(inputs.float()).to(x.dtype)


class DoubleConv(nn.Sequential):
    """Two 3×3 convolutions that keep the image size, each followed by a ReLU."""

    def __init__(self, channels: int, features: int):
        super().__init__(
            nn.Conv2d(channels, features, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip


class UpConv(nn.ConvTranspose2d):
    """nn.ConvTranspose2d of 2×2 windows that never overlap, so one matrix product; fast on a CPU if channels last."""

    def __init__(self, channels: int, features: int):
        super().__init__(channels, features, kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Shape (B, channels, H, W) to (B, features, 2H, 2W)."""
        batch, _, height, width = x.shape
        matrix = self.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (2 · 2 · features, channels)
        assert self.bias is not None
        windows = linear(x.permute(0, 2, 3, 1), matrix, self.bias.repeat(4)).view(batch, height, width, 2, 2, -1)
        return windows.transpose(2, 3).reshape(batch, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


class VelocityUNet(nn.Module):
    """The practical's U-Net, two levels with additive skips: image and time map to a velocity; 205,953 parameters."""

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.down_1 = DoubleConv(2, 32)
        self.down_2 = DoubleConv(32, 64)
        self.bottleneck = DoubleConv(64, 64)
        self.rise_2 = UpConv(64, 64)
        self.up_2 = DoubleConv(64, 32)
        self.rise_1 = UpConv(32, 32)
        self.up_1 = DoubleConv(32, 32)
        self.output = nn.Conv2d(32, 1, kernel_size=1)

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Velocity at x of shape (B, 1, H, W), H and W multiples of 4, and t of shape (B,) or a number; like x."""
        time_map = one_per_sample(t, x).view(-1, 1, 1, 1).expand_as(x)
        full = self.down_1(torch.cat([x, time_map], dim=1))  # (B, 32, H, W)
        half = self.down_2(self.pool(full))  # (B, 64, H/2, W/2)
        quarter = self.bottleneck(self.pool(half))  # (B, 64, H/4, W/4)
        half = self.up_2(self.rise_2(quarter) + half)
        return self.output(self.up_1(self.rise_1(half) + full))


class DigitClassifier(nn.Module):
    """Two levels of DoubleConv and max-pooling, two linear layers: standardised digits to ten logits."""

    def __init__(self):
        super().__init__()
        self.levels = nn.Sequential(
            DoubleConv(1, 16), nn.MaxPool2d(2), DoubleConv(16, 32), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(32 * 7 * 7, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.logits = nn.Linear(FEATURES, 10)

    def features(self, x: Tensor) -> Tensor:
        """The penultimate features, shape (B, 128), of images of shape (B, 1, 28, 28)."""
        return self.levels(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))
