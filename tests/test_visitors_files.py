"""What a visitor leaves on the server goes after a while; the page itself leaves nothing."""

import time
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from fm_core.library import Library
from fm_core.ui import page
from tests.conftest import served


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The server's own folder for files."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> set[Path]:
    """Those with something in them: gr.File leaves an empty one behind whenever it is read."""
    return {path for path in folder.rglob("*") if path.is_file() and path.stat().st_size}


def test_an_upload_and_its_results_are_deleted_when_they_are_old(
    untrained_images: Library, cache, tmp_path, monkeypatch
):
    monkeypatch.setattr(page, "VISITORS_FILES", (1, 1))
    Image.linear_gradient("L").save(tmp_path / "mine.png")
    sent = {"files": [handle_file(tmp_path / "mine.png")], "steps": 2}
    for server in served(untrained_images):
        own = files(cache)
        Client(server.local_url, verbose=False, download_files=False).predict(**sent, api_name="/translate")
        assert any(path.name == "mine.png" for path in files(cache))
        deadline = time.monotonic() + 20
        while files(cache) != own:
            assert time.monotonic() < deadline, files(cache) - own
            time.sleep(0.2)


def test_the_page_itself_needs_no_files_there(untrained_images: Library, cache):
    page.build_page(untrained_images)
    assert files(cache) == set()
