"""Random flows that are valid by construction: of all the language, or of the narrow part that `by_hand` knows."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from .random_cascades import Cascades
from .random_reducers import Results
from .random_searches import Searches
from .random_shapes import (
    DECLARED,
    FLAG,
    NOTE,
    NUMBER,
    SCORE,
    TEXT,
    TEXTS,
    WORD,
    WORD_LIST,
    WORDS,
    Named,
    Shape,
    list_of,
)
from .soak import share

MANY = share(4_000)
"""How many of them each of the five properties of the scheduler is held against in the slow tests."""
INPUTS = (
    Named("p0", FLAG, step=False),
    Named("p1", FLAG, step=False),
    Named("items", TEXTS, step=False),
)


@dataclass
class Writer(Cascades, Searches):
    """Writes a flow. ``votes`` allows votes that may stop early and windows, whose time is not the critical path.

    ``wide`` allows all shapes of the language, in flows of few calls.
    """

    rng: random.Random
    size: int
    votes: bool
    wide: bool = False
    count: int = 0
    spent: int = 0
    places: int = 0
    part: str = ""
    models: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def flow(self) -> str:
        head = self.head() if self.wide else ""
        outer = list(INPUTS)
        if self.wide:
            outer.append(Named("warm", NUMBER))
            outer += [Named(one, TEXT, step=False) for one in self.texts]
        body, known = self.lines(outer, 0, max(1, self.size), 1)
        if self.wide:
            body.append(f"warm = {self.rng.choice(['0.6', '0.3 + 0.3', '1.2 / 2'])}")
        self.rng.shuffle(body)
        fields = " ".join(f"{one.name}," for one in known)
        budget = f" budget {self.rng.randint(60, 400)} calls" if self.wide and self.may(0.1) else ""
        lines = "\n  ".join(body)
        params = f"items: [text], p0: bool, p1: bool){budget}{self.inherited()}"
        return f"{head}flow f({params} {{\n  {lines}\n  return {{ {fields} }}\n}}\n"

    # Beside the flow

    def head(self) -> str:
        """The types, and now and then models and a flow that is called."""
        text = DECLARED
        if self.may(0.5):
            options = [f"retries: {self.number(0, 3)}"] if self.may(0.5) else []
            options += [f"concurrency: {self.rng.randint(1, 3)}"] if self.may(0.5) else []
            text += 'model quick = "openai:quick"' + (f" with {', '.join(options)}" if options else "") + "\n"
            text += 'model spare = "openai:spare" else "gemini:spare"\n'
            self.models = ("quick", "spare")
        if self.may(0.3):
            text += 'text motto = "Be {{ mood }}."\ntext mood = "calm"\n'
            self.texts = ("motto", "mood")
        if self.may(0.2):
            text += f"model default with retries: {self.rng.randint(0, 3)}, temperature: 0.5\n"
        if self.may(0.4):
            text += self.called()
        return text

    def inherited(self) -> str:
        """Return options that a flow gives to its asks."""
        if not self.wide or not self.may(0.2):
            return ""
        options = [f"retries: {self.rng.randint(0, 3)}", f"seed: {self.rng.randint(1, 9)}", "temperature: 0.3"]
        return f" with {', '.join(self.rng.sample(options, self.rng.randint(1, 3)))}"

    def called(self) -> str:
        field = Shape("record", fields=(("text", TEXT), ("label", WORD)))
        outer = [Named("x", TEXT, step=False), Named("note", field, step=False), Named("items", TEXTS, step=False)]
        outer += [Named("p0", FLAG, step=False), Named("p1", FLAG, step=False)]
        outer += [Named(one, TEXT, step=False) for one in self.texts]
        body, known = self.lines(outer, 2, 2, 3)
        budget = f" budget {self.rng.randint(1, 60)} calls" if self.may(0.3) else ""
        inner = "\n  ".join(body)
        spread = "{ score: 3, ..note }" if self.may(0.5) else known[-1].name
        params = "x: text, note: { text: text, label: Word }, items: [text], p0: bool, p1: bool = true"
        self.part = spread if spread != known[-1].name else known[-1].shape.written()
        self._returned = (
            Shape("record", fields=(("score", NUMBER), *field.fields)) if spread.startswith("{") else known[-1].shape
        )
        return f"flow part({params}){budget}{self.inherited()} {{\n  {inner}\n  return {spread}\n}}\n"

    def call(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        texts = [one.name for one in self.of(known, "text")] or ['"words"']
        lists = [one.name for one in self.of(known, "list", item="text")] or ["[]"]
        notes = [one.name for one in self.of(known, "record") if one.shape == NOTE]
        text = self.rng.choice(texts)
        note = self.rng.choice([*notes, f'{{ text: {text}, label: "aye", score: "hidden" }}'])
        last = ", p1: p0" if self.may(0.3) and any(one.name == "p0" for one in known) else ""
        self.spent += times * 4
        first = "p0" if any(one.name == "p0" for one in known) else "true"
        return f"part({text}, {note}, {self.rng.choice(lists)}, {first}{last})", self._returned, []

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    # Lines

    def lines(self, outer: list[Named], depth: int, most: int, times: int) -> tuple[list[str], list[Named]]:
        body: list[str] = []
        own: list[Named] = []
        for _ in range(self.rng.randint(1, most)):
            text, named = self.line([*outer, *own], own, depth, times)
            body.append(text)
            own.append(named)
        return body, own

    def line(self, known: list[Named], own: list[Named], depth: int, times: int) -> tuple[str, Named]:
        name = self.name()
        kinds = ["ask"] * 4 + ["value"]
        room = times <= 9 and self.spent < 20 if self.wide else times <= 40 and self.spent < 120
        if depth < 3 and room:
            kinds += ["map", "map", "repeat", "repeat", "fanout", "chain"]
            if self.wide:
                kinds += ["map", "repeat", "fanout", "fanout", "race", "match", "rounds"]
                kinds += ["call"] * (2 if self.part else 0)
        kind = self.cascaded(self.rng.choice(kinds), name)
        if self.wide and depth < 3 and room and self.searched(name):
            kind = "search"
        node, shape, options, *vote = getattr(self, kind)(name, known, depth, times)
        text = f"{name} = {node}"
        if options:
            text += " with " + ", ".join(options)
        steps = [one for one in own if one.step]
        if steps and self.may(0.15):
            text += f" after {self.rng.choice(steps).name}"
        if self.may(0.2):
            text += f" when {self.condition(known)}"
            constant = f'"instead of {name}"' if shape == TEXT else self.literal(shape) if self.wide else None
            if constant is not None and self.may(0.6):
                text += f" else {constant}"
            else:
                shape = shape.maybe
        return text, Named(name, shape, vote=bool(vote and vote[0]))

    # Nodes: each gives its text, its shape, its options, and perhaps whether it is a vote

    def ask(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        self.spent += times
        shapes = [TEXT, TEXT, WORD, TEXTS, SCORE]
        if self.wide:
            shapes += [WORD, SCORE, NOTE, WORD_LIST, FLAG, TEXT.maybe]
        return self.asking_for(self.rng.choice(shapes), name, known)

    def asking_for(self, shape: Shape, name: str, known: list[Named], tag: str = "") -> tuple[str, Shape, list[str]]:
        written = " | ".join(WORDS) if shape == WORD and not self.wide else shape.written()
        arrow = "" if shape == TEXT else f" -> {written}"
        model = f"{self.rng.choice(self.models)} " if self.models and self.may(0.4) else ""
        prompt = f'"{tag}{name}| {self.mentions(known)}"'
        if self.wide and self.may(0.1):
            prompt = f'system "{name} {self.mentions(known)}" user "one" assistant "two" user {prompt}'
        check = self.check(shape, name, known) if self.wide and not tag and self.may(0.2) else ""
        return f"ask {model}{prompt}{arrow}{check}", shape, self.asking(known, short=shape == TEXT)

    def check(self, shape: Shape, name: str, known: list[Named]) -> str:
        """A check that some answers of a shape fail."""
        # The prompts of other lines than `name = ask …` have a letter behind the name.
        own = "answer" if name[-1] in "vrm" else self.rng.choice([name, "answer"])
        texts = [one.name for one in self.of(known, "text")]
        numbers = [one.name for one in self.of(known, "score")]
        tests = {
            "text": [f'{own} != "w1"', f'"3" in {own}', f"length({own}) < 7"],
            "word": [f"{own} != nay", f"{own} in [aye, abstain]"],
            "score": [f"{own} > 2", f"{own} <= {self.rng.choice([*numbers, '3'])}"],
            "flag": [f"{own} or p0"],
            "list": [f"length({own}) < 3", f"length({own}) > 0"],
            "record": [f"{own}.score > 2 and {own}.label != nay", f'length({own}.tags) < 3 or {own}.text == "w1"'],
        }
        if shape.optional or shape.kind not in tests:
            return f" check {own} != none" if shape.optional else ""
        test = self.rng.choice(tests[shape.kind])
        if texts and self.may(0.3):
            test = f"({test}) or length({self.rng.choice(texts)}) > 6"
        return f" check {test}" + (' else "Say something else."' if self.may(0.2) else "")

    def chain(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        body, last = self.body(known, depth, times)
        return f"chain {{ {body} }}", last.shape, []

    def rounds(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        most = self.rng.randint(2, 3)
        shape = self.rng.choice([WORD, SCORE, NOTE, WORD_LIST])
        seen = [one for one in known if one.name != "last"]
        inner = [*seen, Named("last", shape.maybe, step=False)]
        body, own = self.lines(inner, depth + 1, 2, times * most) if self.may(0.5) else ([], [])
        self.rng.shuffle(body)
        self.spent += times * most
        ask, _, options = self.asking_for(shape, f"{name}r", [*inner, *own])
        result = self.name()
        body.append(f"{result} = {ask}" + (f" with {', '.join(options)}" if options else ""))
        score = result if shape == SCORE else f"{result}.score"
        until = {
            WORD: f'{result} == "aye"',
            SCORE: f"{score} > {self.number(2, 4)}",
            NOTE: f"{score} >= {self.number(2, 4)}",
            WORD_LIST: f'"nay" in {result}',
        }[shape]
        if self.may(0.3):
            until += f" {self.rng.choice(['and', 'or'])} {self.condition([*seen, *own])}"
        ends = ["else last", "else last", "else last", "else fail", ""]
        if shape in (SCORE, NOTE):
            ends += [f"else best(by: {score})"] * 2 + [f"else best(by: -{score})"]
        text = f"chain up to {most} {{ {' '.join(body)} }} until {until} {self.rng.choice(ends)}".rstrip()
        return text, shape, self.block_options()

    def map(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str], bool]:
        lists = self.of(known, "list", item="text")
        item = TEXT
        if self.wide:
            lists = [one for one in self.of(known, "list") if one.shape.item and not one.shape.item.optional]
        chosen = self.rng.choice([*lists, *lists, None])
        source = "items" if chosen is None else chosen.name
        if chosen is not None and chosen.shape.item is not None:
            item = chosen.shape.item
        at_most = self.number(60, 70).split()[0] if self.wide else "60"
        promise = f" at most {at_most.strip('(')}" if source == "items" or self.may(0.3) else ""
        element = f"e{name[1:]}"
        tests = [f'{element} != "b"', *([f"length({element}) > 1"] if self.wide else [])]
        where = f" where {self.rng.choice(tests)}" if item == TEXT and self.may(0.2) else ""
        inner = [*known, Named(element, item, step=False)]
        # Dice of its own, so that the other choices of a seed stay the same.
        dice = random.Random(f"{name} {self.rng.getstate()[1][0]}")
        index = f", i{name[1:]}" if self.wide and dice.random() < 0.25 else ""
        if index:
            inner.append(Named(index[2:], NUMBER, step=False))
            where = f" where {index[2:]} > 1" if not where and dice.random() < 0.3 else where
        options = []
        if self.votes and self.may(0.3):
            options.append(f"concurrency: {self.rng.randint(1, 3)}")
        errors = self.rng.choice(["fail", "skip", *(["none", "none", "skip(50%)"] if self.wide else [])])
        if self.may(0.35 if self.wide else 0.2):
            options.append(f"errors: {errors}")
        else:
            errors = ""
        options += self.block_options()
        bare = self.wide and dice.random() < 0.2
        body, last = ("", inner[len(known)]) if bare else self.body(inner, depth, times * (3 if self.wide else 4))
        body = body and f" {{ {body} }}"
        shape = last.shape.maybe if errors == "none" else last.shape
        reduced = self.reduce(name, known, Results(item=shape), times)
        text = f"map {element}{index} in {source}{where}{promise}{body} reduce {reduced.text}"
        return text, reduced.shape, options, reduced.vote

    def block_options(self) -> list[str]:
        return [f"retries: {self.rng.randint(0, 3)}"] if self.wide and self.may(0.15) else []

    def repeat(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str], bool]:
        models = self.models
        try:
            return self.repeated(name, known, depth, times)
        finally:
            self.models = models

    def repeated(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str], bool]:
        most = self.rng.randint(1, 4 if self.wide else 5)
        over, item = self.over(name, known)
        if self.may(0.6):
            return self.sampled(name, known, depth, times, most, over, item)
        body, last = self.body([*known, *item], depth, times * most)
        reduced = self.reduce(name, known, Results(item=last.shape, number=most), times)
        options = [f"concurrency: {self.rng.randint(1, 3)}"] if self.wide and self.may(0.3) else []
        return f"repeat {most}{over} {{ {body} }} reduce {reduced.text}", reduced.shape, options, reduced.vote

    def sampled(
        self, name: str, known: list[Named], depth: int, times: int, most: int, over: str, item: list[Named]
    ) -> tuple[str, Shape, list[str], bool]:
        """A repeat whose last line is a ballot. A panel has one more name inside."""
        known, around = [*known, *item], known
        body, own = self.lines(known, depth + 1, 2, times * most) if self.may(0.5) else ([], [])
        if not self.wide:
            own = []
        self.rng.shuffle(body)
        self.spent += times * most
        shape = self.rng.choice([WORD, WORD, WORD, NOTE, WORD_LIST, SCORE]) if self.wide else WORD
        ask, _, options = self.asking_for(shape, f"{name}v", [*known, *own])
        options = options if self.wide else [f"seed: {self.rng.randint(0, 99)}"]
        ballot = f"{self.name()} = {ask}" + (f" with {', '.join(options)}" if options else "")
        body.append(ballot)
        inner = " ".join(body)
        if not self.votes:
            return f"repeat {most}{over} {{ {inner} }} reduce majority", WORD, ["launch: together"], False
        number, adaptive, block = str(most), False, []
        if self.may(0.3) and shape.kind != "list":
            more = self.rng.randint(1, 2 if self.wide else 4)
            number, adaptive = f"{most}..{most + more}", True
            most += more
        elif self.may(0.6):
            block.append("launch: " + self.rng.choice(["cost", "latency", "together"]))
        if self.may(0.2):
            block.append(f"concurrency: {self.rng.randint(1, 3)}")
        if not self.wide:
            return f"repeat {number} {{ {inner} }} reduce majority", WORD, block, False
        block += self.block_options()
        reduced = self.reduce(name, around, Results((), shape, most, adaptive, bool(over)), times)
        return f"repeat {number}{over} {{ {inner} }} reduce {reduced.text}", reduced.shape, block, reduced.vote

    def fanout(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str], bool]:
        number = self.rng.randint(2, 3)
        if self.wide and self.may(0.6):
            shape = self.rng.choice([TEXT, TEXT, WORD, WORD, SCORE, NOTE, WORD_LIST])
            branches = [self.branch(shape, known, times) for _ in range(number)]
        else:
            branches = [self.line(known, [], depth + 1, times) for _ in range(number)]
        dice = random.Random(f"{name} {self.rng.getstate()[1][0]}")
        lossy = ["errors: none"] if self.wide and dice.random() < 0.25 else []
        if lossy:
            branches = [(line, replace(one, shape=one.shape.maybe)) for line, one in branches]
        of = Results(branches=tuple(branch[1] for branch in branches), number=number)
        reduced = self.reduce(name, known, of, times)
        text = f"fanout {{ {' '.join(branch[0] for branch in branches)} }} reduce {reduced.text}"
        return text, reduced.shape, lossy + self.block_options(), reduced.vote

    def match(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        """A match over a word or a flag. Some of its branches ask, some are values, and some are chains."""
        classed = [one for one in known if one.shape.kind in ("word", "flag")]
        # Few values may be missing, so these come first.
        over = self.rng.choice([one for one in classed if one.optional] or [*classed, None])
        asked = f"{self.rng.choice([one.name for one in self.of(known, 'flag')] or ['true'])} == false"
        classes = list(WORDS) if over is not None and over.shape.kind == "word" else ["true", "false"]
        if over is not None and over.optional:
            classes.append("none")
        if self.may(0.4):
            self.rng.shuffle(classes)
            classes = [*classes[: self.rng.randint(1, len(classes) - 1)], "else"]
        shape = self.rng.choice([TEXT, TEXT, WORD, SCORE, NOTE, TEXTS])
        lines = []
        for word in classes:
            # A word that stands alone is of a narrower type.
            constant = None if shape == WORD else self.literal(shape)
            if constant is not None and self.may(0.3):
                lines.append(f"{word} = {constant}")
                continue
            self.spent += times
            ask, _, options = self.asking_for(shape, f"{self.name()}m", known)
            ask += f" with {', '.join(options)}" if options else ""
            if self.may(0.3):
                before, _ = self.line(known, [], 3, times)
                lines.append(f"{word} = chain {{ {before} {self.name()} = {ask} }}")
                continue
            cut = f" when {self.condition(known)} else {constant}" if constant is not None and self.may(0.2) else ""
            lines.append(f"{word} = {ask}{cut}")
        self.rng.shuffle(lines)
        value = asked if over is None else over.name
        return f"match {value} {{ {' '.join(lines)} }}", shape, self.block_options()

    # Parts

    def body(self, known: list[Named], depth: int, times: int) -> tuple[str, Named]:
        body, own = self.lines(known, depth + 1, 2 if self.wide else 3, times)
        pairs = list(zip(body, own, strict=True))
        self.rng.shuffle(pairs)
        *others, (text, last) = pairs
        plain = not re.search(r"\b(when|after|with|ask|map|repeat|fanout|chain|part)\b", text)
        if self.wide and plain and self.may(0.5) and not any(re.search(rf"\b{last.name}\b", one) for one, _ in others):
            # The last line needs no name.
            text = text.removeprefix(f"{last.name} = ")
        return " ".join([*(one for one, _ in others), text]), last


__all__ = ["MANY", "WORDS", "Named", "Writer", "list_of"]
