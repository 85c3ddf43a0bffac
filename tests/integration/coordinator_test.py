"""kiln-coordinator as a process: its ready line, its ports, its state, its end."""

import http.client
import os
import re
import signal
import subprocess

import pytest
from pace import FACTOR

READY = re.compile(r"^ready grpc=(?P<grpc>127\.0\.0\.1:\d+) http=127\.0\.0\.1:(?P<http>\d+)\n$")


class Coordinator:
    """A started coordinator; `ready` holds the match of its ready line."""

    def __init__(self, bin_dir, state, *flags, env=None):
        command = [bin_dir / "kiln-coordinator", "--state", state, "--port", "0", "--http-port", "0"]
        self.process = subprocess.Popen(
            [*map(str, command), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.ready = READY.match(self.process.stdout.readline())

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.ready["http"]), timeout=10 * FACTOR)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def coordinator(bin_dir, tmp_path):
    running = Coordinator(bin_dir, tmp_path / "state")
    assert running.ready
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def test_serves_http_beside_grpc(coordinator):
    assert coordinator.get("/healthz") == (200, "ok\n")
    assert coordinator.get("/readyz") == (200, "ready\n")
    assert coordinator.get("/nothing")[0] == 404
    status, metrics = coordinator.get("/metrics")
    assert status == 200
    assert 'graphkiln_build_info{version="' in metrics
    assert re.search(
        r'^grpc_server_started_total\{grpc_method="SubmitJob",.*\} 0$', metrics, re.MULTILINE
    )
    resident = float(re.search(r"^process_resident_memory_bytes (\S+)$", metrics, re.MULTILINE)[1])
    assert resident <= 50e6 * FACTOR


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_on_a_signal(coordinator, number):
    code, _ = coordinator.stop(number)
    assert code == 0


def test_a_killed_one_comes_back_on_its_state(bin_dir, tmp_path):
    for _ in range(3):
        running = Coordinator(bin_dir, tmp_path / "state")
        assert running.ready
        running.process.kill()
        running.process.communicate()


def test_a_second_one_is_refused(coordinator, bin_dir, tmp_path):
    for flags, message in [
        (["--state", tmp_path / "state", "--port", "0"], "in use by another coordinator"),
        (
            ["--state", tmp_path / "other", "--port", coordinator.ready["grpc"].split(":")[1]],
            "the address is taken",
        ),
        (["--state", tmp_path / "other", "--host", "0.0.0.0"], "without TLS and a token"),
    ]:
        run = subprocess.run(
            [bin_dir / "kiln-coordinator", "--http-port", "0", *map(str, flags)],
            capture_output=True,
            text=True,
            timeout=20 * FACTOR,
        )
        assert run.returncode == 1
        assert run.stdout == ""
        assert message in run.stderr


def test_bad_flags_and_token_files_are_usage_errors(bin_dir, tmp_path):
    short = tmp_path / "token"
    short.write_text("short\n")
    for flags in [["--port", "70000"], ["--nonsense"], ["--token-file", str(short)], ["--log-level", "x"]]:
        run = subprocess.run(
            [bin_dir / "kiln-coordinator", "--state", tmp_path / "state", *flags],
            capture_output=True,
            text=True,
            timeout=20 * FACTOR,
        )
        assert run.returncode == 2, run.stderr
        assert run.stderr


def test_tells_its_version(bin_dir):
    run = subprocess.run(
        [bin_dir / "kiln-coordinator", "--version"], capture_output=True, text=True, timeout=20 * FACTOR
    )
    assert re.fullmatch(r"kiln-coordinator \d+\.\d+\.\d+\n", run.stdout)


def test_no_room_at_the_start_is_told_with_the_folder(bin_dir, tmp_path):
    state = tmp_path / "state"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 4; exec "$@"', "_", str(bin_dir / "kiln-coordinator"), "--state", str(state),
         "--port", "0", "--http-port", "0"],
        capture_output=True, text=True, timeout=60 * FACTOR)
    assert done.returncode == 1  # no signal (SIGXFSZ)
    assert f"cannot open the state in {state}: " in done.stderr
    assert "has room" in done.stderr and "--state" in done.stderr
