"""The ready graphs as the parity tests take them: small ones of the same structure where a model is large."""

import pathlib

import torch
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOT.glob("templates/models/*.kiln.yaml"))
# Variables of the models that would take long at full size.
SMALL = {
    "gpt2_small": {"vocabulary": 61, "context": 16, "width": 24, "heads": 3, "layers": 2},
    "bert_tiny": {"vocabulary": 61, "context": 16, "width": 24, "heads": 3},
    "unet": {"width": 4},
    "vit_tiny": {"width": 24, "layers": 2, "mlp": 48, "classes": 10},
}


def stem(file):
    return file.name.split(".")[0]


def small(kiln, file, **variables):
    """The file itself, or one with smaller variables."""
    variables = SMALL.get(stem(file), {}) | variables
    if not variables:
        return file
    graph = yaml.safe_load(file.read_text())
    assert set(variables) <= set(graph["variables"])
    graph["variables"] |= variables
    return kiln.graph_file(graph)


def inputs_of(file, batch=4, steps=12):
    """Random inputs of a graph file."""
    graph = yaml.safe_load(file.read_text())
    gen = torch.Generator().manual_seed(3)
    open_sizes = {"B": batch, "T": steps}
    inputs = {}
    for name, spec in graph["inputs"].items():
        shape = [open_sizes.get(s, s) for s in spec["shape"]]
        if spec.get("dtype") == "int64":  # numbers of words and the like
            inputs[name] = torch.randint(0, 2 if name == "segments" else 50, shape, generator=gen)
        elif spec.get("dtype") == "bool":  # padding at the end
            inputs[name] = torch.zeros(shape, dtype=torch.bool)
            inputs[name][..., -2:] = True
        else:
            inputs[name] = torch.randn(*shape, generator=gen)
    return inputs
