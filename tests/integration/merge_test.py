"""`kiln diff` and `kiln merge` on files."""

import json

import yaml

BASE = """\
name: small   # kept
inputs: {x: {shape: [B, 4]}}
nodes:
  a: {type: Linear, in: x, params: {out_features: 8}}
  b: {type: ReLU, in: a}
  c: {type: Linear, in: b, params: {out_features: 3}, doc: the head}
outputs: {y: c}
"""


def write(folder, **texts):
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name}.kiln.yaml"
        paths[name].write_text(text)
    return paths


def test_both_sides_are_in_the_merge(local, tmp_path):
    files = write(
        tmp_path, base=BASE,
        ours=BASE.replace("b: {type: ReLU, in: a}", "act: {type: ReLU, in: a}").replace("in: b", "in: act"),
        theirs=BASE.replace("out_features: 3}", "out_features: 3, bias: false}").replace("out_features: 8", "out_features: 16"))
    renamed = json.loads(local("diff", files["base"], files["ours"], "-o", "json", code=1).stdout)
    assert renamed["renamed"] == [{"from": "b", "to": "act"}]
    assert renamed["added"] == ["act"] and renamed["removed"] == ["b"]
    out = tmp_path / "out.kiln.yaml"
    document = local.json("merge", files["base"], files["ours"], files["theirs"], "-O", out)
    assert document == {"merged": True, "conflicts": [], "path": str(out)}
    merged = yaml.safe_load(out.read_text())
    assert merged["nodes"] == {
        "a": {"type": "Linear", "in": "x", "params": {"out_features": 16}}, "act": {"type": "ReLU", "in": "a"},
        "c": {"type": "Linear", "in": "act", "params": {"bias": False, "out_features": 3}, "doc": "the head"}}
    assert local.json("validate", out)["valid"] is True
    # Without -O the document holds the graph, and stdout of the text form is the graph alone.
    inline = local.json("merge", files["base"], files["theirs"], files["ours"])
    assert inline["graph"]["nodes"] == merged["nodes"]
    assert yaml.safe_load(local("merge", files["base"], files["ours"], files["theirs"]).stdout) == merged


def test_conflicts_are_located_and_nothing_is_written(local, tmp_path):
    files = write(tmp_path, base=BASE, ours=BASE.replace("out_features: 8", "out_features: 9"),
                  theirs=BASE.replace("out_features: 8", "out_features: 10"))
    out = tmp_path / "out.kiln.json"
    sides = [files[name] for name in ("base", "ours", "theirs")]
    document = json.loads(local("merge", *sides, "-O", out, "-o", "json", code=1).stdout)
    assert document == {"merged": False, "conflicts": [
        {"node": "a", "field": "params.out_features", "reason": "both sides changed it", "base": 8, "ours": 9, "theirs": 10}]}
    assert not out.exists()
    assert '"a" params.out_features' in local("merge", *sides, code=1).stderr
    local("merge", *sides, "-O", out, "--prefer", "theirs")
    assert json.loads(out.read_text())["nodes"]["a"]["params"]["out_features"] == 10


def test_files_that_are_no_graphs(local, tmp_path):
    files = write(tmp_path, base=BASE, broken="nodes: [1", other="nodes: {a: {type: 3}}\n")
    local("merge", files["base"], files["broken"], files["base"], code=3)
    local("merge", files["base"], files["other"], files["base"], code=3)
    local("merge", files["base"], files["base"], tmp_path / "none.yaml", code=4)
