"""Imports point up the pipeline, and every package says itself in one sentence."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "portwright"
PACKAGES = sorted({module.parent for module in SOURCE.rglob("*.py")})
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def name(package: Path) -> str:
    return ".".join(package.relative_to(SOURCE.parent).parts)


def test_imports_point_up_the_pipeline():
    """The contracts in pyproject.toml hold; each says why in its name."""
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=ROOT,
        env={"PYTHONPATH": str(SOURCE.parent), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_has_its_place_in_the_pipeline():
    """No package or module of the top level escapes the contract on layers."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract for contract in contracts if contract["type"] == "layers"]
    placed = set(re.findall(r"\w+", " ".join(layers["layers"])))
    parts = {package.name for package in PACKAGES if package.parent == SOURCE}
    parts |= {module.stem for module in SOURCE.glob("*.py") if not module.stem.startswith("__")}
    assert parts <= placed


@pytest.mark.parametrize("package", PACKAGES, ids=name)
def test_a_package_says_itself_in_one_sentence(package):
    """The first paragraph of its docstring is its description: one sentence, ended by a period."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    sentence = docstring.split("\n\n")[0].replace("\n", " ")
    assert re.fullmatch(r"[^.]+(\.\w[^.]*)*\.", sentence), f"{name(package)}: {sentence!r}"
