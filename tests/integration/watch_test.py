"""`kiln watch` over connections that end, its exit codes, and the log of a job that failed."""

import json
import subprocess

import pytest

from processes import Cluster


@pytest.fixture
def iris(source_dir):
    return source_dir / "templates/jobs/iris_mlp.job.yaml"


@pytest.fixture
def restless(bin_dir, tmp_path):
    """A coordinator whose connections live for a quarter of a second."""
    cluster = Cluster(bin_dir, tmp_path)
    try:
        cluster.start_coordinator("--max-connection-age", 0.25, "--max-connection-age-grace", 0.05)
        yield cluster
    finally:
        cluster.stop()


def watch(cluster, *arguments):
    return subprocess.Popen([str(cluster.bin_dir / "kiln"), "watch", *map(str, arguments), "-o", "json"],
                            env=cluster.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


STARTED = 'grpc_server_started_total{grpc_method="WatchJob"'


def test_watch_goes_on_over_ended_connections(restless, iris):
    name = restless.submit(iris)
    watcher = watch(restless, name)
    # While nothing happens, and while the job runs.
    restless.wait_until(lambda: restless.metric(STARTED) >= 4, "the watch to be opened again")
    restless.start_worker()
    out, notices = watcher.communicate(timeout=120)
    assert watcher.returncode == 0, notices
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "state" and events[-1]["state"] == "SUCCEEDED"
    # The same as one who reads it all at once, but for the steps that were coalesced for one of them.
    assert events == restless.events(name)


def test_submit_follows_over_ended_connections(restless, iris):
    restless.start_worker()
    lines = restless.kiln("submit", "-f", iris, "--follow", "-o", "json", timeout=120).splitlines()
    assert json.loads(lines[-1])["state"] == "SUCCEEDED"


def test_watch_exits_as_submit_follow_does(cluster, iris, tmp_path):
    name = cluster.submit(iris)
    cluster.kiln("cancel", name)
    cluster.kiln("watch", name, code=6)
    cluster.kiln("watch", name, "--types", "epoch", code=6)
    cluster.start_worker()
    table = tmp_path / "bad.csv"
    table.write_text("a,b,c,d,label\n" + "1,2,3,4,7\n" * 20)  # a label that only the trainer sees
    cluster.kiln("cp", table, "dataset/badlabels")
    failing = cluster.submit(iris, "--set", "data.dataset=badlabels", "--set",
                             "data.inputs={x: [a, b, c, d]}")
    assert cluster.wait_end(failing)["state"] == "FAILED"
    last = json.loads(cluster.kiln("watch", failing, "-o", "json", code=6).splitlines()[-1])
    assert last["state"] == "FAILED"
    good = cluster.submit(iris, "--set", "epochs=1")
    cluster.kiln("watch", good, code=0)


def test_a_failed_jobs_lines_are_told_once(cluster, iris):
    """What the trainer says is sent while it runs; its end does not repeat it."""
    cluster.start_worker()
    name = cluster.submit(iris, "--set", "epochs=1000000", "--set", "checkpoint={every_epochs: 100000}",
                          "--set", "max_retries=0")
    cluster.wait_step(name, 5)
    # A line of the trainer's own log: a blocking abort says its last words there.
    pid = cluster.trainer()
    with open(f"/proc/{pid}/fd/2", "w") as log:
        log.write("W the first line\nE the last line\n")
    cluster.wait_until(lambda: "the last line" in cluster.kiln("logs", name), "the lines to be told")
    subprocess.run(["kill", "-ABRT", str(pid)], check=True)
    assert cluster.wait_end(name)["state"] == "FAILED"
    messages = [json.loads(line)["message"] for line in cluster.kiln("logs", name, "-o", "json").splitlines()]
    for line in ("W the first line", "E the last line"):
        assert messages.count(line) == 1, messages
