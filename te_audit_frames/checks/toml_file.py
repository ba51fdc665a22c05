"""TOML files that users write, read with errors that name the line."""

from __future__ import annotations

import re
import tomllib
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from te_audit_frames.errors import InvalidArgument


def read_toml(path: str | PathLike[str], argument: str, *, example: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a file and its tables.

    Parameters
    ----------
    path : path
        The file.
    argument : str
        The argument that named the file, for messages.
    example : str
        A line that is right, for messages.

    Raises
    ------
    InvalidArgument
        The file cannot be read, or is not TOML; the message names the line.
    """
    if not isinstance(path, str | PathLike):
        raise InvalidArgument(f"{argument}: {path!r} is not the path of a TOML file.")
    name = fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors write a byte order mark
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise InvalidArgument(f"{argument}: {name} is not UTF-8 text. Save it as UTF-8.") from None
        reason = getattr(error, "strerror", None) or error
        raise InvalidArgument(f"{argument}: {name} cannot be read: {reason}.") from None
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The error of Python 3.11 names its line in the message only.
        found = re.search(r"line (\d+)", str(error))
        line = int(found.group(1)) if found else len(text.splitlines())
        raise InvalidArgument(f"{argument}: {name}, line {line}: not TOML: {error}. {example}") from None
    except (RecursionError, ValueError) as error:
        # The parser gives up on very deep lists, and on numbers of thousands of digits.
        raise InvalidArgument(f"{argument}: {name}: not TOML: {error}. {example}") from None
