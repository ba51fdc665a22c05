"""Dispositions: what was looked at, by whom, why, and until when. Mistakes in the file are reported by line."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from os import PathLike, fspath
from typing import Any

import pandas as pd

from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.severity import CHECKS
from te_audit_frames.checks.people import matches_text, names_of
from te_audit_frames.checks.toml_file import read_toml
from te_audit_frames.errors import InvalidArgument

_NEEDED = ("by", "why", "until")
_FIELDS = ("uid", "user", "ip_address", "check", "since", *_NEEDED)
_NAMED = 5  # lines that a note lists
_EXAMPLE = 'for example: [[reviewed]], then uid = "7", by = "Grace", why = "Migration", until = 2026-12-31'


@dataclass(frozen=True)
class Disposition:
    """What somebody has looked at.

    Attributes
    ----------
    by, why : str
        Who looked, and what they found out.
    until : date
        The last day, in UTC, on which it holds.
    uid, user, ip_address : str or None
        Whom or what it is about; those that are given must all match. A `user` is a name, an e-mail address or a `uid`,
        in which ``*`` stands for any text and capitals do not matter. An address may be a network, such as
        ``"203.0.113.0/24"``, and then stands for all of its addresses.
    check : str or None
        The check; None for all of them.
    since : datetime or None
        Findings that begin earlier do not match.
    line : int
        The line of the file at which it begins; 0 if that is not known.
    """

    by: str
    why: str
    until: date
    uid: str | None = None
    user: str | None = None
    ip_address: str | None = None
    check: str | None = None
    since: datetime | None = None
    line: int = 0

    def matches(self, finding: Finding) -> bool:
        """Return whether it is about a finding."""
        uid, user = finding.who
        if self.uid is not None and self.uid != uid:
            return False
        if self.user is not None and not _is_called(uid, user, self.user):
            return False
        if self.ip_address is not None and not _is_within(finding.row.get("ip_address"), self.ip_address):
            return False
        if self.check is not None and self.check != finding.check:
            return False
        return self.since is None or (not pd.isna(finding.first_event) and finding.first_event >= self.since)

    @property
    def matches_everybody(self) -> str:
        """The `ip_address` or `user` if the disposition matches everybody, such as ``*``; otherwise empty."""
        network = _to_network(self.ip_address)
        if self.uid is not None or (self.user or "*").strip("*"):
            return ""
        if network is not None and network.prefixlen > 0:
            return ""
        return self.ip_address or self.user or ""


def load_dispositions(path: str | PathLike[str]) -> list[Disposition]:
    """Read a file of dispositions.

    Parameters
    ----------
    path : path
        A TOML file of ``[[reviewed]]`` tables. Each has `by`, `why` and `until` (a date), at least one of `uid`, `user`
        and `ip_address`, and may have `check` (such as ``"find_runs"``) and `since` (a date or a moment).

    Returns
    -------
    list of Disposition

    Raises
    ------
    InvalidArgument
        The file cannot be read, or has a mistake; the message names its line and says what is right.
    """
    text, tables = read_toml(path, "dispositions", example=f"Right is, {_EXAMPLE}.")
    return _File(fspath(path), text.splitlines()).read(tables)


def split_reviewed(
    findings: Sequence[Finding], dispositions: Sequence[Disposition], today: date
) -> tuple[list[Finding], list[tuple[Finding, Disposition]], list[str]]:
    """Return the open findings, the reviewed ones with the reason, and notes about dispositions that need a look."""
    valid = [one for one in dispositions if one.until >= today]
    expired = [one for one in dispositions if one.until < today]
    open_, reviewed, back = [], [], 0
    for finding in findings:
        match = next((one for one in valid if one.matches(finding)), None)
        if match is not None:
            reviewed.append((finding, match))
            continue
        open_.append(finding)
        back += any(one.matches(finding) for one in expired)
    notes = [f"findings that came back, because their disposition has expired: {back:,}"] if back else []
    idle = [one for one in valid if not any(one.matches(finding) for finding in findings)]
    if idle:
        note = f"dispositions that no finding of this period matches: {len(idle):,} of {len(valid):,}"
        notes.append(note + _lines_of(idle))
    notes += [
        f"a disposition matches everybody, not only whom somebody has looked at: {one.matches_everybody}"
        f"{_lines_of([one])}"
        for one in valid
        if one.matches_everybody
    ]
    return open_, reviewed, notes


def _lines_of(some: Sequence[Disposition]) -> str:
    """List the lines of the first few dispositions."""
    known = [f"{one.line:,}" for one in some if one.line]
    if not known:
        return ""
    more = ", ..." if len(known) > _NAMED else ""
    return f" (line{'s' * (len(known) > 1)} {', '.join(known[:_NAMED])}{more})"


class _File:
    """The lines of a file, to name the one with a mistake."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self._name = name
        self._lines = lines
        self._heads = [at for at, line in enumerate(lines) if re.match(r"\s*\[\[\s*[\"']?reviewed[\"']?\s*\]\]", line)]

    def read(self, tables: Mapping[str, Any]) -> list[Disposition]:
        for section in tables:
            if section != "reviewed":
                raise self._mistake(self._find(section, 0), f"{section!r} is not known; right is, {_EXAMPLE}")
        entries = tables.get("reviewed", [])
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise self._mistake(self._find("reviewed", 0), f"write [[reviewed]] in double brackets, {_EXAMPLE}")
        return [self._entry(at, entry) for at, entry in enumerate(entries)]

    def _entry(self, number: int, entry: Mapping[str, Any]) -> Disposition:
        head = self._heads[number] if number < len(self._heads) else 0
        for name, value in entry.items():
            line = self._find(name, head)
            if name not in _FIELDS:
                close = difflib.get_close_matches(name, _FIELDS, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(_FIELDS)}"
                raise self._mistake(line, f"{name!r} is not a field; {hint}")
            if name not in ("until", "since") and not (isinstance(value, str) and value.strip()):
                raise self._mistake(line, f'{name} must be text in quotes, such as {name} = "7"')
            if name in ("until", "since") and not isinstance(value, date):
                raise self._mistake(line, f"{name} must be a date without quotes, such as {name} = 2026-12-31")
        for name in _NEEDED:
            if name not in entry:
                raise self._mistake(head, f"{name} is missing; {_EXAMPLE}")
        if not {"uid", "user", "ip_address"} & set(entry):
            raise self._mistake(head, f"say whom it is about: uid, user or ip_address; {_EXAMPLE}")
        if "ip_address" in entry and _to_network(entry["ip_address"]) is None:
            line = self._find("ip_address", head)
            raise self._mistake(line, f'{entry["ip_address"]!r} is no address; right is ip_address = "203.0.113.7"')
        if "check" in entry and entry["check"] not in CHECKS:
            close = difflib.get_close_matches(entry["check"], CHECKS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(CHECKS)}"
            raise self._mistake(self._find("check", head), f"{entry['check']!r} is not a check; {hint}")
        until = entry["until"].date() if isinstance(entry["until"], datetime) else entry["until"]
        since = _moment(entry["since"]) if "since" in entry else None
        line = head + 1 if number < len(self._heads) else 0
        return Disposition(**{**entry, "until": until, "since": since, "line": line})

    def _find(self, key: str, start: int) -> int:
        pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*(=|\])""")
        return next((at for at in range(start, len(self._lines)) if pattern.match(self._lines[at])), start)

    def _mistake(self, line: int, what: str) -> InvalidArgument:
        return InvalidArgument(f"dispositions: {self._name}, line {line + 1}: {what.rstrip('.')}.")


def _is_called(uid: str | None, user: str | None, pattern: str) -> bool:
    """Return whether a pattern matches a person, as ``--user`` does."""
    names = (*((uid,) if uid is not None else ()), *(names_of(user) if user is not None else ()))
    return any(matches_text(name, [pattern]) for name in names)


def _to_network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_within(address: Any, text: str) -> bool:
    found, wanted = _to_network(address), _to_network(text)
    if found is None or wanted is None or found.version != wanted.version:
        return False
    return wanted.supernet_of(found)  # type: ignore[arg-type]


def _moment(value: date) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC)
