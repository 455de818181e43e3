"""The reasons of Ray in plain words. Its own messages fill a screen."""

from __future__ import annotations

import os

from flowrun.dsl import pattern

_VERSIONS = pattern(r"Ray: (\S+)\s+Python: (\S+)")
_MOST = 200


def plain_reason(error: BaseException, address: str) -> str:
    """Say why Ray could not do what was asked, in one line. ``address`` is that of the cluster."""
    text = str(error)
    if isinstance(error, ImportError):
        return f"Ray cannot be loaded ({text}): pip install 'flowrun-dsl[ray]'"
    if "ersion mismatch" in text and (found := _VERSIONS.findall(text)):
        told = [f"Ray {ray} with Python {python}" for ray, python in found[:2]]
        here = f", and here is {told[1]}" if len(told) > 1 else ""
        return f"the cluster at {address} runs {told[0]}{here}: both must be the same"
    if _is_of_token(text):
        return f"the cluster at {address} asks for a token: {TOKEN_HINT}"
    if "none of these match" in text or "node_ip_address.json" in text or ("raylet" in text.lower() and address):
        return (
            f"this machine is no node of the cluster at {address}: run flowrun on one of its nodes, or make this "
            f"machine one with `ray start --address={address}`"
        )
    return f"{type(error).__name__}: {_one_line(text)}"


TOKEN_HINT = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or ~/.ray/auth_token as on its nodes"


def no_answer(address: str, seconds: float) -> str:
    """Say that no cluster has answered in this time."""
    token = "" if os.environ.get("RAY_AUTH_MODE") == "token" else f"; if it asks for a token, {TOKEN_HINT}"
    return f"no Ray cluster has answered at {address} within {seconds:g} seconds{token}"


def _is_of_token(text: str) -> bool:
    lower = text.lower()
    return any(one in lower for one in ("unauthenticated", "authentication token", "auth_token", "invalidauthtoken"))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"
