"""One case per node type and interesting set of parameters, with PyTorch's own module beside it.

`reference` builds the module or function that torch users would write; the parity tests compare it with what GraphKiln
makes of the same type and parameters. A type that is missing here fails registry_test.
"""

import dataclasses
import importlib
from typing import Any, Callable

import torch
from torch import nn


@dataclasses.dataclass
class Case:
    type: str
    params: dict[str, Any]
    inputs: dict[str, Any]  # port -> tensor or list of tensors
    reference: Callable[[], Any]  # makes a module or function of the ports' values
    random: bool = False  # training draws random numbers
    drawn: bool = False  # evaluation does, too
    gradients: bool = True
    name: str = ""
    # Calls what `reference` made with the ports' values by name, where they do not go by position.
    call: Callable[[Any, dict], Any] | None = None
    # Ports that get what stands at another port.
    wires: dict[str, str] = dataclasses.field(default_factory=dict)


def _gen(seed):
    return torch.Generator().manual_seed(seed)


def f(*shape, seed=1):
    """A float tensor of normal values."""
    return torch.randn(shape, generator=_gen(seed + 31 * len(shape)))


def i(high, *shape, seed=1):
    """Whole numbers below `high`."""
    return torch.randint(0, high, shape, generator=_gen(seed))


# Families with files of their own, each with a function `cases`.
FILES = ("cases_activation", "cases_embedding", "cases_loss", "cases_norm", "cases_source")

# Lists of numbers that torch.nn takes as tensors.
TENSORS = ("weight", "pos_weight")

# What GraphKiln infers and torch.nn wants first.
INFERRED = {
    "Linear": (("in_features", -1),),
    "Conv1d": (("in_channels", -2),),
    "Conv2d": (("in_channels", -3),),
    "Conv3d": (("in_channels", -4),),
    "ConvTranspose1d": (("in_channels", -2),),
    "ConvTranspose2d": (("in_channels", -3),),
    "ConvTranspose3d": (("in_channels", -4),),
    **{f"BatchNorm{n}d": (("num_features", 1),) for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": (("num_features", -1 - n),) for n in (1, 2, 3)},
    "SyncBatchNorm": (("num_features", 1),),
    "GroupNorm": (("num_channels", 1),),
    "LayerNorm": (("normalized_shape", -1),),
    "RMSNorm": (("normalized_shape", -1),),
    "Bilinear": (("in1_features", -1), ("in2_features", "input2")),
    "AdaptiveLogSoftmaxWithLoss": (("in_features", -1),),
    "LSTM": (("input_size", -1),),
    "GRU": (("input_size", -1),),
    "RNN": (("input_size", -1),),
    "LSTMCell": (("input_size", -1),),
    "GRUCell": (("input_size", -1),),
    "RNNCell": (("input_size", -1),),
}


def module(type_, x, _random=False, _gradients=True, _ports=None, _drawn=False, _first="input", **params):
    """A case of a torch.nn type of the same name."""
    inputs = {_first: x, **(_ports or {})}

    def argument(name, value):
        if not isinstance(value, list):
            return value
        return torch.tensor(value) if name in TENSORS else tuple(value)

    def reference():
        given = dict(params)
        for name, dim in INFERRED.get(type_, ()):
            given.setdefault(name, inputs[dim].shape[-1] if isinstance(dim, str) else x.shape[dim])
        return getattr(nn, type_)(**{k: argument(k, v) for k, v in given.items()})

    return Case(type_, params, inputs, reference, _random, _drawn, _gradients)


def function(type_, inputs, call, **params):
    """A case of a type that Python writes as an expression."""
    return Case(type_, params, inputs, lambda: call)


def _linear():
    yield module("Linear", f(2, 3), out_features=4)
    yield module("Linear", f(3), out_features=4, bias=False)
    yield module("Linear", f(2, 3, 5), in_features=5, out_features=1)




def _rnn():
    x = f(5, 2, 3)
    for name in ("LSTM", "GRU", "RNN"):
        yield module(name, x, hidden_size=4)
        yield module(name, x, hidden_size=4, bias=False)
        yield module(name, f(5, 3), hidden_size=4)
        yield module(name, f(5, 3), hidden_size=4, batch_first=True, bidirectional=True)
        yield module(name, x, input_size=3, hidden_size=4, num_layers=2, batch_first=True, bidirectional=True)
        yield module(name, x, hidden_size=4, num_layers=3, dropout=0.5, _random=True)
        yield module(name, x, hidden_size=4, num_layers=2, dropout=0.0, bidirectional=True)
    yield module("GRU", x, hidden_size=4, _ports={"hx": f(1, 2, 4, seed=2)})
    yield module("GRU", f(5, 3), hidden_size=4, _ports={"hx": f(1, 4, seed=2)})
    yield module("RNN", x, hidden_size=4, nonlinearity="relu", num_layers=2, _ports={"hx": f(2, 2, 4, seed=2)})
    yield module("RNN", f(5, 3), hidden_size=4, nonlinearity="tanh", _ports={"hx": f(1, 4, seed=2)})
    yield module("LSTM", x, hidden_size=4, _ports={"hx": [f(1, 2, 4, seed=2), f(1, 2, 4, seed=3)]})
    yield module("LSTM", x, hidden_size=5, proj_size=2)
    yield module("LSTM", x, hidden_size=5, proj_size=2, num_layers=2, bias=False, bidirectional=True, batch_first=True)
    yield module("LSTM", f(5, 3), hidden_size=4, _ports={"hx": [f(1, 4, seed=2), f(1, 4, seed=3)]})
    ports = {"hx": [f(2, 2, 2, seed=2), f(2, 2, 5, seed=3)]}
    yield module("LSTM", x, hidden_size=5, proj_size=2, num_layers=2, _ports=ports)


def _cell():
    x, h, c = f(2, 3), f(2, 4, seed=2), f(2, 4, seed=3)
    for name in ("RNNCell", "GRUCell", "LSTMCell"):
        yield module(name, x, hidden_size=4)
        yield module(name, f(3), hidden_size=4)
        yield module(name, x, input_size=3, hidden_size=4, bias=False)
    for name in ("RNNCell", "GRUCell"):
        yield module(name, x, hidden_size=4, _ports={"hx": h})
        yield module(name, f(3), hidden_size=4, _ports={"hx": h[0]})
    yield module("RNNCell", x, hidden_size=4, nonlinearity="relu", _ports={"hx": h})
    yield module("LSTMCell", x, hidden_size=4, _ports={"hx": [h, c]})
    yield module("LSTMCell", f(3), hidden_size=4, _ports={"hx": [h[0], c[0]]})


def _scores():
    attention = nn.functional.scaled_dot_product_attention
    q, k, v = f(2, 4, 5, 8), f(2, 4, 7, 8, seed=2), f(2, 4, 7, 6, seed=3)

    def case(ports, random=False, **params):
        def call(fn, values):
            given = dict(params)
            if random:
                given["dropout_p"] = 0.0
            return fn(**values, **given)

        return Case("ScaledDotProductAttention", params, ports, lambda: attention, random, call=call)

    ports = {"query": q, "key": k, "value": v}
    yield case(ports)
    yield case(ports, is_causal=True, scale=0.5)
    yield case({**ports, "attn_mask": f(5, 7, seed=4)})
    yield case({**ports, "attn_mask": f(2, 1, 5, 7, seed=4) > -0.5})
    yield case({"query": q, "key": f(2, 2, 7, 8, seed=2), "value": f(2, 2, 7, 8, seed=3)}, enable_gqa=True)
    yield case({"query": q[0, 0], "key": k[0, 0], "value": v[0, 0]})
    yield case(ports, random=True, dropout_p=0.5)


def _attention():
    def case(shapes, random=False, mask=None, padding=None, same=False, **params):
        at_call = {k: params[k] for k in ("need_weights", "average_attn_weights", "is_causal") if k in params}
        given = {k: v for k, v in params.items() if k not in at_call}
        if same:
            ports = {"query": f(*shapes[0])}
        else:
            ports = dict(zip(("query", "key", "value"), (f(*s, seed=n) for n, s in enumerate(shapes))))
        embed = shapes[0][-1]
        if padding is not None:
            ports["key_padding_mask"] = padding
        if mask is not None:
            ports["attn_mask"] = mask

        def call(m, v):
            if same:
                v = {**v, "key": v["query"], "value": v["query"]}
            out = m(**v, **at_call)
            return out[0] if out[1] is None else out

        wires = {"key": "query", "value": "query"} if same else {}
        given = {"embed_dim": embed, **given}
        return Case("MultiheadAttention", params, ports, lambda: nn.MultiheadAttention(**given), random, call=call, wires=wires)

    q, s = (5, 2, 8), (7, 2, 8)
    pad = torch.tensor([[False] * 5 + [True] * 2, [False] * 7])
    causal = torch.ones(5, 7).triu(1).bool()
    yield case((q, s, s), num_heads=2)
    yield case((q, s, s), num_heads=2, need_weights=False)
    yield case((q,), same=True, num_heads=4, need_weights=False, bias=False)
    yield case((q,), same=True, num_heads=4, average_attn_weights=False)
    yield case(((2, 5, 8), (2, 7, 8), (2, 7, 8)), num_heads=2, batch_first=True, padding=pad)
    yield case(((2, 5, 8), (2, 7, 8), (2, 7, 8)), num_heads=2, batch_first=True, padding=pad, mask=causal, need_weights=False)
    yield case((q, s, s), num_heads=2, mask=f(5, 7, seed=9), padding=pad.float() * -3.0)
    yield case((q, s, s), num_heads=2, mask=f(4, 5, 7, seed=9), need_weights=False)
    yield case((q, s, s), num_heads=2, mask=f(4, 5, 7, seed=9) > 0.9)
    yield case((q, (7, 2, 6), (7, 2, 3)), embed_dim=8, num_heads=2, kdim=6, vdim=3)
    yield case((q, (7, 2, 6), s), num_heads=2, kdim=6, add_bias_kv=False, add_zero_attn=True, bias=False)
    yield case((q, s, s), num_heads=2, add_bias_kv=True, add_zero_attn=True, mask=causal, padding=pad)
    yield case((q, s, s), num_heads=2, add_bias_kv=True, need_weights=False, padding=pad)
    yield case((q, s, s), num_heads=2, mask=causal, is_causal=True, need_weights=False)
    yield case((q, s, s), num_heads=2, mask=causal, is_causal=True)
    yield case(((5, 8), (7, 8), (7, 8)), num_heads=2, padding=pad[0])
    yield case(((5, 8), (7, 8), (7, 8)), num_heads=2, batch_first=True, need_weights=False)
    yield case(((5, 8),), same=True, num_heads=2, average_attn_weights=False, mask=f(2, 5, 5, seed=9))
    yield case((q, s, s), random=True, num_heads=2, dropout=0.5)
    yield case((q, s, s), random=True, num_heads=2, dropout=0.5, need_weights=False)


def _combine():
    def total(values):
        out = values[0]
        for value in values[1:]:
            out = out + value
        return out

    def product(values):
        out = values[0]
        for value in values[1:]:
            out = out * value
        return out

    a, b, c = f(2, 3), f(2, 3, seed=2), f(1, seed=3)
    yield function("Add", {"inputs": [a, b]}, total)
    yield function("Add", {"inputs": [a, b, c, f(4, 1, 1)]}, total)
    yield function("Add", {"inputs": [a, i(5, 2, 3)]}, total)
    yield function("Mul", {"inputs": [a, f(2, 1)]}, product)
    yield function("Mul", {"inputs": [a, b, c]}, product)
    yield function("Concat", {"inputs": [a, f(2, 5)]}, lambda v: torch.cat(v, dim=1))
    yield function("Concat", {"inputs": [a, b, f(7, 3)]}, lambda v: torch.cat(v, dim=-2), dim=-2)
    yield function("Concat", {"inputs": [a]}, lambda v: torch.cat(v, dim=0), dim=0)


def _shape():
    x = f(2, 3, 4)
    yield module("Flatten", x)
    yield module("Flatten", x, start_dim=0)
    yield module("Flatten", x, start_dim=-3, end_dim=1)
    yield module("Unflatten", f(2, 12), dim=1, unflattened_size=[3, 4])
    yield module("Unflatten", f(2, 12, 5), dim=-2, unflattened_size=[2, -1, 2])
    yield function("Permute", {"input": x}, lambda v: v.permute(0, 2, 1), dims=[0, 2, 1])
    yield function("Permute", {"input": x}, lambda v: v.permute(-1, 0, 1), dims=[-1, 0, 1])
    yield function("Reshape", {"input": x}, lambda v: v.reshape(4, 6), shape=[4, 6])
    yield function("Reshape", {"input": x}, lambda v: v.reshape(-1, 2, 2), shape=[-1, 2, 2])
    yield function("Select", {"input": x}, lambda v: v.select(1, -1), dim=1, index=-1)
    yield function("Select", {"input": x}, lambda v: v.select(-1, 2), dim=-1, index=2)
    yield function("Mean", {"input": x}, lambda v: v.mean((1, 2)), dim=[1, 2])
    yield function("Mean", {"input": x}, lambda v: v.mean(-1, keepdim=True), dim=-1, keepdim=True)
    yield function("Max", {"input": x}, lambda v: v.amax(1), dim=1)
    yield function("Max", {"input": x}, lambda v: v.amax((0, -1), keepdim=True), dim=[0, -1], keepdim=True)


def all_cases():
    cases = []
    for family in (_linear, _rnn, _cell, _scores, _attention, _combine, _shape):
        cases.extend(family())
    from cases_functional import functional_cases
    from cases_operators import operator_cases
    from cases_spatial import spatial_cases

    cases.extend([*spatial_cases(), *functional_cases(), *operator_cases()])
    for file in FILES:
        cases.extend(importlib.import_module(file).cases())
    for n, case in enumerate(cases):
        case.name = f"c{n:03d}_{case.type}".replace(".", "_")
    return cases
