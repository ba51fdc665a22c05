"""Every error that te_audit_frames raises, drawn as a tree.

::

    AuditFramesError
    ├── InvalidArgument (ValueError)      an argument is wrong; nothing was sent
    ├── NotAnAuditFrame (AttributeError)  a frame or file without the columns of events
    ├── FileError (OSError)               a file cannot be read or written: .filename, .errno
    │   └── MissingFile (FileNotFoundError)
    ├── ArchiveError                      an archive does not exist, or cannot be used
    │   ├── ArchiveLocked                 another process is writing to it
    │   ├── DamagedFile                   a file is damaged, cut short, or not from this package
    │   └── StoreError                    the object store of an archive fails
    └── FetchError                        a fetch was not completed: .partial, .missing
        ├── ApiError                      the API answered with an error: .status, .title, .detail
        │   ├── BadRequest                400, with the parameters at fault in .fields
        │   ├── AuthenticationError       401
        │   ├── PermissionDenied          403
        │   ├── NotFound                  404
        │   ├── RateLimited               429, for longer than the deadline allows
        │   └── ServerError               5xx, after every retry
        ├── NetworkError                  no usable answer: connection, time-out, cut body, size cap
        ├── PaginationError               no last page is reached: a loop, a link to another origin
        └── DecodeError                   an answer or event that breaks the API's contract

    AuditFramesWarning (UserWarning)      a warning; the call goes on

No message, attribute or traceback contains the token or the full query of a request. Every error can be pickled. The
module is long because the tree is kept in one file, and each class documents when it is raised.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from te_audit_frames.periods import Period


class AuditFramesError(Exception):
    """The base class of every error that this package raises.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> try:
    ...     taf.fetch_events(window="7 days", client=taf.Client(token="practice"))
    ... except taf.AuditFramesError as error:
    ...     print(type(error).__name__)
    InvalidArgument
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own __reduce__ calls the class with .args, which breaks keyword-only constructors.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[AuditFramesError], args: tuple[Any, ...]) -> AuditFramesError:
    error = cls.__new__(cls)
    error.args = args
    return error


class InvalidArgument(AuditFramesError, ValueError):
    """An argument is wrong. The message names it and shows a valid value. Nothing was sent to the API.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> taf.Client(token="two words")
    Traceback (most recent call last):
        ...
    te_audit_frames.errors.InvalidArgument: token: ...
    """


class NotAnAuditFrame(AuditFramesError, AttributeError):
    """A frame or a file does not hold audit events: a column is missing, or has the wrong type.

    It is an `AttributeError` so that ``hasattr(frame, "audit")`` is False for frames of other data.

    Attributes
    ----------
    missing : list of str
        The missing columns; empty if a column has the wrong type.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> hasattr(pd.DataFrame({"price": [1]}), "audit")
    False
    """

    def __init__(self, message: str, *, missing: list[str] | None = None) -> None:
        super().__init__(message)
        self.missing = missing or []


class FileError(AuditFramesError, OSError):
    """A file cannot be read or written. `__cause__` is the original error.

    It is also an `OSError`, so ``except OSError`` catches it.

    Attributes
    ----------
    errno : int or None
        The system's error number.
    strerror : str or None
        The system's error message.
    filename : str or None
        The path of the file.
    """

    def __init__(
        self, message: str, *, errno: int | None = None, strerror: str | None = None, filename: str | None = None
    ) -> None:
        super().__init__(message)
        self.errno = errno
        self.strerror = strerror
        self.filename = filename

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_file_error, (type(self), self.args, self.errno, self.strerror, self.filename), self.__dict__


def _rebuild_file_error(
    cls: type[FileError], args: tuple[Any, ...], errno: int | None, strerror: str | None, filename: str | None
) -> FileError:
    return cls(*args, errno=errno, strerror=strerror, filename=filename)


class MissingFile(FileError, FileNotFoundError):
    """A file or folder does not exist."""


class ArchiveError(AuditFramesError):
    """An archive does not exist, cannot be used, or cannot be created at the given place.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> try:
    ...     taf.Archive("no-such-archive").coverage()
    ... except taf.ArchiveError as error:
    ...     print(error)
    no-such-archive: there is no archive here yet; Archive.sync() or .import_parquet() makes one
    """


class DamagedFile(ArchiveError):
    """A file of events or of an archive is damaged, cut short, or was not written by this package."""


class StoreError(ArchiveError):
    """The object store of an archive failed. `__cause__` is the original error."""


class ArchiveLocked(ArchiveError):
    """Another process is writing to the archive. Nothing was sent to the API, and nothing was written."""


class FetchError(AuditFramesError):
    """A fetch could not be completed. The error keeps the events that arrived.

    Attributes
    ----------
    partial : pandas.DataFrame or None
        The events that arrived, in the same columns and dtypes as the result of a fetch. None if a single request or a
        file failed, and not a fetch.
    missing : list of Period
        The periods in which `partial` may lack events. Outside of them it has every event.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.partial: pd.DataFrame | None = None
        self.missing: list[Period] = []


class ApiError(FetchError):
    """The API answered with an error.

    Attributes
    ----------
    status : int
        The HTTP status.
    title, detail : str
        The API's explanation: `title` and `detail` of its `application/problem+json`, or else `error` and
        `error_description`. In these and in `fields`, unprintable characters are escaped and long text is cut.
    fields : list of dict
        The parameters that a 400 complains about. Each dict has those of `code`, `field` and `message` that were sent,
        as text.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0) as api:
    ...     try:
    ...         taf.Client(token="stale", base_url=api.url).fetch_events()
    ...     except taf.ApiError as error:
    ...         error.status
    401
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        title: str = "",
        detail: str = "",
        fields: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.detail = detail
        self.fields = fields or []


class BadRequest(ApiError):
    """The API rejected the parameters of a request (400). `fields` names them.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     try:
    ...         client.get_page(cursor="made-up")
    ...     except taf.BadRequest as error:
    ...         error.status
    400
    """


class AuthenticationError(ApiError):
    """The API does not accept the token (401).

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0) as api:
    ...     client = taf.Client(token="practice-stale", base_url=api.url)
    ...     try:
    ...         client.fetch_events()
    ...     except taf.AuthenticationError as error:
    ...         error.title
    'invalid_token'
    """


class PermissionDenied(ApiError):
    """The user of the token lacks a permission, or does not belong to the account group (403).

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     try:
    ...         client.fetch_events(aid="99999999")
    ...     except taf.PermissionDenied as error:
    ...         error.status
    403
    """


class NotFound(ApiError):
    """The API has nothing at the requested address (404). Often the base URL is wrong.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     try:
    ...         taf.Client(token=api.token, base_url=f"{api.url}/typo").fetch_events()
    ...     except taf.NotFound as error:
    ...         error.status
    404
    """


class RateLimited(ApiError):
    """The organisation has used up its requests (429), and waiting for more would exceed the deadline.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1, seed=0, rate_limit=1) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url, deadline=1)
    ...     try:
    ...         client.get_page(), client.get_page()
    ...     except taf.RateLimited as error:
    ...         error.status
    429
    """


class ServerError(ApiError):
    """The API failed with a server error (5xx), even after the request was repeated."""


class NetworkError(FetchError):
    """No usable answer arrived: no connection, a time-out, or a body that was cut short or too large.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> nobody = taf.Client(token="practice", base_url="http://127.0.0.1:9", retries=0)
    >>> try:
    ...     nobody.fetch_events()
    ... except taf.NetworkError as error:
    ...     len(error.missing)
    1
    """


class PaginationError(FetchError):
    """No last page is reached: a cursor repeats, a link leads to another origin, or too many pages are empty."""


class DecodeError(FetchError):
    """An answer, or an event in it, breaks the API's contract.

    Attributes
    ----------
    page : str or None
        The page: its number in the fetch, or the name of its file.
    event : int or None
        The position of the event on the page, from 0. None if the page as a whole is at fault.
    field : str or None
        The field at fault, in the API's spelling.
    value : str or None
        The value of the field as JSON, shortened, with unprintable characters escaped.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> try:
    ...     taf.read_pages([b'{"auditEvents": [{"date": "yesterday"}]}'])
    ... except taf.DecodeError as error:
    ...     error.event, error.field, error.value
    (0, 'date', '"yesterday"')
    """

    def __init__(
        self,
        message: str,
        *,
        page: str | None = None,
        event: int | None = None,
        field: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(message)
        self.page = page
        self.event = event
        self.field = field
        self.value = value


class AuditFramesWarning(UserWarning):
    """Something that deserves attention but stops nothing, such as values that `errors="coerce"` set aside.

    Examples
    --------
    >>> import warnings
    >>> import te_audit_frames as taf
    >>> page = b'{"auditEvents": [{"date": "yesterday"}]}'
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     events = taf.read_pages([page], errors="coerce")
    >>> caught[0].category.__name__, events["extra"].tolist()
    ('AuditFramesWarning', ['{"date":"yesterday"}'])
    """


def warn(message: str) -> None:
    """Issue a warning that points to the caller's line outside this package."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("te_audit_frames."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, AuditFramesWarning, stacklevel=level + 1)
