"""Plans of graphs: the program that is left computes what the whole graph computes; exported regions stand alone."""

import json
import os
import random
import subprocess

import pytest
import torch
import yaml
from random_graphs_test import Builder
from safetensors.torch import load_file, save_file

COUNT = 100 if os.environ.get("KILN_TEST_TIER") == "nightly" else 8
MODES = ["runtime", "freeze", "constant", "export"]

# Positions do not depend on the input: they are looked up once. `b` shares the weights of `a`.
POSITIONS = {
    "graphkiln": 1,
    "inputs": {"x": {"shape": ["B", 5, 6]}},
    "nodes": {
        "where": {"type": "aten.arange.default", "params": {"end": 5}, "compile": "constant"},
        "pos": {"type": "Embedding", "in": "where", "params": {"num_embeddings": 7, "embedding_dim": 6}, "compile": "constant"},
        "scaled": {"type": "Linear", "in": "pos", "params": {"out_features": 6}, "compile": "constant"},
        "sum": {"type": "Add", "in": ["x", "scaled"]},
        "norm": {"type": "LayerNorm", "in": "sum", "params": {"normalized_shape": [6]}, "compile": "freeze"},
        "enc": {"type": "GRU", "in": "norm", "params": {"hidden_size": 4, "batch_first": True}, "compile": "export"},
        "a": {"type": "Linear", "in": "enc.output", "params": {"out_features": 4}, "compile": "constant"},
        "b": {"type": "Linear", "in": "a", "module": "a", "params": {"out_features": 4}},
        "lost": {"type": "Linear", "in": "x", "params": {"out_features": 3}},
        "gone": {"type": "ReLU", "in": "lost"},
    },
    "outputs": {"y": "b", "h": "enc.h_n", "mid": "norm"},
}


def inputs_of(file_graph, seed):
    torch.manual_seed(seed)
    return {name: torch.randn([3 if d == "B" else d for d in spec["shape"]]) for name, spec in file_graph["inputs"].items()}


def planned(kiln, file, *flags):
    out = kiln.path(".dir")
    return kiln.json("plan", file, "--export-dir", out, *flags), out


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.shape == right[name].shape and value.dtype == right[name].dtype
        assert torch.allclose(value, right[name], rtol=1e-5, atol=1e-6, equal_nan=True), name


def test_positions_are_computed_once(kiln):
    file = kiln.graph_file(POSITIONS)
    weights, path = kiln.init(file, seed=3)
    document, out = planned(kiln, file, "--weights", path)
    assert document["frozen"] == ["norm"] and document["exported"] == ["enc"]
    assert document["constant"] == ["a", "pos", "scaled", "where"]
    assert document["dead"] == ["gone", "lost"] and document["runtime"] == ["b", "sum"]
    assert document["active_regions"] == ["b", "norm", "sum"] and document["eliminated"] == 7
    assert document["active_connections"] == [["sum", "norm"]]
    assert document["constants"] == ["scaled.value"]
    shared = [d for d in document["diagnostics"] if d["code"] == "SHARED_MODULE"]
    assert len(shared) == 1 and '"a"' in shared[0]["message"] and '"b"' in shared[0]["message"]

    constants = load_file(out / "constants.safetensors")
    table, layer = weights["pos.weight"], (weights["scaled.weight"], weights["scaled.bias"])
    want = torch.nn.functional.linear(table[:5], *layer)
    assert torch.allclose(constants.pop("scaled.value"), want, atol=1e-6)
    keys = ["a.bias", "a.weight", "pos.weight", "scaled.bias", "scaled.weight"]
    assert sorted(constants) == keys and all(torch.equal(constants[k], weights[k]) for k in keys)

    program = json.loads((out / "planned.ir.json").read_text())
    kept = {p["key"]: p for p in program["parameters"]}
    assert set(kept) == {"scaled.value", "norm.weight", "norm.bias", "a.weight", "a.bias"} | {k for k in weights if k.startswith("enc.")}
    assert set(load_file(out / "planned.safetensors")) == set(kept)
    assert not any(p.get("trainable") for p in kept.values())
    assert {k for k, p in kept.items() if p.get("buffer")} == {"scaled.value", "a.weight", "a.bias"}
    assert not {call["op"] for call in program["calls"]} & {"aten.arange.default", "aten.embedding.default", "aten.relu.default"}

    given = inputs_of(POSITIONS, 5)
    for train in (False, True):
        whole = kiln.run(file, path, given, train=train)
        assert_equal(kiln.run(out / "planned.ir.json", out / "planned.safetensors", given, train=train), whole)

    # The exported region is a graph by itself, with weights under their full keys.
    manifest = json.loads((out / "enc.json").read_text())
    assert manifest["region"] == "enc" and manifest["family"] == "GRU"
    alone = load_file(manifest["path"])
    assert set(alone) == {k for k in weights if k.startswith("enc.")} and all(torch.equal(v, weights[k]) for k, v in alone.items())
    result = kiln.run(out / "enc.kiln.yaml", manifest["path"], {"input": whole["mid"]})
    assert_equal({"h_n": whole["h"]}, {"h_n": result["h_n"]})


def test_initial_weights_and_no_constants(kiln):
    graph = {"inputs": {"x": {"shape": ["B", 4]}}, "nodes": {"f": {"type": "Linear", "in": "x", "params": {"out_features": 2}, "compile": "export"},
             "r": {"type": "ReLU", "in": "f", "compile": "freeze"}}, "outputs": {"y": "r"}}
    file = kiln.graph_file(graph)
    document, out = planned(kiln, file, "--seed", 4)
    weights, path = kiln.init(file, seed=4)
    assert all(torch.equal(v, weights[k]) for k, v in load_file(out / "f.safetensors").items())
    assert not (out / "constants.safetensors").exists()
    # A mode that changes nothing is told.
    assert [(d["node"], d["param"]) for d in document["diagnostics"]] == [("r", "compile")]


def test_modes_hold_inside_of_composites(kiln):
    graph = {"inputs": {"x": {"shape": [2, 4, 6]}}, "nodes": {
        "box": {"type": "Sequential", "in": "x", "compile": "freeze", "children": {
            "a": {"type": "Linear", "params": {"out_features": 5}, "compile": "constant"},
            "b": {"type": "Linear", "params": {"out_features": 5}}}},
        "out": {"type": "Linear", "in": "box", "params": {"out_features": 2}}}, "outputs": {"y": "out"}}
    document, out = planned(kiln, kiln.graph_file(graph))
    assert document["frozen"] == ["box"] and document["constant"] == ["box.a"]
    kept = {p["key"]: p for p in json.loads((out / "planned.ir.json").read_text())["parameters"]}
    assert {k for k, p in kept.items() if p.get("trainable")} == {"out.weight", "out.bias"}
    assert {k for k, p in kept.items() if p.get("buffer")} == {"box.a.weight", "box.a.bias"}
    assert set(load_file(out / "constants.safetensors")) == {"box.a.weight", "box.a.bias"}


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_graphs(kiln, seed):
    rng = random.Random(seed)
    builder = Builder(900 + seed)
    for _ in range(rng.randint(4, 16)):
        builder.step()
    graph = builder.graph
    for node in graph["nodes"].values():
        if rng.random() < 0.6:
            node["compile"] = rng.choice(MODES)
    answer = kiln.tool("compile", [graph | {"outputs": {"y": next(iter(graph["inputs"]))}}])[0]
    bad = {d["node"] for d in answer["diagnostics"] if d["severity"] == "SEVERITY_ERROR"}
    while bad:  # nodes that do not type, and what hangs on them
        graph["nodes"] = {k: n for k, n in graph["nodes"].items() if k not in bad}
        names = set(graph["nodes"]) | set(graph["inputs"])
        refs = lambda n: [n["in"]] if isinstance(n["in"], str) else n["in"]  # noqa: E731
        bad = {k for k, n in graph["nodes"].items() if any(r.split(".")[0] not in names for r in refs(n))}
    several = {"LSTM", "GRU"}
    tensors = [k for k, n in graph["nodes"].items() if n["type"] not in several]
    chosen = rng.sample(tensors, min(len(tensors), rng.randint(1, 4))) or [next(iter(graph["inputs"]))]
    graph["outputs"] = {f"y{i}": name for i, name in enumerate(chosen)}
    file = kiln.graph_file(graph)
    _, path = kiln.init(file, seed=seed)
    document, out = planned(kiln, file, "--weights", path)
    given = inputs_of(graph, seed)
    assert_equal(kiln.run(out / "planned.ir.json", out / "planned.safetensors", given), kiln.run(file, path, given))
    nodes = set(graph["nodes"])
    assert set(document["active_regions"]) | set(document["constant"]) | set(document["exported"]) | set(document["dead"]) == nodes
    assert document["eliminated"] == len(nodes) - len(document["active_regions"])
    for region in document["exported"]:  # each can be validated and initialised by itself
        kiln.json("validate", out / f"{region}.kiln.yaml")


@pytest.mark.parametrize("template", ["digits_cnn", "conv_gru", "se_resnet"])
def test_templates(kiln, template, request):
    """Every second node of a template gets a mode; forward, eval, stays equal."""
    graph = yaml.safe_load((request.config.rootpath.parent / f"templates/models/{template}.kiln.yaml").read_text())
    for i, node in enumerate(graph["nodes"].values()):
        if i % 2 == 0:
            node["compile"] = MODES[1 + i // 2 % 3]
    path = kiln.graph_file(graph)
    _, weights = kiln.init(path, seed=1)
    document, out = planned(kiln, path, "--weights", weights)
    torch.manual_seed(0)
    given = {}
    for name, spec in graph["inputs"].items():
        shape = [2 if not isinstance(d, int) else d for d in spec["shape"]]
        given[name] = torch.randint(0, 5, shape) if spec.get("dtype", "float32").startswith("int") else torch.randn(shape)
    assert_equal(kiln.run(out / "planned.ir.json", out / "planned.safetensors", given), kiln.run(path, weights, given))


def test_python_freezes_the_same_weights(kiln):
    model = kiln.python(kiln.graph_file(POSITIONS))()
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    # `b` shares the weights of `a`, which is constant; `lost` is dead, but nobody froze it.
    assert learning == {"lost.weight", "lost.bias"}


def test_parameters_have_modes(kiln):
    param = {"type": "Parameter", "params": {"shape": [6], "init": "normal"}}
    nodes = {"p": param | {"compile": "freeze"}, "q": param | {"compile": "constant"}, "r": param, "s": param,
             "t": param | {"module": "s", "compile": "freeze"},
             "all": {"type": "Concat", "in": ["p", "q", "r", "s", "t"], "params": {"dim": 0}}}
    file = kiln.graph_file({"inputs": {"x": {"shape": ["B", 30]}}, "nodes": nodes | {"y": {"type": "Add", "in": ["x", "all"]}}, "outputs": {"y": "y"}})
    model = kiln.python(file)()
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == {"r"}
    document, out = planned(kiln, file)
    assert [(d["code"], d["node"]) for d in document["diagnostics"]] == [("SHARED_MODULE", "s")]
    program = json.loads((out / "planned.ir.json").read_text())
    assert {p["key"] for p in program["parameters"] if p.get("trainable")} == {"r"}


def test_weights_that_do_not_fit_are_refused(kiln):
    file = kiln.graph_file(POSITIONS)
    weights, _ = kiln.init(file)
    weights.pop("norm.bias")
    path = kiln.path(".safetensors")
    save_file(weights, path)
    done = subprocess.run([kiln.bin_dir / "kiln", "plan", file, "--weights", path, "--export-dir", kiln.path(".dir")], capture_output=True, text=True)
    assert done.returncode == 3 and "norm.bias" in done.stderr
