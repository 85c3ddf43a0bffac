"""`kiln serve`: it leaves nothing behind, however it ends."""

import os
import signal
import socket
import time

import pytest
from pace import FACTOR
from processes import alive, descendants, wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_serve_leaves_nothing_behind(local, tmp_path, number):
    server = local.start("serve", "--state", tmp_path, "--port", 0, "--http-port", 0, "--workers", 2)
    assert server.stdout.readline().startswith("ready grpc=")
    family = descendants(server.pid)
    assert len(family) >= 3
    server.send_signal(number)
    code = server.wait(60 * FACTOR)
    assert code == {signal.SIGTERM: 0, signal.SIGINT: 130, signal.SIGKILL: -9}[number]
    wait_until(lambda: not any(map(alive, family)), "the processes of serve to end")
    server.stdout.close()
    server.stderr.close()


def test_serve_says_when_a_part_dies(local, tmp_path):
    server = local.start("serve", "--state", tmp_path, "--port", 0, "--http-port", 0)
    assert server.stdout.readline().startswith("ready grpc=")
    coordinator = next(pid for pid in descendants(server.pid)
                       if "kiln-coordinator" in open(f"/proc/{pid}/cmdline").read())
    family = descendants(server.pid)
    os.kill(coordinator, signal.SIGKILL)
    _, err = server.communicate(timeout=90 * FACTOR)
    assert server.returncode == 1 and "kiln-coordinator was ended by signal 9" in err
    wait_until(lambda: not any(map(alive, family)), "the processes of serve to end")


def serve_with_a_job(local, iris, tmp_path):
    """`kiln serve` that trains a job without end; the server and its family."""
    server = local.start("serve", "--state", tmp_path / "state", "--port", 0, "--http-port", 0)
    ready = server.stdout.readline()
    assert ready.startswith("ready grpc=")
    env = {"KILN_ENDPOINT": ready.split("grpc=")[1].split()[0]}
    name = local.json("submit", "-f", iris, "--set", "epochs=10000000", env=env)["name"]
    wait_until(lambda: local.json("describe", "job", name, env=env)["step"] > 0, "the first step")
    return server, descendants(server.pid)


@pytest.mark.parametrize("victim", ["serve", "kiln-coordinator"])
def test_a_kill_during_training_ends_all_soon(local, iris, tmp_path, victim):
    server, family = serve_with_a_job(local, iris, tmp_path)
    pid = server.pid if victim == "serve" else next(
        pid for pid in family if victim in open(f"/proc/{pid}/cmdline").read())
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    _, err = server.communicate(timeout=30 * FACTOR)
    wait_until(lambda: not any(map(alive, family)), "the processes of serve to end", 30 * FACTOR)
    # The worker's 40 s to store a checkpoint with a coordinator that is gone are not waited for.
    assert time.monotonic() - begin < 25 * FACTOR
    if victim != "serve":
        assert server.returncode == 1
        assert "kiln-coordinator was ended by signal 9; stopping the others" in err
    # Nobody holds the folder of the worker: the next `kiln serve` starts.
    again = local.start("serve", "--state", tmp_path / "state", "--port", 0, "--http-port", 0)
    assert again.stdout.readline().startswith("ready grpc=")
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=60 * FACTOR)


def test_serve_on_a_taken_port(local, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = local("serve", "--state", tmp_path, "--port", taken.getsockname()[1], "--http-port", 0,
                     code=1)
    assert "before it was ready" in done.stderr
