"""Random calls of spatial operators: the table accepts what PyTorch accepts, and gives PyTorch's types.

PyTorch's answer is that of its CPU kernel and of the meta device together: each of the two leaves out some checks.
"""

import json
import os
import random

import pytest
import torch

COUNT = 1000 if os.environ.get("KILN_TEST_TIER") == "nightly" else 60


class Draw:
    """Arguments that are mostly right."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def wrong(self):
        return self.rng.random() < 0.04

    def ints(self, n, low, high):
        """One number for each dimension, or one for all; at times too small or too many."""
        if self.wrong():
            return [self.rng.randint(low - 1, high) for _ in range(n + self.rng.choice([0, 0, 1]))]
        if self.rng.random() < 0.3:
            return [self.rng.randint(low, high)] * n
        return [self.rng.randint(low, high) for _ in range(n)]

    def image(self, n, channels, low=3, high=9):
        shape = [channels] + [self.rng.randint(low, high) for _ in range(n)]
        if self.rng.random() < 0.7 or self.wrong():
            shape = [self.rng.randint(1, 3), *shape]
        return shape

    def flag(self):
        return self.rng.random() < 0.5


def tensor(shape, dtype="float32"):
    return {"tensor": f"{dtype}{shape}"}


def conv(d, n, transposed=False):
    groups = d.rng.choice([1, 1, 2])
    cin, cout = 4, d.rng.choice([2, 4, 6])
    kernel = [d.rng.randint(1, 4) for _ in range(n)]
    weight = [cin, cout // groups, *kernel] if transposed else [cout, cin // groups, *kernel]
    if d.wrong():
        weight[d.rng.randint(0, 1)] += 1
    bias = d.rng.choice([None, tensor([cout])])
    head = [tensor(d.image(n, cin)), tensor(weight), bias]
    stride, padding, dilation = d.ints(n, 1, 3), d.ints(n, 0, 2), d.ints(n, 1, 2)
    if transposed:
        return [*head, stride, padding, d.ints(n, 0, 1), groups, dilation]
    return [*head, stride, padding, dilation, groups]


def conv_same(d, n):
    args = conv(d, n)
    return [*args[:3], [1] * n if d.flag() else args[3], d.rng.choice(["same", "valid"]), *args[5:]]


def convolution(d, n):
    transposed = d.flag()
    a = conv(d, n, transposed)
    if transposed:
        return [*a[:5], a[7], True, a[5], a[6]]
    return [*a[:6], False, [0] * n, a[6]]


def max_pool(d, n):
    kernel = d.ints(n, 1, 4)
    return [tensor(d.image(n, 2)), kernel, d.rng.choice([[], d.ints(n, 1, 4)]), d.ints(n, 0, 1), d.ints(n, 1, 2), d.flag()]


def avg_pool(d, n):
    args = [tensor(d.image(n, 2)), d.ints(n, 1, 4), d.rng.choice([[], d.ints(n, 1, 4)]), d.ints(n, 0, 1), d.flag(), d.flag()]
    return args if n == 1 else [*args, d.rng.choice([None, 3])]


def adaptive(d, n):
    return [tensor(d.image(n, 2)), d.ints(n, 1, 6)]


def fractional(d, n):
    shape = d.image(n, 2, 5)
    batch = shape[0] if len(shape) == n + 2 else 1
    samples = [batch, 2, n if not d.wrong() else n + 1]
    return [tensor(shape), d.ints(n, 1, 3), d.ints(n, 1, 4), tensor(samples)]


def unpool(d, n):
    shape = d.image(n, 2)
    other = shape if not d.wrong() else [v + 1 for v in shape]
    size = [v + 9 for v in shape[-n:]]
    args = [tensor(shape), tensor(other, "int64" if not d.wrong() else "int32"), size]
    return args if n == 2 else [*args, [2] * 3, [0] * 3]


def fixed_pad(d, n):
    padding = [d.rng.randint(-2, 4) for _ in range(2 * n)]
    return [tensor(d.image(n, 2)), padding if not d.wrong() else padding[1:]]


def any_pad(d, n):
    mode = d.rng.choice(["constant", "reflect", "replicate", "circular"])
    padding = [d.rng.randint(-2, 4) for _ in range(2 * d.rng.randint(1, n + 1))]
    return [tensor(d.image(n, 2)), padding if not d.wrong() else padding[1:], mode, d.rng.choice([None, None, 1.5])]


def constant_pad(d, n):
    return [tensor(d.image(n, 2)), [d.rng.randint(-4, 4) for _ in range(2 * d.rng.randint(0, n + 2))], 0.5]


def unfold(d, _):
    return [tensor(d.image(2, 2)), d.ints(2, 1, 4), d.ints(2, 1, 2), d.ints(2, 0, 2), d.ints(2, 1, 3)]


def fold(d, _):
    kernel, dilation, padding, stride = ([d.rng.randint(low, high) for _ in range(2)] for low, high in ((1, 3), (1, 2), (0, 1), (1, 2)))
    size = [d.rng.randint(4, 8) for _ in range(2)]
    blocks = 1
    for k in range(2):
        blocks *= (size[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1
    columns = [3 * kernel[0] * kernel[1] + d.wrong(), blocks + d.wrong()]
    return [tensor(columns if d.flag() else [2, *columns]), size, kernel, dilation, padding, stride]


def shuffle(d, _):
    return [tensor([d.rng.randint(1, 9) for _ in range(d.rng.randint(2, 5))]), d.rng.randint(0 if d.wrong() else 1, 3)]


def up(d, n, aligned):
    shape = [2, *d.image(n, 3)[-n - 1 :]] if not d.wrong() else d.image(n, 3)
    size, factors = d.ints(n, 1, 9), None
    if d.flag():
        size, factors = None, [d.rng.choice([0.1, 0.3, 0.5, 1.3, 2.0, 2.7]) for _ in range(n)]
    return [tensor(shape), size, d.flag(), factors] if aligned else [tensor(shape), size, factors]


def sampler(d, n):
    shape = [2, 3, *(d.rng.randint(2, 5) for _ in range(n))]
    grid = [2 + d.wrong(), *(d.rng.randint(2, 5) for _ in range(n)), n + d.wrong()]
    return [tensor(shape), tensor(grid, "float32" if not d.wrong() else "float64"), d.rng.randint(0, 2), d.rng.randint(0, 2), d.flag()]


def affine(d, n):
    size = [2, 3, *(d.rng.randint(2, 5) for _ in range(n))]
    return [tensor([2, n + d.wrong(), n + 1]), size, d.flag()]


def power(d, _):
    return [tensor([2, 3], d.rng.choice(["float32", "int64", "float64"])), d.rng.choice([2, -1, 0.5, 3.0])]


def plain(d, _):
    return [tensor([2, 3], d.rng.choice(["float32", "int64", "bool"]))]


OPS = {}
for n in (1, 2, 3):
    transposed = f"aten.conv_transpose{n}d.{'default' if n == 1 else 'input'}"
    OPS |= {
        f"aten.conv{n}d.default": (conv, n),
        f"aten.conv{n}d.padding": (conv_same, n),
        transposed: (lambda d, n: conv(d, n, True), n),
        f"aten.max_pool{n}d.default": (max_pool, n),
        f"aten.max_pool{n}d_with_indices.default": (max_pool, n),
        f"aten.avg_pool{n}d.default": (avg_pool, n),
        f"aten.adaptive_avg_pool{n}d.default": (adaptive, n),
        f"aten.adaptive_max_pool{n}d.default": (adaptive, n),
        f"aten.reflection_pad{n}d.default": (fixed_pad, n),
        f"aten.replication_pad{n}d.default": (fixed_pad, n),
        f"aten.upsample_nearest{n}d.vec": (lambda d, n: up(d, n, False), n),
        f"aten._upsample_nearest_exact{n}d.vec": (lambda d, n: up(d, n, False), n),
        f"aten.upsample_{['linear1d', 'bilinear2d', 'trilinear3d'][n - 1]}.vec": (lambda d, n: up(d, n, True), n),
    }
for n in (2, 3):
    OPS |= {
        f"aten._adaptive_avg_pool{n}d.default": (adaptive, n),
        f"aten.fractional_max_pool{n}d.default": (fractional, n),
        f"aten.max_unpool{n}d.default": (unpool, n),
        f"aten.grid_sampler_{n}d.default": (sampler, n),
    }
OPS |= {
    "aten.convolution.default": (convolution, 2),
    "aten.pad.default": (any_pad, 2),
    "aten.constant_pad_nd.default": (constant_pad, 2),
    "aten.im2col.default": (unfold, 2),
    "aten.col2im.default": (fold, 2),
    "aten.pixel_shuffle.default": (shuffle, 0),
    "aten.pixel_unshuffle.default": (shuffle, 0),
    "aten.channel_shuffle.default": (shuffle, 0),
    "aten.upsample_bicubic2d.vec": (lambda d, n: up(d, n, True), 2),
    "aten._upsample_bilinear2d_aa.vec": (lambda d, n: up(d, n, True), 2),
    "aten._upsample_bicubic2d_aa.vec": (lambda d, n: up(d, n, True), 2),
    "aten.grid_sampler.default": (sampler, 2),
    "aten.affine_grid_generator.default": (affine, 2),
    "aten.pow.Tensor_Scalar": (power, 0),
    "aten.abs.default": (plain, 0),
    "aten.sign.default": (plain, 0),
}


def value(arg, device):
    if not isinstance(arg, dict):
        return arg
    dtype, _, shape = arg["tensor"].partition("[")
    return torch.ones(json.loads("[" + shape), dtype=getattr(torch, dtype), device=device)


def torchs(name, args):
    """Types of the results, or PyTorch's refusal."""
    _, packet, overload = name.split(".")
    op = getattr(getattr(torch.ops.aten, packet), overload)
    found = []
    for device in ("meta", "cpu"):
        try:
            with torch.no_grad():
                out = op(*(value(a, device) for a in args))
        except (RuntimeError, NotImplementedError, IndexError, ValueError, AssertionError, ZeroDivisionError) as error:
            return str(error)
        results = out if isinstance(out, (tuple, list)) else [out]
        found.append([{"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)} for t in results])
    assert found[0] == found[1], f"{name}{args}: PyTorch disagrees with itself"
    return found[1]


def refused_for_zero(answer, call, theirs):
    """Sizes of 0 are refused throughout; PyTorch takes some of them."""
    empty = not isinstance(theirs, str) and any(0 in r["shape"] for r in theirs)
    if answer["rule"] == "PAD_C6":
        return empty
    return answer["rule"] == "WINDOW_C1" and (empty or any(isinstance(a, list) and 0 in a for a in call["args"]))


@pytest.mark.parametrize("name", sorted(OPS))
def test_calls_are_accepted_as_pytorch_does(kiln, name):
    draw, n = OPS[name]
    calls = [{"op": name, "args": draw(Draw(f"{name}{seed}"), n)} for seed in range(COUNT)]
    wrong, accepted = [], 0
    for call, answer in zip(calls, kiln.tool("call", calls), strict=True):
        theirs = torchs(name, call["args"])
        ours = answer.get("results")
        accepted += ours is not None
        if ours is None and refused_for_zero(answer, call, theirs):
            continue
        if ours != (None if isinstance(theirs, str) else theirs):
            wrong.append(f"{call['args']}\n  ours   {answer}\n  theirs {theirs}")
    assert not wrong, "\n".join(wrong)
    assert accepted > COUNT / 4, "too few calls are legal"
