#!/usr/bin/env python3
"""The body of tests/run: builds, runs every group of tests, prints one line per group and the sum.

Each group names its tests; FILTER is a regular expression searched in those names.
"""

import argparse
import re
import sys
import time

import groups
from tally import Tally


def _options():
    parser = argparse.ArgumentParser(prog="tests/run", description=__doc__)
    tier = parser.add_mutually_exclusive_group()
    tier.add_argument("--fast", dest="tier", action="store_const", const="fast")
    tier.add_argument("--nightly", dest="tier", action="store_const", const="nightly")
    parser.add_argument("filter", nargs="?", metavar="FILTER")
    options = parser.parse_args()
    options.tier = options.tier or "normal"
    try:
        options.pattern = re.compile(options.filter) if options.filter else None
    except re.error as error:
        parser.error(f"FILTER is not a regular expression: {error}")
    return options


def _report(name, tally, seconds):
    print(f"{name:12} {tally}   ({seconds:.1f} s)", flush=True)
    for test, reason in tally.skips:
        print(f"  skipped {test}: {reason}")
    for test, detail in tally.failures:
        print(f"  FAILED {test}")
        for line in detail.splitlines():
            print(f"    {line}")
    sys.stdout.flush()


def main():
    options = _options()
    total = Tally()
    for name, run_group in groups.plan(options.tier, options.pattern):
        start = time.monotonic()
        tally = run_group()
        if tally is None:  # nothing of this group matches FILTER
            continue
        _report(name, tally, time.monotonic() - start)
        total.add(tally)
    if total.failed:
        print("failed:", " ".join(name for name, _ in total.failures))
    if options.pattern and not total.passed + total.failed + total.skipped:
        print(f"no test matches {options.filter}")
        total.failed = 1
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
