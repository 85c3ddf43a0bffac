"""Random graphs: the compiler's shapes equal what the generated Python gives on the meta device."""

import os
import random

import pytest
import torch
from conftest import load

COUNT = 2000 if os.environ.get("KILN_TEST_TIER") == "nightly" else 200
CHUNK = 50


class Builder:
    """Draws a graph; candidates that would not type are left to the compiler to refuse."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.graph = {"graphkiln": 1, "name": f"random_{seed}", "inputs": {}, "nodes": {}, "outputs": {}}
        self.values = []  # (reference, shape)
        for k in range(self.rng.randint(1, 3)):
            shape = self.rng.choice([[2, 6], [2, 4, 9], [2, 4, 8, 10], [3, 2, 5]])
            self.graph["inputs"][f"x{k}"] = {"dtype": "float32", "shape": shape}
            self.values.append((f"x{k}", shape))

    def add(self, type_, shape, inputs, **params):
        name = f"n{len(self.graph['nodes'])}"
        self.graph["nodes"][name] = {"type": type_, "in": inputs, "params": params}
        if shape is not None:
            self.values.append((name, shape))
        return name

    def step(self):
        rng = self.rng
        ref, shape = rng.choice(self.values)
        rank = len(shape)
        kind = rng.choice(["act", "linear", "conv", "pool", "norm", "shape", "combine", "rnn", "reduce", "block", "spatial", "spatial"])
        if kind == "act":
            type_, params = rng.choice(
                [("ReLU", {}), ("GELU", {}), ("Tanh", {}), ("Softmax", {"dim": -1}), ("Dropout", {"p": 0.3}), ("SiLU", {}),
                 ("LeakyReLU", {"negative_slope": 0.2}), ("PReLU", {}), ("Softplus", {}), ("LogSoftmax", {"dim": 0}), ("RReLU", {}),
                 ("Hardtanh", {"min_val": -2.0}), ("AlphaDropout", {}), ("Identity", {}), ("Softsign", {})]
            )
            self.add(type_, shape, ref, **params)
        elif kind == "linear" and rank >= 1:
            width = rng.randint(1, 9)
            self.add("Linear", [*shape[:-1], width], ref, out_features=width, bias=rng.random() < 0.5)
        elif kind == "conv" and rank in (3, 4):
            n = rank - 2
            k, s, d, p = rng.randint(1, 4), rng.randint(1, 3), rng.randint(1, 2), rng.randint(0, 2)
            out = rng.randint(1, 6)
            sizes = [(v + 2 * p - d * (k - 1) - 1) // s + 1 for v in shape[2:]]
            if min(sizes) > 0:
                self.add(f"Conv{n}d", [shape[0], out, *sizes], ref, out_channels=out, kernel_size=k, stride=s, dilation=d, padding=p)
        elif kind == "pool" and rank in (3, 4):
            n = rank - 2
            k, s, ceil = rng.randint(1, 3), rng.randint(1, 3), rng.random() < 0.5
            p = rng.randint(0, k // 2)
            shaped = torch.nn.functional.max_pool1d if n == 1 else torch.nn.functional.max_pool2d
            try:
                out = list(shaped(torch.empty(shape, device="meta"), k, s, p, ceil_mode=ceil).shape)
            except RuntimeError:
                return
            self.add(f"MaxPool{n}d", out, ref, kernel_size=k, stride=s, padding=p, ceil_mode=ceil)
        elif kind == "norm":
            draw = rng.random()
            if rank in (2, 3, 4) and draw < 0.4:
                self.add("BatchNorm2d" if rank == 4 else "BatchNorm1d", shape, ref)
            elif rank in (3, 4) and draw < 0.5 and shape[-1] > 1:
                self.add(f"InstanceNorm{rank - 2}d", shape, ref, affine=rng.random() < 0.5)
            elif rank in (3, 4) and draw < 0.6 and shape[0] > 1:
                self.add("GroupNorm", shape, ref, num_groups=rng.choice([g for g in range(1, shape[1] + 1) if shape[1] % g == 0]))
            elif draw < 0.7:
                self.add("RMSNorm", shape, ref, normalized_shape=shape[-rng.randint(1, rank) :])
            elif rank in (3, 4) and draw < 0.8:
                self.add("LocalResponseNorm", shape, ref, size=rng.randint(1, 5))
            else:
                self.add("LayerNorm", shape, ref, normalized_shape=shape[-rng.randint(1, rank) :])
        elif kind == "shape":
            if rng.random() < 0.5:
                dims = list(range(rank))
                rng.shuffle(dims)
                self.add("Permute", [shape[d] for d in dims], ref, dims=dims)
            else:
                start = rng.randrange(rank)
                merged = 1
                for v in shape[start:]:
                    merged *= v
                self.add("Flatten", [*shape[:start], merged], ref, start_dim=start)
        elif kind == "combine":
            same = [r for r, s in self.values if s == shape]
            count = rng.randint(2, 4)
            refs = [rng.choice(same) for _ in range(count)]
            type_ = rng.choice(["Add", "Mul", "Concat"])
            if type_ == "Concat":
                dim = rng.randrange(rank)
                self.add(type_, [v * count if d == dim else v for d, v in enumerate(shape)], refs, dim=dim)
            else:
                self.add(type_, shape, refs)
        elif kind == "rnn" and rank == 3:
            hidden, both = rng.randint(1, 6), rng.random() < 0.5
            name = self.add(rng.choice(["LSTM", "GRU"]), None, ref, hidden_size=hidden, bidirectional=both, batch_first=True)
            self.values.append((f"{name}.output", [*shape[:2], hidden * (1 + both)]))
            self.values.append((f"{name}.h_n", [1 + both, shape[0], hidden]))
        elif kind == "reduce" and rank > 1:
            dim, keep = rng.randrange(rank), rng.random() < 0.5
            out = [1 if d == dim else v for d, v in enumerate(shape) if keep or d != dim]
            self.add(rng.choice(["Mean", "Max"]), out, ref, dim=dim, keepdim=keep)
        elif kind == "spatial" and rank in (3, 4):
            self.spatial(ref, shape)
        elif kind == "block" and rank in (3, 4):
            self.add("ResidualBlock", None, ref, out_channels=rng.choice([shape[1], 3]), kernel_size=3)
            if shape[1] >= 2:
                self.add("SEBlock", shape, ref, reduction=2)

    def spatial(self, ref, shape):
        """Modules whose shape PyTorch tells; sizes stay small."""
        rng, n = self.rng, len(shape) - 2
        k, s, p = rng.randint(1, 3), rng.randint(1, 3), rng.randint(0, 1)
        mode = {1: "linear", 2: "bilinear"}[n]
        type_, params = rng.choice(
            [
                (f"ConvTranspose{n}d", {"in_channels": shape[1], "out_channels": 3, "kernel_size": k, "stride": s, "padding": p}),
                (f"AvgPool{n}d", {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": rng.random() < 0.5}),
                (f"AdaptiveAvgPool{n}d", {"output_size": rng.randint(1, 6)}),
                (f"AdaptiveMaxPool{n}d", {"output_size": rng.randint(1, 6)}),
                (f"LPPool{n}d", {"norm_type": 2.0, "kernel_size": k, "stride": s}),
                (f"ReflectionPad{n}d", {"padding": rng.randint(-1, 3)}),
                (f"ReplicationPad{n}d", {"padding": rng.randint(-1, 3)}),
                (f"CircularPad{n}d", {"padding": rng.randint(0, 3)}),
                (f"ConstantPad{n}d", {"padding": rng.randint(-1, 3), "value": 0.5}),
                ("Upsample", {"scale_factor": rng.choice([0.5, 1.3, 2.0]), "mode": rng.choice(["nearest", mode])}),
                ("ChannelShuffle", {"groups": rng.randint(1, 3)}),
                ("PixelUnshuffle", {"downscale_factor": rng.randint(1, 2)}),
            ]
        )
        try:
            with torch.device("meta"):
                out = list(getattr(torch.nn, type_)(**params)(torch.empty(shape)).shape)
        except (RuntimeError, ValueError):
            return
        if 0 < torch.Size(out).numel() < 20000:
            self.add(type_, out, ref, **params)

    def build(self):
        for _ in range(self.rng.randint(3, 25)):
            self.step()
        refs = [r for r, _ in self.values if r not in self.graph["inputs"]] or [self.values[0][0]]
        for k, ref in enumerate(refs):
            self.graph["outputs"][f"out{k}"] = ref
        return self.graph


@pytest.mark.parametrize("chunk", range(COUNT // CHUNK))
def test_shapes_equal_pytorchs(kiln, chunk):
    graphs = [Builder(chunk * CHUNK + k).build() for k in range(CHUNK)]
    answers = kiln.tool("compile", graphs)
    assert len(answers) == CHUNK
    for graph, answer in zip(graphs, answers, strict=True):
        assert answer["ok"], (graph, answer["diagnostics"])
        path = kiln.path(".py")
        path.write_text(answer["python"])
        with torch.device("meta"):
            model = load(path)().eval()
            inputs = [torch.empty(spec["shape"]) for spec in graph["inputs"].values()]
        state = {k: list(v.shape) for k, v in model.state_dict().items()}
        declared = {p["key"]: [int(d["size"]) for d in p["spec"]["shape"]] for p in answer["ir"]["parameters"]}
        assert state == declared, graph["name"]
        result = model(*inputs)
        tensors = result if isinstance(result, dict) else {"out0": result}
        found = {o["name"]: (o["dtype"], o["shape"]) for o in answer["outputs"]}
        expected = {}
        for name, tensor in tensors.items():
            assert isinstance(tensor, torch.Tensor), graph["name"]
            expected[name] = (str(tensor.dtype).removeprefix("torch."), list(tensor.shape))
        assert found == expected, graph["name"]
