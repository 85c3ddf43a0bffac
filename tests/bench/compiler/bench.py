#!/usr/bin/env python3
"""Speed of the compiler beside PyTorch building the same graph.

    ninja -C build/release kiln-compiler-bench
    .venv/bin/python tests/bench/compiler/bench.py [--pairs 7] [--only validate]

Figures of 1,000 nodes have peers, which alternate with our runs in one process, one thread each:

  meta   the modules on the meta device and one forward: PyTorch's own shape inference
  fake   the modules under FakeTensorMode and one forward
  fx     the modules on the meta device, torch.fx.symbolic_trace of the model and ShapeProp
  arc    TorchArc's build of the same specification on the meta device, and one forward; where it is installed: it asks
         for Python 3.12, so it is not among the packages of the tests, but runs with 3.11
         (`.venv/bin/pip install --ignore-requires-python torcharc==2.1.2`)

A figure is the median of the pairs' ratios with its 95 % interval (bootstrap over pairs); `value` is our median, `peer_value`
the peer's. The sizes of validation come with their ratio to the size before, per node: 1 is linear. One JSON line each.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import random
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = pathlib.Path(os.environ.get("KILN_BUILD_DIR", ROOT / "build/release")) / "bin/kiln-compiler-bench"
PEER_NODES = 1000


def ours(what, shape, nodes, seconds):
    done = subprocess.run(
        [PROGRAM, "--what", what, "--shape", shape, "--nodes", str(nodes), "--seconds", str(seconds)],
        capture_output=True, text=True, check=True)
    if done.stderr:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def model(torch, shape, nodes):
    """The graph of graphs.cc as a module, with the shape of its input."""
    nn = torch.nn

    class Chain(nn.Module):
        def __init__(self):
            super().__init__()
            kinds = (lambda: nn.Linear(256, 256), lambda: nn.LayerNorm(256), nn.GELU, nn.Dropout)
            self.layers = nn.ModuleList(kinds[i % 4]() for i in range(nodes))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            conv = lambda: nn.Conv2d(16, 16, 3, padding=1)  # noqa: E731
            norm = lambda: nn.BatchNorm2d(16)  # noqa: E731
            kinds = (conv, norm, nn.ReLU, conv, norm, None, nn.ReLU)
            self.layers = nn.ModuleList(kinds[i % 7]() if kinds[i % 7] else nn.Identity() for i in range(nodes))

        def forward(self, x):
            before = x
            for i, layer in enumerate(self.layers):
                if i % 7 == 0:
                    before = x
                x = x + before if i % 7 == 5 else layer(x)
            return x

    return (Chain(), (2, 256)) if shape == "mlp" else (Residual(), (2, 16, 32, 32))


def specification(shape, nodes):
    """The graph of graphs.cc for TorchArc."""
    if shape == "mlp":
        kinds = [{"Linear": {"in_features": 256, "out_features": 256}}, {"LayerNorm": {"normalized_shape": 256}},
                 {"GELU": {}}, {"Dropout": {}}]
    else:
        conv = {"Conv2d": {"in_channels": 16, "out_channels": 16, "kernel_size": 3, "padding": 1}}
        norm = {"BatchNorm2d": {"num_features": 16}}
        kinds = [conv, norm, {"ReLU": {}}, conv, norm, {"MergeSum": {}}, {"ReLU": {}}]
    ids = ["x", *(f"n{i}" for i in range(nodes))]
    modules = {ids[i + 1]: kinds[i % len(kinds)] for i in range(nodes)}
    inputs = {ids[i + 1]: [[ids[i], ids[i - 5]]] if "MergeSum" in kinds[i % len(kinds)] else [ids[i]]
              for i in range(nodes)}
    return {"modules": modules, "graph": {"input": "x", "modules": inputs, "output": ids[-1]}}


def peers(torch):
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.passes.shape_prop import ShapeProp

    def meta(shape):
        with torch.device("meta"):
            module, size = model(torch, shape, PEER_NODES)
            module(torch.empty(size))

    def fake(shape):
        with FakeTensorMode():
            module, size = model(torch, shape, PEER_NODES)
            module(torch.empty(size))

    def fx(shape):
        with torch.device("meta"):
            module, size = model(torch, shape, PEER_NODES)
            ShapeProp(torch.fx.symbolic_trace(module)).propagate(torch.empty(size))

    all_peers = {"meta": meta, "fake": fake, "fx": fx}
    if importlib.util.find_spec("torcharc"):
        import torcharc

        def arc(shape):
            with torch.device("meta"):
                torcharc.build(specification(shape, PEER_NODES))(torch.empty(model(torch, shape, 0)[1]))

        all_peers["arc"] = arc
    return all_peers


def interval(values):
    """Median and 95 % interval of the median, by bootstrap."""
    draw = random.Random(7)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), [medians[50], medians[1949]]


def milliseconds(function, *args):
    start = time.perf_counter()
    function(*args)
    return (time.perf_counter() - start) * 1e3


def beside_peers(what, shape, pairs):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, peer in peers(torch).items():
            peer(shape)
            mine, theirs = [], []
            for _ in range(pairs):
                mine.append(ours(what, shape, PEER_NODES, 0.2)["value"])
                theirs.append(milliseconds(peer, shape))
            ratio, bounds = interval([b / a for a, b in zip(mine, theirs)])
            print(json.dumps({
                "name": f"compiler.{what}_{shape}_{PEER_NODES}", "value": statistics.median(mine), "unit": "ms",
                "peer": name, "peer_value": statistics.median(theirs), "ratio": ratio, "interval": bounds,
                "pairs": pairs}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--only", choices=("validate", "python", "revalidate"))
    args = parser.parse_args()
    for shape in ("mlp", "residual"):
        if args.only in (None, "validate"):
            before = None
            for nodes in (1_000, 10_000, 100_000):
                line = ours("validate", shape, nodes, 2)
                line["per_node_to_size_before"] = line["value"] / before / 10 if before else None
                before = line["value"]
                print(json.dumps(line), flush=True)
        if args.only in (None, "revalidate"):
            print(json.dumps(ours("revalidate", shape, 10_000, 1)), flush=True)
        for what in ("validate", "python"):
            if args.only in (None, what):
                beside_peers(what, shape, args.pairs)


if __name__ == "__main__":
    main()
