"""Tell whether the environment asks a command for traces or metrics. A command that sends none loads no more."""

from __future__ import annotations

from collections.abc import Mapping

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Tell whether the standard variables name a receiver or an exporter, and do not switch the SDK off."""
    return not disabled(environ) and any(exporters_of(environ, signal) for signal in ("traces", "metrics"))


def disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def exporters_of(environ: Mapping[str, str], signal: str) -> tuple[str, ...]:
    """Return the exporters of ``traces`` or ``metrics``, each ``otlp``, ``console`` or another name.

    They are those that the variable names, with commas between. If it is not set, it is ``otlp`` where the address of a
    receiver is set.
    """
    upper = signal.upper()
    names = [one.strip() for one in environ.get(f"OTEL_{upper}_EXPORTER", "").split(",")]
    named = [one for one in dict.fromkeys(names) if one]
    if named:
        return tuple(one for one in named if one.lower() != "none")
    at = environ.get(_ENDPOINT, "").strip() or environ.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT", "").strip()
    return ("otlp",) if at else ()
