"""Reports as a reader of HTML sees them, and events to report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from datetime import UTC, tzinfo
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

import te_audit_frames as taf
from support.histories import event, frame
from te_audit_frames.report.subject import Subject

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "img", "source"}


class Page(HTMLParser):
    """A page, as a parser sees it: its tags with their attributes, its tables, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.open: list[str] = []
        self.text: list[str] = []
        self.style = ""
        self._key = ""
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "caption":
            self._key = str(dict(attrs)["id"])
            self.tables[self._key] = []
        elif tag == "tr":
            self.tables[self._key].append([])
        elif tag in ("th", "td"):
            self.tables[self._key][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        self.text.append(data)
        if "th" in self.open or "td" in self.open:
            self.tables[self._key][-1][-1] += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())

    def column(self, table: str, name: str) -> list[str]:
        head, *rows = self.tables[table]
        return [row[head.index(name)] for row in rows]

    @property
    def pictures(self) -> list[ET.Element]:
        uris = [str(value) for attrs in self.all("img", "source") for name, value in attrs.items() if "src" in name]
        return [ET.fromstring(base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,"))) for uri in uris]


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def write(events: Any, folder: Path, **options: Any) -> Page:
    path = folder / "report.html"
    digest = taf.write_report(events, path, **options)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    return Page(path.read_text("utf-8"))


def make_events() -> pd.DataFrame:
    """Make three weeks of what Ada and Ben do at work, and a night in which Ben deletes a lot and becomes an admin."""
    days = [day for day in range(21) if day % 7 < 5]
    work = [
        event(1440 * day + 60 * uid, text, str(uid), ip_address=f"203.0.113.{uid}")
        for day in days
        for uid in (7, 8)
        for text in ("User login.", "Test updated.")
    ]
    night = [event(1440 * 20 + 900 + n / 4, "Test deleted.", "8", ip_address="198.51.100.1") for n in range(30)]
    role = [{"type": "userDisplayName", "name": "Ben"}, {"type": "roleName", "name": "Admin"}]
    night.append(event(1440 * 20 + 920, "Role assigned.", "8", resources=role))
    return frame(*sorted([*work, *night], key=lambda row: row["date"]))


EVENTS = make_events()
RUNS = ["find_runs"]
PERIOD = {"start": "2026-03-02T00:00:00+00:00", "end": "2026-03-23T12:00:00+00:00"}


@cache
def reviewed() -> taf.Review:
    """Review the events, once for those tests that need it."""
    return taf.review(EVENTS)


def subject(
    events: Any,
    *,
    review: taf.Review | None = None,
    archive: Any = None,
    zone: tzinfo = UTC,
    sections: Collection[str] = (),
) -> Subject:
    """Find out what a report says of events, by default in UTC."""
    return Subject.of(events, review=review, archive=archive, zone=zone, sections=sections)


@cache
def runs_reviewed() -> taf.Review:
    """Review the events for runs of deletions only, which is quick."""
    return taf.review(EVENTS, checks=RUNS)
