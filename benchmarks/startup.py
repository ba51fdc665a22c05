"""Start-up: the import of the package and the command line's --help, compared with importing the libraries."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable

from benchmarks.measure import Result, alone, at_most, ratio, side_by_side


def run(full: bool) -> list[Result]:
    """Measure whole processes."""
    command = shutil.which("te-audit-frames", path=str(sys.prefix) + "/bin") or "te-audit-frames"
    rows = side_by_side(
        _process(sys.executable, "-c", "import te_audit_frames"),
        _process(command, "--help"),
        _process(sys.executable, "-c", "import pandas, pyarrow, requests"),
        runs=21 if full else 11,
    )
    return [
        at_most("import te_audit_frames: time of import pandas, pyarrow, requests", ratio(rows, 0, 2), 1.1),
        at_most("te-audit-frames --help: time of the same imports", ratio(rows, 1, 2), 1.25),
    ]


def _process(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    alone(run)
