"""Small graphs that ask for a lot: each command stays under 512 MB, and what is too much is told at the node that crosses it."""

import json

import pytest

from pace import FACTOR
from used import run

MOST = 512 << 20


def graph(nodes, outputs, shape, **more):
    inputs = {"x": {"dtype": "float32", "shape": shape}}
    return {"graphkiln": 1, "inputs": inputs, "nodes": nodes, "outputs": {f"y{n}": name for n, name in enumerate(outputs)}} | more


def chain(count, node, shape, port=""):
    nodes = {f"n{i}": {"in": f"n{i - 1}{port}" if i else "x", **node} for i in range(count)}
    return graph(nodes, [f"n{count - 1}{port}"], shape)


def layers(shared=False):
    """A thousand nodes of eight thousand weights."""
    params = {"hidden_size": 2, "num_layers": 1000, "bidirectional": True}
    nodes = {f"n{i}": {"type": "LSTM", "in": "x", "params": params} for i in range(1000)}
    for node in list(nodes.values())[1:] if shared else ():
        node["module"] = "n0"
    return graph(nodes, [f"{name}.output" for name in nodes], ["T", "B", 4])


def parts():
    """Nineteen million values of three hundred nodes."""
    nodes = {f"n{i}": {"type": "Unbind", "in": "x"} for i in range(300)}
    return graph(nodes, nodes, [65536, 2])


def joined():
    """Each size holds the one before it twice."""
    nodes = {}
    for i in range(8000):
        nodes[f"p{i}"] = {"type": "MaxPool1d", "in": f"c{i - 1}" if i else "x", "params": {"kernel_size": 2}}
        nodes[f"c{i}"] = {"type": "Concat", "in": {"inputs": [f"p{i}", "x"]}, "params": {"dim": -1}}
    return graph(nodes, ["c7999"], ["B", 4, "T"])


def long_names():
    """One size of four thousand characters that stands in every shape."""
    flat = {"flat": {"type": "Flatten", "in": "x", "params": {"start_dim": 0}}}
    acts = {f"n{i}": {"type": "ReLU", "in": f"n{i - 1}" if i else "flat"} for i in range(100_000)}
    return graph(flat | acts, ["n99999"], [f"{'size' * 15}{i}" for i in range(60)])


def repeated(node, shape):
    """Nearly as many nodes as a graph may have, in a few lines."""
    block = {"params": {"n": {"type": "int"}}, "inputs": {"x": {}}, "outputs": {"y": "b"}}
    block["nodes"] = {"b": {"in": "x", "repeat": "$n", **node}}
    nodes = {f"c{i}": {"type": "Block", "in": f"c{i - 1}" if i else "x", "params": {"n": 95_000}} for i in range(2)}
    return graph(nodes, ["c1"], shape, composites={"Block": block})


# name: graph, (code, node) of the first error
GRAPHS = {
    "layers": (layers, ("LIMIT", "n62")),
    "shared layers": (lambda: layers(shared=True), ("LIMIT", "n62")),
    "parts": (parts, ("LIMIT", "n12")),
    "ranks": (lambda: chain(190_000, {"type": "ReLU"}, [1] * 64), ("LIMIT", "n46875")),
    "sizes inside of sizes": (joined, ("SIZE_OVERFLOW", "p16")),
    "long sizes": (long_names, ("LIMIT", None)),
    "repeated": (lambda: repeated({"type": "Linear", "params": {"out_features": 4}}, ["B", 4]), None),
    "repeated weights": (lambda: repeated({"type": "BatchNorm2d"}, ["B", 4, 3, 3]), ("LIMIT", "c1")),
}


@pytest.mark.skipif(FACTOR > 1, reason="a build with sanitizers has other sizes")
@pytest.mark.parametrize("command", [("validate",), ("fix", "--dry-run"), ("plan",)], ids=lambda c: c[0])
@pytest.mark.parametrize("name", GRAPHS)
def test_memory_is_bounded(bin_dir, tmp_path, name, command):
    make, expected = GRAPHS[name]
    file = tmp_path / "graph.kiln.json"
    file.write_text(json.dumps(make()))
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        used = run([bin_dir / "kiln", command[0], file, *command[1:]], out, err)
    said = (tmp_path / "err").read_text()
    assert used.code == (3 if expected else 0), said[:4000]
    assert used.bytes <= MOST, f"{used.bytes >> 20} MB"
    print(f"{used.bytes >> 20} MB, {used.seconds:.1f} s")
    if expected:
        code, node = expected
        first = said[said.index("error: ") :].split("\n\n")[0]
        assert f"[{code}]" in first and (node is None or f"node {node}," in first), first[:2000]
