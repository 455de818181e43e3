"""The gathering of lines, the pauses of looks, and the search for a lost submission, under a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from flowrun.runtime.dispatch.gathering import Gathering
from flowrun.runtime.dispatch.submission_book import Submission, SubmissionBook
from flowrun.runtime.dispatch.submission_search import found_id
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.hosted import ServedProvider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.submissions.protocol import (
    LineResult,
    Listed,
    SubmissionApi,
    SubmissionLine,
    SubmissionState,
)
from flowrun.runtime.providers.submissions.transport import Transport
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import InDoubtError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.submission import LineError
from flowrun.testing import VirtualLoop
from support.batch_server import chat_reply


class FakeApi(SubmissionApi):
    """A batch API in memory. A submission takes ``seconds``; the first of them meet the errors of ``fails``."""

    def __init__(self, live: ServedProvider, seconds: float = 10.0, *fails: Exception) -> None:
        super().__init__(Transport(live._at), "m")
        self.seconds = seconds
        self.fails = list(fails)
        self.sent: list[tuple[float, list[str]]] = []
        self.bodies: dict[str, Any] = {}
        self.looks: list[float] = []
        self.list: list[Listed] = []
        self.lost: set[str] = set()
        self.broken = False

    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append((asyncio.get_running_loop().time(), [line.key for line in lines]))
        self.bodies |= {line.key: line.body for line in lines}
        return f"b{len(self.sent)}"

    async def look(self, id_: str) -> SubmissionState:
        now = asyncio.get_running_loop().time()
        self.looks.append(now)
        ended = now >= self.seconds
        return SubmissionState("completed" if ended else "in progress", ended, broken=self.broken)

    async def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        for key in reversed(keys):
            if key not in self.lost:
                yield LineResult(key, chat_reply(self.bodies[key]))

    async def listed(self) -> AsyncIterator[Listed]:
        for one in self.list:
            yield one


def gathering(seconds: float = 10.0, *fails: Exception) -> tuple[Gathering, FakeApi]:
    live = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}))
    assert isinstance(live, ServedProvider)
    api = FakeApi(live, seconds, *fails)
    return Gathering(live, api, SubmissionBook()), api


def ask(word: str) -> Request:
    return Request((Message("user", word),))


async def after(seconds: float, at: Gathering, key: str, word: str = "hi") -> Reply:
    await asyncio.sleep(seconds)
    return await at.complete(ask(word), 1, key)


async def all_of(at: Gathering, *times: float, word: str = "hi") -> list[Reply | BaseException]:
    calls = (after(time, at, f"k{number}", word) for number, time in enumerate(times))
    found = await asyncio.gather(*calls, return_exceptions=True)
    await at.close()
    await at.live.close()
    return list(found)


def virtually(work: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def test_lines_are_gathered_until_it_is_quiet() -> None:
    at, api = gathering()
    found = virtually(all_of(at, 0, 1, 2.5, 9))
    assert all(isinstance(one, Reply) for one in found)
    assert [(round(time, 3), keys) for time, keys in api.sent] == [(4.5, ["k0", "k1", "k2"]), (11.0, ["k3"])]


def test_a_trickle_is_submitted_after_a_minute() -> None:
    at, api = gathering(100.0)
    virtually(all_of(at, *(1.5 * number for number in range(60))))
    assert [round(time, 3) for time, _ in api.sent] == [60.0, 90.5]
    assert sum(len(keys) for _, keys in api.sent) == 60


@pytest.mark.parametrize("limit", ["lines", "bytes"])
def test_a_full_submission_does_not_wait(limit: str) -> None:
    at, api = gathering()
    if limit == "lines":
        api.most_lines = 3
    else:
        api.most_bytes = 3 * (1000 + 400)
    virtually(all_of(at, *([0.0] * 7), word="x" * 1000))
    assert [len(keys) for _, keys in api.sent] == [3, 3, 1]
    assert [round(time, 3) for time, _ in api.sent] == [0.0, 0.0, 2.0]


def test_the_pauses_between_looks_grow_to_a_minute() -> None:
    at, api = gathering(3600.0)
    virtually(all_of(at, 0))
    pauses = [late - early for early, late in zip(api.looks, api.looks[1:], strict=False)]
    assert pauses[:3] == pytest.approx([1, 1.5, 2.25])
    assert max(pauses) == pytest.approx(60)
    assert len(api.looks) < 80


def test_an_answer_may_take_a_day() -> None:
    at, api = gathering(23.9 * 3600)
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, Reply) and found.usage.tier == "batch"
    assert len(api.sent) == 1


def test_a_call_that_is_cancelled_while_it_is_gathered_is_not_submitted() -> None:
    at, api = gathering()

    async def work() -> None:
        calls = [asyncio.ensure_future(after(0, at, f"k{number}")) for number in range(3)]
        await asyncio.sleep(1)
        calls[1].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await at.close()

    virtually(work())
    assert [keys for _, keys in api.sent] == [["k0", "k2"]]


def test_a_refused_submission_is_tried_again_in_growing_pauses() -> None:
    at, api = gathering(60.0, RefusedError("busy", status=429), RefusedError("busy", status=429, retry_after=20))
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, Reply)
    assert [round(time, 3) for time, _ in api.sent] == [23.0]


def test_a_submission_that_is_always_refused_fails_in_a_quarter_of_an_hour() -> None:
    at, _ = gathering(0.0, *(RefusedError("busy", status=429) for _ in range(100)))
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, PermanentError)
    assert "busy: the batch API did not take the submission" in str(found)


def test_a_submission_whose_answer_was_lost_is_found_in_the_list() -> None:
    at, api = gathering(60.0, InDoubtError("gone"))
    tags: list[str] = []
    submit = api.submit

    async def watched(tag: str, lines: Sequence[SubmissionLine]) -> str:
        tags.append(tag)
        api.bodies |= {line.key: line.body for line in lines}
        api.list = [Listed("b9", tag, lines=1)]
        return await submit(tag, lines)

    api.submit = watched  # type: ignore[method-assign]
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, Reply)
    assert len(tags) == 1 and not api.sent


def test_a_submission_that_is_not_in_the_list_is_in_doubt() -> None:
    at, api = gathering(60.0, InDoubtError("gone"))
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, InDoubtError)
    assert not api.sent


@pytest.mark.parametrize(("broken", "kind"), [(True, LineError), (False, InDoubtError)])
def test_a_line_without_a_result_is_in_doubt_unless_the_submission_broke_off(broken: bool, kind: type) -> None:
    at, api = gathering()
    api.lost, api.broken = {"k1"}, broken
    first, second = virtually(all_of(at, 0, 0))
    assert isinstance(first, Reply)
    assert type(second) is kind


@pytest.mark.parametrize("named", ["", "x" * 500, "a\x1bb"])
def test_an_id_that_cannot_be_kept_leaves_a_doubt(named: str) -> None:
    at, api = gathering()
    submit = api.submit

    async def other(tag: str, lines: Sequence[SubmissionLine]) -> str:
        await submit(tag, lines)
        return named

    api.submit = other  # type: ignore[method-assign]
    (found,) = virtually(all_of(at, 0))
    assert isinstance(found, InDoubtError) and "named no fit id; it may have been paid" in str(found)


class Untagged(FakeApi):
    """An API that keeps no tags. The first submission has ended, the others go on."""

    tags = False
    ends: tuple[str, ...] = ()
    keys_of: dict[str, list[str]]

    async def look(self, id_: str) -> SubmissionState:
        return SubmissionState("ended" if id_ in self.ends else "in progress", id_ in self.ends)

    async def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        for key in self.keys_of[id_]:
            yield LineResult(key, {})


@pytest.mark.parametrize(
    ("listed", "ends", "found"),
    [
        ([Listed("a", "", 1000, 2), Listed("b", "", 1000, 3)], (), "a"),
        ([Listed("a", "", 1000, 2)], ("a",), "a"),
        ([Listed("x", "", 1000, 2)], ("x",), None),
        ([Listed("x", "", 1000, 2), Listed("a", "", 1000, 2)], ("x", "a"), "a"),
        ([Listed("x", "", 1000, 2), Listed("a", "", 1000, 2)], ("x",), "a"),
        ([Listed("a", "", 100, 2)], (), None),
        ([Listed("known", "", 1000, 2)], (), None),
        ([], (), None),
    ],
)
def test_an_api_without_tags_is_searched_by_time_lines_and_custom_ids(
    listed: list[Listed], ends: tuple[str, ...], found: str | None
) -> None:
    at, _ = gathering()
    api = Untagged(at.live)
    api.list, api.ends = listed, ends
    api.keys_of = {"a": ["k1", "k0"], "x": ["z0", "z1"]}
    lost = Submission("flowrun-1", "openai:m", "", ("k0", "k1"), 1000.0)
    assert virtually(found_id(api, lost, {"known"})) == found
