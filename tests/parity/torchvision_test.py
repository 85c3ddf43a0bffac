"""The templates of torchvision's networks against torchvision's own: keys, shapes, and equal outputs with its weights."""

import pathlib

import pytest
import torch
import torchvision.models
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ("resnet18", "resnet50", "vgg16")


@pytest.mark.parametrize("name", MODELS)
def test_template_is_torchvisions(kiln, name):
    file = ROOT / f"templates/models/{name}.kiln.yaml"
    torch.manual_seed(5)
    theirs = getattr(torchvision.models, name)(weights=None).eval()
    state = theirs.state_dict()
    ours = kiln.python(file)().eval()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in state.items()}
    summary = kiln.json("summary", file)
    assert summary["parameters"] == sum(p.numel() for p in theirs.parameters())
    ours.load_state_dict(state, strict=True)
    weights = kiln.path(".safetensors")
    save_file({k: v.clone() for k, v in state.items()}, weights)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        expected = theirs(x)
        torch.testing.assert_close(ours(x), expected, rtol=1e-5, atol=1e-5)
    (found,) = kiln.run(file, weights, {"x": x}).values()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
