"""The errors of web servers as sentences. fsspec's reader of the web raises a missing file for each of them."""

from __future__ import annotations

from collections.abc import Sequence

_ISSUER = "if you trust the issuer, set SSL_CERT_FILE to a file with the issuer's certificate"
_KINDS = {
    "TooManyRedirects": "its server leads from one address to the next without an end",
    "NonHttpUrlRedirectClientError": "its server leads to another address, which is no http:// or https:// URL",
    "InvalidUrlRedirectClientError": "its server leads to another address, which is not a usable URL",
    "ClientConnectorCertificateError": f"the certificate of its server is not trusted here; {_ISSUER}",
    "ClientSSLError": "its server does not answer over TLS; if it is a server without TLS, write http://",
}
"""Causes by the class of an error. The first one that fits counts."""
_BROKEN_OFF = frozenset({"TransferEncodingError", "ContentLengthError"})
_NO_HTTP = "HttpProcessingError"
_STATUS = {
    401: "its server wants a login; give the user and the password in the URL",
    403: "its server says that you have no right to read it",
    407: "the proxy wants a login",
    416: "its server does not serve this part of it",
    429: "its server gets too many requests; run the flow again later",
}


class RedirectError(Exception):
    """A redirection without an address."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def refuse_redirect(response: object) -> None:
    """Raise RedirectError for a response that is still a redirection after all of them were followed."""
    status = getattr(response, "status", 0)
    if 300 <= status < 400:
        raise RedirectError(status)


def web_reason(chain: Sequence[BaseException], status: int) -> str:
    """Return the reason why a web server gave no file; "" if the classes of the errors and the status tell none."""
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if found := next((why for kind, why in _KINDS.items() if kind in kinds), ""):
        return found
    if _NO_HTTP in kinds and not kinds & _BROKEN_OFF:
        return "its server sent an answer that breaks the rules of HTTP"
    if "RedirectError" in kinds:
        return f"its server leads to another address, and does not name it (status {status})"
    if why := _STATUS.get(status):
        return f"{why} (status {status})"
    if status >= 500:
        return f"its server failed (status {status}); run the flow again later"
    return f"its server refused the request (status {status})" if status and status not in (404, 410, 412) else ""


def is_missing(error: BaseException, status: int) -> bool:
    """Tell whether a file is missing. A missing file with a cause stands for that cause."""
    alone = isinstance(error, FileNotFoundError) and error.__cause__ is None and not status
    return alone or status in (404, 410)
