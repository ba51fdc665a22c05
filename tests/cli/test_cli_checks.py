"""The command vocabulary: event texts with their counts and classes, and nothing about people."""

import json

import pytest
from support.command_line import HOSTILE, run

import te_audit_frames as taf


def own(tmp_path, text):
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def texts(tmp_path):
    page = {
        "auditEvents": [
            {"event": "Flux capacitor", "user": "Ada (ada@example.com)", "uid": "7", "ipAddress": "192.0.2.1"},
            {"event": "Deleted.", "resources": [{"type": "testName", "name": "Secret test"}]},
            {"event": "Flux capacitor", "user": "Ada (ada@example.com)"},
            {"event": "Login failed."},
        ]
    }
    path = tmp_path / "events.parquet"
    taf.write_parquet(taf.read_pages([json.dumps(page).encode()]), path)
    return str(path)


def test_the_command_prints_texts_counts_and_classes_only(texts):
    result = run("vocabulary", texts, "--format", "json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert [(row["event"], row["events"], row["action"], row["object"], row["outcome"]) for row in said] == [
        ("Flux capacitor", 2, "unclassified", "unclassified", "unknown"),
        ("Deleted.", 1, "delete", "test", "success"),
        ("Login failed.", 1, "login", "user", "failure"),
    ]
    assert list(said[0]) == ["event", "events", "action", "object", "outcome", "rule"]
    for secret in ("Ada", "ada@example.com", "192.0.2.1", "Secret test"):
        assert secret not in result.output


def test_the_command_lists_what_is_unclassified_under_a_table_of_ones_own(texts, tmp_path):
    words = own(tmp_path, '[texts]\n"Login failed" = { action = "login" }\n')
    result = run("vocabulary", texts, "--unclassified", "--vocabulary", words, "--format", "csv")
    assert result.exit_code == 0, result.output
    assert [line.split(",")[:3] for line in result.output.splitlines()[1:]] == [
        ["Flux capacitor", "2", "unclassified"],
        ["Login failed.", "1", "login"],
    ]


def test_the_command_names_a_mistake_in_the_table(texts, tmp_path):
    result = run("vocabulary", texts, "--vocabulary", own(tmp_path, "[aktions]\n"))
    assert result.exit_code == 2
    assert "line 1" in result.output


def test_texts_of_one_count_are_in_the_order_of_their_letters_and_events_without_one_are_counted(tmp_path):
    sent = [{"event": text} for text in ("b", "a", None, "", "c", "c", None)]
    taf.write_parquet(taf.read_pages([json.dumps({"auditEvents": sent}).encode()]), tmp_path / "events.parquet")
    result = run("vocabulary", tmp_path / "events.parquet", "--format", "json")
    assert [(row["event"], row["events"]) for row in json.loads(result.stdout)] == [
        ("c", 2),
        (None, 2),
        ("", 1),
        ("a", 1),
        ("b", 1),
    ]


@pytest.mark.parametrize("more", [(), ("--unclassified",)])
def test_without_events_there_is_a_heading_and_no_row(tmp_path, more):
    taf.write_parquet(taf.read_pages([b'{"auditEvents": []}']), tmp_path / "events.parquet")
    result = run("vocabulary", tmp_path / "events.parquet", "--format", "csv", *more)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["event,events,action,object,outcome,rule"]


def test_a_hostile_text_is_harmless_on_a_terminal(tmp_path):
    taf.write_parquet(
        taf.read_pages([json.dumps({"auditEvents": [{"event": HOSTILE}]}).encode()]), tmp_path / "events.parquet"
    )
    result = run("vocabulary", tmp_path / "events.parquet")
    assert result.exit_code == 0, result.output
    assert not set(result.stdout) & set("\x1b\x9b\u202e\u2066\r")
