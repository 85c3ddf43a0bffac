"""Running statistics of batch norm after real training equal those of torch.nn trained on the same rows.

Every kind of BatchNorm stands in one model: the layers that see the data alone tell of the counting, those behind a
Linear also of the order in which weights and statistics move. The reference is written with torch.nn by hand.
"""

import pathlib
import sys

import pytest
import torch
from google.protobuf import json_format
from safetensors.torch import load_file, save_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench/training"))
import trainer_client  # noqa: E402

# 42 rows in batches of 8: the last batch of each epoch is a short one.
ROWS, WIDTH, CLASSES, BATCH, EPOCHS = 42, 6, 3, 8, 3
LR = 0.05

# Node -> (type, shape without the batch, parameters, whether it stands behind a Linear).
LAYERS = {
    "plain": ("BatchNorm1d", [WIDTH], {}, False),
    "slow": ("BatchNorm1d", [WIDTH], {"momentum": 0.01, "eps": 0.01}, False),
    "average": ("BatchNorm1d", [WIDTH], {"momentum": None}, False),
    "bare": ("BatchNorm1d", [WIDTH], {"affine": False}, False),
    "bare_average": ("BatchNorm1d", [WIDTH], {"affine": False, "momentum": None}, True),
    "untracked": ("BatchNorm1d", [WIDTH], {"track_running_stats": False}, True),
    "series": ("BatchNorm1d", [3, 2], {"momentum": 0.1}, True),
    "image": ("BatchNorm2d", [2, 3, 1], {"momentum": 0.3}, False),
    "image_average": ("BatchNorm2d", [3, 1, 2], {"momentum": None}, True),
}


class Reference(nn.Module):
    """What the graph below says, in torch.nn."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(WIDTH, WIDTH)
        for name, (kind, shape, params, _) in LAYERS.items():
            self.add_module(name, getattr(nn, kind)(shape[0], **params))
        self.out = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        inner = self.inner(x)
        parts = [
            getattr(self, name)((inner if behind else x).reshape(-1, *shape)).flatten(1)
            for name, (_, shape, _, behind) in LAYERS.items()
        ]
        return self.out(torch.stack(parts).sum(0))


def graph():
    nodes = {"inner": {"type": "Linear", "in": "x", "params": {"out_features": WIDTH}}}
    for name, (kind, shape, params, behind) in LAYERS.items():
        source = "inner" if behind else "x"
        nodes[f"{name}_in"] = {"type": "Reshape", "in": source, "params": {"shape": [-1, *shape]}}
        nodes[name] = {"type": kind, "in": f"{name}_in", "params": params}
        nodes[f"{name}_flat"] = {"type": "Flatten", "in": name}
    nodes["sum"] = {"type": "Add", "in": {"inputs": [f"{name}_flat" for name in LAYERS]}}
    nodes["out"] = {"type": "Linear", "in": "sum", "params": {"out_features": CLASSES}}
    nodes["loss"] = {"type": "CrossEntropyLoss", "in": {"input": "out", "target": "target"}}
    inputs = {
        "x": {"dtype": "float32", "shape": ["B", WIDTH]},
        "target": {"dtype": "int64", "shape": ["B"]},
    }
    return {"graphkiln": 1, "inputs": inputs, "nodes": nodes, "outputs": {"logits": "out", "loss": "loss"}}


@pytest.fixture(scope="module")
def problem(kiln):
    """The program, its initial weights, and the data as a file and as tensors."""
    file = kiln.graph_file(graph())
    weights, weights_file = kiln.init(file, seed=4)
    text = kiln.path(".json")
    kiln.json("codegen", file, "--target", "ir-json", "-O", text)
    program = json_format.Parse(text.read_text(), trainer_client.protos()[0].IrModule())
    generator = torch.Generator().manual_seed(9)
    x = torch.randn(ROWS, WIDTH, generator=generator) * 3 + 1
    y = torch.randint(0, CLASSES, (ROWS,), generator=generator)
    lines = [",".join([f"x{i}" for i in range(WIDTH)] + ["label"])]
    lines += [",".join([*map(repr, row), str(label)]) for row, label in zip(x.tolist(), y.tolist(), strict=True)]
    data = kiln.path(".csv")
    data.write_text("\n".join(lines) + "\n")
    return {"program": program, "weights": weights, "weights_file": weights_file, "data": data, "x": x, "y": y}


def trained(problem, work, validation=0.0):
    """The weights and buffers that a training in kiln-trainer writes."""
    _, job_pb2, _, trainer_pb2 = trainer_client.protos()
    start = trainer_pb2.StartTraining(
        ir=problem["program"], data_path=str(problem["data"]), weights_path=str(problem["weights_file"]), work_dir=str(work)
    )
    job = start.job
    job.kind = job_pb2.JOB_KIND_TRAIN
    job.epochs = EPOCHS
    job.data.csv.path = problem["data"].name
    job.data.target = "label"
    job.data.batch_size = BATCH
    job.data.shuffle = False
    job.data.split.validation = validation
    job.optimizer.type = "SGD"
    trainer_client.set_params(job.optimizer, {"lr": LR})
    trainer = trainer_client.SingleTrainer()
    finished = trainer.run(trainer_pb2.TrainerCommand(train=start))
    trainer.close()
    assert finished.outcome == 1, finished.reason
    return load_file(finished.files["weights.safetensors"])


def reference(problem):
    model = Reference()
    model.load_state_dict(problem["weights"], strict=True)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    for _ in range(EPOCHS):
        for x, y in zip(problem["x"].split(BATCH), problem["y"].split(BATCH), strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model.state_dict()


def test_statistics_and_weights_equal_torch(problem, tmp_path):
    found, expected = trained(problem, tmp_path), reference(problem)
    assert found.keys() == expected.keys()
    assert not any(key.startswith("untracked.running") for key in found)
    for key, value in expected.items():
        assert found[key].dtype == value.dtype, key
        torch.testing.assert_close(found[key], value, rtol=2e-5, atol=5e-6, msg=lambda text: f"{key}: {text}")
        moved = not torch.equal(found[key], problem["weights"][key])
        assert moved or key.endswith("inner.bias"), f"{key} has not moved"


def test_averages_are_those_of_all_batches(problem, tmp_path):
    """momentum=None is the plain mean over the batches, told without torch's batch norm."""
    found = trained(problem, tmp_path)
    batches = problem["x"].split(BATCH)
    mean = torch.stack([b.mean(0) for b in batches]).mean(0)
    variance = torch.stack([b.var(0, unbiased=True) for b in batches]).mean(0)
    torch.testing.assert_close(found["average.running_mean"], mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found["average.running_var"], variance, rtol=1e-5, atol=1e-5)


def test_validation_leaves_statistics_alone(problem, tmp_path):
    found = trained(problem, tmp_path, validation=0.5)
    steps = EPOCHS * -(-(ROWS // 2) // BATCH)
    counted = {int(value) for key, value in found.items() if key.endswith("num_batches_tracked")}
    assert counted == {steps}


def test_evaluation_reads_and_does_not_write(kiln, problem, tmp_path):
    """After training, a forward in evaluation equals torch's, with the statistics that training left."""
    found = trained(problem, tmp_path)
    model = Reference()
    model.load_state_dict(found, strict=True)
    model.eval()
    file = tmp_path / "trained.safetensors"
    save_file(found, file)
    inputs = {"x": problem["x"], "target": problem["y"]}
    run = kiln.run(kiln.graph_file(graph()), file, inputs)
    with torch.no_grad():
        torch.testing.assert_close(run["logits"], model(problem["x"]), rtol=1e-5, atol=1e-5)
