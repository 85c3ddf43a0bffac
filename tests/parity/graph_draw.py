"""Draws random graphs over the whole registry: legal nodes, wrong nodes, merges, tuples, containers, nested outputs, open sizes.

A graph grows node by node: a type, one of its cases (tests/parity/cases*.py), values that stand at the ports (what other
nodes give, or new inputs of the graph), parameters that are changed at random. PyTorch says whether the node is legal;
some that are not stay in the graph as faults that must be found.
"""

import dataclasses
import random

import torch
from cases import INFERRED, Case, f
from graph_torch import COMPOSITES, MAX_NUMEL, Refused, Torch, Undecided, type_of

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")

# Cases that the composites of templates/blocks have.
COMPOSITE_CASES = [
    Case("MergeFiLM", {"feature_dim": 4, "conditioner_dim": 3}, {"feature": f(2, 4, 5), "conditioner": f(2, 3)}, None),
    Case("MergeFiLM", {"feature_dim": 4, "conditioner_dim": 3}, {"feature": f(2, 4, 5, 3), "conditioner": f(2, 3)}, None),
    Case("SEBlock", {"reduction": 2}, {"input": f(2, 6, 5, 4)}, None),
    Case("SEBlock", {"reduction": 3}, {"input": f(2, 6, 5)}, None),
    Case("ResidualBlock", {"out_channels": 4, "kernel_size": 3}, {"input": f(2, 4, 9)}, None),
    Case("ResidualBlock", {"out_channels": 5, "kernel_size": 3, "stride": 2}, {"input": f(2, 4, 9, 8)}, None),
    Case("VGGBlock", {"c1": 4, "c2": 6}, {"input": f(2, 3, 8, 9)}, None),
    Case("VGGBlock", {"c1": 4, "c2": 6, "norm": "none", "pool": False}, {"input": f(2, 3, 8)}, None),
    Case("GRUBlock", {"hidden_size": 4}, {"input": f(2, 5, 3)}, None),
    Case("GRUBlock", {"hidden_size": 4, "out": "seq", "bidirectional": False}, {"input": f(2, 5, 3)}, None),
    Case("GRUBlockH0", {"hidden_size": 4}, {"input": f(2, 5, 3), "h0": f(2, 2, 4)}, None),
    Case("GRUBlockH0", {"hidden_size": 4, "out": "mean"}, {"input": f(2, 5, 3)}, None),
    Case("BasicBlock", {"planes": 4, "stride": 2}, {"input": f(2, 3, 8, 9)}, None),
    Case("Bottleneck", {"planes": 2}, {"input": f(2, 8, 8, 9)}, None),
    Case("TransformerEncoder", {"num_layers": 2, "nhead": 2, "dim_feedforward": 8}, {"src": f(6, 2, 8)}, None),
    Case("TransformerDecoder", {"num_layers": 1, "nhead": 2, "dim_feedforward": 8, "norm": True}, {"tgt": f(5, 2, 8), "memory": f(6, 2, 8)}, None),
    Case("Transformer", {"d_model": 8, "nhead": 2, "dim_feedforward": 8, "num_encoder_layers": 1, "num_decoder_layers": 2}, {"src": f(6, 2, 8), "tgt": f(5, 2, 8)}, None),
    Case("TransformerEncoderLayer", {"nhead": 2, "dim_feedforward": 8, "dropout": 0.0}, {"src": f(6, 2, 8)}, None),
    Case("TransformerDecoderLayer", {"nhead": 2, "dim_feedforward": 8, "dropout": 0.0}, {"tgt": f(5, 2, 8), "memory": f(6, 2, 8)}, None),
]  # fmt: skip


@dataclasses.dataclass
class Node:
    id: str
    type: str
    params: dict
    ports: dict  # port -> name of a value, or a list of them
    results: list | None  # (dtype, shape); None where PyTorch refuses
    why: str = ""
    children: list | None = None  # of a container, in the native form

    def document(self):
        out = {"type": self.type, "in": self.ports, "params": self.params}
        return out | {"children": self.children} if self.children is not None else out

    def types(self):
        """Its own, and those of all that it holds."""
        out, open_ = [self.type], [self.children or []]
        while open_:
            held = open_.pop()
            for child in held.values() if isinstance(held, dict) else held:
                out.append(child["type"])
                open_.append(child.get("children", []))
        return out


@dataclasses.dataclass
class Graph:
    seed: int
    inputs: dict  # name -> (dtype, shape)
    nodes: list
    outputs: dict
    gets: dict  # name of a Get -> (node, position)
    types: dict = dataclasses.field(default_factory=dict)  # name of a value -> (dtype, shape)

    def document(self, symbols=None):
        """The native form; sizes in `symbols` are open in the first dimension of the inputs."""
        inputs = {}
        for name, (dtype, shape) in self.inputs.items():
            sizes = list(shape)
            if symbols and sizes and name in symbols:
                sizes = symbols[name]
            inputs[name] = {"dtype": dtype, "shape": sizes}
        nodes = {n.id: n.document() for n in self.nodes}
        for name, (node, position) in self.gets.items():
            nodes[name] = {"type": "Get", "in": node, "params": {"index": position}}
        return {"graphkiln": 1, "name": f"random_{self.seed}", "inputs": inputs, "nodes": nodes, "outputs": self.outputs}


class Library:
    """What can be drawn."""

    def __init__(self, registry, cases):
        self.torch = Torch(registry)
        self.cases = {}
        for case in [*cases, *COMPOSITE_CASES]:
            self.cases.setdefault(case.type, []).append(case)
        composites = {c["name"]: c for c in registry["composites"]}
        self.infos = {name: node["params"] for name, node in self.torch.types.items()}
        self.infos |= {name: composites[name]["params"] for name in COMPOSITES}
        self.names = [t for t in sorted(self.cases) if t in self.infos or t.startswith("aten.")]
        for name in self.names:
            if name.startswith("aten."):
                self.infos[name] = self.torch.operator_params(name)

        # What takes one tensor at one port can stand in a container.
        self.links = [t for t in self.names if any(self.link(case) for case in self.cases[t])]

    @staticmethod
    def link(case):
        """The port of a case that takes one tensor and nothing else."""
        ports = list(case.inputs.items())
        return ports[0][0] if len(ports) == 1 and isinstance(ports[0][1], torch.Tensor) and not case.wires else None

    def run(self, node, ports):
        """PyTorch's results for a node of a graph, containers too; raises what Torch.run raises."""
        if node.children is None:
            return self.torch.run(node.type, node.params, ports)
        return self.held(node.type, node.children, ports["input"])

    def held(self, type_, children, source, seen=None):
        """What the children of a container give, each in its turn; `seen` gets all of it, at every depth."""
        results, at, seen = [], source, [] if seen is None else seen
        for child in children.values() if isinstance(children, dict) else children:
            if "when" in child:
                continue
            for _ in range(child.get("repeat", 1)):
                if child["type"] in CONTAINERS:
                    (given,) = self.held(child["type"], child["children"], at, seen)
                else:
                    case = next(c for c in self.cases[child["type"]] if self.link(c))
                    (given,) = self.torch.run(child["type"], child.get("params", {}), {self.link(case): at})
                    seen.append(given)
                if type_ == "Sequential":
                    at = given
                else:
                    results.append(given)
        return [at] if type_ == "Sequential" else results

    def inside(self, node, source):
        """The types inside of a container that takes `source`; PyTorch accepts the node."""
        seen = []
        if node.children is not None:
            self.held(node.type, node.children, source, seen)
        return seen

    def outputs(self, type_, count):
        """Names of the ports where `count` tensors come out; None: a tuple by position."""
        if type_ in CONTAINERS:
            return [""] if type_ == "Sequential" else [str(k) if type_ == "ModuleList" else f"k{k}" for k in range(count)]
        if self.torch.many(type_):
            return None
        if count == 1:
            return [""]
        if type_ in self.torch.types:
            names = [o["name"] for o in self.torch.types[type_]["outputs"]]
            return names if len(names) == count else None
        return None


class Draw:
    def __init__(self, library, seed):
        self.library = library
        self.rng = random.Random(seed)
        self.graph = Graph(seed, {}, [], {}, {})
        self.values = self.graph.types
        self.part = {}  # name of a value -> component

    # Values.

    def new_input(self, dtype, shape):
        name = f"x{len(self.graph.inputs)}"
        self.graph.inputs[name] = (dtype, list(shape))
        self.values[name] = (dtype, list(shape))
        self.part[name] = name
        return name

    def pick(self, dtype, shape, sizes):
        """A value for a port that has `shape` in the case; `sizes`: what became of the case's sizes."""
        rng = self.rng
        wanted = [sizes.get(v, v) for v in shape]
        draw = rng.random()
        if draw < 0.75:
            kinds = [
                lambda v: v == (dtype, wanted),
                lambda v: v[0] == dtype and len(v[1]) == len(wanted) and not any(a != b for a, b in zip(v[1], wanted, strict=True) if a in sizes.values()),
                lambda v: v[0] == dtype and len(v[1]) == len(wanted),
                lambda v: v[0] == dtype,
                lambda v: True,
            ]
            for kind in kinds[: 3 + (rng.random() < 0.08) + (rng.random() < 0.03)]:
                found = [name for name, value in self.values.items() if kind(value)]
                if found and rng.random() < 0.8:
                    return rng.choice(found)
        if draw > 0.93 and wanted:
            at = rng.randrange(len(wanted))
            wanted[at] = rng.choice([0, 1, wanted[at] + 1, max(wanted[at] - 1, 0), 2 * wanted[at]])
            if rng.random() < 0.2:
                wanted = wanted[1:] if rng.random() < 0.5 else [2, *wanted]
        elif draw > 0.85:
            # All sizes of the case grow alike, so that ports that must agree still do.
            for v in set(shape):
                sizes.setdefault(v, v + rng.choice([0, 1, 2, v]))
            wanted = [sizes.get(v, v) for v in shape]
        if rng.random() < 0.04:
            dtype = rng.choice(["float32", "int64", "bool", "float64"])
        return ("new", dtype, wanted)

    def type_at(self, source):
        return (source[1], source[2]) if isinstance(source, tuple) else self.values[source]

    # Parameters.

    def number(self, value):
        rng = self.rng
        near = [value + 1, value - 1, 2 * value] if abs(value) < 10**6 else []
        return rng.choice([*near, 0, 1, 2, 3, -1, rng.randint(-3, 7)])

    def changed(self, info, value):
        """Another value of the parameter, not always a legal one."""
        rng = self.rng
        if info.get("choices") and rng.random() < 0.8:
            return rng.choice(info["choices"])
        if isinstance(value, str) and "dtype" in info["type"]:
            return self.fresh(info)
        if "null" in info["type"] and rng.random() < 0.15:
            return None
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            if "[" in info["type"] and rng.random() < 0.2:
                return [value] * rng.randint(1, 3)
            return self.number(value)
        if isinstance(value, float):
            return rng.choice([value * 2, value / 2, 0.0, 1.0, -value])
        if isinstance(value, list) and value:
            out = list(value)
            if rng.random() < 0.15:
                return out[1:] if rng.random() < 0.5 else [*out, out[0]]
            at = rng.randrange(len(out))
            if rng.random() < 0.2:
                out = out[::-1]
            elif isinstance(out[at], float):
                out[at] = rng.choice([0.0, 1.0, 2 * out[at]])
            elif out[at] is not None:
                out[at] = self.number(out[at])
            return out
        return value

    def fresh(self, info):
        """A value of a parameter that the case does not name."""
        rng, kind = self.rng, info["type"].lower()
        if "dtype" in kind:
            return rng.choice(["float32", "float64", "int64", "int32", "bool", "uint8", "float16", "bfloat16"])
        if info.get("choices") and rng.random() < 0.9:
            return rng.choice(info["choices"])
        if "bool" in kind:
            return rng.random() < 0.5
        if "float" in kind or "number" in kind or "scalar" in kind:
            return rng.choice([0.5, 1.0, 2.0, 0.1, 1e-5, 0.0])
        if "list[int]" in kind or kind.startswith("int["):
            return [rng.randint(0, 3) for _ in range(rng.randint(1, 3))]
        if "int" in kind:
            return rng.randint(-2, 4)
        return None

    def params(self, type_, case, sizes, replaced):
        rng = self.rng
        infos = {p["name"]: p for p in self.library.infos[type_]}
        params = {k: list(v) if isinstance(v, tuple) else v for k, v in case.params.items()}
        inferred = {name for name, info in infos.items() if info.get("inferred")}
        if replaced:
            inferred |= {name for name, _ in INFERRED.get(type_, ())}
        for name in inferred & params.keys():
            if replaced and rng.random() < 0.85:
                del params[name]
        if sizes and rng.random() < 0.5:
            for name, value in params.items():
                if isinstance(value, list) and all(isinstance(v, int) for v in value):
                    params[name] = [sizes.get(v, v) for v in value]
        draw = rng.random()
        for _ in range(0 if draw < 0.5 else 1 if draw < 0.85 else 2):
            if not infos:
                break
            name = rng.choice(sorted(infos))
            if name in params:
                params[name] = self.changed(infos[name], params[name])
            elif not infos[name].get("inferred") and name not in case.inputs:
                value = self.fresh(infos[name])
                if value is not None:
                    params[name] = value
        return params

    # Nodes.

    def attempt(self, type_):
        rng = self.rng
        case = rng.choice(self.library.cases[type_])
        sizes, ports = {}, {}
        for port, value in case.inputs.items():
            tensors = value if isinstance(value, list) else [value]
            if isinstance(value, list) and rng.random() < 0.1:
                tensors = tensors[: rng.randint(1, len(tensors))] if rng.random() < 0.5 else [*tensors, tensors[0]]
            sources = []
            for tensor in tensors:
                dtype, shape = type_of(tensor)
                source = self.pick(dtype, shape, sizes)
                for was, now in zip(shape, self.type_at(source)[1], strict=False):
                    sizes.setdefault(was, now)
                sources.append(source)
            ports[port] = sources if isinstance(value, list) else sources[0]
        ports |= {port: ports[source] for port, source in case.wires.items()}
        replaced = any(was != now for was, now in sizes.items())
        return ports, self.params(type_, case, sizes, replaced)

    def evaluate(self, type_, params, ports):
        types = {p: [self.type_at(s) for s in v] if isinstance(v, list) else self.type_at(v) for p, v in ports.items()}
        return self.library.torch.run(type_, params, types)

    # Containers.

    def child(self, source, depth):
        """A child that takes `source` (dtype, shape): its native form, its results, and why PyTorch refuses it."""
        rng, refused = self.rng, None
        if depth < 2 and rng.random() < 0.15:
            children, results, why = self.chain(source, depth + 1)
            return {"type": "Sequential", "children": children}, results, why
        for _ in range(12):
            type_ = rng.choice(self.library.links)
            case = rng.choice([c for c in self.library.cases[type_] if self.library.link(c)])
            port = self.library.link(case)
            dtype, shape = type_of(case.inputs[port])
            if (dtype, len(shape)) != (source[0], len(source[1])) and rng.random() < 0.9:
                continue
            sizes = dict(zip(shape, source[1], strict=False))
            params = self.params(type_, case, sizes, shape != source[1])
            written = {"type": type_, "params": params}
            try:
                results = self.evaluate(type_, params, {port: ("new", *source)})
            except Undecided:
                continue
            except Refused as error:
                refused = written, None, str(error)
                continue
            if len(results) != 1 or torch.Size(results[0][1]).numel() > MAX_NUMEL or self.library.torch.many(type_):
                continue
            if rng.random() < 0.1:  # once more behind itself
                try:
                    return written | {"repeat": 2}, self.evaluate(type_, params, {port: ("new", *results[0])})[0], ""
                except (Refused, Undecided):
                    pass
            return written, results[0], ""
        return refused if refused is not None and rng.random() < 0.3 else ({"type": "Identity"}, source, "")

    def chain(self, source, depth):
        """What a Sequential holds, what it gives, and why PyTorch refuses it."""
        children = []
        for _ in range(self.rng.randint(0, 4)):
            written, source, why = self.child(source, depth)
            children.append(written)
            if source is None:
                return children, None, why
            if self.rng.random() < 0.05:
                children.append({"type": "Tanh", "when": "1 > 2"})  # is not there
        return children, source, ""

    def container(self):
        rng, type_ = self.rng, self.rng.choice(CONTAINERS)
        known = [name for name, (_, shape) in self.values.items() if torch.Size(shape).numel() > 0]
        source = rng.choice(known) if known and rng.random() < 0.8 else ("new", "float32", [2, 3, rng.randint(3, 6), 5])
        at = self.type_at(source)
        if type_ == "Sequential":
            children, result, why = self.chain(at, 0)
            results = None if result is None else [result]
        else:
            children, results, why = [], [], ""
            for _ in range(rng.randint(1, 3)):
                written, result, why = self.child(at, 0)
                if "repeat" in written:
                    continue  # beside itself it would be another child
                children.append(written)
                if result is None:
                    results = None
                    break
                results.append(result)
            if not children:
                return
        if type_ == "ModuleDict":
            children = {f"k{k}": child for k, child in enumerate(children)}
        self.add(type_, {}, {"input": source}, results, why, children)

    def add(self, type_, params, ports, results, why="", children=None):
        node = Node(f"n{len(self.graph.nodes)}", type_, params, {}, results, why, children)
        made = {}

        def name_of(source):
            if not isinstance(source, tuple):
                return source
            if id(source) not in made:
                made[id(source)] = self.new_input(source[1], source[2])
            return made[id(source)]

        for port, value in ports.items():
            node.ports[port] = [name_of(s) for s in value] if isinstance(value, list) else name_of(value)
        self.graph.nodes.append(node)
        used = [s for v in node.ports.values() for s in (v if isinstance(v, list) else [v])]
        if results is None:
            return
        component = self.part[used[0]] if used else node.id
        for name in used[1:]:
            self.merge(self.part[name], component)
        names = self.library.outputs(type_, len(results))
        for k, result in enumerate(results):
            numel = torch.Size(result[1]).numel()
            if numel > 5000:
                continue
            if names is not None:
                name = node.id + ("." + names[k] if names[k] else "")
            elif self.library.torch.many(type_) and self.rng.random() < 0.5:
                name = f"{node.id}_{k}"
                self.graph.gets[name] = (node.id, k - len(results) if self.rng.random() < 0.3 else k)
            else:
                continue
            self.values[name] = result
            self.part[name] = component

    def merge(self, old, new):
        for name, component in self.part.items():
            if component == old:
                self.part[name] = new

    def step(self):
        rng = self.rng
        if rng.random() < 0.12:
            return self.container()
        wrong = rng.random() < 0.2
        for _ in range(5):
            type_ = rng.choice(self.library.names)
            for _ in range(4):
                ports, params = self.attempt(type_)
                try:
                    results = self.evaluate(type_, params, ports)
                except Undecided:
                    continue
                except Refused as error:
                    if wrong or rng.random() < 0.1:
                        return self.add(type_, params, ports, None, str(error))
                    continue
                large = any(torch.Size(shape).numel() > MAX_NUMEL for _, shape in results)
                if large or (wrong and rng.random() < 0.8):
                    continue
                return self.add(type_, params, ports, results)

    def join(self):
        """Makes one component of all: flattens a value of each and concatenates."""
        groups = {}
        for name, component in self.part.items():
            groups.setdefault(component, []).append(name)
        if len(groups) < 2:
            return
        parts = []
        for names in groups.values():
            source = self.rng.choice(names)
            results = self.evaluate("Flatten", {"start_dim": 0}, {"input": source})
            self.add("Flatten", {"start_dim": 0}, {"input": source}, results)
            parts.append(self.graph.nodes[-1].id)
            self.values[parts[-1]] = results[0]
            self.part.setdefault(parts[-1], self.part[source])
        ports = {"inputs": parts}
        self.add("Concat", {"dim": 0}, ports, self.evaluate("Concat", {"dim": 0}, ports))

    def nested(self, refs):
        rng = self.rng
        if rng.random() < 0.6:
            return rng.choice(refs)
        items = [rng.choice(refs) if rng.random() < 0.7 else [rng.choice(refs), rng.choice(refs)] for _ in range(rng.randint(1, 3))]
        return items if rng.random() < 0.5 else {f"k{n}": item for n, item in enumerate(items)}

    def run(self):
        for _ in range(self.rng.randint(1, 12)):
            self.step()
        if not self.graph.inputs:
            self.new_input("float32", [2, 3])
        self.join()
        refs = [name for name in self.values if name not in self.graph.inputs]
        if not refs:
            self.add("Identity", {}, {"input": self.new_input("float32", [2, 3])}, [("float32", [2, 3])])
            refs = [self.graph.nodes[-1].id]
        for k in range(self.rng.randint(1, 3)):
            self.graph.outputs[f"out{k}"] = self.nested(refs)
        return self.graph


def paths(value, prefix):
    """(name, reference) of a nested output, as the compiler names them."""
    if isinstance(value, str):
        return [(prefix, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [entry for key, item in items for entry in paths(item, f"{prefix}.{key}" if prefix else str(key))]
