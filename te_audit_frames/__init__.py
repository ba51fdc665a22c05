"""Complete, typed pandas frames of the ThousandEyes activity log: fetch, understand, keep.

Examples
--------
>>> import te_audit_frames as taf
>>> from te_audit_frames.sandbox import Sandbox
>>> with Sandbox(events=1_000, seed=0) as api:
...     events = taf.fetch_events(window="90d", client=taf.Client(token=api.token, base_url=api.url))
>>> taf.summarize_by_user(events)["events"].sum() == len(events)
True
"""

from importlib.metadata import version

from te_audit_frames.analysis.summaries import summarize
from te_audit_frames.client.batches import Batches
from te_audit_frames.client.client import Client, fetch_events
from te_audit_frames.client.page import Page
from te_audit_frames.client.saved import read_pages
from te_audit_frames.errors import (
    ApiError,
    AuditFramesError,
    AuditFramesWarning,
    AuthenticationError,
    BadRequest,
    DecodeError,
    FetchError,
    InvalidRequest,
    NetworkError,
    NotAnAuditFrame,
    NotFound,
    PaginationError,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from te_audit_frames.periods import Period
from te_audit_frames.receipt import Receipt, receipt
from te_audit_frames.storage.parquet import read_parquet, write_parquet

__version__ = version("te-audit-frames")

__all__ = [
    "ApiError",
    "AuditFramesError",
    "AuditFramesWarning",
    "AuthenticationError",
    "BadRequest",
    "Batches",
    "Client",
    "DecodeError",
    "FetchError",
    "InvalidRequest",
    "NetworkError",
    "NotAnAuditFrame",
    "NotFound",
    "Page",
    "PaginationError",
    "Period",
    "PermissionDenied",
    "RateLimited",
    "Receipt",
    "ServerError",
    "fetch_events",
    "read_pages",
    "read_parquet",
    "receipt",
    "summarize",
    "write_parquet",
]
