"""The exact velocity from N(0, I) to finitely many images: what a network without any error would compute.

    E[x_1 | X_t = x] = Σ_i w_i x_i,  w_i ∝ exp(−‖x − beta_t x_i‖² / (2 alpha_t²))

Every path ends at one of the images. The closer to t = 1, the steeper is the field, like 1 / (1 − t). At t = 1 itself
x is x_1 and says nothing of x_0, whose mean is 0: solvers that look there, Heun and RK4, leave a little noise in their
last step. With a window, the weights of each pixel see only the pixels around it, and the ends are new images: the
local score machine of Kamb and Ganguli 2025, https://arxiv.org/abs/2412.20292.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fm_core.maths.schedules import Schedule, beside, one_per_sample
from fm_core.maths.solvers import Velocity
from fm_core.refusals import SettingsError, whole

_SMALLEST = 1e-6  # below it, alpha is 0: t = 1
_Mean = Callable[[Tensor, Tensor, Tensor], Tensor]  # E[x_1 | x] of x (B, 1, H, W), and alpha and beta (B, 1, 1, 1)


def empirical_velocity(images: Tensor, schedule: Schedule, window: int | None = None) -> Velocity:
    """d_alpha_t E[x_0 | x] + d_beta_t E[x_1 | x] for x (B, 1, H, W) and t (B,) or a number; x_1 is one of the images.

    These have shape (N, 1, H, W). A pixel's weights see a square of `window` × `window` pixels around it, cut off at
    the borders; None, and what covers the image from everywhere, sees everything. Raises SettingsError for a window
    that is not odd.
    """
    everything = 2 * max(images.shape[2:]) - 1
    window = everything if window is None else _odd(window)
    mean = _mean_of_images(images) if window >= everything else _mean_of_windows(images, window)

    def velocity(x: Tensor, t: Tensor | float) -> Tensor:
        alpha, beta, d_alpha, d_beta = schedule(beside(one_per_sample(t, x), x))
        positive = alpha.clamp(min=_SMALLEST)
        x_1 = mean(x, positive, beta)
        x_0 = torch.where(alpha > _SMALLEST, (x - beta * x_1) / positive, 0)
        return d_alpha * x_0 + d_beta * x_1

    return velocity


def _odd(window: int) -> int:
    window = whole("window", window, (1, 2**31 - 1))
    if window % 2 == 0:
        raise SettingsError(f"window must be an odd number of pixels, so that it has a middle, not {window}.")
    return window


# In both, ‖x − β x_i‖² / 2 without ‖x‖² / 2, which all images share, is −β (x·x_i − β ‖x_i‖² / 2).


def _mean_of_images(images: Tensor) -> _Mean:
    flat = images.flatten(1)

    def mean(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        x_i, alpha, beta = flat.to(x), alpha.flatten(1), beta.flatten(1)
        products = x.flatten(1) @ x_i.T - beta * x_i.square().sum(1) / 2
        return ((beta / alpha**2 * products).softmax(1) @ x_i).view_as(x)

    return mean


def _mean_of_windows(images: Tensor, window: int) -> _Mean:
    """Sums over windows are products with band matrices, first along the rows, then down the columns."""
    pixels = images[:, 0].permute(1, 2, 0).contiguous()  # (H, W, N)
    height, width, n = pixels.shape
    down, across = _band(height, window).to(pixels), _band(width, window).to(pixels)
    half_squares = (down @ (across @ pixels.square()).flatten(1)) / 2  # (H, W · N)

    def of_one(x: Tensor, alpha: float, beta: float, room: Sequence[Tensor | None]) -> Tensor:
        scale, of, (first, second) = beta / alpha**2, pixels.to(x), room
        along = torch.matmul(across * x[:, None, :], of, out=first).flatten(1)
        logits = torch.addmm(half_squares.to(x), down.to(x), along, beta=-beta * scale, alpha=scale, out=second)
        weights = torch.softmax(logits.view(height, width, n), 2, out=first)
        return (weights.view(-1, 1, n) @ of.view(-1, n, 1)).view(height, width)

    def mean(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Without derivatives all images share the room for sums and weights: new memory takes as long again."""
        shared = x.new_empty(height, width, n), x.new_empty(height, width * n)
        room = (None, None) if x.requires_grad else shared
        coefficients = zip(alpha.flatten().tolist(), beta.flatten().tolist(), strict=True)
        means = [of_one(image, *both, room) for image, both in zip(x[:, 0], coefficients, strict=True)]
        return torch.stack(means)[:, None]

    return mean


def _band(size: int, window: int) -> Tensor:
    """Ones where two of `size` pixels in a row are at most half a window apart."""
    place = torch.arange(size)
    return (place[:, None] - place).abs() <= window // 2
