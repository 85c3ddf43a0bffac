"""Drives a kiln-trainer over its socket, as the worker daemon does. Used by the benchmarks and the parity tests.

The protos are compiled to a private folder on first use, so nothing generated lives in the repository.
"""

import atexit
import functools
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


@functools.lru_cache(maxsize=None)
def protos():
    """The modules of the public and the trainer's protos: (ir, job, value, trainer)."""
    from grpc_tools import protoc

    folder = tempfile.mkdtemp(prefix="kiln-protos-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    base = ROOT / "proto"
    names = [str(p.relative_to(base)) for p in sorted(base.glob("graphkiln/**/*.proto"))]
    well_known = pathlib.Path(protoc.__file__).parent / "_proto"
    wanted = [n for n in names if "service" not in n]
    code = protoc.main(["protoc", f"-I{base}", f"-I{well_known}", f"--python_out={folder}", *wanted])
    if code != 0:
        raise RuntimeError("protoc failed")
    sys.path.insert(0, folder)
    from graphkiln.trainer.v1 import trainer_pb2
    from graphkiln.v1 import ir_pb2, job_pb2, value_pb2

    return ir_pb2, job_pb2, value_pb2, trainer_pb2


def trainer_program():
    """The built kiln-trainer: $KILN_TRAINER, else $KILN_BUILD_DIR/bin's (default build/release)."""
    build = pathlib.Path(os.environ.get("KILN_BUILD_DIR", ROOT / "build/release"))
    return os.environ.get("KILN_TRAINER") or str(build.resolve() / "bin/kiln-trainer")


def set_params(component, params):
    """Writes plain Python values into a Component's parameters."""
    for name, value in params.items():
        set_value(component.params[name], value)


def set_value(proto, value):
    if isinstance(value, bool):
        proto.bool_value = value
    elif isinstance(value, int):
        proto.int_value = value
    elif isinstance(value, float):
        proto.double_value = value
    elif isinstance(value, str):
        proto.string_value = value
    else:
        for item in value:
            set_value(proto.list_value.values.add(), item)


class Link:
    """One end of a socket with length-delimited messages."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, message, fds=()):
        data = message.SerializeToString()
        frame = struct.pack("<I", len(data)) + data
        if fds:
            sent = socket.send_fds(self.sock, [frame], list(fds))
            frame = frame[sent:]
        self.sock.sendall(frame)

    def receive(self, message):
        """Fills and returns `message`; None at the end of the stream."""
        head = self._exactly(4)
        if head is None:
            return None
        message.ParseFromString(self._exactly(struct.unpack("<I", head)[0]))
        return message

    def _exactly(self, count):
        parts = bytearray()
        while len(parts) < count:
            part = self.sock.recv(count - len(parts))
            if not part:
                return None
            parts += part
        return bytes(parts)


def serve(link, command, on_report=None):
    """Sends the command to a trainer, hands every report to `on_report`, returns Finished."""
    link.send(command)
    while True:
        report = link.receive(protos()[3].TrainerReport())
        if report is None:
            raise RuntimeError("the trainer has ended without a result")
        if report.WhichOneof("kind") == "finished":
            return report.finished
        if on_report is not None:
            on_report(report, link)


class SingleTrainer:
    """`kiln-trainer --single` with the other end of its socket; one job."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        env = dict(os.environ, KILN_SOCKET_FD=str(theirs.fileno()))
        self.process = subprocess.Popen([trainer_program(), "--single"], env=env,
                                        pass_fds=[theirs.fileno()])
        theirs.close()
        self.link = Link(ours)

    def run(self, command, on_report=None):
        """Sends the command, hands every report to `on_report`, returns Finished."""
        finished = serve(self.link, command, on_report)
        self.process.wait()
        return finished

    def close(self):
        self.link.sock.close()
        self.process.wait()


class WarmParent:
    """`kiln-trainer --parent`; fork() gives links to fresh trainers."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        env = dict(os.environ, KILN_SOCKET_FD=str(theirs.fileno()))
        self.process = subprocess.Popen([trainer_program(), "--parent"], env=env,
                                        pass_fds=[theirs.fileno()])
        theirs.close()
        self.link = Link(ours)
        self.slot = 0
        reply = self.link.receive(protos()[3].ParentReply())
        if reply is None or reply.WhichOneof("kind") != "ready":
            raise RuntimeError("the parent is not ready")

    def fork(self):
        """A link to a new trainer; waits for nothing."""
        ours, theirs = socket.socketpair()
        self.slot += 1
        self.link.send(protos()[3].ForkRequest(slot=self.slot), fds=[theirs.fileno()])
        theirs.close()
        return Link(ours)

    def close(self):
        self.link.sock.close()
        self.process.wait()
