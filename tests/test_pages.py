"""`pages(document)`: the images and the texts of a PDF, and documents that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import ImageValue
from flowrun.runtime.documents import page_images
from flowrun.runtime.documents.page_images import MOST_SIDE, PagedText, paged, pages_of, png
from flowrun.runtime.documents.process import PROCESS
from flowrun.runtime.engine.reads import _key
from flowrun.runtime.files.images import header_of, read_image
from flowrun.runtime.values.reads import ReadNeeded
from flowrun.runtime.vocabulary.errors import InputError
from flowrun.testing import run_scripted
from support.images import pdf

pytest.importorskip("pypdfium2")

FLOW = """
flow scan(doc: document) {
  found = map page in pages(doc) at most 20 {
    ask "Page {{ page.number }}: {{ page.image }} It says: {{ page.text }}"
  } reduce collect
  return found
}
"""


def written(folder: Path, *pages: str, name: str = "a.pdf", **more: str) -> Path:
    path = folder / name
    path.write_bytes(pdf(*pages, **more))
    return path


def test_a_document_has_pages_with_images_and_texts(tmp_path: Path) -> None:
    found = pages_of(paged(written(tmp_path, "Page one", "Page two")))
    assert [(one["number"], one["text"]) for one in found] == [(1, "Page one"), (2, "Page two")]
    for number, one in enumerate(found, 1):
        image = one["image"]
        assert isinstance(image, ImageValue)
        # 200 × 150 points at 150 dots an inch
        assert image.pixels == (417, 313)
        assert image["source"] == f"{tmp_path}/a.pdf, page {number}"
        assert read_image(Path(str(image["path"])))["image"] == image["image"]


def test_equal_pages_have_equal_digests_in_each_run(tmp_path: Path) -> None:
    once, again = (pages_of(paged(written(tmp_path, "One", "Two", name=name))) for name in ("a.pdf", "b.pdf"))
    digests = [[one["image"]["image"] for one in pages] for pages in (once, again)]
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][1]


def test_a_large_page_is_not_larger_than_providers_need(tmp_path: Path) -> None:
    (page,) = pages_of(paged(written(tmp_path, "Wide", box="0 0 14400 7200")))
    assert max(page["image"].pixels) in (MOST_SIDE, MOST_SIDE + 1)


def test_a_scan_has_an_empty_text_and_pages(tmp_path: Path) -> None:
    scans = [paged(written(tmp_path, "", name="a.pdf")), paged(written(tmp_path, "", "", name="b.pdf"))]
    assert [str(one).strip() for one in scans] == ["", ""]
    keys = [_key(ReadNeeded("pages", {"document": one})) for one in scans]
    assert keys[0] != keys[1] == _key(ReadNeeded("pages", {"document": scans[1]}))
    assert [len(pages_of(one)) for one in scans] == [1, 2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"hello", "is not a PDF, and only a PDF has pages"),
        (b"%PDF-1.4\nbroken", "is damaged"),
        (pdf("x")[:-300], "is damaged"),
    ],
)
def test_a_file_without_pages_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    with pytest.raises(InputError) as raised:
        pages_of(paged(path))
    assert said in str(raised.value)
    assert "a.pdf" in str(raised.value)


def test_a_document_of_too_many_pages_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_images, "MOST_PAGES", 2)
    monkeypatch.setattr(PROCESS, "here", True)
    with pytest.raises(InputError, match="has 3 pages, and 2 are the limit"):
        paged(written(tmp_path, "1", "2", "3"))


def test_a_document_that_changes_is_named(tmp_path: Path) -> None:
    text = paged(written(tmp_path, "One"))
    written(tmp_path, "Two")
    with pytest.raises(InputError, match=r"a\.pdf` has changed"):
        pages_of(text)


def test_a_text_has_no_pages() -> None:
    with pytest.raises(InputError, match="takes a document that is a PDF file, and this one is a text"):
        pages_of("just a text")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_become_a_png(channels: int) -> None:
    width, height = 5, 3
    stride = width * channels + 2
    data = png(bytes(range(stride)) * height, width, height, stride, channels)
    found = header_of(data, "x")
    assert (found.width, found.height, found.whole) == (5, 3, True)
    pillow = pytest.importorskip("PIL.Image")
    import io

    image = pillow.open(io.BytesIO(data))
    first, second = image.getpixel((0, 0)), image.getpixel((1, 2))
    assert first == (0 if channels == 1 else (0, 1, 2))
    assert second == (1 if channels == 1 else (channels, channels + 1, channels + 2))


def scan(tmp_path: Path, doc: Any, **more: Any) -> Any:
    (tmp_path / "scan.flow").write_text(FLOW)
    return run_scripted(tmp_path / "scan.flow", doc=doc, replies={"found.ask": "Fine."}, **more)


def test_a_flow_goes_through_the_pages(tmp_path: Path) -> None:
    result = scan(tmp_path, written(tmp_path, "Page one", "Page two", "Page three"))
    assert result.value == ["Fine."] * 3
    first, *_ = result.prompts("found.ask")
    assert first.startswith("Page 1: ⟨image 1: image/png 417×313 ")
    assert first.endswith("⟩ It says: Page one")


def test_a_flow_without_pages_gets_plain_texts(tmp_path: Path) -> None:
    (tmp_path / "read.flow").write_text('flow read(doc: document) {\n  a = ask "{{ doc }}"\n  return a\n}\n')
    result = run_scripted(tmp_path / "read.flow", doc=written(tmp_path, "Page one"), replies={"a": "x"})
    assert "Page one" in result.prompts("a")[0]
    assert not isinstance(result.calls[0].prompt, PagedText)


def test_a_test_of_a_flow_names_the_document(tmp_path: Path) -> None:
    from flowrun.testing.discovery import run_file

    written(tmp_path, "Page one", "Page two")
    test = 'test "two pages" of scan {\n  doc = file("a.pdf")\n  reply found.ask: "x"\n  expect length(found) == 2\n}\n'
    (tmp_path / "scan.flow").write_text(FLOW + test)
    (outcome,) = run_file(str(tmp_path / "scan.flow")).outcomes
    assert not outcome.failures, outcome.failures


def test_two_scans_without_texts_are_two_documents(tmp_path: Path) -> None:
    """Both texts are empty, so only the files tell the reads apart. Both stand in a list of documents, too."""
    (tmp_path / "scan.flow").write_text(
        "flow scan(one: document, other: document, docs: [document]) {\n"
        "  a = map page in pages(one) at most 5 { page.number } reduce collect\n"
        "  b = map page in pages(other) at most 5 { page.number } reduce collect\n"
        "  c = map doc in docs at most 5 {\n"
        '    map page in pages(doc) at most 5 { ask "{{ page.image }}" } reduce collect\n'
        "  } reduce collect\n"
        "  return { a, b, c }\n}\n"
    )
    one, other = written(tmp_path, "", name="a.pdf"), written(tmp_path, "", "", name="b.pdf")
    result = run_scripted(tmp_path / "scan.flow", one=one, other=other, docs=[one, other], replies={"c.map.ask": "x"})
    assert result.value == {"a": [1], "b": [1, 2], "c": [["x"], ["x", "x"]]}
