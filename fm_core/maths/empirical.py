"""The exact velocity from N(0, I) to finitely many images: what a network without any error would compute.

    E[x_1 | X_t = x] = Σ_i w_i x_i,  w_i ∝ exp(−‖x − beta_t x_i‖² / (2 alpha_t²))

Every path ends at one of the images. With a window, the weights of each pixel see only the pixels around it, and the
ends are new images: the local score machine of Kamb and Ganguli 2025, https://arxiv.org/abs/2412.20292.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fm_core.maths.schedules import Schedule, beside, one_per_sample
from fm_core.maths.solvers import Velocity
from fm_core.refusals import SettingsError, whole

_SMALLEST = 1e-6  # alpha at t = 1, where every other x than an image is impossible
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
        alpha = alpha.clamp(min=_SMALLEST)
        x_1 = mean(x, alpha, beta)
        return d_alpha * (x - beta * x_1) / alpha + d_beta * x_1

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

    def of_one(x: Tensor, alpha: float, beta: float) -> Tensor:
        scale = beta / alpha**2
        along = ((across * x[:, None, :]) @ pixels.to(x)).flatten(1)
        logits = torch.addmm(half_squares.to(x), down.to(x), along, beta=-beta * scale, alpha=scale)
        weights = logits.view(height * width, 1, n).softmax(2)
        return (weights @ pixels.to(x).view(height * width, n, 1)).view(height, width)

    def mean(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        coefficients = zip(alpha.flatten().tolist(), beta.flatten().tolist(), strict=True)
        return torch.stack([of_one(image, *both) for image, both in zip(x[:, 0], coefficients, strict=True)])[:, None]

    return mean


def _band(size: int, window: int) -> Tensor:
    """Ones where two of `size` pixels in a row are at most half a window apart."""
    place = torch.arange(size)
    return (place[:, None] - place).abs() <= window // 2
