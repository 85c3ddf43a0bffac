"""The command line against real programs: documents, exit codes, streams, interrupts, `kiln serve`."""

import hashlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import time

import pytest
from pace import FACTOR

DIAGNOSTIC_KEYS = {"severity", "code", "message", "rule", "node", "port", "param", "path", "file",
                   "line", "column", "expected", "found", "fixes"}
JOB_KEYS = {"name", "state", "reason", "kind", "graph_hash", "epoch", "step", "total_steps",
            "metrics", "attempts", "worker", "create_time", "start_time", "end_time",
            "checkpoints", "pending_reason", "estimate", "measured"}

SLOW = ["--set", "epochs=1000000", "--set", "checkpoint={every_epochs: 100000}"]


class Kiln:
    """Runs `kiln` with a clean environment."""

    def __init__(self, bin_dir, endpoint=None):
        self.program = str(bin_dir / "kiln")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("KILN_")}
        if endpoint:
            self.env["KILN_ENDPOINT"] = endpoint

    def __call__(self, *arguments, code=0, stdin=None, env=None):
        done = subprocess.run([self.program, *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=60 * FACTOR, env={**self.env, **(env or {})})
        assert code is None or done.returncode == code, (
            f"kiln {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout[-2000:]}\n"
            f"{done.stderr[-3000:]}")
        return done

    def json(self, *arguments, **options):
        """The one document on stdout; anything else there fails the test."""
        return json.loads(self(*arguments, "-o", "json", **options).stdout)

    def lines(self, *arguments, **options):
        return [json.loads(line) for line in self(*arguments, "-o", "json", **options).stdout.splitlines()]

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.env, **options)


def drain(process):
    """The rest of both streams (`communicate` would lose what a readline has buffered)."""
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(30)
    return out, err


@pytest.fixture(scope="session")
def local(bin_dir):
    return Kiln(bin_dir)


@pytest.fixture(scope="session")
def models(source_dir):
    return source_dir / "templates/models"


@pytest.fixture(scope="session")
def iris(source_dir):
    return source_dir / "templates/jobs/iris_mlp.job.yaml"


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


# ---- local commands ------------------------------------------------------------------------------


def test_validate_document(local, models):
    document = local.json("validate", models / "iris_mlp.kiln.yaml")
    assert document["valid"] is True and document["diagnostics"] == []
    assert document["nodes"][0] == {
        "id": "fc1", "type": "Linear", "outputs": [{"shape": ["B", 16], "dtype": "float32"}]}


def test_every_template_is_valid(local, models):
    files = sorted(models.glob("*.kiln.yaml"))
    assert len(files) >= 5
    document = local.json("validate", *files)
    assert document["valid"] is True and len(document["files"]) == len(files)


def test_validate_reads_stdin_and_places_faults(local):
    text = ("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes:\n  a: {type: Linaer, in: x}\n"
            "outputs: {y: a}\n")
    done = local("validate", "-", "-o", "json", code=3, stdin=text)
    document = json.loads(done.stdout)
    found = document["diagnostics"][0]
    assert document["valid"] is False
    assert set(found) <= DIAGNOSTIC_KEYS
    assert (found["code"], found["node"], found["line"]) == ("UNKNOWN_TYPE", "a", 4)
    assert "Linear" in json.dumps(found["fixes"])
    # What people see: what, where, the fix, the code.
    assert "error:" in done.stderr and "<stdin>:4:" in done.stderr and "UNKNOWN_TYPE" in done.stderr
    assert "\x1b[" not in done.stderr


def test_input_flag_gives_shapes(local, models):
    document = local.json("validate", models / "iris_mlp.kiln.yaml", "--input", "x=7x4:float32")
    assert document["nodes"][0]["outputs"][0]["shape"] == [7, 16]
    local("validate", models / "iris_mlp.kiln.yaml", "--input", "z=7x4", code=2)
    local("validate", models / "iris_mlp.kiln.yaml", "--input", "x=7xx", code=2)


def test_summary_document(local, models):
    document = local.json("summary", models / "iris_mlp.kiln.yaml", "--batch", 8)
    assert document["parameters"] == document["trainable"] == 4 * 16 + 16 + 16 * 3 + 3
    assert document["buffers"] == 0
    assert [entry["key"] for entry in document["state_dict"]] == [
        "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    assert document["inputs"] == [{"name": "x", "shape": ["B", 4], "dtype": "float32"}]
    assert document["outputs"] == [{"name": "logits", "shape": ["B", 3], "dtype": "float32"}]
    assert set(document["memory"]) == {"parameters", "gradients", "optimizer", "activations",
                                       "peak_inference", "peak_training"}
    assert document["flops"] >= 8 * 2 * (4 * 16 + 16 * 3)


def test_codegen_writes_what_it_reports(local, models, tmp_path):
    out = tmp_path / "model.py"
    document = local.json("codegen", models / "iris_mlp.kiln.yaml", "--target", "python", "-O", out)
    entry = document["files"][0]
    assert document["target"] == "python" and entry["path"] == str(out)
    assert entry["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert entry["bytes"] == out.stat().st_size
    printed = local("codegen", models / "iris_mlp.kiln.yaml", "--target", "python").stdout
    assert printed == out.read_text()
    local("codegen", models / "iris_mlp.kiln.yaml", "--target", "cobol", code=2)


def test_init_is_a_function_of_the_seed(local, models, tmp_path):
    graph = models / "digits_cnn.kiln.yaml"
    one = local.json("init", graph, "--seed", 3, "-O", tmp_path / "a.safetensors")
    two = local.json("init", graph, "--seed", 3, "-O", tmp_path / "b.safetensors")
    other = local.json("init", graph, "--seed", 4, "-O", tmp_path / "c.safetensors")
    assert one == two and one["sha256"] != other["sha256"]
    assert one["tensors"] == 6
    assert one["bytes"] == (tmp_path / "a.safetensors").stat().st_size


def test_run_gives_outputs_by_name(local, models, tmp_path):
    numpy = pytest.importorskip("numpy")
    safetensors = pytest.importorskip("safetensors.numpy")
    graph = models / "iris_mlp.kiln.yaml"
    local("init", graph, "-O", tmp_path / "w.safetensors")
    x = numpy.arange(20, dtype=numpy.float32).reshape(5, 4) / 10
    safetensors.save_file({"x": x}, tmp_path / "i.safetensors")
    document = local.json("run", graph, "--weights", tmp_path / "w.safetensors", "--inputs",
                          tmp_path / "i.safetensors", "-O", tmp_path / "o.safetensors")
    assert document["outputs"] == [{"name": "logits", "shape": [5, 3], "dtype": "float32"}]
    assert 0 <= document["seconds"] < 10 * FACTOR
    w = safetensors.load_file(tmp_path / "w.safetensors")
    hidden = numpy.maximum(x @ w["fc1.weight"].T + w["fc1.bias"], 0)
    expected = hidden @ w["fc2.weight"].T + w["fc2.bias"]
    found = safetensors.load_file(tmp_path / "o.safetensors")["logits"]
    assert numpy.abs(found - expected).max() < 1e-5


def test_explain(local):
    entry = local.json("explain", "Conv2d")
    assert entry["name"] == "Conv2d" and entry["python"] == "nn.Conv2d"
    assert {"name", "type"} <= set(entry["params"][0])
    assert local.json("explain", "ResidualBlock")["composite"] is True
    assert local.json("explain", "SHAPE_MISMATCH")["code"] == "SHAPE_MISMATCH"
    assert local.json("explain", "AdamW")["category"] == "optimizer"
    keys = {row["key"] for row in local.json("explain", "job")["keys"]}
    assert {"data.batch_size", "optimizer", "checkpoint.best.metric"} <= keys
    everything = local.json("explain")
    assert {"Linear", "GRU"} <= {entry["name"] for entry in everything["node_types"]}
    done = local("explain", "Linaer", code=4)
    assert "did you mean Linear?" in done.stderr


def test_diff(local, models, tmp_path):
    graph = models / "iris_mlp.kiln.yaml"
    assert local.json("diff", graph, graph) == {
        "equal": True, "added": [], "removed": [], "changed": []}
    other = tmp_path / "other.kiln.yaml"
    other.write_text(graph.read_text().replace("type: ReLU", "type: GELU"))
    document = local.json("diff", graph, other, code=1)
    assert document["equal"] is False
    assert document["changed"] == [{"node": "act", "field": "type", "from": "ReLU", "to": "GELU"}]


def test_every_topic_has_a_page(local):
    everything = local.json("explain")
    for code in everything["codes"]:
        assert local.json("explain", code)["doc"], code
    for name in everything["optimizer"] + everything["scheduler"] + everything["metrics"]:
        assert local.json("explain", name)["doc"], name


def test_wrong_usage(local):
    for arguments, hint in [
        (["vaildate"], "kiln validate"), (["status"], "describe job"), (["queue"], "get jobs"),
        (["submit", "-f", "x", "--dryrun"], "--dry-run"), (["validate"], "--help"), ([], "--help"),
        (["get", "things"], "--help"), (["submit"], "--help"), (["version", "-o", "xml"], "--help"),
    ]:
        done = local(*arguments, code=2)
        assert hint in done.stderr, (arguments, done.stderr)
        assert done.stdout == ""


def test_set_takes_one_value_each(local, iris):
    document = local.json("submit", "--set", "epochs=3", "--dry-run", "--set", "seed=9", "-f", iris)
    assert document["epochs"] == 3 and document["seed"] == 9


def test_dry_run_prints_the_resolved_job_which_reads_back(local, iris):
    text = local("submit", "-f", iris, "--dry-run").stdout
    again = iris.parent / f"again-{os.getpid()}.job.yaml"
    try:
        again.write_text(text)
        assert local("submit", "-f", again, "--dry-run").stdout == text
    finally:
        again.unlink()
    document = local.json("submit", "-f", iris, "--dry-run")
    assert document["optimizer"]["betas"] == [0.9, 0.999]
    assert document["graph"] == "../models/iris_mlp.kiln.yaml"


def test_all_template_jobs_resolve(local, source_dir):
    for job in sorted((source_dir / "templates/jobs").glob("*.job.yaml")):
        assert local.json("submit", "-f", job, "--dry-run")["kind"] == "train"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(local, shell):
    script = local("completion", shell).stdout
    assert "validate" in script and "dry-run" in script
    if subprocess.run(["which", shell], capture_output=True).returncode == 0:
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completion_completes(local):
    script = local("completion", "bash").stdout
    probe = script + '\nCOMP_WORDS=(kiln get j); COMP_CWORD=2; _kiln; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash"], input=probe, text=True, capture_output=True, check=True)
    assert done.stdout.split() == ["jobs"]


def test_version(local):
    assert local.json("version")["version"].count(".") == 2


def test_starts_in_20_ms(local):
    """Processor time, so that a busy machine does not decide."""
    times = []
    for _ in range(15):
        process = subprocess.Popen([local.program, "version"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        times.append(usage.ru_utime + usage.ru_stime)
    assert min(times) < 0.02 * FACTOR, times


# ---- without a server ----------------------------------------------------------------------------


def test_nobody_listens(local):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    document = local.json("get", "jobs", "--endpoint", endpoint, code=8)
    assert time.monotonic() - start < 5 * FACTOR
    assert endpoint in document["error"]["message"]


def test_nobody_answers(local):
    with socket.socket() as silent:  # accepts by the kernel's backlog, never speaks
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        start = time.monotonic()
        local("get", "jobs", "--endpoint", f"127.0.0.1:{silent.getsockname()[1]}", code=8)
        assert time.monotonic() - start < 6 * FACTOR


# ---- with a server -------------------------------------------------------------------------------


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


def test_pause_and_resume(served, iris):
    served("submit", "-f", iris, "--name", "paused", *SLOW)

    def state_within(wanted, seconds=20 * FACTOR):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = served.json("describe", "job", "paused")["state"]
            if state in wanted:
                return state
            time.sleep(0.05)
        return state

    assert state_within({"RUNNING"}) == "RUNNING"
    served("pause", "paused")
    assert state_within({"PAUSED"}) == "PAUSED"
    served("resume", "paused")
    assert state_within({"RUNNING"}) == "RUNNING"
    served("cancel", "paused")
    assert state_within({"CANCELLED"}) == "CANCELLED"


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


# ---- kiln serve ----------------------------------------------------------------------------------


def descendants(pid):
    found, queue = [], [pid]
    while queue:
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(queue.pop())], capture_output=True,
                             text=True).stdout
        for word in out.split():
            found.append(int(word))
            queue.append(int(word))
    return found


def gone(pids, seconds=20 * FACTOR):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        alive = []
        for pid in pids:
            try:
                stat = open(f"/proc/{pid}/stat").read()
                if stat[stat.rindex(")") + 2] != "Z":
                    alive.append(pid)
            except OSError:
                pass
        if not alive:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_serve_leaves_nothing_behind(local, tmp_path, number):
    server = local.start("serve", "--state", tmp_path, "--port", 0, "--http-port", 0, "--workers", 2)
    assert server.stdout.readline().startswith("ready grpc=")
    family = descendants(server.pid)
    assert len(family) >= 3
    server.send_signal(number)
    code = server.wait(60 * FACTOR)
    assert code == {signal.SIGTERM: 0, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    assert gone(family), "processes were left"
    server.stdout.close()
    server.stderr.close()


def test_serve_says_when_a_part_dies(local, tmp_path):
    server = local.start("serve", "--state", tmp_path, "--port", 0, "--http-port", 0)
    assert server.stdout.readline().startswith("ready grpc=")
    coordinator = next(pid for pid in descendants(server.pid)
                       if "kiln-coordinator" in open(f"/proc/{pid}/cmdline").read())
    family = descendants(server.pid)
    os.kill(coordinator, signal.SIGKILL)
    _, err = server.communicate(timeout=90 * FACTOR)
    assert server.returncode == 1 and "kiln-coordinator was ended by signal 9" in err
    assert gone(family)


def test_serve_on_a_taken_port(local, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = local("serve", "--state", tmp_path, "--port", taken.getsockname()[1], "--http-port", 0,
                     code=1)
    assert "before it was ready" in done.stderr
