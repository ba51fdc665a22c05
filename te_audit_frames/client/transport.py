"""One GET request: signed, limited in time and size, retried, and with errors that say what happened.

A retry repeats everything, from connecting to decoding the page, because an answer cut short may look like a valid 200
until it is decoded. The number of attempts and the total time are limited. Waiting after a 429 does not count as an
attempt.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3

from te_audit_frames.client.auth import Secret
from te_audit_frames.client.clock import Clock
from te_audit_frames.client.connections import Adapter
from te_audit_frames.client.context import FetchContext, Stopped
from te_audit_frames.client.http_errors import TOO_SLOW, api_error, describe
from te_audit_frames.client.rate_limit import Allowance, Pacer, server_date
from te_audit_frames.client.tls import check_authorities, refused_certificate
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import AuditFramesError, DecodeError, FetchError, NetworkError, RateLimited, ServerError
from te_audit_frames.safe_text import number_of

if TYPE_CHECKING:
    import tenacity

_log = logging.getLogger("te_audit_frames")

T = TypeVar("T")

ACCEPT = "application/hal+json, application/json, application/problem+json"
_CHUNK = 2**16
_LONGEST_BACKOFF = 30.0
_LONGEST_CONNECT = 10.0
_SHORTEST_EXCHANGE = 0.05


@dataclass(frozen=True)
class Answer:
    """The body of a 200, and the time of its `Date` header."""

    body: bytes
    date: datetime | None


class Transport:
    """GET requests to one origin.

    Parameters
    ----------
    secret : Secret
        The token.
    origin : Origin
        The origin of every address.
    timeout : float
        How long one request may take, in seconds, from connecting to the last byte.
    retries : int
        How often a failed request is tried again.
    max_page_bytes : int
        How many bytes an answer may have after decompression.
    ca_bundle : str or None
        A file of certificate authorities to trust instead of the default ones.
    workers : int
        How many connections to keep open.
    pacer : Pacer
        Makes requests wait for the rate limit.
    clock : Clock
        The clock.
    """

    def __init__(
        self,
        *,
        secret: Secret,
        origin: Origin,
        timeout: float,
        retries: int,
        max_page_bytes: int,
        ca_bundle: str | None,
        workers: int,
        pacer: Pacer,
        clock: Clock,
    ) -> None:
        self.origin = origin
        self._timeout = timeout
        self._retries = retries
        self._max_page_bytes = max_page_bytes
        self.pacer = pacer
        self._clock = clock
        self._session = requests.Session()
        # Without an explicit auth, requests would look for a netrc entry and use it in place of the token.
        self._session.auth = self._secret = secret
        self._session.headers.update({"Accept": ACCEPT, "Accept-Encoding": "gzip", "Cache-Control": "no-cache"})
        adapter = Adapter(pool_connections=1, pool_maxsize=workers)
        self._session.mount(origin.base_url, adapter)
        # Plain http goes to loopback only, so a proxy from the environment (http_proxy) must not see it.
        self._session.trust_env = origin.is_encrypted
        settings = self._session.merge_environment_settings(origin.base_url, {}, True, ca_bundle, None)
        self._settings: dict[str, Any] = {**settings, "verify": check_authorities(settings["verify"], ca_bundle)}

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()

    def without_token(self, follow: Callable[[], T]) -> T:
        """Follow a link, and remove the token from an error about it: a server may have put the token into the link."""
        try:
            return follow()
        except AuditFramesError as error:
            self._secret.hide_in(error)
            raise error.with_traceback(None) from None  # the frames behind it hold the link

    def get(self, url: str, *, page: str, read: Callable[[Answer], T], context: FetchContext) -> T:
        """Send a GET request until `read` accepts the answer, with a limited number of attempts.

        Parameters
        ----------
        url : str
            An address below the base URL.
        page : str
            The page's name in messages.
        read : callable
            Decodes the answer. If it raises a `DecodeError` about the page as a whole, the request is sent again.
        context : FetchContext
            The fetch that the request belongs to.

        Returns
        -------
        T
            What `read` returned.

        Raises
        ------
        ApiError, NetworkError, DecodeError
            After the last attempt; the message gives the number of attempts and the seconds. Failures that another
            attempt would not change are raised at once: a status such as 403, an answer that is too large, or a
            certificate that is refused.
        """
        import tenacity  # here, because it loads asyncio, which is not needed until a request is sent

        began = self._clock.monotonic()
        attempts = 0

        def attempt() -> T:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                context.stats.count(retries=1)
            return read(self._exchange(url, page, context))

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_temporary),
            stop=lambda state: state.attempt_number > self._retries or state.upcoming_sleep > context.seconds_left(),
            wait=tenacity.wait_random_exponential(multiplier=1.0, max=_LONGEST_BACKOFF),
            sleep=lambda seconds: self._sleep(seconds, context),
            before_sleep=lambda state: _log_retry(state, page),
            reraise=True,
        )
        try:
            try:
                return retrying(attempt)
            except _Final as error:
                raise NetworkError(f"page {page}: {error}") from None
        except FetchError as error:
            took = self._clock.monotonic() - began
            error.args = (f"{error} (after {attempts} attempt{'s' * (attempts != 1)} in {took:.1f} s)",)
            self._secret.hide_in(error)
            # The answer may quote the token, and the frames and errors behind this error hold it; so drop them.
            error.__context__ = None
            raise error.with_traceback(None) from None

    # ---- one attempt ------------------------------------------------------------------------------------------

    def _exchange(self, url: str, page: str, context: FetchContext) -> Answer:
        """Send one request as soon as the budget allows it, and return the answer or raise its error."""
        while True:
            self._wait_for_permit(page, context)
            status, headers, body = self._send(url, page, context)
            if status != 429:
                break
            context.stats.count(throttled=1)
        if status == 200:
            return Answer(body, server_date(headers))
        raise api_error(
            status,
            headers,
            body,
            page,
            asked_for_all="useAllPermittedAids=true" in url,
            asked_for_size="max" in parse_qs(urlsplit(url).query),
        )

    def _wait_for_permit(self, page: str, context: FetchContext) -> None:
        began = self._clock.monotonic()
        if began > context.deadline:
            raise NetworkError(
                f"page {page}: {context.limit} are over. "
                "Ask for a shorter period, or give the Client a longer deadline."
            )
        waited = False
        while not context.is_stopped:
            wait = self.pacer.try_leave()
            now = self._clock.monotonic()
            if wait == 0.0:
                if waited:
                    context.stats.count(waited_seconds=now - began)
                    context.progress.waiting(0.0)
                return
            if now + wait > context.deadline:
                raise RateLimited(
                    f"page {page}: the organisation's requests are used up for another {wait:.0f} s, "
                    f"but {context.limit} end earlier. "
                    "Try again later, ask for a shorter period, or give the Client a longer deadline.",
                    status=429,
                )
            if not waited:
                _log.info("page %s: waiting %.0f s for the rate limit", page, wait)
            waited = True
            context.progress.waiting(wait)
            self.pacer.pause(wait)
        raise Stopped

    def _send(
        self, url: str, page: str, context: FetchContext
    ) -> tuple[int, requests.structures.CaseInsensitiveDict[str], bytes]:
        # Errors of requests and urllib3 hold the request, and so the token. Ours are raised outside of the except
        # block, so that their __context__ does not lead to it.
        limit = min(self._timeout, max(context.seconds_left(), _SHORTEST_EXCHANGE))
        began = time.monotonic()
        ends = began + limit
        context.stats.count(requests=1)
        allowance, throttled, failure, remedy, certificate = None, False, "", "", None
        try:
            request = self._session.prepare_request(requests.Request("GET", url))
            # Not the session's own send: even without following a redirect, it reads the redirect's whole body, and
            # fails if the redirect's address is odd. It would also keep cookies, which threads cannot share.
            adapter = self._session.get_adapter(url)
            patience = (min(limit, _LONGEST_CONNECT), limit)
            with (
                context.connections.used(seconds=limit),
                adapter.send(request, timeout=patience, **self._settings) as response,
            ):
                allowance = Allowance.from_headers(response.headers, now=self._clock.now())
                throttled = response.status_code == 429
                body = self._body(response, context)
                if time.monotonic() < ends:
                    return response.status_code, response.headers, body
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            certificate = refused_certificate(error)
            failure, remedy = certificate or describe(error)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            # The frames of a Ctrl-C, say, have the request's headers among their local variables; so drop them.
            error.__context__ = None
            raise error.with_traceback(None) from None
        finally:
            self.pacer.answer(allowance, throttled=throttled, took=time.monotonic() - began)
        if context.is_stopped:
            raise Stopped
        if time.monotonic() >= ends:
            failure = f"it was not complete after {limit:.3g} s (the timeout, or what was left of the deadline)"
            remedy = TOO_SLOW
        message = f"there was no complete answer from {self.origin.base_url}: {failure}. {remedy}"
        raise _Final(message) if certificate else NetworkError(f"page {page}: {message}")

    def _body(self, response: requests.Response, context: FetchContext) -> bytes:
        body = io.BytesIO()  # a list of small chunks would take many times their size
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body.write(chunk)
            if context.is_stopped:
                raise Stopped
            if body.tell() > self._max_page_bytes:
                raise _Final(
                    f"the answer is larger than the {_size_text(self._max_page_bytes)} that a page may have. Ask for "
                    "smaller pages (page_size), or raise the Client's max_page_bytes."
                )
        return body.getvalue()

    def _sleep(self, seconds: float, context: FetchContext) -> None:
        until = self._clock.monotonic() + seconds
        while not context.is_stopped and (left := until - self._clock.monotonic()) > 0:
            self.pacer.pause(left)
        if context.is_stopped:
            raise Stopped


def _log_retry(state: tenacity.RetryCallState, page: str) -> None:
    error = state.outcome.exception() if state.outcome else None
    # Log only the class, because the message quotes the server's text.
    _log.debug(
        "page %s: attempt %d failed with %s, trying again in %.1f s",
        page,
        state.attempt_number,
        type(error).__name__,
        state.upcoming_sleep,
    )


class _Final(Exception):
    """A failure that another attempt would not change. It becomes a `NetworkError`."""


def _size_text(size: int) -> str:
    return number_of(size, "byte") if size < 2**20 else f"{size / 2**20:,.4g} MiB"


def _is_temporary(error: BaseException) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, DecodeError):
        return error.event is None  # None means an answer cut short; a bad value in a complete page would come again
    return isinstance(error, (NetworkError, ServerError))
