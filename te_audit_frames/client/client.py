"""How to ask: the Client holds the policy, and its verbs fetch."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Literal, NoReturn

import pandas as pd

from te_audit_frames.client.auth import Secret
from te_audit_frames.client.batches import Batches
from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch import Fetch
from te_audit_frames.client.page import Errors, Page, check_errors
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.rate_limit import Budget, Clock, Pacer
from te_audit_frames.client.transport import Transport
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import (
    DEFAULT_WINDOW,
    SECOND,
    Instant,
    Window,
    ask,
    ceil_second,
    floor_second,
    iso,
    to_instant,
    to_window,
)

Verify = Literal["spot", "full"]

DEFAULT_BASE_URL = "https://api.thousandeyes.com"
_MAX_PAGE_BYTES = 32 * 2**20  # nothing that the API sends comes near, and memory is finite
_MAX_FETCH_BYTES = 512 * 2**20
_MOST_PAGE_BYTES = 2**30  # the parser takes a page as one block, whose size is a 32-bit number


class Client:
    """How to ask the API: the token, the address, and how hard to try.

    One client paces all its fetches together, since the request allowance belongs to the whole organisation.

    Parameters
    ----------
    token : str, optional
        The bearer token; by default the environment's `TE_TOKEN`. Surrounding white space is stripped.
    base_url : str, optional
        The API's address, with or without `/v7`; by default the environment's `TE_BASE_URL`, then
        ``https://api.thousandeyes.com``. Plain http is for loopback only.
    workers : int
        How many requests may be under way at once, 1 to 64. With 1, pages are read one after the other.
    timeout : float
        Seconds that one exchange may take, from connecting to the last byte.
    deadline : float
        Seconds that one fetch may take as a whole, waits for the rate limit included.
    retries : int
        How often a failed request is tried again. Waiting out a rate limit does not count.
    reserve : float
        The share of the organisation's allowance, 0 to 0.95, that is left to its other API clients.
    page_size : int, optional
        Events a page, sent as `max`, which the API takes without listing it. By default the API decides.
    max_page_bytes : int
        How large an answer may be, unpacked, up to 1 GiB; a larger one is given up, since memory is finite. By
        default 32 MiB, far more than the API sends. Each worker may hold one such page.
    max_fetch_bytes : int
        How much Arrow data one frame may take; a fetch that brings more ends with an error. By default 512 MiB, some
        three million events. `iter_batches` has no such bound, since its memory stays flat.
    verify : {"spot", "full"}
        How a fetch with several workers makes sure that it is complete. ``"spot"`` counts on the order of events as
        far as it was observed, compares both sides of every cut, and reads up to three windows a second time.
        ``"full"`` counts on no order: every question is read to its last page.
    ca_bundle : str or path, optional
        A file of certificate authorities to trust in place of the default ones.
    progress : bool, optional
        Whether to show a progress bar; by default only where somebody can see it: a terminal, a notebook.
    clock : Clock, optional
        The time. Tests hand in their own.

    Raises
    ------
    InvalidArgument
        There is no token, or an argument is not of its form.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = client.fetch_events(window="104w", all_account_groups=True)
    >>> len(events)
    1000
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        base_url: str | None = None,
        workers: int = 8,
        timeout: float = 60.0,
        deadline: float = 3_600.0,
        retries: int = 5,
        reserve: float = 0.0,
        page_size: int | None = None,
        max_page_bytes: int = _MAX_PAGE_BYTES,
        max_fetch_bytes: int = _MAX_FETCH_BYTES,
        verify: Verify = "spot",
        ca_bundle: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        # Never os.environ: IPython's verbose tracebacks print whatever a line names.
        secret, problem = Secret.check(os.getenv("TE_TOKEN") if token is None else token)
        token = None  # a traceback with locals must not show it
        if secret is None:
            raise InvalidArgument(problem)
        self._workers = int(_bounded("workers", workers, 1, 64, whole=True))
        self._deadline = _bounded("deadline", deadline, 0.001, 10_000_000)
        self._page_size = None if page_size is None else int(_bounded("page_size", page_size, 1, 100_000, whole=True))
        self._progress = progress
        self._max_fetch_bytes = int(_bounded("max_fetch_bytes", max_fetch_bytes, 1, 2**50, whole=True))
        if verify not in ("spot", "full"):
            raise InvalidArgument(f'verify: {verify!r} is neither "spot" nor "full"')
        self._verify = verify
        self._origin = Origin(os.getenv("TE_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url)
        self._clock = clock or Clock()
        self._reserve = _bounded("reserve", reserve, 0, 0.95)
        self._policy: dict[str, Any] = {
            "secret": secret,
            "origin": self._origin,
            "timeout": _bounded("timeout", timeout, 0.001, 10_000_000),
            "retries": int(_bounded("retries", retries, 0, 1_000, whole=True)),
            "max_page_bytes": int(_bounded("max_page_bytes", max_page_bytes, 1, _MOST_PAGE_BYTES, whole=True)),
            "ca_bundle": None if ca_bundle is None else os.fspath(ca_bundle),
        }
        self._connect()

    def _connect(self) -> None:
        """Open connections of this process's own; those of a parent process before a fork are not shared."""
        self._process = os.getpid()
        pacer = Pacer(Budget(reserve=self._reserve), self._clock)
        self._transport = Transport(**self._policy, workers=self._workers, pacer=pacer, clock=self._clock)

    def _connect_after_fork(self) -> None:
        if os.getpid() != self._process:
            self._connect()

    def __repr__(self) -> str:
        if not hasattr(self, "_transport"):
            return "<Client, not made>"  # for tracebacks that show the locals of a refused __init__
        return f"Client(base_url={self._origin.base_url!r}, workers={self._workers})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Client holds a token and is not pickled; make a new one where it is needed")

    # ---- verbs -------------------------------------------------------------------------------------------------

    def fetch_events(
        self,
        *,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        aid: str | int | None = None,
        all_account_groups: bool = False,
        errors: Errors = "raise",
    ) -> pd.DataFrame:
        """Fetch all events of a period.

        Parameters
        ----------
        window : str or timedelta, optional
            So much time back from the server's now: ``"12h"``, ``"7d"``, ``"45"`` (seconds), or a timedelta.
        start, end : str, datetime, date or pandas.Timestamp, optional
            The half-open period `[start, end)`. Aware, or ISO text with an offset or Z; a bare date is midnight UTC.
            Without `end`, up to the server's now. With neither `window` nor `start`, the last 7 days.
        aid : str or int, optional
            The account group; by default the token's login account group.
        all_account_groups : bool
            Whether to ask for every account group of the token's user.
        errors : {"raise", "coerce"}
            What to do with a value that its column cannot hold: raise a `DecodeError`, or leave the column empty,
            keep the value in `extra`, count it in the receipt and warn once.

        Returns
        -------
        pandas.DataFrame
            The audit frame, in ascending `date`: `date` (`datetime64[us, UTC]`), `aid`, `account_group_name`,
            `event`, `uid`, `user`, `ip_address` (`str`), `resources` (`ArrowDtype` of a list of structs with `type`
            and `name`) and `extra` (`str`, canonical JSON of what no column holds). The receipt is in its attrs.

        Raises
        ------
        InvalidArgument
            An argument is not of its form; nothing was sent.
        FetchError
            The fetch could not be completed; `.partial` holds the events that came, `.missing` the periods that they
            do not vouch for. A KeyboardInterrupt carries both as well.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0) as api:
        ...     events = taf.Client(token=api.token, base_url=api.url).fetch_events(window="90d", aid=None)
        >>> list(events.columns[:3])
        ['date', 'aid', 'account_group_name']
        """
        batches = self.iter_batches(
            window=window, start=start, end=end, aid=aid, all_account_groups=all_account_groups, errors=errors
        )
        return batches.to_events()

    def iter_batches(
        self,
        *,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        aid: str | int | None = None,
        all_account_groups: bool = False,
        errors: Errors = "raise",
    ) -> Batches:
        """Fetch all events of a period as a stream of Arrow record batches, so that memory stays flat.

        Parameters
        ----------
        window, start, end, aid, all_account_groups, errors
            As for `fetch_events`.

        Returns
        -------
        Batches
            An iterator of `pyarrow.RecordBatch` in the pinned schema, in the order of arrival, which with several
            workers is not the order of dates. Its `receipt` is complete behind the last batch.

        Raises
        ------
        InvalidArgument
            An argument is not of its form; nothing was sent.
        FetchError
            While iterating, as `fetch_events` raises it, with `.missing`; the batches are yours already.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0, page_size=100) as api:
        ...     client = taf.Client(token=api.token, base_url=api.url)
        ...     batches = client.iter_batches(window="104w", all_account_groups=True)
        ...     sum(batch.num_rows for batch in batches)
        1000
        """
        question = ask(window=window, start=start, end=end)
        check_errors(errors)
        requested: dict[str, Any] = {
            "window": _window_text(DEFAULT_WINDOW if window is None and start is None else window),
            "start": None if start is None else iso(to_instant(start, argument="start")),
            "end": None if end is None else iso(to_instant(end, argument="end")),
            "default": isinstance(question, Window) and window is None,
        }
        scope = _scope(aid, all_account_groups)
        self._connect_after_fork()
        fetch = Fetch(
            question,
            scope | self._paging(),
            errors=errors,
            workers=self._workers,
            verify=self._verify,
            transport=self._transport,
            context=self._context(Progress(show=self._progress)),
        )
        return Batches(fetch, requested, scope, self._clock, max_fetch_bytes=self._max_fetch_bytes)

    def get_page(
        self,
        *,
        aid: str | int | None = None,
        all_account_groups: bool = False,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Send the API's one operation as it is, `GET /v7/audit-user-events`, and decode its one page.

        Nothing is filtered or completed: use it to look at the API, and `fetch_events` to get the events.

        Parameters
        ----------
        aid, all_account_groups, window, start, end
            As for `fetch_events`, except that with no period the API decides. Within a second, `start` is rounded
            down and `end` up, since the API takes whole seconds.
        cursor : str, optional
            A page's `next_cursor`, with the same other arguments as that page's.

        Returns
        -------
        Page
            With `.events`, `.start`, `.end`, `.next_cursor` and `.raw`.

        Raises
        ------
        InvalidArgument
            An argument is not of its form; nothing was sent.
        FetchError
            No page could be had.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=10, seed=0) as api:
        ...     page = taf.Client(token=api.token, base_url=api.url).get_page(window="104w", all_account_groups=True)
        >>> len(page.events), page.next_cursor
        (10, None)
        """
        parameters = _scope(aid, all_account_groups) | self._paging()
        if window is not None or start is not None or end is not None:
            ask(window=window, start=start, end=end)
        if window is not None:
            parameters["window"] = _window_text(window) or ""
        if start is not None:
            parameters["startDate"] = iso(floor_second(to_instant(start, argument="start")))
        if end is not None:
            parameters["endDate"] = iso(ceil_second(to_instant(end, argument="end")))
        if cursor is not None:
            parameters["cursor"] = _text("cursor", cursor)
        self._connect_after_fork()
        return self._transport.get(
            self._origin.url(parameters),
            page="1",
            read=lambda answer: decode_page(answer.body, name="1"),
            context=self._context(Progress(show=False)),
        )

    # ---- the rest ----------------------------------------------------------------------------------------------

    def _context(self, progress: Progress) -> FetchContext:
        return FetchContext(clock=self._clock, seconds_allowed=self._deadline, progress=progress)

    def _paging(self) -> dict[str, str]:
        return {"max": str(self._page_size)} if self._page_size else {}


def fetch_events(
    *,
    window: str | timedelta | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    aid: str | int | None = None,
    all_account_groups: bool = False,
    errors: Errors = "raise",
    client: Client | None = None,
) -> pd.DataFrame:
    """Fetch all events of a period: `Client.fetch_events` in one line.

    Parameters
    ----------
    window, start, end, aid, all_account_groups, errors
        As for `Client.fetch_events`.
    client : Client, optional
        How to ask; by default ``Client()``, with the token from `TE_TOKEN`.

    Returns
    -------
    pandas.DataFrame
        The audit frame; see `Client.fetch_events`.

    Raises
    ------
    InvalidArgument
        There is no token, or an argument is not of its form; nothing was sent.
    FetchError
        The fetch could not be completed; `.partial` holds what came, `.missing` what it does not vouch for.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = taf.fetch_events(window="90d", all_account_groups=True, client=client)
    >>> taf.receipt(events).complete
    True
    """
    return (client or Client()).fetch_events(
        window=window, start=start, end=end, aid=aid, all_account_groups=all_account_groups, errors=errors
    )


def _scope(aid: str | int | None, all_account_groups: bool) -> dict[str, str]:
    is_number = isinstance(aid, int) and not isinstance(aid, bool)
    scope = {} if aid is None else {"aid": str(aid) if is_number else _text("aid", aid)}
    return scope | {"useAllPermittedAids": "true"} if all_account_groups else scope


def _window_text(window: str | timedelta | None) -> str | None:
    return f"{to_window(window) // SECOND}s" if isinstance(window, timedelta) else window


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name}: {value!r} is empty or not text; leave it out to ask without it")
    return value.strip()


def _bounded(name: str, value: float, low: float, high: float, *, whole: bool = False) -> float:
    of_kind = isinstance(value, int) or (isinstance(value, float) and not whole)
    if not of_kind or isinstance(value, bool) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InvalidArgument(f"{name}: {value!r} is not {kind} from {low:,} to {high:,}")
    return value
