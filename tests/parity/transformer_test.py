"""Transformer's parts and containers, which are composites, against torch.nn's own modules."""

import pytest
import torch
from registry_test import backward, flat
from torch import nn

GEN = torch.Generator().manual_seed(7)


def f(*shape):
    return torch.randn(*shape, generator=GEN)


def causal(n):
    return torch.ones(n, n).triu(1).bool()


PAD = torch.tensor([[False] * 4 + [True] * 2, [False] * 6])
LAYER = {"nhead": 2, "dim_feedforward": 16, "dropout": 0.0}


def encoder(num_layers, norm=False, **options):
    layer = nn.TransformerEncoderLayer(8, **options)
    eps = options.get("layer_norm_eps", 1e-5)
    return nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(8, eps, bias=options.get("bias", True)) if norm else None)


def decoder(num_layers, norm=False, **options):
    layer = nn.TransformerDecoderLayer(8, **options)
    return nn.TransformerDecoder(layer, num_layers, nn.LayerNorm(8) if norm else None)


# type, parameters, ports (the hints `*is_causal` are parameters here and arguments of torch's forward), torch's module
CASES = {
    "layer": ("TransformerEncoderLayer", LAYER, {"src": f(6, 2, 8)}, lambda o: nn.TransformerEncoderLayer(8, **o)),
    "layer_options": (
        "TransformerEncoderLayer",
        {**LAYER, "activation": "gelu", "layer_norm_eps": 0.01, "batch_first": True, "norm_first": True, "bias": False},
        {"src": f(2, 6, 8), "src_mask": f(6, 6), "src_key_padding_mask": PAD.float() * -2.0},
        lambda o: nn.TransformerEncoderLayer(8, **o),
    ),
    "layer_unbatched": (
        "TransformerEncoderLayer", {**LAYER, "d_model": 8, "is_causal": True}, {"src": f(6, 8), "src_mask": causal(6)},
        lambda o: nn.TransformerEncoderLayer(**o),
    ),
    "encoder": (
        "TransformerEncoder", {**LAYER, "num_layers": 2, "norm": True, "norm_first": True},
        {"src": f(6, 2, 8), "mask": causal(6), "src_key_padding_mask": PAD}, lambda o: encoder(**o),
    ),
    "encoder_plain": ("TransformerEncoder", {**LAYER, "num_layers": 3}, {"src": f(6, 2, 8)}, lambda o: encoder(**o)),
    "decoder_layer": (
        "TransformerDecoderLayer", {**LAYER, "activation": "gelu"}, {"tgt": f(5, 2, 8), "memory": f(6, 2, 8)},
        lambda o: nn.TransformerDecoderLayer(8, **o),
    ),
    "decoder_layer_options": (
        "TransformerDecoderLayer",
        {**LAYER, "batch_first": True, "norm_first": True, "bias": False, "layer_norm_eps": 0.01, "tgt_is_causal": True},
        {
            "tgt": f(2, 6, 8), "memory": f(2, 5, 8), "tgt_mask": causal(6), "memory_mask": f(4, 6, 5),
            "tgt_key_padding_mask": PAD, "memory_key_padding_mask": PAD[:, 1:],
        },
        lambda o: nn.TransformerDecoderLayer(8, **o),
    ),
    "decoder": (
        "TransformerDecoder", {**LAYER, "num_layers": 2, "norm": True},
        {"tgt": f(5, 2, 8), "memory": f(6, 2, 8), "tgt_mask": causal(5), "memory_key_padding_mask": PAD}, lambda o: decoder(**o),
    ),
    "transformer": (
        "Transformer", {**LAYER, "d_model": 8, "num_encoder_layers": 2, "num_decoder_layers": 1},
        {
            "src": f(6, 2, 8), "tgt": f(5, 2, 8), "src_mask": causal(6), "tgt_mask": causal(5), "memory_mask": f(5, 6),
            "src_key_padding_mask": PAD, "tgt_key_padding_mask": PAD[:, 1:], "memory_key_padding_mask": PAD,
        },
        lambda o: nn.Transformer(**o),
    ),
    "transformer_norm_first": (
        "Transformer", {**LAYER, "d_model": 8, "num_encoder_layers": 1, "num_decoder_layers": 2, "batch_first": True, "norm_first": True},
        {"src": f(2, 6, 8), "tgt": f(2, 5, 8)}, lambda o: nn.Transformer(**o),
    ),
}


def graph_of(type_, params, ports):
    inputs = {name: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape)} for name, t in ports.items()}
    return {
        "graphkiln": 1, "name": "part", "inputs": inputs,
        "nodes": {"part": {"type": type_, "in": {name: name for name in ports}, "params": params}},
        "outputs": {"out": "part"},
    }  # fmt: skip


def agree(kiln, file, ports, theirs, prefix="part.", call=None):
    """Keys, shapes, values in both modes, gradients: trainer, generated Python and torch's module."""
    weights, weights_file = kiln.init(file, seed=3)
    state = theirs.state_dict()
    assert {k.removeprefix(prefix): list(v.shape) for k, v in weights.items()} == {k: list(v.shape) for k, v in state.items()}
    theirs.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items()}, strict=True)
    ours = kiln.python(file)()
    ours.load_state_dict({k: v.clone() for k, v in weights.items()}, strict=True)
    call = call or (lambda module, values: module(**values))
    for train in (False, True):
        theirs.train(train), ours.train(train)
        inputs = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in ports.items()}
        copies = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in ports.items()}
        expected, found = call(theirs, inputs), ours(**copies)
        run = kiln.run(file, weights_file, ports, train=train)
        for (name, one), (_, two), ran in zip(flat(expected), flat(found), run.values(), strict=True):
            torch.testing.assert_close(two, one, rtol=1e-5, atol=1e-5, msg=f"python {name}")
            torch.testing.assert_close(ran, one.detach(), rtol=1e-5, atol=1e-5, msg=f"trainer {name}")
    backward(expected)
    backward(found)
    for key, value in inputs.items():
        if value.grad is not None:
            torch.testing.assert_close(copies[key].grad, value.grad, rtol=1e-4, atol=1e-5, msg=f"gradient of {key}")
    gradients = {k.removeprefix(prefix): p.grad for k, p in ours.named_parameters()}
    for key, parameter in theirs.named_parameters():
        torch.testing.assert_close(gradients[key], parameter.grad, rtol=1e-4, atol=1e-5, msg=f"gradient of {key}")


@pytest.mark.parametrize("name", CASES)
def test_part_equals_torch(kiln, name):
    type_, params, ports, make = CASES[name]
    hints = {k: v for k, v in params.items() if k.endswith("is_causal")}
    theirs = make({k: v for k, v in params.items() if k not in hints})
    file = kiln.graph_file(graph_of(type_, params, ports))
    agree(kiln, file, ports, theirs, call=lambda m, v: m(**v, **hints) if m is theirs else m(**v))


def test_transformer_starts_as_torchs(kiln):
    """Bounds of the uniform draws: xavier for all weights of two dimensions, biases of linear layers as they are."""
    type_, _, ports, _ = CASES["transformer"]
    params = {"d_model": 64, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 1, "dim_feedforward": 256}
    ports = {k: torch.zeros(4, 2, 64) for k in ("src", "tgt")}
    weights, _ = kiln.init(kiln.graph_file(graph_of(type_, params, ports)), seed=3)
    theirs = nn.Transformer(**params).state_dict()
    for key, value in theirs.items():
        found = weights["part." + key]
        assert found.std().item() == pytest.approx(value.std().item(), rel=0.25, abs=1e-9), key
        assert found.abs().max().item() == pytest.approx(value.abs().max().item(), rel=0.1, abs=1e-9), key


class Heads(nn.ModuleDict):
    def forward(self, x):
        return tuple(head(x) for head in self.values())


def test_containers_have_torchs_keys(kiln):
    graph = {
        "graphkiln": 1, "name": "boxes", "inputs": {"x": {"dtype": "float32", "shape": ["B", 4]}},
        "nodes": {
            "body": {"type": "Sequential", "in": "x", "children": [
                {"type": "Linear", "params": {"out_features": 8}},
                {"type": "ReLU"},
                {"type": "Sequential", "repeat": 2, "children": [
                    {"type": "Linear", "params": {"out_features": 8}}, {"type": "Reshape", "params": {"shape": [-1, 4, 2]}},
                    {"type": "Flatten"}, {"type": "LayerNorm"},
                ]},
            ]},
            "again": {"type": "Sequential", "in": "body.output", "module": "twice"},
            "twice": {"type": "Sequential", "in": "x", "children": {"fc": {"type": "Linear", "params": {"out_features": 8}}}},
            "heads": {"type": "ModuleDict", "in": "body", "children": {
                "mean": {"type": "Linear", "params": {"out_features": 2}}, "scale": {"type": "Linear", "params": {"out_features": 2}}}},
            "list": {"type": "ModuleList", "in": "heads.mean", "children": [
                {"type": "Linear", "params": {"out_features": 2}}, {"type": "Linear", "params": {"out_features": 3}}]},
        },
        "outputs": {"a": "list.0", "b": "list.1", "c": "heads.scale", "d": "twice"},
        "output_form": "tuple",
    }  # fmt: skip
    del graph["nodes"]["again"]

    class Inner(nn.ModuleDict):
        def __init__(self):
            super().__init__({"0": nn.Linear(8, 8), "2": nn.Flatten(), "3": nn.LayerNorm(8)})

        def forward(self, x):
            return self["3"](self["2"](self["0"](x).reshape(-1, 4, 2)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), Inner(), Inner())
            self.twice = nn.Sequential()
            self.twice.add_module("fc", nn.Linear(4, 8))
            self.heads = Heads({"mean": nn.Linear(8, 2), "scale": nn.Linear(8, 2)})
            self.list = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 3)])

        def forward(self, x):
            mean, scale = self.heads(self.body(x))
            return self.list[0](mean), self.list[1](mean), scale, self.twice(x)

    file = kiln.graph_file(graph)
    agree(kiln, file, {"x": f(3, 4)}, Net(), prefix="", call=lambda m, v: m(**v))


def test_plain_sequential_is_torchs_own(kiln):
    graph = {
        "graphkiln": 1, "inputs": {"x": {"dtype": "float32", "shape": ["B", 4]}},
        "nodes": {
            "a": {"type": "Sequential", "in": "x", "children": [
                {"type": "Linear", "params": {"out_features": 4}}, {"type": "Sequential", "children": [{"type": "Tanh"}]}]},
            "b": {"type": "Sequential", "in": "a", "module": "a"},
        },
        "outputs": {"y": "b"},
    }  # fmt: skip
    file = kiln.graph_file(graph)
    model = kiln.python(file)()
    assert type(model.a) is nn.Sequential and type(model.a[1]) is nn.Sequential
    agree(kiln, file, {"x": f(3, 4)}, nn.ModuleDict({"a": nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh()))}), prefix="",
          call=lambda m, v: m(**v) if m.__class__ is not nn.ModuleDict else m["a"](m["a"](v["x"])))  # fmt: skip
