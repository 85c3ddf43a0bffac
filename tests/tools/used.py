"""What a program used: processor time and its peak of memory.

Linux counts the memory of who forks as the child's own, and a session of tests holds gigabytes: a small process of its own
starts the program, so that the program is measured.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

STARTER = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024], out)
"""


class Used(NamedTuple):
    code: int
    seconds: float
    bytes: int


def run(command, stdout, stderr=subprocess.DEVNULL):
    """Runs the command to its end; `stdout` and `stderr` are files."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "used"
        subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, report, *command], stdout=stdout, stderr=stderr, check=True)
        return Used(*json.loads(report.read_text()))
