"""The image data sets of sets.toml: uint8 (28, 28) in files and on the page, standardised (1, 28, 28) in the models."""

import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor

from fm_core.refusals import SettingsError, whole

SHAPE = (1, 28, 28)
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, eq=False)
class ImageSet:
    """28×28 grey images in ten classes; `folder` is the name in torchvision, `package` in Debian. See sets.toml."""

    usual_count: ClassVar[int] = 16
    variance: ClassVar[Tensor] = torch.ones(())

    name: str
    title: str
    folder: str
    package: str
    classes: tuple[str, ...]
    mean: float
    std: float
    md5: dict[str, str]
    training_images: int = 60_000

    def standardise(self, pixels: Tensor) -> Tensor:
        """uint8 of shape (B, 28, 28) to floats of shape (B, 1, 28, 28), mean 0 and variance 1 over the data set."""
        return ((pixels.float() / 255 - self.mean) / self.std)[:, None]

    def to_pixels(self, x: Tensor) -> Tensor:
        """Floats of shape (…, 1, 28, 28) to uint8 of shape (…, 28, 28), clipped to black and white."""
        return ((x.squeeze(-3) * self.std + self.mean) * 255).round().clamp(0, 255).to(torch.uint8)

    def bundled(self) -> tuple[Tensor, Tensor]:
        """Ten test images per class, ordered by class: uint8 pixels (100, 28, 28) and int64 labels (100,)."""
        return self._bundled("samples")

    def bundled_training(self, n: int = 2000) -> tuple[Tensor, Tensor]:
        """n random training images, of classes 0 to 9 in turn: uint8 pixels (n, 28, 28) and int64 labels (n,).

        Raises SettingsError for more images than are bundled.
        """
        pixels, labels = self._bundled("training")
        n = whole("n", n, (1, len(labels)))
        return pixels[:n], labels[:n]

    def _bundled(self, file: str) -> tuple[Tensor, Tensor]:
        tensors = _bundle(file)
        if f"{self.name}.pixels" not in tensors:
            names = dict.fromkeys(key.split(".")[0] for key in tensors)
            raise SettingsError(f"No images of {self.name} are bundled, only those of {', '.join(names)}.")
        return tensors[f"{self.name}.pixels"], tensors[f"{self.name}.labels"].long()

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n random bundled images, standardised, shape (n, 1, 28, 28)."""
        pixels = self.bundled()[0]
        return self.standardise(pixels[torch.randint(len(pixels), (n,), generator=generator)])


@lru_cache
def _bundle(file: str) -> dict[str, Tensor]:
    return load_file(_HERE / f"{file}.safetensors")


@dataclass(frozen=True, eq=False)
class ImageSource:
    """Images x with noise, x_0 = √(1 − noise²) x + noise z with z ~ N(0, I), of the same variance; or noise alone.

    Clothes have exactly black backgrounds: without noise x_t would reveal x_1 as soon as t > 0, and the velocity would
    be infinitely steep at t = 0.
    """

    usual_count: ClassVar[int] = 16
    variance: ClassVar[Tensor] = torch.ones(())

    images: ImageSet | None = None
    noise: float = 1.0

    @property
    def name(self) -> str:
        return self.images.name if self.images else "standard-gaussian"

    @property
    def title(self) -> str:
        return self.images.title if self.images else "Gaussian noise"

    @property
    def is_standard(self) -> bool:
        """Whether this is N(0, I)."""
        return self.images is None

    def mix(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x_0 for standardised images x of shape (n, 1, 28, 28)."""
        z = torch.randn(x.shape, generator=generator).to(x.device)
        return math.sqrt(1 - self.noise**2) * x + self.noise * z

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        if self.images is None:
            return torch.randn(n, *SHAPE, generator=generator)
        return self.mix(self.images.sample(n, generator), generator)

    def log_density(self, x: Tensor) -> Tensor:
        """Of noise alone, log N(x; 0, I) in nats, shape (n,). Raises SettingsError for a source of images."""
        if self.images:
            raise SettingsError(f"The density of {self.title} is not known, so choose a flow that starts from noise.")
        return -(x.square() + math.log(2 * math.pi)).flatten(1).sum(1) / 2


NOISE = ImageSource()
_ENTRIES = tomllib.loads((_HERE / "sets.toml").read_text(encoding="utf-8"))
IMAGE_SETS: dict[str, ImageSet] = {
    name: ImageSet(name, **entry | {"classes": tuple(entry["classes"])}) for name, entry in _ENTRIES.items()
}
