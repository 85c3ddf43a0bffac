#!/usr/bin/env python3
"""Training steps per second: kiln-trainer beside the same model in PyTorch eager with fused Adam.

    tests/bench/training/bench.py [--pairs 9] [--seconds 1.0] [--only mlp]

Both sides: one thread, denormals flushed, the data in memory, one reordering per epoch, the loss read at every step. Runs
alternate; a figure is the median ratio of the pairs with its 95 % interval (bootstrap over pairs). Ours is timed by the
events' own time stamps, from the first step to the last, so reporting to the daemon is part of it. One JSON line per
figure; `value` is our median rate, `peer_value` PyTorch's.

Models: the templates digits_mlp and digits_cnn, through `kiln codegen` (IR for us, Python for the peer), where the command
line and the templates are there; else the same kind of models written by hand (programs.py).
"""

import argparse
import importlib.util
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
sys.path.insert(0, str(HERE))

ROWS = 1024
CLASSES = 10


def kiln_program():
    program = os.environ.get("KILN") or str(
        pathlib.Path(os.environ.get("KILN_BUILD_DIR", ROOT / "build/release")) / "bin/kiln")
    return program if pathlib.Path(program).exists() else None


def codegen(template, target, folder):
    """The text of a generated file, or None where the template or the command line is missing."""
    program = kiln_program()
    source = ROOT / "templates/models" / f"{template}.kiln.yaml"
    if program is None or not source.exists():
        return None
    out = pathlib.Path(folder) / (template + (".py" if target == "python" else ".json"))
    done = subprocess.run([program, "codegen", str(source), "--target", target, "-O", str(out)],
                          capture_output=True)
    if done.returncode != 0:
        return None
    return out


def with_cross_entropy(ir):
    """Appends the class-index target and CrossEntropyLoss to a compiled program."""
    import trainer_client

    value_pb2 = trainer_client.protos()[2]
    place = len(ir.inputs)  # the target's value number; all later ones move up by one

    def moved(value):
        return value + 1 if value >= place else value

    def move(argument):
        if argument.WhichOneof("kind") == "value":
            argument.value = moved(argument.value)
        for item in argument.list.items if argument.WhichOneof("kind") == "list" else ():
            move(item)

    for call in ir.calls:
        for argument in call.args:
            move(argument)
    for output in ir.outputs:
        output.value = moved(output.value)
    batch = ir.inputs[0].spec.shape[0].symbol
    target = ir.inputs.add(name="target")
    target.spec.dtype = value_pb2.DATA_TYPE_INT64
    target.spec.shape.add(symbol=batch)
    values = list(ir.values)
    del ir.values[:]
    ir.values.extend(values[:place])
    ir.values.add(kind=1, spec=target.spec)
    ir.values.extend(values[place:])
    call = ir.calls.add(op="aten.cross_entropy_loss.default", num_outputs=1, source=-1)
    call.args.add(value=ir.outputs[0].value)
    call.args.add(value=place)
    call.args.add(none=0)
    call.args.add(int_value=1)
    call.args.add(int_value=-100)
    call.args.add(double_value=0.0)
    loss = ir.values.add(kind=1)
    loss.spec.dtype = value_pb2.DATA_TYPE_FLOAT32
    ir.outputs.add(name="loss", value=len(ir.values) - 1)
    return ir


def models(folder):
    """(name, our program, code that makes the peer's module, input shape)."""
    import programs
    import trainer_client
    from google.protobuf import json_format

    ir_pb2 = trainer_client.protos()[0]
    result = []
    for name, template, shape in (("mlp", "digits_mlp", (64,)), ("cnn", "digits_cnn", (1, 8, 8))):
        ir_file = codegen(template, "ir-json", folder)
        python_file = codegen(template, "python", folder)
        if ir_file is not None and python_file is not None:
            ir = json_format.Parse(ir_file.read_text(), ir_pb2.IrModule())
            result.append((name, with_cross_entropy(ir), f"file:{python_file}", shape))
    if not result:
        result = [
            ("mlp", programs.mlp(64, 64, 2, CLASSES), "mlp:64,64,2", (64,)),
            ("cnn", programs.cnn(8, CLASSES), "cnn:8", (1, 8, 8)),
        ]
    result.append(("mlp20", programs.mlp(64, 64, 20, CLASSES), "mlp:64,64,20", (64,)))
    result.append(("cnn28", programs.cnn(28, CLASSES), "cnn:28", (1, 28, 28)))
    return result


def our_rate(ir, batch, steps):
    import trainer_client

    _, job_pb2, _, trainer_pb2 = trainer_client.protos()
    with tempfile.TemporaryDirectory() as work:
        start = trainer_pb2.StartTraining(ir=ir, work_dir=work)
        job = start.job
        job.kind = job_pb2.JOB_KIND_TRAIN
        job.steps = steps
        job.data.synthetic.rows = ROWS
        job.data.synthetic.classes = CLASSES
        job.data.batch_size = batch
        job.data.drop_last = True
        job.optimizer.type = "Adam"
        trainer_client.set_params(job.optimizer, {"lr": 1e-3})
        times = []

        def on_report(report, _link):
            for event in report.events.events:
                if event.WhichOneof("payload") == "step":
                    times.append(event.time.seconds + event.time.nanos * 1e-9)

        trainer = trainer_client.SingleTrainer()
        finished = trainer.run(trainer_pb2.TrainerCommand(train=start), on_report)
        if finished.outcome != 1:
            raise RuntimeError(finished.reason)
        return (len(times) - 1) / (times[-1] - times[0])


# --- the peer, in a process of its own -------------------------------------------------------------------------------


def make_peer_model(code):
    import torch
    from torch import nn

    kind, _, rest = code.partition(":")
    if kind == "file":
        spec = importlib.util.spec_from_file_location("generated", rest)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        classes = [c for c in vars(module).values()
                   if isinstance(c, type) and issubclass(c, nn.Module)
                   and c.__module__ == "generated"]
        return classes[-1]()
    if kind == "mlp":
        width, hidden, layers = map(int, rest.split(","))
        sizes = [width] + [hidden] * layers
        parts = []
        for a, b in zip(sizes, sizes[1:]):
            parts += [nn.Linear(a, b), nn.ReLU()]
        return nn.Sequential(*parts, nn.Linear(hidden, CLASSES))
    side = int(rest)
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, CLASSES))


def peer_main():
    """Reads JSON requests from stdin, prints a rate for each."""
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for line in sys.stdin:
        request = json.loads(line)
        torch.manual_seed(0)
        model = make_peer_model(request["model"])
        x = torch.randn(ROWS, *request["shape"])
        y = torch.randint(0, CLASSES, (ROWS,))
        loss_fn = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        batch, left, begin = request["batch"], request["steps"], None
        while left > 0:
            order = torch.randperm(ROWS)
            xs, ys = x[order], y[order]
            for i in range(0, ROWS - batch + 1, batch):
                optimizer.zero_grad(set_to_none=True)
                loss = loss_fn(model(xs[i:i + batch]), ys[i:i + batch])
                loss.backward()
                optimizer.step()
                loss.item()
                left -= 1
                if begin is None:
                    begin = time.perf_counter()
                if left <= 0:
                    break
        print((request["steps"] - 1) / (time.perf_counter() - begin), flush=True)


class Peer:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__, "--peer"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def rate(self, model, shape, batch, steps):
        request = {"model": model, "shape": list(shape), "batch": batch, "steps": steps}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interval(values, rounds=2000):
    """95 % bootstrap interval of the median."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(rounds))
    return medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one run")
    parser.add_argument("--only", default="", help="only models whose name contains this")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        peer_main()
        return
    import torch

    peer = Peer()
    with tempfile.TemporaryDirectory() as folder:
        for name, ir, code, shape in models(folder):
            if args.only not in name:
                continue
            for batch in (8, 64):
                steps = max(50, int(args.seconds * peer.rate(code, shape, batch, 100)))
                ours, theirs = [], []
                for pair in range(args.pairs):
                    for side in ((0, 1), (1, 0))[pair % 2]:
                        if side == 0:
                            ours.append(our_rate(ir, batch, steps))
                        else:
                            theirs.append(peer.rate(code, shape, batch, steps))
                ratios = [a / b for a, b in zip(ours, theirs)]
                low, high = interval(ratios)
                print(json.dumps({
                    "name": f"training.{name}.batch{batch}", "value": statistics.median(ours),
                    "unit": "steps/s", "peer": f"PyTorch {torch.__version__} eager, fused Adam",
                    "peer_value": statistics.median(theirs),
                    "ratio": statistics.median(ratios), "interval": [low, high],
                    "pairs": args.pairs, "steps": steps, "model": code.split("/")[-1],
                }), flush=True)
    peer.close()


if __name__ == "__main__":
    main()
