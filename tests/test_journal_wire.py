"""Records and messages reach another process as they were, however the stream cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.journal.records import Kind, LogRecord, content, row
from flowrun.runtime.journal.wire import Frames, WireError, framed, packed, unpacked

RECORDS = [
    LogRecord(0, Kind.RUN, {"id": "a", "began": 1.5}),
    content(-1, {"json": 'half a character: \ud800, a line\n, a quote "'}),
    LogRecord(3, Kind.ANSWER, {"text": "é \u2028 \x00"}, b"\x00\xffkey", "notes[17].draft é"),
    LogRecord(3, Kind.END),
]


def test_a_record_has_the_same_row_on_the_other_side() -> None:
    [message] = Frames().feed(framed(packed(RECORDS)))
    came = unpacked(message)
    rows = [row(number, one, b"\0" * 8) for number, one in enumerate(RECORDS, 1)]
    assert [row(number, one, b"\0" * 8) for number, one in enumerate(came, 1)] == rows


@given(st.lists(st.text() | st.integers(), min_size=1), st.integers(1, 9))
def test_a_stream_may_cut_frames_anywhere(messages: list[object], size: int) -> None:
    stream = b"".join(framed(one) for one in messages)
    frames = Frames()
    came = [one for at in range(0, len(stream), size) for one in frames.feed(stream[at : at + size])]
    assert came == messages


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", (3).to_bytes(4, "big") + b"{x}"])
def test_bytes_of_no_process_of_flowruns_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        list(Frames().feed(data))


@pytest.mark.parametrize(
    "rows", [[[1, "other", "", "", ""]], [[1, "end"]], [None], [["x", "end", "", "", ""]], [[1, "end", "zz", "", ""]]]
)
def test_a_record_of_another_form_is_refused(rows: list[object]) -> None:
    with pytest.raises(WireError):
        unpacked(rows)
