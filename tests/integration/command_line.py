"""Runs `kiln` as its users do, for the tests of the command line."""

import json
import os
import subprocess

from pace import FACTOR


class Kiln:
    """Runs `kiln` with a clean environment."""

    def __init__(self, bin_dir, endpoint=None):
        self.program = str(bin_dir / "kiln")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("KILN_")}
        if endpoint:
            self.env["KILN_ENDPOINT"] = endpoint

    def __call__(self, *arguments, code=0, stdin=None, env=None):
        done = subprocess.run([self.program, *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=60 * FACTOR, env={**self.env, **(env or {})})
        assert code is None or done.returncode == code, (
            f"kiln {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout[-2000:]}\n"
            f"{done.stderr[-3000:]}")
        return done

    def json(self, *arguments, **options):
        """The one document on stdout; anything else there fails the test."""
        return json.loads(self(*arguments, "-o", "json", **options).stdout)

    def lines(self, *arguments, **options):
        return [json.loads(line) for line in self(*arguments, "-o", "json", **options).stdout.splitlines()]

    def start(self, *arguments, **options):
        return subprocess.Popen([self.program, *map(str, arguments)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=self.env, **options)


def drain(process):
    """The rest of both streams (`communicate` would lose what a readline has buffered)."""
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(30)
    return out, err
