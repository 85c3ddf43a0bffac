"""The templates of torchvision's networks against torchvision's own: keys, shapes, and equal outputs with its weights."""

import pathlib

import pytest
import torch
import torchvision.models
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "resnet50": lambda: torchvision.models.resnet50(weights=None),
    "vgg16": lambda: torchvision.models.vgg16(weights=None),
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(weights=None),
    "vit_tiny": lambda: torchvision.models.VisionTransformer(
        image_size=224, patch_size=16, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768
    ),
}


def awaken(model):
    """Random numbers where torchvision starts with zeros: an output layer of zeros would hide all else."""
    for module in model.modules():
        if isinstance(module, torchvision.models.VisionTransformer):
            torch.nn.init.normal_(module.heads.head.weight, std=0.1)
            torch.nn.init.normal_(module.class_token, std=0.1)
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_template_is_torchvisions(kiln, name):
    file = ROOT / f"templates/models/{name}.kiln.yaml"
    torch.manual_seed(5)
    theirs = awaken(MODELS[name]())
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
