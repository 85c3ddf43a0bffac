"""The groups of tests/run: lint, proto, unit, the pytest folders, the sanitizers.

A group is a function that returns a Tally, or None where FILTER leaves nothing of it.
"""

import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from tally import Tally, fail_hard, run, run_with_progress, tail

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUF = ROOT / "tests/tools/node_modules/@bufbuild/buf-linux-x64/bin/buf"

# Folders of pytest tests, in order; the first two belong to --fast.
FAST_FOLDERS = ["graphs", "golden"]
FOLDERS = FAST_FOLDERS + ["parity", "integration", "robustness", "simulation", "compat"]

# What the quick sanitizer runs cover: no LibTorch, no gRPC (Debian's gRPC is not instrumented).
ASAN_TESTS = ("unit_common_", "unit_services_coordinator_core", "unit_services_coordinator_store")
TSAN_TESTS = (
    "unit_common_base",
    "unit_services_coordinator_core",
    "unit_services_coordinator_store",
)
SANITIZER_ENV = {
    # detect_container_overflow is off because Debian's Abseil, protobuf and gRPC are not instrumented: a container
    # that their code grows and ours reads would be reported though nothing is wrong.
    # What is too large to allocate is refused as without a sanitizer: tests ask for it.
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:detect_container_overflow=0"
    ":allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    "KILN_TEST_FACTOR": "6",
}


def plan(tier, pattern):
    """Yields (name, function) of every group of `tier`, in the order they run."""
    yield "lint", lambda: lint(pattern)
    yield "build", lambda: build(ROOT / "build/release", "release", options=["-DBUILD_TESTING=ON"])
    yield "unit", lambda: unit(ROOT / "build/release", pattern, tier=tier)
    for folder in FAST_FOLDERS if tier == "fast" else FOLDERS:
        if (ROOT / "tests" / folder).is_dir():
            yield folder, functools.partial(python, folder, pattern, tier)
    if tier == "fast":
        return
    yield "proto", lambda: proto(pattern)
    if pattern and not pattern.pattern.startswith(("asan", "tsan")):
        return  # FILTER asks for particular tests, not for building everything twice more
    if tier == "normal":
        yield "asan", lambda: sanitized("asan", ASAN_TESTS, pattern)
        yield "tsan", lambda: sanitized("tsan", TSAN_TESTS, pattern)
    else:
        yield "tsan", lambda: sanitized("tsan", TSAN_TESTS, pattern)
        yield "asan-full", lambda: sanitized_everything(pattern)
        yield "fuzz", lambda: fuzz(pattern)


def _wanted(pattern, name):
    return pattern is None or pattern.search(name) is not None


def lint(pattern):
    """tests/lint; each of its checks is a test `lint.<check>`."""
    code, output = run([ROOT / "tests/lint"], 120)
    tally = Tally()
    details = []
    for line in output.splitlines():
        word, _, name = line.partition(" ")
        if word == "ok" and _wanted(pattern, f"lint.{name}"):
            tally.ok()
        elif word == "FAIL" and _wanted(pattern, f"lint.{name}"):
            tally.fail(f"lint.{name}", tail("\n".join(details)))
        if word in ("ok", "FAIL"):
            details = []
        else:
            details.append(line)
    if code not in (0, 1):
        tally.fail("lint", tail(output))
    return tally if tally.passed or tally.failed else None


def proto(pattern):
    """buf lint, and no break against the committed image of the contract."""
    tally = Tally()
    if _wanted(pattern, "proto.lint"):
        code, output = run([BUF, "lint"], 120, cwd=ROOT / "proto")
        tally.ok() if code == 0 else tally.fail("proto.lint", tail(output))
    if _wanted(pattern, "proto.breaking"):
        baseline = ROOT / "proto/baseline.binpb"
        if not baseline.exists():
            tally.skip("proto.breaking", "proto/baseline.binpb is not there yet")
            return tally
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "now.binpb"
            code, output = run([BUF, "build", "-o", image], 120, cwd=ROOT / "proto")
            if code == 0:
                rules = {"version": "v1", "breaking": {"use": ["FILE"], "ignore": ["google"]}}
                command = [BUF, "breaking", image, "--against", baseline]
                code, output = run([*command, "--config", json.dumps(rules)], 120)
        tally.ok() if code == 0 else tally.fail("proto.breaking", tail(output))
    return tally if tally.passed or tally.failed else None


def fuzz(pattern, seconds=600):
    """tests/fuzz/run, target by target."""
    tally = Tally()
    for target in ("graph_proto", "graph_text", "torcharc", "torchcanvas", "visdl"):
        if not _wanted(pattern, f"fuzz.{target}"):
            continue
        if shutil.which("clang++-19") is None:
            tally.skip(f"fuzz.{target}", "clang-19 is not installed")
            continue
        code, output = run([ROOT / "tests/fuzz/run", str(seconds), target], seconds + 3600, cwd=ROOT)
        tally.ok() if code == 0 else tally.fail(f"fuzz.{target}", tail(output))
    return tally if tally.passed or tally.failed or tally.skips else None


def build(folder, preset, targets=(), options=()):
    """Configures and builds; a failure ends a plain run, for nothing after it could pass."""
    error = _build(folder, preset, targets, options)
    if error:
        fail_hard(f"the {preset} build failed:\n{error}")
    return Tally()


def _build(folder, preset, targets=(), options=()):
    """Returns the end of the output where the build failed, else None."""
    code, output = run(["cmake", "--preset", preset, "-B", folder, *options], 300, cwd=ROOT)
    if code == 0:
        env = {"NINJA_STATUS": "[%f/%t] "}
        command = ["cmake", "--build", folder]
        if targets:
            command += ["--target", *targets]
        code, output = run_with_progress(command, f"building {preset}", env)
        (folder / "build.log").write_text(output)
    if code == 0:
        return None
    errors = [l for l in output.splitlines() if re.search(r"\b(error|undefined \w+):? |^FAILED", l)]
    return tail("\n".join(errors or output.splitlines()[-40:]))


def _ctest_names(folder):
    code, output = run(["ctest", "--test-dir", folder, "--show-only=json-v1"], 60)
    if code:
        fail_hard(f"ctest could not list the tests of {folder}:\n{tail(output)}")
    # Before the build an entry has no command yet. What ctest says of missing programs comes before.
    return {t["name"]: t for t in json.loads(output[output.index("{\n") :])["tests"]}


def unit(folder, pattern, names=None, prefix="", env=None, wrapper=(), tier="normal"):
    """Every ctest binary of the build in `folder`, one test per GoogleTest case."""
    tests = _ctest_names(folder)
    wanted = sorted(tests if names is None else names)
    workers = max(1, min(4, os.cpu_count() or 1))
    env = {"KILN_TEST_TIER": tier, **(env or {})}
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for tally in pool.map(
            lambda name: _gtest(name, tests[name], pattern, prefix, env, wrapper), wanted
        ):
            total.add(tally)
    return total if total.passed or total.failed or total.skipped else None


def _gtest(name, test, pattern, prefix, env, wrapper):
    tally = Tally()
    if "command" not in test:
        tally.fail(f"{prefix}{name}", "was not built")
        return tally
    command = [*wrapper, *test["command"]]
    if pattern is not None:
        cases = [c for c in _gtest_cases(test["command"][0]) if pattern.search(f"{prefix}{name}.{c}")]
        if not cases:
            return tally
        command.append("--gtest_filter=" + ":".join(cases))
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        env = {**env, "GTEST_OUTPUT": f"json:{report}", "TEST_TMPDIR": folder}
        code, output = run(command, 300 if prefix else 120, env, cwd=ROOT)
        try:
            suites = json.loads(report.read_text())["testsuites"]
        except (OSError, ValueError):
            tally.fail(f"{prefix}{name}", tail(output))  # crashed or hung: no report
            return tally
    for suite in suites:
        for case in suite["testsuite"]:
            full = f"{prefix}{name}.{suite['name']}.{case['name']}"
            if case.get("failures"):
                tally.fail(full, tail("\n".join(f["failure"] for f in case["failures"]), 15))
            elif case.get("result") == "SKIPPED":
                tally.skip(full, "; ".join(_skip_reasons(case)) or "skipped itself")
            elif case.get("status") == "RUN":
                tally.ok()
    if code != 0 and not tally.failed:
        tally.fail(f"{prefix}{name}", tail(output))  # such as a leak found at exit
    return tally


def _skip_reasons(case):
    return [s.get("message", "").strip() for s in case.get("skipped", []) if isinstance(s, dict)]


def _gtest_cases(binary):
    """`Suite.Case` of every case in a GoogleTest binary."""
    _, output = run([binary, "--gtest_list_tests"], 60)
    suite = ""
    for line in output.splitlines():
        text = line.split("#")[0].rstrip()
        if not line.startswith(" ") and text.endswith("."):
            suite = text
        elif line.startswith("  "):
            yield suite + text.strip()


def python(folder, pattern, tier, build_dir=None, prefix=""):
    """The pytest tests of tests/<folder>."""
    path = f"tests/{folder}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = {
        "KILN_TEST_TIER": tier,
        "KILN_BUILD_DIR": str(build_dir or ROOT / "build/release"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    targets = [path]
    if pattern is not None:
        _, output = run([*command, "--collect-only", path], 300, env, cwd=ROOT)
        tests = [f"tests/{t}" for t in output.splitlines() if "::" in t]  # ids start at tests/
        targets = [t for t in tests if pattern.search(prefix + t)]
        if not targets:
            return None
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary:
        report = pathlib.Path(temporary) / "report.xml"
        env.update(_sanitizer_logs(temporary) if prefix else {})
        limit = 4 * 3600 if tier == "nightly" else 1500
        code, output = run([*command, f"--junitxml={report}", *targets], limit, env, cwd=ROOT)
        if code == 5:  # no tests collected
            return None
        try:
            cases = ElementTree.parse(report).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError):
            tally.fail(prefix + path, tail(output))
            return tally
        for log in sorted(pathlib.Path(temporary).glob("sanitizer.*")):
            tally.fail(f"{prefix}{path}:{log.name}", tail(log.read_text(errors="replace"), 60))
    for case in cases:
        module = case.get("classname", "").replace(".", "/")
        name = f"{prefix}tests/{module}.py::{case.get('name')}"
        problem = next((c for c in case if c.tag in ("failure", "error")), None)
        skipped = case.find("skipped")
        if problem is not None:
            tally.fail(name, tail(problem.text or problem.get("message", ""), 25))
        elif skipped is not None:
            tally.skip(name, skipped.get("message", "").splitlines()[0][:120])
        else:
            tally.ok()
    if code != 0 and not tally.failed:
        tally.fail(prefix + path, tail(output))
    return tally


def _sanitizer_logs(folder):
    """SANITIZER_ENV with all reports in `folder`: a server's would otherwise drown in its own log."""
    env = dict(SANITIZER_ENV)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        env[name] += f":log_path={folder}/sanitizer"
    return env


def _no_aslr():
    """g++ 12's ThreadSanitizer needs the old address layout, which newer kernels randomise away."""
    code, _ = run(["setarch", "x86_64", "-R", "true"], 10)
    return ["setarch", "x86_64", "-R"] if code == 0 else []


def sanitized(preset, prefixes, pattern, options=()):
    """The unit tests whose names start with one of `prefixes`, under the sanitizers of `preset`."""
    folder = ROOT / "build" / preset
    tally = Tally()
    code, output = run(["cmake", "--preset", preset, "-B", folder, *options], 300, cwd=ROOT)
    if code:
        tally.fail(f"{preset}.configure", tail(output))
        return tally
    names = [n for n in _ctest_names(folder) if n.startswith(prefixes)]
    error = _build(folder, preset, names, options) if names else None
    if error:
        tally.fail(f"{preset}.build", error)
        return tally
    wrapper = _no_aslr() if preset == "tsan" else ()
    return unit(folder, pattern, names, f"{preset}.", SANITIZER_ENV, wrapper)


def sanitized_everything(pattern):
    """--nightly: address and undefined-behaviour sanitizers over all unit and integration tests."""
    folder = ROOT / "build/asan-full"
    tally = Tally()
    error = _build(folder, "asan", options=["-DKILN_TRAINER=ON"])
    if error:
        tally.fail("asan-full.build", error)
        return tally
    for part in (
        unit(folder, pattern, prefix="asan.", env=SANITIZER_ENV, tier="nightly"),
        python("integration", pattern, "nightly", folder, "asan.")
        if (ROOT / "tests/integration").is_dir()
        else None,
    ):
        if part is not None:
            tally.add(part)
    return tally
