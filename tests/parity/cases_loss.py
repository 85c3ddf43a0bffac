"""Cases of losses."""

import torch
from cases import Case, f, i, module
from torch import nn

REDUCTIONS = ("mean", "sum", "none")


def signs(*shape, seed=1):
    return i(2, *shape, seed=seed).float() * 2 - 1


def pair(type_, x, target, **params):
    return module(type_, x, _ports={"target": target}, **params)


def _elements():
    x, y = f(4, 3), f(4, 3, seed=2)
    p, q = x.sigmoid(), y.sigmoid()
    like = {
        "MSELoss": (x, y, [{}]),
        "L1Loss": (x, y, [{}]),
        "HuberLoss": (x, y, [{}, {"delta": 0.3}]),
        "SmoothL1Loss": (x, y, [{}, {"beta": 0.3}, {"beta": 0.0}]),
        "SoftMarginLoss": (x, signs(4, 3).long(), [{}]),  # the target has no gradient
        "HingeEmbeddingLoss": (x, signs(4, 3), [{}, {"margin": 0.3}]),
        "KLDivLoss": (x.log_softmax(1), y.softmax(1), [{}]),
        "BCELoss": (p, q, [{}, {"weight": [0.5, 2.0, 1.0]}]),
        "BCEWithLogitsLoss": (x, q, [{}, {"weight": [0.5, 2.0, 1.0]}, {"pos_weight": [3.0, 0.2, 1.5]}]),
        "MultiLabelSoftMarginLoss": (x, i(2, 4, 3).float(), [{}, {"weight": [0.5, 2.0, 1.0]}]),
    }
    for name, (prediction, target, variants) in like.items():
        for params in variants:
            for reduction in REDUCTIONS:
                yield pair(name, prediction, target, reduction=reduction, **params)
    yield pair("L1Loss", x, i(5, 4, 3))
    yield pair("MSELoss", f(7), f(7, seed=2))
    yield pair("BCEWithLogitsLoss", x, q, weight=[0.5, 2.0, 1.0], pos_weight=[3.0, 0.2, 1.5])
    yield pair("KLDivLoss", x.log_softmax(1), y.softmax(1), reduction="batchmean")
    yield pair("KLDivLoss", x.log_softmax(1), y.log_softmax(1), reduction="batchmean", log_target=True)
    yield pair("KLDivLoss", x.log_softmax(1), y.log_softmax(1), log_target=True)
    counts = i(5, 4, 3).float()
    for reduction in REDUCTIONS:
        yield module("PoissonNLLLoss", x, _first="log_input", _ports={"target": counts}, reduction=reduction)
    yield module("PoissonNLLLoss", x.abs(), _first="log_input", _ports={"target": counts + 1}, log_input=False, full=True, eps=0.1)
    for var in (x.abs(), x.abs()[:, :1], x.abs()[:, 0], torch.full((4, 3), 1e-9)):
        ports = {"target": y, "var": var}
        yield module("GaussianNLLLoss", x, _ports=ports)
        yield module("GaussianNLLLoss", x, _ports=ports, full=True, eps=0.1, reduction="none")
    yield module("GaussianNLLLoss", x, _ports={"target": y, "var": x.abs()}, reduction="sum")


def _classes():
    x, y = f(4, 3), f(4, 3, seed=2)
    classes, weight = i(3, 4), [0.5, 2.0, 1.0]
    yield pair("CrossEntropyLoss", x, classes)
    yield pair("CrossEntropyLoss", x, classes, reduction="sum", label_smoothing=0.2)
    yield pair("CrossEntropyLoss", x, classes, reduction="none", ignore_index=1)
    yield pair("CrossEntropyLoss", f(3), i(3))
    yield pair("CrossEntropyLoss", f(4, 3, 5), i(3, 4, 5))
    yield pair("CrossEntropyLoss", x, y.softmax(1), label_smoothing=0.1)
    for reduction in REDUCTIONS:
        yield pair("CrossEntropyLoss", x, classes, weight=weight, reduction=reduction)
    yield pair("CrossEntropyLoss", x, classes, weight=weight, label_smoothing=0.3, ignore_index=2)
    yield pair("CrossEntropyLoss", x, y.softmax(1), weight=weight)
    for name in ("NLLLoss", "NLLLoss2d"):
        for reduction in REDUCTIONS:
            yield pair(name, x.log_softmax(1), classes, reduction=reduction, weight=weight)
        yield pair(name, f(4, 3, 5, 2), i(3, 4, 5, 2), ignore_index=1)
    yield pair("NLLLoss", f(3), i(3))
    yield pair("NLLLoss", f(4, 3, 5), i(3, 4, 5), reduction="none")
    for reduction in REDUCTIONS:
        yield pair("MultiMarginLoss", x, classes, reduction=reduction, weight=weight)
        yield pair("MultiMarginLoss", x, classes, reduction=reduction, p=2, margin=0.5)
        labels = torch.tensor([[1, -1, 0], [2, 0, -1], [-1, 0, 1], [0, 1, 2]])
        yield pair("MultiLabelMarginLoss", x, labels, reduction=reduction)
    yield pair("MultiMarginLoss", f(3), i(3))
    yield pair("MultiMarginLoss", f(3), i(3, 1), reduction="none")
    yield pair("MultiMarginLoss", f(), i(1))
    yield pair("MultiLabelMarginLoss", f(3), torch.tensor([1, -1, 0]))
    scores = f(7, 2, 5).log_softmax(2)
    lengths = {"input_lengths": torch.tensor([7, 6]), "target_lengths": torch.tensor([3, 2])}
    for reduction in REDUCTIONS:
        ports = {"targets": i(4, 2, 3) + 1, **lengths}
        yield module("CTCLoss", scores, _first="log_probs", _ports=ports, reduction=reduction)
    ports = {"targets": i(4, 5).int() + 1, **lengths}
    yield module("CTCLoss", scores, _first="log_probs", _ports=ports, zero_infinity=True)
    ports = {"targets": i(4, 2, 3), **lengths}
    yield module("CTCLoss", scores, _first="log_probs", _ports=ports, blank=4)
    ports = {"targets": i(4, 3) + 1, "input_lengths": torch.tensor(7), "target_lengths": torch.tensor(3)}
    yield module("CTCLoss", f(7, 5).log_softmax(1), _first="log_probs", _ports=ports, reduction="none")
    ports["targets"] = i(4, 1, 3) + 1
    yield module("CTCLoss", f(7, 5).log_softmax(1), _first="log_probs", _ports=ports)
    rows = {"target_": torch.tensor([0, 19, 5, 9, 10, 4, 13])}
    adaptive = {"n_classes": 20, "cutoffs": [5, 10]}
    yield module("AdaptiveLogSoftmaxWithLoss", f(7, 16), _first="input_", _ports=rows, **adaptive)
    yield module("AdaptiveLogSoftmaxWithLoss", f(7, 16), _first="input_", _ports=rows, in_features=16, div_value=2.0, head_bias=True, **adaptive)
    yield module("AdaptiveLogSoftmaxWithLoss", f(16), _first="input_", _ports={"target_": torch.tensor(11)}, **adaptive)


def _pairs():
    x, y, z = f(4, 3), f(4, 3, seed=2), f(4, 3, seed=3)
    for reduction in REDUCTIONS:
        ports = {"input2": y, "target": signs(4, 3)}
        yield module("MarginRankingLoss", x, _first="input1", _ports=ports, reduction=reduction)
        ports = {"input2": y, "target": signs(4).long()}
        yield module("CosineEmbeddingLoss", x, _first="input1", _ports=ports, reduction=reduction, margin=0.1)
        ports = {"positive": y, "negative": z}
        yield module("TripletMarginLoss", x, _first="anchor", _ports=ports, reduction=reduction)
        yield module("TripletMarginWithDistanceLoss", x, _first="anchor", _ports=ports, reduction=reduction)
    yield module("MarginRankingLoss", x[0], _first="input1", _ports={"input2": y[0], "target": signs(3)}, margin=0.5)
    yield module("CosineEmbeddingLoss", x[0], _first="input1", _ports={"input2": y[0], "target": torch.tensor(-1.0)})
    ports = {"positive": y, "negative": z}
    yield module("TripletMarginLoss", x, _first="anchor", _ports=ports, margin=0.3, p=3.0, eps=0.1, swap=True)
    for swap in (False, True):
        yield module("TripletMarginWithDistanceLoss", x, _first="anchor", _ports=ports, distance_function=None, margin=0.4, swap=swap)
    functional = nn.functional
    for name, distance in (
        ("pairwise_distance", functional.pairwise_distance),
        ("manhattan_distance", lambda a, b: functional.pairwise_distance(a, b, p=1.0)),
        ("chebyshev_distance", lambda a, b: (a - b).abs().amax(-1)),
        ("cosine_distance", lambda a, b: 1 - functional.cosine_similarity(a, b, dim=-1)),
    ):
        make = lambda distance=distance: nn.TripletMarginWithDistanceLoss(distance_function=distance, swap=True)  # noqa: E731
        yield Case("TripletMarginWithDistanceLoss", {"distance_function": name, "swap": True}, {"anchor": x, **ports}, make)


def cases():
    yield from _elements()
    yield from _classes()
    yield from _pairs()
