"""`kiln summary` against PyTorch: parameters, and floating-point operations of products and convolutions."""

import pytest
import torch
from cases import all_cases
from registry_test import graph_of
from templates import TEMPLATES, inputs_of, small, stem
from torch.utils.flop_counter import FlopCounterMode

WIDE = {
    "gpt2_small": {"width": 768, "heads": 12},
    "bert_tiny": {"width": 128, "heads": 2},
    "unet": {"width": 32},
    "vit_tiny": {"width": 192, "mlp": 768},
}
# Types that are one product, which FlopCounterMode counts. It leaves out sums, activations, biases, and vectors: a
# matrix times a vector (mv) has no formula there. fvcore counts products as multiply-adds, half of this.
PRODUCTS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "LazyLinear",
            "MatMul", "BMM", "Einsum", "Identity", "aten.mm.default", "aten.bmm.default", "aten.addmm.default",
            "aten.baddbmm.default", "aten.matmul.default", "aten.linear.default", "aten.conv1d.default",
            "aten.conv2d.default", "aten.conv3d.default", "aten.convolution.default")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda p: p.name.split(".")[0])
def test_flops_of_a_template(kiln, file):
    if "gru" in file.name or "lstm" in file.name:
        pytest.skip("FlopCounterMode does not see into the fused recurrent kernels of the CPU")
    batch = 8
    # Of full width: in narrow layers products are not most of the work.
    file = small(kiln, file, **WIDE.get(stem(file), {}))
    summary = kiln.json("summary", file, "--batch", batch)
    model = kiln.python(file)().eval()
    # Open lengths are 1 in the summary. With gradients and attention's plain form, because the counter does not see into its fast paths.
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        model(*inputs_of(file, batch, steps=1).values())
    counted = counter.get_total_flops()
    assert 2 * summary["multiply_adds"] == counted
    # Everything else is one digit per output element, at most a tenth of the whole.
    assert counted <= summary["flops"] <= 1.25 * counted


def counted(case):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the CPU's kernel has no formula
            made = case.reference()
            if case.call is not None:
                case.call(made, case.inputs)
            else:
                made(*case.inputs.values())
    return counter.get_total_flops()


def test_products_are_counted_exactly(kiln):
    """Every case of the registry: equal where the type is a product, else what is counted besides is more."""
    exact = 0
    for case in all_cases():
        if case.wires or case.drawn:
            continue
        products = counted(case)
        if products == 0:
            continue
        summary = kiln.json("summary", kiln.graph_file(graph_of([case])))
        assert summary["flops"] == sum(node["flops"] for node in summary["nodes"]), case.name
        if case.type in PRODUCTS and case.params.get("padding_mode", "zeros") == "zeros":
            assert summary["flops"] == 2 * summary["multiply_adds"] == products, case.name
            exact += 1
        else:
            assert summary["flops"] >= products, case.name
    assert exact >= 12


def test_parameters_and_buffers_of_every_case(kiln):
    for case in all_cases():
        module = case.reference()
        if not isinstance(module, torch.nn.Module) or not list(module.state_dict()):
            continue
        summary = kiln.json("summary", kiln.graph_file(graph_of([case])))
        assert summary["parameters"] == sum(p.numel() for p in module.parameters()), case.name
        assert summary["buffers"] == sum(b.numel() for b in module.buffers()), case.name
        assert [node["parameters"] for node in summary["nodes"]] == [summary["parameters"]], case.name


def test_activations_equal_what_autograd_saves(kiln):
    """Storages that autograd keeps for backward, without parameters and inputs."""
    for file in TEMPLATES:
        if "gru" in file.name or "lstm" in file.name:
            continue  # one operator; what it keeps inside depends on the device
        batch = 8
        file = small(kiln, file)
        summary = kiln.json("summary", file, "--batch", batch)
        model = kiln.python(file)().train()
        inputs = list(inputs_of(file, batch, steps=1).values())
        own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers(), *inputs]}
        kept = {}

        def pack(tensor, own=own, kept=kept):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            output = model(*inputs)
        outputs = output.values() if isinstance(output, dict) else [output]
        assert all(o.requires_grad for o in outputs)
        saved = sum(kept.values())
        assert 0.75 * saved <= summary["memory"]["activations"] <= 1.34 * saved, file.name
