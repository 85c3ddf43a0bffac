"""The template jobs reach the accuracy of the plain PyTorch reference: median of three seeds, within two points."""

import json
import statistics

import pytest
from pace import FACTOR

CASES = [("iris_mlp", "iris.csv", "mlp"), ("digits_mlp", "digits.csv", "mlp"),
         ("digits_cnn", "digits.csv", "cnn")]


@pytest.mark.parametrize("template, data, model", CASES)
def test_reaches_the_reference(template, data, model, cluster, source_dir, shared):
    table = json.loads((shared / "acceptance/data/reference.json").read_text())
    entry = next(e for e in table["data"] if e["file"] == data)
    reference = statistics.median(entry["reference"][model]["test_accuracy"])
    cluster.start_worker(slots=2)
    found = []
    for seed in (0, 1, 2):
        lines = cluster.kiln("submit", "-f", source_dir / f"templates/jobs/{template}.job.yaml",
                             "--set", f"seed={seed}", "--follow", "-o", "json", timeout=300 * FACTOR)
        found.append(json.loads(lines.splitlines()[-1])["metrics"]["test_accuracy"])
    assert statistics.median(found) >= reference - 0.02, (found, reference)
