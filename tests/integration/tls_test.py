"""TLS with generated certificates: the worker's port, what a certificate allows, what is refused."""

import json
import pathlib
import subprocess

import pytest

from processes import Cluster

REPO = pathlib.Path(__file__).resolve().parents[2]


class Authority:
    """A certificate authority in a folder, made with openssl."""

    def __init__(self, folder, name):
        self.folder = folder
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, name, names):
        """Certificate and key with these subject alternative names."""
        key, request, certificate, extensions = (
            self.folder / f"{name}.{part}" for part in ("key", "csr", "crt", "ext"))
        extensions.write_text(f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                      "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        return certificate, key


class SecureCluster(Cluster):
    """TLS on both ports; tokens for people, certificates for workers."""

    def __init__(self, bin_dir, folder):
        super().__init__(bin_dir, folder)
        self.workers_ca = Authority(folder, "workers-ca")
        self.servers_ca = Authority(folder, "servers-ca")
        self.server_cert = self.servers_ca.issue("server", "IP:127.0.0.1,DNS:localhost")
        tokens = folder / "tokens"
        tokens.write_text("token-of-alice alice user\ntoken-of-w1 w1 worker\n")
        certificate, key = self.server_cert
        self.coordinator = self._start(
            [bin_dir / "kiln-coordinator", "--state", folder / "coordinator", "--port", 0,
             "--http-port", 0, "--worker-port", 0, "--tls-cert", certificate, "--tls-key", key,
             "--client-ca", self.workers_ca.certificate, "--token-file", tokens], "coordinator")
        ready = self.coordinator.ready()
        self.public, self.worker_port = ready["grpc"], ready["worker"]
        self.env |= {"KILN_ENDPOINT": self.public, "KILN_TOKEN": "token-of-alice",
                     "KILN_CA": str(self.servers_ca.certificate)}

    def worker(self, name, flags, port=None, token=None, ca=None):
        """Starts a worker; its log is at `worker.log`."""
        env = {**self.env, "KILN_CA": str(ca or self.servers_ca.certificate)}
        del env["KILN_TOKEN"]
        if token:
            env["KILN_TOKEN"] = token
        self.env, people = env, self.env
        try:
            return self._start(
                [self.bin_dir / "kiln-worker", "--coordinator", port or self.worker_port, "--state",
                 self.folder / f"state-{len(self.started)}", "--name", name, "--slots", 1, *flags],
                f"{name}-{len(self.started)}")
        finally:
            self.env = people

    def certified(self, certificate, key):
        return ["--cert", certificate, "--key", key]

    def refused(self, worker, code):
        """Waits until the worker was told so, and asserts that nobody took it for a worker."""
        self.wait_until(lambda: f"lost the coordinator ({code})" in worker.log.read_text(),
                        f"{worker.log} to tell of a refusal {code}")
        assert json.loads(self.kiln("get", "workers", "-o", "json"))["items"] == []
        worker.kill()


@pytest.fixture
def cluster(bin_dir, tmp_path):
    made = SecureCluster.__new__(SecureCluster)
    try:
        made.__init__(bin_dir, tmp_path)
        yield made
    finally:
        made.stop()


PERMISSION_DENIED, UNIMPLEMENTED = 7, 12


def test_a_worker_with_its_certificate_trains(cluster):
    worker = cluster.worker("w1", cluster.certified(*cluster.workers_ca.issue("w1", "DNS:w1")))
    assert worker.ready()["worker"] == "w1"
    name = cluster.submit(REPO / "templates/jobs/iris_mlp.job.yaml", "--set", "epochs=2")
    job = cluster.wait_end(name)
    assert job["state"] == "SUCCEEDED", job
    cluster.kiln("cp", f"job/{name}/weights.safetensors", cluster.folder / "weights.safetensors")


def test_a_certificate_names_its_worker_alone(cluster):
    w2 = cluster.certified(*cluster.workers_ca.issue("w2", "DNS:w2,DNS:host.example"))
    cluster.refused(cluster.worker("w1", w2), PERMISSION_DENIED)
    # A token of w1 beside the certificate of w2 makes it neither.
    cluster.refused(cluster.worker("w1", w2, token="token-of-w1"), PERMISSION_DENIED)
    cluster.refused(cluster.worker("w2", w2, token="token-of-w1"), PERMISSION_DENIED)
    assert cluster.worker("w2", w2).ready()["worker"] == "w2"


def test_strangers_do_not_get_through_the_handshake(cluster, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    foreign = cluster.certified(*stranger.issue("w1", "DNS:w1"))
    trusted = cluster.certified(*cluster.workers_ca.issue("w1-good", "DNS:w1"))
    attempts = [
        cluster.worker("w1", foreign),  # another authority's certificate
        cluster.worker("w1", [], token="token-of-w1"),  # none
        cluster.worker("w1", trusted, ca=stranger.certificate),  # a coordinator it cannot trust
    ]
    # The public port has none of a worker's methods.
    cluster.refused(cluster.worker("w1", trusted, port=cluster.public), UNIMPLEMENTED)
    # A worker that may is let in meanwhile; the others had longer for their attempts.
    right = cluster.worker("w3", cluster.certified(*cluster.workers_ca.issue("w3", "DNS:w3")))
    assert right.ready()["worker"] == "w3"
    items = json.loads(cluster.kiln("get", "workers", "-o", "json"))["items"]
    assert [item["name"].rsplit("/")[-1] for item in items] == ["w3"]
    for worker in attempts:
        assert worker.process.poll() is None
        assert worker.out_path.read_text() == ""


def test_people_need_the_token_and_the_authority(cluster):
    cluster.env["KILN_TOKEN"] = "token-of-nobody"
    cluster.kiln("get", "jobs", code=5)
    cluster.env["KILN_TOKEN"] = "token-of-w1"
    cluster.kiln("get", "jobs", code=5)
    cluster.env["KILN_TOKEN"] = "token-of-alice"
    cluster.kiln("get", "jobs")
    cluster.env["KILN_CA"] = str(cluster.workers_ca.certificate)
    cluster.kiln("get", "jobs", code=8)


@pytest.mark.parametrize("flags", [["--cert", "KEY"], ["--cert", "KEY", "--key", "KEY"],
                                   ["--ca", "nowhere.pem"]])
def test_half_of_the_flags_is_a_usage_error(bin_dir, tmp_path, flags):
    (tmp_path / "KEY").write_text("x")
    run = subprocess.run(
        [bin_dir / "kiln-worker", "--coordinator", "127.0.0.1:1", "--state", "state", *flags],
        cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert run.returncode == 2, run.stderr
    assert run.stderr
