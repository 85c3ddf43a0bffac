"""The rules of tests/lint: each function returns findings, those with `note:` in front being harmless."""

import re

_INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')

# Folder of common/ -> folders of common/ that it may see besides itself.
_FRONT = {"base", "graph", "ir", "nodes", "compiler"}
_SEES = {
    "base": set(),
    "tensors": {"base"},
    "graph": {"base"},
    "ir": {"base"},
    "nodes": {"base", "graph", "ir"},
    "compiler": {"base", "graph", "ir", "nodes"},
    "estimate": _FRONT,
    "jobs": _FRONT,
    "formats": _FRONT | {"tensors"},
    "emit": _FRONT | {"tensors"},
}

# (what, pattern of the included path, folders that may include it)
_PLACES = [
    ("torch", re.compile(r"^(torch|ATen|c10|caffe2)/"), ("services/worker/trainer",)),
    (
        "gRPC",
        re.compile(r"^grpc(pp|\+\+)?/|\.grpc\.pb\.h$"),
        ("services/coordinator/rpc/", "services/coordinator/main.cc", "services/worker/daemon/", "clients/"),
    ),
    ("SQL", re.compile(r"^(sqlite3\.h|libpq|soci/)"), ("services/coordinator/store/",)),
]
_THREADS = re.compile(r"^(thread|future|pthread\.h|stop_token)$")

_CLOCKS = re.compile(
    r"_clock::now\b|\babsl::Now\(|\bGetCurrentTimeNanos\(|\bgettimeofday\(|\bclock_gettime\("
    r"|(?<![\w.>])(?:std::|::)?time\((?:nullptr|NULL|0)\)|\brandom_device\b|\bsleep_(?:for|until)\("
    r"|\bSleepFor\(|(?<![\w.>:])(?:std::|::)?(?:usleep\(|nanosleep\(|sleep\(|rand\(\)|srand\(|srandom\()"
)

# Tables and tests of tables may be long; proto files are read as one contract.
_SIZE_SUFFIXES = (".cc", ".h", ".py", ".sh")
_SIZE_EXEMPT = re.compile(r"^(common/ir/ops/|proto/|tests/golden/|common/nodes/families/)")
_SIZE_NOTE, _SIZE_LIMIT = 400, 800

# Split, so that this file does not find itself.
_MACHINE = re.compile("|".join(["/wo" + r"rk/(main|shared)\b", "/ro" + r"ot/", "/ho" + r"me/\w+/", r"build/" + r"h-\w"]))
_HOSTS = re.compile("|".join(["pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs"]))
_UNFINISHED = re.compile("|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bX" + r"XX\b"]))
_TEXT = re.compile(
    r"(\.(cc|h|py|sh|proto|cmake|txt|md|yaml|yml|json|toml|ini)|(^|/)(run|lint|setup|quickstart|CMakeLists\.txt))$"
)


def _lines(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace").splitlines()


def _code(text):
    """`text` without comments and literals, line for line."""
    keep_lines = lambda m: re.sub(r"[^\n]+", "", m.group(0)) or '""'  # noqa: E731
    pattern = r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/'
    return re.sub(pattern, keep_lines, text, flags=re.S)


def includes(root, files):
    """Who may see whom (DESIGN section 2). Tests may see everything."""
    found = []
    for path in files:
        if path.startswith("tests/") or path.startswith("cmake/"):
            continue
        for number, line in enumerate(_lines(root, path), 1):
            match = _INCLUDE.match(line)
            if match:
                problem = _include_problem(path, match.group(1))
                if problem:
                    found.append(f"{path}:{number}: {problem}")
    return found


def _include_problem(path, included):
    for what, pattern, places in _PLACES:
        if pattern.search(included) and not path.startswith(places):
            return f"{what} ({included}) is for {', '.join(places)} only"
    top, _, rest = path.partition("/")
    target_top, _, target_rest = included.partition("/")
    if top == "common":
        if target_top in ("services", "clients"):
            return f"common sees neither services nor clients ({included})"
        if _THREADS.match(included):
            return f"common has no threads of its own (<{included}>)"
        folder, target = rest.split("/")[0], target_rest.split("/")[0]
        if target_top == "common" and target != folder and target not in _SEES.get(folder, set()):
            return f"common/{folder} may not see common/{target} ({included})"
    if top == "services":
        if target_top == "clients":
            return f"services do not see clients ({included})"
        service, target = rest.split("/")[0], target_rest.split("/")[0]
        if target_top == "services" and service != target:
            return f"services/{service} does not see services/{target} ({included})"
    if top == "clients" and target_top == "services" and not included.startswith("services/worker/launch/"):
        return f"of the services, clients see only services/worker/launch ({included})"
    return None


def sizes(root, files):
    found = []
    for path in files:
        if not path.endswith(_SIZE_SUFFIXES) or _SIZE_EXEMPT.search(path):
            continue
        count = len(_lines(root, path))
        if count > _SIZE_LIMIT:
            found.append(f"{path}: {count} lines, more than {_SIZE_LIMIT}: split it")
        elif count > _SIZE_NOTE:
            found.append(f"note: {path}: {count} lines, more than {_SIZE_NOTE}")
    return found


def mirror(files):
    """tests/unit/X/y_test.cc tests X/y.{h,cc}, or X as a whole; every library folder has tests."""
    sources = {re.sub(r"\.(cc|h)$", "", p) for p in files if p.startswith(("common/", "services/", "clients/"))}
    folders = {s.rsplit("/", 1)[0] for s in sources}
    tests = [p for p in files if p.startswith("tests/unit/") and p.endswith("_test.cc")]
    found, tested, tested_folders = [], set(), set()
    for path in tests:
        stem = path[len("tests/unit/") : -len("_test.cc")]
        folder, name = stem.rsplit("/", 1)
        tested_folders.add(folder)
        if stem in sources:
            tested.add(stem)
        elif folder not in folders:
            found.append(f"{path}: there is no folder {folder}")
        elif not any(s.rsplit("/", 1)[0] == folder and _related(s.rsplit("/", 1)[1], name) for s in sources):
            found.append(f"{path}: no source in {folder}/ is called like it")
    with_code = {p[:-3] for p in files if p.endswith(".cc") and not p.endswith("main.cc")}
    must = [s for s in with_code if s.startswith(("common/", "services/coordinator/core/"))]
    for folder in sorted({s.rsplit("/", 1)[0] for s in must}):
        if not any(t == folder or t.startswith(folder + "/") or folder.startswith(t + "/") for t in tested_folders):
            found.append(f"{folder}: has no tests in tests/unit/{folder}")
    without = len([s for s in must if s not in tested])
    if without:
        found.append(f"note: {without} of {len(must)} sources have no test file of their own name")
    return found


def _related(source, test):
    """A test may take one side of a source (`queue_recovery` of `queue`), or a family of sources."""
    return source.startswith(test) or test.startswith(source) or set(source.split("_")) & set(test.split("_"))


def clocks(root, files):
    """Only common/base reads clocks, sleeps or draws from the system; the rest has them injected."""
    found = []
    for path in files:
        if path.startswith("common/base/") or not path.startswith(
            ("common/", "services/", "clients/", "tests/unit/")
        ):
            continue
        text = _code((root / path).read_text(encoding="utf-8", errors="replace"))
        for number, line in enumerate(text.splitlines(), 1):
            match = _CLOCKS.search(line)
            if match:
                found.append(f"{path}:{number}: {match.group(0)} is for common/base only")
    return found


def _grep(root, files, pattern, why):
    found = []
    for path in files:
        if not _TEXT.search(path) or path.startswith("tests/tools/package-lock"):
            continue
        for number, line in enumerate(_lines(root, path), 1):
            match = pattern.search(line)
            if match:
                found.append(f"{path}:{number}: {match.group(0)}: {why}")
    return found


def machine_paths(root, files):
    return _grep(root, files, _MACHINE, "a path of one machine") + _grep(
        root, files, _HOSTS, "a registry's host; name packages only"
    )


def unfinished(root, files):
    return _grep(root, files, _UNFINISHED, "finish it or open an issue")
