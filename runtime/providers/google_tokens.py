"""Access tokens of Google Cloud, found and renewed by Google's own library (google-auth)."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from ..vocabulary.errors import EndpointError, RefusedError, UsageError
from ..vocabulary.quoting import sentence, shown
from .signing import Renewal, Signer

_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_LONGEST = 300


class GoogleSigner(Signer):
    """The maker of the header with the access token of one account. The token is renewed in a thread."""

    def __init__(self, model: str, environ: Mapping[str, str], project: str) -> None:
        super().__init__(f"{project} {_path(environ)}")
        self._model = model
        self._environ = environ
        self._credentials: Any = None
        self._renewal = Renewal(self._renew)

    def find(self) -> None:
        self._credentials = _credentials(self._environ, self._model)
        try:
            self._renew()
        except Exception as error:  # noqa: BLE001 (the chain asks services of the user's own)
            failure = self._failure(error)
            if isinstance(failure, EndpointError):
                raise UsageError(str(failure)) from None

    async def made(self, url: str, body: bytes) -> Mapping[str, str]:
        if not self._credentials.valid:
            try:
                await self._renewal.done()
            except Exception as error:  # noqa: BLE001 (the chain asks services of the user's own)
                raise self._failure(error) from None
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        self.knows(self._credentials.token)
        return headers

    def advice(self, status: int) -> str:
        match status:
            case 401:
                return "check the account of the application default credentials"
            case 403:
                return "check that the account may use Vertex AI (the role roles/aiplatform.user) in this project"
            case 404:
                return "check the name of the model, and whether the location serves it"
        return ""

    def _failure(self, error: Exception) -> RefusedError | EndpointError:
        said = sentence(self.hide(str(error)), _LONGEST)
        if type(error).__name__ == "TransportError" or getattr(error, "retryable", False):
            return RefusedError(f"{self._model}: Google gives no access token yet ({said})")
        return EndpointError(
            f"{self._model}: Google gives no access token ({said}): run `gcloud auth application-default login`, or "
            f"check {_FILE}"
        )

    def _renew(self) -> None:
        from .google_transport import Transport

        self._credentials.refresh(Transport())


def signer_of(environ: Mapping[str, str], model: str, project: str) -> GoogleSigner:
    """Return the maker of the header. Raises: UsageError, which says what can be seen to be missing."""
    if not _installed():
        raise UsageError(f"{model} gets its access tokens by the package google-auth: install flowrun-dsl[google]")
    path = environ.get(_FILE, "").strip()
    if path and not os.path.exists(path):
        raise UsageError(f"{_FILE} names the file {shown(path)}, which does not exist")
    return GoogleSigner(model, environ, project)


def project_of(environ: Mapping[str, str]) -> str:
    """Return the project that the variables or the user's credentials name; "" if they name none."""
    if project := environ.get("GOOGLE_CLOUD_PROJECT", "").strip():
        return project
    try:
        with open(_path(environ), encoding="utf-8") as file:
            account = json.load(file)
    except (OSError, ValueError, RecursionError):
        # google-auth tells what is wrong with the file.
        return ""
    named = [account.get(name) for name in ("project_id", "quota_project_id")] if isinstance(account, dict) else []
    return next((one for one in named if isinstance(one, str)), "")


def _path(environ: Mapping[str, str]) -> str:
    """Return the path of the file with the application default credentials."""
    if path := environ.get(_FILE, "").strip():
        return path
    home = environ.get("HOME", "").strip() or os.path.expanduser("~")
    folder = environ.get("CLOUDSDK_CONFIG", "").strip() or os.path.join(home, ".config", "gcloud")
    return os.path.join(folder, "application_default_credentials.json")


def _installed() -> bool:
    try:
        return find_spec("google.auth") is not None
    except ModuleNotFoundError:
        return False


def _credentials(environ: Mapping[str, str], model: str) -> Any:
    import google.auth

    from .google_transport import Transport

    path = environ.get(_FILE, "").strip()
    try:
        if not path:
            return google.auth.default(scopes=_SCOPES, request=Transport())[0]
        with warnings.catch_warnings():
            # The warning is for programs that take such files from others. This one is named by the user.
            warnings.simplefilter("ignore", DeprecationWarning)
            load: Any = google.auth.load_credentials_from_file
            return load(path, scopes=_SCOPES, request=Transport())[0]
    except Exception as error:  # noqa: BLE001 (whatever is wrong with the file, nothing can be asked)
        # Behind the sentence may stand another error, which holds the bytes of the file, and so the key in it.
        said = sentence(str(error.args[0] if error.args else error), _LONGEST)
        way = f"check the file of {_FILE}" if path else f"run `gcloud auth application-default login`, or set {_FILE}"
        raise UsageError(f"{model} finds no credentials of Google Cloud: {way} ({said})") from None
