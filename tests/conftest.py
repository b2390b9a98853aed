"""What several test files share."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page

from fm_core.checkpoints import checkpoint_path
from fm_core.library import Library
from fm_core.maths.quality import measure
from fm_core.models import points
from fm_core.models.catalogue import CLASSIFIER, IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.networks import DigitClassifier, VelocityUNet
from fm_core.training import loop
from tests import pages
from tests.recipes import point_recipe

signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where a shell starts pytest with &
torch.set_num_threads(1)  # results that must agree to the bit need the same number of threads


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that open pages come first: they take longest, and two processes share the files."""
    opening = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in opening)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def quick_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure quality with 64 samples."""
    monkeypatch.setattr(points, "measure", lambda flow: measure(flow, samples=64))


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two flows that were trained for an instant: moons-linear and moons-cosine. Read only."""
    directory = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "measure", lambda flow: measure(flow, samples=64))
        for schedule in ("linear", "cosine"):
            recipe = point_recipe(schedule=schedule, n_hidden=16, iterations=20, batch=64)
            state = loop.start(recipe, seed=0)
            loop.train(state, directory / "runs" / "state.safetensors")
            loop.finish(state, checkpoint_path(recipe.name, directory))
    return directory


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped models."""
    return Library.load()


@pytest.fixture(scope="session")
def image_library(library: Library) -> Library:
    """The shipped models, named so where images are meant."""
    return library


@pytest.fixture(scope="session")
def untrained_images(library: Library) -> Library:
    """The shipped flows of points beside image flows and a classifier with the weights they start from."""
    torch.manual_seed(0)
    flows = {name: recipe.flow(VelocityUNet().requires_grad_(False)) for name, recipe in IMAGE_RECIPES.items()}
    trained = {name: flow for name, flow in library.flows.items() if name in POINT_RECIPES}
    classifier = {CLASSIFIER.name: DigitClassifier().requires_grad_(False)}
    shipped = library.metadata["fashion-to-mnist-linear"]
    judged = {**shipped, "quality": {**shipped["quality"], "map": [[k] * 10 for k in range(10)]}}
    metadata = {**library.judged(POINT_RECIPES), "fashion-to-mnist-linear": judged}
    return Library({**trained, **classifier, **flows}, metadata, {})


@pytest.fixture(scope="module")
def browser() -> Iterator[pages.Contexts]:
    """Chromium."""
    yield from pages.chromium()


@pytest.fixture
def visit(browser: pages.Contexts) -> Iterator[Callable[..., Page]]:
    """Opens pages; see `pages.visits`."""
    yield from pages.visits(browser)


@pytest.fixture(scope="module")
def visit_for_module(browser: pages.Contexts) -> Iterator[Callable[..., Page]]:
    """Opens pages that the tests of a module share."""
    yield from pages.visits(browser)


@pytest.fixture(scope="session")
def image_page(untrained_images: Library) -> Iterator[Any]:
    """A page with every image tab, whatever is trained, as it is served."""
    yield from served(untrained_images)


@pytest.fixture(scope="session")
def image_address(image_page: Any) -> str:
    """The address of a page with every image tab."""
    return image_page.local_url


@pytest.fixture
def open_tab(visit, image_address) -> Callable[..., Page]:
    """Opens a tab by its link and waits for its first run."""

    def open_tab(tab: str, query: str = "", **options) -> Page:
        page = visit(image_address, f"?tab={tab}{query}", pages.ROOT.format(tab), **options)
        pages.idle(page, tab)
        return page

    return open_tab


@pytest.fixture(scope="session")
def address(library: Library) -> Iterator[str]:
    """The address of the page."""
    for page in served(library):
        yield page.local_url


def served(library: Library) -> Iterator[Any]:
    """The page over a library, served from this process."""
    from fm_core.ui.page import build_page, launch_options

    page = build_page(library)
    page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield page
    page.close()
