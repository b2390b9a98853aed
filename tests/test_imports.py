"""Who may import whom: arrows point downward, and the core starts without Gradio and torchvision."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {
        "schedules",
        "toy",
        "networks",
        "solvers",
        "images",
        "requests",
        "provenance",
        "upload_arrays",
        "precision",
        "parallel",
        "memory",
    },
    {"matching", "exact", "statistics", "datasets", "image_quality", "uploads"},
    {"recipes"},
    {"flows", "tasks", "optimizers"},
    {"image_flows"},
    {"checkpoints"},
    {"quality"},
    {"evaluation"},
    {"training", "report", "playground", "image_playground"},
]
CORE = sorted(path.stem for path in (ROOT / "fm_core").glob("*.py") if path.stem != "__init__")


def level(module: str) -> int:
    return next(k for k, layer in enumerate(LAYERS) if module in layer)


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports anywhere in it, with `from a import b` as a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def siblings(path: Path) -> set[str]:
    """Modules of fm_core that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("fm_core.")}


def test_every_module_has_its_layer():
    assert set(CORE) <= set().union(*LAYERS)


@pytest.mark.parametrize("module", CORE)
def test_a_module_imports_only_from_layers_below_it(module):
    found = siblings(ROOT / "fm_core" / f"{module}.py")
    assert "ui" not in found
    assert {name for name in found if level(name) >= level(module)} == set()


@pytest.mark.parametrize(("package", "home"), [("gradio", "ui/"), ("torchvision", "datasets.py")])
def test_a_heavy_package_is_imported_in_one_place_only(package, home):
    users = {
        path.relative_to(ROOT / "fm_core").as_posix()
        for path in (ROOT / "fm_core").rglob("*.py")
        if package in {name.split(".")[0] for name in imports(path)}
    }
    assert {user for user in users if not user.startswith(home)} == set()


def loaded_after(statements: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after running the statements."""
    code = f"{statements}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    outcome = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(outcome.stdout.split())


def test_a_library_user_needs_neither_gradio_nor_torchvision():
    loaded = loaded_after("import fm_core\nfrom fm_core import load_flow")
    assert "torch" in loaded
    assert loaded.isdisjoint({"gradio", "torchvision"})


def test_no_core_module_and_no_training_loads_gradio_or_torchvision():
    loaded = loaded_after("\n".join(f"import fm_core.{module}" for module in CORE) + "\nimport train_all")
    assert {"torch", "ot", "train_all"} <= loaded
    assert loaded.isdisjoint({"gradio", "torchvision"})
