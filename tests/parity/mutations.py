"""Mistakes that people make in graphs: each function breaks a valid one, by construction.

A function takes a Broken (a graph in the native form beside the types of its values) and returns the ids of the nodes
of which one must be blamed, or None where the graph has no place for the mistake. None of them asks the compiler
whether the result is wrong.
"""

import copy
import math

# Parameters that repeat the size of a dimension of the input, by type.
SIZES = {
    "Linear": ("in_features", -1), "Conv1d": ("in_channels", 1), "Conv2d": ("in_channels", 1), "Conv3d": ("in_channels", 1),
    "ConvTranspose1d": ("in_channels", 1), "ConvTranspose2d": ("in_channels", 1), "BatchNorm1d": ("num_features", 1),
    "BatchNorm2d": ("num_features", 1), "BatchNorm3d": ("num_features", 1), "GroupNorm": ("num_channels", 1),
    "InstanceNorm2d": ("num_features", 1), "LSTM": ("input_size", -1), "GRU": ("input_size", -1), "RNN": ("input_size", -1),
}  # fmt: skip
OUT = {"Linear": "out_features", "Conv1d": "out_channels", "Conv2d": "out_channels", "ConvTranspose2d": "out_channels"}
WINDOWS = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3, "MaxPool1d": 1, "MaxPool2d": 2, "AvgPool1d": 1, "AvgPool2d": 2}
KEEPS_SHAPE = {"ReLU", "GELU", "Tanh", "SiLU", "Sigmoid", "Dropout", "Identity", "LeakyReLU", "ELU", "Softplus", "PReLU"}
FLOATING_ONLY = {"Linear", "Conv1d", "Conv2d", "Conv3d", "GELU", "LSTM", "GRU", "BatchNorm1d", "BatchNorm2d", "LayerNorm"}


class Broken:
    """A graph to be broken; `types` are those of the valid one: node -> [(dtype, shape)]."""

    def __init__(self, graph, types, rng, names):
        self.graph = copy.deepcopy(graph)
        self.nodes = self.graph["nodes"]
        self.types = types
        self.rng = rng
        self.names = names  # all node types
        self.touched = set()

    def pick(self, good):
        """The id of an untouched node for which `good(node)` holds."""
        ids = [i for i, node in self.nodes.items() if i not in self.touched and good(i, node)]
        return self.rng.choice(ids) if ids else None

    def params(self, i):
        return self.nodes[i].setdefault("params", {})

    def number(self, value):
        """The value of a parameter, an expression's too."""
        if isinstance(value, str) and value.startswith("$"):
            scope = {k: v for k, v in self.graph.get("variables", {}).items() if not isinstance(v, str)}
            try:
                return eval(value.replace("$", ""), {"__builtins__": {}}, scope)  # noqa: S307
            except (NameError, SyntaxError, TypeError):
                return None
        return value

    def only(self, i):
        """The reference that is the node's only input."""
        source = self.nodes[i].get("in")
        if isinstance(source, list) and len(source) == 1:
            source = source[0]
        return source if isinstance(source, str) else None

    def refs(self, i):
        source = self.nodes[i].get("in")
        items = source if isinstance(source, list) else list(source.values()) if isinstance(source, dict) else [source]
        return [item for item in items if isinstance(item, str)]

    def type_of(self, ref):
        """(dtype, shape) of the one tensor that a reference names."""
        if ref in self.graph["inputs"]:
            spec = self.graph["inputs"][ref]
            return spec.get("dtype", "float32"), spec.get("shape", [])
        found = self.types.get(ref)
        if found is None and ref and "." in ref:
            node, port = ref.rsplit(".", 1)
            found = self.types.get(node)
            return found[0] if found and port == "output" else None
        return found[0] if found and len(found) == 1 else None

    def shape(self, ref):
        found = self.type_of(ref) if ref else None
        return found[1] if found else None

    def consumers(self, i):
        return [k for k in self.nodes if any(r == i or r.startswith(i + ".") for r in self.refs(k))]

    def replace(self, i, old, new):
        """Another reference at the node's inputs."""
        source = self.nodes[i]["in"]
        if isinstance(source, list):
            source[source.index(old)] = new
        elif isinstance(source, dict):
            source[next(k for k, v in source.items() if v == old)] = new
        else:
            self.nodes[i]["in"] = new

    def explicit(self, i):
        """Writes the size that arrives into the node, as people do; the size."""
        kind = self.nodes[i]["type"]
        shape = self.shape(self.only(i))
        if kind not in SIZES or not shape:
            return None
        name, dim = SIZES[kind]
        size = shape[dim] if len(shape) > 1 or dim == -1 else None
        if not isinstance(size, int):
            return None
        self.params(i)[name] = size
        return size

    def misspelt(self, word):
        at = self.rng.randrange(max(1, len(word) - 1))
        kind = self.rng.choice(["swap", "drop", "double", "wrong"])
        if kind == "swap" and len(word) > 2 and word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == "drop" and len(word) > 3:
            return word[:at] + word[at + 1 :]
        if kind == "double":
            return word[:at] + word[at] + word[at:]
        return word[:at] + "q" + word[at + 1 :]


def type_misspelt(b):
    i = b.pick(lambda i, n: "children" not in n and not n["type"].startswith("aten.") and len(n["type"]) > 3)
    if i is None:
        return None
    word = b.misspelt(b.nodes[i]["type"])
    if word in b.names:
        return None
    b.nodes[i]["type"] = word
    return {i}


def param_misspelt(b):
    i = b.pick(lambda i, n: n.get("params") and not n["type"].startswith("aten."))
    if i is None:
        return None
    params = b.params(i)
    name = b.rng.choice(sorted(params))
    word = b.misspelt(name)
    if word == name or len(name) < 4 or word in params:
        return None
    params[word] = params.pop(name)
    return {i}


def reference_misspelt(b):
    i = b.pick(lambda i, n: b.refs(i))
    if i is None:
        return None
    old = b.rng.choice(b.refs(i))
    new = b.misspelt(old) if len(old) > 2 else old + "_q"
    if new in b.nodes or new in b.graph["inputs"] or new.split(".")[0] in b.nodes:
        return None
    b.replace(i, old, new)
    return {i}


def output_misspelt(b):
    name = b.rng.choice(sorted(b.graph["outputs"]))
    old = b.graph["outputs"][name]
    if not isinstance(old, str) or name == "\n":
        return None
    new = b.misspelt(old) if len(old) > 2 else old + "_q"
    if new in b.nodes or new in b.graph["inputs"] or new.split(".")[0] in b.nodes:
        return None
    b.graph["outputs"][name] = new
    return {f"outputs.{name}"}


def wrong_in_size(b):
    i = b.pick(lambda i, n: n["type"] in SIZES and b.shape(b.only(i)))
    size = b.explicit(i) if i else None
    if size is None:
        return None
    b.params(i)[SIZES[b.nodes[i]["type"]][0]] = b.rng.choice([v for v in (size - 1, size + 1, size * 2, size + 7) if v > 0])
    return {i}


def wrong_out_size(b):
    """The node before gives another size than the node says it takes."""
    i = b.pick(lambda i, n: n["type"] in SIZES and b.only(i) in b.nodes and b.nodes[b.only(i)]["type"] in OUT)
    if i is None:
        return None
    before = b.only(i)
    if before in b.touched or b.nodes[before].get("module") or b.explicit(i) is None:
        return None
    name = OUT[b.nodes[before]["type"]]
    rank = len(b.shape(before))
    if SIZES[b.nodes[i]["type"]][1] % rank != (-1 if name == "out_features" else 1) % rank:
        return None
    old = b.number(b.params(before).get(name))
    if not isinstance(old, int) or b.nodes[before].get("params", {}).get("groups", 1) != 1:
        return None
    b.params(before)[name] = old + b.rng.choice([1, 3, 8])
    return {i, before, *b.consumers(before)}


def input_removed(b):
    i = b.pick(lambda i, n: b.only(i) and n["type"] in (KEEPS_SHAPE | set(SIZES) | set(WINDOWS) | {"Flatten", "Mean", "Reshape"}))
    if i is None:
        return None
    del b.nodes[i]["in"]
    return {i}


def cycle(b):
    i = b.pick(lambda i, n: b.only(i) and b.consumers(i))
    if i is None:
        return None
    chain, at = [i], i
    for _ in range(b.rng.randint(0, 4)):
        after = b.consumers(at)
        if not after:
            break
        at = b.rng.choice(after)
        chain.append(at)
    b.replace(i, b.only(i), chain[-1])
    return set(chain)


def kernel_too_large(b):
    i = b.pick(lambda i, n: n["type"] in WINDOWS and b.shape(b.only(i)) and "padding" not in str(n.get("mode", "")))
    if i is None:
        return None
    sizes = b.shape(b.only(i))[-WINDOWS[b.nodes[i]["type"]] :]
    padding = b.number(b.params(i).get("padding", 0))
    if not all(isinstance(s, int) for s in sizes) or not isinstance(padding, int) or b.params(i).get("ceil_mode"):
        return None
    b.params(i)["kernel_size"] = max(sizes) + 2 * padding + b.rng.randint(1, 5)
    return {i}


def wrong_divisor(b):
    names = ("num_heads", "nhead", "groups", "num_groups")
    i = b.pick(lambda i, n: any(name in n.get("params", {}) for name in names) or n["type"] in ("Conv1d", "Conv2d"))
    if i is None:
        return None
    name = next((n for n in names if n in b.params(i)), "groups")
    refs = b.refs(i)
    shape = b.shape(refs[0]) if refs else None
    if not shape or len(shape) < 2:
        return None
    size = shape[1] if name in ("groups", "num_groups") else shape[-1]
    wrong = [g for g in range(2, 12) if isinstance(size, int) and size % g]
    if not wrong:
        return None
    b.params(i)[name] = b.rng.choice(wrong)
    return {i}


def out_of_range(b):
    cases = {"p": [1.5, -0.5], "kernel_size": [0, -1], "stride": [0, -2], "out_features": [0, -3], "out_channels": [0, -8],
             "hidden_size": [0, -1], "num_embeddings": [0], "embedding_dim": [-4]}  # fmt: skip
    i = b.pick(lambda i, n: any(name in n.get("params", {}) for name in cases))
    if i is None:
        return None
    name = b.rng.choice([n for n in cases if n in b.params(i)])
    b.params(i)[name] = b.rng.choice(cases[name])
    return {i}


def wrong_kind(b):
    cases = {"out_features": ["many", [3, 3], True], "out_channels": ["8 channels", 4.5], "kernel_size": ["large", [3, 3, 3, 3]],
             "bias": ["maybe", 3.5], "p": ["half"], "hidden_size": [[4]], "dims": ["all"], "num_groups": ["two"]}  # fmt: skip
    i = b.pick(lambda i, n: any(name in n.get("params", {}) for name in cases))
    if i is None:
        return None
    name = b.rng.choice([n for n in cases if n in b.params(i)])
    b.params(i)[name] = b.rng.choice(cases[name])
    return {i}


def whole_tuple(b):
    i = b.pick(lambda i, n: n["type"] in (KEEPS_SHAPE | set(SIZES) | {"Mean", "Add", "Concat", "Flatten"}) and any("." in r for r in b.refs(i)))
    if i is None:
        return None
    old = next(r for r in b.refs(i) if "." in r)
    head = old.rsplit(".", 1)[0]
    if len(b.types.get(head, [])) < 2:
        return None
    b.replace(i, old, head)
    return {i}


def output_port_misspelt(b):
    i = b.pick(lambda i, n: any("." in r and r.rsplit(".", 1)[0] in b.nodes for r in b.refs(i)))
    if i is None:
        return None
    old = next(r for r in b.refs(i) if "." in r)
    b.replace(i, old, old[:-1] + "qq")
    return {i}


def input_type(b):
    """Whole numbers where floating-point ones are needed, and the other way round."""
    if not b.graph["inputs"]:
        return None
    name = b.rng.choice(sorted(b.graph["inputs"]))
    spec = b.graph["inputs"][name]
    users = [i for i in b.nodes if name in b.refs(i)]
    if spec.get("dtype", "float32") == "float32":
        blamed = {i for i in users if b.nodes[i]["type"] in FLOATING_ONLY and i not in b.touched}
        spec["dtype"] = "int64" if blamed else spec.get("dtype", "float32")
    else:
        blamed = {i for i in users if b.nodes[i]["type"] == "Embedding" and i not in b.touched}
        spec["dtype"] = "float32" if blamed else spec["dtype"]
    return blamed or None


def flatten_removed(b):
    i = b.pick(lambda i, n: n["type"] == "Linear" and b.only(i) in b.nodes and b.nodes[b.only(i)]["type"] == "Flatten")
    if i is None:
        return None
    flat = b.only(i)
    size = b.explicit(i)
    shape = b.shape(b.only(flat))
    if size is None or not shape or shape[-1] == size or len(b.consumers(flat)) != 1 or flat in b.graph["outputs"].values():
        return None
    b.replace(i, flat, b.only(flat))
    del b.nodes[flat]
    return {i}


def permute_removed(b):
    i = b.pick(lambda i, n: n["type"] in SIZES and b.only(i) in b.nodes and b.nodes[b.only(i)]["type"] in ("Permute", "Transpose"))
    if i is None:
        return None
    order = b.only(i)
    size = b.explicit(i)
    shape = b.shape(b.only(order))
    if size is None or not shape or shape[SIZES[b.nodes[i]["type"]][1]] == size:
        return None
    if len(b.consumers(order)) != 1 or order in b.graph["outputs"].values():
        return None
    b.replace(i, order, b.only(order))
    del b.nodes[order]
    return {i}


def permute_wrong(b):
    i = b.pick(lambda i, n: n["type"] == "Permute" and isinstance(n.get("params", {}).get("dims"), list) and len(n["params"]["dims"]) > 1)
    if i is None:
        return None
    dims = list(b.params(i)["dims"])
    dims[-1] = dims[0]
    b.params(i)["dims"] = dims if b.rng.random() < 0.5 else dims[:-1]
    return {i}


def reshape_wrong(b):
    i = b.pick(lambda i, n: n["type"] == "Reshape" and b.shape(b.only(i)) and n.get("params", {}).get("shape"))
    if i is None:
        return None
    sizes = b.shape(b.only(i))
    row = math.prod(s for s in sizes[1:] if isinstance(s, int))
    if not all(isinstance(s, int) for s in sizes[1:]) or isinstance(sizes[0], int):
        return None
    wrong = next(v for v in range(2, 99) if row % v)
    b.params(i)["shape"] = [-1, wrong] if b.rng.random() < 0.5 else ["$nothing", row]
    return {i}


def merge_mismatch(b):
    """A value of another size at a sum."""
    i = b.pick(lambda i, n: n["type"] in ("Add", "Mul") and isinstance(n.get("in"), list) and len(b.refs(i)) > 1)
    if i is None:
        return None
    keep, drop = b.rng.sample(range(len(b.refs(i))), 2)
    mine = b.shape(b.refs(i)[keep])

    def clash(other):
        if not mine or not other or len(other) != len(mine):
            return False
        return any(isinstance(x, int) and isinstance(y, int) and x != y and 1 not in (x, y) for x, y in zip(mine[1:], other[1:], strict=True))

    ids = list(b.nodes)
    others = [k for k in ids[: ids.index(i)] if clash(b.shape(k))] + [k for k in b.graph["inputs"] if clash(b.shape(k))]
    if not others:
        return None
    b.replace(i, b.refs(i)[drop], b.rng.choice(others))
    return {i}


def branch_stride(b):
    """One branch of a sum gets another stride."""
    i = b.pick(lambda i, n: n["type"] == "Conv2d" and any(b.nodes[k]["type"] in ("Add", "Mul") for k in b.consumers(i)))
    if i is None:
        return None
    blamed = {k for k in b.consumers(i) if b.nodes[k]["type"] in ("Add", "Mul")}
    sizes = b.shape(i)
    if not sizes or not all(isinstance(s, int) and s > 4 for s in sizes[-2:]):
        return None
    if any(b.shape(r) != sizes for k in blamed for r in b.refs(k)):
        return None
    stride = b.number(b.params(i).get("stride", 1))
    if not isinstance(stride, int):
        return None
    b.params(i)["stride"] = stride + b.rng.choice([1, 2])
    return blamed | {i}


def rewired(b):
    """A layer of fixed size takes a value of another size."""
    i = b.pick(lambda i, n: n["type"] in SIZES and b.shape(b.only(i)))
    size = b.explicit(i) if i else None
    if size is None:
        return None
    dim = SIZES[b.nodes[i]["type"]][1]
    rank = len(b.shape(b.only(i)))
    ids = list(b.nodes)
    others = [k for k in ids[: ids.index(i)] if b.shape(k) and len(b.shape(k)) == rank and isinstance(b.shape(k)[dim], int) and b.shape(k)[dim] != size]
    if not others:
        return None
    b.replace(i, b.only(i), b.rng.choice(others))
    return {i}


def too_many_inputs(b):
    i = b.pick(lambda i, n: n["type"] in (KEEPS_SHAPE - {"PReLU"}) | {"Linear", "Flatten", "Conv2d"} and b.only(i))
    if i is None or not b.graph["inputs"]:
        return None
    b.nodes[i]["in"] = [b.only(i), b.rng.choice(list(b.graph["inputs"]))]
    return {i}


def too_few_inputs(b):
    i = b.pick(lambda i, n: n["type"] == "Add" and isinstance(n.get("in"), list) and len(n["in"]) == 2)
    if i is None:
        return None
    del b.nodes[i]["in"][b.rng.randrange(2)]
    return {i}


def port_misspelt(b):
    i = b.pick(lambda i, n: n["type"] in KEEPS_SHAPE | {"Linear", "Conv2d", "Flatten"} and b.only(i))
    if i is None:
        return None
    b.nodes[i]["in"] = {b.rng.choice(["inptu", "inputt", "x_in", "data"]): b.only(i)}
    return {i}


def bad_variable(b):
    i = b.pick(lambda i, n: n.get("params"))
    if i is None:
        return None
    name = b.rng.choice(sorted(b.params(i)))
    given = b.params(i)[name]
    if isinstance(given, str) and given.startswith("$"):
        b.params(i)[name] = given.replace("$", "$q", 1)
    else:
        b.params(i)[name] = "$no_such_variable"
    return {i}


REQUIRED = {"Linear": ["out_features"], "Conv1d": ["out_channels", "kernel_size"], "Conv2d": ["out_channels", "kernel_size"],
            "MaxPool2d": ["kernel_size"], "LSTM": ["hidden_size"], "GRU": ["hidden_size"], "Softmax": ["dim"],
            "Embedding": ["num_embeddings", "embedding_dim"], "Permute": ["dims"], "Reshape": ["shape"]}  # fmt: skip


def param_removed(b):
    i = b.pick(lambda i, n: any(name in n.get("params", {}) for name in REQUIRED.get(n["type"], [])))
    if i is None or any(n.get("module") == i for n in b.nodes.values()):
        return None
    name = b.rng.choice([n for n in REQUIRED[b.nodes[i]["type"]] if n in b.params(i)])
    del b.params(i)[name]
    return {i}


def size_negative(b):
    """A slip in the shape of an input of the graph."""
    sized = [(name, k) for name, spec in b.graph["inputs"].items() for k, size in enumerate(spec.get("shape", [])) if isinstance(size, int) and size > 0]
    if not sized:
        return None
    name, at = b.rng.choice(sized)
    spec = b.graph["inputs"][name]
    b.graph["inputs"][name] = spec | {"shape": [-size if k == at else size for k, size in enumerate(spec["shape"])]}
    return {f"inputs.{name}"}


def input_undeclared(b):
    """The only input is read, but not declared."""
    names = list(b.graph["inputs"])
    if len(names) != 1 or not any(names[0] in b.refs(i) for i in b.nodes):
        return None
    b.graph["inputs"] = {}
    return {"inputs"}


ALL = [type_misspelt, param_misspelt, reference_misspelt, output_misspelt, wrong_in_size, wrong_out_size, input_removed, cycle,
       kernel_too_large, wrong_divisor, out_of_range, wrong_kind, whole_tuple, output_port_misspelt, input_type, flatten_removed,
       permute_removed, permute_wrong, reshape_wrong, merge_mismatch, branch_stride, rewired, too_many_inputs, too_few_inputs,
       port_misspelt, bad_variable, param_removed, size_negative, input_undeclared]  # fmt: skip


def break_graph(graph, types, rng, names, first=None):
    """A graph with one to three faults, the first of the given kind: (graph, [(kind, blamed ids)]), or None."""
    b = Broken(graph, types, rng, names)
    wanted = rng.choices([1, 2, 3], [6, 3, 2])[0]
    faults = []
    for _ in range(40):
        mistake = first if first and not faults else rng.choice(ALL)
        before = copy.deepcopy(b.graph)
        blamed = mistake(b)
        if blamed is None or blamed & b.touched:
            b.graph = before
            b.nodes = b.graph["nodes"]
            if first and not faults:
                return None
            continue
        b.touched |= blamed
        faults.append((mistake.__name__, blamed))
        if len(faults) == wanted:
            break
    return (b.graph, faults) if faults else None


def break_one(valid, rng, names, kind):
    """The mistake `kind` in a graph of `valid` that has a place for it: (index, graph, faults)."""
    while True:
        index = rng.randrange(len(valid))
        graph, types = valid[index]
        broken = break_graph(graph, types, rng, names, kind)
        if broken:
            return index, *broken
