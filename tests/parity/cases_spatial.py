"""Convolutions, pools, padding, resizing, shuffles: what has spatial dimensions."""

from cases import Case, f, function, i, module
from cases_operators import op
from torch import nn


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


def _unpool():
    for n, x in ((1, f(2, 3, 12)), (2, f(2, 3, 10, 8)), (3, f(2, 3, 6, 4, 8))):
        pool = getattr(nn.functional, f"max_pool{n}d")
        best, where = pool(x, 2, return_indices=True)
        name = f"MaxUnpool{n}d"
        yield module(name, best, kernel_size=2, _ports={"indices": where})
        yield module(name, best[0], kernel_size=2, stride=[2, 2, 2][:n], _ports={"indices": where[0]})
        best, where = pool(f(2, 3, *[11, 9, 5][:n]), 3, 2, 1, return_indices=True)  # odd sizes come back
        yield module(name, best, kernel_size=3, stride=2, padding=1, _ports={"indices": where})
        # torch.nn takes the size in forward.
        size = [11, 7, 9][:n]
        best, where = pool(f(2, 3, *size), 2, return_indices=True)
        call = getattr(nn.functional, f"max_unpool{n}d")
        reference = lambda v, at, call=call, size=size: call(v, at, 2, output_size=size)  # noqa: E731
        yield Case(name, {"kernel_size": 2, "output_size": size}, {"input": best, "indices": where}, lambda reference=reference: reference)


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


def _operators():
    """The forms that torch.export's decompositions have, and what no type calls."""
    x, w = f(2, 4, 7, 6), f(6, 2, 3, 2, seed=3)
    fixed = {"stride": [1, 2], "padding": [1, 0], "dilation": [1, 1], "output_padding": [0, 0], "groups": 2}
    yield op("convolution.default", x, w, f(6, seed=4), transposed=False, **fixed)
    yield op("convolution.default", x, f(4, 3, 3, 2, seed=3), f(6, seed=4), transposed=True, **fixed | {"output_padding": [0, 1]})
    volume = f(2, 3, 5, 6, 7)
    yield op("_adaptive_avg_pool2d.default", x, output_size=[3, 2])
    yield op("_adaptive_avg_pool3d.default", volume, output_size=[2, 3, 1])
    yield op("grid_sampler_2d.default", x, f(2, 4, 3, 2, seed=7), interpolation_mode=0, padding_mode=1, align_corners=True)
    yield op("grid_sampler_3d.default", volume, f(2, 2, 4, 3, 3, seed=7), interpolation_mode=0, padding_mode=2, align_corners=False)
    samples = f(2, 4, 2, seed=9).sigmoid()
    yield op("fractional_max_pool2d.default", x, samples, _gradients=False, kernel_size=[2, 3], output_size=[4, 3])
    samples = f(2, 3, 3, seed=9).sigmoid()
    yield op("fractional_max_pool3d.default", volume, samples, _gradients=False, kernel_size=[2, 2, 3], output_size=[3, 4, 3])
    best, where = nn.functional.max_pool2d(x, 2, return_indices=True)
    yield op("max_unpool2d.default", best, where, output_size=[7, 6])
    best, where = nn.functional.max_pool3d(volume, 2, return_indices=True)
    yield op("max_unpool3d.default", best, where, output_size=[5, 6, 7], stride=[2, 2, 2], padding=[0, 0, 0])


def spatial_cases():
    families = (_conv, _conv_transpose, _pool, _adaptive_pool, _fractional_pool, _unpool, _fold, _shuffle, _pad, _resize, _grid, _operators)
    for family in families:
        yield from family()
