"""Fixtures of the integration tests: real processes (processes.py)."""

import pathlib
import sys

import pytest

FOLDER = str(pathlib.Path(__file__).resolve().parent)
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)

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
