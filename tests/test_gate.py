"""The door at which workers of other machines come in: a ticket opens it once, and strangers are not heard."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from flowrun.runtime.dispatch.read_pool import ReadPool
from flowrun.runtime.files.files import Files
from flowrun.runtime.files.images import digest_of
from flowrun.runtime.providers import images
from flowrun.runtime.vocabulary.errors import InputError
from flowrun.runtime.vocabulary.image import Image
from flowrun.runtime.workers import far_files, far_link, gate
from flowrun.runtime.workers.dialing import dial
from flowrun.runtime.workers.far_files import FarReadPool, FileDesk, FileStream, Mirror
from flowrun.runtime.workers.far_link import FarLink
from flowrun.runtime.workers.file_answers import answer_files
from flowrun.runtime.workers.gate import MARK, STREAMS, Gate, shown_ticket
from support.patience import PATIENCE, until


async def test_a_ticket_lets_each_stream_of_its_worker_in_once() -> None:
    door = Gate("127.0.0.1")
    guest = door.expect()
    host, port = door.address
    ends = await asyncio.to_thread(dial, [host], port, guest.ticket)
    await asyncio.wait_for(asyncio.shield(guest.complete), PATIENCE)
    assert sorted(guest.come) == sorted(STREAMS[at : at + 1] for at in range(len(STREAMS)))
    again = await asyncio.to_thread(dial, [host], port, guest.ticket)
    assert await asyncio.to_thread(again[0].recv, 1) == b""
    for one in (*ends, *again, *guest.come.values()):
        one.close()
    door.close()


@pytest.mark.parametrize(
    "shown",
    [
        MARK + b"0" * 64 + b"m",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + b"x" * 100,
        b"\xff" * 82,
        b"short",
        b"",
    ],
)
async def test_a_stranger_is_sent_away_and_not_heard(shown: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "SECONDS", 0.3)
    door = Gate("127.0.0.1")
    guest = door.expect()
    with socket.create_connection(door.address) as end:
        end.settimeout(PATIENCE)
        end.sendall(shown)
        # A stream that is closed with unread bytes is reset.
        with suppress(ConnectionResetError):
            assert await asyncio.to_thread(end.recv, 1) == b""
    assert guest.come == {}
    door.close()


async def test_a_stream_that_has_come_already_is_sent_away() -> None:
    door = Gate("127.0.0.1")
    guest = door.expect()
    with socket.create_connection(door.address) as first, socket.create_connection(door.address) as second:
        first.sendall(shown_ticket(guest.ticket, b"m"))
        await until(lambda: guest.come)
        kept = guest.come[b"m"]
        second.settimeout(PATIENCE)
        second.sendall(shown_ticket(guest.ticket, b"m"))
        assert await asyncio.to_thread(second.recv, 1) == b""
        assert guest.come == {b"m": kept}
    door.close()


async def test_a_stream_with_another_name_is_sent_away() -> None:
    door = Gate("127.0.0.1")
    guest = door.expect()
    with socket.create_connection(door.address) as end:
        end.settimeout(PATIENCE)
        end.sendall(shown_ticket(guest.ticket, b"x"))
        assert await asyncio.to_thread(end.recv, 1) == b""
    assert guest.come == {}
    door.close()


async def test_a_door_that_is_closed_leaves_nothing_in_the_event_loop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        door = Gate("127.0.0.1")
        await asyncio.sleep(0.01)
        # Another socket gets the number of the port at once.
        door.close()
        _, writer = await asyncio.open_connection(*server.getsockname())
        writer.close()
        await writer.wait_closed()


async def test_many_silent_strangers_keep_no_worker_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "SECONDS", 3)
    door = Gate("127.0.0.1")
    guest = door.expect()
    host, port = door.address
    silent = [await asyncio.to_thread(socket.create_connection, door.address) for _ in range(100)]
    ends = await asyncio.to_thread(dial, [host], port, guest.ticket)
    await asyncio.wait_for(asyncio.shield(guest.complete), PATIENCE)
    for one in (*silent, *ends, *guest.come.values()):
        one.close()
    door.close()


async def test_an_end_that_is_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_link, "BEAT", 0.02)
    mine, its = socket.socketpair()
    lost = asyncio.Event()
    link = await FarLink.across(mine, lambda message: None, lost.set, 5)
    await asyncio.wait_for(lost.wait(), PATIENCE)
    link.close()
    its.close()


async def test_beats_keep_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_link, "BEAT", 0.02)
    mine, its = socket.socketpair()
    lost: list[str] = []
    one = await FarLink.across(mine, lambda message: None, lambda: lost.append("one"), 5)
    two = await FarLink.across(its, lambda message: None, lambda: lost.append("two"), 5)
    await asyncio.sleep(0.5)
    assert lost == []
    one.close()
    two.close()


def mirror_of(folder: Path, root: Path) -> Mirror:
    place = Path(root, *folder.parts[1:])
    place.mkdir(parents=True, exist_ok=True)
    return Mirror(place, (), str(root))


@asynccontextmanager
async def pool_of(folder: Path, root: Path) -> AsyncIterator[ReadPool]:
    """A pool of reads whose files come from a driver, whose flow lies in ``folder``."""
    theirs, ours = socket.socketpair()
    desk = FileDesk(Files(folder))
    serving = asyncio.create_task(answer_files(theirs, desk.answer))
    try:
        with FarReadPool(mirror_of(folder, root), FileStream(ours), lambda line: None) as pool:
            yield pool
    finally:
        serving.cancel()
        ours.close()
        theirs.close()


@pytest.mark.parametrize("there", [True, False])
async def test_files_come_by_their_content_to_a_worker_that_lacks_them(
    tmp_path: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not there:
        monkeypatch.setattr(far_files, "_same", lambda *given: False)
    folder, root = tmp_path / "flow", tmp_path / "node"
    (folder / "notes").mkdir(parents=True)
    root.mkdir()
    (folder / "notes" / "a.txt").write_text("one")
    (folder / "notes" / "b.txt").write_text("two" * 1_000_000)
    async with pool_of(folder, root) as pool:
        found = await pool.read("files", {"pattern": "notes/*.txt"}, lambda: None)
        assert found == [{"path": "notes/a.txt", "text": "one"}, {"path": "notes/b.txt", "text": "two" * 1_000_000}]
        assert await pool.read("file", {"path": str(folder / "notes" / "a.txt")}, lambda: None) == "one"
        (folder / "notes" / "a.txt").write_text("new")
        assert await pool.read("file", {"path": "notes/a.txt"}, lambda: None) == "new"


async def test_a_file_that_changes_on_its_way_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, root = tmp_path / "flow", tmp_path / "node"
    folder.mkdir()
    root.mkdir()
    (folder / "a.txt").write_text("one")
    monkeypatch.setattr(far_files, "_same", lambda *given: False)
    monkeypatch.setattr(FileDesk, "_part", lambda self, name, at, read: (b"two"[at:], 3))
    async with pool_of(folder, root) as pool:
        with pytest.raises(InputError, match="has changed while it was read"):
            await pool.read("file", {"path": "a.txt"}, lambda: None)


async def test_a_file_that_the_driver_may_not_read_is_refused_in_its_words(tmp_path: Path) -> None:
    folder, root = tmp_path / "flow", tmp_path / "node"
    folder.mkdir()
    root.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", folder / "link.txt")
    async with pool_of(folder, root) as pool:
        for path in ("../secret.txt", "link.txt"):
            with pytest.raises(InputError, match="is outside the flow's folder"):
                await pool.read("file", {"path": path}, lambda: None)
        with pytest.raises(InputError, match="there is no file"):
            await pool.read("file", {"path": "none.txt"}, lambda: None)


async def test_an_image_comes_by_its_digest_to_a_worker_without_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(2_500_000)
    (tmp_path / "big.png").write_bytes(data)
    theirs, ours = socket.socketpair()
    serving = asyncio.create_task(answer_files(theirs, FileDesk(Files(tmp_path / "flow")).answer))
    stream = FileStream(ours)

    def lacking(path: Path, name: str | None = None) -> bytes:
        raise InputError("there is no file")

    monkeypatch.setattr(images, "read_plain_bytes", lacking)
    monkeypatch.setattr(images, "_elsewhere", [stream.image])
    image = Image(digest_of(data), "png", 1, 1, path=str(tmp_path / "big.png"))
    assert await asyncio.to_thread(images.bytes_of, image) == data
    with pytest.raises(InputError, match="has changed"):
        await asyncio.to_thread(images.bytes_of, replace(image, digest="sha256:0"))
    serving.cancel()
    ours.close()
    theirs.close()
