"""Every node type on inputs of other element types: the compiler takes what PyTorch takes, and gives PyTorch's types.

Each case of the registry (cases*.py) is asked again with its floating-point inputs as whole numbers, truth values or wider
numbers: all of them, and each by itself. What PyTorch's CPU kernels leave out (a pool of int64) is found here, at the node,
before anything runs.
"""

import re
import warnings

import pytest
import torch
from cases import all_cases
from graph_draw import Graph, Library, Node
from graph_rules import stricter
from graph_torch import Refused, Undecided, type_of

# Half precision is the devices' business: CUDA has kernels that the CPU lacks.
OF_DEVICE = re.compile(r"not implemented for '(Half|BFloat16)'")
DTYPES = ("int64", "bool", "int32", "uint8", "float64", "float16", "bfloat16")


@pytest.fixture(scope="module")
def library(registry):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    return Library(registry, all_cases())


def types_of(case):
    ports = {p: [type_of(t) for t in v] if isinstance(v, list) else type_of(v) for p, v in case.inputs.items()}
    return ports | {port: ports[source] for port, source in case.wires.items()}


def cast(value, dtype):
    return [cast(v, dtype) for v in value] if isinstance(value, list) else (dtype, value[1])


def floating(value):
    return all(map(floating, value)) if isinstance(value, list) else value[0] == "float32"


def variants(case, dtypes):
    """The ports' types, changed: all that are floating-point, then each alone."""
    ports = types_of(case)
    changed = [port for port, value in ports.items() if floating(value)]
    for dtype in dtypes:
        if changed:
            yield {port: cast(value, dtype) if port in changed else value for port, value in ports.items()}
        for port in changed if len(changed) > 1 else ():
            yield ports | {port: cast(ports[port], dtype)}
    # Indices, targets and masks.
    for port in ports.keys() - set(changed):
        for dtype in (*dtypes, "float32"):
            yield ports | {port: cast(ports[port], dtype)}


def graph_of(library, case, ports, number):
    """A graph of one node, or None where PyTorch cannot say."""
    params = {k: list(v) if isinstance(v, tuple) else v for k, v in case.params.items()}
    try:
        results, why = library.torch.run(case.type, params, ports), ""
    except Undecided:
        return None
    except Refused as error:
        results, why = None, str(error)
        if OF_DEVICE.search(why):
            return None
    graph = Graph(number, {}, [], {}, {})
    node = Node("n", case.type, params, {}, results, why)
    for port, value in ports.items():
        names = []
        for type_ in value if isinstance(value, list) else [value]:
            names.append(f"x{len(graph.inputs)}")
            graph.inputs[names[-1]] = graph.types[names[-1]] = (type_[0], list(type_[1]))
        node.ports[port] = names if isinstance(value, list) else names[0]
    graph.nodes.append(node)
    graph.outputs["out"] = "n"
    return graph


def compare(kiln, library, dtypes, cases_of):
    graphs, seen = [], set()
    for type_ in library.names:
        for case in cases_of(library.cases[type_]):
            for ports in variants(case, dtypes):
                key = repr((type_, case.params, sorted(ports.items())))
                graph = None if key in seen else graph_of(library, case, ports, len(graphs))
                seen.add(key)
                if graph is not None:
                    graphs.append(graph)
    wrong, legal = [], 0
    for graph, answer in zip(graphs, kiln.tool("types", [g.document() for g in graphs]), strict=True):
        node = graph.nodes[0]
        legal += node.results is not None
        faults = answer["faults"]
        ours = None if faults else [(t["dtype"], t["shape"]) for t in answer["nodes"]["n"]]
        if ours == node.results or stricter(node, list(graph.types.values()), faults, library):
            continue
        wrong.append(f"{node.type}({node.params}) {graph.types}\n  ours  {faults or ours}\n  torch {node.results or node.why}")
    print(f"{len(graphs)} nodes, {legal} of them legal")
    assert not wrong, f"{len(wrong)} disagreements\n" + "\n".join(wrong[:400])
    assert len(graphs) > len(library.names) and legal > len(graphs) / 10


def test_whole_numbers_and_truth_values(kiln, library):
    compare(kiln, library, ("int64", "bool"), lambda cases: cases[:2])


@pytest.mark.nightly
def test_every_element_type_in_every_case(kiln, library):
    compare(kiln, library, DTYPES, lambda cases: cases)
