"""TorchCanvas graph JSON: recorded cases, refusals at the named place, and back again."""

import json
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def flags(inputs):
    out = []
    for entry in inputs:
        out += ["--input", f"{entry['id']}={'x'.join(map(str, entry['shape']))}:{entry['dtype']}"]
    return out


def folder_of(shared):
    return shared / "acceptance/torchcanvas"


def check_summary(kiln, file, case):
    summary = kiln.json("summary", file, *flags(case["inputs"]))
    wanted = case.get("alternative", case)
    assert summary["trainable"] == wanted["parameters_total"], case["graph"]
    assert len(summary["state_dict"]) == wanted["state_dict_entries"]
    assert [(o["name"], o["shape"]) for o in summary["outputs"]] == [(o["id"], o["shape"]) for o in case["outputs"]]
    shapes = {n["id"]: n["outputs"][0]["shape"] for n in kiln.json("validate", file, *flags(case["inputs"]))["nodes"]}
    for node, shape in case.get("node_shapes", {}).items():
        if node not in {i["id"] for i in case["inputs"]}:
            assert shapes[node] == shape, (case["graph"], node)
    return summary


def prefixes(kiln, file, case):
    """Key prefix by node position: ids that are no identifiers get one."""
    ids = [n["id"] for n in json.loads(file.read_text())["nodes"]]
    keys = [e["key"] for e in kiln.json("summary", file, *flags(case["inputs"]))["state_dict"]]
    seen = list(dict.fromkeys(k.split(".")[0] for k in keys))
    nodes = list(dict.fromkeys(e["node"] for e in case["state_dict"]))
    assert len(seen) == len(nodes)
    return {f"#{ids.index(node)}": prefix for node, prefix in zip(nodes, seen)}, ids


def test_recorded_cases(kiln, shared):
    folder = folder_of(shared)
    for case in json.loads((folder / "expected.json").read_text())["cases"]:
        file = folder / case["graph"]
        summary = check_summary(kiln, file, case)
        for other in case.get("at_other_sizes", []):
            assert kiln.json("summary", file, *flags(other["inputs"]))["trainable"] == other["parameters_total"]
        got = {e["key"]: e["shape"] for e in summary["state_dict"]}
        hostile = "hostile" in case["graph"]
        if not hostile and "alternative" not in case:
            assert got == {e["key"]: e["shape"] for e in case["state_dict"]}, case["graph"]
        if "numerics" not in case:
            continue
        tensors = load_file(folder / case["numerics"])
        names, ids = prefixes(kiln, file, case) if hostile else ({}, [])
        weights, inputs, wanted = {}, {}, {}
        for key, tensor in tensors.items():
            kind, name = key.split(".", 1)
            head, _, tail = name.partition(".")
            if kind == "weights":
                weights[f"{names.get(head, head)}.{tail}"] = tensor
            elif hostile:
                (inputs if kind == "input" else wanted)[ids[int(name[1:])]] = tensor
            else:
                (inputs if kind == "input" else wanted)[name] = tensor
        paths = [kiln.path(".safetensors") for _ in range(3)]
        save_file(weights, paths[0])
        save_file(inputs, paths[1])
        kiln.json("run", file, *flags(case["inputs"]), "--weights", paths[0], "--inputs", paths[1], "-O", paths[2])
        result = load_file(paths[2])
        assert set(result) == set(wanted)
        for name, tensor in wanted.items():
            torch.testing.assert_close(result[name], tensor, **TOLERANCE)


def test_written_back_unchanged(kiln, shared):
    for file in sorted((folder_of(shared) / "graphs").glob("*.json")):
        out, again, native = kiln.path(".json"), kiln.path(".json"), kiln.path(".kiln.yaml")
        kiln.json("convert", file, "--to", "torchcanvas", "-O", out)
        assert json.loads(out.read_text()) == json.loads(file.read_text()), file
        kiln.json("convert", file, "--to", "native", "-O", native)
        kiln.json("convert", native, "--to", "torchcanvas", "-O", again)
        assert out.read_text() == again.read_text(), file


def validate(kiln, text, *more):
    path = kiln.path(".json")
    path.write_text(text)
    done = subprocess.run([kiln.bin_dir / "kiln", "validate", path, *more, "-o", "json"], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)["diagnostics"]


def test_refused_at_the_named_place(kiln, shared):
    folder = folder_of(shared) / "invalid"
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        names = {n["id"] for n in json.loads((folder / case["graph"]).read_text())["nodes"] if n["type"] == "Input"}
        inputs = flags([i for i in case["inputs"] if i["id"] in names])
        found = validate(kiln, (folder / case["graph"]).read_text(), *inputs)
        at = case["at"]
        severities = ["error", "warning"] if "severity" in at else ["error"]
        place = f"edges[{at['edge']}]" if "edge" in at else at.get("path")
        hits = [d for d in found if d["severity"] in severities and all(w in d["message"] for w in case["must_mention"])
                and (d.get("path") == place if place else d.get("node") in at["nodes_any_of"])]
        assert hits, (case, found)
        assert all(d["line"] > 0 for d in hits)
        if "insert" in case.get("suggested_fix", {}):
            edits = hits[0]["fixes"][0]["edits"]
            assert (edits[0]["op"], edits[0]["type"], edits[0]["in"]) == ("add_node", "Permute_BCT_to_BTH", ["c"])
        if "set" in case.get("suggested_fix", {}):
            want = case["suggested_fix"]["set"]
            edits = [e for d in hits for f in d["fixes"] for e in f["edits"]]
            assert any(e["op"] == "set_param" and e["param"] == want["param"] and e["value"] == want["value"] for e in edits)


def graph(nodes, edges, **more):
    return json.dumps({"version": "0.2", "nodes": nodes, "edges": edges, "inputs": ["x"], "outputs": [nodes[-1]["id"]], **more})


X = {"id": "x", "type": "Input"}
FAULTS = {
    "nodes[1].params.kernel": graph([X, {"id": "c", "type": "Conv1d", "params": {"out_channels": 2, "kernel_size": 3, "kernel": 3}}], [["x", "c"]]),
    "nodes[1].type": graph([X, {"id": "c"}], [["x", "c"]]),
    "nodes[1].id": graph([X, {"type": "ReLU", "id": ""}], []),
    "edges[0]": graph([X, {"id": "r", "type": "ReLU"}], ["x"]),
    "edges[1]": graph([X, {"id": "r", "type": "ReLU"}], [["x", "r"], ["r", "x"]]),
    "outputs[0]": graph([X, {"id": "r", "type": "ReLU"}], [["x", "r"]], outputs=[3]),
    "outputs[1]": graph([X, {"id": "r", "type": "ReLU"}], [["x", "r"]], outputs=["r", "r"]),
    "inputs[1]": graph([X, {"id": "r", "type": "ReLU"}], [["x", "r"]], inputs=["x", "x"]),
    "nodes[1].params": graph([X, {"id": "r", "type": "ReLU", "params": [1]}], [["x", "r"]]),
    "nodes": json.dumps({"version": "0.2", "nodes": {}, "edges": [], "inputs": [], "outputs": []}),
}


@pytest.mark.parametrize("path", FAULTS)
def test_faults_are_located(kiln, path):
    found = validate(kiln, FAULTS[path], "--from", "torchcanvas")
    assert path in [d.get("path") for d in found if d["severity"] == "error"], found


def test_dialects(kiln):
    """Paddings as texts, positions, an Output with classes, and one written again after a change."""
    text = graph([X | {"x": 1, "y": 2.5}, {"id": "c", "type": "Conv2d", "x": 7, "y": 8, "note": "n",
                                          "params": {"out_channels": 2, "kernel_size": 3, "padding": "valid"}},
                  {"id": "f", "type": "Flatten"}, {"id": "o", "type": "Output", "params": {"num_classes": 5}}],
                 [["x", "c"], ["c", "f"], ["f", "o"]], extra={"k": 1})
    path, out = kiln.path(".json"), kiln.path(".json")
    path.write_text(text)
    summary = kiln.json("summary", path, "--input", "Bx1x4x4")
    assert summary["outputs"][0]["shape"] == ["B", 5] and summary["state_dict"][-1]["key"] == "o.bias"
    kiln.json("convert", path, "--to", "torchcanvas", "-O", out)
    assert json.loads(out.read_text()) == json.loads(text)
    native, changed = kiln.path(".kiln.json"), kiln.path(".json")
    kiln.json("convert", path, "--to", "json", "-O", native)
    document = json.loads(native.read_text())
    document["nodes"]["c"]["params"]["padding"] = 1
    native.write_text(json.dumps(document))
    kiln.json("convert", native, "--to", "torchcanvas", "-O", changed)
    assert json.loads(changed.read_text())["nodes"][1]["params"] == {"out_channels": 2, "kernel_size": 3, "padding": 1}


def test_sums_of_many_become_pairs(kiln):
    native = {"graphkiln": 1, "inputs": {"x": {"shape": [2, 3]}},
              "nodes": {"a": {"type": "ReLU", "in": "x"}, "b": {"type": "Tanh", "in": "x"}, "s": {"type": "Add", "in": [["x", "a", "b"]]}},
              "outputs": {"s": "s"}}
    out = kiln.path(".json")
    kiln.json("convert", kiln.graph_file(native), "--to", "torchcanvas", "-O", out)
    assert json.loads(out.read_text())["edges"][2:] == [["x", "s_1"], ["a", "s_1"], ["s_1", "s"], ["b", "s"]]
    assert kiln.json("summary", out, "--input", "2x3")["outputs"] == [{"name": "s", "shape": [2, 3], "dtype": "float32"}]


def test_a_million_nodes_are_refused(kiln):
    nodes = [X] + [{"id": f"r{i}", "type": "ReLU"} for i in range(1_000_000)]
    path = kiln.path(".json")
    path.write_text(graph(nodes, [["x", "r0"]]))
    done = subprocess.run([kiln.bin_dir / "kiln", "validate", path, "-o", "json"], capture_output=True, text=True)
    assert done.returncode == 3
    assert "LIMIT" in [d["code"] for d in json.loads(done.stdout)["diagnostics"]] or "limit" in done.stdout or "more than" in done.stdout
