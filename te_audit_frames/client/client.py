"""The client: its settings, and the methods that fetch.

The module is long because more than half of it documents public methods. Most of what they do is in other modules.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from typing import Any, Literal, NoReturn, Self, cast, get_args

import pandas as pd

from te_audit_frames.arguments import check_flag, check_number, check_whole_number
from te_audit_frames.client.auth import Secret
from te_audit_frames.client.batches import Batches
from te_audit_frames.client.clock import Clock, SomeClock
from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.defaults import DEADLINE, RESERVE, WORKERS
from te_audit_frames.client.directory_fetch import DirectoryFetch
from te_audit_frames.client.fetch import Fetch
from te_audit_frames.client.page import Errors, Page, check_errors
from te_audit_frames.client.page_size import LargestPages, PageSize, check_page_size, may_refuse_max
from te_audit_frames.client.parameters import page_parameters, scope_parameters, window_text
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.rate_limit import Budget, Pacer
from te_audit_frames.client.transport import Transport
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import ApiError, InvalidArgument
from te_audit_frames.periods import DEFAULT_WINDOW, Instant, Window, ask, iso, to_instant

Verify = Literal["spot", "full"]

DEFAULT_BASE_URL = "https://api.thousandeyes.com"
_MAX_PAGE_BYTES = 32 * 2**20  # far more than the API sends
_MAX_FETCH_BYTES = 512 * 2**20
_MOST_PAGE_BYTES = 2**30  # the parser takes a page as one block, whose size is a 32-bit number


class Client:
    """A client of the ThousandEyes API.

    Use one client for all fetches: it paces them together, since the request allowance belongs to the whole
    organisation. A client is a context manager that closes its connections at the end.

    Parameters
    ----------
    token : str, optional
        The bearer token; by default the environment variable `TE_TOKEN`. Surrounding white space is stripped.
    base_url : str, optional
        The API's address, with or without `/v7`; by default the environment variable `TE_BASE_URL`, or else
        ``https://api.thousandeyes.com``. Plain http is allowed for loopback addresses only.
    workers : int
        How many requests may be under way at once, 1 to 64. With 1, pages are read one after the other.
    timeout : float
        How long one request may take, in seconds, from connecting to the last byte.
    deadline : float
        How long one fetch may take, in seconds, including waits for the rate limit. `Archive.sync` may take longer: for
        it, this is the longest time without a new page.
    retries : int
        How often a failed request is tried again. Waiting out a rate limit does not count.
    reserve : float
        The share of the organisation's allowance to leave to its other API clients, 0 to 0.95.
    page_size : int or "largest", optional
        Events per page, sent as `max`, which the API accepts but does not document. By default the API decides.
        ``"largest"`` asks for 1,000, so that a long period takes fewer requests. If the API refuses that, the client
        asks again without it, and remembers. If the API ignores it, nothing changes.
    max_page_bytes : int
        How many bytes an answer may have after decompression, up to 1 GiB; a larger one is an error. The default is
        32 MiB, far more than the API sends. Each worker may hold one such page.
    max_fetch_bytes : int
        How many bytes of Arrow data one frame may take; a fetch of more ends with an error. The default is 512 MiB,
        about three million events. `iter_batches` has no such limit, because it holds one batch at a time.
    verify : {"spot", "full"}
        How a fetch with several workers makes sure that it is complete. ``"spot"`` relies on the order of events that
        it observes, compares the events on both sides of every cut, and reads up to three windows a second time.
        ``"full"`` relies on no order and reads every query to its last page.
    ca_bundle : str or path, optional
        A file of certificate authorities to trust instead of the default ones.
    progress : bool, optional
        Whether to show a progress bar; by default only in a terminal or a notebook.
    clock : optional
        A clock for practice, such as `Sandbox.clock`; by default the system's.

    Raises
    ------
    InvalidArgument
        There is no token, or an argument is wrong.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
    ...     events = client.fetch_events(window="104w")
    >>> len(events)
    1000
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        base_url: str | None = None,
        workers: int = WORKERS,
        timeout: float = 60.0,
        deadline: float = DEADLINE,
        retries: int = 5,
        reserve: float = RESERVE,
        page_size: PageSize | None = None,
        max_page_bytes: int = _MAX_PAGE_BYTES,
        max_fetch_bytes: int = _MAX_FETCH_BYTES,
        verify: Verify = "spot",
        ca_bundle: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
        clock: SomeClock | None = None,
    ) -> None:
        # Not os.environ: IPython's verbose tracebacks print every object that a line names.
        secret, problem = Secret.check(os.getenv("TE_TOKEN") if token is None else token)
        token = None  # so that a traceback with local variables does not show it
        if secret is None:
            raise InvalidArgument(problem)
        self._workers = check_whole_number("workers", workers, 1, 64)
        self._deadline = check_number("deadline", deadline, 0.001, 10_000_000)
        self._page_size = check_page_size(page_size)
        self._largest_pages = LargestPages()
        self._progress = progress
        self._max_fetch_bytes = check_whole_number("max_fetch_bytes", max_fetch_bytes, 1, 2**50)
        if verify not in get_args(Verify):
            raise InvalidArgument(f'verify: {verify!r} is neither "spot" nor "full"')
        self._verify = verify
        origin = Origin(os.getenv("TE_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url)
        self._clock = cast("Clock", clock or Clock())  # it has the same methods
        self._reserve = check_number("reserve", reserve, 0, 0.95)
        self._new_transport = partial(
            Transport,
            secret=secret,
            origin=origin,
            timeout=check_number("timeout", timeout, 0.001, 10_000_000),
            retries=check_whole_number("retries", retries, 0, 1_000),
            max_page_bytes=check_whole_number("max_page_bytes", max_page_bytes, 1, _MOST_PAGE_BYTES),
            ca_bundle=None if ca_bundle is None else os.fspath(ca_bundle),
            workers=self._workers,
            clock=self._clock,
        )
        self._is_closed = False
        self._connect()

    def _connect(self) -> None:
        """Prepare connections of this process, since a fork must not share those of its parent."""
        self._process = os.getpid()
        self._transport = self._new_transport(pacer=Pacer(Budget(reserve=self._reserve), self._clock))

    def _prepare(self) -> None:
        """Raise if the client is closed, and prepare new connections after a fork."""
        if self._is_closed:
            raise InvalidArgument("client: it was closed; create a new Client to fetch more")
        if os.getpid() != self._process:
            self._connect()

    @property
    def page_size(self) -> PageSize | None:
        """Events per page, as given. None if the API decides."""
        return self._page_size

    def __repr__(self) -> str:
        if not hasattr(self, "_transport"):
            return "<Client, not initialized>"  # for tracebacks that show the local variables of a failed __init__
        return f"Client(base_url={self._transport.origin.base_url!r}, workers={self._workers})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Client holds a token and cannot be pickled; create a new one where it is needed")

    # ---- fetching ----------------------------------------------------------------------------------------------

    def fetch_events(
        self,
        *,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        aid: str | int | None = None,
        all_account_groups: bool | None = None,
        errors: Errors = "raise",
        page_size: PageSize | None = None,
    ) -> pd.DataFrame:
        """Fetch all events of a period.

        Parameters
        ----------
        window : str or timedelta, optional
            A length of time that ends now, by the server's clock: ``"12h"``, ``"7d"``, ``"45"`` (seconds), or a
            timedelta.
        start, end : str, datetime, date or pandas.Timestamp, optional
            The half-open period `[start, end)`: aware datetimes, or ISO 8601 text with an offset or Z. A date without
            a time means midnight UTC. Without `end`, the period ends now, by the server's clock. Without `window` and
            `start`, it is the last 7 days.
        aid : str or int, optional
            The account group to ask for.
        all_account_groups : bool, optional
            By default, all account groups that the token may see, unless `aid` names one. False means only the token's
            login account group.
        errors : {"raise", "coerce"}
            What to do with a value that its column cannot hold: raise a `DecodeError`; or leave the column empty, keep
            the value in `extra`, count it in the receipt and warn once.
        page_size : int or "largest", optional
            Events per page. By default, the client's `page_size`.

        Returns
        -------
        pandas.DataFrame
            The audit frame, in ascending `date`: `date` (`datetime64[us, UTC]`), `aid`, `account_group_name`,
            `event`, `uid`, `user`, `ip_address` (`str`), `resources` (`ArrowDtype` of a list of structs with `type`
            and `name`) and `extra` (`str`, canonical JSON of everything that no column holds). Its receipt is
            ``te_audit_frames.receipt(events)``.

        Raises
        ------
        InvalidArgument
            An argument is wrong; nothing was sent.
        PermissionDenied
            The token may not see all the account groups asked for. The scope is never narrowed silently: ask again with
            ``all_account_groups=False`` or `aid`.
        FetchError
            The fetch could not be completed. `.partial` holds the events that arrived, and `.missing` the periods
            whose events may be missing from it. A KeyboardInterrupt carries both as well.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
        ...     events = client.fetch_events(window="104w")
        >>> len(events), list(events.columns[:3])
        (1000, ['date', 'aid', 'account_group_name'])
        """
        batches = self.iter_batches(
            window=window,
            start=start,
            end=end,
            aid=aid,
            all_account_groups=all_account_groups,
            errors=errors,
            page_size=page_size,
        )
        return batches.to_events()

    def iter_batches(
        self,
        *,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        aid: str | int | None = None,
        all_account_groups: bool | None = None,
        errors: Errors = "raise",
        page_size: PageSize | None = None,
        deadline_per_page: bool = False,
    ) -> Batches:
        """Fetch all events of a period as a stream of Arrow record batches, in flat memory.

        Parameters
        ----------
        window : str or timedelta, optional
            A length of time that ends now, by the server's clock: ``"12h"``, ``"7d"``, ``"45"`` (seconds), or a
            timedelta.
        start, end : str, datetime, date or pandas.Timestamp, optional
            The half-open period `[start, end)`: aware datetimes, or ISO 8601 text with an offset or Z. A date without
            a time means midnight UTC. Without `end`, the period ends now, by the server's clock. Without `window` and
            `start`, it is the last 7 days.
        aid : str or int, optional
            The account group to ask for.
        all_account_groups : bool, optional
            By default, all account groups that the token may see, unless `aid` names one. False means only the token's
            login account group.
        errors : {"raise", "coerce"}
            What to do with a value that its column cannot hold: raise a `DecodeError`; or leave the column empty, keep
            the value in `extra`, count it in the receipt and warn once.
        page_size : int or "largest", optional
            Events per page. By default, the client's `page_size`.
        deadline_per_page : bool
            Whether the client's `deadline` is the longest time without a new page, instead of the time of the whole
            fetch.

        Returns
        -------
        Batches
            An iterator of `pyarrow.RecordBatch` in the pinned schema. Batches come in the order of arrival; with
            several workers, that is not the order of dates. The `receipt` is complete after the last batch.

        Raises
        ------
        InvalidArgument
            An argument is wrong; nothing was sent.
        FetchError
            The fetch could not be completed; raised while iterating. `.missing` holds the periods whose events may be
            missing. The batches taken so far stay valid.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0, page_size=100) as api:
        ...     client = taf.Client(token=api.token, base_url=api.url)
        ...     sum(batch.num_rows for batch in client.iter_batches(window="104w"))
        1000
        """
        question = ask(window=window, start=start, end=end)
        check_errors(errors)
        requested: dict[str, Any] = {
            "window": window_text(DEFAULT_WINDOW if window is None and start is None else window),
            "start": None if start is None else iso(to_instant(start, argument="start")),
            "end": None if end is None else iso(to_instant(end, argument="end")),
            "default": isinstance(question, Window) and window is None,
        }
        scope = scope_parameters(aid, all_account_groups)
        size = check_page_size(page_size) or self._page_size
        check_flag("deadline_per_page", deadline_per_page)
        self._prepare()
        fetch = Fetch(
            question,
            scope | self._largest_pages.parameters(size),
            errors=errors,
            workers=self._workers,
            verify=self._verify,
            transport=self._transport,
            context=self._context(Progress(show=self._progress), size, is_per_page=deadline_per_page),
        )
        return Batches(fetch, requested, scope, self._clock, max_fetch_bytes=self._max_fetch_bytes)

    def get_page(
        self,
        *,
        window: str | timedelta | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        aid: str | int | None = None,
        all_account_groups: bool = False,
        errors: Errors = "raise",
        page_size: PageSize | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Send one `GET /v7/audit-user-events` as it is, and decode the page it returns.

        Nothing is filtered, and no further page is fetched. Use it to look at the API, and `fetch_events` to get
        events.

        Parameters
        ----------
        window : str or timedelta, optional
            A length of time that ends now, by the server's clock: ``"12h"``, ``"7d"``, ``"45"`` (seconds), or a
            timedelta. With neither `window` nor `start`, the API decides.
        start, end : str, datetime, date or pandas.Timestamp, optional
            The period: aware datetimes, or ISO 8601 text with an offset or Z. A date without a time means midnight
            UTC. The API takes whole seconds, so `start` is rounded down and `end` up.
        aid : str or int, optional
            The account group to ask for. Without it, the API takes the token's login account group.
        all_account_groups : bool
            Whether to ask for all account groups that the token may see.
        errors : {"raise", "coerce"}
            What to do with a value that its column cannot hold: raise a `DecodeError`, or leave the column empty and
            keep the value in `extra`.
        page_size : int or "largest", optional
            Events per page. By default, the client's `page_size`.
        cursor : str, optional
            The `next_cursor` of the page before. Give the other arguments as for that page.

        Returns
        -------
        Page
            The page, with `.events`, `.start`, `.end`, `.next_cursor` and `.raw`.

        Raises
        ------
        InvalidArgument
            An argument is wrong; nothing was sent.
        FetchError
            The page could not be fetched.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=10, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
        ...     page = client.get_page(window="104w", all_account_groups=True)
        >>> len(page.events), page.next_cursor
        (10, None)
        """
        check_errors(errors)
        size = check_page_size(page_size) or self._page_size
        parameters = page_parameters(
            window=window, start=start, end=end, aid=aid, all_account_groups=all_account_groups, cursor=cursor
        )
        self._prepare()
        context = self._context(Progress(show=False))

        def get(paging: dict[str, str]) -> Page:
            return self._transport.get(
                self._transport.origin.url(parameters | paging),
                page="1",
                read=lambda answer: decode_page(answer.body, name="1", errors=errors),
                context=context,
            )

        paging = self._largest_pages.parameters(size)
        try:
            return get(paging)
        except ApiError as error:
            if size != "largest" or not paging or not may_refuse_max(error):
                raise
        page = get({})
        self._largest_pages.are_refused = True
        return page

    def fetch_users(self, *, memberships: bool = True) -> pd.DataFrame:
        """Fetch the people of the organisation, one row per person.

        Parameters
        ----------
        memberships : bool
            Whether to ask for account groups and roles as well, which takes one request per account group and two
            more. Without them, `memberships` and `is_admin` are null.

        Returns
        -------
        pandas.DataFrame
            `uid`, `name`, `email` (`str`), `memberships` (`ArrowDtype` of a list of structs with `aid`,
            `account_group_name` and the list `roles`), `is_admin` (`boolean`: whether one of the roles has management
            permissions), `registered`, `last_login`, `fetched_at` and `roles_fetched_at` (`datetime64[us, UTC]`), in
            the order of `uid`. What the API refuses is null; `te_audit_frames.directory_receipt` lists what that was.

        Raises
        ------
        InvalidArgument
            An argument is wrong; nothing was sent.
        PermissionDenied
            The token may not see the list of users, and no members of account groups were read.
        FetchError
            The fetch could not be completed, or an answer breaks the contract.

        Notes
        -----
        Memberships cover only the account groups that the token may see. So `is_admin` is null, and not False, for a
        person who may have roles elsewhere.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
        ...     users = client.fetch_users()
        >>> len(users), int(users["is_admin"].sum())
        (29, 5)
        """
        check_flag("memberships", memberships)
        self._prepare()
        return self._directory().users(memberships=memberships)

    def fetch_account_groups(self) -> pd.DataFrame:
        """Fetch the account groups that the token may see, one row per account group.

        Returns
        -------
        pandas.DataFrame
            `aid`, `account_group_name`, `organization_name`, `org_id` (`str`), `is_current_account_group`,
            `is_default_account_group` (`boolean`) and `fetched_at` (`datetime64[us, UTC]`), in the order sent.

        Raises
        ------
        PermissionDenied
            The token may not list account groups.
        FetchError
            The fetch could not be completed, or an answer breaks the contract.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=10, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
        ...     client.fetch_account_groups()["account_group_name"].tolist()
        ['Network Operations', 'EMEA Branches', 'APAC Retail', 'SaaS & Cloud Labs']
        """
        self._prepare()
        return self._directory().account_groups()

    def _directory(self) -> DirectoryFetch:
        return DirectoryFetch(self._transport, self._context(Progress(show=False)), workers=self._workers)

    def close(self) -> None:
        """Close the connections. A closed client cannot fetch any more.

        A ``with`` block closes its client at the end.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> taf.Client(token="practice").close()
        """
        self._is_closed = True
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _context(
        self, progress: Progress, page_size: PageSize | None = None, *, is_per_page: bool = False
    ) -> FetchContext:
        return FetchContext(
            clock=self._clock,
            seconds_allowed=self._deadline,
            progress=progress,
            is_per_page=is_per_page,
            page_size=page_size,
            largest_pages=self._largest_pages,
        )


def fetch_events(
    *,
    window: str | timedelta | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    aid: str | int | None = None,
    all_account_groups: bool | None = None,
    errors: Errors = "raise",
    page_size: PageSize | None = None,
    client: Client | None = None,
) -> pd.DataFrame:
    """Fetch all events of a period.

    Parameters
    ----------
    window : str or timedelta, optional
        A length of time that ends now, by the server's clock: ``"12h"``, ``"7d"``, ``"45"`` (seconds), or a timedelta.
    start, end : str, datetime, date or pandas.Timestamp, optional
        The half-open period `[start, end)`: aware datetimes, or ISO 8601 text with an offset or Z. A date without
        a time means midnight UTC. Without `end`, the period ends now, by the server's clock. Without `window` and
        `start`, it is the last 7 days.
    aid : str or int, optional
        The account group to ask for.
    all_account_groups : bool, optional
        By default, all account groups that the token may see, unless `aid` names one. False means only the token's
        login account group.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold: raise a `DecodeError`; or leave the column empty, keep
        the value in `extra`, count it in the receipt and warn once.
    page_size : int or "largest", optional
        Events per page. By default, the client's `page_size`.
    client : Client, optional
        The client that fetches; by default ``Client()``, with the token from `TE_TOKEN`.

    Returns
    -------
    pandas.DataFrame
        The audit frame, in ascending `date`: `date` (`datetime64[us, UTC]`), `aid`, `account_group_name`,
        `event`, `uid`, `user`, `ip_address` (`str`), `resources` (`ArrowDtype` of a list of structs with `type`
        and `name`) and `extra` (`str`, canonical JSON of everything that no column holds). Its receipt is
        ``te_audit_frames.receipt(events)``.

    Raises
    ------
    InvalidArgument
        There is no token, or an argument is wrong; nothing was sent.
    PermissionDenied
        The token may not see all the account groups asked for. The scope is never narrowed silently: ask again with
        ``all_account_groups=False`` or `aid`.
    FetchError
        The fetch could not be completed. `.partial` holds the events that arrived, and `.missing` the periods whose
        events may be missing from it. A KeyboardInterrupt carries both as well.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
    ...     events = taf.fetch_events(window="90d", client=client)
    >>> taf.receipt(events).complete
    True
    """
    if client is not None:
        return client.fetch_events(
            window=window,
            start=start,
            end=end,
            aid=aid,
            all_account_groups=all_account_groups,
            errors=errors,
            page_size=page_size,
        )
    with Client() as default:
        return default.fetch_events(
            window=window,
            start=start,
            end=end,
            aid=aid,
            all_account_groups=all_account_groups,
            errors=errors,
            page_size=page_size,
        )
