"""The reasons of Ray in plain words. Its own messages fill a screen."""

from __future__ import annotations

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
    if "Failed to connect to Ray cluster" in text:
        return f"Ray found no cluster at {address}{_token_hint()}"
    return f"{type(error).__name__}: {_one_line(text)}"


def given_up(address: str) -> str:
    """Say that Ray has ended its process before the cluster was open, as it does where it finds no node."""
    if not address:
        return "Ray has ended before its cluster was open; its last lines are in no log, so try `ray start --head`"
    return (
        f"Ray has given up at {address}. This machine must be a node of the cluster: `ray start --address={address}` "
        "makes it one"
    )


TOKEN_HINT = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or ~/.ray/auth_token as on its nodes"


def no_answer(address: str, seconds: float) -> str:
    """Say that no cluster has answered in this time."""
    return f"no Ray cluster has answered at {address} within {seconds:g} seconds{_token_hint()}"


def _token_hint() -> str:
    return f"; if it asks for a token, {TOKEN_HINT}"


def _is_of_token(text: str) -> bool:
    lower = text.lower()
    return any(one in lower for one in ("unauthenticated", "authentication token", "auth_token", "invalidauthtoken"))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"
