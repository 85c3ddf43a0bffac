"""One case per node type and interesting set of parameters, with PyTorch's own module beside it.

`reference` builds the module or function that torch users would write; the parity tests compare it with what GraphKiln
makes of the same type and parameters. A type that is missing here fails registry_test.
"""

import dataclasses
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
    return torch.randn(*shape, generator=_gen(seed + 31 * len(shape)))


def i(high, *shape, seed=1):
    """Whole numbers below `high`."""
    return torch.randint(0, high, shape, generator=_gen(seed))


# What GraphKiln infers and torch.nn wants first.
INFERRED = {
    "Linear": (("in_features", -1),),
    "Conv1d": (("in_channels", -2),),
    "Conv2d": (("in_channels", -3),),
    "BatchNorm1d": (("num_features", 1),),
    "BatchNorm2d": (("num_features", 1),),
    "LayerNorm": (("normalized_shape", -1),),
    "LSTM": (("input_size", -1),),
    "GRU": (("input_size", -1),),
    "RNN": (("input_size", -1),),
    "LSTMCell": (("input_size", -1),),
    "GRUCell": (("input_size", -1),),
    "RNNCell": (("input_size", -1),),
}


def module(type_, x, _random=False, _gradients=True, _ports=None, **params):
    """A case of a torch.nn type of the same name."""
    inputs = {"input": x, **(_ports or {})}

    def reference():
        given = dict(params)
        for name, dim in INFERRED.get(type_, ()):
            given.setdefault(name, x.shape[dim])
        return getattr(nn, type_)(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})

    return Case(type_, params, inputs, reference, _random, _gradients)


def function(type_, inputs, call, **params):
    """A case of a type that Python writes as an expression."""
    return Case(type_, params, inputs, lambda: call)


def _linear():
    yield module("Linear", f(2, 3), out_features=4)
    yield module("Linear", f(3), out_features=4, bias=False)
    yield module("Linear", f(2, 3, 5), in_features=5, out_features=1)


def _conv():
    for n, x in ((1, f(2, 4, 13)), (2, f(2, 4, 9, 10))):
        name = f"Conv{n}d"
        yield module(name, x, out_channels=6, kernel_size=3)
        yield module(name, x[0], out_channels=6, kernel_size=3, padding=1)
        yield module(name, x, in_channels=4, out_channels=8, kernel_size=3, stride=2, padding=2, dilation=2, groups=4)
        yield module(name, x, out_channels=4, kernel_size=2, padding="same", bias=False)
        yield module(name, x, out_channels=4, kernel_size=4, padding="same", dilation=2)
        yield module(name, x, out_channels=4, kernel_size=3, padding="valid", stride=3)
        for mode in ("reflect", "replicate", "circular"):
            yield module(name, x, out_channels=4, kernel_size=3, padding=2, stride=2, padding_mode=mode)
            yield module(name, x, out_channels=4, kernel_size=4, padding="same", padding_mode=mode)
    yield module("Conv2d", f(2, 4, 9, 10), out_channels=3, kernel_size=[3, 2], stride=[1, 2], padding=[0, 1], dilation=[2, 1])
    yield module("Conv2d", f(2, 4, 9, 10), out_channels=3, kernel_size=[3, 5], padding=[1, 2], padding_mode="circular")


def _norm():
    for name, x in (("BatchNorm1d", f(6, 3)), ("BatchNorm1d", f(6, 3, 4)), ("BatchNorm2d", f(4, 3, 5, 5))):
        yield module(name, x)
        yield module(name, x, num_features=3, eps=0.01, momentum=0.3, affine=False)
        yield module(name, x, momentum=None)
        yield module(name, x, track_running_stats=False)
        yield module(name, x, track_running_stats=False, momentum=None)
    yield module("LayerNorm", f(2, 3, 4))
    yield module("LayerNorm", f(2, 3, 4), normalized_shape=[3, 4], eps=0.1, bias=False)
    yield module("LayerNorm", f(2, 3, 4), normalized_shape=4, elementwise_affine=False)


def _activation():
    x = f(3, 4, 5)
    yield module("ReLU", x)
    yield module("ReLU", x, inplace=False)
    yield module("GELU", x)
    yield module("GELU", x, approximate="tanh")
    yield module("Sigmoid", x)
    yield module("Tanh", x)
    yield module("Softmax", x, dim=-1)
    yield module("Softmax", x, dim=1)
    yield module("Dropout", x, _random=True)
    yield module("Dropout", x, p=0.0)
    yield module("Dropout", x, p=1.0)
    # The hint never changes another node's value, so the reference is the plain form.
    yield Case("ReLU", {"inplace": True}, {"input": x}, nn.ReLU)
    yield Case("Dropout", {"p": 0.2, "inplace": True}, {"input": x}, lambda: nn.Dropout(0.2), random=True)


def _pool():
    for n, x in ((1, f(2, 3, 11)), (2, f(2, 3, 11, 8))):
        name = f"MaxPool{n}d"
        yield module(name, x, kernel_size=2)
        yield module(name, x[0], kernel_size=3, stride=2, padding=1, dilation=2)
        yield module(name, x, kernel_size=3, stride=2, ceil_mode=True)
        yield module(name, x, kernel_size=2, stride=3, padding=1, ceil_mode=True)
        yield module(name, x, kernel_size=3, stride=None, return_indices=True)
    yield module("MaxPool2d", f(2, 3, 11, 8), kernel_size=[3, 2], stride=[2, 1], padding=[1, 0], dilation=[1, 2])
    x = f(2, 3, 11, 8)
    yield module("AvgPool2d", x, kernel_size=2)
    yield module("AvgPool2d", x[0], kernel_size=[3, 2], stride=[2, 3], padding=[1, 1])
    yield module("AvgPool2d", x, kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)
    yield module("AvgPool2d", x, kernel_size=3, stride=2, ceil_mode=True)
    yield module("AvgPool2d", x, kernel_size=2, stride=None, divisor_override=3)
    yield module("AdaptiveAvgPool2d", x, output_size=1)
    yield module("AdaptiveAvgPool2d", x[0], output_size=[5, 3])


def _embedding():
    x = i(10, 2, 5)
    yield module("Embedding", x, num_embeddings=10, embedding_dim=3)
    yield module("Embedding", x.int(), num_embeddings=10, embedding_dim=3, padding_idx=2)
    yield module("Embedding", x, num_embeddings=10, embedding_dim=3, padding_idx=-1, scale_grad_by_freq=True)
    yield module("Embedding", x, num_embeddings=10, embedding_dim=3, max_norm=1.0)
    yield module("Embedding", x, num_embeddings=10, embedding_dim=3, max_norm=2.0, norm_type=1.0)
    yield module("Embedding", x, num_embeddings=10, embedding_dim=3, sparse=True, _gradients=False)


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


def _loss():
    x, y = f(4, 3), f(4, 3, seed=2)
    for name in ("MSELoss", "L1Loss"):
        for reduction in ("mean", "sum", "none"):
            yield module(name, x, _ports={"target": y}, reduction=reduction)
    classes = {"target": i(3, 4)}
    yield module("CrossEntropyLoss", x, _ports=classes)
    yield module("CrossEntropyLoss", x, _ports=classes, reduction="sum", label_smoothing=0.2)
    yield module("CrossEntropyLoss", x, _ports=classes, reduction="none", ignore_index=1)
    yield module("CrossEntropyLoss", f(3), _ports={"target": i(3)})
    yield module("CrossEntropyLoss", f(4, 3, 5), _ports={"target": i(3, 4, 5)})
    yield module("CrossEntropyLoss", x, _ports={"target": y.softmax(1)}, label_smoothing=0.1)


def all_cases():
    cases = []
    for family in (_linear, _conv, _norm, _activation, _pool, _embedding, _rnn, _cell, _scores, _attention, _combine, _shape, _loss):
        cases.extend(family())
    from cases_functional import functional_cases
    from cases_operators import operator_cases

    cases.extend([*functional_cases(), *operator_cases()])
    for n, case in enumerate(cases):
        case.name = f"c{n:03d}_{case.type}".replace(".", "_")
    return cases
