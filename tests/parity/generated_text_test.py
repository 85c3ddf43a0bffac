"""Generated files as text: they say what they should, import cleanly, and are formatted where tools are there to ask."""

import ast
import pathlib
import shutil
import subprocess

import pytest
import torch
from conftest import load

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = sorted((ROOT / "tests/golden/python").glob("*.py"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_file_is_a_module_and_nothing_else(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for node in tree.body:
        assert isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.ClassDef)), ast.dump(node)
    imported = {a.name for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) for a in node.names}
    assert imported <= {"torch", "Tensor", "nn", "Any"}
    calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    classes = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    assert calls <= classes | {"super", "float"}
    assert load(path)().state_dict() is not None


@pytest.mark.parametrize("tool", ["black", "ruff"])
def test_goldens_are_formatted(tool, tmp_path):
    program = shutil.which(tool) or shutil.which(tool, path=str(ROOT / ".venv/bin"))
    if program is None:
        pytest.skip(f"{tool} is not installed")
    for path in GOLDEN:
        shutil.copy(path, tmp_path)
    flags = ["--check", "--diff", "-q"] if tool == "black" else ["check", "--isolated", "-q"]
    done = subprocess.run([program, *flags, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hostile_names_do_no_harm():
    model = load(ROOT / "tests/golden/python/hostile.py")()
    x = torch.randn(2, 4)
    result = model(x, x, x)
    assert list(result) == ['"]; import os\n', 'it\'s "both"', "back\\slash"]


def test_inplace_is_never_written():
    for path in GOLDEN:
        assert "inplace" not in path.read_text()
