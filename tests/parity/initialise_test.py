"""First values against torch.nn's reset_parameters: equal in distribution, and reproducible."""

import pytest
import torch
from torch import nn

WIDE = {
    "linear": ("Linear", [64, 300], {"out_features": 400}, lambda: nn.Linear(300, 400)),
    "conv": ("Conv2d", [2, 32, 9, 9], {"out_channels": 64, "kernel_size": 3, "groups": 2}, lambda: nn.Conv2d(32, 64, 3, groups=2)),
    "conv1": ("Conv1d", [2, 32, 9], {"out_channels": 128, "kernel_size": 5}, lambda: nn.Conv1d(32, 128, 5)),
    "bn": ("BatchNorm2d", [2, 8, 4, 4], {}, lambda: nn.BatchNorm2d(8)),
    "ln": ("LayerNorm", [2, 30], {}, lambda: nn.LayerNorm(30)),
    "gru": ("GRU", [5, 2, 64], {"hidden_size": 100, "num_layers": 2, "bidirectional": True}, lambda: nn.GRU(64, 100, 2, bidirectional=True)),
    "lstm": ("LSTM", [5, 2, 64], {"hidden_size": 90, "proj_size": 40}, lambda: nn.LSTM(64, 90, proj_size=40)),
    "bilinear": ("Bilinear", [4, 40], {"in2_features": 30, "out_features": 60}, lambda: nn.Bilinear(40, 30, 60)),
    "prelu": ("PReLU", [2, 8], {"num_parameters": 8, "init": 0.1}, lambda: nn.PReLU(8, 0.1)),
    "gn": ("GroupNorm", [2, 8, 4], {"num_groups": 2}, lambda: nn.GroupNorm(2, 8)),
    "inorm": ("InstanceNorm1d", [2, 8, 4], {"affine": True, "track_running_stats": True}, lambda: nn.InstanceNorm1d(8, affine=True, track_running_stats=True)),
    "rms": ("RMSNorm", [2, 30], {}, lambda: nn.RMSNorm(30)),
    "adaptive": (
        "AdaptiveLogSoftmaxWithLoss", [4, 64], {"n_classes": 900, "cutoffs": [100, 400], "head_bias": True},
        lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 900, [100, 400], head_bias=True),
    ),
    "ce": ("CrossEntropyLoss", [4, 3], {"weight": [0.5, 2.0, 1.0]}, lambda: nn.CrossEntropyLoss(weight=torch.tensor([0.5, 2.0, 1.0]))),
    "bag": ("EmbeddingBag", [2, 5], {"num_embeddings": 500, "embedding_dim": 60, "padding_idx": 7}, lambda: nn.EmbeddingBag(500, 60, padding_idx=7)),
    "embed": ("Embedding", [2, 5], {"num_embeddings": 500, "embedding_dim": 60, "padding_idx": 7}, lambda: nn.Embedding(500, 60, padding_idx=7)),
}


# Types with indices, and what stands at the second port.
WHOLE = ("Embedding", "EmbeddingBag")
SECOND = {"bilinear": ("float32", [4, 30]), "adaptive": ("int64", [4]), "ce": ("int64", [4])}
NORMAL = ("embed", "bag")  # normal, so without bounds, and with a row of zeros


def graph():
    out = {"graphkiln": 1, "name": "first_values", "inputs": {}, "nodes": {}, "outputs": {}}
    for name, (type_, shape, params, _) in WIDE.items():
        out["inputs"][f"{name}_x"] = {"dtype": "int64" if type_ in WHOLE else "float32", "shape": shape}
        refs = [f"{name}_x"]
        if name in SECOND:
            dtype, shape = SECOND[name]
            out["inputs"][f"{name}_y"] = {"dtype": dtype, "shape": shape}
            refs.append(f"{name}_y")
        out["nodes"][name] = {"type": type_, "in": refs, "params": params}
        out["outputs"][name] = name
    return out


@pytest.fixture(scope="module")
def first(kiln):
    return kiln.init(kiln.graph_file(graph()), seed=1)[0]


@pytest.mark.parametrize("name", WIDE)
def test_distribution_equals_torch(first, name):
    torch.manual_seed(0)
    theirs = WIDE[name][3]().state_dict()
    ours = {k.removeprefix(name + "."): v for k, v in first.items() if k.startswith(name + ".")}
    assert ours.keys() == theirs.keys()
    for key, expected in theirs.items():
        found = ours[key]
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), key
        if expected.numel() == 1 or expected.float().std() == 0 or name == "ce":
            assert torch.equal(found, expected), key
            continue
        # Standard error of the mean is std / sqrt(n), of the deviation about as much: five of them on both sides.
        n, std = expected.numel(), expected.std()
        tolerance = 10 * std / n**0.5
        assert abs(found.mean() - expected.mean()) < tolerance, key
        assert abs(found.std() - std) < tolerance, key
        if name not in NORMAL:
            bound = expected.abs().max() * (1 + 20 / n)
            assert found.abs().max() <= bound, key
            assert found.abs().max() > 0.98 * bound - 20 / n * bound, key
        # Quantiles, for the shape of the distribution.
        q = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
        torch.testing.assert_close(found.flatten().quantile(q), expected.flatten().quantile(q), rtol=0, atol=float(4 * tolerance))
    if name in NORMAL:
        assert torch.equal(ours["weight"][7], torch.zeros(60))


def test_values_depend_on_seed_and_key_alone(kiln, first):
    again = kiln.init(kiln.graph_file(graph()), seed=1)[0]
    other = kiln.init(kiln.graph_file(graph()), seed=2)[0]
    part = graph()
    for section in ("inputs", "nodes", "outputs"):
        part[section] = {k: v for k, v in part[section].items() if k.startswith("linear")}
    alone = kiln.init(kiln.graph_file(part), seed=1)[0]
    for key, value in first.items():
        assert torch.equal(value, again[key])
        random = value.is_floating_point() and value.std() > 1e-6 and not key.startswith("ce.")
        assert torch.equal(value, other[key]) != random
    assert torch.equal(alone["linear.weight"], first["linear.weight"])
    # Different keys of one shape draw different values.
    assert not torch.equal(first["gru.weight_hh_l0"], first["gru.weight_hh_l1"])
