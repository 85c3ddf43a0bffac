"""Bypassed and muted nodes: trainer and generated Python against the graph without them."""

import torch
from safetensors.torch import save_file
from torch import nn


def tensor_of(spec, seed):
    gen = torch.Generator().manual_seed(seed)
    shape = spec["shape"]
    if spec["dtype"] == "bool":
        return torch.rand(shape, generator=gen) < 0.5
    if spec["dtype"] == "int64":
        return torch.randint(0, 3, shape, generator=gen)
    return torch.randn(shape, generator=gen).to(getattr(torch, spec["dtype"]))


def spec_of(example):
    shape = [int(d["size"]) for d in example["shape"]]
    return {"dtype": example["dtype"].removeprefix("DATA_TYPE_").lower(), "shape": shape}


def value_of(value):
    ((kind, content),) = value.items()
    if kind == "list_value":
        return [value_of(v) for v in content["values"]]
    if kind == "int_value":
        return int(content)
    if kind == "dtype_value":
        return content.removeprefix("DATA_TYPE_").lower()
    return None if kind == "null_value" else content


def bypassed(node):
    """A type's example as a bypassed node, and its inputs."""
    specs = [spec_of(e) for e in node["example"]["inputs"]]
    names = [f"{node['name']}_{k}" for k in range(len(specs))]
    ports, rest = {}, list(names)
    for port in node["inputs"]:
        if port["variadic"]:
            ports[port["name"]], rest = rest, []
        elif rest:
            ports[port["name"]] = rest.pop(0)
    params = {k: value_of(v) for k, v in node["example"]["params"].items()}
    written = {"type": node["name"], "in": ports, "params": params, "mode": "bypassed"}
    return written, dict(zip(names, specs, strict=True))


def test_every_type_that_stands_aside_is_its_input(kiln, registry):
    """All in one graph: what leaves it is what goes in, to the bit, in both backends."""
    lines, entries = [], []
    for node in registry["nodes"]:
        if not node["example"]["inputs"]:
            continue
        written, inputs = bypassed(node)
        lines.append({"graphkiln": 1, "inputs": inputs, "nodes": {"n": written}, "outputs": {"y": "n"}})
        entries.append((node["name"], written, inputs))
    answers = kiln.tool("compile", lines)
    graph = {"graphkiln": 1, "inputs": {}, "nodes": {}, "outputs": {}}
    for (name, written, inputs), answer in zip(entries, answers, strict=True):
        if not answer["ok"]:
            assert all(d["code"] == "BYPASS_SHAPE" and d["fixes"] for d in answer["diagnostics"]), name
            continue
        graph["inputs"] |= inputs
        graph["nodes"][name] = written
        graph["outputs"][name] = name
    assert len(graph["nodes"]) > 130
    inputs = {name: tensor_of(spec, n) for n, (name, spec) in enumerate(graph["inputs"].items())}
    file = kiln.graph_file(graph)
    weights, weights_file = kiln.init(file)
    assert weights == {}
    found = kiln.run(file, weights_file, inputs)
    model = kiln.python(file)()
    assert not model.state_dict()
    result = model(*inputs.values())
    for name in graph["nodes"]:
        first = inputs[f"{name}_{1 if name == 'Where' else 0}"]
        same = {k: v for k, v in found.items() if k == name or k.startswith(name + ".")}
        assert same, name
        values = result[name] if isinstance(result[name], tuple) else (result[name],)
        for value in (*same.values(), *values):
            assert torch.equal(value, first), name


def run_both(kiln, graph, inputs, weights=None):
    file = kiln.graph_file(graph)
    made, path = kiln.init(file)
    if weights is not None:
        assert {k: v.shape for k, v in made.items()} == {k: v.shape for k, v in weights.items()}
        path = kiln.path(".safetensors")
        save_file(weights, path)
        made = weights
    model = kiln.python(file)()
    model.load_state_dict({k: v.clone() for k, v in made.items()}, strict=True)
    with torch.no_grad():
        result = model.eval()(*inputs.values())
    found = kiln.run(file, path, inputs)
    result = result if isinstance(result, dict) else {next(iter(found)): result}
    assert result.keys() == found.keys()
    for name, tensor in result.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-5)
    return result, made


def test_ablated_chain_keeps_its_numbers(kiln):
    """An nn.Sequential whose bypassed modules became the identity: the others keep their keys."""
    children = [
        {"type": "Linear", "params": {"out_features": 32}},
        {"type": "ReLU", "mode": "bypassed"},
        {"type": "Linear", "params": {"out_features": 16}, "mode": "bypassed"},
        {"type": "ReLU"},
        {"type": "Linear", "params": {"out_features": 1}},
    ]
    graph = {
        "graphkiln": 1,
        "inputs": {"x": {"shape": ["B", 3]}},
        "nodes": {"net": {"type": "Sequential", "in": "x", "children": children}},
        "outputs": {"y": "net"},
    }
    x = torch.randn(4, 3)
    result, weights = run_both(kiln, graph, {"x": x})
    theirs = nn.Sequential(nn.Linear(3, 32), nn.Identity(), nn.Identity(), nn.ReLU(), nn.Linear(32, 1))
    theirs.load_state_dict({k.removeprefix("net."): v for k, v in weights.items()}, strict=True)
    torch.testing.assert_close(result["y"], theirs(x).detach())
    assert sum(v.numel() for v in weights.values()) == 161


def test_muted_branch_equals_the_graph_without_it(kiln):
    def graph(muted):
        nodes = {
            "a": {"type": "Linear", "in": "x", "params": {"out_features": 4}},
            "sum": {"type": "Add", "in": ["a", "act"] if muted else ["a", "x"]},
            "head": {"type": "Linear", "in": "sum", "params": {"out_features": 2}},
        }
        if muted:
            nodes["b"] = {"type": "Linear", "in": "x", "params": {"out_features": 4}, "mode": "muted"}
            nodes["act"] = {"type": "ReLU", "in": "b"}
            nodes["sum"]["in"] = ["a", "act", "x"]
            nodes["gone"] = {"type": "Softmax", "in": "act", "params": {"dim": 1}}
        outputs = {"y": "head"} | ({"z": "gone"} if muted else {})
        return {"graphkiln": 1, "inputs": {"x": {"shape": ["B", 4]}}, "nodes": nodes, "outputs": outputs}

    x = {"x": torch.randn(3, 4)}
    without, weights = run_both(kiln, graph(muted=False), x)
    muted, _ = run_both(kiln, graph(muted=True), x, weights)
    assert torch.equal(muted["y"], without["y"])
    assert muted.keys() == {"y"}


def test_muted_inside_of_a_composite(kiln):
    composite = {
        "inputs": {"input": {}},
        "nodes": {
            "keep": {"type": "Linear", "in": "input", "params": {"out_features": 3}},
            "gone": {"type": "Linear", "in": "input", "params": {"out_features": 3}, "mode": "muted"},
            "skip": {"type": "LayerNorm", "in": "keep", "mode": "bypassed"},
        },
        "outputs": {"kept": "skip", "lost": "gone"},
    }
    nodes = {"c": {"type": "Both", "in": "x"}, "cat": {"type": "Concat", "in": ["c.kept", "c.lost", "x"]}}
    graph = {"graphkiln": 1, "inputs": {"x": {"shape": ["B", 4]}}, "nodes": nodes, "outputs": {"y": "cat"}, "composites": {"Both": composite}}
    x = torch.randn(3, 4)
    result, weights = run_both(kiln, graph, {"x": x})
    assert set(weights) == {"c.keep.weight", "c.keep.bias"}
    expected = torch.cat([nn.functional.linear(x, weights["c.keep.weight"], weights["c.keep.bias"]), x], 1)
    torch.testing.assert_close(result["y"], expected)


def test_shared_weights_without_their_owner(kiln):
    nodes = {
        "a": {"type": "Linear", "in": "x", "params": {"out_features": 4}, "mode": "bypassed"},
        "b": {"type": "Linear", "in": "a", "module": "a"},
        "c": {"type": "Linear", "in": "b", "module": "a"},
    }
    graph = {"graphkiln": 1, "inputs": {"x": {"shape": ["B", 4]}}, "nodes": nodes, "outputs": {"y": "c"}}
    x = torch.randn(3, 4)
    result, weights = run_both(kiln, graph, {"x": x})
    linear = nn.Linear(4, 4)
    linear.load_state_dict({k.removeprefix("a."): v for k, v in weights.items()}, strict=True)
    torch.testing.assert_close(result["y"], linear(linear(x)).detach())
