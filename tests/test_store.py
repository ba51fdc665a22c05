"""The contract of a store, which a folder and a bucket both keep."""

from __future__ import annotations

import pytest

from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.object_store import ObjectStore

NAMES = ["events/a", "events/b/c"]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.full)])
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "folder":
        return LocalStore(str(tmp_path / "te-audit"))
    return ObjectStore(request.getfixturevalue("bucket"), {})


def test_a_store_lists_reads_and_changes_files_in_one_step(store):
    assert store.names("events") == []
    assert store.read("events/a") is None
    with store.writing():
        assert store.update("events/a", lambda old: b"new")
        assert not store.update("events/a", lambda old: old)
        assert not store.update("events/a", lambda old: None)
        assert store.update("events/b/c", lambda old: (old or b"") + b"!")
    assert store.names("events") == NAMES
    assert (store.read("events/a"), store.read("events/b/c")) == (b"new", b"!")


def test_a_change_is_told_what_is_there_and_none_makes_no_file(store):
    seen = []
    with store.writing():
        assert not store.update("a", seen.append)
        assert store.read("a") is None
        assert store.update("a", lambda old: b"")
        assert store.read("a") == b""
        assert not store.update("a", seen.append)
    assert seen == [None, b""]


def test_a_change_that_fails_leaves_the_file_as_it_was(store):
    with store.writing():
        assert store.update("events/a", lambda old: b"old")
        with pytest.raises(ZeroDivisionError):
            store.update("events/a", lambda old: bytes(1 // 0))
    assert store.read("events/a") == b"old"
    assert store.names("events") == ["events/a"]
    with store.writing():
        assert store.update("events/a", lambda old: old + b"er")
    assert store.read("events/a") == b"older"


def test_any_bytes_come_back_and_a_folder_is_no_prefix(store):
    content = bytes(range(256)) * 1_000
    with store.writing():
        for name in ("events/z", "events/event_date=2026-03-02/events.parquet", "events-2/a", "events/a"):
            assert store.update(name, lambda old: content)
    assert store.read("events/event_date=2026-03-02/events.parquet") == content
    assert store.names("events") == ["events/a", "events/event_date=2026-03-02/events.parquet", "events/z"]
    assert store.names("events/event_date=2026-03-02") == ["events/event_date=2026-03-02/events.parquet"]
    assert store.names("absent") == []


def test_an_address_is_below_that_of_the_store_and_stands_for_one_file(store):
    first, second = (store.address(name) for name in NAMES)
    assert first.replace("\\", "/").endswith("/events/a")
    assert first.removesuffix("events/a") == second.removesuffix("events/b/c")
    assert first.removesuffix("events/a").rstrip("/\\") in repr(store)


def test_only_a_folder_keeps_others_out(store):
    with store.writing() as is_alone:
        assert is_alone is isinstance(store, LocalStore)


def test_a_folder_has_the_paths_of_the_system(tmp_path):
    store = LocalStore(str(tmp_path / "te-audit"))
    assert store.address("events/a") == str(tmp_path / "te-audit/events/a")
    assert repr(store) == f"LocalStore({str(tmp_path / 'te-audit')!r})"
