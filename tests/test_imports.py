"""Who may import whom: the layers in fm_core/LAYERS, and that the core starts without Gradio and torchvision."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "fm_core"
LINES = [line.split("#")[0].split() for line in (CORE / "LAYERS").read_text(encoding="utf-8").splitlines()]
LEVELS = {module: k for k, layer in enumerate(filter(None, LINES)) for module in layer}


def name(path: Path) -> str:
    """A module's name within fm_core; a package that is itself a module, such as ui.player, by its own."""
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(path: Path) -> bool:
    """Whether a file is more than the mark of a package: fm_core itself is what users import, above all layers."""
    return path.name != "__init__.py" or (path.parent != CORE and bool(path.read_text(encoding="utf-8").strip()))


MODULES = {name(path): path for path in sorted(CORE.rglob("*.py")) if is_module(path)}


def imports(path: Path) -> set[str]:
    """Full names of all that a file imports anywhere in it, with `from a import b` as a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def used_modules(path: Path) -> set[str]:
    """Modules of fm_core that a file imports, or imports from; fm_core itself is "", a package its own name."""
    found = set()
    for full in imports(path):
        parts = full.split(".")
        if parts[0] == "fm_core":
            prefixes = [".".join(parts[1:k]) for k in range(len(parts), 0, -1)]
            found.add(next((p for p in prefixes if p in MODULES), ".".join(parts[1:])))
    return found


def test_every_module_has_exactly_one_layer_and_every_entry_a_module():
    counts = Counter(module for layer in LINES for module in layer)
    assert [module for module, count in counts.items() if count > 1] == []
    assert sorted(counts) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_layers_below_its_own(module):
    found = used_modules(MODULES[module])
    assert {other for other in found if LEVELS.get(other, len(LINES)) >= LEVELS[module]} == set()


@pytest.mark.parametrize(("package", "home"), [("gradio", "ui."), ("torchvision", "images.files")])
def test_a_heavy_package_is_imported_in_one_place_only(package, home):
    users = {module for module, path in MODULES.items() if package in {name.split(".")[0] for name in imports(path)}}
    assert users
    assert {user for user in users if not user.startswith(home)} == set()


def packages(*lines: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after these lines."""
    code = "\n".join([*lines, "import sys", "print(*{name.split('.')[0] for name in sys.modules})"])
    outcome = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(outcome.stdout.split())


def test_neither_a_library_user_nor_training_needs_gradio_or_torchvision():
    """All of the core is imported in a fresh interpreter, and a flow is used."""
    core = [f"import fm_core.{module}" for module in MODULES if not module.startswith("ui.")]
    loaded = packages(*core, "import train_all", "fm_core.load_flow('moons-linear').sample(n=2, steps=1)")
    assert {"torch", "train_all"} <= loaded
    assert loaded.isdisjoint({"gradio", "torchvision"})


def test_the_page_opens_without_the_packages_that_only_some_figures_need():
    """They take about as long to load as torch does."""
    page = ["from fm_core.ui import page", "from fm_core.library import Library"]
    loaded = packages(*page, "page.build_page(Library.load())", "page.launch_options()")
    assert {"gradio", "plotly"} <= loaded
    assert loaded.isdisjoint({"ot", "scipy", "sklearn", "torchvision"})
