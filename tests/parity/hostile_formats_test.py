"""Files of other formats that mean harm: told in bounded time and memory, never a crash."""

import json

import pytest

from pace import FACTOR
from used import run

LAYER = "modules:\n  a: {Linear: {in_features: 4, out_features: 4}}\n"
CALLS = "graph: {input: x, modules: {a: [x]}, output: a}\n"


def numbered(text, count):
    return "".join(text.replace("@1", str(i + 1)).replace("@", str(i)) for i in range(count))


def canvas(nodes, edges, outputs='["x"]'):
    return '{"version": "0.2", "nodes": [{"id": "x", "type": "Input"}%s], "edges": [%s], "inputs": ["x"], "outputs": %s}' % (
        nodes, edges.rstrip(","), outputs)


def visdl(nodes, edges):
    return '{"nodes": [%s], "edges": [%s]}' % (nodes.rstrip(","), edges.rstrip(","))


# Format: name: (text, shape of x or nothing, code of an error, or nothing where the file is right).
FILES = {
    "torcharc": {
        "aliases": ("a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + numbered("a@1: &a@1 [*a@, *a@, *a@, *a@, *a@, *a@, *a@, *a@, *a@]\n", 12) + LAYER + CALLS, "", "SYNTAX"),
        "merge keys": ("a0: &a0 {k: 1}\n" + numbered("a@1: &a@1 {<<: [*a@, *a@], k@: *a@}\n", 40) + LAYER + CALLS, "", "SYNTAX"),
        "depth": ("modules: " + "[" * 100_000 + "]" * 100_000 + "\n", "", "SYNTAX"),
        "a million modules": ("modules:\n" + numbered("  m@: {ReLU: }\n", 1_000_000) + CALLS, "", "SYNTAX"),
        "calls behind each other": (LAYER + "graph:\n  input: x\n  modules:\n    a: [x]\n    a~0: [a]\n" + numbered("    a~@1: [a~@]\n", 100_000) + "  output: a~100000\n", "2x4", None),
        "an input's name": ("modules:\n  x: {ReLU: }\ngraph:\n  input: x\n  modules:\n    x: [x]\n" + numbered("    x~@: [x]\n", 30_000) + "  output: x\n", "2x4", None),
        "one group": ("modules:\n" + numbered("  a.b.m@: {ReLU: }\n", 30_000) + "graph:\n  input: x\n  modules:\n" + numbered("    a.b.m@: [x]\n", 30_000) + "  output: a.b.m1\n", "2x4", None),
        "one list": ("modules: {m: {MergeConcat: }}\ngraph: {input: x, modules: {m: [[" + "x, " * 200_000 + "x]]}, output: m}\n", "2x4", None),
        "truncated": ((LAYER + CALLS)[:60], "", "MISSING_KEY"),
        "not a number": ("modules: {a: {Dropout: {p: .nan}}}\n" + CALLS, "2x4", "PARAM_RANGE"),
        "infinite": ("modules: {a: {Dropout: {p: .inf}}}\n" + CALLS, "2x4", "PARAM_RANGE"),
        "large": ("modules: {a: {Linear: {in_features: 4, out_features: 9223372036854775807}}}\n" + CALLS, "2x4", "PARAM_RANGE"),
    },
    "torchcanvas": {
        "depth": ('{"nodes": ' + "[" * 100_000 + "]" * 100_000 + "}", "", "SYNTAX"),
        "a million nodes": (canvas(numbered(',{"id":"r@","type":"ReLU"}', 1_000_000), ""), "", "SYNTAX"),
        "nodes behind each other": (canvas(numbered(',{"id":"r@","type":"ReLU"}', 100_001), '["x","r0"],' + numbered('["r@","r@1"],', 100_000), '["r100000"]'), "2x4", None),
        "a circle": (canvas(numbered(',{"id":"r@","type":"ReLU"}', 100_001), '["r100000","r0"],' + numbered('["r@","r@1"],', 100_000), '["r100000"]'), "2x4", "CYCLE"),
        "edges into one node": (canvas(',{"id":"a","type":"Concat"}', '["x","a"],' * 400_000, '["a"]'), "2x4", None),
        "one id": (canvas(',{"id":"x","type":"ReLU"}' * 199_999, ""), "", "DUPLICATE_ID"),
        "names of nothing": (canvas("", numbered('["q@","z@"],', 300_000)), "", "UNKNOWN_REFERENCE"),
        "warnings": (canvas(',{"id":"c","type":"Conv1d","params":{"out_channels":2,"kernel_size":3}}' + numbered(',{"id":"g@","type":"GRUBlock","params":{"hidden_size":2}}', 50_000),
                            '["x","c"],' + numbered('["c","g@"],', 50_000)), "", "MISSING_SHAPE"),
        "truncated": (canvas(',{"id":"a","type":"ReLU"}', '["x","a"]')[:70], "", "SYNTAX"),
        "not a number": (canvas(',{"id":"a","type":"Dropout","params":{"p":NaN}}', '["x","a"]'), "", "SYNTAX"),
        "infinite": (canvas(',{"id":"a","type":"Dropout","params":{"p":1e999}}', '["x","a"]'), "", "SYNTAX"),
        "large": (canvas(',{"id":"a","type":"Conv2d","params":{"out_channels":9223372036854775807,"kernel_size":9223372036854775806,"stride":3,"padding":"same"}}', '["x","a"]', '["a"]'),
                  "2x4x8x8", "PARAM_RANGE"),
        "a key twice": ('{"nodes": [], "nodes": [], "edges": []}', "", "DUPLICATE_KEY"),
    },
    "visdl": {
        "nodes behind each other": (visdl(numbered('{"id":"r@","node_type":"ReLU"},', 60_001),
                                          numbered('{"source_node":"r@","target_node":"r@1","target_input":"input"},', 60_000)), "2x4", None),
        "nodes beside each other": (visdl(numbered('{"id":"r@","node_type":"ReLU"},', 100_000), ""), "2x4", "VD_INPUTS"),
        "edges into one node": (visdl('{"id":"a","node_type":"ReLU"},{"id":"b","node_type":"ReLU"}', '{"source_node":"a","target_node":"b","target_input":"input","order":3},' * 100_000), "2x4", "ARITY"),
        "names of nothing": (visdl('{"id":"a","node_type":"ReLU"}', numbered('{"source_node":"q@","target_node":"z@"},', 100_000)), "2x4", "UNKNOWN_REFERENCE"),
        "large": (visdl('{"id":"a","node_type":"Split","params":{"split_sizes":"999999999999999,9999999999999999999999"}}', ""), "2x4", "PARAM_TYPE"),
        "truncated": (visdl('{"id":"a","node_type":"ReLU"}', "")[:30], "", "SYNTAX"),
    },
}


@pytest.mark.parametrize(("form", "name"), [(form, name) for form, files in FILES.items() for name in files])
def test_bounded(kiln, form, name):
    text, shape, code = FILES[form][name]
    path = kiln.path(".txt")
    path.write_text(text)
    flags = ["--from", form, *(["--input", f"x={shape}"] if shape else [])]
    with kiln.path(".json").open("w+b") as out:
        used = run([kiln.bin_dir / "kiln", "validate", path, *flags, "-o", "json"], out)
        out.seek(0)
        found = json.load(out)["diagnostics"]
    errors = [d for d in found if d["severity"] == "error"]
    assert used.code == (3 if code else 0), errors[:3]
    assert code is None or code in {d["code"] for d in errors}, errors[:3]
    assert all(d["line"] > 0 and d["column"] > 0 for d in errors if d["code"] not in ("MISSING_SHAPE", "NO_INPUTS", "NO_OUTPUTS")), errors[:3]
    assert len(found) <= 20_000
    assert used.seconds < 15 * FACTOR
    assert used.bytes < (1 << 30) * FACTOR
