"""Cases of the functional node types: arithmetic, reductions, products, parts, shapes."""

import torch
from cases import Case, f, function, i


def b(*shape, seed=1):
    """Truth values."""
    return i(2, *shape, seed=seed).bool()


X, Y = f(2, 3), f(3, seed=2)
P = X.abs() + 0.5


class Selected(torch.nn.Module):
    """TorchArc's IndexSelect."""

    def __init__(self, dim, index):
        super().__init__()
        self.dim = dim
        self.register_buffer("index", torch.tensor(index))

    def forward(self, x):
        return x.index_select(self.dim, self.index)


def _math():
    for name in "Abs Neg Sign Floor Ceil Round Exp Expm1 Square Sin Cos Erf Detach".split():
        call = getattr(torch, name.lower(), torch.Tensor.detach)
        yield function(name, {"input": X}, call)
    for name in "Log Log1p Sqrt Rsqrt Reciprocal".split():
        yield function(name, {"input": P}, getattr(torch, name.lower()))
        yield function(name, {"input": i(5, 3) + 1}, getattr(torch, name.lower()))
    yield function("LogicalNot", {"input": b(2, 3)}, torch.logical_not)
    others = {
        "Sub": torch.sub,
        "Div": torch.div,
        "Remainder": torch.remainder,
        "Pow": torch.pow,
        "Equal": torch.eq,
        "NotEqual": torch.ne,
        "Less": torch.lt,
        "LessEqual": torch.le,
        "Greater": torch.gt,
        "GreaterEqual": torch.ge,
    }
    for name, call in others.items():
        yield function(name, {"input": P, "other": Y.abs() + 1}, call)
        yield function(name, {"input": P}, lambda v, call=call: call(v, 2), other=2)
        yield function(name, {"input": i(5, 2, 3) + 1}, lambda v, call=call: call(v, 1.5), other=1.5)
    yield Case("FloorDiv", {}, {"input": P, "other": Y.abs() + 1}, lambda: torch.floor_divide, gradients=False)
    yield function("FloorDiv", {"input": i(9, 2, 3)}, lambda v: v // 2, other=2)
    for name in "Minimum Maximum LogicalAnd LogicalOr LogicalXor".split():
        call = getattr(torch, name.lower().replace("logical", "logical_"))
        yield function(name, {"input": X, "other": Y}, call)
    yield function("Where", {"condition": b(2, 3), "input": X, "other": Y}, torch.where)
    for value in (0.5, "-inf"):
        yield function("MaskedFill", {"input": X, "mask": b(3)}, lambda v, m, value=value: v.masked_fill(m, float(value)), value=value)
    yield function("Clamp", {"input": X}, lambda v: v.clamp(-0.5, 1), min=-0.5, max=1)
    yield function("Clamp", {"input": X}, lambda v: v.clamp(max=0.1), max=0.1)
    yield function("Cast", {"input": X}, lambda v: v.double(), dtype="float64")
    yield function("Cast", {"input": i(5, 3)}, lambda v: v.float(), dtype="float32")


def _reduce():
    z = f(2, 3, 4)
    for name in "Sum Mean Max Min LogSumExp All Any Var Std Norm".split():
        call = {"Max": torch.amax, "Min": torch.amin, "Norm": torch.linalg.vector_norm}.get(name) or getattr(torch, name.lower())
        yield function(name, {"input": z}, lambda v, call=call: call(v, dim=1), dim=1)
        yield function(name, {"input": z}, lambda v, call=call: call(v, dim=(0, -1), keepdim=True), dim=[0, -1], keepdim=True)
    for name in "Sum Mean Var Std".split():
        yield function(name, {"input": z}, getattr(torch, name.lower()), dim=None)
    yield function("Var", {"input": z}, lambda v: v.var(dim=1, correction=0), dim=1, correction=0)
    yield function("Std", {"input": z}, lambda v: v.std(dim=(0, 1), correction=0), dim=[0, 1], correction=0)
    yield function("Norm", {"input": z}, lambda v: torch.linalg.vector_norm(v, 1, dim=-1), p=1, dim=-1)
    yield function("Norm", {"input": z}, lambda v: torch.linalg.vector_norm(v, torch.inf), p="inf")
    for name in "Prod ArgMax ArgMin".split():
        call = getattr(torch, name.lower())
        yield function(name, {"input": z}, lambda v, call=call: call(v, dim=1), dim=1)
        yield function(name, {"input": z}, lambda v, call=call: call(v, dim=-1, keepdim=True), dim=-1, keepdim=True)
    yield function("ArgMax", {"input": z}, torch.argmax, dim=None)
    for name in "CumSum CumProd".split():
        yield function(name, {"input": z}, lambda v, call=getattr(torch, name.lower()): call(v, dim=1), dim=1)
    yield function("TopK", {"input": z}, lambda v: v.topk(2), k=2)
    yield function("TopK", {"input": z}, lambda v: v.topk(3, dim=1, largest=False), k=3, dim=1, largest=False, sorted=True)
    yield function("Sort", {"input": z}, lambda v: v.sort())
    yield function("Sort", {"input": z}, lambda v: v.sort(dim=0, descending=True), dim=0, descending=True)


def _product():
    yield function("MatMul", {"input": f(5, 1, 2, 3), "other": f(4, 3, 2)}, torch.matmul)
    yield function("MatMul", {"input": f(2, 3), "other": f(3)}, torch.matmul)
    for name in ("BMM", "MergeBMM"):
        yield function(name, {"input": f(5, 2, 3), "mat2": f(5, 3, 4)}, torch.bmm)
    yield function("Dot", {"input": f(3), "other": f(3, seed=2)}, torch.dot)
    yield function("Outer", {"input": f(3), "other": f(4)}, torch.outer)
    yield function("MergeDot", {"x": X, "y": f(2, 3, seed=3)}, torch.linalg.vecdot)
    yield function("DotProduct", {"input_a": X, "input_b": Y}, lambda p, q: (p * q).sum(-1, keepdim=True))
    yield function("Einsum", {"inputs": [X, f(3, 4)]}, lambda v: torch.einsum("ij,jk->ki", v), equation="ij,jk->ki")


def _parts():
    z = f(4, 6)
    yield function("Narrow", {"input": z}, lambda v: v.narrow(1, -3, 2), dim=1, start=-3, length=2)
    yield function("Slice", {"input": z}, lambda v: v[:, 1:-1:2], dim=1, start=1, end=-1, step=2)
    yield function("Slice", {"input": z}, lambda v: v[-2:], start=-2)
    yield function("Gather", {"input": z, "index": i(6, 4, 2)}, lambda v, k: v.gather(1, k), dim=1)
    yield function("IndexSelect", {"input": z, "index": i(6, 5)}, lambda v, k: v.index_select(1, k), dim=1)
    yield Case("IndexSelect", {"dim": 1, "index": [5, 0, 0]}, {"input": z}, lambda: Selected(1, [5, 0, 0]))
    yield Case("IndexSelect", {"dim": -2, "index": [3]}, {"input": z}, lambda: Selected(-2, [3]))
    yield function("Chunk", {"input": z}, lambda v: v.chunk(3), chunks=3)
    yield function("Chunk", {"input": z}, lambda v: v.chunk(4, dim=1), chunks=4, dim=1)
    yield function("ForkChunk", {"input": z}, lambda v: v.chunk(2, dim=1))
    yield function("ForkChunk", {"input": z}, lambda v: v.chunk(3, dim=0), chunks=3, dim=0)
    yield function("ForkSplit", {"input": z}, lambda v: v.split(4, dim=1), split_size_or_sections=4)
    yield function("ForkSplit", {"input": z}, lambda v: v.split((1, 3), dim=0), split_size_or_sections=[1, 3], dim=0)
    yield function("Split", {"input": z}, lambda v: v.split((2, 4), dim=-1), split_sizes=[2, 4])
    yield function("Split", {"input": z}, lambda v: v.split((2, 2), dim=0), split_sizes=2, dim=0)
    yield function("Unbind", {"input": z}, lambda v: v.unbind(0))
    yield function("Unbind", {"input": z}, lambda v: v.unbind(-1), dim=-1)


def _rearrange():
    z = f(2, 1, 3)
    yield function("Squeeze", {"input": z}, lambda v: v.squeeze(1), dim=1)
    yield function("Squeeze", {"input": z}, lambda v: v.squeeze((0, 1)), dim=[0, 1])
    yield function("Unsqueeze", {"input": z}, lambda v: v.unsqueeze(-1), dim=-1)
    yield function("Transpose", {"input": z}, lambda v: v.transpose(0, -1), dim0=0, dim1=-1)
    yield function("MoveDim", {"input": z}, lambda v: v.movedim((0, 1), (2, 0)), source=[0, 1], destination=[2, 0])
    yield function("Expand", {"input": z}, lambda v: v.expand(5, -1, 4, 3), size=[5, -1, 4, 3])
    yield function("Repeat", {"input": z}, lambda v: v.repeat(2, 1, 3, 1), repeats=[2, 1, 3, 1])
    yield function("RepeatInterleave", {"input": z}, lambda v: v.repeat_interleave(2, dim=-1), repeats=2, dim=-1)
    yield function("Flip", {"input": z}, lambda v: v.flip((0, 2)), dims=[0, 2])
    yield function("Roll", {"input": z}, lambda v: v.roll((1, -1), (0, 2)), shifts=[1, -1], dims=[0, 2])
    yield function("Tril", {"input": f(3, 4)}, lambda v: v.tril(-1), diagonal=-1)
    yield function("Triu", {"input": f(3, 4)}, lambda v: v.triu(1), diagonal=1)
    for name in ("Permute_BCT_to_BTH", "Permute_BTH_to_BCT"):
        yield function(name, {"input": f(2, 3, 4)}, lambda v: v.transpose(1, 2))


def _merge():
    parts = [f(2, 3), f(2, 3, seed=2), f(2, 3, seed=3)]
    for name, call in (
        ("Stack", torch.stack),
        ("MergeStack", torch.stack),
        ("MergeConcat", torch.cat),
        ("MergeSum", lambda v, dim: torch.stack(v, dim).sum(dim)),
        ("MergeProd", lambda v, dim: torch.stack(v, dim).prod(dim)),
        ("MergeMean", lambda v, dim: torch.stack(v, dim).mean(dim)),
    ):
        standard = 0 if name == "Stack" else 1
        yield function(name, {"inputs": parts}, lambda v, call=call, dim=standard: call(v, dim=dim))
        yield function(name, {"inputs": parts}, lambda v, call=call: call(v, dim=-1), dim=-1)


def _by_name():
    """Reduce and TorchFn, whose function a parameter names."""
    z = f(2, 3, 4)
    for name in "sum mean prod max min amax amin logsumexp norm var std all any argmax argmin".split():
        call = getattr(torch, name)
        yield function("Reduce", {"input": z}, lambda v, call=call: call(v, dim=1), name=name, dim=1)
        yield function("Reduce", {"input": z}, lambda v, call=call: call(v, dim=-1, keepdim=True), name=name, dim=-1, keepdim=True)
        every = (lambda v: v.logsumexp((0, 1, 2))) if name == "logsumexp" else call
        yield function("Reduce", {"input": z}, every, name=name, dim=None)
        kept = lambda v, every=every: every(v).reshape(1, 1, 1)  # noqa: E731
        yield function("Reduce", {"input": z}, kept, name=name, dim=None, keepdim=True)
        if name not in ("prod", "max", "min", "argmax", "argmin"):
            yield function("Reduce", {"input": z}, lambda v, call=call: call(v, dim=(0, 2)), name=name, dim=[0, 2])
    for name, given in (
        ("topk", {"k": 2}), ("topk", {"k": 1, "dim": 0, "largest": False, "sorted": True}), ("softmax", {"dim": 1}),
        ("softmax", {"dim": -1, "dtype": "float64"}), ("log_softmax", {"dim": 0}), ("relu", {}), ("sigmoid", {}), ("tanh", {}),
        ("abs", {}), ("exp", {}), ("pow", {"exponent": 2}), ("clamp", {"min": -0.5}), ("clamp", {"min": -1, "max": 0.5}),
        ("flatten", {}), ("flatten", {"start_dim": 1, "end_dim": 2}), ("squeeze", {}), ("squeeze", {"dim": 0}), ("squeeze", {"dim": [0, 1]}),
        ("unsqueeze", {"dim": -1}), ("transpose", {"dim0": 0, "dim1": -1}), ("permute", {"dims": [2, 0, 1]}),
        ("reshape", {"shape": [4, -1]}), ("cumsum", {"dim": 1}), ("sort", {}), ("sort", {"dim": 1, "descending": True}),
    ):  # fmt: skip
        keywords = {k: getattr(torch, v) if k == "dtype" else v for k, v in given.items()}
        call = lambda v, call=getattr(torch, name), keywords=keywords: call(v, **keywords)  # noqa: E731
        yield function("TorchFn", {"input": f(1, 3, 4) if name == "squeeze" else z}, call, name=name, **given)
    for name in ("log", "sqrt"):
        yield function("TorchFn", {"input": P}, getattr(torch, name), name=name)


def _sums():
    a, c = f(2, 3), f(3, 4)
    many, more = f(5, 2, 3), f(5, 3, 4)
    for name, left, right, added in (
        ("AddMM", ("mat1", a), ("mat2", c), f(4)),
        ("AddMV", ("mat", a), ("vec", f(3)), f(2)),
        ("AddBMM", ("batch1", many), ("batch2", more), f(2, 4)),
        ("BAddBMM", ("batch1", many), ("batch2", more), f(5, 2, 4)),
    ):
        call = getattr(torch, name.lower())
        yield function(name, {"input": added, left[0]: left[1], right[0]: right[1]}, call)
        scaled = lambda x, y, z, call=call: call(x, y, z, beta=0.5, alpha=2)  # noqa: E731
        yield function(name, {"input": added, left[0]: left[1], right[0]: right[1]}, scaled, beta=0.5, alpha=2)


def _get():
    yield function("Get", {"input": f(4, 2, 3)}, lambda v: v[1], index=1)
    yield function("Get", {"input": f(4)}, lambda v: v[-1], index=-1)


def functional_cases():
    for family in (_by_name, _sums, _get, _math, _reduce, _product, _parts, _rearrange, _merge):
        yield from family()
