"""TOML files that users write: each mistake is an error that names the argument, the file and the line."""

from __future__ import annotations

import os

import pytest

import te_audit_frames as taf
from te_audit_frames.checks.toml_file import read_toml

EXAMPLE = "For example a = 1."


def read(path):
    return read_toml(path, "vocabulary", example=EXAMPLE)


@pytest.mark.parametrize("written", [b"a = 1\n", b"\xef\xbb\xbfa = 1\r\n", b"# \xf0\x9f\x98\x80\na = 1"])
def test_a_file_is_read_with_a_byte_order_mark_and_with_the_line_ends_of_windows(tmp_path, written):
    path = tmp_path / "words.toml"
    path.write_bytes(written)
    for way in (path, str(path), os.fspath(path)):
        text, tables = read(way)
        assert tables == {"a": 1}
        assert "a = 1" in text
        assert "\ufeff" not in text


def test_an_empty_file_has_no_tables(tmp_path):
    path = tmp_path / "words.toml"
    path.touch()
    assert read(path) == ("", {})


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb\n", 2), ("a = 1\n\n\nb = [1,\n", 4), ('a = "x\n', 1), ("a = 1\na = 2\n", 2), ("a = \0", 1)],
)
def test_a_mistake_is_named_with_its_line_and_with_what_is_right(tmp_path, text, line):
    path = tmp_path / "words.toml"
    path.write_text(text)
    with pytest.raises(taf.InvalidArgument, match=f"^vocabulary: .*words.toml, line {line}: not TOML: .*{EXAMPLE}$"):
        read(path)


@pytest.mark.parametrize("text", ["a = " + "9" * 5_000, "a = " + "[" * 100_000], ids=["digits", "brackets"])
def test_a_file_that_the_parser_gives_up_on_is_no_toml(tmp_path, text):
    path = tmp_path / "words.toml"
    path.write_text(text)
    with pytest.raises(taf.InvalidArgument, match=r"^vocabulary: .*words.toml.*: not TOML: "):
        read(path)


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.toml", "No such file"), (".", "Is a directory"), ("a\0b", "null")]
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, reason):
    with pytest.raises(taf.InvalidArgument, match=f"^vocabulary: .* cannot be read: .*{reason}"):
        read(f"{tmp_path}/{name}")


@pytest.mark.parametrize("written", [b"a = '\xff'", "a = 1".encode("utf-16")])
def test_text_in_another_encoding_is_refused_with_the_remedy(tmp_path, written):
    path = tmp_path / "words.toml"
    path.write_bytes(written)
    with pytest.raises(taf.InvalidArgument, match=r"is not UTF-8 text. Save it as UTF-8"):
        read(path)


@pytest.mark.parametrize("path", [None, 7, b"words.toml", ["words.toml"], {"actions": {}}])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(taf.InvalidArgument, match=r"^vocabulary: .* is not the path of a TOML file"):
        read(path)
