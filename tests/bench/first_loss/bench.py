#!/usr/bin/env python3
"""Time to the first loss of a small MLP.

    tests/bench/first_loss/bench.py [--pairs 9]

Three figures, one JSON line each:
  first_loss.trainer   from the fork request to a warm parent until the first step event is read (no coordinator)
  first_loss.service   `measured.first_loss_seconds` of jobs submitted to a warm `kiln serve`: request accepted to first
                       loss stored; only where the command line and the template are built
  both beside a Python script that starts, imports torch, builds the model and computes its first loss and step.
Runs of ours and the peer alternate; the ratio is the peer's time over ours (larger is better for us).
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "training"))

PEER = """
import torch
from torch import nn
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
x, y = torch.randn(32, 64), torch.randint(0, 10, (32,))
loss = nn.functional.cross_entropy(model(x), y)
loss.backward()
optimizer.step()
print(loss.item())
"""


def peer_seconds():
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", PEER], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


class TrainerSide:
    """A warm parent; one fork per run."""

    def __init__(self):
        import programs
        import trainer_client

        self.client = trainer_client
        self.parent = trainer_client.WarmParent()
        self.ir = programs.mlp(64, 64, 2, 10)

    def seconds(self):
        _, job_pb2, _, trainer_pb2 = self.client.protos()
        with tempfile.TemporaryDirectory() as work:
            start = trainer_pb2.StartTraining(ir=self.ir, work_dir=work)
            job = start.job
            job.kind = job_pb2.JOB_KIND_TRAIN
            job.steps = 5
            job.data.synthetic.rows = 1024
            job.data.synthetic.classes = 10
            job.data.batch_size = 32
            job.optimizer.type = "Adam"
            begin = time.perf_counter()
            link = self.parent.fork()
            link.send(trainer_pb2.TrainerCommand(train=start))
            first = None
            while True:
                report = link.receive(trainer_pb2.TrainerReport())
                if first is None and report.events.events:
                    first = time.perf_counter() - begin
                if report.WhichOneof("kind") == "finished":
                    break
            link.sock.close()
            return first

    def close(self):
        self.parent.close()


class ServiceSide:
    """`kiln serve` on loopback; one job per run, after one that warms it."""

    def __init__(self, program):
        self.program = program
        self.state = tempfile.TemporaryDirectory()
        self.server = subprocess.Popen(
            [program, "serve", "--state", self.state.name, "--port", "0", "--http-port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.server.stdout.readline()
        endpoint = next(w for w in ready.split() if w.startswith("grpc=")).partition("=")[2]
        self.env = dict(os.environ, KILN_ENDPOINT=endpoint)
        self.job = ROOT / "templates/jobs/iris_mlp.job.yaml"
        self.seconds()

    def seconds(self):
        done = subprocess.run(
            [self.program, "submit", "-f", str(self.job), "--set", "epochs=2", "--follow",
             "-o", "json"],
            env=self.env, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.strip().splitlines()[-1])["measured"]["first_loss_seconds"]

    def close(self):
        self.server.terminate()
        self.server.wait()
        self.state.cleanup()


def interval(values, rounds=2000):
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(rounds))
    return [medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]]


def measure(name, side, pairs):
    ours, theirs = [], []
    for pair in range(pairs):
        if pair % 2:
            theirs.append(peer_seconds())
        ours.append(side.seconds())
        if not pair % 2:
            theirs.append(peer_seconds())
    ratios = [b / a for a, b in zip(ours, theirs)]
    print(json.dumps({
        "name": name, "value": statistics.median(ours), "unit": "s",
        "p90": sorted(ours)[int(0.9 * (len(ours) - 1))],
        "peer": "Python script, import torch to first loss", "peer_value": statistics.median(theirs),
        "ratio": statistics.median(ratios), "interval": interval(ratios), "pairs": pairs,
    }), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    args = parser.parse_args()
    side = TrainerSide()
    side.seconds()
    measure("first_loss.trainer", side, args.pairs)
    side.close()
    program = os.environ.get("KILN") or str(
        pathlib.Path(os.environ.get("KILN_BUILD_DIR", ROOT / "build/release")) / "bin/kiln")
    if pathlib.Path(program).exists() and (ROOT / "templates/jobs/iris_mlp.job.yaml").exists():
        service = ServiceSide(program)
        measure("first_loss.service", service, args.pairs)
        service.close()


if __name__ == "__main__":
    main()
