"""Random graphs with open sizes: numbers put in for the symbols give PyTorch's types, wherever the recorded assumptions hold.

The graphs are those of random_types_test. Each is typed once with symbols and then built in PyTorch for several numbers.
KILN_GRAPHS and KILN_SEED as there.
"""

import collections
import os
import random
import warnings

import pytest
import torch
from cases import all_cases
from graph_draw import Draw, Library
from graph_torch import Refused, Undecided

SEED = int(os.environ.get("KILN_SEED", "1"))
TRIES = 5
# What open sizes cannot have, whatever the number: weights exist before the first forward, and so do the parts of a tuple.
NEVER_OPEN = {"SYMBOLIC_WEIGHT", "SPLIT_C2", "COMPOSITE_RULE", "FRACTIONAL_C3"}


@pytest.fixture(scope="module")
def library(registry):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    return Library(registry, all_cases())


def opened(graph, seed):
    """The graph's document with symbols in the inputs' shapes, and the numbers that they stand for in the graph."""
    rng = random.Random(f"open {seed}")
    numbers, by_number = {}, {}
    document = graph.document()
    for shape in (spec["shape"] for spec in document["inputs"].values()):
        for k, size in enumerate(shape):
            if size < 1 or rng.random() > (0.5 if k == 0 else 0.25):
                continue
            symbol = by_number.get(size) if rng.random() < 0.8 else None
            if symbol is None:
                symbol = by_number[size] = f"S{len(numbers)}"
                numbers[symbol] = size
            shape[k] = symbol
    return document, numbers


def value(size, numbers):
    return size if isinstance(size, int) else eval(size, {}, dict(numbers))  # noqa: S307: the compiler's own text


def closed(types, numbers):
    return [(t["dtype"], [value(d, numbers) for d in t["shape"]]) for t in types]


def replay(library, graph, document, numbers):
    """Node -> results in PyTorch for these numbers; None where it refuses; missing where it is not decided."""
    types = {name: (spec["dtype"], [value(d, numbers) for d in spec["shape"]]) for name, spec in document["inputs"].items()}
    found = {}
    for node in graph.nodes:
        used = [s for v in node.ports.values() for s in (v if isinstance(v, list) else [v])]
        if not all(s in types for s in used):
            continue
        ports = {p: [types[s] for s in v] if isinstance(v, list) else types[v] for p, v in node.ports.items()}
        try:
            results = library.run(node, ports)
        except Undecided:
            continue
        except Refused as error:
            found[node.id] = (None, str(error))
            continue
        found[node.id] = (results, "")
        names = library.outputs(node.type, len(results))
        for k, result in enumerate(results):
            if names is not None:
                types[node.id + ("." + names[k] if names[k] else "")] = result
        for name, (source, position) in graph.gets.items():
            if source == node.id and -len(results) <= position < len(results):
                types[name] = results[position]
    return found


def check(library, graph, document, numbers, answer, counts):
    """Wrong claims about one graph."""
    rng = random.Random(f"numbers {graph.seed}")
    faults = {}
    for fault in answer["faults"]:
        faults.setdefault(fault["node"], fault)
    tries = [numbers] + [{s: rng.randint(1, 12) for s in numbers} for _ in range(TRIES)]
    legal = collections.Counter()
    illegal = set()
    broken = set()
    for case in tries:
        holds = all(
            value(a["size"], case) % a["multiple_of"] == 0 if a["multiple_of"] > 1 else value(a["size"], case) >= a["at_least"]
            for a in answer["assumptions"]
        )
        found = replay(library, graph, document, case)
        fits = True
        for node in graph.nodes:
            if node.id not in found:
                continue
            results, why = found[node.id]
            if node.id in faults:
                legal[node.id] += results is not None
                illegal |= {node.id} if results is None else set()
                continue
            ours = answer["nodes"][node.id]
            if not ours:
                continue  # behind a fault
            fits = fits and results == closed(ours, case)
            if holds and results != closed(ours, case):
                yield f"{node.type}({node.params}) {node.ports} for {case}\n  ours {ours}\n  torch {results or why}"
                broken.add(node.id)
        counts["held" if holds else "violated"] += 1
        counts["violated and different"] += not holds and not fits
    for node_id, fault in faults.items():
        counts["refused"] += 1
        if node_id in illegal or fault["code"] in NEVER_OPEN or fault["rule"] in NEVER_OPEN:
            continue
        node = next((n for n in graph.nodes if n.id == node_id), None)
        if node is None or legal[node_id] < len(tries):
            continue
        counts["refused for all numbers tried"] += 1


def run(kiln, library, count):
    counts, wrong = collections.Counter(), []
    for start in range(0, count, 250):
        graphs = [Draw(library, seed).run() for seed in range(SEED + start, SEED + min(start + 250, count))]
        drawn = []
        for graph in graphs:
            graph.nodes = [node for node in graph.nodes if node.results is not None]
            drawn.append((graph, *opened(graph, graph.seed)))
        answers = kiln.tool("types", [document for _, document, _ in drawn])
        for (graph, document, numbers), answer in zip(drawn, answers, strict=True):
            counts["graphs"] += 1
            counts["graphs with symbols"] += bool(numbers)
            counts["graphs with assumptions"] += bool(answer["assumptions"])
            if numbers:
                wrong += [f"seed {graph.seed}: {text}" for text in check(library, graph, document, numbers, answer, counts)]
    print(f"seeds {SEED} to {SEED + count - 1}: {dict(counts)}")
    assert not wrong, f"{len(wrong)} wrong types\n" + "\n".join(wrong[:40])
    return counts


def test_numbers_for_symbols_give_pytorchs_types(kiln, library):
    counts = run(kiln, library, int(os.environ.get("KILN_GRAPHS", "100")))
    assert counts["graphs with assumptions"] > 0 or counts["graphs"] < 100


@pytest.mark.nightly
def test_numbers_for_symbols_in_5000_graphs(kiln, library):
    counts = run(kiln, library, int(os.environ.get("KILN_GRAPHS", "5000")))
    # An assumption is no excuse: where one does not hold, PyTorch mostly refuses or gives other types.
    assert counts["graphs"] < 5000 or counts["violated and different"] > counts["violated"] / 2
