"""What the programs under test may take beyond a release build, for tests with bounds of time or memory.

KILN_TEST_FACTOR (default 1) multiplies those bounds. tests/run sets it for builds with sanitizers, which are several
times slower and larger; everything else about a test stays as it is.
"""

import os

FACTOR = max(1.0, float(os.environ.get("KILN_TEST_FACTOR", "1")))
