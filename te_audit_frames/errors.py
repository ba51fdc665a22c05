"""Every error that te_audit_frames raises, and the tree they form.

::

    AuditFramesError
    ├── InvalidArgument (ValueError)      an argument is wrong; nothing was sent
    ├── NotAnAuditFrame (AttributeError)  a frame or file without the columns of events
    ├── FileError (OSError)               a file cannot be read or written: .filename, .errno
    │   └── MissingFile (FileNotFoundError)
    ├── ArchiveError                      an archive that is not there, or cannot be used
    │   ├── ArchiveLocked                 another process is writing into it
    │   ├── DamagedFile                   a file of events, or of an archive, is not as it was written
    │   └── StoreError                    the object store of an archive failed
    └── FetchError                        a fetch failed: .partial, .missing
        ├── ApiError                      the API answered with an error: .status, .title, .detail
        │   ├── BadRequest                400, with the fields it names
        │   ├── AuthenticationError       401
        │   ├── PermissionDenied          403
        │   ├── NotFound                  404
        │   ├── RateLimited               429, for longer than the deadline allows
        │   └── ServerError               5xx, after every retry
        ├── NetworkError                  no usable answer: connection, time-out, cut body, size cap
        ├── PaginationError               pages do not lead to an end: a loop, a foreign next link
        └── DecodeError                   an answer or event that breaks the API's contract

    AuditFramesWarning (UserWarning)      something worth a look; nothing stops

No message, attribute or traceback holds the token or a request's full query. Every error can be pickled.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from te_audit_frames.periods import Period


class AuditFramesError(Exception):
    """The base of every error of this package.

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
    """An argument is wrong; the message names it and shows what is right. Nothing was sent.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> taf.Client(token="two words")
    Traceback (most recent call last):
        ...
    te_audit_frames.errors.InvalidArgument: token: ...
    """


class NotAnAuditFrame(AuditFramesError, AttributeError):
    """A frame, or a file, lacks columns that events have.

    It is an `AttributeError` so that ``hasattr(frame, "audit")`` answers ``False`` for foreign frames.

    Attributes
    ----------
    missing : list of str
        The columns that are missing.

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
    """A file cannot be read or written. The cause is kept as `__cause__`.

    It is an `OSError` too, so ``except OSError`` catches it.

    Attributes
    ----------
    errno : int or None
        The number of the system's error.
    strerror : str or None
        What the system says of it.
    filename : str or None
        The file.
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
    """There is no such file or folder."""


class ArchiveError(AuditFramesError):
    """An archive is not there, cannot be used, or cannot be kept where it was asked to be.

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
    """A file is not as it was written: it is damaged, cut short, or not of this package."""


class StoreError(ArchiveError):
    """The object store that holds an archive failed. The cause is kept as `__cause__`."""


class ArchiveLocked(ArchiveError):
    """Another process is writing into the archive; nothing was sent and nothing written."""


class FetchError(AuditFramesError):
    """A fetch could not be completed; the error keeps what arrived.

    Attributes
    ----------
    partial : pandas.DataFrame or None
        The events that arrived, with the columns and dtypes of every audit frame. None if a single request or a
        file failed, not a fetch.
    missing : list of Period
        The periods whose events may be missing from `partial`. Every event outside them is in it.
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
        The API's explanation (`application/problem+json`), or its `error` and `error_description`. Unprintable
        characters are escaped, here and in `fields`, and very long text is cut.
    fields : list of dict
        The fields at fault in a 400, each with `code`, `field` and `message` as text, if sent.

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
    """The API refused the request's parameters (400); `fields` names them.

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
    """The token's user lacks a permission or the account group (403).

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
    """The API has nothing at this address (404), often a wrong base URL.

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
    """The organisation's requests were used up (429) for longer than the deadline allows.

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
    """The API failed (5xx) at every attempt."""


class NetworkError(FetchError):
    """There was no usable answer: no connection, a time-out, or a body cut short or too large.

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
    """The pages do not end: a repeated cursor, a next link to another origin, or too many empty pages."""


class DecodeError(FetchError):
    """An answer, or an event in it, breaks the API's contract.

    Attributes
    ----------
    page : str or None
        The page: its number in the fetch, or the file's name.
    event : int or None
        The event's position in the page, from 0. None if the page as a whole is at fault.
    field : str or None
        The event's field at fault, in the API's spelling.
    value : str or None
        The value sent, as JSON, shortened, with unprintable characters escaped.

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
    """Something worth a look that stops nothing, such as values set aside by `errors="coerce"`.

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
    """Warn at the line that called into this package."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("te_audit_frames."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, AuditFramesWarning, stacklevel=level + 1)
