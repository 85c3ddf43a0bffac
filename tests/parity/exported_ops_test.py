"""Every operator that torch.export emits for torch.nn's modules and for whole models, before and after its decompositions,
stands in the table.

Forms that change their operand stand for those that do not, as torch's own functionalisation reads them; memory as it is
found stands for zeros, which it may hold.
"""

import os
import warnings

import pytest
import torch
import torchvision
from cases import all_cases
from torch import nn

NIGHTLY = os.environ.get("KILN_TEST_TIER") == "nightly"
ZEROS = {"aten.empty.memory_format", "aten.empty_permuted.default"}
# torch.export itself fails: branches on values, storages of fake tensors.
FAILS = {"AdaptiveLogSoftmaxWithLoss", "CTCLoss", "CrossMapLRN2d", "GaussianNLLLoss"}
MODELS = {"resnet18": 32, "mobilenet_v3_small": 32}
if NIGHTLY:
    names = "vgg16 vit_b_16 squeezenet1_1 densenet121 efficientnet_b0 shufflenet_v2_x0_5 swin_t convnext_tiny mnasnet0_5 maxvit_t"
    MODELS |= dict.fromkeys(names.split(), 224)


def functional(name):
    """`aten.relu_.default` is `aten.relu.default`."""
    if name in ZEROS:
        return "aten.zeros.default"
    _, packet, overload = name.split(".")
    schema = getattr(getattr(torch.ops.aten, packet), overload)._schema
    if not schema.is_mutable or not packet.endswith("_"):
        return name
    if packet == "bernoulli_":
        return "aten.bernoulli.p"
    return f"aten.{packet.removesuffix('_')}.{overload}"


def emitted(module, inputs):
    """Names of the operators of all forms."""
    names = set()
    for training in (True, False) if NIGHTLY else (True,):
        exported = torch.export.export(module.train(training), inputs)
        for program in (exported, exported.run_decompositions()):
            names |= {str(n.target) for n in program.graph.nodes if n.op == "call_function"}
    return {name for name in names if name.startswith("aten.")}


def unknown(registry, module, inputs):
    table = {op["name"] for op in registry["ops"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sorted(name for name in emitted(module, inputs) if name not in table and functional(name) not in table)


def modules():
    """One example of each torch.nn module type."""
    found = {}
    for case in all_cases():
        plain = all(torch.is_tensor(value) for value in case.inputs.values()) and case.call is None
        if case.type in found or case.type in FAILS or case.type.startswith("aten.") or not plain:
            continue
        reference = case.reference()
        if type(reference).__module__.startswith("torch.nn"):
            found[case.type] = (reference, tuple(case.inputs.values()))
    return found


MODULES = modules()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_modules(registry, name):
    assert unknown(registry, *MODULES[name]) == []


@pytest.mark.parametrize("name", ["Conv2d", "ReLU", "LeakyReLU", "ELU", "CELU", "SELU", "Hardtanh", "ReLU6", "SiLU", "Mish", "Hardswish"])
def test_in_place(registry, name):
    layer = nn.Conv2d(2, 2, 1) if name == "Conv2d" else getattr(nn, name)(inplace=True)
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), layer, nn.Dropout(0.5, inplace=True))
    assert unknown(registry, model, (torch.randn(2, 2, 3, 3),)) == []


@pytest.mark.parametrize(
    "layer", [nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)]
)
def test_transformers(registry, layer):
    x = torch.randn(2, 5, 8)
    assert unknown(registry, layer, (x,) if isinstance(layer, nn.TransformerEncoderLayer) else (x, x)) == []


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models(registry, name):
    size = MODELS[name]
    assert unknown(registry, getattr(torchvision.models, name)(weights=None), (torch.randn(2, 3, size, size),)) == []
