"""Fixtures of the integration tests: real processes (processes.py)."""

import pathlib
import sys

import pytest

FOLDER = str(pathlib.Path(__file__).resolve().parent)
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)

from command_line import Kiln  # noqa: E402
from processes import Cluster  # noqa: E402


@pytest.fixture
def cluster(bin_dir, tmp_path):
    """A running coordinator; workers are started by the test. Everything is gone afterwards."""
    cluster = Cluster(bin_dir, tmp_path)
    try:
        cluster.start_coordinator()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def local(bin_dir):
    return Kiln(bin_dir)


@pytest.fixture(scope="session")
def models(source_dir):
    return source_dir / "templates/models"


@pytest.fixture(scope="session")
def iris(source_dir):
    return source_dir / "templates/jobs/iris_mlp.job.yaml"
