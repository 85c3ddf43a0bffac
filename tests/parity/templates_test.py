"""The ready graphs: generated Python and trainer agree, weights load strictly before any forward."""

import copy
import pathlib

import pytest
import torch
import yaml
from templates import TEMPLATES, inputs_of, small
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module", params=TEMPLATES, ids=lambda p: p.name.split(".")[0])
def template(request, kiln):
    file = small(kiln, request.param)
    weights, weights_file = kiln.init(file, seed=11)
    return {
        "source": request.param,
        "file": file,
        "model": kiln.python(file),
        "weights": weights,
        "weights_file": weights_file,
        "inputs": inputs_of(file),
    }


def loaded(template):
    model = template["model"]()
    model.load_state_dict({k: v.clone() for k, v in template["weights"].items()}, strict=True)
    return model


def test_forward_in_evaluation(kiln, template):
    model = loaded(template).eval()
    with torch.no_grad():
        expected = model(*template["inputs"].values())
    run = kiln.run(template["file"], template["weights_file"], template["inputs"])
    if not isinstance(expected, dict):
        (found,) = run.values()
        run, expected = {"": found}, {"": expected}
    assert run.keys() == expected.keys()
    for name, tensor in expected.items():
        assert run[name].dtype == tensor.dtype
        close(run[name], tensor)


def test_forward_in_training(kiln, template):
    model = loaded(template).train()
    before = {k: v.clone() for k, v in model.named_buffers()}
    for dropout in (m for m in model.modules() if isinstance(m, nn.Dropout)):
        if dropout.p > 0:
            pytest.skip("draws random numbers")
    exact = copy.deepcopy(model).double()(*(t.double() if t.is_floating_point() else t for t in template["inputs"].values()))
    expected = model(*template["inputs"].values()).detach()
    (found,) = kiln.run(template["file"], template["weights_file"], template["inputs"], train=True).values()
    # Batch statistics of many layers add their rounding; no more of it than PyTorch's own.
    error = (found - exact).abs().max().item()
    assert error <= max(1e-5, 2 * (expected - exact).abs().max().item())
    after = dict(model.named_buffers())
    for key, value in before.items():
        changed = not torch.equal(value, after[key])
        assert changed, f"{key} must follow the batch"


def test_state_dict_is_what_summary_says(kiln, template):
    summary = kiln.json("summary", template["file"])
    model = template["model"]()
    state = model.state_dict()
    said = {entry["key"]: entry["shape"] for entry in summary["state_dict"]}
    assert said == {key: list(value.shape) for key, value in state.items()}
    assert list(said) == list(template["weights"]) or said.keys() == template["weights"].keys()
    assert summary["parameters"] == sum(p.numel() for p in model.parameters())
    assert summary["buffers"] == sum(b.numel() for b in model.buffers())


def test_model_is_documented(template):
    text = yaml.safe_load(template["source"].read_text())
    assert text["name"] == template["source"].name.split(".")[0]
    assert text["doc"]


def test_residual_template_equals_a_hand_written_network(kiln):
    """Against code that does not come from us: block structure, shortcut and order of operations."""

    class Block(nn.Module):
        def __init__(self, c, out, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(c, out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.projection = nn.Conv2d(c, out, 1, stride, bias=False) if c != out or stride != 1 else None

        def forward(self, x):
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            return (y + (x if self.projection is None else self.projection(x))).relu()

    class Squeeze(nn.Module):
        def __init__(self, c, reduction):
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(c, c // reduction), nn.Linear(c // reduction, c)

        def forward(self, x):
            return x * self.fc2(self.fc1(x.mean((2, 3))).relu()).sigmoid()[:, :, None, None]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.bn = nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
            self.block1, self.block2, self.block3 = Block(16, 16, 1), Block(16, 32, 2), Block(32, 32, 1)
            self.se, self.fc = Squeeze(32, 8), nn.Linear(32, 10)

        def forward(self, x):
            x = self.block3(self.block2(self.block1(self.bn(self.stem(x)).relu())))
            return self.fc(self.se(x).mean((2, 3)))

    file = ROOT / "templates/models/small_resnet.kiln.yaml"
    weights, weights_file = kiln.init(file, seed=2)
    net = Net()
    net.load_state_dict(weights, strict=True)
    x = inputs_of(file)
    for train in (False, True):
        net.train(train)
        (found,) = kiln.run(file, weights_file, x, train=train).values()
        with torch.no_grad():
            close(found, net(*x.values()))
