"""The types of random flows, and the names of values of these types."""

from __future__ import annotations

from dataclasses import dataclass, replace

WORDS = ("aye", "nay", "abstain")


@dataclass(frozen=True)
class Shape:
    """A type: ``kind`` is text, word, score, share, flag, number, list or record. ``item`` is a list's item type."""

    kind: str
    item: Shape | None = None
    fields: tuple[tuple[str, Shape], ...] = ()
    optional: bool = False

    @property
    def firm(self) -> Shape:
        return replace(self, optional=False)

    @property
    def maybe(self) -> Shape:
        return replace(self, optional=True)

    def field(self, kinds: tuple[str, ...]) -> str | None:
        """Return the first field of one of these kinds that is always there; None where there is none."""
        return next((name for name, shape in self.fields if shape.kind in kinds and not shape.optional), None)

    def written(self) -> str:
        """Write the type as in a flow."""
        end = "?" if self.optional else ""
        if self.kind == "list":
            assert self.item is not None
            return f"[{self.item.written()}]{end}"
        if self.kind == "record":
            if self.fields == NOTE.fields:
                return f"Note{end}"
            return "{ " + " ".join(f"{name}: {shape.written()}," for name, shape in self.fields) + f" }}{end}"
        return {"word": "Word", "score": "1..5", "share": "0.0..1.0", "flag": "bool"}.get(self.kind, self.kind) + end


TEXT = Shape("text")
WORD = Shape("word")
SCORE = Shape("score")
SHARE = Shape("share")
FLAG = Shape("flag")
NUMBER = Shape("number")
TEXTS = Shape("list", TEXT)
WORD_LIST = Shape("list", WORD)
NOTE = Shape(
    "record",
    fields=(
        ("text", TEXT),
        ("label", WORD),
        ("sure", SHARE),
        ("score", SCORE),
        ("tags", WORD_LIST),
        ("more", TEXT.maybe),
    ),
)
DECLARED = (
    "type Word = aye | nay | abstain\n"
    "type Note = { text: text, label: Word, sure: 0.0..1.0, score: 1..5, tags: [Word], more: text? }\n"
)


@dataclass(frozen=True)
class Named:
    """A name in scope. ``vote``: a flow may look at its tally. ``step``: it may stand after the word ``after``."""

    name: str
    shape: Shape
    vote: bool = False
    step: bool = True

    @property
    def optional(self) -> bool:
        return self.shape.optional


def list_of(shape: Shape) -> Shape:
    return Shape("list", shape)
