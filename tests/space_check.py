"""`make space-check`: what a Space on Hugging Face would get and do, rehearsed.

The files that git has and no others, in a folder that the app cannot write to; an environment of requirements.txt
alone, of Python 3.12 where there is one; app.py as user 1000 on 0.0.0.0:7860; every tab opened in Chromium, and a run
in each. Root on Linux finds it all under /home/user, mounted for these processes only. Others run it as themselves in
a temporary folder. SPACE_PORT names another port; PIP_ARGS goes to pip. The environment is kept in .venv/space until
requirements.txt, Python or PIP_ARGS change.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect

from tests import pages, space

KEPT = space.ROOT / ".venv" / "space"
PORT = os.environ.get("SPACE_PORT", "7860")
AS_USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] if os.geteuid() == 0 else []


def run(*command: str | Path, **options) -> None:
    subprocess.run(list(map(str, command)), check=True, **options)


def base_of_python() -> str:
    """The folder in which Python 3.12 is installed, or this Python if there is none."""
    where = "import sys; print(sys.base_prefix)"
    if not shutil.which("python3.12"):
        return sys.base_prefix
    asked = subprocess.run(
        ["python3.12", "-c", where], env={**os.environ, "PYENV_VERSION": "3.12"}, capture_output=True, text=True
    )
    return asked.stdout.strip() if asked.returncode == 0 else sys.base_prefix


def mount(folder: Path, at: Path) -> None:
    at.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", folder, at)


def places(folder: Path) -> tuple[Path, Path, Path]:
    """The user's home, Python's and the environment's, as user 1000 finds them."""
    KEPT.mkdir(parents=True, exist_ok=True)
    if not AS_USER:
        return folder, Path(base_of_python()), KEPT
    home = Path("/home/user")
    mount(folder, home.parent)
    mount(Path(base_of_python()), home / "python")
    mount(KEPT, home / "environment")
    os.chown(home, 1000, 1000)
    return home, home / "python", home / "environment"


def make(environment: Path, base: Path) -> None:
    """Install requirements.txt, and nothing else, unless that is what is there."""
    python = max((base / "bin").glob("python3.??"))
    arguments = os.environ.get("PIP_ARGS", "").split()
    made_of = "\n".join([str(python), *arguments, (space.ROOT / "requirements.txt").read_text()])
    if (environment / "made-of").is_file() and (environment / "made-of").read_text() == made_of:
        return
    run(python, "-m", "venv", "--clear", environment)
    run(environment / "bin/python", "-m", "pip", "install", *arguments, "-r", space.ROOT / "requirements.txt")
    (environment / "made-of").write_text(made_of)


def walk(address: str) -> None:
    """Open every tab and have each make a run; fails at an error in the page or a request to another host."""
    with contextmanager(pages.chromium)() as browser, contextmanager(pages.visits)(browser) as visit:
        page = visit(address)
        for title, tab in {"2D": "points", "Digits": "digits", "Translate": "translate"}.items():
            page.get_by_role("tab", name=title, exact=True).click()
            pages.idle(page, tab)
            pages.await_run(page, lambda tab=tab: pages.set_number(page, "steps", 7, tab), tab)
        page.get_by_role("tab", name="Lessons", exact=True).click()
        lesson = page.locator(".fm-lesson").first
        lesson.locator("summary").first.click()
        lesson.get_by_role("button", name="Go on without one").click()
        lesson.get_by_role("button", name="Show me").first.click()
        expect(lesson.locator(".fm-conclusion b").first).to_be_visible()
        page.get_by_role("tab", name="Models", exact=True).click()
        expect(page.locator("table:visible").first).to_contain_text("moons-linear")


def check(folder: Path) -> None:
    """Rehearse the Space in this empty folder."""
    started = time.monotonic()
    home, base, environment = places(folder)
    make(environment, base)
    installed = time.monotonic()
    app = home / "app"
    space.lay(app)
    run("chmod", "-R", "a-w", app)
    system = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(base / "lib"), "PYTHONUNBUFFERED": "1"}
    address = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": PORT}
    options = {"cwd": app, "env": {"HOME": str(home), **system, **address}}
    run(*AS_USER, "sh", "-c", "test -w $HOME && ! test -w app.py && ! test -w .", **options)
    with space.running([*AS_USER, str(environment / "bin/python"), "app.py"], **options) as address:
        assert address == f"http://0.0.0.0:{PORT}", address
        served = time.monotonic()
        walk(f"http://127.0.0.1:{PORT}/")
    print(f"The Space works. Environment {installed - started:.0f} s, start {served - installed:.0f} s, ", end="")
    print(f"page {time.monotonic() - served:.0f} s.")


def main() -> None:
    if len(sys.argv) > 1:
        return check(Path(sys.argv[1]))
    if found := space.problems():
        sys.exit("\n".join(found))
    apart = ["unshare", "--mount"] if AS_USER else []
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        sys.exit(subprocess.run([*apart, sys.executable, "-m", "tests.space_check", folder]).returncode)


if __name__ == "__main__":
    main()
