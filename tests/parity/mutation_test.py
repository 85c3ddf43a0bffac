"""Valid graphs are broken in ways that people break them: every fault is found, at its node, and `fix` mends it.

The mistakes are wrong by construction (mutations.py); the graphs are the templates, the scenarios of tests/graphs and
random ones. What was mended is run and trained for one step by PyTorch.
"""

import collections
import json
import math
import random

import pytest
import torch
import yaml
from conftest import load
from mutations import ALL, break_one
from random_graphs_test import Builder


def bases(source_dir):
    """Graphs in the native form: templates, scenarios, random ones, and some with what people write most."""
    for path in sorted((source_dir / "templates/models").glob("*.kiln.yaml")):
        yield yaml.safe_load(path.read_text())
    for path in sorted((source_dir / "tests/graphs").rglob("*.yaml")):
        scenario = yaml.safe_load(path.read_text())
        findings = (scenario.get("expect") or {}).get("findings")
        if "graph" in scenario and not findings and scenario["graph"].get("outputs"):
            yield scenario["graph"]
    for seed in range(60):
        yield Builder(seed).build()
    yield from hand_made()


def hand_made():
    for width in (4, 6):
        yield {"graphkiln": 1, "inputs": {"x": {"dtype": "float32", "shape": ["B", 8, 8, 3]}},
               "nodes": {"order": {"type": "Permute", "in": "x", "params": {"dims": [0, 3, 1, 2]}},
                         "conv": {"type": "Conv2d", "in": "order", "params": {"out_channels": width, "kernel_size": 3, "padding": 1}},
                         "bn": {"type": "BatchNorm2d", "in": "conv"}, "act": {"type": "ReLU", "in": "bn"},
                         "conv2": {"type": "Conv2d", "in": "act", "params": {"out_channels": width, "kernel_size": 3, "padding": 1}},
                         "sum": {"type": "Add", "in": ["conv2", "act"]}, "pool": {"type": "MaxPool2d", "in": "sum", "params": {"kernel_size": 2}},
                         "flat": {"type": "Flatten", "in": "pool"}, "drop": {"type": "Dropout", "in": "flat", "params": {"p": 0.3}},
                         "fc": {"type": "Linear", "in": "drop", "params": {"out_features": 5}}},
               "outputs": {"y": "fc"}}  # fmt: skip
        yield {"graphkiln": 1, "variables": {"width": 4 * width}, "inputs": {"x": {"dtype": "int64", "shape": ["B", 9]}},
               "nodes": {"words": {"type": "Embedding", "in": "x", "params": {"num_embeddings": 50, "embedding_dim": "$width"}},
                         "attn": {"type": "MultiheadAttention", "in": ["words", "words", "words"], "params": {"num_heads": 4, "batch_first": True}},
                         "sum": {"type": "Add", "in": ["words", "attn.attn_output"]}, "norm": {"type": "LayerNorm", "in": "sum"},
                         "gru": {"type": "GRU", "in": "norm", "params": {"hidden_size": "$width // 2", "batch_first": True}},
                         "turn": {"type": "Permute", "in": "gru.output", "params": {"dims": [0, 2, 1]}},
                         "conv": {"type": "Conv1d", "in": "turn", "params": {"out_channels": width, "kernel_size": 3}},
                         "groups": {"type": "GroupNorm", "in": "conv", "params": {"num_groups": 2}},
                         "rows": {"type": "Reshape", "in": "groups", "params": {"shape": [-1, 7 * width]}},
                         "fc": {"type": "Linear", "in": "rows", "params": {"out_features": 3}}},
               "outputs": {"y": "fc"}}  # fmt: skip


class Tally:
    def __init__(self):
        self.graphs = self.mended = self.faults = self.placed = self.at_once = 0
        self.unfound, self.misplaced, self.unmended = [], [], []
        self.by_kind = collections.Counter()
        self.lost_by_kind = collections.Counter()

    def text(self):
        rate = lambda a, b: f"{a}/{b} = {100 * a / max(b, 1):.1f} %"  # noqa: E731
        lines = [f"graphs broken: {self.graphs}, faults: {self.faults}, not found invalid: {len(self.unfound)}",
                 f"faults at their node: {rate(self.placed, self.faults)} (in the first answer {rate(self.at_once, self.faults)})",
                 f"graphs mended: {rate(self.mended, self.graphs)}",
                 "faults by kind: " + ", ".join(f"{k} {v}" for k, v in sorted(self.by_kind.items())),
                 "kinds in graphs that were not mended: " + ", ".join(f"{k} {v}" for k, v in self.lost_by_kind.most_common())]  # fmt: skip
        return "\n".join(lines)


def blamed(diagnostics):
    found = set()
    for d in diagnostics:
        if d["severity"] == "SEVERITY_ERROR":
            found |= {d["node"], d["path"]}
    return found


def trains(kiln, graph, answer):
    """One step of PyTorch on what was mended: every trainable parameter that is used gets a gradient."""
    path = kiln.path(".py")
    path.write_text(answer["python"])
    model = load(path)().train()
    sizes = {}

    def tensor(spec):
        shape = [s if isinstance(s, int) else sizes.setdefault(s, 3 + len(sizes)) for s in spec.get("shape", [])]
        dtype = getattr(torch, spec.get("dtype", "float32"))
        return torch.rand(shape) if dtype == torch.float32 else torch.zeros(shape, dtype=dtype)

    result = model(*[tensor(spec) for spec in answer["graph"]["inputs"].values()])
    stack, loss = [result], 0
    while stack:
        item = stack.pop()
        if isinstance(item, torch.Tensor):
            loss = loss + (item.sum() if item.is_floating_point() else 0)
        else:
            stack.extend(item.values() if isinstance(item, dict) else item)
    loss.backward()
    return any(p.grad is not None for p in model.parameters())


def quick(graph):
    """Small enough that PyTorch's step takes milliseconds."""
    numbers = [math.prod(s for s in spec.get("shape", []) if isinstance(s, int)) for spec in graph["inputs"].values()]
    return sum(numbers) < 4000 and len(json.dumps(graph)) < 6000


def valid_graphs(kiln, graphs):
    """Those that are valid: (graph, types), and the answers."""
    pairs = [(g, a) for g, a in zip(graphs, kiln.tool("fix", graphs), strict=True) if a.get("ok")]
    types = [{i: [(t["dtype"], t["shape"]) for t in ts] for i, ts in a["types"].items()} for _, a in pairs]
    return [(g, t) for (g, _), t in zip(pairs, types, strict=True)], [a for _, a in pairs]


def run(kiln, source_dir, count, seed):
    rng = random.Random(seed)
    valid, answers = valid_graphs(kiln, list(bases(source_dir)))
    assert len(valid) > 100
    names = {entry["name"] for entry in kiln.json("explain")["node_types"]}
    broken = []
    for k in range(count):
        index, graph, faults = break_one(valid, rng, names, ALL[k % len(ALL)])
        broken.append((graph, faults, answers[index].get("trainable", 0)))
    tally = Tally()
    for (graph, faults, trainable), answer in zip(broken, kiln.tool("fix", [b[0] for b in broken]), strict=True):
        tally.graphs += 1
        kinds = [kind for kind, _ in faults]
        if answer["ok"]:
            tally.unfound.append((kinds, graph))
            continue
        first = blamed(answer["found"])
        ever = first | blamed(answer["applied"]) | blamed(answer["left"])
        for kind, nodes in faults:
            tally.faults += 1
            tally.by_kind[kind] += 1
            tally.at_once += bool(nodes & first)
            tally.placed += bool(nodes & ever)
            if not nodes & ever:
                tally.misplaced.append((kind, nodes, answer["found"], graph))
        if answer["valid"] and (answer["trainable"] > 0 or trainable == 0):
            tally.mended += 1
        else:
            tally.unmended.append((kinds, answer["left"], graph))
            tally.lost_by_kind.update(kinds)
    return tally, broken


def check(tally, seed):
    print(f"\nseed {seed}\n{tally.text()}")
    for kind, nodes, found, _ in tally.misplaced[:10]:
        print("misplaced:", kind, nodes, [(d["code"], d["node"], d["message"]) for d in found])
    for kinds, left, graph in tally.unmended[:10]:
        print("not mended:", kinds, [(d["code"], d["node"], d["message"]) for d in left if d["severity"] == "SEVERITY_ERROR"], json.dumps(graph)[:1500])
    assert not tally.unfound, tally.unfound[:3]
    assert tally.placed >= 0.98 * tally.faults
    assert tally.mended >= 0.90 * tally.graphs


def test_mistakes_are_found_and_mended(kiln, source_dir):
    seed = 20261
    tally, broken = run(kiln, source_dir, 400, seed)
    check(tally, seed)


def test_what_was_mended_trains(kiln, source_dir):
    """A sample, run by PyTorch."""
    rng = random.Random(7)
    valid, answers = valid_graphs(kiln, [g for g in bases(source_dir) if quick(g)])
    valid = [v for v, a in zip(valid, answers, strict=True) if a["trainable"] > 0]
    names = {entry["name"] for entry in kiln.json("explain")["node_types"]}
    broken = [break_one(valid, rng, names, ALL[k % len(ALL)])[1] for k in range(120)]
    done = failed = 0
    for graph, answer in zip(broken, kiln.tool("fix", broken), strict=True):
        if not answer["valid"] or answer["python"].count("\n") > 400:
            continue
        done += 1
        try:
            failed += not trains(kiln, graph, answer)
        except (RuntimeError, ValueError, IndexError) as error:
            failed += 1
            print("does not train:", error, json.dumps(answer["graph"])[:1500])
    print(f"\ntrained {done - failed} of {done}")
    assert done >= 80
    assert failed <= 0.1 * done


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_mistakes(kiln, source_dir, seed):
    tally, _ = run(kiln, source_dir, 1000, seed)
    check(tally, seed)
