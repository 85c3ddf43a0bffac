"""What a group of tests came to, and how child processes of the runner are started and ended."""

import dataclasses
import os
import signal
import subprocess
import sys
import time


@dataclasses.dataclass
class Tally:
    """Counts of one group; `failures` holds (test name, last lines of its output)."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = dataclasses.field(default_factory=list)
    skips: list = dataclasses.field(default_factory=list)

    def ok(self):
        self.passed += 1

    def fail(self, name, detail=""):
        self.failed += 1
        self.failures.append((name, detail))

    def skip(self, name, reason):
        self.skipped += 1
        self.skips.append((name, reason))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def __str__(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def tail(text, lines=40):
    """The last `lines` lines of `text`, each shortened."""
    return "\n".join(line[:300] for line in text.rstrip().splitlines()[-lines:])


def run(command, timeout, env=None, cwd=None):
    """Runs `command` in its own process group. Returns (exit code, output); 124 when it ran too long.

    Whatever it left running is ended with it, so that no test leaks processes into the next.
    """
    child = subprocess.Popen(
        [str(c) for c in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=timeout)
        return child.returncode, output.decode(errors="replace")
    except subprocess.TimeoutExpired:
        _kill_group(child)
        output, _ = child.communicate()
        return 124, output.decode(errors="replace") + f"\n(ended after {timeout} s)"
    finally:
        _kill_group(child)


def run_with_progress(command, what, env=None):
    """As run, for builds: prints the last line every half minute, so that a log shows life."""
    child = subprocess.Popen(
        [str(c) for c in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )
    shown = time.monotonic()
    lines = []
    try:
        for raw in child.stdout:
            lines.append(raw.decode(errors="replace").rstrip())
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"  {what}: {lines[-1][:90]}", flush=True)
        return child.wait(), "\n".join(lines)
    finally:
        _kill_group(child)


def _kill_group(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def fail_hard(message):
    """Ends the run before any test could run."""
    print(message)
    print("0 passed, 1 failed")
    sys.exit(1)
