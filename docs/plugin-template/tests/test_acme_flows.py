"""Each thing keeps the rules that flowrun's own things keep: the conformance suites say so."""

from acme_flows.echo import Echo
from acme_flows.longest import RULE
from acme_flows.speaker import SPLITTER
from acme_flows.subtitles import READER

from flowrun.testing import check_provider, check_reader, check_reducer, check_splitter

SUBTITLES = b"1\n00:00:01,000 --> 00:00:02,500\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\nGoodbye.\n"


def test_the_reducer():
    check_reducer(RULE)


def test_the_splitter():
    check_splitter(SPLITTER)
    assert SPLITTER.split("Ann: Hello.\nHow are you?\nBob: Well.", {}) == ["Ann: Hello.\nHow are you?", "Bob: Well."]


def test_the_reader():
    check_reader(READER, {SUBTITLES: "Hello.\nGoodbye."})


async def test_the_provider():
    await check_provider(lambda: Echo("any"))
