"""The credentials of AWS, found by its own chain (botocore), and the signatures of requests (SigV4).

The variables and files are those of AWS's own tools (docs.aws.amazon.com/sdkref, "Settings reference").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from flowrun.dsl import pattern

from ..vocabulary.errors import EndpointError, RefusedError, UsageError
from ..vocabulary.quoting import sentence, shown
from .addresses import check_header
from .secret import SHOWN
from .signing import Renewal, Signer

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION = pattern(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}")
_SIGNATURE = pattern(r"(?i:\bsignature\W{1,3})([0-9a-f]{64})\b")
_FILES = {"config_file": "AWS_CONFIG_FILE", "credentials_file": "AWS_SHARED_CREDENTIALS_FILE"}
_LONGEST = 300
# Errors of botocore for a service of credentials that cannot be reached; another attempt may reach it.
_UNREACHED = frozenset(
    "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError MetadataRetrievalError".split()
)


class AmazonSigner(Signer):
    """The maker of signatures for one region and one source of credentials.

    Temporary credentials are renewed before they expire, in a thread.
    """

    def __init__(self, model: str, environ: Mapping[str, str], region: str) -> None:
        self._own = _from_variables(environ)
        self._profile = "" if self._own else environ.get("AWS_PROFILE", "").strip()
        super().__init__(f"{region} {self._profile} {self._own[0] if self._own else ''}")
        self._model = model
        self._environ = environ
        self._region = region
        self._ids: set[str] = set()
        self._credentials: Any = None
        self._renewal: Renewal[Any] = Renewal(self._renew)

    def find(self) -> None:
        from botocore.credentials import Credentials

        _must_be_known(self._region, self._environ, self._model)
        if self._own is None:
            self._credentials = _from_chain(self._environ, self._model, self._profile)
            try:
                self._renew()
            except Exception as error:  # noqa: BLE001 (the chain runs commands and services of the user's own)
                failure = self._failure(error)
                if isinstance(failure, EndpointError):
                    raise UsageError(str(failure)) from None
        else:
            key, secret_key, token = self._own
            self._credentials = Credentials(key, secret_key, token or None)

    async def made(self, url: str, body: bytes) -> Mapping[str, str]:
        needed = getattr(self._credentials, "refresh_needed", None)
        try:
            if needed is not None and needed():
                keys = await self._renewal.done()
            else:
                keys = self._credentials.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001 (the chain runs commands and services of the user's own)
            raise self._failure(error) from None
        self.knows(keys.secret_key, keys.token)
        self._ids.add(keys.access_key)
        return signed(url, body, keys, self._region)

    def advice(self, status: int) -> str:
        match status:
            case 401:
                return f"check the AWS credentials{self._of_profile}, and the clock of this machine"
            case 403:
                return f"check the permission bedrock:InvokeModel of the AWS credentials{self._of_profile}"
            case 404:
                return f"check the name of the model, and whether {self._region} serves it"
        return ""

    def hide(self, text: str) -> str:
        text = super().hide(text)
        for one in self._ids:
            text = text.replace(one, SHOWN)
        return _SIGNATURE.sub(lambda found: found[0].replace(found[1], SHOWN), text)

    @property
    def _of_profile(self) -> str:
        return f" of the profile {shown(self._profile)}" if self._profile else ""

    def _renew(self) -> Any:
        return self._credentials.get_frozen_credentials()

    def _failure(self, error: Exception) -> RefusedError | EndpointError:
        said = sentence(self.hide(str(error)), _LONGEST)
        if type(error).__name__ in _UNREACHED:
            return RefusedError(f"{self._model}: the AWS credentials cannot be renewed yet ({said})")
        profile = f" --profile {self._profile}" if self._profile else ""
        login = f": run `aws sso login{profile}`" if "SSO" in type(error).__name__ or "sso" in said.lower() else ""
        return EndpointError(f"{self._model}: the AWS credentials{self._of_profile} cannot be renewed ({said}){login}")


def signed(url: str, body: bytes, keys: Any, region: str) -> dict[str, str]:
    """Return the headers that sign a POST of JSON (docs.aws.amazon.com, "Signature Version 4").

    botocore's own ``add_auth`` would write the signed text, which holds the session token, into its log.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"X-Amz-Date": now}
    if keys.token:
        headers["X-Amz-Security-Token"] = keys.token
    request = AWSRequest("POST", url, {**headers, "Content-Type": "application/json"}, body)
    request.context["timestamp"] = now
    signer = SigV4Auth(keys, "bedrock", region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    written = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": written}


def region_of(environ: Mapping[str, str]) -> str:
    """Return the region that the variables or the user's profile name; "" if none does."""
    for variable in REGIONS:
        if region := environ.get(variable, "").strip():
            return region
    return _profile_region(environ)


def checked_region(environ: Mapping[str, str], model: str) -> str:
    """Return the region. Raises: UsageError, if there is none, or if it cannot be one."""
    region = region_of(environ)
    if not region:
        raise UsageError(
            f"{model} needs a region: set AWS_REGION to one that serves it, such as us-east-1, or put `region` into "
            "the profile of your AWS configuration"
        )
    if not is_region(region):
        where = next((name for name in REGIONS if environ.get(name, "").strip()), "the region of your AWS profile")
        raise UsageError(f"{where} is {shown(region)}, which is no region of AWS such as us-east-1")
    return region


def is_region(text: str) -> bool:
    return bool(_REGION.fullmatch(text))


def _must_be_known(region: str, environ: Mapping[str, str], model: str) -> None:
    """Raise UsageError if AWS has no such region, as far as botocore knows, and the user has set no address."""
    from botocore.session import Session

    if environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "").strip():
        return
    session = Session()
    partitions = session.get_available_partitions()
    # The table has no rows for Bedrock's runtime. EC2 is in every region.
    regions = [one for name in partitions for one in session.get_available_regions("ec2", partition_name=name)]
    if region not in regions:
        near = get_close_matches(region, regions, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        raise UsageError(
            f"{model} is to be asked in {shown(region)}, which is no region of AWS that botocore knows{guess}: set "
            "AWS_REGION to one, or AWS_ENDPOINT_URL_BEDROCK_RUNTIME to the address in a newer region"
        )


def signer_of(environ: Mapping[str, str], model: str, region: str) -> AmazonSigner:
    """Return the maker of signatures. Raises: UsageError, which says what can be seen to be missing."""
    if find_spec("botocore") is None:
        raise UsageError(
            f"{model} signs its requests with the package botocore: install flowrun-dsl[aws], or set "
            "AWS_BEARER_TOKEN_BEDROCK to an API key of Bedrock"
        )
    return AmazonSigner(model, environ, region)


def _from_variables(environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the key's id, the key and the session token that the variables hold. None if they hold none."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    key, secret_key, token = (environ.get(name, "").strip() for name in names)
    if bool(key) != bool(secret_key):
        there, missing = (names[0], names[1]) if key else (names[1], names[0])
        raise UsageError(f"{there} is set and {missing} is not: set both, or neither to use your AWS profile")
    if not key:
        return None
    for name, value in zip(names, (key, secret_key, token), strict=True):
        check_header(value, name)
    return key, secret_key, token


def _from_chain(environ: Mapping[str, str], model: str, profile: str) -> Any:
    from botocore.session import Session

    session = Session()
    for setting, variable in _FILES.items():
        if path := environ.get(variable, "").strip():
            session.set_config_variable(setting, path)
    if profile:
        session.set_config_variable("profile", profile)
    try:
        found = session.get_credentials()
    except Exception as error:  # noqa: BLE001 (the chain reads files and runs commands of the user's own)
        raise UsageError(f"{model} finds no AWS credentials: {sentence(str(error), _LONGEST)}") from None
    if found is None:
        raise UsageError(
            f"{model} needs AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run "
            "`aws configure`; an API key of Bedrock goes into AWS_BEARER_TOKEN_BEDROCK"
        )
    return found


def _profile_region(environ: Mapping[str, str]) -> str:
    """Read the region of the profile from the user's configuration, which botocore is too slow for."""
    from configparser import ConfigParser, Error

    base = environ.get("HOME", "").strip() or "~"
    path = environ.get("AWS_CONFIG_FILE", "").strip() or os.path.join(base, ".aws", "config")
    profile = environ.get("AWS_PROFILE", "").strip() or environ.get("AWS_DEFAULT_PROFILE", "").strip()
    parser = ConfigParser(interpolation=None, strict=False, default_section="\0")
    try:
        parser.read(os.path.expanduser(path), encoding="utf-8")
    except (Error, OSError, UnicodeDecodeError):
        # botocore tells what is wrong with the file.
        return ""
    names = (f"profile {profile}", profile) if profile else ("default", "profile default")
    return next((parser.get(name, "region").strip() for name in names if parser.has_option(name, "region")), "")
