"""TLS certificates: which authorities are trusted, and why a server's certificate was refused.

Nothing here turns verification off.
"""

from __future__ import annotations

import os
import ssl

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.safe_text import printable

# OpenSSL's numbers for what is wrong with a certificate: X509_V_ERR_...
_NOT_YET, _EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 9, 10, 62, 64
_RENEW = "The server's operator has to renew it, unless this machine's clock is wrong."
_BASE_URL = "Check base_url (TE_BASE_URL)."
_FAULTS = {
    _NOT_YET: ("is not valid yet", _RENEW),
    _EXPIRED: ("has expired", _RENEW),
    _OTHER_HOST: ("is for another host", _BASE_URL),
    _OTHER_ADDRESS: ("is for another host", _BASE_URL),
}


def check_authorities(chosen: bool | str | None, ca_bundle: str | None) -> bool | str:
    """Return the certificate authorities to trust, as `requests` takes them for `verify`.

    Parameters
    ----------
    chosen : bool, str or None
        What `requests` chose: a path from `ca_bundle` or from the environment, or anything else for its own list.
    ca_bundle : str or None
        The Client's argument, so that the error can name it.

    Raises
    ------
    InvalidArgument
        The path does not exist, or holds no certificates.
    """
    if not isinstance(chosen, str):
        return True
    name = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE" if ca_bundle is None else "ca_bundle"
    if not os.path.exists(chosen):  # noqa: PTH110 - it may be a file or a folder
        raise InvalidArgument(f"{name}: there is no file {chosen}")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(**{"capath" if os.path.isdir(chosen) else "cafile": chosen})  # noqa: PTH112
    except OSError:
        raise InvalidArgument(f"{name}: {chosen} is not readable, or holds no certificates in PEM form") from None
    return chosen


def refused_certificate(error: BaseException) -> tuple[str, str] | None:
    """Return what is wrong with a server's certificate and what to do, or None if that was not the error."""
    fault: BaseException | None = error
    while fault is not None and not isinstance(fault, ssl.SSLCertVerificationError):
        held = (part for part in fault.args if isinstance(part, BaseException))
        fault = next(held, None) or fault.__cause__ or fault.__context__
    if fault is None:
        return None
    what, remedy = _FAULTS.get(
        fault.verify_code,
        (f"was not accepted, {printable(fault.verify_message)}", "For a private authority, give ca_bundle=."),
    )
    return f"the TLS certificate {what}", remedy
