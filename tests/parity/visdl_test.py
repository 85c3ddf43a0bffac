"""VisDL graphs: recorded pairs, refusals at the named place, and back again."""

import json
import shutil
import subprocess

import pytest


def folder_of(shared):
    return shared / "acceptance/visdl"


def test_recorded_cases(kiln, shared):
    folder = folder_of(shared)
    for case in json.loads((folder / "expected.json").read_text())["pairs"]:
        file = folder / "graphs" / f"{case['name']}.json"
        flags = ["--input", f"x=Bx{case['features']}"]
        summary = kiln.json("summary", file, *flags)
        assert summary["trainable"] == case["parameters_total"], case["name"]
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        got = {e["key"]: e["shape"] for e in summary["state_dict"] if not e["key"].endswith(buffers)}
        assert got == {f"n_{p['node']}.{p['name']}": p["shape"] for p in case["parameters"]}
        assert summary["outputs"] == [{"name": "output", "shape": ["B", case["output_width"]], "dtype": "float32"}]
        nodes = {n["id"]: [o["shape"][-1] for o in n["outputs"]] for n in kiln.json("validate", file, *flags)["nodes"]}
        assert nodes == {n["id"]: n["out_widths"] for n in case["nodes"]}, case["name"]
        # With its config the graph knows its columns, but where these are patterns.
        config = json.loads((folder / "configs" / f"{case['name']}.json").read_text())
        pair = kiln.path(".json")
        pair.write_text(json.dumps({"graph": json.loads(file.read_text()), "config": config}))
        if "*" not in config["input_columns"]:
            assert kiln.json("summary", pair)["trainable"] == case["parameters_total"]
        out = kiln.path(".json")
        kiln.json("convert", pair, "--to", "visdl", "-O", out)
        assert json.loads(out.read_text()) == json.loads(pair.read_text())


def test_written_back_unchanged(kiln, shared):
    for file in sorted((folder_of(shared) / "graphs").glob("*.json")):
        out, again, native = kiln.path(".json"), kiln.path(".json"), kiln.path(".kiln.yaml")
        kiln.json("convert", file, "--to", "visdl", "-O", out)
        assert json.loads(out.read_text()) == json.loads(file.read_text()), file
        kiln.json("convert", file, "--to", "native", "-O", native)
        kiln.json("convert", native, "--to", "visdl", "-O", again)
        assert out.read_text() == again.read_text(), file


def validate(kiln, text, *more):
    path = kiln.path(".json")
    path.write_text(text)
    done = subprocess.run([kiln.bin_dir / "kiln", "validate", path, *more, "-o", "json"], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)["diagnostics"]


# What is wrong with the config or the data is not the graph's.
OF_DATA = {"class_count_too_small.json", "column_missing.json", "glob_matches_nothing.json"}
PLACES = {"two_unconnected_inputs.json": ["a", "b"], "two_outputs.json": ["b", "c"], "bad_source_output.json": ["split"],
          "cycle.json": ["l1", "a1", "l2", "a2", "l3"]}


def test_refused_at_the_named_place(kiln, shared):
    folder = folder_of(shared) / "invalid"
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        if case["file"] in OF_DATA:
            continue
        text = (folder / case["file"]).read_text()
        patterned = "*" in json.loads(text)["config"]["input_columns"]
        found = validate(kiln, text, *(["--input", "x=Bx66"] if patterned else []))
        hits = [d for d in found if d["severity"] == "error" and d.get("node") in PLACES.get(case["file"], [case["at"]])
                and all(word in json.dumps(d) for word in case["must_mention"])]
        assert hits, (case, found)
        assert all(d["line"] > 0 and d["path"].startswith("graph.") for d in hits)


def dry_run(kiln, folder, text, *flags):
    """The pair as a job, its data beside it, as `kiln submit --dry-run` sees it."""
    document = json.loads(text)
    pair, place = kiln.path(".json"), kiln.path("")
    pair.write_text(text)
    place.mkdir()
    kiln.json("convert", pair, "--to", "job", *flags, "-O", place / "job.yaml")
    shutil.copy(folder / "data" / document["config"]["file_id"], place)
    done = subprocess.run([kiln.bin_dir / "kiln", "submit", "--dry-run", "-f", place / "job.yaml", "-o", "json"], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def test_configs_become_jobs(kiln, shared):
    folder = folder_of(shared)
    for case in json.loads((folder / "expected.json").read_text())["pairs"]:
        if len(case["target_columns"]) > 1:
            continue
        graph, config = ((folder / kind / f"{case['name']}.json").read_text() for kind in ("graphs", "configs"))
        code, job = dry_run(kiln, folder, f'{{"graph": {graph}, "config": {config}}}', "--input", f"x=Bx{case['features']}")
        assert code == 0, (case["name"], job)
    for file, words in {"column_missing.json": ["x9"], "glob_matches_nothing.json": ["z_*"], "class_count_too_small.json": []}.items():
        code, answer = dry_run(kiln, folder, (folder / "invalid" / file).read_text(), *(["--input", "x=Bx3"] if "glob" in file else []))
        assert code == 3, (file, answer)
        assert any(all(word in json.dumps(d) for word in words) for d in answer["diagnostics"]), (file, answer)


def graph(nodes, edges):
    return json.dumps({"nodes": [{"id": i, "node_type": t, "params": p} for i, t, p in nodes],
                       "edges": [{"id": f"e{n}", "source_node": a, "source_output": o, "target_node": b, "target_input": h} for n, (a, o, b, h) in enumerate(edges)]})


FAULTS = {
    "nodes[1].node_type": graph([("a", "ReLU", {}), ("b", "Relu", {})], [("a", 0, "b", "input")]),
    "nodes[0].node_type": graph([("a", "CSVLoader", {}), ("b", "ReLU", {})], [("a", 0, "b", "input")]),
    "nodes[0].params.width": graph([("a", "Linear", {"width": 3})], []),
    "nodes[1].id": graph([("a", "ReLU", {}), ("a", "ReLU", {})], []),
    "edges[0]": graph([("a", "ReLU", {}), ("b", "ReLU", {})], [("a", 0, "b", "input_c")]),
    "edges[1]": graph([("a", "ReLU", {}), ("b", "ReLU", {})], [("a", 0, "b", "input"), ("a", 0, "b", "input")]),
    "nodes": json.dumps({"nodes": {}, "edges": []}),
}


@pytest.mark.parametrize("path", FAULTS)
def test_faults_are_located(kiln, path):
    found = validate(kiln, FAULTS[path], "--from", "visdl")
    assert path in [d.get("path") for d in found if d["severity"] == "error"], found


def test_native_graphs_are_written(kiln):
    native = {"graphkiln": 1, "inputs": {"x": {"shape": ["B", 6]}},
              "nodes": {"s": {"type": "Split", "in": "x", "params": {"split_sizes": [4, 2]}},
                        "a": {"type": "Linear", "in": "s.output_a", "params": {"out_features": 2}},
                        "n": {"type": "LayerNorm", "in": "s.output_b", "mode": "bypassed"},
                        "c": {"type": "Concat", "in": [["a", "n"]]}},
              "outputs": {"y": "c"}}
    out = kiln.path(".json")
    kiln.json("convert", kiln.graph_file(native), "--to", "visdl", "-O", out)
    edges = json.loads(out.read_text())["edges"]
    assert [(e["source_node"], e["source_output"], e["target_node"], e["target_input"]) for e in edges] == [
        ("s", 0, "a", "input"), ("s", 1, "n", "input"), ("a", 0, "c", "input_a"), ("n", 0, "c", "input_b")]
    assert kiln.json("summary", out, "--input", "Bx6")["outputs"] == [{"name": "output", "shape": ["B", 4], "dtype": "float32"}]
    native["outputs"]["z"] = "a"
    done = subprocess.run([kiln.bin_dir / "kiln", "convert", kiln.graph_file(native), "--to", "visdl", "-o", "json"], capture_output=True, text=True)
    assert done.returncode == 3 and {d["code"] for d in json.loads(done.stdout)["diagnostics"]} == {"UNSUPPORTED"}
