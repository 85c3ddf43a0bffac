"""Fixtures of all pytest tests. Programs come from $KILN_BUILD_DIR/bin (default build/release)."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    if os.environ.get("KILN_TEST_TIER") == "nightly":
        return
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.skip(reason="only in tests/run --nightly"))


@pytest.fixture(scope="session")
def source_dir():
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def bin_dir():
    """The folder with kiln, kiln-coordinator, kiln-worker and kiln-trainer."""
    return pathlib.Path(os.environ.get("KILN_BUILD_DIR", ROOT / "build/release")).resolve() / "bin"


@pytest.fixture(scope="session")
def shared():
    """The folder of acceptance data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is not there")
    return folder
