#!/usr/bin/env python3
"""Writes the data sets of the templates as CSV, from those that scikit-learn carries.

Usage: make_data.py FOLDER. Called by deploy/setup; nothing is downloaded. One header line, features
first, then the integer `label` or the float `target`; values unscaled, in their original order.
"""

import csv
import pathlib
import sys

from sklearn import datasets


def _column(name):
    """`mean radius` -> `mean_radius`, `sepal length (cm)` -> `sepal_length`."""
    return name.replace("(cm)", "").strip().replace(" ", "_").replace("/", "_")


def _number(value):
    """The shortest text that reads back as the value; scaled sets are kept to ten decimals."""
    return repr(round(float(value), 10))


def _sets():
    """Yields (file stem, feature names, rows, last column's name, last column's values)."""
    for stem, load in (
        ("iris", datasets.load_iris),
        ("wine", datasets.load_wine),
        ("breast_cancer", datasets.load_breast_cancer),
    ):
        s = load()
        rows = [[_number(v) for v in row] for row in s.data]
        yield stem, [_column(n) for n in s.feature_names], rows, "label", [int(v) for v in s.target]
    s = datasets.load_digits()
    names = [f"p{y}{x}" for y in range(8) for x in range(8)]
    yield "digits", names, [[int(v) for v in row] for row in s.data], "label", [int(v) for v in s.target]
    s = datasets.load_diabetes()
    rows = [[_number(v) for v in row] for row in s.data]
    yield "diabetes", list(s.feature_names), rows, "target", [_number(v) for v in s.target]


def write_all(folder):
    """Writes every set into `folder`; each file appears whole or not at all."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for stem, names, rows, last, values in _sets():
        part = folder / f"{stem}.csv.part"
        with part.open("w", newline="", encoding="ascii") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([*names, last])
            writer.writerows([*row, value] for row, value in zip(rows, values))
        part.replace(folder / f"{stem}.csv")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_data.py FOLDER")
    write_all(sys.argv[1])
