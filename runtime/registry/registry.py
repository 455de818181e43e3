"""The registry of one kind of extension, such as reducers: flowrun's own, and those of other packages.

An extension of flowrun's own is an object of the kind in a module of a folder. Other packages name theirs in entry
points. flowrun looks at them only if it has no extension of the name itself, and loads them only if a flow uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..vocabulary.errors import mistake_in
from .entries import entry_points, words_for
from .modules import module_names

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
P = TypeVar("P")


class Registry(Mapping[str, T]):
    """The extensions of one kind, by name.

    ``kind`` is the word for them in messages. ``package`` holds flowrun's own. ``name`` and ``order`` return the name
    of an extension and its place among flowrun's own. ``guarded`` makes an extension of another package safe to use: it
    gets the extension and a description for messages, and raises TypeError if the extension has not the shape of its
    kind. ``groups`` are the groups of their entry points, without the prefix `flowrun.`; the first one is the name that
    the pages tell.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        shape: type[T],
        name: Callable[[T], str],
        order: Callable[[T], Any],
        guarded: Callable[[T, str], T],
        groups: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.groups = tuple(f"flowrun.{group}" for group in groups or (f"{kind}s",))
        self._package = package
        self._shape = shape
        self._name = name
        self._order = order
        self._guarded = guarded
        self._loaded: dict[str, T | str] = {}
        self._modules: dict[str, str] = {}

    @cached_property
    def own(self) -> Mapping[str, T]:
        """The extensions of flowrun itself."""
        things: dict[str, T] = {}
        for module in module_names(self._package):
            for thing in vars(import_module(f"{self._package}.{module}")).values():
                if not isinstance(thing, self._shape):
                    continue
                if things.setdefault(self._name(thing), thing) is not thing:
                    raise TypeError(f"{self._package} has two {self.kind}s with the name {self._name(thing)}")
                self._modules.setdefault(self._name(thing), f"{self._package}.{module}")
        return {self._name(thing): thing for thing in sorted(things.values(), key=self._order)}

    def __getitem__(self, name: str) -> T:
        if (named := self._named(name)) is not None:
            return named
        if name in self.own:
            return self.own[name]
        thing = self._foreign(name)
        if not isinstance(thing, self._shape):
            raise KeyError(name)
        return thing

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (name for name in self.entries if name not in self.own and not self.fault(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        # Counting would search all installed packages, so flowrun's own come first.
        return bool(self.own) or len(self) > 0

    def _named(self, name: str) -> T | None:
        """Return the extension of flowrun itself that is in a module of the same name. No other module is loaded."""
        if "own" in vars(self) or name not in module_names(self._package):
            return None
        things = vars(import_module(f"{self._package}.{name}")).values()
        return next((one for one in things if isinstance(one, self._shape) and self._name(one) == name), None)

    def fault(self, name: str) -> str | None:
        """Return the reason why another package's extension cannot be used.

        "" means that it can be used. None means that there is no such extension.
        """
        if name not in self.entries:
            return None
        thing = self._foreign(name)
        return "" if isinstance(thing, self._shape) else str(thing)

    def page(self, name: str) -> str:
        """Return the docstring of the module that holds an extension. Raises KeyError if there is no such extension."""
        self[name]
        module = self._modules[name] if name in self.own else self.entries[name][0].module
        return cleandoc(import_module(module).__doc__ or "")

    @cached_property
    def entries(self) -> Mapping[str, list[EntryPoint]]:
        """The entry points of other packages, by name. Several packages may use the same name."""
        if len(self.groups) == 1:
            return entry_points(self.groups[0])
        found: dict[str, list[EntryPoint]] = {}
        for group in self.groups:
            for name, entries in entry_points(group).items():
                told = found.setdefault(name, [])
                # A package may name the same thing in each of the groups, for older versions of flowrun.
                told += [one for one in entries if all(_home(one) != _home(other) for other in told)]
        return found

    def _foreign(self, name: str) -> T | str | None:
        """Return another package's extension, or the reason why it cannot be used. None if it does not exist."""
        if name not in self._loaded and name in self.entries:
            self._loaded[name] = self._load(name, self.entries[name])
        return self._loaded.get(name)

    def _load(self, name: str, entries: list[EntryPoint]) -> T | str:
        who = words_for(self.kind, name, entries)
        if name in self.own:
            return f"{who} is not used: flowrun has a {self.kind} of this name itself"
        if len(entries) > 1:
            return f"{who} cannot be used: only one package may have one of this name, so uninstall the others"
        try:
            thing = entries[0].load()
            if isinstance(thing, self._shape) and self._name(thing) == name:
                return self._guarded(thing, who)
        except (Exception, SystemExit) as mistake:  # noqa: BLE001 (the package is somebody else's)
            return f"{who} cannot be loaded: {mistake_in(mistake)}"
        if not isinstance(thing, self._shape):
            home = f"{self._package}.{self._shape.__name__}"
            return f"{who} cannot be used: {entries[0].value} is no {home}, but of the type {type(thing).__name__}"
        return f"{who} cannot be used: it calls itself `{self._name(thing)}`, and its entry point `{name}`"


def _home(entry: EntryPoint) -> tuple[str, str]:
    return (entry.dist.name if entry.dist else "", entry.value)


class View(Mapping[str, P], Generic[T, P]):
    """A read-only mapping that shows one part of each extension of a registry. A lookup takes the part."""

    def __init__(self, registry: Registry[T], part: Callable[[T], P]) -> None:
        self._registry = registry
        self._part = part

    def __getitem__(self, name: str) -> P:
        return self._part(self._registry[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry)

    def __bool__(self) -> bool:
        return bool(self._registry)
