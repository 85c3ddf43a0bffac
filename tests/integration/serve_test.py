"""`kiln serve`: it leaves nothing behind, however it ends."""

import os
import signal
import socket

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


def test_serve_on_a_taken_port(local, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = local("serve", "--state", tmp_path, "--port", taken.getsockname()[1], "--http-port", 0,
                     code=1)
    assert "before it was ready" in done.stderr
