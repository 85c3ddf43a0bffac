"""Cases of look-up tables, bilinear layers, similarities and distances."""

import torch
from cases import Case, f, i, module
from torch import nn


def cases():
    table = {"num_embeddings": 10, "embedding_dim": 3}
    x = i(10, 2, 5)
    yield module("Embedding", x, **table)
    yield module("Embedding", x.int(), padding_idx=2, **table)
    yield module("Embedding", x, padding_idx=-1, scale_grad_by_freq=True, **table)
    yield module("Embedding", x, max_norm=1.0, **table)
    yield module("Embedding", x, max_norm=2.0, norm_type=1.0, sparse=False, **table)

    flat = i(10, 7)
    for mode in ("sum", "mean", "max"):
        yield module("EmbeddingBag", x, mode=mode, **table)
        yield module("EmbeddingBag", x, mode=mode, padding_idx=int(x[0, 0]), **table)
        for offsets in (torch.tensor([0, 3, 3, 5]), torch.tensor([0])):
            yield module("EmbeddingBag", flat, _ports={"offsets": offsets}, mode=mode, **table)
        last = {"offsets": torch.tensor([0, 2, 7])}
        yield module("EmbeddingBag", flat, _ports=last, mode=mode, include_last_offset=True, **table)
    # Rows are bags whatever include_last_offset says.
    yield module("EmbeddingBag", x, include_last_offset=True, **table)
    yield module("EmbeddingBag", x.int(), padding_idx=-2, sparse=False, **table)
    yield module("EmbeddingBag", x, scale_grad_by_freq=True, **table)
    yield module("EmbeddingBag", x, max_norm=1.0, mode="sum", **table)
    yield module("EmbeddingBag", x, max_norm=2.0, norm_type=1.0, **table)
    weights = {"offsets": torch.tensor([0, 4]), "per_sample_weights": f(7)}
    yield module("EmbeddingBag", flat, _ports=weights, mode="sum", **table)
    yield Case(
        "EmbeddingBag",
        {"mode": "sum", **table},
        {"input": x, "per_sample_weights": f(2, 5)},
        lambda: _Weighted(10, 3, mode="sum"),
    )

    two = {"input2": f(2, 5, 4)}
    yield module("Bilinear", f(2, 5, 3), _first="input1", _ports=two, out_features=6)
    yield module("Bilinear", f(2, 5, 3), _first="input1", _ports=two, in1_features=3, in2_features=4, out_features=1, bias=False)
    yield module("Bilinear", f(3), _first="input1", _ports={"input2": f(4)}, out_features=2)

    a = f(4, 3, 5)
    for b in (f(4, 3, 5, seed=2), f(3, 5, seed=3), f(4, 1, 5, seed=4)):
        yield module("CosineSimilarity", a, _first="x1", _ports={"x2": b})
        yield module("CosineSimilarity", a, _first="x1", _ports={"x2": b}, dim=-1, eps=2.0)
        yield module("PairwiseDistance", a, _first="x1", _ports={"x2": b})
        yield module("PairwiseDistance", a, _first="x1", _ports={"x2": b}, p=1.0, eps=0.1, keepdim=True)
        yield module("PairwiseDistance", a, _first="x1", _ports={"x2": b}, p=4.0)
    yield module("PairwiseDistance", f(5), _first="x1", _ports={"x2": f(5, seed=2)}, p=3.0)
    yield module("CosineSimilarity", f(5), _first="x1", _ports={"x2": f(5, seed=2)}, dim=0)


class _Weighted(nn.EmbeddingBag):
    """EmbeddingBag without offsets: the second positional port is left out."""

    def forward(self, indices, weights):
        return super().forward(indices, None, weights)
