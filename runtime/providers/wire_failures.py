"""The errors for failures of the connection. Their class depends on whether the request had been sent."""

from __future__ import annotations

import ssl

import aiohttp

from ..vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError
from .descriptors import NONE_LEFT, soft_limit
from .endpoints import HttpEndpoint
from .failures import unforeseen

_ISSUER = "if you trust the issuer, set SSL_CERT_FILE to a file with the issuer's certificate"
_DECLARED = "if you trust the issuer, name a file with its certificate as the `ca` of the endpoint"
# OpenSSL's numbers for what is wrong with a certificate (x509_vfy.h).
_EXPIRED, _TOO_EARLY, _OTHER_NAME, _OTHER_NUMBER = 10, 9, 62, 64
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})


class NoHttpError(Exception):
    """The server sent something that is no answer in HTTP. The text is what is wrong with it."""


def wire_failure(endpoint: HttpEndpoint, problem: Exception, *, sent: bool, seconds: float) -> CallError:
    """Return the error for a failure. ``sent``: the request had gone out. ``seconds``: the time that it was given."""
    where = f"{endpoint.model}: {endpoint.host}"
    if isinstance(problem, TimeoutError):
        if sent:
            return InDoubtError(f"{where} gave no complete answer within {seconds:.3g} s; it may have been paid")
        return RefusedError(f"{where} could not be reached within {seconds:.3g} s")
    if isinstance(problem, OSError) and problem.errno in NONE_LEFT and not sent:
        return RefusedError(
            f"{where} could not be reached within {seconds:.3g} s: this process has no file descriptor left for a "
            f"connection (its limit is {soft_limit()}): raise the limit (ulimit -n), or ask fewer at once"
        )
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return PermanentError(f"{where} {_certificate(endpoint, problem.certificate_error)}")
    if isinstance(problem, aiohttp.ClientConnectorSSLError):
        why = getattr(problem.os_error, "reason", None) or type(problem.os_error).__name__
        return RefusedError(
            f"{where} does not answer over TLS ({endpoint.quote(str(why))}): if it is a server without TLS, begin "
            f"{endpoint.base_variable or 'its address'} with http://"
        )
    if isinstance(problem, aiohttp.InvalidURL):
        return PermanentError(f"{where}: {endpoint.base_variable or 'the base URL'} is not an address")
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        kind = PermanentError if problem.status == 407 else RefusedError
        return kind(f"{where}: the proxy answered {problem.status}", status=problem.status)
    if isinstance(problem, aiohttp.ClientProxyConnectionError):
        why = problem.os_error.strerror or type(problem.os_error).__name__
        return RefusedError(f"{where}: the proxy {problem.host} does not accept connections ({endpoint.quote(why)})")
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        if endpoint.way.proxy and problem.host not in (endpoint.host, endpoint.host.rpartition(":")[0]):
            return RefusedError(f"{where}: the address of the proxy {problem.host} cannot be found")
        return RefusedError(f"{where}: the address of this host cannot be found")
    if isinstance(problem, aiohttp.ClientConnectorError):
        why = problem.os_error.strerror or type(problem.os_error).__name__
        return RefusedError(f"{where} does not accept connections ({endpoint.quote(why)})")
    if isinstance(problem, NoHttpError):
        why = endpoint.quote(str(problem))
        return InDoubtError(f"{where} sent an answer that breaks the rules of HTTP ({why}); it may have been paid")
    if not isinstance(problem, aiohttp.ClientError | OSError):
        # A library could not handle the address or the answer.
        said = unforeseen(endpoint, problem)
        return InDoubtError(said) if sent else PermanentError(said)
    if not sent:
        return RefusedError(f"{where} closed the connection before the request was sent")
    return InDoubtError(f"{where} closed the connection before the answer was complete; it may have been paid")


def _certificate(endpoint: HttpEndpoint, error: Exception) -> str:
    """Say why a certificate is not accepted, and what the user can do."""
    code = getattr(error, "verify_code", None)
    said = endpoint.quote(str(getattr(error, "verify_message", "") or ""))
    base = endpoint.base_variable or "the base URL"
    if code == _EXPIRED:
        return "shows a certificate that has expired: its owner must renew it, unless this machine's clock is wrong"
    if code == _TOO_EARLY:
        return "shows a certificate that is not valid yet: check this machine's clock"
    if code in (_OTHER_NAME, _OTHER_NUMBER) or (isinstance(error, ssl.CertificateError) and "match" in str(error)):
        return f"shows a certificate for another host name ({said}): check {base}"
    way_out = _ISSUER if endpoint.base_variable else _DECLARED
    if code in _UNKNOWN_ISSUER:
        return f"shows a certificate from an issuer that is not known here ({said}): {way_out}"
    return f"shows a certificate that is not trusted here ({said or type(error).__name__}): {way_out}"
