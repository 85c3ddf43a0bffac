"""Templates without a counterpart in torchvision, against networks written by hand in PyTorch."""

import pytest
import torch
from safetensors.torch import save_file
from templates import ROOT, inputs_of, small
from torch import nn
from torch.nn import functional as F


def template(name):
    return ROOT / f"templates/models/{name}.kiln.yaml"


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (p.view(b, t, self.heads, c // self.heads).transpose(1, 2) for p in self.c_attn(x).split(c, dim=2))
        scores = q @ k.transpose(-2, -1) / (c // self.heads) ** 0.5
        scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), float("-inf"))
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width, heads), Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    def __init__(self, vocabulary, context, width, heads, layers):
        super().__init__()
        self.transformer = nn.Module()
        self.transformer.wte = nn.Embedding(vocabulary, width)
        self.transformer.wpe = nn.Embedding(context, width)
        self.transformer.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.transformer.ln_f = nn.LayerNorm(width)

    def forward(self, ids):
        t = self.transformer
        x = t.wte(ids) + t.wpe(torch.arange(ids.shape[1]))
        for block in t.h:
            x = block(x)
        return t.ln_f(x) @ t.wte.weight.T


class BertTiny(nn.Module):
    def __init__(self, vocabulary, context, width, heads, layers):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(vocabulary, width, padding_idx=0)
        self.embeddings.position_embeddings = nn.Embedding(context, width)
        self.embeddings.token_type_embeddings = nn.Embedding(2, width)
        self.embeddings.LayerNorm = nn.LayerNorm(width, eps=1e-12)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.1, "gelu", 1e-12, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.pooler = nn.Linear(width, width)

    def forward(self, ids, segments, padding):
        e = self.embeddings
        x = e.word_embeddings(ids) + e.position_embeddings(torch.arange(ids.shape[1])) + e.token_type_embeddings(segments)
        x = self.encoder(e.LayerNorm(x), src_key_padding_mask=padding)
        return {"tokens": x, "text": self.pooler(x[:, 0]).tanh()}


class Double(nn.Module):
    def __init__(self, c, out):
        super().__init__()
        layers = []
        for width in (c, out):
            layers += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x):
        return self.double_conv(x)


class Step(nn.Module):
    def __init__(self, c, up):
        super().__init__()
        self.up = nn.ConvTranspose2d(c, c // 2, 2, 2) if up else None
        self.conv = Double(c, c // 2 if up else 2 * c)

    def forward(self, x, seen=None):
        if self.up is None:
            return self.conv(F.max_pool2d(x, 2))
        return self.conv(torch.cat([seen, self.up(x)], dim=1))


class UNet(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.inc = Double(3, width)
        self.down1, self.down2, self.down3, self.down4 = (Step(width * 2**k, up=False) for k in range(4))
        self.up1, self.up2, self.up3, self.up4 = (Step(width * 2**k, up=True) for k in (4, 3, 2, 1))
        self.outc = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        a = self.inc(x)
        b = self.down1(a)
        c = self.down2(b)
        d = self.down3(c)
        x = self.up2(self.up1(self.down4(d), d), c)
        return self.outc(self.up4(self.up3(x, b), a))


class Temporal(nn.Module):
    def __init__(self, c, out, kernel, dilation):
        super().__init__()
        self.past = (kernel - 1) * dilation
        self.conv1 = nn.Conv1d(c, out, kernel, dilation=dilation)
        self.conv2 = nn.Conv1d(out, out, kernel, dilation=dilation)
        self.downsample = nn.Conv1d(c, out, 1) if c != out else None

    def forward(self, x):
        y = self.conv1(F.pad(x, (self.past, 0))).relu()
        y = self.conv2(F.pad(y, (self.past, 0))).relu()
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class TCN(nn.Module):
    def __init__(self, channels, kernel, classes):
        super().__init__()
        self.network = nn.Sequential(*(Temporal(6 if k == 0 else channels, channels, kernel, 2**k) for k in range(4)))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(self.network(x)[..., -1])


MODELS = {
    "gpt2_small": (GPT2, ("vocabulary", "context", "width", "heads", "layers")),
    "bert_tiny": (BertTiny, ("vocabulary", "context", "width", "heads", "layers")),
    "unet": (UNet, ("width", "classes")),
    "tcn": (TCN, ("channels", "kernel", "classes")),
}


@pytest.mark.parametrize("name", MODELS)
def test_template_equals_a_network_written_by_hand(kiln, name):
    import yaml

    make, arguments = MODELS[name]
    file = small(kiln, template(name))
    variables = yaml.safe_load(file.read_text())["variables"]
    torch.manual_seed(5)
    theirs = make(**{a: variables[a] for a in arguments}).eval()
    state = theirs.state_dict()
    ours = kiln.python(file)().eval()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in state.items()}
    ours.load_state_dict(state, strict=True)
    weights = kiln.path(".safetensors")
    save_file({k: v.clone() for k, v in state.items()}, weights)
    inputs = inputs_of(file)
    expected, python = theirs(*inputs.values()), ours(*inputs.values())
    run = kiln.run(file, weights, inputs)
    if not isinstance(expected, dict):
        ((key, _),) = run.items()
        expected, python = {key: expected}, {key: python}
    assert run.keys() == expected.keys() == python.keys()
    hidden = inputs["padding"] if "padding" in inputs else None
    for key, tensor in expected.items():
        keep = ~hidden if hidden is not None and tensor.dim() == 3 else slice(None)
        torch.testing.assert_close(python[key][keep], tensor[keep], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(run[key][keep], tensor[keep], rtol=1e-4, atol=1e-4)
    # A weight in two places gets the sum of both gradients.
    for outputs in (expected, python):
        sum((t * torch.arange(t.numel()).reshape(t.shape).sin()).sum() for t in outputs.values()).backward()
    theirs_by_name = dict(theirs.named_parameters())
    for key, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs_by_name[key].grad, rtol=1e-3, atol=1e-3, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("gpt2_small", 124_439_808), ("bert_tiny", 4_385_920), ("mobilenet_v3_small", 2_542_856), ("vit_tiny", 5_717_416)],
)
def test_full_size(kiln, name, parameters):
    assert kiln.json("summary", template(name))["parameters"] == parameters


def test_causal_models_see_no_future(kiln):
    file = small(kiln, template("gpt2_small"))
    weights, weights_file = kiln.init(file)
    inputs = inputs_of(file)
    before = kiln.run(file, weights_file, inputs)["logits"]
    inputs["ids"][:, 7:] = 0
    after = kiln.run(file, weights_file, inputs)["logits"]
    torch.testing.assert_close(after[:, :7], before[:, :7])
    assert not torch.allclose(after[:, 7:], before[:, 7:])
