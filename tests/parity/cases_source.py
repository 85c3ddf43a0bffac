"""Cases of the node types that bring in what no input carries. Parameter and WeightOf stand in source_test.py."""

import torch
from cases import f, function, i
from torch import nn


def cases():
    x = f(2, 5, 3)
    yield function("Positions", {"input": x}, lambda v: torch.arange(v.shape[1]))
    yield function("Positions", {"input": i(4, 3)}, lambda v: torch.arange(v.shape[-1]), dim=-1)
    for dim in (0, 1, -1):
        yield function("CausalMask", {"input": x}, lambda v, n=x.shape[dim]: torch.ones(n, n).triu(1).bool(), dim=dim)
    yield function("ExpandBatch", {"input": f(1, 1, 4), "like": x}, lambda v, like: v.expand(len(like), -1, -1))
    yield function("ExpandBatch", {"input": f(1), "like": f(3)}, lambda v, like: v.expand(3))
    yield function("ExpandBatch", {"input": f(), "like": f(3, 2)}, lambda v, like: v.expand(3))
    yield function("FunctionalLinear", {"input": x, "weight": f(4, 3)}, nn.functional.linear)
    yield function("FunctionalLinear", {"input": x, "weight": f(4, 3), "bias": f(4, seed=2)}, nn.functional.linear)
