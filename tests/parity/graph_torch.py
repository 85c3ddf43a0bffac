"""PyTorch's side of random graphs: runs one node of any type on the meta device and on the CPU.

A type that torch.nn has is built by its class, an operator is called by its schema, all others by the Python that the
registry spells (registry_test compares that with hand-written references). Composites have references of their own below.
"""

import re

import torch
from cases import INFERRED
from torch import nn

MAX_NUMEL = 50_000

# What a constructor takes and GraphKiln leaves to the run.
HINTS = ("inplace",)


class Refused(Exception):
    """PyTorch does not take the node; the text is its own."""


class Undecided(Exception):
    """PyTorch's devices give different types, or the values decide."""


# Errors about values that a type does not tell: zeros stand at the ports.
OF_VALUES = re.compile(r"for argument #2 'targets'|^Target \d+ is out of bounds|^index \d+ is out of bounds|^index is out of bounds|self indexing axis dim should be positive|^ZeroDivisionError$")


def flat(value):
    """The tensors of a nested result in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if value is None:
        return []
    items = value.values() if isinstance(value, dict) else value
    return [tensor for item in items for tensor in flat(item)]


def type_of(tensor):
    return str(tensor.dtype).removeprefix("torch."), list(tensor.shape)


def empty(dtype, shape, device):
    # Zeros are legal indices, classes, lengths and probabilities.
    return torch.zeros(shape, dtype=getattr(torch, dtype), device=device)


def plain(value, info=None):
    """A parameter as Python has it."""
    kind = info["type"] if info else ""
    if isinstance(value, str) and value in ("inf", "-inf", "nan") and "string" not in kind:
        return float(value)
    if isinstance(value, str) and "dtype" in kind:
        return getattr(torch, value)
    if isinstance(value, str) and info and info.get("spelled"):
        return eval(info["spelled"][info["choices"].index(value)], {"nn": nn, "torch": torch})  # noqa: S307: the registry's own
    if isinstance(value, list):
        items = tuple(plain(v, info) for v in value)
        return torch.tensor(items, dtype=None if items else torch.int64) if info and info.get("tensor") else items
    return value


def crashes(type_, params, ports):
    """Calls that end the process: integer divisions by zero and reads of no memory in PyTorch's kernels."""
    if type_ == "aten.arange.start_step" and "int" in params.get("dtype", ""):
        return abs(params.get("step", 1)) < 1
    if type_ == "EmbeddingBag" and len(ports.get("offsets", ("", []))[1]) == 1:
        bags = ports["offsets"][1][0] - bool(params.get("include_last_offset"))
        return bags == 0 and 0 not in ports["input"][1]
    if type_ in ("ScaledDotProductAttention", "aten.scaled_dot_product_attention.default"):
        query, key, value = (ports[port][1] for port in ("query", "key", "value"))
        if (len(query) == 4 and query[1] == 0) or (value[-2:-1] == [0] and key[-2:-1] != [0]):
            return True
    gqa = type_ == "ScaledDotProductAttention" and params.get("enable_gqa")
    return gqa and any(0 in ports[port][1][-3:-2] for port in ("key", "value"))


class Torch:
    """Runs nodes as `registry` (of kiln-parity-tool) spells them."""

    def __init__(self, registry):
        self.types = {node["name"]: node for node in registry["nodes"]}
        self.ops = {op["name"]: op for op in registry["ops"]}

    def run(self, type_, params, ports):
        """[(dtype, shape)] of the results; `ports`: name -> (dtype, shape) or a list of them.

        Legal is what both devices accept, since each of them leaves out some checks; the meta device lacks some operators.
        Raises Refused or Undecided.
        """
        if crashes(type_, params, ports):
            raise Refused("PyTorch itself ends")
        answers, refusals = [], []
        for device in ("meta", "cpu"):
            try:
                with torch.no_grad():
                    answers.append([type_of(t) for t in flat(self._on(device, type_, params, ports))])
            except Refused:
                raise
            except Exception as error:  # noqa: BLE001: PyTorch raises what it likes
                text = str(error)
                lacks = isinstance(error, NotImplementedError) or "on meta tensors" in text  # it asks for values
                lacks = lacks or "cond must be a bool" in text  # its own mistake in up-sampling empty batches
                if OF_VALUES.search(text) or (device == "meta" and lacks):
                    continue
                refusals.append(f"{device}: {type(error).__name__}: {text[:300]}")
        if refusals:
            raise Refused(refusals[0])
        if any(size < 0 for answer in answers for _, shape in answer for size in shape):
            raise Refused("PyTorch makes a tensor of a negative size where others are 0")
        if not answers or (len(answers) == 2 and answers[0] != answers[1]):
            raise Undecided(f"{answers}")
        return answers[-1]

    def _on(self, device, type_, params, ports):
        values = {
            port: [empty(*v, device) for v in value] if isinstance(value, list) else empty(*value, device)
            for port, value in ports.items()
        }
        with torch.device(device):
            if type_ in COMPOSITES:
                return COMPOSITES[type_](params, **values)
            if type_ in FUNCTIONS:
                return FUNCTIONS[type_](params, **values)
            if type_.startswith("aten."):
                return self._operator(type_, params, values)
            node = self.types[type_]
            if node["python_kind"] == "module":
                return self._module(node, params, values)
            return self._text(node, params, values)

    def _module(self, node, params, values):
        infos = {p["name"]: p for p in node["params"]}
        given, at_call = {}, {}
        for name, value in params.items():
            if name not in infos:
                raise Refused(f"no parameter {name}")
            (at_call if infos[name]["at_call"] else given)[name] = plain(value, infos[name])
        first = values[node["inputs"][0]["name"]]
        for name, dim in INFERRED.get(node["name"], ()):
            if name in given:
                continue
            given[name] = values[dim].shape[-1] if isinstance(dim, str) else first.shape[dim]
        if node["name"] == "MultiheadAttention":
            given.setdefault("embed_dim", first.shape[-1])
        for hint in HINTS:
            given.pop(hint, None)
        module = getattr(nn, node["python_text"].removeprefix("nn."))(**given).eval()
        positional, named, in_order = [], {}, True
        for port in node["inputs"]:
            value = values.get(port["name"])
            in_order = in_order and value is not None and not port["keyword"]
            if isinstance(value, list):
                value = tuple(value)
            if in_order:
                positional.append(value)
            elif value is not None:
                named[port["name"]] = value
        return module(*positional, **named, **at_call)

    def _operator(self, type_, params, values):
        _, packet, overload = type_.split(".")
        target = getattr(getattr(torch.ops.aten, packet), overload)
        infos = {p["name"]: p for p in self.operator_params(type_)}
        given = dict(values)
        for argument in target._schema.arguments:
            kind = str(argument.type)
            if argument.name not in params:
                if argument.name in values or argument.has_default_value():
                    continue
                if "Tensor[]" in kind:
                    given[argument.name] = []
                elif "Optional" in kind:
                    given[argument.name] = None
                elif kind == "bool":  # `training` follows the mode
                    given[argument.name] = False
                continue
            value = params[argument.name]
            if isinstance(value, str) and "str" not in kind:
                value = float(value) if value in ("inf", "-inf", "nan") else getattr(torch, value)
            given[argument.name] = value
        for name in params:
            if name not in infos:
                raise Refused(f"no parameter {name}")
        positional, named, by_name = [], {}, False
        for argument in target._schema.arguments:
            by_name = by_name or argument.kwarg_only or argument.name not in given
            if argument.name not in given:
                continue
            if by_name:
                named[argument.name] = given[argument.name]
            else:
                positional.append(given[argument.name])
        return target(*positional, **named)

    def operator_params(self, type_):
        _, packet, overload = type_.split(".")
        target = getattr(getattr(torch.ops.aten, packet), overload)
        out = []
        for argument in target._schema.arguments:
            kind = str(argument.type)
            if "Tensor" in kind or argument.name in ("device", "layout", "pin_memory", "memory_format", "generator"):
                continue
            if argument.name == "dtype":
                kind = "dtype"
            out.append({"name": argument.name, "type": kind.replace("Optional", "null|"), "required": not argument.has_default_value()})
        return out

    def many(self, type_):
        """True where the result is a tuple of tensors, however many."""
        if type_ in self.ops:
            return self.ops[type_]["schema"].endswith("[]")
        return type_ in self.types and self.types[type_]["outputs"][0]["many"]

    def _text(self, node, params, values):
        infos = {p["name"]: p for p in node["params"]}
        for name in params:
            if name not in infos:
                raise Refused(f"no parameter {name}")
        known = {"torch": torch, "nn": nn}

        def bind(value):
            known[f"v{len(known)}"] = value
            return f"v{len(known) - 1}"

        def parameter(name):
            value = params.get(name)
            if name not in params and "default_value" in infos[name]:
                value = value_of(infos[name]["default_value"])
            return bind(plain(value, infos[name]))

        if node["python_kind"] == "function":
            args = [f"{p['name']}={bind(values[p['name']])}" if n else bind(values[p["name"]])
                    for n, p in enumerate(node["inputs"]) if p["name"] in values]  # fmt: skip
            args += [f"{name}={parameter(name)}" for name in params]
            text = f"{node['python_text']}({', '.join(args)})"
        else:
            ports = {p["name"] for p in node["inputs"]}

            def fill(match):
                name, _, join = match.group(1).partition("|")
                if name not in ports or (name in infos and name not in values):
                    return parameter(name)
                value = values.get(name)
                if join:
                    return f" {join} ".join(bind(v) for v in value)
                return bind(value)

            text = re.sub(r"{([^}]*)}", fill, node["python_text"])
        return eval(text, known)  # noqa: S307: the registry's own spelling


def value_of(value):
    """A graphkiln.v1.Value as Python has it."""
    ((kind, content),) = value.items()
    if kind == "null_value":
        return None
    if kind == "list_value":
        return [value_of(v) for v in content.get("values", [])]
    if kind == "double_value":
        return float(content)
    return int(content) if kind == "int_value" else content


# Composites, written by hand.


def _film(p, feature, conditioner):
    gamma = nn.Linear(p["conditioner_dim"], p["feature_dim"])(conditioner)
    assert feature.dim() in (2, 3, 4, 5) and conditioner.dim() == 2 and feature.shape[1] == p["feature_dim"]
    shape = [-1, p["feature_dim"]] + [1] * (feature.dim() - 2)
    return feature * gamma.reshape(shape) + gamma.reshape(shape)


def _squeeze(p, input):
    channels = input.shape[1]
    assert input.dim() in (3, 4)
    inner = channels // p.get("reduction", 8)
    if inner < 1:
        raise Refused("nothing left of the channels")
    gate = nn.Linear(inner, channels)(nn.Linear(channels, inner)(input.mean(tuple(range(2, input.dim())))).relu()).sigmoid()
    return input * gamma_shape(gate, input.dim())


def gamma_shape(gate, rank):
    return gate.reshape(-1, gate.shape[1], *[1] * (rank - 2))


def _conv(n):
    return getattr(nn, f"Conv{n}d"), getattr(nn, f"BatchNorm{n}d")


def _residual(p, input):
    n, k, stride, out = input.dim() - 2, p.get("kernel_size", 3), p.get("stride", 1), p["out_channels"]
    assert n in (1, 2) and k % 2 == 1
    conv, norm = _conv(n)
    x = norm(out).eval()(conv(input.shape[1], out, k, stride, k // 2)(input))
    x = conv(out, out, k, 1, k // 2)(x)
    if stride != 1 or input.shape[1] != out:
        input = conv(input.shape[1], out, 1, stride)(input)
    return x + input


def _vgg(p, input):
    n, k = input.dim() - 2, p.get("kernel_size", 3)
    assert n in (1, 2) and p.get("norm", "batch") in ("batch", "none") and not (p.get("use_lrn") and n == 1)
    conv, norm = _conv(n)
    x = input
    for out in (p["c1"], p["c2"]):
        x = conv(x.shape[1], out, k, 1, k // 2)(x)
        if p.get("norm", "batch") == "batch":
            x = norm(out).eval()(x)
        if p.get("use_lrn"):
            x = nn.LocalResponseNorm(5)(x)
    return getattr(nn.functional, f"max_pool{n}d")(x, 2) if p.get("pool", True) else x


def _gru(p, input, h0=None):
    assert input.dim() == 3
    gru = nn.GRU(input.shape[2], p["hidden_size"], p.get("num_layers", 1), bidirectional=p.get("bidirectional", True), batch_first=True)
    y, _ = gru(input, h0)
    joined = {"last": lambda: y[:, -1], "mean": lambda: y.mean(1), "max": lambda: y.amax(1), "seq": lambda: y}
    return joined[p.get("out", "last")]()


def _basic(p, input):
    assert input.dim() == 4
    planes, stride = p["planes"], p.get("stride", 1)
    x = nn.Conv2d(input.shape[1], planes, 3, stride, 1)(input)
    x = nn.Conv2d(planes, planes, 3, 1, 1)(nn.BatchNorm2d(planes).eval()(x))
    if p.get("reduction", 0):
        x = _squeeze(p, x)
    if stride != 1 or input.shape[1] != planes:
        input = nn.Conv2d(input.shape[1], planes, 1, stride)(input)
    return x + input


def _bottleneck(p, input):
    assert input.dim() == 4
    planes, stride = p["planes"], p.get("stride", 1)
    x = nn.Conv2d(planes, planes, 3, stride, 1)(nn.Conv2d(input.shape[1], planes, 1)(input))
    x = nn.Conv2d(planes, 4 * planes, 1)(x)
    if stride != 1 or input.shape[1] != 4 * planes:
        input = nn.Conv2d(input.shape[1], 4 * planes, 1, stride)(input)
    return x + input


def _reduce(p, input):
    """As TorchArc: torch.<name>(x, dim, keepdim); null reduces all dimensions."""
    name, dim, keep = p["name"], p.get("dim"), p.get("keepdim", False)
    call = getattr(torch, name)
    if dim is None:
        dims = tuple(range(input.dim()))
        out = call(input, dim=dims) if name == "logsumexp" else call(input)
        return out.reshape((1,) * input.dim()) if keep else out
    return call(input, dim=dim, keepdim=keep)


def _torch_fn(p, input):
    given = {k: getattr(torch, v) if k == "dtype" else v for k, v in p.items() if k != "name" and v is not None}
    return getattr(torch, p["name"])(input, **given)


# Types whose function a parameter names.
FUNCTIONS = {"Reduce": _reduce, "TorchFn": _torch_fn}


def _part(cls, first, width=0):
    """A part of the Transformer; `*is_causal` are arguments of torch's forward, `width` is d_model's default."""

    def run(p, **ports):
        given = {k: v for k, v in p.items() if not k.endswith("is_causal")}
        found = ports[first].shape[-1]
        if given.pop("d_model", width) not in (0, found):
            raise Refused("d_model differs")
        return cls(found, **given).eval()(**ports)

    return run


def _stack(cls, layer, first):
    def run(p, **ports):
        given = {k: v for k, v in p.items() if not k.endswith("is_causal")}
        width, layers, norm = ports[first].shape[-1], given.pop("num_layers"), given.pop("norm", False)
        if given.pop("d_model", 0) not in (0, width):
            raise Refused("d_model differs")
        end = nn.LayerNorm(width, given.get("layer_norm_eps", 1e-5)) if norm else None
        return cls(layer(width, **given), layers, end).eval()(**ports)

    return run


COMPOSITES = {
    "MergeFiLM": _film,
    "SEBlock": _squeeze,
    "ResidualBlock": _residual,
    "VGGBlock": _vgg,
    "GRUBlock": _gru,
    "GRUBlockH0": _gru,
    "BasicBlock": _basic,
    "Bottleneck": _bottleneck,
    "TransformerEncoder": _stack(nn.TransformerEncoder, nn.TransformerEncoderLayer, "src"),
    "TransformerDecoder": _stack(nn.TransformerDecoder, nn.TransformerDecoderLayer, "tgt"),
    "Transformer": _part(nn.Transformer, "src", 512),
    "TransformerEncoderLayer": _part(nn.TransformerEncoderLayer, "src"),
    "TransformerDecoderLayer": _part(nn.TransformerDecoderLayer, "tgt"),
}
