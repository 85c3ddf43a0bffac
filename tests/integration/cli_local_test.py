"""The command line without a server: documents, exit codes, messages."""

import hashlib
import json
import os
import socket
import subprocess
import time

import pytest
from pace import FACTOR

DIAGNOSTIC_KEYS = {"severity", "code", "message", "rule", "node", "port", "param", "path", "file",
                   "line", "column", "expected", "found", "fixes"}


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


def test_summary_by_optimizer_precision_and_size(local, models):
    graph = models / "tcn.kiln.yaml"
    plain = local.json("summary", graph, "--batch", 8)
    long = local.json("summary", graph, "--batch", 8, "--size", "T=12")
    assert long["flops"] > plain["flops"]
    assert plain["layers"][0]["inputs"][0]["shape"] == [8, 6, "T"]
    assert long["layers"][0]["inputs"][0]["shape"] == [8, 6, 12]
    assert plain["inputs"] == long["inputs"] == [{"name": "x", "shape": ["B", 6, "T"], "dtype": "float32"}]
    by = {(e["optimizer"], e["precision"]): e["memory"] for e in long["estimates"]}
    assert by["Adam", "float32"] == long["memory"]
    assert by["SGD", "float32"]["optimizer"] == 0
    sgd = local.json("summary", graph, "--batch", 8, "--size", "T=12", "--optimizer", "SGD,momentum=0.9",
                     "--precision", "pure-bfloat16")
    assert sgd["memory"]["optimizer"] == sgd["memory"]["gradients"] == long["memory"]["gradients"] // 2
    assert sgd["memory"]["peak_inference"] == by["SGD", "pure-bfloat16"]["peak_inference"]
    assert by["Adam", "float64"]["optimizer"] == 2 * by["Adam", "float32"]["optimizer"]
    for wrong in (["--size", "Q=2"], ["--size", "T"], ["--size", "T=0"], ["--optimizer", "Adamant"], ["--depth", "-1"],
                  ["--optimizer", "SGD,momentun=1"], ["--precision", "float8"]):
        local("summary", graph, *wrong, code=2)


def test_summary_table(local, models):
    graph = models / "resnet18.kiln.yaml"
    full = local("summary", graph, env={"COLUMNS": ""}).stdout
    lines = full.splitlines()
    assert lines[0].split() == ["Layer", "(type)", "Input", "Output", "Params", "Share", "Kernel", "Mult-adds"]
    assert any(line.startswith("conv1 (Conv2d)") and "[B, 64, 112, 112]" in line and "9,408" in line and "7x7" in line
               for line in lines)
    assert any("─ conv1 (Conv2d)" in line for line in lines)
    for total in ("Total params: 11,689,512", "Trainable params: 11,689,512", "Non-trainable params: 0", "Total mult-adds: 1.81 G",
                  "Input size (MB): 0.60", "Estimated total size (MB): "):
        assert total in full
    assert full.count("bfloat16") == 2 and "AdamW" in full
    flat = local("summary", graph, "--depth", 1, "--batch", 4, env={"COLUMNS": ""}).stdout
    assert "─" not in flat and "[4, 64, 112, 112]" in flat and "[B" not in flat
    assert not local("summary", graph, "--depth", 0).stdout.startswith("Layer")
    for columns in (80, 60):
        narrow = local("summary", models / "vit_tiny.kiln.yaml", env={"COLUMNS": str(columns)}).stdout
        assert max(len(line) for line in narrow.splitlines()) <= columns
        assert narrow.startswith("Layer (type)") and "Output" in narrow and "Params" in narrow


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
        "equal": True, "added": [], "removed": [], "changed": [],
                        "renamed": []}
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


def test_each_kind_of_file_is_told_from_the_other(local, models, iris):
    done = local("submit", "--dry-run", "-f", models / "iris_mlp.kiln.yaml", code=3)
    assert "this is a graph, not a job" in done.stderr and done.stderr.count("error:") == 1
    done = local("validate", iris, code=3)
    assert "this is a job, not a graph" in done.stderr and done.stderr.count("error:") == 1


def test_output_that_cannot_be_written_fails(local, models):
    graph = models / "iris_mlp.kiln.yaml"
    for arguments in (["validate", graph, "-o", "json"], ["codegen", graph, "--target", "python"], ["explain"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([local.program, *map(str, arguments)], stdout=full,
                                  stderr=subprocess.PIPE, text=True, env=local.env)
        assert done.returncode == 1 and "No space left" in done.stderr, arguments


@pytest.mark.parametrize("token", ["abc\r", "two words", "t\u00f6k"])
def test_a_token_that_no_header_can_carry(local, token):
    done = local("get", "jobs", "--endpoint", "127.0.0.1:1", code=2, env={"KILN_TOKEN": token})
    assert "token" in done.stderr and token.strip() not in done.stderr


def test_a_ca_file_is_pem(local, models):
    done = local("get", "jobs", "--endpoint", "127.0.0.1:1", "--ca", models / "iris_mlp.kiln.yaml", code=2)
    assert "no certificate in PEM form" in done.stderr and "grpc" not in done.stderr.lower()


@pytest.mark.parametrize("seed", ["18446744073709551616", "-1", "1.5", "x"])
def test_numbers_are_not_clamped(local, models, tmp_path, seed):
    done = local("init", models / "iris_mlp.kiln.yaml", f"--seed={seed}", "-O", tmp_path / "w", code=2)
    assert "not a whole number in range" in done.stderr


def test_escapes_of_ids_do_not_reach_the_terminal(local):
    graph = {"inputs": {"x": {"shape": [4]}}, "nodes": {"\x1b]0;hi\x07": {"type": "Nope", "in": "x"}},
             "outputs": {"y": "\x1b]0;hi\x07"}}
    done = local("validate", "-", code=3, stdin=json.dumps(graph))
    assert "\x1b" not in done.stderr and "\\x1b]0;hi\\x07" in done.stderr


def test_a_dash_is_stdout_for_text_only(local, models, tmp_path):
    graph = models / "iris_mlp.kiln.yaml"
    shown = local("codegen", graph, "--target", "python", "-O", "-").stdout
    assert shown == local("codegen", graph, "--target", "python").stdout and "nn.Linear(4, 16)" in shown
    assert "needs a file" in local("init", graph, "--seed", 1, "-O", "-", code=2).stderr


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
    assert local("--version").stdout == local("version").stdout
    assert local.json("version")["version"].count(".") == 2


def test_starts_in_20_ms(local):
    """Processor time, so that a busy machine does not decide."""
    if FACTOR > 1:
        pytest.skip("sanitizers are measured nowhere")
    times = []
    for _ in range(15):
        process = subprocess.Popen([local.program, "version"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        times.append(usage.ru_utime + usage.ru_stime)
    assert min(times) < 0.02, times


# ---- without a server ----------------------------------------------------------------------------


def test_nobody_listens(local):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    document = local.json("get", "jobs", "--endpoint", endpoint, code=8)
    assert time.monotonic() - start < 5 * FACTOR
    assert endpoint in document["error"]["message"]


@pytest.mark.parametrize("endpoint", ["nonsense", "http://x:1", "host:", ":1", "host:99999", "a b:1"])
def test_an_endpoint_is_host_and_port(local, endpoint):
    done = local("get", "jobs", "--endpoint", endpoint, code=2)
    assert "HOST:PORT" in done.stderr


def test_nobody_answers(local):
    with socket.socket() as silent:  # accepts by the kernel's backlog, never speaks
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        start = time.monotonic()
        local("get", "jobs", "--endpoint", f"127.0.0.1:{silent.getsockname()[1]}", code=8)
        assert time.monotonic() - start < 6 * FACTOR


BROKEN = ("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes:\n  a: {type: Linaer, in: x, params: {out_features: 8}}\n"
          "  b: {type: Linear, in: a, params: {in_features: 9, out_features: 2}}\noutputs: {y: b}\n")


def test_fix_mends_a_file_in_place(local, tmp_path):
    file = tmp_path / "broken.kiln.yaml"
    file.write_text(BROKEN)
    dry = local.json("fix", file, "--dry-run")
    assert file.read_text() == BROKEN
    document = local.json("fix", file)
    assert document == dry and document["valid"] is True and document["diagnostics"] == []
    assert document["applied"] == [
        {"code": "UNKNOWN_TYPE", "node": "a", "description": "change the type to Linear"},
        {"code": "SHAPE_MISMATCH", "node": "b", "description": "set in_features to 8"}]
    assert local.json("validate", file)["nodes"][1]["outputs"][0]["shape"] == ["B", 2]
    # Nothing to do: not a byte changes.
    before = file.read_bytes()
    assert local.json("fix", file)["applied"] == []
    assert file.read_bytes() == before


def test_fix_writes_elsewhere_and_keeps_the_form(local, tmp_path):
    file, out = tmp_path / "broken.kiln.json", tmp_path / "out.kiln.json"
    graph = {"graphkiln": 1, "inputs": {"x": {"dtype": "float32", "shape": ["B", 4]}},
             "nodes": {"a": {"type": "ReLUU", "in": "x"}}, "outputs": {"y": "a"}, "note": "kept"}
    file.write_text(json.dumps(graph))
    local("fix", file, "-O", out)
    assert json.loads(file.read_text()) == graph
    graph["nodes"]["a"]["type"] = "ReLU"
    assert json.loads(out.read_text()) == graph
    # From stdin to stdout.
    done = local("fix", "-", stdin=BROKEN)
    assert "type: Linear" in done.stdout and done.stdout.startswith("graphkiln: 1")


def test_fix_leaves_what_it_cannot_mend(local, tmp_path):
    file = tmp_path / "hopeless.kiln.yaml"
    file.write_text("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: Frobnicate, in: x}}\noutputs: {y: a}\n")
    before = file.read_bytes()
    document = json.loads(local("fix", file, "-o", "json", code=3).stdout)
    assert file.read_bytes() == before
    assert document["valid"] is False and document["diagnostics"][0]["code"] == "UNKNOWN_TYPE"
    file.write_text("graphkiln: 1\nnodes: [")
    assert json.loads(local("fix", file, "-o", "json", code=3).stdout)["applied"] == []
    assert file.read_text() == "graphkiln: 1\nnodes: ["


def test_an_empty_path_is_a_mistake(local, tmp_path):
    file = tmp_path / "g.kiln.yaml"
    file.write_text("graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: Linaer, in: x, params: {out_features: 3}}}\noutputs: {y: a}\n")
    before = file.read_bytes()
    for arguments in (("fix", file, "-O", ""), ("codegen", file, "--target", "python", "-O", ""), ("plan", file, "--export-dir", "")):
        assert "an empty path" in local(*arguments, code=2).stderr
    assert file.read_bytes() == before


def test_explain_shows_the_page_of_a_code(local):
    page = local.json("explain", "SHAPE_MISMATCH")
    assert {"code", "title", "doc", "wrong", "right", "fixes"} <= set(page)
    assert "wrong:" in local("explain", "SHAPE_MISMATCH").stdout
    for code in local.json("explain")["codes"]:
        assert local.json("explain", code)["doc"]
