"""The layers and totals of `kiln summary` against torchinfo's, over torchvision's networks."""

import pytest
import torchinfo
from torchvision_test import MODELS, ROOT

BATCH = 2


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vit_tiny"])
def test_table_is_torchinfos(kiln, name):
    model = MODELS[name]()
    theirs = torchinfo.summary(model, input_size=(BATCH, 3, 224, 224), depth=9, device="cpu", verbose=0)
    summary = kiln.json("summary", ROOT / f"templates/models/{name}.kiln.yaml", "--batch", BATCH, "--depth", 9)
    assert summary["parameters"] == theirs.total_params
    assert summary["trainable"] == theirs.trainable_params
    # torchinfo adds the bytes of a Python object to those of the numbers.
    assert summary["sizes"]["inputs"] == pytest.approx(theirs.total_input, abs=128)
    # Buffers count with the parameters here.
    assert summary["sizes"]["parameters"] >= theirs.total_param_bytes >= 0.97 * summary["sizes"]["parameters"]
    # torchinfo counts a multiply-add for each bias and each weight of a normalisation, too.
    assert theirs.total_mult_adds == pytest.approx(summary["multiply_adds"], rel=0.01)
    paths = {id(module): path for path, module in model.named_modules()}
    expected = {
        paths[id(layer.module)]: (layer.class_name, layer.num_params, list(layer.output_size))
        for layer in theirs.summary_list
        if layer.is_leaf_layer and layer.num_params > 0
    }
    found = {
        layer["path"]: (layer["type"], layer["parameters"], layer["outputs"][0]["shape"])
        for layer in summary["layers"]
        if layer["path"] in expected
    }
    assert found == expected


def test_kernels_and_nesting(kiln):
    model = MODELS["resnet18"]()
    summary = kiln.json("summary", ROOT / "templates/models/resnet18.kiln.yaml", "--depth", 9)
    modules = dict(model.named_modules())
    layers = [layer for layer in summary["layers"] if layer["path"] in modules]
    assert len(layers) == len(modules) - 1, "all but the network itself"
    for layer in layers:
        module = modules[layer["path"]]
        assert layer["depth"] == layer["path"].count(".")
        assert layer["parameters"] == sum(p.numel() for p in module.parameters())
        if type(module).__name__ == "Conv2d":
            assert layer["kernel"] == list(module.kernel_size)
