"""Fixtures of the parity tests: the programs, and graphs compiled, initialised and run by them."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest
from pace import FACTOR

FOLDER = pathlib.Path(__file__).resolve().parent
if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))


class Kiln:
    """The programs under test."""

    def __init__(self, bin_dir, folder):
        self.bin_dir = bin_dir
        self.folder = folder
        self._files = 0

    def path(self, suffix):
        self._files += 1
        return self.folder / f"{self._files}{suffix}"

    def json(self, *args):
        """The document of `kiln ... -o json`; fails on any other exit code than 0."""
        command = [self.bin_dir / "kiln", *map(str, args), "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300 * FACTOR)
        assert done.returncode == 0, f"{args}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return json.loads(done.stdout)

    def graph_file(self, graph):
        path = self.path(".kiln.json")
        path.write_text(json.dumps(graph))
        return path

    def python(self, file):
        """The module that `kiln codegen` writes."""
        path = self.path(".py")
        self.json("codegen", file, "--target", "python", "-O", path)
        return load(path)

    def init(self, file, seed=0):
        """Initial weights as tensors, and their file."""
        from safetensors.torch import load_file

        path = self.path(".safetensors")
        self.json("init", file, "--seed", seed, "-O", path)
        return load_file(path), path

    def run(self, file, weights, inputs, train=False, seed=0):
        """Outputs of a forward in a trainer process."""
        from safetensors.torch import load_file, save_file

        given, out = self.path(".safetensors"), self.path(".safetensors")
        save_file({name: tensor.contiguous().clone() for name, tensor in inputs.items()}, given)
        flags = ["--train-mode"] if train else []
        self.json("run", file, "--weights", weights, "--inputs", given, "--out", out, "--seed", seed, *flags)
        return load_file(out)

    def tool(self, mode, lines=()):
        """Answers of kiln-parity-tool."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        done = subprocess.run([self.bin_dir / "kiln-parity-tool", mode], input=text, capture_output=True, text=True, timeout=300 * FACTOR)
        assert done.returncode == 0, done.stderr[-4000:]
        return [json.loads(line) for line in done.stdout.splitlines()]


def load(path):
    """Imports a generated file and returns its model class."""
    name = f"generated_{pathlib.Path(path).stem}_{abs(hash(str(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, module.__all__[0])


@pytest.fixture(scope="session")
def kiln(bin_dir, tmp_path_factory):
    return Kiln(bin_dir, tmp_path_factory.mktemp("parity"))


@pytest.fixture(scope="session")
def registry(kiln):
    """Both tables: {"ops": [...], "nodes": [...]}."""
    return kiln.tool("registry")[0]
