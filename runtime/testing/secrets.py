"""The search for secrets in what a cassette would keep. A cassette is committed with its flow, and others read it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from flowrun.dsl import pattern
from flowrun.runtime.providers.environment_keys import keys_in

_FORMS = {
    "a private key": pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    "a key of a model service": pattern(
        # Words with hyphens, such as the name of a style, have shorter parts and no digit.
        r"\b(?:sk-(?:(?:\w+-)*\w{16,}|(?=[A-Za-z_-]*[0-9])[\w-]{20,})|AIza[0-9A-Za-z_-]{30,}|"
        r"hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{30,}|r8_[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{30,})"
    ),
    "a key of a cloud service": pattern(
        r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}\b|ABSK[A-Za-z0-9+/]{60,}|bedrock-api-key-[A-Za-z0-9+/]{20,}|"
        r"ya29\.[\w-]{20,}|[sr]k_live_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,})"
    ),
    "a token of a code host": pattern(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{18,}|"
        r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,})"
    ),
    "a token of a chat service": pattern(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "a signed token": pattern(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "an authorization header": pattern(
        r"(?i:\bauthorization)[\"']?\s*[:=]\s*[\"']?(?i:basic|digest|token|apikey|aws4-hmac-sha256)\s+[\w.~+/=-]{8,}"
    ),
    "a signed address": pattern(r"[?&](?i:x-amz-signature|x-goog-signature|sig)=[\w%+/=-]{20,}"),
    "a bearer token": pattern(r"(?i:\bbearer)\s+(?=[\w.~+/=-]*\d)[\w.~+/=-]{20,}"),
    "an address with a password": pattern(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]+:[^\s/@]{3,}@"),
    "a named key": pattern(
        r"(?i:(?:api|access|account|secret)[-_ ]?key|client[-_ ]?secret|(?:auth|access|refresh)[-_ ]?token|"
        r"password|passwd)"
        r"[\"']?\s*[:=]\s*[\"']?(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[^\s\"']{12,}"
    ),
}


def secret_in(texts: Iterable[str], environ: Mapping[str, str] | None = None) -> str:
    """Return in words what secret the texts seem to have; "" if none. The secret itself is not in the words."""
    return SecretSearch(os.environ if environ is None else environ).found_in(texts)


class SecretSearch:
    """A search for secrets in many texts. The variables of ``environ`` are looked at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._keys = keys_in(environ)

    def found_in(self, texts: Iterable[str]) -> str:
        """Return in words what secret the texts seem to have; "" if none."""
        for text in texts:
            for words, form in _FORMS.items():
                if form.search(text):
                    return words
            if any(key.carried_by(text) for key in self._keys):
                return "a key of this computer's environment"
        return ""
