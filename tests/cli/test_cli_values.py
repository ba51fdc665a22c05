"""Values of options: the endings of files to write."""

import re

import click
import pytest

from te_audit_frames.cli.output import FILE_FORMATS
from te_audit_frames.cli.values import Target


@pytest.mark.parametrize(
    ("endings", "valid"),
    [((".csv",), ".csv"), ((".html", ".htm"), ".html or .htm"), (FILE_FORMATS, ".parquet, .csv or .jsonl")],
)
def test_a_wrong_ending_is_told_with_the_valid_ones(endings, valid):
    with pytest.raises(click.BadParameter, match=rf"^'x.txt' must end in {re.escape(valid)}, which names the format"):
        Target(*endings).convert("x.txt", None, None)
