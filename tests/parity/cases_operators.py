"""Calls of single operators, as nodes of the types `aten.*`, with PyTorch's own operator beside each.

`op("sum.dim_IntList", f(2, 3), dim=[1])`: tensors stand by position, everything else by name.
"""

import torch
from cases import Case, f, i


def op(name, *tensors, _gradients=True, _drawn=False, **params):
    target = getattr(getattr(torch.ops.aten, name.split(".")[0]), name.split(".")[1])
    schema = target._schema.arguments
    ports = [a for a in schema if "Tensor" in str(a.type)]
    inputs = dict(zip((a.name for a in ports), tensors, strict=False))
    inputs = {k: v for k, v in inputs.items() if v is not None}

    def call(*values):
        given = dict(zip(inputs, values, strict=True))
        for a in schema:
            if a.name in params:
                value = params[a.name]
                if isinstance(value, str) and value in ("inf", "-inf"):  # JSON has no literal for it
                    value = float(value)
                elif isinstance(value, str) and "str" not in str(a.type):
                    value = getattr(torch, value)
                given[a.name] = value
            elif a.name in given and isinstance(given[a.name], (list, tuple)):
                given[a.name] = list(given[a.name])
        positional, keywords, by_name = [], {}, False
        for a in schema:
            by_name = by_name or a.kwarg_only or a.name not in given
            if a.name not in given:
                continue
            if by_name:
                keywords[a.name] = given[a.name]
            else:
                positional.append(given[a.name])
        return target(*positional, **keywords)

    return Case(f"aten.{name}", params, inputs, lambda: call, _drawn, _drawn, _gradients)


def b(*shape, seed=1):
    """Truth values."""
    return i(2, *shape, seed=seed).bool()


X, Y = f(2, 3), f(2, 3, seed=2)
P = X.abs() + 0.5  # positive
W = i(9, 2, 3) + 1  # whole
U = X.sigmoid() * 0.9  # within (0, 1)
HALF = X.double()


def _unary():
    for name in "abs neg positive sign floor ceil trunc round exp exp2 expm1 square sin cos tan atan sinh cosh erf erfc isnan isinf nan_to_num logical_not".split():
        yield op(f"{name}.default", X)
    for name in "log log1p log2 log10 sqrt rsqrt reciprocal".split():
        yield op(f"{name}.default", P)
        yield op(f"{name}.default", W)
    yield op("asin.default", U)
    yield op("acos.default", U)
    for name in "abs neg floor square exp sin sign logical_not".split():
        yield op(f"{name}.default", W.int())
    yield op("square.default", b(2, 3))
    yield op("sign.default", b(2, 3))
    yield op("exp.default", HALF)
    yield op("round.decimals", X, decimals=1)
    yield op("nan_to_num.default", X, nan=1.0, posinf=2.0, neginf=-2.0)
    yield op("bitwise_not.default", W)
    yield op("bitwise_not.default", b(2, 3))


def _binary():
    for name in "add sub mul div eq ne lt le gt ge remainder fmod".split():
        yield op(f"{name}.Tensor", X, Y + 3)
        yield op(f"{name}.Tensor", W, f(3, seed=3) + 4)
        yield op(f"{name}.Tensor", W, i(5, 2, 1).int() + 1)
        yield op(f"{name}.Tensor", W.int(), torch.tensor(3))  # a scalar tensor does not widen
        yield op(f"{name}.Tensor", W.int(), torch.tensor(2.5, dtype=torch.float64))  # but raises the category
        yield op(f"{name}.Scalar", X, other=2)
        yield op(f"{name}.Scalar", W, other=2)
        yield op(f"{name}.Scalar", W.int(), other=2.5)
    for name in "add mul eq lt".split():
        yield op(f"{name}.Tensor", b(2, 3), b(3, seed=2))
        yield op(f"{name}.Scalar", b(2, 3), other=True)
        yield op(f"{name}.Scalar", b(2, 3), other=2)
    yield op("div.Tensor", b(2, 3), torch.ones(3, dtype=torch.bool))
    yield op("add.Tensor", X, Y, alpha=2.5)
    yield op("add.Tensor", W, W, alpha=3)
    yield op("add.Scalar", X, other=1.5, alpha=2)
    yield op("sub.Tensor", X, Y, alpha=2)
    yield op("sub.Scalar", X, other=1, alpha=0.5)
    yield op("rsub.Tensor", X, Y, alpha=2)
    yield op("rsub.Scalar", W, other=1, alpha=2)
    for mode in (None, "trunc", "floor"):
        yield op("div.Tensor_mode", W, i(5, 3, seed=4) + 1, rounding_mode=mode)
        yield op("div.Scalar_mode", X, other=0.7, rounding_mode=mode)
    yield op("div.Scalar_mode", b(2, 3), other=2, rounding_mode="floor")
    yield op("floor_divide.default", W, i(5, 3, seed=4) + 1)
    yield op("floor_divide.Scalar", W, other=2)
    yield op("pow.Tensor_Tensor", P, Y)
    yield op("pow.Tensor_Tensor", W, i(3, 3))
    yield op("pow.Tensor_Scalar", X, exponent=3)
    yield op("pow.Tensor_Scalar", W, exponent=2)
    yield op("pow.Tensor_Scalar", W, exponent=0.5)
    yield op("pow.Scalar", X, self=2)
    yield op("pow.Scalar", W, self=2.5)
    for name in "maximum minimum atan2 logical_and logical_or logical_xor".split():
        yield op(f"{name}.default", X, Y)
        yield op(f"{name}.default", W, f(3))
    for name in "bitwise_and bitwise_or bitwise_xor".split():
        yield op(f"{name}.Tensor", W, i(9, 3, seed=2))
        yield op(f"{name}.Tensor", b(2, 3), b(3, seed=2))
    yield op("lerp.Scalar", X, Y, weight=0.3)
    yield op("lerp.Tensor", X, Y, f(3))
    yield op("addcmul.default", X, Y, f(3), value=0.5)
    yield op("addcdiv.default", X, Y, P, value=2)


def _choice():
    yield op("clamp.default", X, min=-0.5, max=0.5)
    yield op("clamp.default", X, max=0)
    yield op("clamp.default", W, min=2.5)
    yield op("clamp.default", b(2, 3), min=0, max=2)
    yield op("clamp.Tensor", X, f(3) - 1, f(2, 1) + 1)
    yield op("clamp.Tensor", W, f(3))
    for name in ("min", "max"):
        yield op(f"clamp_{name}.default", X, **{name: 0.1})
        yield op(f"clamp_{name}.default", W, **{name: 3})
        yield op(f"clamp_{name}.Tensor", X, f(3))
    yield op("where.self", b(2, 3), X, f(3))
    yield op("where.self", b(2, 1), W, f(3))
    yield op("where.ScalarSelf", b(2, 3), X, self=2)
    yield op("where.ScalarOther", b(2, 3), W, other=2.5)
    yield op("where.Scalar", b(2, 3), self=1, other=2.0)
    yield op("masked_fill.Scalar", X, b(3), value=2)
    yield op("masked_fill.Scalar", X, b(4, 1, 1), value="-inf")
    yield op("masked_fill.Tensor", W, b(2, 3), torch.tensor(7))


def _reduce():
    z = f(2, 3, 4)
    whole = i(5, 2, 3, 4)
    for name in "sum mean prod max min all any argmax argmin var std norm".split():
        yield op("norm.Scalar" if name == "norm" else f"{name}.default", z)
    for name in "sum prod max min all any argmax".split():
        yield op(f"{name}.default", whole.int())
    for name in "sum prod all any max".split():
        yield op(f"{name}.default", b(2, 3))
    yield op("sum.default", whole, dtype="float32")
    yield op("mean.default", whole, dtype="float64")
    yield op("prod.default", z, dtype="float64")
    for name in "sum.dim_IntList mean.dim amax.default amin.default logsumexp.default all.dims any.dims var.dim std.dim var.correction std.correction var_mean.correction linalg_vector_norm.default norm.ScalarOpt_dim".split():
        more = {"p": 2} if name.startswith("norm") else {}
        yield op(name, z, dim=[1], **more)
        yield op(name, z, dim=[0, -1], keepdim=True, **more)
    yield op("sum.dim_IntList", z, dim=None)
    yield op("sum.dim_IntList", z, dim=[])
    yield op("all.dims", z, dim=[])
    yield op("sum.dim_IntList", whole.int(), dim=-1)
    yield op("mean.dim", whole, dim=0, dtype="float32")
    yield op("var.default", z, unbiased=False)
    yield op("std.default", z, unbiased=False)
    yield op("var.dim", z, dim=[1, 2], unbiased=False)
    yield op("std.dim", z, dim=1, unbiased=False)
    yield op("var.correction", z, dim=[1], correction=0)
    yield op("var_mean.correction", z, correction=2)
    yield op("logsumexp.default", whole, dim=1)
    yield op("linalg_vector_norm.default", z, ord=1, dim=[1], dtype="float64")
    yield op("linalg_vector_norm.default", z, ord="inf")
    yield op("norm.Scalar", z, p=1)
    for name in "prod.dim_int max.dim min.dim all.dim any.dim argmax.default argmin.default".split():
        yield op(name, z, dim=1)
        yield op(name, z, dim=-1, keepdim=True)
    yield op("max.dim", torch.tensor(1.5), dim=0)
    yield op("argmax.default", z, keepdim=True)


def _scan():
    z = f(2, 5)
    for name in "cumsum cumprod logcumsumexp cummax cummin".split():
        yield op(f"{name}.default", z, dim=1)
    yield op("cumsum.default", i(5, 2, 3).int(), dim=0)
    yield op("cumprod.default", b(2, 3), dim=-1, dtype="float32")
    yield op("cumsum.default", torch.tensor(2.0), dim=0)
    yield op("sort.default", z)
    yield op("sort.default", z, dim=0, descending=True)
    yield op("sort.stable", z, stable=True)
    yield op("argsort.default", z, descending=True)
    yield op("argsort.stable", z, stable=True, dim=0)
    yield op("topk.default", z, k=2)
    yield op("topk.default", i(90, 4, 3), k=3, dim=0, largest=False)


def _matmul():
    a, c = f(2, 3), f(3, 4)
    yield op("mm.default", a, c)
    yield op("mm.default", i(5, 2, 3), i(5, 3, 2))
    yield op("bmm.default", f(5, 2, 3), f(5, 3, 4))
    for x, y in ((f(3), f(3)), (a, f(3)), (f(3), c), (a, c), (f(5, 1, 2, 3), f(4, 3, 2)), (f(4, 2, 3), f(3)), (f(3), f(4, 3, 2))):
        yield op("matmul.default", x, y)
    yield op("mv.default", a, f(3))
    yield op("dot.default", f(3), f(3, seed=4))
    yield op("outer.default", f(3), i(5, 4))
    yield op("linalg_vecdot.default", a, f(3))
    yield op("linalg_vecdot.default", a, Y, dim=0)
    yield op("addmm.default", f(4), a, c, beta=0.5, alpha=2)
    yield op("addmv.default", f(2), a, f(3))
    yield op("addbmm.default", f(2, 4), f(5, 2, 3), f(5, 3, 4), beta=0.5, alpha=2)
    yield op("baddbmm.default", f(2, 4), f(5, 2, 3), f(5, 3, 4), beta=2)
    for equation, *parts in (
        ("ij,jk->ik", a, c),
        ("ij,kj", a, f(4, 3)),
        ("b...i,ij", f(2, 5, 3), f(3, 4)),
        ("ii->i", f(3, 3)),
        ("ij->ji", a),
        ("ij,jk->ik", f(2, 1), c),
        ("bi,bj,bij->b", f(2, 3), f(2, 4), f(2, 3, 4)),
        ("...ij,...jk->...ik", f(5, 1, 2, 3), f(4, 3, 2)),
        (" i , j -> ij ", f(3), f(4)),
    ):
        yield op("einsum.default", list(parts), equation=equation)


def _index():
    z = f(4, 5, 6)
    yield op("select.int", z, dim=1, index=-2)
    for params in ({}, {"dim": 1, "start": 1, "end": 4}, {"dim": -1, "start": -4, "step": 2}, {"start": 3, "end": 1}, {"dim": 1, "end": 9223372036854775807, "step": 3}):
        yield op("slice.Tensor", z, **params)
    yield op("narrow.default", z, dim=1, start=2, length=3)
    yield op("narrow.default", z, dim=-1, start=-2, length=2)
    yield op("gather.default", z, i(5, 4, 3, 2), dim=1)
    yield op("gather.default", z, i(4, 2, 5, 1).int(), dim=0, sparse_grad=False)
    yield op("index_select.default", z, i(5, 7), dim=1)
    yield op("index_select.default", z, torch.tensor(2), dim=0)
    yield op("index.Tensor", z, [i(4, 3), i(5, 2, 1)])
    yield op("index.Tensor", z, [i(4, 3).int()])
    yield op("scatter.src", z, i(5, 4, 3, 6), f(4, 3, 6), dim=1)
    yield op("scatter.value", z, i(5, 4, 1, 6), dim=1, value=2)
    yield op("scatter_add.default", z, i(5, 4, 3, 6), f(4, 3, 6), dim=1)
    yield op("slice_scatter.default", z, f(4, 2, 6, seed=2), dim=1, start=1, end=4, step=2)
    yield op("slice_scatter.default", z, f(1, 5, 6, seed=2), start=-1)
    yield op("index_put.default", z, [i(4, 3), i(5, 2, 1)], f(2, 3, 6, seed=2), accumulate=True)
    yield op("index_put.default", z, [torch.tensor([2, 0])], f(6, seed=2))
    # A mask of truth values stands for as many dimensions as it has.
    yield op("index_put.default", z, [torch.tensor([True, False, True, False])], f(5, 6, seed=2), accumulate=True)
    yield op("index_put.default", z, [f(4, 5, seed=3) > 0], f(1, 6, seed=2))
    yield op("copy.default", z, f(5, 1, seed=2), _gradients=False)
    yield op("copy.default", z, i(9, 4, 5, 6), non_blocking=False, _gradients=False)


def _shape():
    z = f(2, 1, 3)
    yield op("reshape.default", z, shape=[3, -1])
    yield op("flatten.using_ints", z, start_dim=1)
    yield op("permute.default", z, dims=[2, 0, 1])
    yield op("transpose.int", z, dim0=0, dim1=-1)
    yield op("swapaxes.default", z, axis0=0, axis1=-1)
    yield op("as_strided.default", z, size=[2, 2], stride=[3, 1])
    yield op("as_strided.default", f(3, 4), size=[2, 0, 3], stride=[1, 0, 4], storage_offset=1)
    for name in ("view.default", "_unsafe_view.default"):
        yield op(name, z, size=[6])
    for x in (torch.tensor(1.0), f(3), f(2, 3)):
        yield op("t.default", x)
    yield op("squeeze.default", z)
    yield op("squeeze.dim", z, dim=1)
    yield op("squeeze.dim", z, dim=0)
    yield op("squeeze.dims", z, dim=[1, -1])
    yield op("unsqueeze.default", z, dim=-1)
    yield op("unsqueeze.default", z, dim=0)
    yield op("expand.default", z, size=[4, 2, 5, -1])
    yield op("repeat.default", z, repeats=[2, 1, 3, 1])
    yield op("tile.default", z, dims=[2])
    yield op("repeat_interleave.self_int", z, repeats=2)
    yield op("repeat_interleave.self_int", z, repeats=2, dim=-1, output_size=6)
    yield op("movedim.int", z, source=0, destination=-1)
    yield op("movedim.intlist", z, source=[0, 1], destination=[2, 0])
    yield op("flip.default", z, dims=[0, 2])
    yield op("roll.default", z, shifts=[1, -1], dims=[0, 2])
    yield op("roll.default", z, shifts=[2])
    yield op("cat.default", [z, f(2, 4, 3)], dim=1)
    yield op("stack.default", [z, i(5, 2, 1, 3)], dim=-1)
    v = f(7, 4)
    yield op("split.Tensor", v, split_size=3)
    yield op("split.Tensor", v, split_size=4, dim=1)
    yield op("split_with_sizes.default", v, split_sizes=[1, 0, 6])
    yield op("chunk.default", v, chunks=4)
    yield op("chunk.default", f(0, 2), chunks=2)
    yield op("chunk.default", v, chunks=9, dim=-1)
    yield op("unbind.int", v, dim=1)


def _create():
    for name in ("zeros", "ones"):
        yield op(f"{name}.default", size=[2, 3])
        yield op(f"{name}.default", size=[2], dtype="int64")
        yield op(f"{name}_like.default", W)
        yield op(f"{name}_like.default", X, dtype="bool")
        yield op(f"new_{name}.default", W, size=[4])
    for value in (2, 2.5, True):
        yield op("full.default", size=[2, 3], fill_value=value)
    yield op("full.default", size=[], fill_value="-inf", dtype="float64")
    yield op("full_like.default", W, fill_value=3.5)
    yield op("new_full.default", X, size=[2], fill_value=3, dtype="int32")
    yield op("arange.default", end=5)
    yield op("arange.default", end=2.5)
    yield op("arange.start", start=2, end=7, dtype="float32")
    yield op("arange.start_step", start=7, end=0, step=-2)
    yield op("arange.start_step", start=0, end=1.0, step=0.3)
    yield op("eye.default", n=3)
    yield op("eye.m", n=2, m=4, dtype="int64")
    yield op("scalar_tensor.default", s=2)
    yield op("tril.default", f(3, 4), diagonal=-1)
    yield op("triu.default", f(2, 3, 4), diagonal=1)
    yield op("clone.default", X)
    yield op("contiguous.default", X)
    yield op("lift_fresh_copy.default", X)
    yield op("detach.default", X)
    yield op("to.dtype", X, dtype="float64", non_blocking=False, copy=False)
    yield op("to.dtype", W, dtype="float32")
    yield op("_to_copy.default", X, dtype="int32", non_blocking=False)


def _decomposed():
    yield op("_trilinear.default", f(2, 3), f(5, 3, 4, seed=2), f(2, 4, seed=3), expand1=[1, 3], expand2=[0], expand3=[1, 2], sumdim=[2, 3])
    yield op("_trilinear.default", f(2, 3), f(2, 3, seed=2), f(3, seed=3), expand1=[], expand2=[], expand3=[0], sumdim=[])
    yield op("broadcast_tensors.default", [f(2, 1), f(3, seed=2)])
    yield op("broadcast_tensors.default", [f(4, 1, 1), W, torch.tensor(2.0)])
    yield op("bernoulli.p", X, p=0.25, _drawn=True)


def operator_cases():
    for family in (_unary, _binary, _choice, _reduce, _scan, _matmul, _index, _shape, _create, _decomposed):
        yield from family()
