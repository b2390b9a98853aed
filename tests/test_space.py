"""What hosts and package installers get: a Space and its front matter, ZeroGPU, odd folders, the wheel."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest
from gradio_client import Client
from playwright.sync_api import Page

from fm_core.ui.wire import unpack
from tests import pages, space


class DeviceApi(BaseHTTPRequestHandler):
    """Stands in for the device API of ZeroGPU: says yes to everything, and remembers what was asked."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def asked_of_zerogpu() -> list[str]:
    return []


@pytest.fixture(scope="module")
def zerogpu(asked_of_zerogpu: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of app.py as ZeroGPU starts it, though on no GPU.

    It lies in a folder whose name has signs of addresses, and has the files that the Dockerfile copies.
    """
    place = tmp_path_factory.mktemp("space")
    folder = place / ("C# course 100%" if os.name == "nt" else "C# course 100% why?")
    space.lay(folder, tuple(re.findall(r"^COPY (\S+)", (space.ROOT / "Dockerfile").read_text(), re.MULTILINE)))
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Api", (DeviceApi,), {"asked": asked_of_zerogpu})) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        zero = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{api.server_port}"}
        names = {**os.environ, **zero, "HOME": str(place), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        with space.running([sys.executable, "app.py"], cwd=folder, env=names) as address:
            yield f"{address}/"
        api.shutdown()


def test_a_space_would_take_the_files_and_the_front_matter():
    assert space.problems() == []


def test_the_readme_links_the_papers_so_that_the_space_is_listed_beside_them():
    text = (space.ROOT / "README.md").read_text(encoding="utf-8")
    papers = re.findall(r"arXiv:([\d.]+\d)", text)
    assert len(papers) >= 4
    assert [paper for paper in papers if f"(https://arxiv.org/abs/{paper})" not in text] == []


def test_zerogpu_starts_the_app_and_runs_cost_no_quota(zerogpu: str, asked_of_zerogpu: list[str]):
    """A run on a GPU would ask the device API for one: /schedule."""
    client = Client(zerogpu, verbose=False)
    points = unpack(client.predict(steps=3, particles=100, api_name="/trajectory"))
    images = unpack(client.predict(steps=2, api_name="/digits"))
    assert len(points["sides"][0]["x"]) == 4
    assert images["sides"]
    assert asked_of_zerogpu == ["/startup-report"]


def test_the_page_works_from_a_folder_with_signs_of_addresses_in_its_name(zerogpu: str, visit: Callable[..., Page]):
    page = visit(zerogpu)  # which fails if a script is not found
    page.get_by_role("tab", name="Translate", exact=True).click()
    pages.idle(page, "translate")
    shown = "() => [...document.images].filter((image) => image.currentSrc).every((image) => image.naturalWidth > 0)"
    page.wait_for_function(shown)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the files that git has."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    space.lay(source, ("fm_core/", "checkpoints/", "pyproject.toml", "requirements.txt", "LICENSE"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", built, source], check=True)
    return next(built.glob("*.whl"))


def test_the_wheel_has_every_file_of_the_package_and_every_checkpoint(wheel: Path):
    names = [re.sub("^checkpoints/", "fm_core/trained/", name) for name in space.files()]
    wanted = {name for name in names if name.startswith("fm_core/")}
    assert {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name} == wanted


def test_the_wheel_needs_what_requirements_txt_says(wheel: Path):
    with ZipFile(wheel) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    needed = {line.lower() for line in re.findall("^Requires-Dist: (.+)$", metadata, re.MULTILINE)}
    assert needed == {line.lower() for line in (space.ROOT / "requirements.txt").read_text().split()}


def test_an_installed_wheel_finds_its_models_from_any_folder(wheel: Path, tmp_path: Path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", tmp_path / "installed", wheel], check=True)
    program = "from fm_core.library import Library; import fm_core; print(Library.load().problems, fm_core.__file__)"
    names = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    told = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=names, capture_output=True, text=True)
    assert told.stdout.strip() == f"{{}} {tmp_path / 'installed' / 'fm_core' / '__init__.py'}", told.stderr
