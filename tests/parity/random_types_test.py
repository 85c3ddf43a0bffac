"""Random graphs over the whole registry: the compiler accepts what PyTorch accepts, finds every wrong node, and its types
are PyTorch's.

KILN_GRAPHS counts the graphs (20,000 in the nightly run), KILN_SEED is the first seed; both are printed. One graph again:

    KILN_GRAPHS=1 KILN_SEED=4711 pytest tests/parity/random_types_test.py
"""

import collections
import os
import warnings

import pytest
import torch
from cases import all_cases
from graph_draw import Draw, Library, paths
from graph_rules import stricter

BATCH = 500
SEED = int(os.environ.get("KILN_SEED", "1"))


@pytest.fixture(scope="module")
def library(registry):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    return Library(registry, all_cases())


def expected_outputs(graph):
    single = len(graph.outputs) == 1
    out = []
    for name, value in graph.outputs.items():
        out += paths(value, name if not single or isinstance(value, str) else "")
    return out


def disagreements(graph, answer, library):
    """(node, what) for each node whose legality or types differ; nodes behind such a one are left out."""
    if "error" in answer:
        yield graph.nodes[0], "unreadable: " + answer["error"], {}
        return
    by_node = collections.defaultdict(list)
    for fault in answer["faults"]:
        by_node[fault["node"]].append(fault)
    broken = set()
    for node in graph.nodes:
        used = [name for v in node.ports.values() for name in (v if isinstance(v, list) else [v])]
        sources = {graph.gets[n][0] if n in graph.gets else n.split(".")[0] for n in used}
        if sources & broken:
            broken.add(node.id)
            continue
        faults = by_node.pop(node.id, [])
        ours = None if faults else [(t["dtype"], t["shape"]) for t in answer["nodes"][node.id]]
        if ours == node.results:
            continue
        broken.add(node.id)
        types = [graph.types[name] for name in used]
        inside = library.inside(node, types[0]) if node.results is not None and types else []
        if stricter(node, types + inside, faults, library):
            continue
        yield node, f"ours {faults or ours}\n  torch {node.results or node.why}", faults[0] if faults else {}
    for name in by_node.keys() - broken:
        if name not in graph.gets or graph.gets[name][0] not in broken:
            yield graph.nodes[0], f"a fault elsewhere: {by_node[name]}", {}


def describe(graph, node):
    ports = {p: [graph.types.get(s, s) for s in v] if isinstance(v, list) else graph.types.get(v, v) for p, v in node.ports.items()}
    held = f" holds {node.children}" if node.children is not None else ""
    return f"seed {graph.seed} {node.id} {node.type}({node.params}){held} {ports}"


def check(kiln, library, seeds):
    """Disagreements of the graphs with these seeds; counts what was drawn."""
    graphs = [Draw(library, seed).run() for seed in seeds]
    counts, wrong = collections.Counter(), []
    for graph, answer in zip(graphs, kiln.tool("types", [g.document() for g in graphs]), strict=True):
        counts["graphs"] += 1
        for node in graph.nodes:
            counts["nodes"] += 1
            counts["faults"] += node.results is None
            counts[node.type] += node.results is not None
        wrong += [f"{describe(graph, node)}\n  {what}" for node, what, _ in disagreements(graph, answer, library)]
        assert answer["ok"] or answer["faults"], graph.seed
        if not answer["ok"]:
            continue
        found = {o["name"]: (o["dtype"], o["shape"]) for o in answer["outputs"]}
        expected = {name: graph.types[ref] for name, ref in expected_outputs(graph)}
        if found != expected:
            wrong.append(f"seed {graph.seed}: outputs {found} instead of {expected}")
    return counts, wrong


def run(kiln, library, count):
    counts, wrong = collections.Counter(), []
    for start in range(0, count, BATCH):
        more, faults = check(kiln, library, range(SEED + start, SEED + min(start + BATCH, count)))
        counts += more
        wrong += faults
    print(f"seeds {SEED} to {SEED + count - 1}: {counts['graphs']} graphs, {counts['nodes']} nodes, {counts['faults']} of them wrong")
    assert not wrong, f"{len(wrong)} disagreements\n" + "\n".join(wrong[:50])
    return counts


def test_types_are_pytorchs(kiln, library):
    count = int(os.environ.get("KILN_GRAPHS", "400"))
    run(kiln, library, count)


@pytest.mark.nightly
def test_types_are_pytorchs_in_20000_graphs(kiln, library):
    counts = run(kiln, library, int(os.environ.get("KILN_GRAPHS", "20000")))
    never = [name for name in library.names if counts[name] == 0]
    assert counts["graphs"] < 20000 or not never, f"never legal: {never}"
