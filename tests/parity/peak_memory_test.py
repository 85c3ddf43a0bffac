"""Peak memory that `kiln summary` foretells against what PyTorch's CPU allocator hands out, over drawn and ready graphs.

Measured are a forward without gradients and the second step of training with Adam, operator by operator as the trainer runs
them: every allocation and release that the profiler sees, on top of weights, moments and inputs.
"""

import gc
import json
import os
import pathlib
import random
import statistics

import pytest
import torch
from templates_test import TEMPLATES, inputs_of

DRAWN = 60 if os.environ.get("KILN_TEST_TIER") == "nightly" else 30
MEDIAN, WORST = 0.05, 0.20
STEPS = 12
# oneDNN's LSTM chooses its workspace by the machine.
RECURRENT = ("lstm",)


def draw(seed):
    """A network of layers as people stack them, with tensors that are large beside the allocator's rounding."""
    rng = random.Random(seed)
    nodes = {}

    def add(type_, source, **params):
        name = f"n{len(nodes)}"
        nodes[name] = {"type": type_, "in": source, "params": params}
        return name

    def activation(at):
        return add(rng.choice(["ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "ELU", "LeakyReLU", "Hardswish", "Mish"]), at)

    at = "x"
    kind = rng.choice(["mlp", "cnn", "sequence", "residual"])
    if kind == "mlp":
        shape = ["B", rng.choice([64, 300])]
        for _ in range(rng.randint(2, 6)):
            at = add("Linear", at, out_features=rng.choice([128, 256, 500]), bias=rng.random() < 0.7)
            if rng.random() < 0.4:
                at = add(rng.choice(["BatchNorm1d", "Dropout"]), at)
            at = activation(at)
        at = add("Linear", at, out_features=10)
    elif kind in ("cnn", "residual"):
        side = rng.choice([16, 24, 32])
        shape = ["B", 3, side, side]
        width = rng.choice([8, 16, 24])
        at = add("Conv2d", at, out_channels=width, kernel_size=3, padding=1)
        for _ in range(rng.randint(2, 5)):
            before = at
            at = add("Conv2d", at, out_channels=width, kernel_size=rng.choice([1, 3, 5]), padding="same")
            at = add(rng.choice(["BatchNorm2d", "BatchNorm2d", "Identity", "Dropout2d"]), at)
            at = activation(at)
            if kind == "residual":
                at = add(rng.choice(["Add", "Mul"]), [at, before])
            elif rng.random() < 0.4:
                at = add(rng.choice(["MaxPool2d", "AvgPool2d"]), at, kernel_size=2)
        at = add("Flatten", add("AdaptiveAvgPool2d", at, output_size=2))
        at = add("Linear", at, out_features=10)
    else:
        width = rng.choice([32, 64])
        shape = ["B", rng.choice([20, 50]), width]
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.5:
                at = add("TransformerEncoderLayer", at, nhead=4, dim_feedforward=2 * width, batch_first=True)
            else:
                wide = activation(add("Linear", add("LayerNorm", at, normalized_shape=width), out_features=2 * width))
                at = add("Add", [at, add("Linear", wide, out_features=width)])
        at = add("Linear", add("Mean", at, dim=1), out_features=10)
    return {
        "graphkiln": 1,
        "name": f"drawn_{seed}",
        "inputs": {"x": {"dtype": "float32", "shape": shape}},
        "nodes": nodes,
        "outputs": {"y": at},
    }


def peak_of(run):
    """Bytes above the start, at most, by the profiler's record of every allocation."""
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    live = peak = 0
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def size(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


class Program:
    """The operators of a graph, run as the trainer does: a value is let go after its last use."""

    def __init__(self, kiln, file, batch, dtype=torch.float32):
        path = kiln.path(".json")
        kiln.json("codegen", file, "--target", "ir-json", "-O", path)
        self.ir = json.loads(path.read_text())
        self.dtype = dtype
        self.open = {"B": batch, "T": STEPS}
        self.tensors = {}
        self.parameters = []
        self.first = len(self.ir["inputs"])
        for k, spec in enumerate(self.ir.get("parameters", [])):
            shape = [self.number(d) for d in spec["spec"].get("shape", [])]
            stored = getattr(torch, spec["spec"]["dtype"].removeprefix("DATA_TYPE_").lower())
            tensor = torch.full(shape, 0.01, dtype=dtype if stored == torch.float32 else stored)
            if spec.get("trainable"):
                self.parameters.append(tensor.requires_grad_())
            self.tensors[self.first + k] = tensor
        uses = [[] for _ in self.ir["calls"]]
        last = {}
        for k, call in enumerate(self.ir["calls"]):
            for value in values_of(call.get("args", [])):
                last[value] = k
        for output in self.ir["outputs"]:
            last.pop(output.get("value", 0), None)
        for value, k in last.items():
            if value >= self.first + len(self.tensors):
                uses[k].append(value)
        self.freed = uses

    def number(self, dim):
        return int(dim["size"]) if "size" in dim else eval(dim["symbol"], {"__builtins__": {}}, self.open)

    def argument(self, arg, env, training):
        ((kind, value),) = arg.items()
        return {
            "none": lambda: None,
            "value": lambda: env[value],
            "bool_value": lambda: value,
            "int_value": lambda: int(value),
            "double_value": lambda: float(value),
            "string_value": lambda: value,
            "size_expression": lambda: eval(value, {"__builtins__": {}}, self.open),
            "dtype": lambda: self.dtype if value == "DATA_TYPE_FLOAT32" else getattr(torch, value.removeprefix("DATA_TYPE_").lower()),
            "training": lambda: training,
            "not_training": lambda: not training,
            "training_value": lambda: float(value) if training else 0.0,
            "device": lambda: torch.device("cpu"),
            "list": lambda: [self.argument(item, env, training) for item in value.get("items", [])],
        }[kind]()

    def run(self, inputs, training):
        env = dict(enumerate(inputs)) | self.tensors
        number = len(env)
        for call, freed in zip(self.ir["calls"], self.freed, strict=True):
            _, name, overload = call["op"].split(".")
            op = getattr(getattr(torch.ops.aten, name), overload)
            args = [self.argument(arg, env, training) for arg in call.get("args", [])]
            schema = op._schema.arguments
            named = {s.name: a for s, a in zip(schema, args) if s.kwarg_only}
            result = op(*args[: len(args) - len(named)], **named)
            results = list(result) if isinstance(result, (tuple, list)) else [result]
            for k in range(call.get("num_outputs", 0)):
                env[number + k] = results[k]
            number += call.get("num_outputs", 0)
            del args, named, result, results
            for value in freed:
                del env[value]
        return [env[output.get("value", 0)] for output in self.ir["outputs"]]


def values_of(args):
    for arg in args:
        if "value" in arg:
            yield arg["value"]
        yield from values_of(arg.get("list", {}).get("items", []))


def measure(program, inputs):
    own = size([*program.tensors.values(), *inputs])
    with torch.no_grad():
        program.run(inputs, False)
        inference = own + peak_of(lambda: program.run(inputs, False))
    optimizer = torch.optim.Adam(program.parameters, lr=1e-4, fused=True)

    def step():
        optimizer.zero_grad()
        sum(out.float().sum() for out in program.run(inputs, True)).backward()
        optimizer.step()

    step()
    optimizer.zero_grad()
    moments = size([s for state in optimizer.state.values() for n, s in state.items() if n != "step"])
    return inference, own + moments + peak_of(step)


def graphs(kiln):
    for file in TEMPLATES:
        if not any(word in file.name for word in RECURRENT):
            yield file, list(inputs_of(file, 8, STEPS).values()), 8
    for seed in range(DRAWN):
        graph = draw(seed)
        batch = random.Random(seed).choice([8, 16, 64])
        shape = [batch if s == "B" else s for s in graph["inputs"]["x"]["shape"]]
        yield kiln.graph_file(graph), [torch.randn(*shape)], batch


def foretold(kiln, file, batch, *flags):
    """What `kiln summary` says of memory at the sizes that are run."""
    summary = kiln.json("summary", file, "--batch", batch, *flags)
    if any("T" in spec["shape"] for spec in summary["inputs"]):
        summary = kiln.json("summary", file, "--batch", batch, "--size", f"T={STEPS}", *flags)
    return summary["memory"]


@pytest.fixture(autouse=True)
def one_core():
    """A job has one core unless it asks for more; ATen chooses kernels by their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def judge(errors, record_property, median, worst):
    """Prints and checks {kind of run: {graph: relative error}}."""
    for kind, by_graph in errors.items():
        order = sorted(by_graph.items(), key=lambda item: -abs(item[1]))
        middle = statistics.median(abs(e) for e in by_graph.values())
        text = ", ".join(f"{name} {error:+.1%}" for name, error in order[:8])
        print(f"{kind}: {len(by_graph)} graphs, median {middle:.1%}, worst {text}")
        record_property(f"{kind}_median", middle)
    for by_graph in errors.values():
        assert statistics.median(abs(e) for e in by_graph.values()) <= median
        assert max(abs(e) for e in by_graph.values()) <= worst


def test_peaks(kiln, record_property):
    errors = {"inference": {}, "training": {}}
    for file, inputs, batch in graphs(kiln):
        memory = foretold(kiln, file, batch)
        measured = measure(Program(kiln, file, batch), inputs)
        for kind, bytes_ in zip(errors, measured, strict=True):
            errors[kind][pathlib.Path(file).name] = memory[f"peak_{kind}"] / bytes_ - 1
    assert all(len(by_graph) >= 40 for by_graph in errors.values())
    judge(errors, record_property, MEDIAN, WORST)
