"""The graphs behind the golden files: shared modules, repeated composites, nested results, hostile names."""

import pathlib

import pytest
import torch
import yaml
from conftest import load
from registry_test import flat, same

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRAPHS = sorted((ROOT / "tests/golden/graphs").glob("*.kiln.yaml"))
SIZES = {"B": 3, "T": 5, "batch_size": 2}


def inputs_of(graph):
    gen = torch.Generator().manual_seed(9)
    out = {}
    for name, spec in graph["inputs"].items():
        shape = [SIZES.get(s, s) for s in spec["shape"]]
        whole = spec.get("dtype") == "int64"
        out[name] = torch.randint(0, 11, shape, generator=gen) if whole else torch.randn(shape, generator=gen)
    return out


@pytest.mark.parametrize("file", GRAPHS, ids=lambda p: p.name.split(".")[0])
def test_trainer_equals_the_golden_file(kiln, file):
    graph = yaml.safe_load(file.read_text())
    inputs = inputs_of(graph)
    weights, weights_file = kiln.init(file, seed=4)
    model = load(ROOT / f"tests/golden/python/{file.name.split('.')[0]}.py")()
    model.load_state_dict(weights, strict=True)
    with torch.no_grad():
        result = model.eval()(*(t.clone() for t in inputs.values()))
    found = kiln.run(file, weights_file, inputs)
    if not isinstance(result, dict):
        result = {next(iter(graph["outputs"])): result}
    expected = {name.removeprefix("."): tensor for name, tensor in flat(result)}
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        same(found[name], tensor, name)
