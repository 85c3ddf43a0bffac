"""Weights after a number of steps of kiln-trainer equal those of torch.optim and torch's schedulers."""

import pathlib
import sys

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench/training"))
import programs  # noqa: E402
import trainer_client  # noqa: E402

ROWS, WIDTH, HIDDEN, CLASSES, BATCH, EPOCHS = 40, 5, 8, 3, 8, 6

OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.5}),
    ("SGD", {"lr": 0.01, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True}),
    ("Adam", {"lr": 0.001, "maximize": True}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.3, "amsgrad": True}),
]

SCHEDULERS = [
    ("StepLR", {"step_size": 2, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [1, 4], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.001}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 3}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 2}),
]


@pytest.fixture(scope="module")
def parent():
    """A warm parent that forks a trainer per test."""
    warm = trainer_client.WarmParent()
    yield warm
    warm.close()


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """CSV data, initial weights, and the same as tensors."""
    folder = tmp_path_factory.mktemp("optimizers")
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(ROWS, WIDTH, generator=generator)
    y = torch.randint(0, CLASSES, (ROWS,), generator=generator)
    lines = [",".join([f"x{i}" for i in range(WIDTH)] + ["label"])]
    for row, label in zip(x.tolist(), y.tolist()):
        lines.append(",".join([repr(v) for v in row] + [str(label)]))
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    weights = {
        "l0.weight": torch.randn(HIDDEN, WIDTH, generator=generator) * 0.4,
        "l0.bias": torch.randn(HIDDEN, generator=generator) * 0.1,
        "l1.weight": torch.randn(CLASSES, HIDDEN, generator=generator) * 0.4,
        "l1.bias": torch.randn(CLASSES, generator=generator) * 0.1,
    }
    save_file(weights, folder / "weights.safetensors")
    return folder, x, y, weights


def trainer_weights(parent, folder, work, optimizer, params, scheduler=None, scheduler_params=None):
    _, job_pb2, _, trainer_pb2 = trainer_client.protos()
    start = trainer_pb2.StartTraining(
        ir=programs.mlp(WIDTH, HIDDEN, 1, CLASSES), data_path=str(folder / "data.csv"),
        weights_path=str(folder / "weights.safetensors"), work_dir=str(work))
    job = start.job
    job.kind = job_pb2.JOB_KIND_TRAIN
    job.epochs = EPOCHS
    job.data.csv.path = "data.csv"
    job.data.target = "label"
    job.data.batch_size = BATCH
    job.data.shuffle = False
    job.optimizer.type = optimizer
    trainer_client.set_params(job.optimizer, params)
    if scheduler:
        job.scheduler.type = scheduler
        trainer_client.set_params(job.scheduler, scheduler_params)
    finished = trainer_client.serve(parent.fork(), trainer_pb2.TrainerCommand(train=start))
    assert finished.outcome == 1, finished.reason
    return load_file(finished.files["weights.safetensors"])


def torch_weights(x, y, weights, optimizer, params, scheduler=None, scheduler_params=None):
    values = {key: value.clone().requires_grad_(True) for key, value in weights.items()}
    optim = getattr(torch.optim, optimizer)(list(values.values()), **params)
    schedule = None
    if scheduler:
        schedule = getattr(torch.optim.lr_scheduler, scheduler)(optim, **scheduler_params)
    for _ in range(EPOCHS):
        for i in range(0, ROWS, BATCH):
            optim.zero_grad()
            h = torch.relu(torch.nn.functional.linear(x[i:i + BATCH], values["l0.weight"],
                                                      values["l0.bias"]))
            logits = torch.nn.functional.linear(h, values["l1.weight"], values["l1.bias"])
            torch.nn.functional.cross_entropy(logits, y[i:i + BATCH]).backward()
            optim.step()
        if schedule:
            schedule.step()
    return values


def compare(found, expected):
    assert set(found) == set(expected)
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value.detach(), rtol=2e-5, atol=2e-6, msg=key)


@pytest.mark.parametrize("name,params", OPTIMIZERS, ids=lambda v: str(v))
def test_optimizer_equals_torch(parent, problem, tmp_path, name, params):
    folder, x, y, weights = problem
    compare(trainer_weights(parent, folder, tmp_path, name, params),
            torch_weights(x, y, weights, name, params))


@pytest.mark.parametrize("name,params", SCHEDULERS, ids=lambda v: str(v))
def test_scheduler_equals_torch(parent, problem, tmp_path, name, params):
    folder, x, y, weights = problem
    base = {"lr": 0.1, "momentum": 0.9}
    compare(trainer_weights(parent, folder, tmp_path, "SGD", base, name, params),
            torch_weights(x, y, weights, "SGD", base, name, params))
