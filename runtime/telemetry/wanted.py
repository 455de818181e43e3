"""Tell whether the environment asks a command for traces or metrics. A command that sends none loads no more."""

from __future__ import annotations

from collections.abc import Mapping

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether the standard variables name a receiver or an exporter, and do not switch the SDK off."""
    return not disabled(environ) and any(exporter_of(environ, signal) for signal in ("traces", "metrics"))


def disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def exporter_of(environ: Mapping[str, str], signal: str) -> str:
    """Return the exporter of ``traces`` or ``metrics``: ``otlp``, ``console`` or another name; "" for none.

    It is the one that the variable names. If that is not set, it is ``otlp`` where the address of a receiver is set.
    """
    upper = signal.upper()
    named = environ.get(f"OTEL_{upper}_EXPORTER", "").strip()
    if named:
        return "" if named.lower() == "none" else named
    at = environ.get(_ENDPOINT, "").strip() or environ.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT", "").strip()
    return "otlp" if at else ""
