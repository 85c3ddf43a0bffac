"""Memory by optimizer and precision: what `kiln summary` foretells against the states that torch.optim makes, and against
what PyTorch's allocator hands out for models in other element types."""

import pathlib

import pytest
import torch
from peak_memory_test import MEDIAN, WORST, Program, foretold, graphs, judge, measure, one_core, size  # noqa: F401

LARGE = ("bert", "gpt2", "mobilenet", "resnet18", "resnet50", "se_resnet", "unet", "vgg", "vit")
# Besides the defaults: what changes the number of states.
VARIANTS = [("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True}), ("AdamW", {"amsgrad": True})]


def states(name, params, tensors):
    """Bytes of what the optimizer keeps of a parameter's shape; its counters of steps are one number each."""
    copies = [torch.nn.Parameter(t.detach().clone()) for t in tensors]
    optimizer = getattr(torch.optim, name)(copies, lr=0.01, **params)
    for copy in copies:
        copy.grad = torch.ones_like(copy)
    optimizer.step()
    kept = [(copy, s) for copy in copies for s in optimizer.state[copy].values() if torch.is_tensor(s)]
    return size(s for copy, s in kept if s.shape == copy.shape and s.numel() > 1)


def test_states_of_every_optimizer(kiln):
    graph = {
        "graphkiln": 1,
        "inputs": {"x": {"shape": ["B", 30]}},
        "nodes": {
            "fc": {"type": "Linear", "in": "x", "params": {"out_features": 20}},
            "norm": {"type": "BatchNorm1d", "in": "fc"},
            "frozen": {"type": "Linear", "in": "norm", "params": {"out_features": 5}, "compile": "freeze"},
        },
        "outputs": {"y": "frozen"},
    }
    file = kiln.graph_file(graph)
    tensors = [torch.ones(20, 30), torch.ones(20), torch.ones(20), torch.ones(20)]
    summary = kiln.json("summary", file)
    names = sorted({estimate["optimizer"] for estimate in summary["estimates"]})
    assert len(names) >= 3
    for name, params in [(name, {}) for name in names] + VARIANTS:
        flag = ",".join([name, *(f"{k}={str(v).lower()}" for k, v in params.items())])
        expected = states(name, params, tensors)
        assert kiln.json("summary", file, "--optimizer", flag)["memory"]["optimizer"] == expected, flag
        for estimate in summary["estimates"]:
            if estimate["optimizer"] != name or params:
                continue
            # Pure types hold everything in theirs.
            bits = {"float64": 8, "pure-bfloat16": 2, "pure-float16": 2}.get(estimate["precision"], 4)
            assert estimate["memory"]["optimizer"] == expected * bits // 4, estimate


def converted(inputs, dtype):
    return [x.to(dtype) if x.dtype == torch.float32 else x for x in inputs]


def in_type(kiln, file, inputs, batch, dtype):
    return measure(Program(kiln, file, batch, dtype), converted(inputs, dtype))


def with_autocast(kiln, file, inputs, batch, dtype):
    program = Program(kiln, file, batch)
    plain = program.run

    def run(inputs, training):
        with torch.autocast("cpu", dtype=dtype):
            return plain(inputs, training)

    program.run = run
    return measure(program, inputs)


# oneDNN's kernels for half types take some 50 KB of the machine's choice, which tells in networks of that size.
@pytest.mark.parametrize(
    "precision, run, dtype, median, worst",
    [
        ("float64", in_type, torch.float64, MEDIAN, WORST),
        ("pure-bfloat16", in_type, torch.bfloat16, 0.10, 0.50),
        ("bfloat16", with_autocast, torch.bfloat16, 0.10, 0.50),
    ],
)
def test_peaks_in_other_types(kiln, record_property, precision, run, dtype, median, worst):
    errors = {"inference": {}, "training": {}}
    small = [graph for graph in graphs(kiln) if not pathlib.Path(graph[0]).name.startswith(LARGE)]
    for file, inputs, batch in small[::2]:
        measured = run(kiln, file, inputs, batch, dtype)
        memory = foretold(kiln, file, batch, "--precision", precision)
        for kind, bytes_ in zip(errors, measured, strict=True):
            errors[kind][pathlib.Path(file).name] = memory[f"peak_{kind}"] / bytes_ - 1
    assert all(len(by_graph) >= 12 for by_graph in errors.values())
    judge(errors, record_property, median, worst)
