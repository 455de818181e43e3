"""The endpoints that the user and the project of a flow declare, by name. Their files are read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from flowrun.dsl import plan as p

from ..files.project import project_settings
from ..files.settings import settings_file, user_settings
from . import NO_ENDPOINTS
from .named_endpoints import NamedEndpoint
from .plan_endpoints import flow_endpoints


class DeclaredEndpoints(Mapping[str, NamedEndpoint]):
    """The declared endpoints by name: those of the flow come first, then those of the project and of the user.

    ``source`` is the path of the flow file, "" for none. The files are read when a name is first looked up, because
    most flows ask only providers that flowrun knows. Then a file that is not valid raises UsageError. With ``none``
    there are no endpoints, and no file is read.
    """

    def __init__(
        self,
        source: str,
        environ: Mapping[str, str],
        of_flow: Mapping[str, NamedEndpoint] = NO_ENDPOINTS,
        *,
        none: bool = False,
    ) -> None:
        self._of_flow = of_flow
        self._none = none
        self._source = source
        self._environ = environ

    def __getitem__(self, name: str) -> NamedEndpoint:
        return self._of_flow[name] if name in self._of_flow and not self._none else self._all[name]

    def __contains__(self, name: object) -> bool:
        return (name in self._of_flow and not self._none) or name in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def user(self) -> Mapping[str, NamedEndpoint]:
        """The endpoints in the user's own settings."""
        from .endpoint_tables import read_endpoints

        path = settings_file(self._environ)
        tables = user_settings(self._environ).get("endpoints", {})
        return read_endpoints(tables, path, "user")

    @cached_property
    def project(self) -> Mapping[str, NamedEndpoint]:
        """The endpoints in the file of the project."""
        from .endpoint_tables import read_endpoints

        path, settings = project_settings(self._source)
        return {} if path is None else read_endpoints(settings.get("endpoints", {}), path, "project")

    @cached_property
    def file(self) -> Path | None:
        """The file of the project."""
        return project_settings(self._source)[0]

    @cached_property
    def _all(self) -> Mapping[str, NamedEndpoint]:
        return {} if self._none else {**self.user, **self.project, **self._of_flow}


def endpoints_of(
    plan: p.Plan, environ: Mapping[str, str], folder: Path | None = None, *, none: bool = False
) -> DeclaredEndpoints:
    """Return the endpoints that are declared for a plan. ``folder`` is that of the run, None for the plan's source."""
    return DeclaredEndpoints(source_of(plan, folder), environ, flow_endpoints(plan), none=none)


def source_of(plan: p.Plan, folder: Path | None) -> str:
    """Return the path of a plan's flow file. ``folder`` is that of the run, None for that of the plan's source."""
    if not plan.source or folder is None:
        return plan.source
    return str(folder / Path(plan.source).name)
