"""The names that a place in a flow sees, and the lines of Python that are written there."""

from __future__ import annotations

from .. import plan as p
from .output import Output


class Scope:
    """A place in the program. Its ``lines`` are those of one function, or of a part of it.

    ``values`` are Python expressions for names of the flow, ``tasks`` the tasks of steps that run beside this place. A
    name whose value is in a task is awaited before the line that mentions it. ``places`` are those of the samples and
    rounds around it.
    """

    def __init__(self, flow: FlowNames, outer: Scope | None = None, *, ballot: bool = False) -> None:
        self.flow = flow
        self.outer = outer
        self.values: dict[str, str] = {}
        self.tasks: dict[str, tuple[str, str]] = {}
        self.lines: list[str] = []
        self.tallies: dict[str, str] = {}
        self.ballot = ballot
        self.places: tuple[str, ...] = () if outer is None else outer.places

    def inner(self, *, ballot: bool | None = None) -> Scope:
        return Scope(self.flow, self, ballot=self.ballot if ballot is None else ballot)

    def look(self, name: str) -> str:
        home: Scope | None = self
        while home is not None:
            if name in home.values:
                return home.values[name]
            if name in home.tasks:
                variable, task = home.tasks[name]
                self.lines.append(f"{variable} = await {task}")
                self.values[name] = variable
                return variable
            home = home.outer
        if name in self.flow.models:
            return self.flow.model(name)
        raise KeyError(name)

    def tally(self, name: str) -> str:
        """Return the list that holds the vote of a step."""
        home: Scope | None = self
        while home is not None:
            if name in home.tallies:
                return home.tallies[name]
            home = home.outer
        raise KeyError(name)

    def sees(self, name: str) -> bool:
        home: Scope | None = self
        while home is not None:
            if name in home.values or name in home.tasks:
                return True
            home = home.outer
        return False


class FlowNames:
    """The names of one flow, and its Python variables. ``models`` are those that the plan declares."""

    def __init__(self, out: Output, models: dict[str, p.Model]) -> None:
        self.out = out
        self.models = models

    def own(self, name: str) -> str:
        """Return the variable for a name of the flow."""
        found = name
        while found in self.out.reserved:
            found += "_"
        return found

    def free(self, wanted: str) -> str:
        """Return a variable that nothing else in the program is called."""
        return self.out.names.free(wanted, sign="")

    def model(self, name: str) -> str:
        """Return the constant for a model that the plan declares."""
        found = self.models[name]
        return self.out.model_constant(p.plain_name(name), found.address, found.fallback)
