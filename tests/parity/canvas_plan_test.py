"""`kiln plan` of canvas programs: recorded cases, and random programs against the rules written down again."""

import json
import random
import subprocess

import pytest

FAMILIES = ["observation", "state", "memory", "residual", "action", "planner"]
MODES = ["runtime", "freeze", "constant", "export"]
DEFAULTS = {"observation": "freeze", "memory": "export", "residual": "freeze", "action": "freeze"}


def plan(kiln, program, *flags):
    path = kiln.path(".json")
    path.write_text(json.dumps(program))
    return kiln.json("plan", path, *flags)


def refused(kiln, program):
    """Diagnostics of a program that is refused."""
    path = kiln.path(".json")
    path.write_text(program if isinstance(program, str) else json.dumps(program))
    done = subprocess.run([kiln.bin_dir / "kiln", "plan", path, "-o", "json"], capture_output=True, text=True)
    assert done.returncode == 3, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["valid"] is False
    return document["diagnostics"]


def effective(program):
    if program.get("compile_mode", "runtime") != "runtime":
        return program["compile_mode"]
    if program.get("learning") is not None:
        return program["learning"].get("compile_mode", "runtime")
    return DEFAULTS.get(program.get("family", "state"), "runtime")


def expected_plan(program):
    modes = {name: "runtime" for name in program["regions"]}
    modes |= {name: effective(spec) for name, spec in program.get("region_programs", {}).items()}
    of = lambda mode: sorted(n for n, m in modes.items() if m == mode)  # noqa: E731
    active = sorted(of("runtime") + of("freeze"))
    topology = program.get("topology") or []
    connections = [[c["src"], c["dst"]] for c in topology if c["src"] in active and c["dst"] in active]
    eliminated = len(modes) - len(active)
    if eliminated == 0:
        count = len(topology) if program.get("topology") is not None else None
    else:
        count = len(connections) or None
    return {
        "frozen": of("freeze"), "constant": of("constant"), "exported": of("export"), "runtime": of("runtime"),
        "active_regions": active, "active_connections": connections, "eliminated": eliminated,
        "reduced_schema": {
            "regions": [n for n in program["regions"] if n in active], "topology_connections": count,
            "same_as_source": eliminated == 0},
    }


def draw(rng):
    """A random legal program, old and new forms."""
    t, h, w = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 4)
    names = rng.sample(["camera", "world", "motor", "a|b", "Ünicode", "x.y", "z z", "..", "A", "a"], rng.randint(1, 6))
    program = {"schema_version": rng.choice(["0.2.0", "0.1.5"]), "layout": {"T": t, "d_model": 4}}
    program["layout"] |= {"spatial_shape": [h, w]} if rng.random() < 0.7 else {"H": h, "W": w}
    program["regions"] = {n: {"bounds": [0, t, 0, h, 0, w]} for n in names}
    if rng.random() < 0.9:
        program["topology"] = [{"src": rng.choice(names), "dst": rng.choice(names)} for _ in range(rng.randint(0, 8))]
    programs = {}
    for name in names:
        spec = {}
        if rng.random() < 0.6:
            spec["family"] = rng.choice(FAMILIES)
        if rng.random() < 0.4:
            spec["compile_mode"] = rng.choice(MODES)
        if rng.random() < 0.4:
            spec["learning"] = rng.choice([{}, {"mode": "none"}, {"compile_mode": rng.choice(MODES)}])
        if rng.random() < 0.8:
            programs[name] = spec
    if programs:
        program["region_programs"] = programs
    return program


def test_recorded_cases(kiln, shared):
    folder = shared / "acceptance/canvas_program"
    cases = json.loads((folder / "expected.json").read_text())["cases"]
    for case in cases:
        want, file = case["expected"], folder / case["program"]
        if "error" in want:
            found = refused(kiln, file.read_text())[0]
            assert (found["node"], found["found"]) == (want["error"]["region"], want["error"]["mode"])
            assert want["error"]["mode"] in found["message"] and found["line"] > 0
            continue
        document = kiln.json("plan", file)
        got = {key: document[key] for key in want if key != "n_eliminated"} | {"n_eliminated": document["eliminated"]}
        assert got == want, case["name"]
        # Written and read again it plans the same.
        out = kiln.path(".dir")
        kiln.json("plan", file, "--export-dir", out)
        reduced = json.loads((out / "reduced.json").read_text())
        if want["reduced_schema"]["same_as_source"] and "canonical_program" in case:
            assert reduced == case["canonical_program"], case["name"]
        assert list(reduced["regions"]) == want["reduced_schema"]["regions"]


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_follow_the_rules(kiln, seed):
    program = draw(random.Random(seed))
    document = plan(kiln, program)
    want = expected_plan(program)
    assert {key: document[key] for key in want} == want, json.dumps(program)


def test_what_is_exported(kiln):
    import torch
    from safetensors.torch import load_file, save_file

    program = {
        "layout": {"T": 1, "spatial_shape": [2], "d_model": 4},
        "regions": {n: {"bounds": [0, 1, 0, 2]} for n in ["a/b", "A/B", "mem", "fix"]},
        "region_programs": {"a/b": {"compile_mode": "export"}, "A/B": {"compile_mode": "export"},
                            "mem": {"family": "memory"}, "fix": {"compile_mode": "constant"}}}
    weights = {"regions.a/b.proj.weight": torch.ones(2, 3), "A/B.w": torch.zeros(2), "regions.fix.x.0.w": torch.ones(1),
               "regions.fix.x.1.w": torch.full((1,), 2.0), "other": torch.ones(1)}
    path, out = kiln.path(".safetensors"), kiln.path(".dir")
    save_file(weights, path)
    document = plan(kiln, program, "--weights", path, "--export-dir", out)
    # Two layers of one region keep apart, by their full paths.
    constants = load_file(out / "constants.safetensors")
    assert {k: v.item() for k, v in constants.items()} == {"regions.fix.x.0.w": 1.0, "regions.fix.x.1.w": 2.0}
    manifests = {m["region"]: m for m in (json.loads(f.read_text()) for f in out.glob("*.json") if f.name != "reduced.json")}
    assert set(manifests) == {"a/b", "A/B", "mem"} and manifests["mem"]["family"] == "memory"
    assert list(load_file(manifests["a/b"]["path"])) == ["regions.a/b.proj.weight"]
    assert list(load_file(manifests["A/B"]["path"])) == ["A/B.w"]
    # A region without a submodule is told.
    assert [(d["severity"], d["node"]) for d in document["diagnostics"]] == [("warning", "mem")]
    assert all(f.parent == out for f in out.rglob("*"))


BROKEN = [
    ({"regions": {}}, "MISSING_KEY", "layout"),
    ({"layout": {"T": 1, "spatial_shape": [2], "H": 2, "d_model": 1}, "regions": {}}, "PARAM_RANGE", "layout"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1, 0, 1]}}}, "SHAPE_MISMATCH", "regions.a.bounds"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 2]}}}, "PARAM_RANGE", "regions.a.bounds"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": "x"}}}, "PARAM_TYPE", "regions.a.bounds"),
    ({"layout": {"T": 10**9, "spatial_shape": [10**9, 10**9], "d_model": 1}, "regions": {}}, "SIZE_OVERFLOW", "layout"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1]}}, "topology": [{"src": "a", "dst": "b"}]},
     "UNKNOWN_REFERENCE", "topology.0.dst"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1], "carrier": "filtre"}}}, "PARAM_RANGE", "regions.a.carrier"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1]}}, "region_programs": {"b": {}}},
     "UNKNOWN_REFERENCE", "region_programs.b"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1]}},
      "region_programs": {"a": {"learning": {"compile_mode": "distill"}}}}, "PARAM_RANGE", "region_programs.a.learning.compile_mode"),
    ({"layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1]}},
      "region_programs": {"a": {"clock": {"expr": {"type": "and", "left": {"type": "sometimes"}, "right": {"type": "periodic", "period": 1}}}}}},
     "PARAM_RANGE", "region_programs.a.clock.expr.left"),
    ({"schema_version": "9.0", "layout": {"T": 1, "d_model": 1}, "regions": {}}, "BAD_VERSION", "schema_version"),
]


@pytest.mark.parametrize("program,code,path", BROKEN, ids=[b[2] for b in BROKEN])
def test_faults_are_located(kiln, program, code, path):
    found = [d for d in refused(kiln, program) if d["severity"] == "error"]
    assert [(d["code"], d["path"]) for d in found] == [(code, path)]
    # A missing key is placed at the object that lacks it: here the whole file.
    assert found[0]["line"] == 1 and found[0]["file"].endswith(".json")
    assert (found[0]["column"] == 1) == (path == "layout" and code == "MISSING_KEY")


def test_what_does_nothing_is_told(kiln):
    program = {
        "layout": {"T": 1, "d_model": 1}, "regions": {"a": {"bounds": [0, 1], "default_attn": "my_attention"}},
        "topology": [{"src": "a", "dst": "a"}],
        "region_programs": {"a": {"compile_mode": "freeze", "learning": {"compile_mode": "distill"}, "clock": {"period": 0}}},
        "connection_programs": {"a": {}, "a|b": {}, "a|a": {"trigger": "a.x >> 3", "mask_spec": {"kind": "sparse"}}},
        "colour": "red"}
    document = plan(kiln, program)
    assert document["frozen"] == ["a"]
    assert sorted((d["code"], d["path"]) for d in document["diagnostics"]) == sorted([
        ("PARAM_RANGE", "regions.a.default_attn"), ("PARAM_RANGE", "region_programs.a.learning.compile_mode"),
        ("PARAM_RANGE", "region_programs.a.clock.period"), ("UNKNOWN_REFERENCE", "connection_programs.a"),
        ("UNKNOWN_REFERENCE", "connection_programs.a|b"), ("BAD_EXPRESSION", "connection_programs.a|a.trigger"),
        ("UNSUPPORTED", "connection_programs.a|a.mask_spec"), ("UNKNOWN_FIELD", "colour")])
    assert {d["severity"] for d in document["diagnostics"]} == {"warning"}
