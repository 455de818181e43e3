"""Image files: their types and sizes, and the reasons for which files are refused."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest

from flowrun.runtime.files.images import MOST_BYTES, header_of, is_animated, read_image
from flowrun.runtime.vocabulary.errors import InputError
from support.images import animated, gif, jpeg, png, png_of_size, webp


@pytest.mark.parametrize(
    ("data", "type_", "size"),
    [
        (png(41, 7), "image/png", (41, 7)),
        (jpeg(640, 481), "image/jpeg", (640, 481)),
        (gif(10, 5), "image/gif", (10, 5)),
        (gif(10, 5) + b"\0\0", "image/gif", (10, 5)),
        (webp("VP8 ", 120, 91), "image/webp", (120, 91)),
        (webp("VP8L", 300, 2), "image/webp", (300, 2)),
        (webp("VP8X", 5000, 4001), "image/webp", (5000, 4001)),
    ],
)
def test_a_header_tells_the_type_and_the_size(data: bytes, type_: str, size: tuple[int, int]) -> None:
    found = header_of(data, "x")
    assert (found.type, (found.width, found.height)) == (type_, size)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"hello", "is no image; flowrun takes PNG, JPEG, GIF and WebP"),
        (b"II*\0....", "is a TIFF file"),
        (b"BM......", "is a BMP file"),
        (b"\0\0\0\x18ftypheic", "is a HEIC file"),
        (b"\0\0\0\x18ftypavif", "is an AVIF file"),
        (b"\0\0\0\x18ftypisom", "is a video"),
        (b"<svg xmlns='x'/>", "is an SVG drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "is an SVG drawing"),
        (b"%PDF-1.4", "is a PDF, and `pages(document)`"),
        (png()[:20], "is truncated: it ends inside of its header"),
        (png()[:-12], "is truncated: the end of the PNG is missing"),
        (jpeg()[:-2], "is truncated: the end of the JPEG is missing"),
        (jpeg()[:15], "is truncated"),
        (b"\xff\xd8\xff\xd9", "is damaged: its header tells no size"),
        (gif()[:-1], "is truncated: the end of the GIF is missing"),
        (webp()[:-1], "is truncated: the end of the WEBP is missing"),
        (png_of_size(0, 3), "is damaged: its header tells no size"),
        (png_of_size(60_000, 60_000), "has 60,000 × 60,000 pixels"),
        (png() + b"\0" * MOST_BYTES, "has 20.0 MiB, and 20 MiB are the limit"),
    ],
)
def test_a_file_that_is_no_image_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as raised:
        header_of(data, "`a`")
    assert str(raised.value).startswith("`a` ")
    assert said in str(raised.value)


@pytest.mark.parametrize("whole", [png(), jpeg(), gif(), webp("VP8X")])
def test_no_beginning_of_an_image_is_an_image(whole: bytes) -> None:
    for size in range(len(whole)):
        with pytest.raises(InputError):
            header_of(whole[:size], "x")


def test_a_hostile_header_ends(tmp_path: Path) -> None:
    """Lengths that lead backwards or beyond the end, and zeros where markers should be."""
    for data in (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0xFFFFFFFF) + b"IHDR" + b"\0" * 40,
        b"\xff\xd8" + b"\xff\xe0\0\0" * 1000,
        b"\xff\xd8\xff" + b"\xff" * 10_000,
        b"RIFF\xff\xff\xff\xffWEBPVP8X",
    ):
        with pytest.raises(InputError):
            header_of(data, "x")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(3, 3))
    (tmp_path / "b.jpg").write_bytes(png(3, 3))
    one, other = read_image(tmp_path / "a.png"), read_image(tmp_path / "b.jpg")
    assert one["image"] == other["image"] != read_image_of(tmp_path, png(3, 3, 1))
    assert other["type"] == "image/png"
    assert one["path"] == str(tmp_path / "a.png")


def read_image_of(folder: Path, data: bytes) -> object:
    (folder / "c.png").write_bytes(data)
    return read_image(folder / "c.png")["image"]


@pytest.mark.parametrize("local", [False, True])
def test_a_gif_of_several_pictures_moves(local: bool) -> None:
    assert [is_animated(animated(number, local=local)) for number in (0, 1, 2, 9)] == [False, False, True, True]
    assert not is_animated(gif())
    whole = animated(2, local=local)
    for end in range(len(whole)):
        is_animated(whole[:end])


def test_pillow_counts_the_same_pictures() -> None:
    pillow = pytest.importorskip("PIL.Image")
    for number in (1, 2, 3):
        out = BytesIO()
        first, *more = [pillow.new("RGB", (6, 4), (60 * shade, 0, 0)) for shade in range(number)]
        first.save(out, "GIF", save_all=True, append_images=more)
        assert is_animated(out.getvalue()) is (number > 1)
        assert pillow.open(BytesIO(animated(number))).n_frames == number
