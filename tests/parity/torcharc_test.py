"""TorchArc YAML: recorded cases, refusals at the offending key, and back again."""

import json
import subprocess

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def flags(inputs):
    """`--input` for recorded inputs."""
    out = []
    for entry in inputs:
        out += ["--input", f"{entry['name']}={'x'.join(map(str, entry['shape']))}:{entry['dtype']}"]
    return out


def flat(tree, name="output"):
    """A recorded tree of outputs as {name of the tensor file: spec}."""
    if tree["kind"] == "tensor":
        return {name: tree}
    items = tree["items"].items() if tree["kind"] == "dict" else enumerate(tree["items"])
    return {k: v for key, item in items for k, v in flat(item, f"{name}.{key}").items()}


def cases(shared):
    """(file, case, numerics) of all recorded specs."""
    folder = shared / "acceptance/torcharc"
    numerics = {c["spec"]: folder / "numerics" / c["file"] for c in json.loads((folder / "numerics/index.json").read_text())["cases"]}
    for case in json.loads((folder / "expected.json").read_text())["specs"]:
        yield folder / "spec" / case["spec"], case, numerics.get(case["spec"]) if "variant" not in case else None
    for case in json.loads((folder / "small/expected.json").read_text())["specs"]:
        yield folder / "small" / case["spec"], case, folder / "small" / case["numerics"]


def spec_of(entries, key="key"):
    return {entry[key]: (list(entry["shape"]), entry["dtype"]) for entry in entries}


def check_summary(kiln, file, case):
    summary = kiln.json("summary", file, *flags(case["inputs"]))
    assert spec_of(summary["state_dict"]) == spec_of(case["state_dict"])
    assert summary["trainable"] == case["parameters_total"]
    want = {k.removeprefix("output."): (list(v["shape"]), v["dtype"]) for k, v in flat(case["outputs"]).items()}
    assert spec_of(summary["outputs"], "name") == want
    assert [o["name"] for o in summary["outputs"]] == list(want)


def run(kiln, file, case, tensors):
    """Outputs of the trainer and of the generated Python for recorded inputs and weights."""
    weights = {k.removeprefix("weights."): v for k, v in tensors.items() if k.startswith("weights.")}
    inputs = {k.removeprefix("input."): v for k, v in tensors.items() if k.startswith("input.")}
    paths = [kiln.path(".safetensors") for _ in range(3)]
    save_file(weights, paths[0])
    save_file(inputs, paths[1])
    kiln.json("run", file, *flags(case["inputs"]), "--weights", paths[0], "--inputs", paths[1], "-O", paths[2])
    return load_file(paths[2]), weights, inputs


def compare(got, tensors):
    want = {k.removeprefix("output."): v for k, v in tensors.items() if k == "output" or k.startswith("output.")}
    assert set(got) == set(want)
    for name, tensor in want.items():
        torch.testing.assert_close(got[name], tensor, **TOLERANCE)


def test_recorded_cases(kiln, shared):
    for file, case, numerics in cases(shared):
        check_summary(kiln, file, case)
        if numerics is None:
            continue
        tensors = load_file(numerics)
        got, weights, inputs = run(kiln, file, case, tensors)
        compare(got, tensors)
        module = kiln.path(".py")
        kiln.json("codegen", file, *flags(case["inputs"]), "--target", "python", "-O", module)
        from conftest import load

        model = load(module)()
        model.load_state_dict(weights, strict=True)
        with torch.no_grad():
            result = model.eval()(*[inputs[entry["name"]] for entry in case["inputs"]])

        def leaves(value, name):
            if isinstance(value, torch.Tensor):
                return {name: value}
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return {k: v for key, item in items for k, v in leaves(item, f"{name}.{key}" if name else str(key)).items()}

        compare(leaves(result, "") if not isinstance(result, torch.Tensor) else {"output": result}, tensors)


def test_written_back_unchanged(kiln, shared):
    folder = shared / "acceptance/torcharc"
    for file in [*sorted((folder / "spec").rglob("*.yaml")), *sorted((folder / "small").glob("*.yaml"))]:
        out, again = kiln.path(".yaml"), kiln.path(".yaml")
        kiln.json("convert", file, "--to", "torcharc", "-O", out)
        assert yaml.safe_load(out.read_text()) == yaml.safe_load(file.read_text()), file
        kiln.json("convert", out, "--to", "torcharc", "-O", again)
        assert out.read_text() == again.read_text()
        # The way by our own form loses nothing either.
        for form in ["native", "json"]:
            native = kiln.path(".kiln.yaml")
            kiln.json("convert", file, "--to", form, "-O", native)
            kiln.json("convert", native, "--to", "torcharc", "-O", again)
            assert out.read_text() == again.read_text()


def validate(kiln, text, *more):
    path = kiln.path(".yaml")
    path.write_text(text)
    done = subprocess.run([kiln.bin_dir / "kiln", "validate", path, *more, "-o", "json"], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)["diagnostics"]


def test_refused_at_the_offending_key(kiln, shared):
    folder = shared / "acceptance/torcharc/invalid"
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        for inputs in [[], ["--input", "x=4x8"]]:
            if inputs and case["file"] == "graph_two_tildes.yaml":
                continue
            found = validate(kiln, (folder / case["file"]).read_text(), *inputs)
            places = [case["path"], *case["also_accept"]]
            hits = [d for d in found if d["severity"] == "error" and d.get("path") in places
                    and all(word in d["message"] for word in case["must_mention"])]
            assert hits, (case, found)
            assert hits[0]["line"] > 1 and hits[0]["column"] > 0
            # One fault is one error.
            errors = [d for d in found if d["severity"] == "error" and d["code"] != "MISSING_SHAPE"]
            assert len(errors) <= 2, errors


HEAD = "modules:\n  a: {Linear: {in_features: 4, out_features: 4}}\n"
FAULTS = {
    "modules.a.Linear.bias": "modules:\n  a: {Linear: {in_features: 4, out_features: 4, bias: 3}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.Linear": "modules:\n  a: {Linear: {out_features: 4}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.LazyLinear.in_features": "modules:\n  a: {LazyLinear: {in_features: 4, out_features: 4}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.Sequential[1].Dropout.p": "modules:\n  a: {Sequential: [{ReLU: }, {Dropout: {p: 2}}]}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.SEBlock": "modules:\n  a: {SEBlock: }\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.TorchFn.name": "modules:\n  a: {TorchFn: {name: load, f: x.pt}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "modules.a.compact.layer.args[0][1]": "modules:\n  a: {compact: {layer: {type: LazyConv2d, keys: [out_channels, kernel_size], args: [[4, 0]]}}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "graph.modules.a": HEAD + "graph: {input: x, modules: {a: x}, output: a}\n",
    "graph.modules.a[0]": HEAD + "graph: {input: x, modules: {a: [y]}, output: a}\n",
    "graph.modules.a.inputs": HEAD + "graph: {input: x, modules: {a: {inputs: x}}, output: a}\n",
    "graph.output": HEAD + "graph: {input: x, modules: {a: [x]}, output: b}\n",
    "graph.output[1]": HEAD + "graph: {input: x, modules: {a: [x]}, output: [a, b]}\n",
    "graph.output.k": HEAD + "graph: {input: x, modules: {a: [x]}, output: {k: b}}\n",
    "graph.input[1]": HEAD + "graph: {input: [x, x], modules: {a: [x]}, output: a}\n",
    "graph": HEAD + "graph: {modules: {a: [x]}, output: a}\n",
    "modules.m": "modules:\n  m: ReLU\ngraph: {input: x, modules: {m: [x]}, output: m}\n",
    "graph.modules.m": "modules:\n  m: {MergeConcat: }\ngraph: {input: [x, y], modules: {m: [x, y]}, output: m}\n",
}


@pytest.mark.parametrize("path", FAULTS)
def test_faults_are_located(kiln, path):
    shape = [] if path == "graph" or "[x, " in FAULTS[path] else ["--input", "x=2x4x8x8" if "Conv" in FAULTS[path] else "x=2x4"]
    for inputs in [[], shape]:
        found = [d for d in validate(kiln, FAULTS[path], *inputs) if d["severity"] == "error" and d["code"] != "MISSING_SHAPE"]
        assert path in [d.get("path") for d in found], found


def test_legal_oddities(kiln):
    text = """
shared: &c {out_features: 3}
modules:
  x: {LazyLinear: {<<: *c, bias: false}}
  spare: {ReLU: }
  none: {Sequential: }
graph:
  note: 1
  input: x
  modules:
    x: [x]
    none~a: [x]
    none~b: [none~a]
  output: {a: none~b, "b c": x}
"""
    path, out, model = kiln.path(".yaml"), kiln.path(".yaml"), kiln.path(".py")
    path.write_text(text)
    found = validate(kiln, text, "--input", "B x 4".replace(" ", ""))
    assert sorted((d["severity"], d["code"]) for d in found) == [("warning", "TA_UNUSED_MODULE"), ("warning", "UNKNOWN_FIELD"), ("warning", "UNKNOWN_FIELD")]
    summary = kiln.json("summary", path, "--input", "Bx4")
    assert [entry["key"] for entry in summary["state_dict"]] == ["x.weight"]
    kiln.json("convert", path, "--to", "torcharc", "-O", out)
    assert yaml.safe_load(out.read_text()) == yaml.safe_load(text)
    kiln.json("codegen", path, "--input", "2x4", "--target", "python", "-O", model)


def test_names_with_dots_are_groups_of_modules(kiln):
    """As torch.fx makes them of such a file: `enc.left.fc` is three levels of the state_dict."""
    text = """
modules:
  enc.left.fc: {Linear: {in_features: 4, out_features: 3}}
  enc.right: {Linear: {in_features: 4, out_features: 3, bias: false}}
  enc.left.act: {ReLU: }
  list.1: {Linear: {in_features: 3, out_features: 2}}
  list.0: {Linear: {in_features: 3, out_features: 3}}
  add: {MergeSum: }
graph:
  input: x
  modules: {enc.left.fc: [x], enc.left.act: [enc.left.fc], enc.right: [x], add: [[enc.left.act, enc.right]], list.0: [add], list.1: [list.0], list.0~2: [list.0]}
  output: [list.1, list.0~2]
"""
    file, module, out, path = (kiln.path(suffix) for suffix in [".yaml", ".py", ".yaml", ".safetensors"])
    file.write_text(text)
    kiln.json("init", file, "--input", "2x4", "-O", path)
    weights = load_file(path)
    want = {"enc.left.fc.weight": [3, 4], "enc.left.fc.bias": [3], "enc.right.weight": [3, 4], "list.0.weight": [3, 3], "list.0.bias": [3],
            "list.1.weight": [2, 3], "list.1.bias": [2]}
    assert {k: list(v.shape) for k, v in weights.items()} == want
    kiln.json("codegen", file, "--input", "2x4", "--target", "python", "-O", module)
    from conftest import load

    model = load(module)()
    model.load_state_dict(weights, strict=True)
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(3))
    first = torch.relu(x @ weights["enc.left.fc.weight"].T + weights["enc.left.fc.bias"]) + x @ weights["enc.right.weight"].T
    second = first @ weights["list.0.weight"].T + weights["list.0.bias"]
    for got, wanted in zip(model(x), [second @ weights["list.1.weight"].T + weights["list.1.bias"], second @ weights["list.0.weight"].T + weights["list.0.bias"]]):
        torch.testing.assert_close(got, wanted, **TOLERANCE)
    kiln.json("convert", file, "--to", "torcharc", "-O", out)
    assert yaml.safe_load(out.read_text()) == yaml.safe_load(text)


def test_fixed_and_written_back(kiln):
    text = HEAD.replace("out_features", "out_feature") + "graph: {input: x, modules: {a: [x]}, output: a}\n"
    path = kiln.path(".yaml")
    path.write_text(text)
    done = kiln.json("fix", path, "--input", "x=2x4")
    assert done["valid"] and [f["code"] for f in done["applied"]] == ["UNKNOWN_PARAM"]
    assert yaml.safe_load(path.read_text())["modules"] == {"a": {"Linear": {"in_features": 4, "out_features": 4}}}


def test_native_graphs_are_written(kiln):
    """A graph of ours, its sizes inferred: the same numbers after the way through the format."""
    graph = {
        "graphkiln": 1, "variables": {"w": 6},
        "inputs": {"x": {"shape": [2, 5, 4]}},
        "nodes": {
            "rnn": {"type": "GRU", "in": "x", "params": {"hidden_size": "$w", "batch_first": True}},
            "fc": {"type": "Linear", "in": "rnn.output", "params": {"out_features": "$w"}},
            "again": {"type": "Linear", "in": "fc", "module": "fc"},
            "cat": {"type": "Concat", "in": [["fc", "again"]], "params": {"dim": 2}},
            "body": {"type": "Sequential", "in": "cat", "children": [{"type": "LayerNorm"}, {"type": "GELU"}]}},
        "outputs": {"y": "body", "h": "rnn.h_n"}}
    file, out = kiln.graph_file(graph), kiln.path(".yaml")
    kiln.json("convert", file, "--to", "torcharc", "-O", out)
    assert yaml.safe_load(out.read_text())["modules"]["body"] == {"Sequential": [{"LayerNorm": {"normalized_shape": 12}}, {"GELU": None}]}
    weights, path = kiln.init(file)
    back = kiln.json("summary", out, "--input", "2x5x4")
    assert spec_of(back["state_dict"]) == {k: (list(v.shape), "float32") for k, v in weights.items()}
    inputs = {"x": torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))}
    want = kiln.run(file, path, inputs)
    given, got = kiln.path(".safetensors"), kiln.path(".safetensors")
    save_file(inputs, given)
    kiln.json("run", out, "--input", "2x5x4", "--weights", path, "--inputs", given, "-O", got)
    for name, tensor in load_file(got).items():
        torch.testing.assert_close(tensor, want[name], **TOLERANCE)


def through(kiln, graph, shapes):
    """A graph of ours by way of a TorchArc file: the same weights by the same names, the same numbers."""
    file, out = kiln.graph_file(graph), kiln.path(".yaml")
    kiln.json("convert", file, "--to", "torcharc", "-O", out)
    inputs = [flag for name, shape in shapes.items() for flag in ["--input", f"{name}={'x'.join(map(str, shape))}"]]
    weights, path = kiln.init(file)
    back = kiln.json("summary", out, *inputs)
    assert spec_of(back["state_dict"]) == {k: (list(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in weights.items()}
    given, got = kiln.path(".safetensors"), kiln.path(".safetensors")
    values = {name: torch.randn(shape, generator=torch.Generator().manual_seed(1)) for name, shape in shapes.items()}
    save_file(values, given)
    kiln.json("run", out, *inputs, "--weights", path, "--inputs", given, "-O", got)
    (want,), (found,) = kiln.run(file, path, values).values(), load_file(got).values()
    torch.testing.assert_close(found, want, **TOLERANCE)
    return yaml.safe_load(out.read_text())


def test_what_modules_cannot_hold_is_taken_apart(kiln):
    """Composites and containers in containers: their weights keep their names."""
    block = {"params": {"width": {"type": "int"}}, "inputs": {"x": {}},
             "nodes": {"conv": {"type": "Conv2d", "in": "x", "params": {"out_channels": "$width", "kernel_size": 1}},
                       "fc": {"type": "ResidualBlock", "in": "conv", "params": {"out_channels": "$width"}},
                       "twice": {"type": "Add", "in": ["conv", "fc"]}}, "outputs": {"y": "twice"}}
    graph = {
        "graphkiln": 1, "composites": {"Own": block}, "inputs": {"x": {"shape": [2, 3, 8, 8]}},
        "nodes": {
            "res": {"type": "ResidualBlock", "in": "x", "params": {"out_channels": 4, "stride": 2}},
            "vgg": {"type": "VGGBlock", "in": "res", "params": {"c1": 4, "c2": 5, "use_lrn": True}},
            "own": {"type": "Own", "in": "vgg", "params": {"width": 3}},
            "more": {"type": "ReLU", "in": "own"},
            "body": {"type": "Sequential", "in": "more", "children": [
                {"type": "Sequential", "children": [{"type": "Conv2d", "params": {"out_channels": 2, "kernel_size": 1}}, {"type": "ReLU"}]},
                {"type": "Flatten"}, {"type": "Linear", "params": {"out_features": 3}}]},
            "square": {"type": "Mul", "in": ["body", "body"]}},
        "outputs": {"y": "square"}}
    document = through(kiln, graph, {"x": [2, 3, 8, 8]})
    assert {"res.conv1", "res.projection", "vgg.bn2", "own.fc.bn1", "body.0", "body.2"} <= set(document["modules"])
    assert document["modules"]["body.0"] == {"Sequential": [{"LazyConv2d": {"kernel_size": 1, "out_channels": 2}}, {"ReLU": None}]}
    assert document["modules"]["square"] == {"MergeProd": {"dim": 0}}


NAMES = {
    "an input's name": ({"x": [2, 5, 4], "l_output": [2, 5, 6]}, {
        "l": {"type": "LSTM", "in": "x", "params": {"hidden_size": 6, "batch_first": True}},
        "s": {"type": "ReLU", "in": "l.output"}, "t": {"type": "Add", "in": ["s", "l_output"]}}),
    "an output alone": ({"x": [2, 3, 8, 8]}, {
        "p": {"type": "MaxPool2d", "in": "x", "params": {"kernel_size": 2}}, "s": {"type": "ReLU", "in": "p.output"}}),
    "a child's name": ({"x": [2, 4]}, {
        "s": {"type": "Sequential", "in": "x", "children": {"0": {"type": "Linear", "params": {"out_features": 4}, "name": "foo"}}},
        "lin": {"type": "Linear", "in": "s", "params": {"out_features": 4}}}),
}


@pytest.mark.parametrize("what", NAMES)
def test_names_keep_their_meaning(kiln, what):
    shapes, nodes = NAMES[what]
    through(kiln, {"graphkiln": 1, "inputs": {k: {"shape": v} for k, v in shapes.items()}, "nodes": nodes, "outputs": {"y": list(nodes)[-1]}}, shapes)


@pytest.mark.parametrize("out", ["last", "mean", "max", "seq"])
def test_recurrent_blocks_are_taken_apart(kiln, out):
    graph = {"graphkiln": 1, "inputs": {"x": {"shape": [2, 5, 4]}},
             "nodes": {"rnn": {"type": "GRUBlock", "in": "x", "params": {"hidden_size": 3, "out": out}}}, "outputs": {"y": "rnn"}}
    assert "rnn.gru" in through(kiln, graph, {"x": [2, 5, 4]})["modules"]


def test_sums_that_broadcast_are_told(kiln):
    graph = {"graphkiln": 1, "inputs": {"x": {"shape": [2, 8]}, "y": {"shape": [2, 1]}},
             "nodes": {"s": {"type": "Add", "in": ["x", "y"]}}, "outputs": {"s": "s"}}
    done = subprocess.run([kiln.bin_dir / "kiln", "convert", kiln.graph_file(graph), "--to", "torcharc", "-o", "json"], capture_output=True, text=True)
    (found,) = json.loads(done.stdout)["diagnostics"]
    assert (done.returncode, found["code"], found["node"]) == (3, "UNSUPPORTED", "s")
    assert "float32[2, 8] and float32[2, 1]" in found["message"]


def test_what_the_format_lacks_is_told(kiln):
    graph = {"graphkiln": 1, "inputs": {"x": {"shape": [2, 8, 4]}},
             "nodes": {"se": {"type": "SEBlock", "in": "x", "params": {"reduction": 2}}}, "outputs": {"y": "se"}}
    done = subprocess.run([kiln.bin_dir / "kiln", "convert", kiln.graph_file(graph), "--to", "torcharc", "-o", "json"], capture_output=True, text=True)
    assert done.returncode == 3
    assert [(d["code"], d["node"]) for d in json.loads(done.stdout)["diagnostics"]] == [("UNSUPPORTED", "se")]


BOMBS = {
    "aliases": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{i + 1}: &a{i + 1} [" + ", ".join([f"*a{i}"] * 9) + "]\n" for i in range(12))
    + HEAD + "graph: {input: x, modules: {a: [x]}, output: a}\n",
    "depth": "modules: " + "[" * 5000 + "]" * 5000 + "\n",
    "rows": "modules:\n  a: {compact: {prelayer: [" + "{ReLU: }, " * 2000 + "], layer: {type: LazyLinear, keys: [out_features], args: [" + "4, " * 5000 + "]}}}\ngraph: {input: x, modules: {a: [x]}, output: a}\n",
    "calls": HEAD + "graph:\n  input: x\n  modules:\n    a: [x]\n" + "".join(f"    a~{i}: [a]\n" for i in range(210_000)) + "  output: a\n",
    "wrong names": "modules:\n" + "".join(f"  m{i}: {{Linera{i}: }}\n" for i in range(20_000)) + "graph:\n  input: x\n  modules:\n"
    + "".join(f"    m{i}: [y{i}]\n" for i in range(20_000)) + "  output: m1\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(kiln, name):
    found = validate(kiln, BOMBS[name], "--from", "torcharc")
    assert any(d["severity"] == "error" for d in found)


def test_ten_thousand_modules(kiln):
    text = "modules:\n" + "".join(f"  m{i}: {{ReLU: }}\n" for i in range(10_000)) + "graph:\n  input: x\n  modules:\n    m0: [x]\n"
    text += "".join(f"    m{i}: [m{i - 1}]\n" for i in range(1, 10_000)) + "  output: m9999\n"
    assert validate(kiln, text, "--input", "2x2") == []
