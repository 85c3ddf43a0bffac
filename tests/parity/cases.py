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
    drawn: bool = False  # evaluation does, too
    gradients: bool = True
    name: str = ""


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
    "Conv3d": (("in_channels", -4),),
    "ConvTranspose1d": (("in_channels", -2),),
    "ConvTranspose2d": (("in_channels", -3),),
    "ConvTranspose3d": (("in_channels", -4),),
    "BatchNorm1d": (("num_features", 1),),
    "BatchNorm2d": (("num_features", 1),),
    "LayerNorm": (("normalized_shape", -1),),
    "LSTM": (("input_size", -1),),
    "GRU": (("input_size", -1),),
}


def module(type_, x, _random=False, _gradients=True, _ports=None, _drawn=False, **params):
    """A case of a torch.nn type of the same name."""
    inputs = {"input": x, **(_ports or {})}

    def reference():
        given = dict(params)
        for name, dim in INFERRED.get(type_, ()):
            given.setdefault(name, x.shape[dim])
        return getattr(nn, type_)(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})

    return Case(type_, params, inputs, reference, _random, _drawn, _gradients)


def function(type_, inputs, call, **params):
    """A case of a type that Python writes as an expression."""
    return Case(type_, params, inputs, lambda: call)


def _linear():
    yield module("Linear", f(2, 3), out_features=4)
    yield module("Linear", f(3), out_features=4, bias=False)
    yield module("Linear", f(2, 3, 5), in_features=5, out_features=1)


def _conv():
    for n, x in ((1, f(2, 4, 13)), (2, f(2, 4, 9, 10)), (3, f(2, 4, 5, 6, 7))):
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


def _conv_transpose():
    for n, x in ((1, f(2, 4, 7)), (2, f(2, 4, 5, 6)), (3, f(2, 4, 3, 4, 2))):
        name = f"ConvTranspose{n}d"
        yield module(name, x, out_channels=6, kernel_size=3)
        yield module(name, x[0], out_channels=6, kernel_size=3, padding=1, bias=False)
        yield module(name, x, in_channels=4, out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2)
        yield module(name, x, out_channels=2, kernel_size=2, dilation=3, output_padding=2, padding_mode="zeros")
    yield module("ConvTranspose2d", f(2, 4, 5, 6), out_channels=3, kernel_size=[3, 2], stride=[1, 2], padding=[0, 1], output_padding=[0, 1])


def _fold():
    yield module("Unfold", f(2, 3, 5, 6), kernel_size=2)
    yield module("Unfold", f(3, 5, 6), kernel_size=[2, 3], dilation=2, padding=[1, 2], stride=[1, 2])
    yield module("Fold", f(2, 12, 20), output_size=[5, 6], kernel_size=2)
    yield module("Fold", f(18, 10), output_size=[5, 5], kernel_size=[2, 3], dilation=[2, 1], padding=[1, 0], stride=[1, 2])


def _shuffle():
    yield module("PixelShuffle", f(2, 18, 3, 4), upscale_factor=3)
    yield module("PixelShuffle", f(2, 2, 8, 3, 4), upscale_factor=2)
    yield module("PixelUnshuffle", f(3, 6, 4), downscale_factor=2)
    yield module("ChannelShuffle", f(2, 6, 3, 4), groups=3)
    yield module("ChannelShuffle", f(2, 6, 3), groups=2)


def _pad():
    inputs = {1: f(2, 3, 6), 2: f(2, 3, 5, 6), 3: f(2, 3, 4, 5, 6)}
    sides = {1: [1, 2], 2: [2, 0, 1, 3], 3: [1, 2, 3, 0, 1, 1]}
    for n, x in inputs.items():
        for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular"):
            value = {"value": 1.5} if kind == "Constant" else {}
            yield module(f"{kind}Pad{n}d", x, padding=2, **value)
            yield module(f"{kind}Pad{n}d", x[0], padding=sides[n], **value)
        yield module(f"ZeroPad{n}d", x, padding=[-1, 2] + [0] * (2 * n - 2))
        yield module(f"ReplicationPad{n}d", x, padding=[-1, 2] + [0] * (2 * n - 2))
    x = f(2, 3, 5, 6)
    pad = nn.functional.pad
    yield function("Pad", {"input": x}, lambda v: pad(v, (1, 2)), pad=[1, 2])
    yield function("Pad", {"input": x}, lambda v: pad(v, (1, -2, 0, 0, 3, 0), value=0.5), pad=[1, -2, 0, 0, 3, 0], value=0.5)
    yield function("Pad", {"input": i(9, 2, 3)}, lambda v: pad(v, (1, 1), value=4), pad=[1, 1], value=4)
    for mode in ("reflect", "replicate", "circular"):
        yield function("Pad", {"input": x}, lambda v, mode=mode: pad(v, (1, 2, 0, 1), mode=mode), pad=[1, 2, 0, 1], mode=mode)


def _resize():
    ranks = {1: f(2, 3, 5), 2: f(2, 3, 5, 6), 3: f(2, 3, 4, 3, 5)}
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}
    for n, x in ranks.items():
        yield module("Upsample", x, size=7)
        yield module("Upsample", x, size=[4, 7, 3][:n], mode="nearest-exact")
        yield module("Upsample", x, scale_factor=2)
        yield module("Upsample", x, scale_factor=[1.5, 0.6, 2.0][:n], mode="nearest-exact")
        yield module("Upsample", x, scale_factor=1.7, mode=linear[n])
        yield module("Upsample", x, scale_factor=1.7, mode=linear[n], align_corners=False, recompute_scale_factor=True)
        yield module("Upsample", x, size=8, mode=linear[n], align_corners=True)
        yield module("Upsample", x, scale_factor=0.7, mode="area")
    x = ranks[2]
    yield module("Upsample", x, scale_factor=[2.3, 1.0], mode="bicubic")
    yield module("Upsample", x, size=[3, 9], mode="bicubic", align_corners=True)
    for name in ("UpsamplingNearest2d", "UpsamplingBilinear2d"):
        yield module(name, x, size=7)
        yield module(name, x, scale_factor=[1.5, 2.0])
    resize = nn.functional.interpolate
    yield function("Interpolate", {"input": x}, lambda v: resize(v, size=4), size=4)
    given = {"scale_factor": 0.6, "mode": "bilinear", "align_corners": True, "recompute_scale_factor": True, "antialias": True}
    yield function("Interpolate", {"input": x}, lambda v: resize(v, **given), **given)
    more = {"size": [3, 4], "mode": "bicubic", "antialias": True}
    yield function("Interpolate", {"input": x}, lambda v: resize(v, **more), **more)


def _grid():
    sample, affine = nn.functional.grid_sample, nn.functional.affine_grid
    image, volume = f(2, 3, 5, 6), f(2, 3, 4, 5, 6)
    places, deep = f(2, 4, 3, 2, seed=7), f(2, 2, 4, 3, 3, seed=7)
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            given = {"mode": mode, "padding_mode": padding, "align_corners": padding == "border"}
            call = lambda v, g, given=given: sample(v, g, **given)  # noqa: E731
            yield function("GridSample", {"input": image, "grid": places}, call, **given)
    call = lambda v, g: sample(v, g, align_corners=False)  # noqa: E731
    yield function("GridSample", {"input": volume, "grid": deep}, call)
    theta, theta3 = f(2, 2, 3), f(2, 3, 4)
    call = lambda t: affine(t, (2, 3, 4, 5), align_corners=False)  # noqa: E731
    yield function("AffineGrid", {"theta": theta}, call, size=[3, 4, 5])
    call = lambda t: affine(t, (2, 3, 4, 5, 6), align_corners=True)  # noqa: E731
    yield function("AffineGrid", {"theta": theta3}, call, size=[3, 4, 5, 6], align_corners=True)


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
    for n, x in ((1, f(2, 3, 11)), (2, f(2, 3, 11, 8)), (3, f(2, 3, 7, 6, 5))):
        name = f"MaxPool{n}d"
        yield module(name, x, kernel_size=2)
        yield module(name, x[0], kernel_size=3, stride=2, padding=1, dilation=2)
        yield module(name, x, kernel_size=3, stride=2, ceil_mode=True)
        yield module(name, x, kernel_size=2, stride=3, padding=1, ceil_mode=True)
        yield module(name, x, kernel_size=1, stride=4, ceil_mode=True)
        yield module(name, x, kernel_size=3, stride=None, return_indices=True)
        name = f"AvgPool{n}d"
        yield module(name, x, kernel_size=2)
        yield module(name, x[0], kernel_size=3, stride=2, padding=1)
        yield module(name, x, kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)
        yield module(name, x, kernel_size=3, stride=2, ceil_mode=True)
        if n > 1:
            yield module(name, x, kernel_size=2, stride=None, divisor_override=3)
        # Odd powers of negative numbers have no real root: their gradients are no numbers.
        yield module(f"LPPool{n}d", x.abs(), norm_type=2, kernel_size=2)
        yield module(f"LPPool{n}d", x[0].abs(), norm_type=1.5, kernel_size=3, stride=2, ceil_mode=True)
    yield module("LPPool2d", f(2, 3, 11, 8), norm_type=1, kernel_size=[3, 2], stride=[2, 1])
    yield module("MaxPool2d", f(2, 3, 11, 8), kernel_size=[3, 2], stride=[2, 1], padding=[1, 0], dilation=[1, 2])
    yield module("AvgPool2d", f(3, 11, 8), kernel_size=[3, 2], stride=[2, 3], padding=[1, 1])


def _adaptive_pool():
    for n, x in ((1, f(2, 3, 11)), (2, f(2, 3, 11, 8)), (3, f(2, 3, 7, 6, 5))):
        for kind in ("Avg", "Max"):
            name = f"Adaptive{kind}Pool{n}d"
            yield module(name, x, output_size=1)
            yield module(name, x[0], output_size=5)
            if n > 1:
                yield module(name, x, output_size=[3, None, 2][:n])
        yield module(f"AdaptiveMaxPool{n}d", x, output_size=4, return_indices=True)


def _fractional_pool():
    for n, x in ((2, f(2, 3, 11, 8)), (3, f(2, 3, 7, 6, 8))):
        name = f"FractionalMaxPool{n}d"
        always = {"_random": True, "_drawn": True}
        yield module(name, x, kernel_size=2, output_size=4, **always)
        yield module(name, x[0], kernel_size=[2, 3, 2][:n], output_ratio=0.5, return_indices=True, **always)
        yield module(name, x, kernel_size=2, output_ratio=[0.5, 0.4, 0.3][:n], **always)
        # A window over the whole input has one place only.
        yield module(name, f(2, 3, 4, 4) if n == 2 else f(2, 3, 5, 5, 5), kernel_size=4, output_size=1, return_indices=True)


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
    for name in ("LSTM", "GRU"):
        yield module(name, x, hidden_size=4)
        yield module(name, x, hidden_size=4, bias=False)
        yield module(name, f(5, 3), hidden_size=4)
        yield module(name, f(5, 3), hidden_size=4, batch_first=True, bidirectional=True)
        yield module(name, x, input_size=3, hidden_size=4, num_layers=2, batch_first=True, bidirectional=True)
        yield module(name, x, hidden_size=4, num_layers=3, dropout=0.5, _random=True)
        yield module(name, x, hidden_size=4, num_layers=2, dropout=0.0, bidirectional=True)
    yield module("GRU", x, hidden_size=4, _ports={"hx": f(1, 2, 4, seed=2)})
    yield module("GRU", f(5, 3), hidden_size=4, _ports={"hx": f(1, 4, seed=2)})
    yield module("LSTM", x, hidden_size=4, _ports={"hx": [f(1, 2, 4, seed=2), f(1, 2, 4, seed=3)]})
    yield module("LSTM", x, hidden_size=5, proj_size=2)
    yield module("LSTM", x, hidden_size=5, proj_size=2, num_layers=2, bias=False, bidirectional=True, batch_first=True)
    yield module("LSTM", f(5, 3), hidden_size=4, _ports={"hx": [f(1, 4, seed=2), f(1, 4, seed=3)]})
    ports = {"hx": [f(2, 2, 2, seed=2), f(2, 2, 5, seed=3)]}
    yield module("LSTM", x, hidden_size=5, proj_size=2, num_layers=2, _ports=ports)


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
    for family in (_linear, _conv, _conv_transpose, _fold, _shuffle, _pad, _resize, _grid, _norm, _activation, _pool,
                   _adaptive_pool, _fractional_pool, _embedding, _rnn, _combine, _shape, _loss):
        cases.extend(family())
    from cases_functional import functional_cases
    from cases_operators import operator_cases

    cases.extend([*functional_cases(), *operator_cases()])
    for n, case in enumerate(cases):
        case.name = f"c{n:03d}_{case.type}".replace(".", "_")
    return cases
