"""The page of the endpoints that flowrun knows, with their addresses, variables and limits."""

from __future__ import annotations

from flowrun.runtime.providers import all_own
from flowrun.runtime.providers.declared_endpoints import DeclaredEndpoints
from flowrun.runtime.session.listing import ListedEndpoint, listed_endpoints

from ..markdown import code, page, table


def built_in() -> list[ListedEndpoint]:
    """Return the endpoints of flowrun itself, as on a machine where no variable is set."""
    rows = listed_endpoints(DeclaredEndpoints("", {}, none=True), {})
    return [row for row in rows if row.origin == "built-in"]


def variables() -> dict[str, list[str]]:
    """Return the variables that endpoints read, each with the names of these endpoints."""
    found: dict[str, list[str]] = {}
    for row in built_in():
        for name in {**(row.keys or {}), **(row.variables or {})}:
            found.setdefault(name, []).append(row.name)
    return dict(sorted(found.items()))


def endpoints_page() -> str:
    """Make the page of the endpoints."""
    examples = {spec.name: spec.example for spec in all_own()}
    rows = [(f"[`{row.name}`](#{row.name})", row.title, code(examples[row.name])) for row in built_in()]
    parts = [
        "A model is written `endpoint:name`. A key comes from the environment and goes to its own endpoint alone. "
        "[Models](../models.md) tells how to declare further endpoints, such as a server of your own.",
        table(("endpoint", "service", "a model"), rows),
        "A part that an endpoint does not take is left out, replaced, or refused before a run, as "
        "[models](../models.md) says.",
    ]
    for row in built_in():
        lines = [f"- Address: {code(row.address)}"] if row.address else []
        lines += [f"- Speaks: {code(row.kind)}"] if row.kind else []
        lines += [f"- Key: {', '.join(map(code, row.keys))}"] if row.keys else []
        lines += [f"- Other variables: {', '.join(map(code, row.variables))}"] if row.variables else []
        lines += [f"- Does not take: {', '.join(map(code, sorted(row.lacks)))}"] if row.lacks else []
        parts += [f"## `{row.name}`", f"{row.title}. A model: {code(examples[row.name])}.", "\n".join(lines)]
    parts += [
        "## Variables of endpoints",
        table(
            ("variable", "read by"),
            [(code(name), ", ".join(map(code, names))) for name, names in variables().items()],
        ),
    ]
    return page("Endpoints", *parts)
