"""The decorator of records makes the class that the standard library makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar, get_type_hints

import pytest

from flowrun.dsl import record_init
from flowrun.dsl.records import dataclass

Decorator = Callable[..., Any]
BOTH = pytest.mark.parametrize("decorate", [dataclass, dataclasses.dataclass], ids=["ours", "standard"])


@pytest.fixture(autouse=True, params=[0, record_init.COLD], ids=["compiled", "cold"])
def cold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Each test runs with objects of the compiled method, and with objects that are made without it."""
    monkeypatch.setattr(record_init, "COLD", request.param)
    return int(request.param)


def shapes(decorate: Decorator) -> dict[str, Any]:
    """One class for each kind of field and of argument."""

    @decorate(frozen=True, slots=True)
    class Plain:
        """A text of its own."""

        a: int
        b: str = "b"

    @decorate(frozen=True, slots=True)
    class Empty:
        pass

    @decorate(frozen=True, slots=True)
    class Single:
        a: Any

    @decorate(frozen=True, slots=True)
    class Fields:
        by_name: int = field(kw_only=True)
        a: int
        made: tuple[int, ...] = field(default_factory=tuple)
        quiet: int = field(default=3, repr=False, compare=False)
        unhashed: int = field(default=4, hash=False)
        own: int = field(init=False, default=5)
        own_made: list[int] = field(init=False, default_factory=list, hash=False)
        by_name_too: int = field(default=6, kw_only=True)

    @decorate(slots=True)
    class Open:
        a: int
        made: dict[str, int] = field(default_factory=dict)
        late: int = field(init=False)

        def __post_init__(self) -> None:
            self.late = self.a + 1

    @decorate(frozen=True, slots=True, kw_only=True)
    class ByName:
        a: int
        b: int = 2

    @decorate(eq=False, repr=False, slots=True)
    class Same:
        a: int

    @decorate(frozen=True, slots=True)
    class Below(Plain):
        c: int = 1

    @decorate(slots=True)
    class OpenBelow(Same):
        c: int = 1

    @decorate(frozen=True, slots=True)
    class Written:
        a: int

        def __repr__(self) -> str:
            return "written"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    @decorate(frozen=True)
    class FrozenWithoutSlots:
        a: int
        made: tuple[int, ...] = field(default_factory=tuple)
        own: int = field(init=False, default=5)

    @decorate(frozen=True, slots=True)
    class SlotsBelowIt(FrozenWithoutSlots):
        c: int = 7

    @decorate(frozen=True, slots=True)
    class Shared:
        everyone: ClassVar[int] = 3
        a: int

    @decorate(slots=True)
    class Again(Open):
        made: dict[str, int] = field(default_factory=lambda: {"again": 1})

    @decorate(eq=False)
    class WithoutSlots:
        a: int
        made: list[int] = field(default_factory=list)
        own: int = field(init=False, default=5)

    @decorate(slots=False)
    class BelowIt(WithoutSlots):
        own_made: list[int] = field(init=False, default_factory=list)

    return {name: one for name, one in locals().items() if isinstance(one, type)}


OURS, STANDARD = shapes(dataclass), shapes(dataclasses.dataclass)
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((2,), {}),
    (([],), {}),
    ((float("nan"),), {}),
    ((1, "c"), {}),
    ((1, "c", 2), {}),
    ((1, 2, 3, 4, 5, 6, 7), {}),
    ((), {"a": 1}),
    ((1,), {"by_name": 2}),
    ((1, (2,)), {"by_name": 2, "unhashed": 9, "quiet": 8}),
    ((1,), {"by_name": 2, "by_name_too": 7}),
    ((1,), {"by_name": 2, "quiet": 8}),
    ((1,), {"by_name": 2, "unhashed": 9}),
    ((1,), {"own": 2, "by_name": 1}),
    ((), {"a": 1, "b": 3}),
    ((), {"a": 1, "nothing": 3}),
    ((1,), {"a": 1}),
]


def result(make: Callable[..., Any], *args: Any, **named: Any) -> object:
    try:
        return make(*args, **named)
    except (TypeError, AttributeError) as error:
        return type(error), str(error)


def facts(cls: Any) -> list[object]:
    """What the objects of a class do, one by one and in pairs."""
    made = [result(cls, *args, **named) for args, named in CALLS]
    objects: list[Any] = [one for one in made if isinstance(one, cls)]
    found: list[object] = [one if isinstance(one, tuple) else repr(one).partition(" object")[0] for one in made]
    found += [[one == other for other in objects] for one in objects]
    found += [[result(hash, one) == result(hash, other) for other in objects] for one in objects]
    for one in objects:
        copied = copy.copy(one)
        found += [copied == one, result(hash, one) == result(hash, copied), repr(dataclasses.asdict(one))]
        if hasattr(one, "a"):
            found += [repr(copy.deepcopy(one).a), result(setattr, one, "a", 9), result(delattr, one, "a")]
    return found


@pytest.mark.parametrize("name", STANDARD)
def test_a_record_is_as_the_standard_library_makes_it(name: str) -> None:
    ours, standard = OURS[name], STANDARD[name]
    assert facts(ours) == facts(standard)
    assert str(inspect.signature(ours)) == str(inspect.signature(standard))
    assert get_type_hints(ours.__init__) == get_type_hints(standard.__init__)
    assert ours.__init__.__qualname__ == standard.__init__.__qualname__
    assert ours.__match_args__ == standard.__match_args__
    assert [(one.name, one.type) for one in dataclasses.fields(ours)] == [
        (one.name, one.type) for one in dataclasses.fields(standard)
    ]
    assert repr(ours.__dataclass_params__) == repr(standard.__dataclass_params__)
    assert getattr(ours, "__slots__", None) == getattr(standard, "__slots__", None)
    assert ours.__hash__ is None or standard.__hash__ is not None


def test_objects_of_two_classes_are_never_equal() -> None:
    @dataclass(frozen=True, slots=True)
    class Other:
        a: Any

    assert OURS["Single"](1) != Other(1)
    alone: object = (1,)
    assert Other(1) != alone


def test_a_record_is_made_anew_from_its_factory() -> None:
    one, other = OURS["Fields"](1, by_name=1), OURS["Fields"](1, by_name=1)
    assert one.own_made == other.own_made == []
    assert one.own_made is not other.own_made


def test_a_record_that_holds_itself_has_a_text() -> None:
    held: list[Any] = []
    one = OURS["Single"](held)
    held.append(one)
    assert repr(one).endswith("Single(a=[...])")


@dataclass(frozen=True)
class Loose:
    a: int


@dataclass(frozen=True, slots=True)
class Sent:
    a: int
    b: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Held:
    inner: Sent


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_frozen_record_goes_through_a_pipe(protocol: int) -> None:
    one = Held(Sent(1, (2, 3)))
    assert pickle.loads(pickle.dumps(one, protocol)) == one
    with pytest.raises(FrozenInstanceError):
        pickle.loads(pickle.dumps(one, protocol)).inner.a = 3
    assert pickle.loads(pickle.dumps(Loose(1), protocol)) == Loose(1)


def test_the_method_init_is_compiled_after_the_first_objects(cold: int) -> None:
    @dataclass(frozen=True, slots=True)
    class One:
        a: int
        b: int = 2

    class Below(One):
        def __init__(self) -> None:
            super().__init__(7)

    for _ in range(cold):
        assert (Below().a, One(1, b=3).b) == (7, 3)
    assert (Below().a, Below().b) == (7, 2)
    compiled = One.__dict__["__init__"]
    assert inspect.isfunction(compiled)
    assert One(1).a == 1
    assert One.__dict__["__init__"] is compiled
    assert dataclasses.replace(One(1), b=3) == One(1, 3)


@BOTH
def test_the_first_objects_have_all_their_fields(decorate: Decorator) -> None:
    made = shapes(decorate)
    assert made["Open"](1).late == 2
    one = made["Fields"](1, by_name=2)
    assert (one.a, one.by_name, one.made, one.quiet, one.own, one.own_made, one.by_name_too) == (1, 2, (), 3, 5, [], 6)
    assert one.own_made is not made["Fields"](1, by_name=2).own_made
    assert made["Again"](1, given := {"x": 1}).made is given
    assert made["Again"](1).made == {"again": 1}
    assert (made["ByName"](a=1).b, made["SlotsBelowIt"](1).own, made["Below"](1).c) == (2, 5, 1)


def test_the_first_object_of_a_class_compiles_nothing() -> None:
    @dataclass(frozen=True, slots=True)
    class One:
        a: int
        b: int = 2

    One(1)
    compiled = inspect.isfunction(One.__dict__["__init__"])
    assert compiled == (record_init.COLD == 0)
    # Whoever asks for the signature gets that of the method itself.
    assert str(inspect.signature(One)) == "(a: 'int', b: 'int' = 2) -> None"
    assert inspect.isfunction(One.__dict__["__init__"])


@BOTH
@pytest.mark.parametrize(
    ("args", "named", "said"),
    [
        ((), {"c": 1}, "missing 1 required positional argument: 'a'"),
        ((1,), {}, "missing 1 required keyword-only argument: 'c'"),
        ((1, 2, 3), {"c": 1}, "takes from 2 to 3 positional arguments but 4"),
        ((1,), {"a": 1, "c": 1}, "got multiple values for argument 'a'"),
        ((1,), {"c": 1, "d": 1}, "got an unexpected keyword argument 'd'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_the_same_words(
    decorate: Decorator, args: tuple[int, ...], named: dict[str, int], said: str
) -> None:
    @decorate(frozen=True, slots=True)
    class One:
        a: int
        b: int = 2
        c: int = field(kw_only=True)

    made: Any = One
    with pytest.raises(TypeError, match=r"One\.__init__\(\) " + said):
        made(*args, **named)
    assert (made(1, c=3).b, made(1, c=3).c) == (2, 3)


@BOTH
def test_a_default_that_all_objects_would_share_is_refused(decorate: Decorator) -> None:
    with pytest.raises(ValueError, match="mutable default <class 'list'> for field a is not allowed"):

        @decorate(slots=True)
        class Wrong:
            a: list[int] = []  # noqa: RUF012

    with pytest.raises(TypeError, match="'a' is a field but has no type annotation"):

        @decorate(slots=True)
        class Stray:
            a = field(default=1)


@pytest.mark.parametrize(("decorate", "slots"), [(dataclass, True), (dataclass, False), (dataclasses.dataclass, False)])
def test_a_class_below_a_frozen_one_has_free_attributes(decorate: Decorator, slots: bool) -> None:
    @decorate(frozen=True, slots=slots)
    class One:
        a: int = 1

    class Below(One):
        more: int

    one = Below()
    one.more = 2
    del one.more
    with pytest.raises(FrozenInstanceError, match="'a'"):
        one.a = 2
    with pytest.raises(FrozenInstanceError, match="'a'"):
        del one.a


@BOTH
def test_a_field_without_a_default_may_not_follow_one(decorate: Decorator) -> None:
    with pytest.raises(TypeError, match="default"):

        @decorate(frozen=True, slots=True)
        class Wrong:
            a: int = 1
            b: int


@BOTH
def test_an_open_record_may_not_stand_below_a_frozen_one(decorate: Decorator) -> None:
    with pytest.raises(TypeError, match="frozen"):

        @decorate(slots=True)
        class Wrong(Sent):
            c: int = 1

    @decorate(slots=True)
    class Low:
        a: int

    with pytest.raises(TypeError, match="frozen"):

        @decorate(frozen=True, slots=True)
        class WrongToo(Low):
            c: int = 1


def test_a_class_of_the_standard_library_may_stand_below_a_record() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Below(Sent):
        c: int = 9

    assert Below(1, (2,)) == Below(1, (2,), 9)
    with pytest.raises(FrozenInstanceError):
        Below(1).c = 2  # type: ignore[misc]
