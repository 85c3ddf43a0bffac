"""A coordinator and workers as real processes, for tests that start, kill and restart them."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

from pace import FACTOR

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")

# For what hangs, not for what is slow: a loaded machine may take a minute for what takes a second.
WAIT = 120.0 * FACTOR


def wait_until(condition, what, timeout=WAIT, progress=None):
    """Polls until `condition` returns something true, and returns that. The time starts anew whenever
    `progress()` has changed."""
    end = time.monotonic() + timeout
    seen = None
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        now = progress() if progress else None
        if now != seen:
            seen, end = now, time.monotonic() + timeout
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout} s for {what}; last seen: {seen}")


def children(pid):
    """Process ids of the direct children."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def descendants(pid):
    """Process ids of the children, their children and so on."""
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] != "Z"


class Program:
    """A started server, its output in files, its ready line parsed."""

    def __init__(self, command, env, log):
        self.out_path = log.with_suffix(".out")
        with open(self.out_path, "wb") as out, open(log, "ab") as err:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL)
        self.log = log

    @property
    def pid(self):
        return self.process.pid

    def ready(self):
        """The `key=value` words of the ready line."""

        def line():
            text = self.out_path.read_text()
            if self.process.poll() is not None:
                raise AssertionError(f"{self.log.name} ended:\n{self.log.read_text()[-4000:]}")
            return text if text.startswith("ready ") and text.endswith("\n") else None

        text = wait_until(line, f"{self.log.name} to be ready")
        return dict(word.split("=", 1) for word in text.split()[1:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout=WAIT):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


class Cluster:
    """One coordinator that keeps its ports over restarts, and workers by name."""

    wait_until = staticmethod(wait_until)
    children = staticmethod(children)
    alive = staticmethod(alive)

    def __init__(self, bin_dir, folder):
        self.bin_dir = bin_dir
        self.folder = folder
        self.env = {key: value for key, value in os.environ.items()
                    if key not in ("KILN_ENDPOINT", "KILN_TOKEN")}
        self.port = 0
        self.coordinator = None
        self.workers = {}
        self.started = []

    def _start(self, command, name):
        program = Program([str(part) for part in command], self.env, self.folder / f"{name}.log")
        self.started.append(program)
        return program

    def start_coordinator(self, *flags):
        self.coordinator = self._start(
            [self.bin_dir / "kiln-coordinator", "--state", self.folder / "coordinator",
             "--port", self.port, "--http-port", 0, *flags], "coordinator")
        ready = self.coordinator.ready()
        self.http, endpoint = ready["http"], ready["grpc"]
        self.port = int(endpoint.rsplit(":", 1)[1])
        self.env["KILN_ENDPOINT"] = endpoint
        return self.coordinator

    def start_worker(self, name="w1", slots=1, wait=True, state=None):
        worker = self._start(
            [self.bin_dir / "kiln-worker", "--coordinator", self.env["KILN_ENDPOINT"],
             "--state", state or self.folder / name, "--name", name, "--slots", slots,
             "--log-level", "debug"], name)
        self.workers[name] = worker
        if wait:
            assert worker.ready()["worker"] == name
        return worker

    def kiln(self, *arguments, code=0, timeout=WAIT):
        """Runs the command line; its standard output."""
        done = subprocess.run([str(self.bin_dir / "kiln"), *map(str, arguments)], env=self.env,
                              capture_output=True, text=True, timeout=timeout)
        if code is not None:
            assert done.returncode == code, (
                f"kiln {' '.join(map(str, arguments))}: exit {done.returncode}\n"
                f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def metric(self, line):
        """The value of the line of /metrics that starts so; 0 without one."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=WAIT) as page:
            values = [text.split()[-1] for text in page.read().decode().splitlines()
                      if text.startswith(line)]
        return float(values[0]) if values else 0.0

    def submit(self, job_file, *arguments):
        """The name of the new job."""
        return json.loads(self.kiln("submit", "-f", job_file, "-o", "json", *arguments))["name"]

    def job(self, name):
        return json.loads(self.kiln("describe", "job", name, "-o", "json"))

    def events(self, name):
        """All events of a job that has ended."""
        lines = self.kiln("watch", name, "-o", "json", code=None).splitlines()
        return [json.loads(line) for line in lines]

    def _wait_job(self, name, condition, what):
        """Waits as long as the job gets on."""
        latest = {}

        def look():
            latest.update(self.job(name))
            return dict(latest) if condition(latest) else None

        return wait_until(look, f"{name} {what}",
                          progress=lambda: (latest["state"], latest["attempts"], latest["step"]))

    def wait_step(self, name, step):
        def reached(job):
            assert job["state"] not in ENDED, job
            return job["step"] >= step

        return self._wait_job(name, reached, f"to reach step {step}")

    def wait_end(self, name):
        return self._wait_job(name, lambda job: job["state"] in ENDED, "to end")

    def trainer_parent(self, worker="w1"):
        """The warm parent of a worker."""
        return wait_until(lambda: children(self.workers[worker].pid), "the trainers' parent")[0]

    def trainer(self, worker="w1"):
        """The trainer of a worker that has one slot."""
        return wait_until(lambda: children(self.trainer_parent(worker)), "a trainer")[0]

    def stop(self):
        for program in reversed(self.started):
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
