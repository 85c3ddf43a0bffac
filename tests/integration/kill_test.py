"""kill -9 of the trainer, its parent, the worker and the coordinator during training: the job is
retried or goes on, ends SUCCEEDED, and its history tells the truth. Nothing hangs."""

import json
import os
import signal
import subprocess

import pytest

STEPS = 600
GRAPH = """
graphkiln: 1
name: slow_mlp
inputs: {x: {dtype: float32, shape: [B, 128]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: 768}}
  a1: {type: ReLU, in: fc1}
  fc2: {type: Linear, in: a1, params: {out_features: 768}}
  a2: {type: ReLU, in: fc2}
  out: {type: Linear, in: a2, params: {out_features: 4}}
outputs: {logits: out}
"""
JOB = """
kind: train
graph: graph.kiln.yaml
data: {synthetic: {rows: 640, classes: 4}, batch_size: 64}
loss: {type: CrossEntropyLoss}
optimizer: {type: Adam, lr: 0.0001}
steps: %d
seed: 3
checkpoint: {every_steps: 50, keep_last: 2}
""" % STEPS


@pytest.fixture
def job_file(tmp_path):
    """A job of a few seconds with a checkpoint every few tenths of one."""
    (tmp_path / "graph.kiln.yaml").write_text(GRAPH)
    path = tmp_path / "slow.job.yaml"
    path.write_text(JOB)
    return path


def check_success(cluster, name, attempts):
    """The job's end, its history and its event log fit together."""
    job = cluster.wait_end(name)
    assert job["state"] == "SUCCEEDED", job
    assert job["step"] == STEPS
    assert job["attempts"] == attempts, job["history"]
    assert len(job["history"]) == attempts
    assert job["history"][-1]["outcome"].startswith("SUCCEEDED")
    events = cluster.events(name)
    seqs = [event["seq"] for event in events if "seq" in event]
    assert seqs == sorted(set(seqs)), "seq does not rise strictly"
    for before, after in zip(seqs, seqs[1:]):
        assert after == before + 1, f"a hole in seq after {before}"
    # Every step was computed, and within one attempt none is there twice.
    steps = [event["step"] for event in events if event["type"] == "step"]
    missing = set(range(1, STEPS + 1)) - set(steps)
    dropped = sum(event.get("count", 0) for event in events if event["type"] == "gap")
    if attempts == 1:
        assert len(steps) == len(set(steps)), "a step was stored twice"
        assert len(missing) == dropped
    states = [event["state"] for event in events if event["type"] == "state"]
    assert states[0] == "QUEUED" and states[-1] == "SUCCEEDED"
    return job, events


def test_trainer_killed(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    os.kill(cluster.trainer(), signal.SIGKILL)
    job, _ = check_success(cluster, name, attempts=2)
    first, second = job["history"]
    assert first["outcome"].startswith("TRAINER_CRASHED: signal 9 (SIGKILL)"), first
    assert second["first_step"] >= 50, "it did not continue from a checkpoint"
    # The worker lived through it.
    assert cluster.workers["w1"].process.poll() is None


def test_trainer_crash_names_the_signal_and_is_not_tried_for_ever(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file, "--set", "max_retries=0")
    cluster.wait_step(name, 1)
    os.kill(cluster.trainer(), signal.SIGABRT)  # a sanitizer would turn SIGSEGV into an exit
    job = cluster.wait_end(name)
    assert job["state"] == "FAILED"
    assert "TRAINER_CRASHED: signal 6 (SIGABRT)" in job["reason"], job["reason"]
    # The next job runs on the same worker.
    other = cluster.submit(job_file, "--set", "steps=5")
    assert cluster.wait_end(other)["state"] == "SUCCEEDED"


def test_trainers_parent_killed(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    trainer = cluster.trainer()
    os.kill(cluster.trainer_parent(), signal.SIGKILL)
    cluster.wait_until(lambda: not cluster.alive(trainer), "the trainer to die with its parent")
    job, _ = check_success(cluster, name, attempts=2)
    assert job["history"][0]["outcome"].startswith("TRAINER_PARENT_DIED"), job["history"]


def test_worker_killed_and_restarted(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    trainer, parent = cluster.trainer(), cluster.trainer_parent()
    cluster.workers["w1"].kill()
    cluster.wait_until(lambda: not cluster.alive(trainer) and not cluster.alive(parent),
               "the trainers to die with the worker")
    cluster.start_worker()
    job, _ = check_success(cluster, name, attempts=2)
    # Not the lease's time to live: the first report of the new process tells.
    assert job["history"][0]["outcome"].startswith("WORKER_RESTARTED"), job["history"]
    assert job["history"][1]["first_step"] >= 50
    assert not list((cluster.folder / "w1" / "leases").iterdir()), "work folders were left"


def test_another_worker_takes_over(cluster, job_file):
    cluster.start_worker("w1")
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    cluster.workers["w1"].kill()
    cluster.start_worker("w2")
    # Silence is noticed by the lease's time to live, 30 s.
    job = cluster.wait_end(name)
    assert job["state"] == "SUCCEEDED"
    assert [attempt["worker"].rsplit("/")[-1] for attempt in job["history"]] == ["w1", "w2"]


def test_coordinator_killed_and_restarted(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    trainer = cluster.trainer()
    cluster.coordinator.kill()
    assert cluster.alive(trainer)
    cluster.start_coordinator()
    job, _ = check_success(cluster, name, attempts=1)
    assert job["history"][0]["worker"].endswith("w1")


def test_job_that_ends_while_the_coordinator_is_away(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file, "--set", "steps=200")
    cluster.wait_step(name, 20)
    trainer = cluster.trainer()
    cluster.coordinator.kill()
    cluster.wait_until(lambda: not cluster.alive(trainer), "the trainer to finish alone")
    cluster.start_coordinator()
    job = cluster.wait_end(name)
    assert job["state"] == "SUCCEEDED" and job["step"] == 200 and job["attempts"] == 1, job
    steps = {event["step"] for event in cluster.events(name) if event["type"] == "step"}
    assert steps == set(range(1, 201))
    cluster.kiln("cp", f"job/{name}/weights.safetensors", cluster.folder / "weights.safetensors")
    assert (cluster.folder / "weights.safetensors").stat().st_size > 2_000_000


def test_result_survives_the_worker(cluster, job_file):
    """The trainer ends while the coordinator is away, then the worker dies too: the result is on its disk."""
    cluster.start_worker()
    name = cluster.submit(job_file, "--set", "steps=200")
    cluster.wait_step(name, 20)
    trainer = cluster.trainer()
    cluster.coordinator.kill()
    cluster.wait_until(lambda: not cluster.alive(trainer), "the trainer to finish alone")
    leases = cluster.folder / "w1" / "leases"
    cluster.wait_until(lambda: list(leases.glob("*/finish.pb")), "the result to be on disk")
    cluster.workers["w1"].kill()
    cluster.start_coordinator()
    cluster.start_worker()
    job = cluster.wait_end(name)
    assert job["state"] == "SUCCEEDED" and job["step"] == 200 and job["attempts"] == 1, job
    cluster.wait_until(lambda: not list(leases.iterdir()), "the kept result to be removed")


def test_everything_killed_at_once(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    trainer = cluster.trainer()
    cluster.coordinator.process.kill()
    cluster.workers["w1"].process.kill()
    cluster.coordinator.process.wait()
    cluster.workers["w1"].process.wait()
    cluster.wait_until(lambda: not cluster.alive(trainer), "the trainer to die")
    cluster.start_coordinator()
    cluster.start_worker()
    job, _ = check_success(cluster, name, attempts=2)
    assert job["history"][1]["first_step"] >= 50


def test_repeated_kills_make_progress(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file, "--set", "max_retries=10")
    for step in (60, 160, 260):
        cluster.wait_step(name, step)
        os.kill(cluster.trainer(), signal.SIGKILL)
        cluster.wait_until(lambda: cluster.job(name)["attempts"] > (60, 160, 260).index(step) + 1,
                   "the next attempt")
    job, _ = check_success(cluster, name, attempts=4)
    firsts = [attempt["first_step"] for attempt in job["history"]]
    assert firsts == sorted(firsts) and firsts[-1] >= 200, firsts


def test_drain_gives_the_job_back_with_a_checkpoint(cluster, job_file):
    cluster.env["KILN_DRAIN_DEADLINE"] = "0"
    worker = cluster.start_worker("w1")
    name = cluster.submit(job_file)
    cluster.wait_step(name, 120)
    assert worker.terminate() == 0
    job = cluster.job(name)
    assert job["state"] == "QUEUED", job
    reached = job["step"]
    cluster.start_worker("w2")
    job, _ = check_success(cluster, name, attempts=2)
    # A drain loses nothing: it continues at the very step.
    assert job["history"][1]["first_step"] >= reached >= 120


def test_cancel_of_a_running_job(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 10)
    trainer = cluster.trainer()
    cluster.kiln("cancel", name)
    job = cluster.wait_end(name)
    assert job["state"] == "CANCELLED"
    # It obeyed: one that must be killed for it says so (below).
    assert job["step"] < STEPS
    assert not job["history"][-1]["outcome"].startswith("KILLED"), job["history"]
    assert not cluster.alive(trainer)
    json.loads(cluster.kiln("get", "workers", "-o", "json"))


def test_frozen_trainer_is_killed_on_cancel(cluster, job_file):
    cluster.start_worker()
    name = cluster.submit(job_file)
    cluster.wait_step(name, 10)
    trainer = cluster.trainer()
    os.kill(trainer, signal.SIGSTOP)
    cluster.kiln("cancel", name)
    # It cannot obey; the time to obey is 30 s.
    job = cluster.wait_end(name)
    assert job["state"] == "CANCELLED"
    assert job["history"][-1]["outcome"].startswith("KILLED"), job["history"]
    assert not cluster.alive(trainer)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_for_checkpoints(cluster, job_file, small_disk):
    """The model's checkpoint does not fit on the worker's disk."""
    worker = cluster.start_worker("w1", state=small_disk / "state")
    name = cluster.submit(job_file, "--set", "max_retries=0")
    job = cluster.wait_end(name)
    assert job["state"] == "FAILED"
    assert "DISK_FULL" in job["reason"], job["reason"]
    assert worker.process.poll() is None
    # What fits is trained as ever.
    graph = job_file.with_name("graph.kiln.yaml")
    graph.write_text(GRAPH.replace("768", "8"))
    small = cluster.submit(job_file, "--set", "steps=60")
    assert cluster.wait_end(small)["state"] == "SUCCEEDED"


def test_full_disk_for_data(cluster, tmp_path, job_file, small_disk):
    """The data file does not fit on the worker's disk."""
    rows = "".join(f"{i}.5,{i % 3}\n" for i in range(600_000))
    (tmp_path / "large.csv").write_text("x,label\n" + rows)
    (tmp_path / "graph.kiln.yaml").write_text(GRAPH.replace("128", "1").replace("768", "8"))
    job_file.write_text(JOB.replace(
        "{synthetic: {rows: 640, classes: 4}, batch_size: 64}",
        "{csv: large.csv, target: label, batch_size: 64}"))
    worker = cluster.start_worker("w1", state=small_disk / "state")
    name = cluster.submit(job_file, "--set", "max_retries=0")
    job = cluster.wait_end(name)
    assert job["state"] == "FAILED"
    assert "DISK_FULL" in job["reason"], job["reason"]
    assert worker.process.poll() is None
