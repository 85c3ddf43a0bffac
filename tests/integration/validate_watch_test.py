"""`kiln validate --watch`: one document for each change of the file, until Ctrl-C."""

import json
import os
import signal

import pytest
from command_line import drain

GRAPH = """graphkiln: 1
inputs: {x: {dtype: float32, shape: [B, 4]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: 8}}
  fc2: {type: Linear, in: fc1, params: {in_features: 8, out_features: 3}}
outputs: {y: fc2}
"""


def rename_over(path, text):
    """As editors save."""
    other = path.with_suffix(".tmp")
    other.write_text(text)
    os.replace(other, path)


@pytest.fixture
def watched(local, tmp_path):
    file = tmp_path / "graph.kiln.yaml"
    file.write_text(GRAPH)
    process = local.start("validate", "--watch", file, "-o", "json")
    try:
        yield file, process
    finally:
        process.kill()
        process.wait(30)


def next_document(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def test_every_change_gives_what_validate_says(local, watched):
    file, process = watched
    assert next_document(process)["valid"]
    # One node with a fault, another fault of the same node, whole again, then several nodes at once.
    faulty = GRAPH.replace("in_features: 8", "in_features: 9")
    changes = [faulty, faulty.replace("in_features: 9", "in_features: 7"), GRAPH,
               GRAPH.replace("type: Linear, in: x", "type: Lienar, in: x"),
               GRAPH.replace("out_features: 8", "out_features: 16").replace("in_features: 8", "in_features: 16"),
               GRAPH + "  z: nobody\n", "nodes: [", GRAPH]
    for write in (lambda text: file.write_text(text), lambda text: rename_over(file, text)):
        for text in changes:
            write(text)
            document = next_document(process)
            while document != local.json("validate", file, code=None):
                document = next_document(process)  # the file was seen while it was written
    process.send_signal(signal.SIGINT)
    out, _ = drain(process)
    assert out == "" and process.returncode == 0


def test_a_file_that_goes_and_comes_back(watched):
    file, process = watched
    assert next_document(process)["valid"]
    file.unlink()
    assert "graph.kiln.yaml" in process.stderr.readline()
    file.write_text(GRAPH.replace("in: fc1", "in: fc3"))
    document = next_document(process)
    while not document["diagnostics"] or document["diagnostics"][0]["code"] != "UNKNOWN_REFERENCE":
        document = next_document(process)
    process.send_signal(signal.SIGTERM)
    drain(process)
    assert process.returncode == 0


def test_usage(local, tmp_path):
    file = tmp_path / "graph.kiln.yaml"
    file.write_text(GRAPH)
    local("validate", "--watch", file, file, code=2)
    local("validate", "--watch", "-", code=2)
    local("validate", "--watch", tmp_path / "missing.yaml", code=4)
