"""The errors of fsspec's libraries as sentences. A sentence has no text of a library, which may repeat a secret."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from types import TracebackType

from flowrun.dsl import pattern

from ..vocabulary.errors import FlowrunError
from .web_errors import is_missing, web_reason

_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "hf": "huggingface_hub",
    "oss": "ossfs",
}
_CODE = pattern(r"[A-Za-z0-9]{1,60}")
_AWAY = (
    "EndpointConnection",
    "ClientConnector",
    "ConnectTimeout",
    "gaierror",
)
_CUT = (
    "ConnectionClosed",
    "ServerDisconnected",
    "ConnectionReset",
    "BrokenPipe",
    "IncompleteRead",
    "ClientPayload",
    "ResponseStreaming",
    "ReadTimeout",
    "Timeout",
    "HTTPClientError",
    "ClientOSError",
)


def not_installed(error: BaseException, name: str, protocol: str) -> str:
    """Return the sentence for a protocol whose library is not there, or that nobody knows."""
    if isinstance(error, ImportError):
        package = _PACKAGES.get(protocol) or f"that fsspec needs for {protocol}://"
        hint = f": `pip install {package}`" if protocol in _PACKAGES else ""
        return f"{name}: {protocol}:// needs a Python package that is not installed{hint}"
    if "rotocol" in str(error):
        return f"{name}: fsspec knows no protocol {protocol}://"
    return f"{name} is not a usable URL"


def refused(name: str, protocol: str) -> str:
    """Return the sentence for a protocol that leads to local files or to no server."""
    way = "write the path itself" if protocol in ("file", "local") else "give the URL of the object itself"
    return f"{name}: flowrun opens no {protocol}:// URL; {way}"


def reason(error: BaseException, name: str, protocol: str, doing: str) -> str:
    """Return the sentence for an error while an object is read or written. ``doing`` is ``read`` or ``written``."""
    chain = list(_chain(error))
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    code = next((found for one in chain if (found := _code(one))), "")
    status = next((number for one in chain if (number := _status(one))), 0)
    status = int(code) if code.isdecimal() else status
    begin = f"{name} cannot be {doing}"
    if _has(kinds, "Credentials", "ProfileNotFound", "TokenRetrieval", "SSOToken") or code == "InvalidAccessKeyId":
        return f"{begin}: no valid credentials for {protocol}:// are in the environment or in the files of its library"
    if "FileExpired" in kinds or code == "PreconditionFailed" or status == 412:
        return f"{name} has changed while the flow was reading it; run the flow again"
    if code == "NoSuchBucket":
        return f"{begin}: there is no such bucket"
    is_web = protocol in ("http", "https")
    if is_web and (why := web_reason(chain, status)):
        return f"{begin}: {why}"
    if _has(kinds, *_AWAY) or isinstance(error, ConnectionRefusedError):
        return f"{begin}: its server cannot be reached; see the network and the address"
    if isinstance(error, TimeoutError) or _has(kinds, *_CUT):
        return f"{begin}: its server broke off or did not answer in time"
    # gcsfs has no class for a missing right.
    if isinstance(error, PermissionError) or status in (401, 403) or str(error).startswith("Forbidden:"):
        verb = "write" if doing == "written" else "read"
        return f"{begin}: the credentials at hand have no right to {verb} it{_said(code)}"
    if _has(kinds, "InvalidU", "ParamValidationError") or (is_web and "ValueError" in kinds):
        return f"{name} is not a usable URL"
    if (is_missing(error, status) if is_web else _is_missing(error, status)) and code != "NoSuchUpload":
        return f"{begin}: there is no such bucket" if doing == "written" else f"there is no object {name}"
    if "range requests" in str(error):
        return f"{begin}: its server does not serve parts of a file; download it, and give its path"
    number = error.errno if isinstance(error, OSError) and error.errno else 0
    told = _said(code) or (f" (status {status})" if status else "")
    if not told:
        told = f" ({errno.errorcode[number]})" if number in errno.errorcode else f" ({type(chain[-1]).__name__})"
    return f"{begin}: its server or the library of {protocol}:// failed{told}"


def _is_missing(error: BaseException, status: int) -> bool:
    return status in (404, 410) or (isinstance(error, FileNotFoundError) and not status)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    found = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def _status(error: BaseException) -> int:
    """Return the status of HTTP that aiohttp and gcsfs tell in their errors; 0 for others."""
    if any(kind.__name__ == "HttpProcessingError" for kind in type(error).__mro__):
        return 0  # aiohttp's parser has a number of its own
    # Errors of aiohttp have both names, and it warns of the second.
    found = getattr(error, "status", None) if hasattr(error, "status") else getattr(error, "code", None)
    return found if isinstance(found, int) and 300 <= found < 600 else 0


def _said(code: str) -> str:
    return f" ({code})" if code else ""


def _has(kinds: set[str], *parts: str) -> bool:
    return any(part in kind for kind in kinds for part in parts)


class Guarded:
    """A context in which the errors of fsspec's libraries, which have classes of their own, become errors of flowrun.

    ``told`` makes the error. The library's own error is left out of the chain: it may repeat a secret.
    """

    def __init__(self, told: Callable[[BaseException], FlowrunError]) -> None:
        self._told = told

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, FlowrunError):
            raise self._told(error) from None
