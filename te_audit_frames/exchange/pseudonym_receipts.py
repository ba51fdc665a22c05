"""Receipts without names: a value is copied only if it cannot be a name.

A receipt can hold identifiers (`account_groups`, `scope`), names (the labels of filters) and sentences. It may also
come from a file that others wrote. So each field is rebuilt from its type, and sentences are left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from typing import Any

from te_audit_frames.directory_receipts import DirectoryReceipt
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.periods import to_instant, to_window
from te_audit_frames.receipts import Receipt

_COUNTS = ("events", "pages", "requests", "retries", "throttled", "waited_seconds", "undated", "coerced", "parts")
_CHECKED = (
    "ranges", "ranges_unconfirmed", "seams", "margin_seconds", "windows", "window_events", "clock_ahead_seconds",
)  # fmt: skip
_SOURCES = ("api", "pages", "archive", "mixed")
_ORDERS = ("newest first", "oldest first", "none", "unknown")
_VERSIONS = ("te-audit-frames", "pandas", "pyarrow", "requests", "python")
_VERSION = re.compile(r"\d+(?:\.\d+)*(?:[-.+]?(?:a|b|rc|dev|post)\d*)*", re.ASCII)
_DIRECTORY_COUNTS = (
    "users", "only_in_groups", "account_groups", "account_groups_read", "requests", "retries", "throttled",
    "waited_seconds",
)  # fmt: skip
_PATHS = ("users", "account-groups", "roles", "permissions")


def pseudonymize_receipt(receipt: Receipt, keyed: Keyed, *, keep: Collection[str]) -> Receipt:
    """Return a receipt of the same events without names.

    Parameters
    ----------
    receipt : Receipt
        The receipt of the original events.
    keyed : Keyed
        The key.
    keep : collection of str
        The columns that are left as they are. If `aid` is one, the account groups of the receipt are left too.

    Returns
    -------
    Receipt
        `account_groups`, `scope` and the labels of filters have pseudonyms. `notes` and `checked["differences"]` only
        count the sentences that were left out. A note states the fingerprint of the key and the columns left in clear.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.exchange.keyed import Keyed
    >>> from te_audit_frames.exchange.pseudonym_receipts import pseudonymize_receipt
    >>> receipt = taf.receipt(taf.read_pages([b'{"auditEvents": [{"aid": "1234"}]}']))
    >>> keyed = Keyed("for an example only, never for real")
    >>> pseudonymize_receipt(receipt, keyed, keep=()).account_groups
    {'aid-...': 1}
    """
    aid = _identity if "aid" in keep else lambda text: keyed.name("aid", text)
    plain = receipt.to_dict()
    groups = {aid(str(group)): count for group, count in receipt.account_groups.items()}
    changed = {
        "source": _one_of(receipt.source, _SOURCES),
        "requested": _requested(receipt.requested),
        "resolved": receipt.resolved and {name: receipt.resolved[name] for name in ("start", "end")},
        "scope": _scope(receipt.scope, aid),
        "complete": receipt.complete,
        "order": _one_of(receipt.order, _ORDERS),
        # Sorted by pseudonym, because the old order may be that of the names.
        "account_groups": dict(sorted(groups.items())),
        "checked": _checked(receipt.checked),
        "filters": [
            {
                "label": each["label"] and keyed.name("filter", each["label"]),
                "digest": keyed.digest("digest", each["digest"]).hex()[:16],
                "kept": each["kept"],
                "of": each["of"],
            }
            for each in receipt.filters
        ],
        "fetched_at": receipt.fetched_at,
        "versions": _versions(receipt.versions),
        "notes": [*_left_out(len(receipt.notes), "note"), _what_was_done(keyed, keep)],
    }
    return Receipt.from_dict({name: plain[name] for name in _COUNTS} | changed)


def pseudonymize_directory_receipt(
    receipt: DirectoryReceipt, keyed: Keyed, *, keep: Collection[str]
) -> DirectoryReceipt:
    """Return a receipt of the same people without names, as `pseudonymize_receipt` does.

    Parameters
    ----------
    receipt, keyed, keep
        See `pseudonymize_receipt`.

    Returns
    -------
    DirectoryReceipt
        The paths in `refused` have pseudonyms for account groups, unless `aid` is in `keep`.
    """
    plain = receipt.to_dict()
    refused = []
    for path in receipt.refused:
        first, _, rest = path.partition("/")
        known = first if first in _PATHS else "other"
        group = rest if "aid" in keep and re.fullmatch(r"\d{1,20}", rest, re.ASCII) else keyed.name("aid", rest)
        refused.append(f"{known}/{group}" if rest else known)
    changed = {
        "source": _one_of(receipt.source, _SOURCES),
        "fetched_at": _instant(receipt.fetched_at) or "",
        "roles_asked_at": _instant(receipt.roles_asked_at),
        "refused": sorted(refused),  # the old order may be that of the account groups
        "versions": _versions(receipt.versions),
        "notes": [*_left_out(len(receipt.notes), "note"), _what_was_done(keyed, keep)],
    }
    return DirectoryReceipt.from_dict({name: plain[name] for name in _DIRECTORY_COUNTS} | changed)


def _what_was_done(keyed: Keyed, keep: Collection[str]) -> str:
    kept = f", the columns in clear are {', '.join(sorted(map(str, keep)))}" if keep else ""
    return f"names are pseudonyms, made with the key {keyed.fingerprint}{kept}"


def _left_out(count: int, what: str) -> list[str]:
    return [f"{count:,} {what}{'s' * (count > 1)} left out, which may hold names"] if count else []


def _identity(text: str) -> str:
    return text


def _one_of(text: str, known: Collection[str]) -> str:
    return text if text in known else "unknown"


def _requested(requested: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: _instant(requested[name]) for name in ("start", "end") if name in requested}
    if "window" in requested:
        found["window"] = _window(requested["window"])
    if isinstance(requested.get("default"), bool):
        found["default"] = requested["default"]
    return {name: found[name] for name in ("window", "start", "end", "default") if name in found}


def _instant(text: object) -> str | None:
    """Return a moment in ISO 8601, or None for anything else."""
    if not isinstance(text, str) or not re.fullmatch(r"[-+:.TZ0-9 ]{1,40}", text, re.ASCII):
        return None
    try:
        to_instant(text, argument="", zone=UTC)
    except InvalidArgument:
        return None
    return text


def _window(text: object) -> str | None:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9} ?[a-zA-Z]", text, re.ASCII):
        return None
    try:
        to_window(text)
    except InvalidArgument:
        return None
    return text


def _scope(scope: Mapping[str, Any], aid: Callable[[str], str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "aid" in scope:
        # The receipt of an archive lists several, sorted and separated by commas.
        ids = scope["aid"]
        found["aid"] = ", ".join(sorted(map(aid, str(ids).split(", ")))) if ids is not None else None
    if "all_account_groups" in scope:
        found["all_account_groups"] = bool(scope["all_account_groups"])
    return found


def _checked(checked: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: checked[name] for name in _CHECKED if name in checked}
    if "differences" in checked:
        found["differences"] = _left_out(len(checked["differences"]), "difference")
    return found


def _versions(versions: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: versions[name]
        for name in _VERSIONS
        if isinstance(versions.get(name), str) and _VERSION.fullmatch(versions[name])
    }
