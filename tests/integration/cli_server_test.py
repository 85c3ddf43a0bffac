"""The command line against a real coordinator and worker: documents, streams, interrupts."""

import hashlib
import json
import os
import pathlib
import pty
import select
import signal
import subprocess

import pytest
from command_line import Kiln, drain
from pace import FACTOR
from processes import wait_until

JOB_KEYS = {"name", "state", "reason", "kind", "graph_hash", "epoch", "step", "total_steps",
            "metrics", "attempts", "worker", "create_time", "start_time", "end_time",
            "checkpoints", "pending_reason", "estimate", "measured"}

SLOW = ["--set", "epochs=1000000", "--set", "checkpoint={every_epochs: 100000}"]


@pytest.fixture(scope="module")
def served(bin_dir, tmp_path_factory):
    """`kiln serve` with one worker, for all tests of this file."""
    kiln = Kiln(bin_dir)
    server = kiln.start("serve", "--state", tmp_path_factory.mktemp("serve"), "--port", 0,
                        "--http-port", 0)
    try:
        line = server.stdout.readline()
        assert line.startswith("ready grpc="), (line, server.poll())
        words = dict(word.split("=", 1) for word in line.split()[1:])
        kiln.env["KILN_ENDPOINT"] = words["grpc"]
        kiln.words = words
        yield kiln
    finally:
        server.terminate()
        assert server.wait(60 * FACTOR) == 0


@pytest.fixture(scope="module")
def trained(served, iris):
    """A finished job: the lines of `submit --follow`."""
    return served.lines("submit", "-f", iris, "--follow", "--name", "trained")


def test_follow_streams_events_then_the_job(trained):
    events, job = trained[:-1], trained[-1]
    assert JOB_KEYS <= set(job) and job["state"] == "SUCCEEDED" and job["name"] == "trained"
    assert job["step"] == 240 and job["epoch"] == 60
    assert job["metrics"]["test_accuracy"] > 0.8
    assert job["measured"]["first_loss_seconds"] > 0
    assert job["attempts"] == 1 and job["worker"]
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    missing = seqs[-1] - len(seqs) - sum(
        e["last_missing"] - e["first_missing"] for e in events if e["type"] == "gap")
    assert missing <= 0 or any(e["type"] == "gap" for e in events)
    for event in events:
        assert {"job", "seq", "time", "type", "token"} <= set(event) and event["token"]
    steps = [e for e in events if e["type"] == "step"]
    epochs = [e for e in events if e["type"] == "epoch"]
    assert {"step", "epoch", "loss"} <= set(steps[0])
    assert {"epoch", "total_epochs", "train_loss", "val_loss", "metrics"} <= set(epochs[0])
    assert epochs[-1]["epoch"] == epochs[-1]["total_epochs"] == 60
    states = [e["state"] for e in events if e["type"] == "state"]
    assert states[0] == "QUEUED" and states[-1] == "SUCCEEDED"


def test_watch_resumes_behind_any_token(served, trained):
    everything = served.lines("watch", "trained")
    assert [e["seq"] for e in everything] == [e["seq"] for e in trained[:-1]]
    for at in (0, len(everything) // 2, len(everything) - 1):
        rest = served.lines("watch", "trained", "--from", everything[at]["token"])
        assert rest == everything[at + 1:]
    epochs = served.lines("watch", "trained", "--types", "epoch")
    assert len(epochs) == 60 and {e["type"] for e in epochs} == {"epoch"}
    served("watch", "trained", "--from", "nonsense", code=2)


def test_get_and_describe(served, trained):
    jobs = served.json("get", "jobs")
    assert set(jobs) == {"items", "next_page_token"}
    assert "trained" in [item["name"] for item in jobs["items"]]
    page = served.json("get", "jobs", "--limit", 1)
    assert len(page["items"]) == 1
    described = served.json("describe", "job", "trained")
    assert {k: described[k] for k in JOB_KEYS} == {k: trained[-1][k] for k in JOB_KEYS}
    assert described["spec"]["optimizer"]["type"] == "Adam"
    assert served.json("describe", "job", "projects/default/jobs/trained")["name"] == "trained"
    workers = served.json("get", "workers")["items"]
    assert workers[0]["state"] == "ACTIVE" and workers[0]["torch_version"]
    assert served.json("describe", "worker", workers[0]["name"])["name"] == workers[0]["name"]
    for kind in ("graphs", "datasets", "artifacts"):
        assert isinstance(served.json("get", kind)["items"], list)
    assert served("get", "jobs", "-o", "name").stdout.split() == [i["name"] for i in jobs["items"]]
    served("get", "jobs", "--limit", -1, code=2)


def test_metrics_and_logs(served, trained):
    series = served.json("metrics", "trained", "--series", "loss,val_loss")["series"]
    assert sorted(entry["name"] for entry in series) == ["loss", "val_loss"]
    loss = next(entry for entry in series if entry["name"] == "loss")
    assert loss["steps"] == list(range(1, 241)) and len(loss["values"]) == 240
    assert loss["values"][-1] < loss["values"][0]
    for line in served.lines("logs", "trained"):
        assert line["type"] == "log"


def test_what_is_not_there(served, trained):
    assert served.json("describe", "job", "ghost", code=4)["error"]["code"] == "NOT_FOUND"
    served("watch", "ghost", code=4)
    served("cancel", "ghost", code=4)
    served("logs", "ghost", code=4)
    served("metrics", "ghost", code=4)
    served("cp", "job/trained/ghost.bin", "/tmp", code=4)
    served("cp", "artifact/" + "0" * 64, "/tmp", code=4)
    served("cp", "dataset/ghost", "/tmp", code=4)
    served("describe", "worker", "ghost", code=4)
    served("cancel", "trained", code=1)  # it has ended
    served("submit", "-f", "/nowhere/job.yaml", code=4)


def test_cp_there_and_back(served, trained, source_dir, tmp_path):
    weights = served.json("cp", "job/trained/weights.safetensors", f"{tmp_path}/")
    path = tmp_path / "weights.safetensors"
    assert weights["bytes"] == path.stat().st_size
    assert weights["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    report = served.json("cp", "job/trained/report.json", tmp_path / "r.json")
    assert report["bytes"] and json.loads((tmp_path / "r.json").read_text())["metrics"]
    data = source_dir / "templates/data/digits.csv"
    up = served.json("cp", data, "dataset/digits")
    assert up == served.json("cp", "dataset/digits", tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_bytes() == data.read_bytes()
    assert served.json("cp", data, "artifact/") == up  # already there
    assert served.json("cp", f"artifact/{up['sha256']}", tmp_path / "e.csv") == up
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(5_000_001))  # several chunks, a partial last one
    sent = served.json("cp", big, "artifact/")
    assert served.json("cp", f"artifact/{sent['sha256']}", tmp_path / "big2.bin") == sent
    assert (tmp_path / "big2.bin").read_bytes() == big.read_bytes()
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert served.json("cp", empty, "artifact/")["bytes"] == 0
    served("cp", data, tmp_path, code=2)
    served("cp", "job/trained", tmp_path, code=2)


def test_a_dataset_by_name_trains(served, trained, iris, source_dir):
    served("cp", source_dir / "templates/data/iris.csv", "dataset/flowers")
    job = served.lines("submit", "-f", iris, "--set", "data.dataset=flowers", "--set", "epochs=2",
                       "--follow")[-1]
    assert job["state"] == "SUCCEEDED" and job["epoch"] == 2


def test_weights_to_start_from(served, trained, iris, tmp_path):
    served("cp", "job/trained/weights.safetensors", tmp_path)
    first = {}
    for name, weights in (("file", tmp_path / "weights.safetensors"), ("job", "job:trained")):
        lines = served.lines("submit", "-f", iris, "--set", f"weights={weights}", "--set", "epochs=1",
                             "--follow")
        assert lines[-1]["state"] == "SUCCEEDED", lines[-1]
        first[name] = next(e["loss"] for e in lines if e["type"] == "step")
    assert first["file"] < 0.3, "trained weights start with a small loss"
    assert first["job"] < 0.3


def test_cancel_ends_a_followed_job_with_6(served, iris):
    follower = served.start("submit", "-f", iris, "--follow", "--name", "cancelled", "-o", "json", *SLOW)
    lines = [json.loads(follower.stdout.readline()) for _ in range(8)]
    assert lines[0]["type"] == "state"
    answer = served.json("cancel", "cancelled")
    assert answer["state"] in ("CANCELLING", "CANCELLED")
    out, _ = drain(follower)
    last = json.loads(out.splitlines()[-1])
    assert follower.returncode == 6 and last["state"] == "CANCELLED"


def test_a_failing_job_is_6(served, iris, tmp_path):
    # The column check of the client does not see the server's copy: the trainer finds the bad label.
    data = tmp_path / "bad.csv"
    data.write_text("a,b,c,d,label\n" + "1,2,3,4,7\n" * 20)
    served("cp", data, "dataset/badlabels")
    lines = served.lines("submit", "-f", iris, "--set", "data.dataset=badlabels", "--set",
                         "data.inputs={x: [a, b, c, d]}", "--follow", code=6)
    assert lines[-1]["state"] == "FAILED" and "7" in lines[-1]["reason"]


def test_a_second_job_of_the_same_name(served, trained, iris):
    document = served.json("submit", "-f", iris, "--name", "trained", code=1)
    assert document["error"]["code"] == "ALREADY_EXISTS"
    served("submit", "-f", iris, "--name", "Not A Name", code=2)


def test_interrupt_detaches_and_tells_how_to_go_on(served, iris):
    follower = served.start("submit", "-f", iris, "--follow", "--name", "detached", "-o", "json", *SLOW)
    seen = [json.loads(follower.stdout.readline()) for _ in range(20)]
    follower.send_signal(signal.SIGINT)
    out, err = drain(follower)
    seen += [json.loads(line) for line in out.splitlines()]
    assert follower.returncode == 130
    command = next(line.split() for line in err.splitlines() if "kiln watch detached --from" in line)
    assert served.json("describe", "job", "detached")["state"] == "RUNNING"
    again = served.start(*command[1:], "-o", "json")
    following = json.loads(again.stdout.readline())
    assert following["seq"] == seen[-1]["seq"] + 1 or following["type"] == "gap"
    again.send_signal(signal.SIGINT)
    drain(again)
    assert again.returncode == 130
    served("stop", "detached")
    end = served.lines("watch", "detached", "--types", "state")[-1]
    assert end["state"] == "SUCCEEDED"


def test_a_file_that_shrinks_while_it_is_sent(served):
    # The kernel says 4,096 bytes of this one and gives fewer.
    file = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not file.exists() or file.stat().st_size <= len(file.read_bytes()):
        pytest.skip("no such file on this machine")
    assert "changed while it was read" in served("cp", file, "artifact/", code=1).stderr


def test_a_cordoned_worker_is_shown_so(served):
    worker = served.json("get", "workers")["items"][0]["name"]
    assert "ACTIVE,CORDONED" in served("cordon", worker).stdout
    assert "ACTIVE,CORDONED" in served("get", "workers").stdout
    assert served.json("uncordon", worker)["cordoned"] is False
    assert "CORDONED" not in served("get", "workers").stdout


def test_pause_and_resume(served, iris):
    served("submit", "-f", iris, "--name", "paused", *SLOW)

    def becomes(wanted):
        wait_until(lambda: served.json("describe", "job", "paused")["state"] == wanted, wanted)

    becomes("RUNNING")
    served("pause", "paused")
    becomes("PAUSED")
    served("resume", "paused")
    becomes("RUNNING")
    served("cancel", "paused")
    becomes("CANCELLED")


def test_progress_on_a_terminal(served, iris):
    main, side = pty.openpty()
    process = subprocess.Popen(
        [served.program, "submit", "-f", str(iris), "--follow", "--set", "epochs=400", "--set",
         "checkpoint={every_epochs: 1000}"],
        stdout=subprocess.PIPE, stderr=side, env={**served.env, "TERM": "xterm"})
    os.close(side)
    shown = b""
    while select.select([main], [], [], 30 * FACTOR)[0]:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    out = process.communicate(timeout=30 * FACTOR)[0]
    os.close(main)
    text = shown.decode()
    assert process.returncode == 0
    assert "\r\x1b[K" in text and "%" in text and "eta" in text and "samples/s" in text
    assert b"SUCCEEDED" in out and b"\x1b[" not in out
    quiet = served("submit", "-f", iris, "--follow", "--quiet", "--set", "epochs=2")
    assert quiet.stderr == ""


def test_token(bin_dir, tmp_path, iris):
    tokens = tmp_path / "tokens"
    tokens.write_text("s3cret-token\n")
    kiln = Kiln(bin_dir)
    server = subprocess.Popen(
        [str(bin_dir / "kiln-coordinator"), "--state", str(tmp_path / "state"), "--port", "0",
         "--http-port", "0", "--token-file", str(tokens)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=kiln.env)
    try:
        words = dict(word.split("=", 1) for word in server.stdout.readline().split()[1:])
        kiln.env["KILN_ENDPOINT"] = words["grpc"]
        kiln("get", "jobs", code=5)
        kiln("get", "jobs", "--token", "wrong", code=5)
        assert kiln.json("get", "jobs", env={"KILN_TOKEN": "s3cret-token"})["items"] == []
        assert kiln.json("get", "jobs", "--token", "s3cret-token")["items"] == []
    finally:
        server.kill()
        server.wait()
