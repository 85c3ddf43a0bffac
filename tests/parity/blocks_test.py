"""Composites against recorded results of the format that they come from (../shared; skipped where it is absent)."""

import json

import pytest
import torch

BLOCKS = ("block_residual_1d", "block_se_1d", "block_se_2d", "block_gru_seq_bi", "block_gru_mean_uni", "block_gru_max_two_layers")


@pytest.mark.parametrize("name", BLOCKS)
def test_block_equals_the_recorded_result(kiln, shared, name):
    from safetensors.torch import load_file, save_file

    folder = shared / "acceptance/torchcanvas"
    recorded = load_file(folder / f"numerics/{name}.safetensors")
    source = json.loads((folder / f"graphs/{name}.json").read_text())
    nodes = [n for n in source["nodes"] if n["type"] != "Input"]
    assert len(nodes) == 1
    x = recorded["input.inp"]
    graph = {
        "graphkiln": 1,
        "name": name,
        "inputs": {"inp": {"dtype": "float32", "shape": list(x.shape)}},
        "nodes": {"blk": {"type": nodes[0]["type"], "in": "inp", "params": nodes[0]["params"]}},
        "outputs": {"blk": "blk"},
    }
    file = kiln.graph_file(graph)
    weights = {k.removeprefix("weights."): v for k, v in recorded.items() if k.startswith("weights.")}
    weights_file = kiln.path(".safetensors")
    save_file(weights, weights_file)
    expected = recorded["output.blk"]
    torch.testing.assert_close(kiln.run(file, weights_file, {"inp": x})["blk"], expected, rtol=1e-5, atol=1e-5)
    model = kiln.python(file)().eval()
    model.load_state_dict(weights, strict=True)
    with torch.no_grad():
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-5)
