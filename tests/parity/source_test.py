"""Learned tensors of a graph's own, and weights in two places, against modules written by hand."""

import pytest
import torch
from torch import nn

X = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))


def graph(nodes, outputs, inputs=None, **more):
    inputs = inputs or {"x": {"dtype": "float32", "shape": ["B", 5]}}
    return {"graphkiln": 1, "inputs": inputs, "nodes": nodes, "outputs": outputs, **more}


@pytest.mark.parametrize(
    ("params", "mean", "std"),
    [
        ({}, 0, 0),
        ({"init": "ones"}, 1, 0),
        ({"init": "normal", "mean": 2.0, "std": 0.5}, 2, 0.5),
        ({"init": "uniform", "bound": 0.3}, 0, 0.3 / 3**0.5),
    ],
)
def test_parameter_is_an_attribute(kiln, params, mean, std):
    shape = [200, 5]
    nodes = {
        "table": {"type": "Parameter", "params": {"shape": shape, **params}},
        "y": {"type": "FunctionalLinear", "in": {"input": "x", "weight": "table"}},
    }
    file = kiln.graph_file(graph(nodes, {"y": "y"}))
    weights, weights_file = kiln.init(file, seed=3)
    assert {k: list(v.shape) for k, v in weights.items()} == {"table": shape}
    model = kiln.python(file)()
    assert [k for k, _ in model.named_parameters()] == ["table"]
    for table in (weights["table"], model.table.detach()):
        assert abs(table.mean().item() - mean) < 0.06
        assert abs(table.std().item() - std) < 0.03
    model.load_state_dict(weights, strict=True)
    expected = nn.functional.linear(X, weights["table"])
    torch.testing.assert_close(model(X).detach(), expected)
    torch.testing.assert_close(kiln.run(file, weights_file, {"x": X})["y"], expected)


def test_repeated_parameters_are_a_list(kiln):
    composite = {
        "inputs": {"input": {}},
        "nodes": {
            "p": {"type": "Parameter", "params": {"shape": [1, 5], "init": "normal"}},
            "q": {"type": "Scale", "in": "input", "repeat": "$n"},
        },
        "params": {"n": {"type": "int"}},
        "outputs": {"out": "q", "own": "p"},
    }
    scale = {
        "inputs": {"input": {}},
        "nodes": {
            "gain": {"type": "Parameter", "params": {"shape": [5], "init": "normal"}},
            "scaled": {"type": "Mul", "in": ["input", "gain"]},
        },
        "outputs": {"out": "scaled"},
    }
    nodes = {"all": {"type": "All", "in": "x", "params": {"n": 3}}, "sum": {"type": "Add", "in": ["all.out", "all.own"]}}
    file = kiln.graph_file(graph(nodes, {"y": "sum"}, composites={"All": composite, "Scale": scale}))
    weights, weights_file = kiln.init(file)
    assert set(weights) == {"all.p", "all.q.0.gain", "all.q.1.gain", "all.q.2.gain"}
    model = kiln.python(file)()
    model.load_state_dict(weights, strict=True)
    expected = X * weights["all.q.0.gain"] * weights["all.q.1.gain"] * weights["all.q.2.gain"] + weights["all.p"]
    torch.testing.assert_close(model(X).detach(), expected)
    torch.testing.assert_close(kiln.run(file, weights_file, {"x": X})["y"], expected)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.mix = nn.Embedding(11, 4), nn.Linear(4, 4)

    def forward(self, x):
        return nn.functional.linear(self.mix(self.table(x)), self.table.weight)


def test_one_weight_in_two_places(kiln):
    nodes = {
        "table": {"type": "Embedding", "in": "x", "params": {"num_embeddings": 11, "embedding_dim": 4}},
        "mix": {"type": "Linear", "in": "table", "params": {"out_features": 4}},
        "tied": {"type": "WeightOf", "in": "table", "params": {"name": "weight"}},
        "again": {"type": "WeightOf", "in": "table"},
        "y": {"type": "FunctionalLinear", "in": {"input": "mix", "weight": "tied"}},
        "norm": {"type": "Norm", "in": "again"},
    }
    x = torch.tensor([[1, 2, 3], [4, 5, 1]])
    inputs = {"x": {"dtype": "int64", "shape": ["B", "T"]}}
    file = kiln.graph_file(graph(nodes, {"y": "y", "norm": "norm"}, inputs))
    weights, weights_file = kiln.init(file)
    theirs, ours = Tied(), kiln.python(file)()
    theirs.load_state_dict(weights, strict=True)
    ours.load_state_dict(weights, strict=True)
    expected, found = theirs(x), ours(x)
    torch.testing.assert_close(found["y"], expected)
    torch.testing.assert_close(found["norm"], weights["table.weight"].norm())
    run = kiln.run(file, weights_file, {"x": x})
    torch.testing.assert_close(run["y"], expected.detach())
    torch.testing.assert_close(run["norm"], weights["table.weight"].norm())
    expected.square().sum().backward()
    found["y"].square().sum().backward()
    torch.testing.assert_close(ours.table.weight.grad, theirs.table.weight.grad)
    assert kiln.json("summary", file)["parameters"] == 11 * 4 + 4 * 4 + 4
