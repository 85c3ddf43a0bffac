"""The data sets that set-up writes are, byte for byte, those of the acceptance data."""

import importlib.util

import pytest

SETS = ["iris", "wine", "breast_cancer", "digits", "diabetes"]


@pytest.fixture(scope="module")
def written(source_dir, tmp_path_factory):
    spec = importlib.util.spec_from_file_location("make_data", source_dir / "deploy/make_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("data")
    module.write_all(folder)
    return folder


@pytest.mark.parametrize("name", SETS)
def test_equals_the_reference(name, written, shared):
    assert (written / f"{name}.csv").read_bytes() == (
        shared / "acceptance/data" / f"{name}.csv"
    ).read_bytes()


@pytest.mark.parametrize(
    "name, rows, columns, last",
    [
        ("iris", 150, 5, "label"),
        ("wine", 178, 14, "label"),
        ("breast_cancer", 569, 31, "label"),
        ("digits", 1797, 65, "label"),
        ("diabetes", 442, 11, "target"),
    ],
)
def test_shape(name, rows, columns, last, written):
    lines = (written / f"{name}.csv").read_text().splitlines()
    assert len(lines) == rows + 1
    assert {len(line.split(",")) for line in lines} == {columns}
    assert lines[0].split(",")[-1] == last


def test_nothing_half_written_stays(written):
    assert sorted(p.name for p in written.iterdir()) == sorted(f"{n}.csv" for n in SETS)
