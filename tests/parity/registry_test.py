"""Every node type against PyTorch's own module: shapes, element types, parameters, values, gradients.

All cases stand side by side in one graph, so that one compilation, one initialisation and two runs of the trainer
serve them all.
"""

import inspect

import pytest
import torch
from cases import all_cases
from torch import nn

CASES = all_cases()
# Parameters of torch.nn that are no parameters of a graph.
NOT_OURS = {
    "device", "dtype",  # where tensors live is not the graph's business
    "size_average", "reduce",  # deprecated since PyTorch 0.4
    "_weight", "_freeze", "_random_samples",  # internal
    "min_value", "max_value",  # Hardtanh: deprecated
    "process_group",  # SyncBatchNorm: how processes meet is the trainer's business
}


def flat(value, prefix=""):
    """(path, tensor) of a nested result, as `kiln run` names them."""
    if isinstance(value, torch.Tensor):
        return [(prefix, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [entry for key, item in items for entry in flat(item, f"{prefix}.{key}")]


def graph_of(cases):
    graph = {"graphkiln": 1, "name": "all_types", "inputs": {}, "nodes": {}, "outputs": {}}
    for case in cases:
        ports = {}
        for port, value in case.inputs.items():
            values = value if isinstance(value, list) else [value]
            names = [f"{case.name}_{port}{k}" for k in range(len(values))]
            for name, tensor in zip(names, values, strict=True):
                dtype = str(tensor.dtype).removeprefix("torch.")
                graph["inputs"][name] = {"dtype": dtype, "shape": list(tensor.shape)}
            ports[port] = names if isinstance(value, list) else names[0]
        ports |= {port: ports[source] for port, source in case.wires.items()}
        graph["nodes"][case.name] = {"type": case.type, "in": ports, "params": case.params}
        graph["outputs"][case.name] = case.name
    return graph


def tensors_of(cases):
    out = {}
    for case in cases:
        for port, value in case.inputs.items():
            for k, tensor in enumerate(value if isinstance(value, list) else [value]):
                out[f"{case.name}_{port}{k}"] = tensor
    return out


def weights_of(all_weights, case):
    prefix = case.name + "."
    return {key[len(prefix) :]: value.clone() for key, value in all_weights.items() if key.startswith(prefix)}


class Reference:
    """PyTorch's side of a case."""

    def __init__(self, case, weights, train):
        made = case.reference()
        self.module = made if isinstance(made, nn.Module) else None
        if self.module is not None:
            self.module.load_state_dict(weights, strict=True)
            self.module.train(train)
        self.inputs = {
            port: [t.clone() for t in value] if isinstance(value, list) else value.clone()
            for port, value in case.inputs.items()
        }
        for tensor in self.leaves():
            tensor.requires_grad_(tensor.is_floating_point())
        if case.call is not None:
            self.output = case.call(made, self.inputs)
            return
        args = [tuple(v) if isinstance(v, list) and self.module is not None else v for v in self.inputs.values()]
        self.output = made(*args)

    def leaves(self):
        for value in self.inputs.values():
            yield from value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def world(kiln):
    file = kiln.graph_file(graph_of(CASES))
    weights, weights_file = kiln.init(file, seed=5)
    inputs = tensors_of(CASES)
    return {
        "file": file,
        "types": {node["id"]: node for node in kiln.json("validate", file)["nodes"]},
        "model": kiln.python(file),
        "weights": weights,
        "inputs": inputs,
        "eval": kiln.run(file, weights_file, inputs),
        "train": kiln.run(file, weights_file, inputs, train=True),
    }


def outputs_of(run, case):
    return {k: v for k, v in run.items() if k == case.name or k.startswith(case.name + ".")}


def same(found, expected, what):
    assert found.dtype == expected.dtype, what
    assert found.shape == expected.shape, what
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5, msg=lambda text: f"{what}: {text}")


def ids(case):
    return f"{case.name}({', '.join(f'{k}={v}' for k, v in case.params.items())})"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_trainer_equals_torch(world, case):
    weights = weights_of(world["weights"], case)
    for mode in ("eval", "train"):
        with torch.no_grad():
            reference = Reference(case, weights, train=mode == "train")
        found = outputs_of(world[mode], case)
        expected = dict(flat(reference.output, case.name))
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            if case.drawn or (mode == "train" and case.random):
                assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
            else:
                same(found[name], tensor.detach(), f"{mode} {name}")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_types_equal_torch(world, case):
    with torch.no_grad():
        reference = Reference(case, weights_of(world["weights"], case), train=False)
    expected = [
        {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)} for _, t in flat(reference.output)
    ]
    found = [{"dtype": o["dtype"], "shape": o["shape"]} for o in world["types"][case.name]["outputs"]]
    assert found == expected


@pytest.fixture(scope="module")
def generated(world):
    """The generated module after a training step's backward, with all that came of it."""
    model = world["model"]()
    model.load_state_dict({k: v.clone() for k, v in world["weights"].items()}, strict=True)
    model.train()
    # One type asking for a gradient that torch does not have would fail the whole forward.
    without = {name for name in tensors_of([case for case in CASES if not case.gradients])}
    inputs = [
        t.clone().requires_grad_(t.is_floating_point() and name not in without)
        for name, t in world["inputs"].items()
    ]
    outputs = model(*inputs)
    return model, dict(zip(world["inputs"], inputs, strict=True)), outputs


def scale(tensor):
    """Fixed weights for a sum, so that gradients of all elements differ."""
    return torch.arange(1, tensor.numel() + 1, dtype=tensor.dtype).reshape(tensor.shape).mul(0.37).sin()


def backward(output):
    parts = [(t * scale(t)).sum() for _, t in flat(output) if t.is_floating_point() and t.requires_grad]
    if parts:
        sum(parts).backward()


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_generated_python_equals_torch(generated, world, case):
    if case.random or not case.gradients:
        pytest.skip("draws random numbers" if case.random else "torch has no gradient to compare with")
    model, inputs, outputs = generated
    reference = Reference(case, weights_of(world["weights"], case), train=True)
    expected = dict(flat(reference.output))
    found = dict(flat(outputs[case.name]))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        same(found[name].detach(), tensor.detach(), f"output {name}")
    backward(reference.output)
    backward(outputs[case.name])
    leaves = [t for n, t in inputs.items() if n.startswith(case.name + "_")]
    for k, (ours, theirs) in enumerate(zip(leaves, reference.leaves(), strict=True)):
        assert (ours.grad is None) == (theirs.grad is None)
        if theirs.grad is not None:
            same(ours.grad, theirs.grad, f"gradient of input {k}")
    if reference.module is None:
        return
    part = getattr(model, case.name)
    for (name, ours), (_, theirs) in zip(part.named_parameters(), reference.module.named_parameters(), strict=True):
        if theirs.grad is None:  # the data did not reach this part
            assert ours.grad is None or not ours.grad.any(), f"gradient of {name}"
        else:
            same(ours.grad, theirs.grad, f"gradient of {name}")
    for (name, ours), (_, theirs) in zip(part.named_buffers(), reference.module.named_buffers(), strict=True):
        same(ours, theirs, f"buffer {name}")


def test_random_types_follow_the_seed(kiln, world):
    weights_file = kiln.path(".safetensors")
    from safetensors.torch import save_file

    save_file(world["weights"], weights_file)
    again = kiln.run(world["file"], weights_file, world["inputs"])
    other = kiln.run(world["file"], weights_file, world["inputs"], seed=1)
    drawn = [case for case in CASES if case.drawn]
    assert drawn
    for case in drawn:
        for name, tensor in outputs_of(world["eval"], case).items():
            assert torch.equal(tensor, again[name]), name
    assert any(not torch.equal(t, other[n]) for case in drawn for n, t in outputs_of(world["eval"], case).items())


def test_lazy_types_are_torchs(registry):
    """Each of torch.nn's lazy modules is the type that it becomes, with the same defaults."""
    lazy = {name for name in dir(nn) if name.startswith("Lazy")}
    known = {alias: node["name"] for node in registry["nodes"] for alias in node["aliases"]}
    assert set(known) == lazy
    for alias, name in known.items():
        node = next(n for n in registry["nodes"] if n["name"] == name)
        theirs = inspect.signature(getattr(nn, alias)).parameters
        ours = [p["name"] for p in node["params"] if not p["inferred"]]
        assert ours == [p for p in theirs if p not in NOT_OURS], alias
        assert getattr(nn, alias).cls_to_become is getattr(nn, name)


def test_every_type_and_parameter_has_a_case(registry):
    covered = {}
    for case in CASES:
        covered.setdefault(case.type, set()).update(case.params)
    missing = []
    for node in registry["nodes"]:
        # Get picks only; the others are no functions of their inputs, source_test.py covers them.
        if node["name"] in ("Get", "Parameter", "WeightOf"):
            continue
        for param in node["params"]:
            if param["name"] not in covered.get(node["name"], ()):
                missing.append(f"{node['name']}.{param['name']}")
        if node["name"] not in covered:
            missing.append(node["name"])
    assert not missing


def value_of(value):
    """A graphkiln.v1.Value as Python has it."""
    if value is None or "null_value" in value:
        return None
    ((kind, content),) = value.items()
    return int(content) if kind == "int_value" else content


def test_parameters_are_torchs_own(registry):
    """Names, order and defaults."""
    wrong = []
    for node in registry["nodes"]:
        if not node["python_module"]:
            continue
        cls = getattr(nn, node["python_text"].removeprefix("nn."))
        owner = nn.RNNBase if issubclass(cls, nn.RNNBase) else cls
        parameters = inspect.signature(owner).parameters if owner.__init__ is not nn.Module.__init__ else {}
        named = {n: p for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        hidden = NOT_OURS | {"mode"} if owner is nn.RNNBase else NOT_OURS
        theirs = {n: p.default for n, p in named.items() if n not in hidden}
        if cls in (nn.GRU, nn.RNN):
            del theirs["proj_size"]
        if cls is nn.RNN:
            theirs = dict([*list(theirs.items())[:3], ("nonlinearity", "tanh"), *list(theirs.items())[3:]])
        if cls is nn.MultiheadAttention:  # of the forward
            theirs |= {"need_weights": True, "average_attn_weights": True, "is_causal": False}
        if cls in (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d):  # of the forward, too
            theirs |= {"output_size": None}
        if cls in (nn.Softmax, nn.LogSoftmax, nn.Softmin):
            theirs["dim"] = inspect.Parameter.empty  # torch warns where it is left out
        ours = {p["name"]: p for p in node["params"]}
        if list(ours) != list(theirs):
            wrong.append(f"{node['name']}: {list(ours)} instead of {list(theirs)}")
            continue
        for name, default in theirs.items():
            first = default is inspect.Parameter.empty
            found = value_of(ours[name].get("default_value"))
            if first != (ours[name]["required"] or ours[name]["inferred"]) or (not first and found != default):
                wrong.append(f"{node['name']}.{name}: {found} instead of {default}")
    assert not wrong


def test_nested_results_and_get(kiln):
    graph = {
        "graphkiln": 1,
        "inputs": {"x": {"dtype": "float32", "shape": ["T", "B", 3]}},
        "nodes": {
            "rnn": {"type": "LSTM", "in": "x", "params": {"hidden_size": 4}},
            "state": {"type": "Get", "in": {"input": {"ref": "rnn"}}, "params": {"index": 1}},
            "cell": {"type": "Get", "in": "state", "params": {"index": -1}},
            "act": {"type": "Tanh", "in": "cell"},
        },
        "outputs": {"all": {"result": "rnn", "parts": ["act", "rnn.output"]}, "cell": "cell"},
    }
    file = kiln.graph_file(graph)
    weights, weights_file = kiln.init(file)
    model = kiln.python(file)()
    model.load_state_dict(weights, strict=True)
    x = torch.randn(5, 2, 3)
    rnn = nn.LSTM(3, 4)
    rnn.load_state_dict({k.removeprefix("rnn."): v for k, v in weights.items()})
    with torch.no_grad():
        out, (h, c) = rnn(x)
        result = model(x)
    same(result["all"]["parts"][0], c.tanh(), "act")
    same(result["all"]["result"][1][0], h, "h_n")
    same(result["cell"], c, "cell")
    run = kiln.run(file, weights_file, {"x": x})
    assert run.keys() == {"all.result.0", "all.result.1.0", "all.result.1.1", "all.parts.0", "all.parts.1", "cell"}
    same(run["all.parts.1"], out, "output")
