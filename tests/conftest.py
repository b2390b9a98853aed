"""What several test files share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fm_core import quality, training
from fm_core.checkpoints import checkpoint_path, image_flow
from fm_core.image_playground import ImageLibrary
from fm_core.networks import DigitClassifier, VelocityUNet
from fm_core.playground import Library
from fm_core.recipes import IMAGE_RECIPES, Recipe

torch.set_num_threads(1)  # results that must agree to the bit need the same number of threads


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def quick_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure quality with 64 samples, whatever number is asked for."""
    measure = quality.measure
    monkeypatch.setattr(quality, "measure", lambda flow, *_: measure(flow, samples=64))


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two flows that were trained for an instant: moons-linear and moons-cosine. Read only."""
    directory = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        measure = quality.measure
        patch.setattr(quality, "measure", lambda flow, *_: measure(flow, samples=64))
        for schedule in ("linear", "cosine"):
            recipe = Recipe("moons", schedule, n_hidden=16, iterations=20, batch=64)
            state = training.start(recipe, seed=0)
            training.train(state, directory / "runs" / "state.safetensors")
            training.finish(state, checkpoint_path(recipe.name, directory))
    return directory


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped flows."""
    return Library.load()


@pytest.fixture(scope="session")
def image_library() -> ImageLibrary:
    """The shipped image flows and the classifier."""
    return ImageLibrary.load()


@pytest.fixture(scope="session")
def untrained_images() -> ImageLibrary:
    """Every image flow and the classifier, with the weights they start from: for tests of the page alone."""
    torch.manual_seed(0)
    flows = {name: image_flow(r, VelocityUNet().requires_grad_(False), 0.0) for name, r in IMAGE_RECIPES.items()}
    judged = {"quality": {"map": [[k] * 10 for k in range(10)]}}
    return ImageLibrary(flows, {"fashion-to-mnist-linear": judged}, DigitClassifier().requires_grad_(False), {})


@pytest.fixture(scope="session")
def image_address(library: Library, untrained_images: ImageLibrary) -> Iterator[str]:
    """The address of a page with every image tab, whatever is trained."""
    yield from served(library, untrained_images)


@pytest.fixture(scope="session")
def address(library: Library, image_library: ImageLibrary) -> Iterator[str]:
    """The address of the page."""
    yield from served(library, image_library)


def served(library: Library, images: ImageLibrary) -> Iterator[str]:
    """Serve the page from this process, and give its address."""
    from fm_core.ui.demo import build_demo, launch_options

    demo = build_demo(library, images)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()
