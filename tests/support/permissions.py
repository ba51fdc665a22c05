"""A folder that nobody may write to, for tests that run as root too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65_534


@contextmanager
def unwritable_folder(*names: str) -> Iterator[Path]:
    """Make a folder with empty files of these names, in which the process may not write until the end.

    Root may write everywhere, so the process takes the rights of nobody meanwhile. It cannot read what only root can
    read: do whatever is to be tried once before, so that all modules are imported.
    """
    with tempfile.TemporaryDirectory() as name:  # not below the folder of pytest, which only root may enter
        folder = Path(name)
        for file in names:
            (folder / file).touch()
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)
