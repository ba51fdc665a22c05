"""Complete, typed pandas frames of the ThousandEyes activity log: fetch, understand, keep.

Examples
--------
>>> import te_audit_frames as taf
>>> from te_audit_frames.sandbox import Sandbox
>>> with Sandbox(events=1_000, seed=0) as api:
...     events = taf.fetch_events(window="90d", client=taf.Client(token=api.token, base_url=api.url))
>>> int(taf.summarize_by_user(events)["events"].sum()) == len(events)
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from te_audit_frames.accessor import AuditAccessor
from te_audit_frames.errors import (
    ApiError,
    ArchiveError,
    ArchiveLocked,
    AuditFramesError,
    AuditFramesWarning,
    AuthenticationError,
    BadRequest,
    DamagedFile,
    DecodeError,
    FetchError,
    FileError,
    InvalidArgument,
    MissingFile,
    NetworkError,
    NotAnAuditFrame,
    NotFound,
    PaginationError,
    PermissionDenied,
    RateLimited,
    ServerError,
    StoreError,
)
from te_audit_frames.periods import Period
from te_audit_frames.receipts import Receipt, receipt
from te_audit_frames.version import VERSION

if TYPE_CHECKING:
    from te_audit_frames.analysis.activity import activity
    from te_audit_frames.analysis.compare import compare
    from te_audit_frames.analysis.plots import plot_activity, plot_heatmap, plot_top
    from te_audit_frames.analysis.resources import explode_resources
    from te_audit_frames.analysis.summaries import (
        summarize,
        summarize_by_account_group,
        summarize_by_event_type,
        summarize_by_user,
    )
    from te_audit_frames.checks.access import find_access_changes
    from te_audit_frames.checks.accounts import find_dormant_users
    from te_audit_frames.checks.actors import classify_actors
    from te_audit_frames.checks.addresses import find_new_addresses
    from te_audit_frames.checks.assessed import Assessed, assessed
    from te_audit_frames.checks.evidence import evidence
    from te_audit_frames.checks.hours import find_off_hours, usual_hours
    from te_audit_frames.checks.logins import find_failed_logins
    from te_audit_frames.checks.monitoring import find_monitoring_changes
    from te_audit_frames.checks.review_result import Review
    from te_audit_frames.checks.reviewing import review
    from te_audit_frames.checks.runs import find_runs
    from te_audit_frames.checks.sessions import find_sessions
    from te_audit_frames.checks.vocabulary import classify_events
    from te_audit_frames.client.batches import Batches
    from te_audit_frames.client.client import Client, fetch_events
    from te_audit_frames.client.directory import fetch_account_groups, fetch_users
    from te_audit_frames.client.page import Page
    from te_audit_frames.client.read_pages import read_pages
    from te_audit_frames.concatenation import concat
    from te_audit_frames.directory_receipts import DirectoryReceipt, directory_receipt
    from te_audit_frames.exchange.pseudonyms import pseudonym_table, pseudonymize
    from te_audit_frames.frames import between, where, with_receipt
    from te_audit_frames.report.explorer import Explorer, explore
    from te_audit_frames.report.html import write_report
    from te_audit_frames.storage.archive import Archive
    from te_audit_frames.storage.parquet import read_parquet, write_parquet
    from te_audit_frames.storage.sync_report import SyncReport
    from te_audit_frames.storage.user_files import read_users, write_users
    from te_audit_frames.storage.verification import Verification
    from te_audit_frames.users import explode_memberships

__version__ = VERSION

__all__ = [
    "ApiError",
    "Archive",
    "ArchiveError",
    "ArchiveLocked",
    "Assessed",
    "AuditAccessor",
    "AuditFramesError",
    "AuditFramesWarning",
    "AuthenticationError",
    "BadRequest",
    "Batches",
    "Client",
    "DamagedFile",
    "DecodeError",
    "DirectoryReceipt",
    "Explorer",
    "FetchError",
    "FileError",
    "InvalidArgument",
    "MissingFile",
    "NetworkError",
    "NotAnAuditFrame",
    "NotFound",
    "Page",
    "PaginationError",
    "Period",
    "PermissionDenied",
    "RateLimited",
    "Receipt",
    "Review",
    "ServerError",
    "StoreError",
    "SyncReport",
    "Verification",
    "activity",
    "assessed",
    "between",
    "classify_actors",
    "classify_events",
    "compare",
    "concat",
    "directory_receipt",
    "evidence",
    "explode_memberships",
    "explode_resources",
    "explore",
    "fetch_account_groups",
    "fetch_events",
    "fetch_users",
    "find_access_changes",
    "find_dormant_users",
    "find_failed_logins",
    "find_monitoring_changes",
    "find_new_addresses",
    "find_off_hours",
    "find_runs",
    "find_sessions",
    "plot_activity",
    "plot_heatmap",
    "plot_top",
    "pseudonym_table",
    "pseudonymize",
    "read_pages",
    "read_parquet",
    "read_users",
    "receipt",
    "review",
    "summarize",
    "summarize_by_account_group",
    "summarize_by_event_type",
    "summarize_by_user",
    "usual_hours",
    "where",
    "with_receipt",
    "write_parquet",
    "write_report",
    "write_users",
]


# Loaded at first use, so that fetching does not import matplotlib, and reading a file does not import requests.
_LATER = {
    "Archive": "storage.archive",
    "Assessed": "checks.assessed",
    "Batches": "client.batches",
    "Client": "client.client",
    "DirectoryReceipt": "directory_receipts",
    "Explorer": "report.explorer",
    "Page": "client.page",
    "Review": "checks.review_result",
    "SyncReport": "storage.sync_report",
    "Verification": "storage.verification",
    "activity": "analysis.activity",
    "assessed": "checks.assessed",
    "between": "frames",
    "classify_actors": "checks.actors",
    "classify_events": "checks.vocabulary",
    "compare": "analysis.compare",
    "concat": "concatenation",
    "directory_receipt": "directory_receipts",
    "evidence": "checks.evidence",
    "explode_memberships": "users",
    "explode_resources": "analysis.resources",
    "explore": "report.explorer",
    "fetch_account_groups": "client.directory",
    "fetch_events": "client.client",
    "fetch_users": "client.directory",
    "find_access_changes": "checks.access",
    "find_dormant_users": "checks.accounts",
    "find_failed_logins": "checks.logins",
    "find_monitoring_changes": "checks.monitoring",
    "find_new_addresses": "checks.addresses",
    "find_off_hours": "checks.hours",
    "find_runs": "checks.runs",
    "find_sessions": "checks.sessions",
    "plot_activity": "analysis.plots",
    "plot_heatmap": "analysis.plots",
    "plot_top": "analysis.plots",
    "pseudonym_table": "exchange.pseudonyms",
    "pseudonymize": "exchange.pseudonyms",
    "read_pages": "client.read_pages",
    "read_parquet": "storage.parquet",
    "read_users": "storage.user_files",
    "review": "checks.reviewing",
    "summarize": "analysis.summaries",
    "summarize_by_account_group": "analysis.summaries",
    "summarize_by_event_type": "analysis.summaries",
    "summarize_by_user": "analysis.summaries",
    "usual_hours": "checks.hours",
    "where": "frames",
    "with_receipt": "frames",
    "write_parquet": "storage.parquet",
    "write_report": "report.html",
    "write_users": "storage.user_files",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"te_audit_frames.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
