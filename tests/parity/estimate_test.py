"""`kiln summary` against PyTorch: parameters, and floating-point operations of products and convolutions."""

import pytest
import torch
from cases import all_cases
from registry_test import graph_of
from templates import TEMPLATES, inputs_of, small
from torch.utils.flop_counter import FlopCounterMode

# What FlopCounterMode counts exactly as we do: products and convolutions. It leaves out sums, activations, biases.
PRODUCTS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda p: p.name.split(".")[0])
def test_flops_of_a_template(kiln, file):
    if "gru" in file.name or "lstm" in file.name:
        pytest.skip("FlopCounterMode does not see into the fused recurrent kernels of the CPU")
    batch = 8
    file = small(kiln, file)
    summary = kiln.json("summary", file, "--batch", batch)
    model = kiln.python(file)().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs_of(file, batch).values())
    counted = counter.get_total_flops()
    # Everything else is one digit per output element, at most a tenth of the whole.
    assert counted <= summary["flops"] <= 1.25 * counted


def test_products_are_counted_exactly(kiln):
    for case in all_cases():
        if case.type not in PRODUCTS or case.params.get("padding_mode", "zeros") != "zeros":
            continue
        file = kiln.graph_file(graph_of([case]))
        summary = kiln.json("summary", file)
        model = case.reference()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            out = model(*case.inputs.values())
        bias = out.numel() if case.params.get("bias", True) else 0
        assert summary["flops"] == counter.get_total_flops() + bias, case.name
        assert summary["parameters"] == sum(p.numel() for p in model.parameters())


def test_activations_equal_what_autograd_saves(kiln):
    """Storages that autograd keeps for backward, without parameters and inputs."""
    for file in TEMPLATES:
        if "gru" in file.name or "lstm" in file.name:
            continue  # one operator; what it keeps inside depends on the device
        batch = 8
        file = small(kiln, file)
        summary = kiln.json("summary", file, "--batch", batch)
        model = kiln.python(file)().train()
        inputs = list(inputs_of(file, batch).values())
        own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers(), *inputs]}
        kept = {}

        def pack(tensor, own=own, kept=kept):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            output = model(*inputs)
        assert output.requires_grad
        saved = sum(kept.values())
        assert 0.75 * saved <= summary["memory"]["activations"] <= 1.34 * saved, file.name
