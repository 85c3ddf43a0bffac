"""Hostile and wrong graphs, jobs and data: each ends soon, with the right exit code and a located finding.

The table is the point: one row per way to be wrong. Rows run the real command line, mostly without a server.
"""

import json
import os
import struct
import subprocess
import time

import pytest
from pace import FACTOR

LIMIT = 20.0 * FACTOR  # seconds, generous for a busy machine; most rows take milliseconds

GOOD_GRAPH = """graphkiln: 1
name: net
inputs: {x: {dtype: float32, shape: [B, 4]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: 8}}
  act: {type: ReLU, in: fc1}
  fc2: {type: Linear, in: act, params: {out_features: 3}}
outputs: {logits: fc2}
"""

GOOD_JOB = """kind: train
graph: net.kiln.yaml
data:
  csv: data.csv
  inputs: {x: ["f*"]}
  target: label
  split: {validation: 0.2, test: 0.2}
  batch_size: 4
loss: {type: CrossEntropyLoss}
optimizer: {type: Adam, lr: 0.01}
metrics: [accuracy]
epochs: 2
"""

GOOD_CSV = "f0,f1,f2,f3,label\n" + "".join(
    f"{i},{i + 1},{i % 3},{-i},{i % 3}\n" for i in range(20)
)


class Answer:
    """What a run of the command line said."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds
        lines = [line for line in out.splitlines() if line]
        assert len(lines) <= 1, f"more than one document on stdout: {out[:500]}"
        self.document = json.loads(lines[0]) if lines else {}

    @property
    def diagnostics(self):
        return self.document.get("diagnostics", [])

    def errors(self):
        return [d for d in self.diagnostics if d["severity"] == "error"]


@pytest.fixture
def kiln(bin_dir):
    def run(*arguments, stdin=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("KILN_")}
        start = time.monotonic()
        done = subprocess.run(
            [bin_dir / "kiln", *map(str, arguments), "-o", "json"],
            input=stdin, capture_output=True, timeout=LIMIT, env=env)
        seconds = time.monotonic() - start
        err = done.stderr.decode("utf-8", "replace")
        assert done.returncode >= 0, f"died by signal {-done.returncode}: {err[-2000:]}"
        assert "terminate called" not in err and "Traceback" not in err
        return Answer(done.returncode, done.stdout.decode("utf-8"), err, seconds)

    return run


@pytest.fixture(scope="module")
def pages(bin_dir):
    """Every code that `kiln explain` documents."""
    out = subprocess.run([bin_dir / "kiln", "explain", "-o", "json"], capture_output=True, check=True)
    return set(json.loads(out.stdout)["codes"])


def check(answer, code, pages, exit_code=3, line=None, node=None):
    assert answer.code == exit_code, (answer.code, answer.document, answer.err[-2000:])
    errors = answer.errors()
    assert errors, answer.document
    codes = {d["code"] for d in errors}
    assert code in codes, (codes, errors[0])
    assert codes <= pages, f"without a page in `kiln explain`: {codes - pages}"
    found = next(d for d in errors if d["code"] == code)
    assert found["message"]
    assert len(json.dumps(found)) < 20_000, "a diagnostic must stay short whatever the input is"
    if line is not None:
        assert found.get("line") == line, found
        assert found.get("column", 0) >= 1, found
    if node is not None:
        assert found.get("node") == node, found


def graph(nodes="", inputs="x: {dtype: float32, shape: [B, 4]}", outputs="y: a", head=""):
    return (f"graphkiln: 1\n{head}inputs: {{{inputs}}}\nnodes:\n{nodes}"
            f"outputs: {{{outputs}}}\n").encode()


def linear(extra="out_features: 2", name="a", source="x"):
    return f"  {name}: {{type: Linear, in: {source}, params: {{{extra}}}}}\n"


def alias_bomb(levels=30):
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, levels):
        text += f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]\n"
    return text.encode()


def merge_bomb():
    text = "m0: &m0 {k0: 1, k1: 2}\n"
    for i in range(1, 3000):
        text += f"m{i}: &m{i} {{<<: *m{i - 1}, n{i}: 1}}\n"
    return text.encode()


def too_many_nodes():
    lines = ["graphkiln: 1", "inputs: {x: {shape: [B, 4]}}", "nodes:"]
    lines += [f"  n{i}: {{type: ReLU, in: {'x' if i == 0 else f'n{i - 1}'}}}" for i in range(200_001)]
    return ("\n".join(lines) + "\noutputs: {y: n200000}\n").encode()


# name: (file contents, code, line or None, node or None)
GRAPHS = {
    "unknown_type": (graph("  a: {type: Linaer, in: x, params: {out_features: 2}}\n"), "UNKNOWN_TYPE", 4, "a"),
    "type_missing": (graph("  a: {in: x}\n"), "MISSING_KEY", 4, None),
    "type_not_text": (graph("  a: {type: [Linear], in: x}\n"), None, 4, None),
    "cycle": (graph("  a: {type: Add, in: [x, b]}\n  b: {type: ReLU, in: a}\n"), "CYCLE", None, None),
    "self_reference": (graph("  a: {type: Add, in: [x, a]}\n"), "CYCLE", None, "a"),
    "duplicate_ids": (graph(linear() + linear()), "DUPLICATE_KEY", 5, None),
    "duplicate_ids_json": (b'{"graphkiln":1,"nodes":{"a":{"type":"ReLU"},"a":{"type":"ReLU"}}}', "DUPLICATE_KEY", 1, None),
    "node_named_as_input": (graph("  x: {type: ReLU, in: x}\n", outputs="y: x"), "DUPLICATE_ID", None, None),
    "unknown_param": (graph(linear("out_featurs: 2")), "UNKNOWN_PARAM", 4, "a"),
    "missing_param": (graph("  a: {type: Linear, in: x}\n"), "MISSING_PARAM", 4, "a"),
    "param_type": (graph(linear("out_features: many")), "PARAM_TYPE", 4, "a"),
    "param_list": (graph(linear("out_features: [1, 2]")), "PARAM_TYPE", 4, "a"),
    "param_negative": (graph(linear("out_features: -2")), "PARAM_RANGE", 4, "a"),
    "param_nan": (graph("  a: {type: Dropout, in: x, params: {p: .nan}}\n"), "PARAM_RANGE", 4, "a"),
    "param_probability": (graph("  a: {type: Dropout, in: x, params: {p: 1.5}}\n"), "PARAM_RANGE", 4, "a"),
    "shape_mismatch": (graph(linear("in_features: 5, out_features: 2")), None, 4, "a"),
    "rank_mismatch": (graph("  a: {type: Conv2d, in: x, params: {out_channels: 2, kernel_size: 3}}\n"), None, 4, "a"),
    "kernel_too_large": (graph("  a: {type: Conv2d, in: x, params: {out_channels: 2, kernel_size: 99}}\n",
                               inputs="x: {shape: [B, 1, 8, 8]}"), None, 4, "a"),
    "add_mismatch": (graph(linear() + "  b: {type: Add, in: [x, a]}\n", outputs="y: b"), "SHAPE_MISMATCH", None, "b"),
    "size_overflow": (graph(linear("out_features: 9000000000000000000")), None, 4, "a"),
    "size_negative": (graph(linear(), inputs="x: {shape: [B, -4]}"), "BAD_SHAPE", None, None),
    "size_expression": (graph(linear(), inputs="x: {shape: [B, '4+']}"), "BAD_SHAPE", None, None),
    "size_float": (graph(linear(), inputs="x: {shape: [B, 4.5]}"), "BAD_SHAPE", None, None),
    "shape_is_text": (graph(linear(), inputs="x: {shape: B4}"), None, None, None),
    "dtype_unknown": (graph(linear(), inputs="x: {dtype: float99, shape: [B, 4]}"), None, None, None),
    "symbolic_weight": (graph(linear(), inputs="x: {shape: [B, N]}"), "SYMBOLIC_WEIGHT", None, "a"),
    "unknown_reference": (graph(linear(source="xx")), "UNKNOWN_REFERENCE", 4, "a"),
    "unknown_port": (graph("  g: {type: GRU, in: x, params: {hidden_size: 3}}\n"
                           "  a: {type: ReLU, in: g.outptu}\n", inputs="x: {shape: [B, 5, 4]}"), None, None, None),
    "tuple_needs_get": (graph("  g: {type: GRU, in: x, params: {hidden_size: 3}}\n  a: {type: ReLU, in: g}\n",
                              inputs="x: {shape: [B, 5, 4]}"), "TUPLE_NEEDS_GET", None, "a"),
    "nothing_connected": (graph("  a: {type: ReLU}\n"), None, 4, "a"),
    "too_many_inputs": (graph("  a: {type: ReLU, in: [x, x, x]}\n"), "ARITY", 4, "a"),
    "output_missing": (graph(linear(), outputs="y: nowhere"), "UNKNOWN_REFERENCE", None, None),
    "no_outputs": (b"graphkiln: 1\ninputs: {x: {shape: [B, 4]}}\nnodes: {a: {type: ReLU, in: x}}\n", "NO_OUTPUTS", None, None),
    "no_inputs": (b"graphkiln: 1\nnodes: {a: {type: ReLU, in: x}}\noutputs: {y: a}\n", "NO_INPUTS", None, None),
    "nodes_are_text": (b"graphkiln: 1\ninputs: {x: {shape: [4]}}\nnodes: hello\noutputs: {y: x}\n", None, 3, None),
    "variable_unknown": (graph(linear("out_features: $widht"), head="variables: {width: 3}\n"), "BAD_EXPRESSION", None, "a"),
    "expression_by_zero": (graph(linear("out_features: $w // 0"), head="variables: {w: 3}\n"), "BAD_EXPRESSION", None, "a"),
    "expression_deep": (graph(linear("out_features: " + "\"$w" + "(" * 20000 + "\""), head="variables: {w: 3}\n"),
                        "BAD_EXPRESSION", None, "a"),
    "expression_attack": (graph(linear("out_features: \"$w + __import__('os').system('true')\""),
                                head="variables: {w: 3}\n"), "BAD_EXPRESSION", None, "a"),
    "version_of_the_future": (graph(linear()).replace(b"graphkiln: 1", b"graphkiln: 99"), "BAD_VERSION", 1, None),
    "shares_nothing": (graph("  a: {type: Linear, in: x, module: ghost, params: {out_features: 2}}\n"), None, 4, "a"),
    "composite_param": (graph("  a: {type: ResidualBlock, in: x, params: {out_channels: wide}}\n",
                              inputs="x: {shape: [B, 3, 8, 8]}"), "PARAM_TYPE", 4, "a"),
    "loss_of_labels": (graph("  a: {type: Embedding, in: x, params: {num_embeddings: 3, embedding_dim: 2}}\n"), None, 4, "a"),
    "empty_file": (b"", None, None, None),
    "only_a_comment": (b"# nothing\n", None, None, None),
    "a_list": (b"- 1\n- 2\n", None, 1, None),
    "a_number": (b"42\n", None, 1, None),
    "two_documents": (b"graphkiln: 1\n---\ngraphkiln: 1\n", "SYNTAX", None, None),
    "broken_yaml": (b"graphkiln: 1\nnodes: {a: [}\n", "SYNTAX", 2, None),
    "tab_indent": (b"graphkiln: 1\nnodes:\n\ta: 1\n", "SYNTAX", 3, None),
    "broken_json": (b'{"graphkiln": 1,\n "nodes": {', "SYNTAX", 2, None),
    "not_utf8": (b"graphkiln: 1\nname: \xff\xfe\n", "SYNTAX", 2, None),
    "binary": (bytes(range(256)) * 64, None, None, None),
    "huge_number": (graph(linear("out_features: 99999999999999999999999")), "SYNTAX", None, None),
    "deep_yaml": (b"graphkiln: 1\nnodes: " + b"[" * 50_000, "SYNTAX", None, None),
    "deep_json": (b'{"a":' * 100_000, "SYNTAX", None, None),
    "deep_block_yaml": (b"".join(b" " * i + b"a:\n" for i in range(500)), "SYNTAX", None, None),
    "alias_bomb": (alias_bomb(), "SYNTAX", None, None),
    "merge_bomb": (merge_bomb(), None, None, None),
    "alias_of_itself": (b"a: &a [*a]\n", "SYNTAX", None, None),
    "yaml_tag": (b"graphkiln: 1\nname: !!python/object/apply:os.system ['true']\n", None, None, None),
    "id_of_2000_bytes": (json.dumps({"graphkiln": 1, "inputs": {"x": {"shape": [4]}},
                                     "nodes": {"n" * 2000: {"type": "ReLU", "in": "x"}},
                                     "outputs": {"y": {"ref": "n" * 2000}}}).encode(), "BAD_ID", None, None),
    "200001_nodes": (too_many_nodes, "LIMIT", None, None),
    "torcharc": (b"modules: {a: 1}\ngraph: {input: x}\n", "MISSING_KEY", 2, None),
    "torchcanvas": (b'{"nodes": [{"id": "a", "type": "Relu"}],\n"edges": [["a", "b"]]}', "UNKNOWN_TYPE", 1, "a"),
    "visdl": (b'{"nodes": [{"id": "a", "node_type": "ReLU"},\n{"id": "b", "node_type": "ReLU"}], "edges": []}', "VD_INPUTS", 2, "b"),
    "archive_not_yet": (b"PK\x03\x04" + bytes(100), "UNSUPPORTED", 1, None),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graph(name, kiln, tmp_path, pages):
    content, code, line, node = GRAPHS[name]
    file = tmp_path / "bad.kiln.yaml"
    file.write_bytes(content() if callable(content) else content)
    answer = kiln("validate", file)
    codes = [d["code"] for d in answer.errors()]
    check(answer, code or (codes or ["NONE"])[0], pages, line=line, node=node)
    assert answer.document["valid"] is False
    assert all(d.get("file") == str(file) for d in answer.errors()), answer.errors()


def test_a_file_of_100_mb(kiln, tmp_path):
    file = tmp_path / "large.kiln.yaml"
    with open(file, "wb") as out:
        for _ in range(100):
            out.write(b"#" * (1 << 20))
    answer = kiln("validate", file)
    assert answer.code == 3 and answer.seconds < 5 * FACTOR
    assert str(file) in answer.document["error"]["message"]


def test_a_line_of_1_gb(kiln, tmp_path):
    file = tmp_path / "line.kiln.yaml"
    with open(file, "wb") as out:
        out.write(b"name: ")
        out.truncate(1 << 30)
    answer = kiln("validate", file)
    assert answer.code == 3 and answer.seconds < 5 * FACTOR


def test_an_endless_file(kiln):
    answer = kiln("validate", "/dev/zero")
    assert answer.code != 0 and answer.seconds < 10 * FACTOR


def test_missing_file_and_folder(kiln, tmp_path):
    assert kiln("validate", tmp_path / "nothing.kiln.yaml").code == 4
    answer = kiln("validate", tmp_path)
    assert answer.code not in (0, 2) and answer.document["error"]["message"]


def test_100000_nodes_in_a_chain_are_no_attack(kiln, tmp_path):
    lines = ["graphkiln: 1", "inputs: {x: {shape: [B, 4]}}", "nodes:"]
    lines += [f"  n{i}: {{type: ReLU, in: {'x' if i == 0 else f'n{i - 1}'}}}" for i in range(100_000)]
    file = tmp_path / "long.kiln.yaml"
    file.write_text("\n".join(lines) + "\noutputs: {y: n99999}\n")
    assert kiln("validate", file).code == 0


INJECTIONS = [
    "a'); import os; os.system('true') #",
    'a"""\nimport os\n"""',
    "a\\nimport os",
    "__init__",
    "class",
    "self",
    "forward",
    "torch",
    "a b\tc",
    "\u202eevil",
    "../../etc/passwd",
    "0",
]


@pytest.mark.parametrize("identifier", INJECTIONS)
def test_names_never_become_code(identifier, kiln, bin_dir, tmp_path):
    name = json.dumps(identifier)
    file = tmp_path / "net.kiln.json"
    file.write_text(
        '{"graphkiln": 1, "name": %s, "inputs": {"x": {"shape": ["B", 4]}},'
        ' "nodes": {%s: {"type": "Linear", "in": "x", "params": {"out_features": 2}}},'
        ' "outputs": {"y": {"ref": %s}}}' % (name, name, name))
    answer = kiln("validate", file)
    assert answer.code == 0, answer.document
    out = tmp_path / "model.py"
    assert kiln("codegen", file, "--target", "python", "-O", out).code == 0
    source = out.read_text()
    code = compile(source, str(out), "exec")
    imported = {n for n in code.co_names}
    assert "os" not in imported and "system" not in imported, source


def with_csv(text):
    return {"data.csv": text}


def job(**changes):
    text = GOOD_JOB
    for old, new in changes.pop("replace", {}).items():
        assert old in text
        text = text.replace(old, new)
    assert not changes
    return text


# name: (changed files, code, line or None)
JOBS = {
    "unknown_key": ({"job.yaml": GOOD_JOB + "epoch: 3\n"}, "UNKNOWN_KEY", 13),
    "unknown_key_deep": ({"job.yaml": job(replace={"validation": "validaton"})}, "UNKNOWN_KEY", 7),
    "key_of_another_section": ({"job.yaml": GOOD_JOB + "batch_size: 3\n"}, "UNKNOWN_KEY", 13),
    "duplicate_key": ({"job.yaml": GOOD_JOB + "epochs: 3\n"}, "DUPLICATE_KEY", 13),
    "wrong_type": ({"job.yaml": job(replace={"epochs: 2": "epochs: two"})}, "KEY_TYPE", 12),
    "wrong_type_list": ({"job.yaml": job(replace={"csv: data.csv": "csv: [data.csv]"})}, "KEY_TYPE", 4),
    "wrong_type_section": ({"job.yaml": "data: 5\n"}, "KEY_TYPE", 1),
    "kind_unknown": ({"job.yaml": job(replace={"kind: train": "kind: trian"})}, "KEY_RANGE", 1),
    "kind_not_yet": ({"job.yaml": job(replace={"kind: train": "kind: predict"})}, "UNSUPPORTED", 1),
    "batch_of_zero": ({"job.yaml": job(replace={"batch_size: 4": "batch_size: 0"})}, "KEY_RANGE", 8),
    "batch_of_billions": ({"job.yaml": job(replace={"batch_size: 4": "batch_size: 4000000000"})}, "KEY_RANGE", 8),
    "negative_epochs": ({"job.yaml": job(replace={"epochs: 2": "epochs: -2"})}, "KEY_RANGE", 12),
    "never_ends": ({"job.yaml": job(replace={"epochs: 2\n": ""})}, "MISSING_KEY", None),
    "time_without_unit": ({"job.yaml": GOOD_JOB + "time_limit: 300\n"}, "KEY_TYPE", 13),
    "split_of_all": ({"job.yaml": job(replace={"test: 0.2": "test: 0.8"})}, "KEY_RANGE", 7),
    "split_negative": ({"job.yaml": job(replace={"test: 0.2": "test: -0.2"})}, "KEY_RANGE", 7),
    "split_nan": ({"job.yaml": job(replace={"test: 0.2": "test: .nan"})}, "KEY_RANGE", 7),
    "no_loss": ({"job.yaml": job(replace={"loss: {type: CrossEntropyLoss}\n": ""})}, "MISSING_KEY", None),
    "loss_unknown": ({"job.yaml": job(replace={"CrossEntropyLoss": "CrossEntropy"})}, "UNKNOWN_TYPE", 9),
    "loss_is_no_loss": ({"job.yaml": job(replace={"CrossEntropyLoss": "Linear"})}, "UNKNOWN_TYPE", 9),
    "loss_keeps_rows": ({"job.yaml": job(replace={"CrossEntropyLoss": "CrossEntropyLoss, reduction: none"})}, "PARAM_RANGE", 9),
    "optimizer_unknown": ({"job.yaml": job(replace={"Adam": "Adamm"})}, "UNKNOWN_TYPE", 10),
    "optimizer_param": ({"job.yaml": job(replace={"lr: 0.01": "rate: 0.01"})}, "UNKNOWN_PARAM", 10),
    "rate_negative": ({"job.yaml": job(replace={"lr: 0.01": "lr: -0.01"})}, "PARAM_RANGE", 10),
    "rate_nan": ({"job.yaml": job(replace={"lr: 0.01": "lr: .nan"})}, "PARAM_RANGE", 10),
    "rate_is_text": ({"job.yaml": job(replace={"lr: 0.01": "lr: fast"})}, "PARAM_TYPE", 10),
    "scheduler_param": ({"job.yaml": GOOD_JOB + "scheduler: StepLR\n"}, "MISSING_PARAM", None),
    "metric_unknown": ({"job.yaml": job(replace={"[accuracy]": "[acuracy]"})}, "UNKNOWN_TYPE", 11),
    "metric_of_regression": ({"job.yaml": job(replace={"[accuracy]": "[r2]"})}, "METRIC_MISMATCH", 11),
    "precision_not_yet": ({"job.yaml": GOOD_JOB + "precision: float16\n"}, "UNSUPPORTED", 13),
    "two_sources": ({"job.yaml": job(replace={"csv: data.csv": "csv: data.csv\n  dataset: other"})}, "KEY_CONFLICT", 5),
    "source_not_yet": ({"job.yaml": job(replace={"csv: data.csv": "npz: data.npz"})}, "UNSUPPORTED", 4),
    "no_data": ({"job.yaml": job(replace={"  csv: data.csv\n": ""})}, "MISSING_KEY", None),
    "input_unknown": ({"job.yaml": job(replace={"{x: [": "{z: ["})}, "INPUT_MISMATCH", 5),
    "columns_too_few": ({"job.yaml": job(replace={"[\"f*\"]": "[f0, f1]"})}, "INPUT_MISMATCH", 5),
    "target_as_input": ({"job.yaml": job(replace={"[\"f*\"]": "[f0, f1, f2, label]"})}, "INPUT_MISMATCH", 5),
    "graph_missing": ({"job.yaml": job(replace={"net.kiln.yaml": "ghost.kiln.yaml"})}, "FILE_NOT_FOUND", 2),
    "graph_is_a_folder": ({"job.yaml": job(replace={"net.kiln.yaml": "./"})}, "FILE_UNREADABLE", 2),
    "graph_invalid": ({"net.kiln.yaml": GOOD_GRAPH.replace("ReLU", "RaLU")}, "UNKNOWN_TYPE", 6),
    "graph_inline_invalid": ({"job.yaml": job(replace={"graph: net.kiln.yaml":
        "graph: {graphkiln: 1, inputs: {x: {shape: [B, 4]}}, nodes: {a: {type: RaLU, in: x}}, outputs: {y: a}}"})},
        "UNKNOWN_TYPE", 2),
    "graph_output_is_scalar": ({"net.kiln.yaml": GOOD_GRAPH.replace("shape: [B, 4]", "shape: [4]")}, None, None),
    "weights_missing": ({"job.yaml": GOOD_JOB + "weights: ghost.safetensors\n"}, "FILE_NOT_FOUND", 13),
    "csv_missing": ({"job.yaml": job(replace={"data.csv": "ghost.csv"})}, "FILE_NOT_FOUND", 4),
    "csv_is_a_folder": ({"job.yaml": job(replace={"csv: data.csv": "csv: ."})}, "FILE_UNREADABLE", 4),
    "csv_empty": (with_csv(""), "DATA_INVALID", None),
    "csv_without_rows": (with_csv("f0,f1,f2,f3,label\n"), "DATA_INVALID", None),
    "csv_without_target": (with_csv(GOOD_CSV.replace("label", "lable")), "DATA_INVALID", 6),
    "csv_without_columns": (with_csv(GOOD_CSV.replace("f", "g")), "DATA_INVALID", 5),
    "csv_column_too_many": (with_csv(GOOD_CSV.replace("f3,", "f3,f4,").replace("\n", ",0\n").replace("label,0", "label")),
                            None, None),
    "csv_nan": (with_csv(GOOD_CSV.replace("\n5,", "\nnan,")), "DATA_INVALID", 7),
    "csv_infinity": (with_csv(GOOD_CSV.replace("\n5,", "\n1e999,")), "DATA_INVALID", 7),
    "csv_text_cell": (with_csv(GOOD_CSV.replace("\n5,", "\nfive,")), "DATA_INVALID", 7),
    "csv_empty_cell": (with_csv(GOOD_CSV.replace("\n5,", "\n,")), "DATA_INVALID", 7),
    "csv_ragged": (with_csv(GOOD_CSV.replace("\n5,", "\n5,5,")), "DATA_INVALID", 7),
    "csv_open_quote": (with_csv(GOOD_CSV + "\"1,2,3,4,0\n"), "DATA_INVALID", 22),
    "csv_two_equal_columns": (with_csv(GOOD_CSV.replace("f1", "f0", 1)), "DATA_INVALID", 1),
    "csv_label_out_of_range": (with_csv(GOOD_CSV.replace("-7,1", "-7,9")), "DATA_INVALID", 9),
    "csv_label_negative": (with_csv(GOOD_CSV.replace("-7,1", "-7,-1")), "DATA_INVALID", 9),
    "csv_label_fraction": (with_csv(GOOD_CSV.replace("-7,1", "-7,1.5")), "DATA_INVALID", None),
    "csv_labels_too_many": (with_csv(GOOD_CSV.replace(",0\n", ",a\n").replace(",1\n", ",b\n").replace(",2\n", ",c\n")
                                     + "1,1,1,1,d\n"), "DATA_INVALID", None),
    "csv_binary": (with_csv(bytes(range(256)) * 40), "DATA_INVALID", None),
    "csv_line_of_2_mb": (with_csv(GOOD_CSV + "1" * (2 << 20) + ",1,1,1,0\n"), "DATA_INVALID", 22),
    "job_empty": ({"job.yaml": ""}, "MISSING_KEY", None),
    "job_a_list": ({"job.yaml": "- kind: train\n"}, "KEY_TYPE", 1),
    "job_not_utf8": ({"job.yaml": b"kind: \xff\n"}, "SYNTAX", 1),
    "job_alias_bomb": ({"job.yaml": alias_bomb()}, "SYNTAX", None),
    "job_deep": ({"job.yaml": "labels: " + "{a: " * 5000}, "SYNTAX", 1),
    "job_broken": ({"job.yaml": "epochs: [1, 2\n"}, "SYNTAX", None),
    "labels_too_many": ({"job.yaml": GOOD_JOB + "labels: {" + ", ".join(f"k{i}: v" for i in range(100)) + "}\n"},
                        "KEY_RANGE", 13),
    "label_is_a_map": ({"job.yaml": GOOD_JOB + "labels: {a: {b: c}}\n"}, "KEY_TYPE", 13),
    "memory_nonsense": ({"job.yaml": GOOD_JOB + "resources: {memory: lots}\n"}, "KEY_TYPE", 13),
    "best_without_validation": ({"job.yaml": job(replace={"validation: 0.2, ": ""}) + "checkpoint: {best: {}}\n"},
                                "KEY_CONFLICT", None),
}


def write_job(folder, files):
    all_files = {"job.yaml": GOOD_JOB, "net.kiln.yaml": GOOD_GRAPH, "data.csv": GOOD_CSV, **files}
    for name, content in all_files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "job.yaml"


@pytest.mark.parametrize("name", JOBS)
def test_job(name, kiln, tmp_path, pages):
    files, code, line = JOBS[name]
    answer = kiln("submit", "-f", write_job(tmp_path, files), "--dry-run")
    codes = [d["code"] for d in answer.errors()]
    check(answer, code or (codes or ["NONE"])[0], pages, line=line)
    assert all(d.get("file") for d in answer.errors()), answer.errors()


def test_the_table_is_large_enough():
    assert len(GRAPHS) + len(JOBS) + len(INJECTIONS) >= 60


def test_the_good_job_is_good(kiln, tmp_path):
    answer = kiln("submit", "-f", write_job(tmp_path, {}), "--dry-run")
    assert answer.code == 0, answer.err
    assert answer.document["data"]["batch_size"] == 4


SETS = ["epochs", "=3", "a..b=1", "epochs=[1,", ".epochs=1"]


@pytest.mark.parametrize("text", SETS)
def test_malformed_set_is_wrong_usage(text, kiln, tmp_path):
    answer = kiln("submit", "-f", write_job(tmp_path, {}), "--dry-run", "--set", text)
    assert answer.code == 2 and "--set" in answer.document["error"]["message"]


def tensors(**named):
    """A safetensors file: name=(dtype, shape, bytes)."""
    header, body = {}, b""
    for name, (dtype, shape, content) in named.items():
        header[name.replace("__", ".")] = {
            "dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def zeros(count):
    return bytes(4 * count)


GOOD_WEIGHTS = dict(
    fc1__weight=("F32", [8, 4], zeros(32)), fc1__bias=("F32", [8], zeros(8)),
    fc2__weight=("F32", [3, 8], zeros(24)), fc2__bias=("F32", [3], zeros(3)))
GOOD_INPUTS = dict(x=("F32", [2, 4], zeros(8)))

# name: (weights, inputs)
RUNS = {
    "weights_missing_key": ({k: v for k, v in GOOD_WEIGHTS.items() if k != "fc2__bias"}, GOOD_INPUTS),
    "weights_wrong_shape": ({**GOOD_WEIGHTS, "fc2__bias": ("F32", [4], zeros(4))}, GOOD_INPUTS),
    "weights_wrong_type": ({**GOOD_WEIGHTS, "fc2__bias": ("I64", [3], bytes(24))}, GOOD_INPUTS),
    "inputs_missing": (GOOD_WEIGHTS, dict(z=("F32", [2, 4], zeros(8)))),
    "inputs_wrong_shape": (GOOD_WEIGHTS, dict(x=("F32", [2, 5], zeros(10)))),
    "inputs_wrong_rank": (GOOD_WEIGHTS, dict(x=("F32", [8], zeros(8)))),
    "inputs_wrong_type": (GOOD_WEIGHTS, dict(x=("I64", [2, 4], bytes(64)))),
    "weights_cut_off": (tensors(**GOOD_WEIGHTS)[:-10], GOOD_INPUTS),
    "weights_endless_header": (struct.pack("<Q", 1 << 60) + b"{}", GOOD_INPUTS),
    "inputs_no_tensors": (GOOD_WEIGHTS, b""),
    "inputs_text": (GOOD_WEIGHTS, b"hello, this is not a tensor file at all"),
}


@pytest.mark.parametrize("name", RUNS)
def test_run(name, kiln, tmp_path):
    weights, inputs = RUNS[name]
    (tmp_path / "net.kiln.yaml").write_text(GOOD_GRAPH)
    for file, content in (("w", weights), ("i", inputs)):
        raw = content if isinstance(content, bytes) else tensors(**content)
        (tmp_path / file).write_bytes(raw)
    answer = kiln("run", tmp_path / "net.kiln.yaml", "--weights", tmp_path / "w",
                  "--inputs", tmp_path / "i", "-O", tmp_path / "o")
    assert answer.code == 3, (answer.code, answer.document)
    assert answer.document["error"]["message"]
    assert not (tmp_path / "o").exists()
