"""The reducers of random flows, with all their arguments and the prompts of their asks.

The prompts of some asks begin with a word and a bar, which tell the scripted model how to answer: ``judge`` and ``tie``
by the candidates, ``tree`` so that the shape of the tree makes no difference, and ``race`` always alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from .random_shapes import NUMBER, TEXT, WORD, Named, Shape, list_of
from .random_values import Values


@dataclass(frozen=True)
class Results:
    """The results that a reducer gets: the ``branches`` of a fan-out, or many results of one shape, ``item``.

    ``number`` is their number, None where the file does not say. ``adaptive`` says that a vote may end earlier. A
    ``panel`` has no risk.
    """

    branches: tuple[Named, ...] = ()
    item: Shape = TEXT
    number: int | None = None
    adaptive: bool = False
    panel: bool = False

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(one.shape for one in self.branches) or (self.item,)

    @property
    def one(self) -> Shape | None:
        """The shape of every result, if all have the same one and none may be missing; else None."""
        first = self.shapes[0]
        return first if all(shape == first and not shape.optional for shape in self.shapes) else None


@dataclass(frozen=True)
class Reduced:
    text: str
    shape: Shape
    vote: bool = False


class Reducers(Values):
    votes: bool
    spent: int

    def reduce(self, name: str, known: list[Named], of: Results, times: int) -> Reduced:
        if self.wide:
            rule = self.rng.choice(self.wide_rules(name, known, of, times))
            return self.compared(name, known, of, times) or rule
        self.spent += times * 3
        texts = all(shape == TEXT for shape in of.shapes)
        rules = [self.collected(of)]
        if texts:
            rules.append(Reduced("concat", TEXT))
            if not of.branches:
                rules.append(Reduced(f'by {self.rng.randint(2, 3)} ask "{name}t| {{{{ results }}}}"', TEXT))
        if all(shape == list_of(TEXT) for shape in of.shapes):
            rules.append(Reduced("flatten", list_of(TEXT)))
        if self.votes and of.number is not None and all(shape == WORD for shape in of.shapes):
            rules.append(Reduced("majority", WORD))
        rules.append(Reduced(f'ask "{name}r| {{{{ results }}}} {self.mentions(known)}"', TEXT))
        return self.rng.choice(rules)

    def collected(self, of: Results) -> Reduced:
        if of.branches:
            return Reduced("collect", Shape("record", fields=tuple((one.name, one.shape) for one in of.branches)))
        return Reduced("collect", list_of(of.item))

    def wide_rules(self, name: str, known: list[Named], of: Results, times: int) -> list[Reduced]:
        rules = [self.collected(of), self.asked(name, known, of, times), Reduced("count", NUMBER)]
        item = of.one
        if of.adaptive:
            return self.adaptive(name, known, of, times)
        if item is None:
            return rules
        kind = item.kind
        if kind in ("text", "word", "score"):
            rules += [self.tree(name, known, of, item, times), self.fold(name, known, of, item, times)] * 2
        if kind in ("text", "word", "record", "score"):
            rules += [self.judged(name, known, of, item, times)] * 2
        if kind in ("text", "word"):
            rules.append(Reduced(self.rng.choice(["concat", 'concat("; ")', 'concat(separator: "/")']), TEXT))
        if kind in ("word", "score", "flag"):
            rules += [self.vote(name, known, of, item, "", times) for _ in range(3)]
        if kind == "score":
            rules += [
                Reduced(rule, NUMBER) for rule in ("sum", "mean", "median", f"count(of: {self.rng.randint(1, 5)})")
            ]
        if kind == "word":
            rules.append(Reduced("count(of: aye)", NUMBER))
        if kind == "list":
            rules.append(Reduced("flatten", item))
            if item.item == WORD:
                rules += [self.vote(name, known, of, item, "lists", times) for _ in range(2)]
        if kind == "record":
            rules += self.of_records(name, known, of, item, times)
        return rules

    def of_records(self, name: str, known: list[Named], of: Results, item: Shape, times: int) -> list[Reduced]:
        rules = [Reduced("merge", item)]
        number, word = item.field(("score",)), item.field(("word",))
        if number:
            order = self.rng.choice(["", ", order: low", ", order: high"])
            top = self.rng.choice(["", "", ", top: 2"])
            rules.append(Reduced(f"best(by: {number}{order})", item))
            rules.append(Reduced(f"rank(by: {number}{order}{top})", list_of(item)))
            rules += [Reduced(f"{rule}(by: {number})", NUMBER) for rule in ("sum", "mean", "median")]
        if word:
            rules.append(Reduced(f"dedupe(by: {word})", list_of(item)))
            rules.append(Reduced(f"count(of: nay, by: {word})", NUMBER))
            rules += [self.vote(name, known, of, item, word, times) for _ in range(2)]
        share = item.field(("share",))
        if word and share:
            args = self.vote_args(name, known, of, times)
            rules += [Reduced(f"weighted(by: {share}, of: {word}{args})", item, vote=True)] * 2
        return rules

    # Asks beside a rule, and instead of one

    def seen(self, known: list[Named], of: Results) -> str:
        """Write mentions for the ask of a reducer, besides its results: names outside, and a fan-out's branches."""
        mentioned = self.mentions(known) if self.may(0.5) else ""
        if of.branches and self.may(0.5):
            mentioned += " " + self.mention(self.rng.choice(of.branches), known)
        return mentioned

    def with_options(self, text: str, known: list[Named]) -> str:
        options = self.asking(known, seeded=False) if self.may(0.4) else []
        return f"({text} with {', '.join(options)})" if options else text

    def asked(self, name: str, known: list[Named], of: Results, times: int) -> Reduced:
        self.spent += times
        shape = self.rng.choice([TEXT, TEXT, WORD, list_of(TEXT)])
        arrow = "" if shape == TEXT else f" -> {shape.written()}"
        shown = self.rng.choice(["{{ results }}", "{{ results | length }} {{ results | json }}"])
        if not any(one.optional for one in of.shapes) and of.one == TEXT:
            shown = self.rng.choice([shown, "{% for one in results %}- {{ one }} {% endfor %}", "{{ results | join }}"])
        return Reduced(self.with_options(f'ask "{name}r| {shown} {self.seen(known, of)}"{arrow}', known), shape)

    def tree(self, name: str, known: list[Named], of: Results, item: Shape, times: int) -> Reduced:
        self.spent += times * 2
        count = self.rng.choice([self.number(2, 2), str(self.rng.randint(2, 3)), f"tokens({self.number(6, 30)})"])
        count = count if count.isdigit() or count.startswith("tokens") else "2"
        # A single result would be passed on unchanged.
        if item == TEXT and (of.number or 0) > 1 and self.may(0.1):
            item = WORD
        arrow = "" if item == TEXT else f" -> {item.written()}"
        prompt = f"tree|{name}t {self.seen(known, of)}||{{{{ results | json }}}}"
        return Reduced(self.with_options(f'by {count} ask "{prompt}"{arrow}', known), item)

    def fold(self, name: str, known: list[Named], of: Results, item: Shape, times: int) -> Reduced:
        self.spent += times * 2
        seen = f"{{{{ so_far }}}} {{{{ next }}}} {self.seen(known, of)}"
        start, shape = ("", item)
        if self.may(0.4):
            start, shape = self.rng.choice([('(from: "begun")', TEXT), ("(from: 3)", Shape("score"))])
        arrow = "" if shape == TEXT else f" -> {shape.written()}"
        return Reduced(self.with_options(f'fold{start} ask "{name}f| {seen}"{arrow}', known), shape)

    def judged(self, name: str, known: list[Named], of: Results, item: Shape, times: int) -> Reduced:
        self.spent += times * 2
        judge = f'ask "judge|{name}j {self.seen(known, of)}||{{{{ results }}}}"'
        if self.may(0.5):
            return Reduced(f"best(judge: {judge})", item)
        return Reduced(f"rank(judge: {judge})", list_of(item))

    # Votes

    def vote(self, name: str, known: list[Named], of: Results, item: Shape, by: str, times: int) -> Reduced:
        args = self.vote_args(name, known, of, times)
        if by == "lists":
            rule = self.rng.choice(["approval", "ranked", "ranked(method: borda)", "ranked(method: runoff)"])
            joined = rule[:-1] + args + ")" if rule.endswith(")") else rule + (f"({args[2:]})" if args else "")
            return Reduced(joined, WORD, vote=True)
        rule = self.rng.choice(["majority", "majority", "quorum", "unanimous"])
        needed = self.number(1, of.number or 2)
        if rule == "majority" or needed.isdigit():
            args += self.stands(of, args, int(needed) if rule == "quorum" else 1)
        args = f", by: {by}{args}" if by else args
        if rule == "quorum":
            args = f", {needed}{args}"
        elif rule == "unanimous":
            args = f", by: {by}" if by else ""
        return Reduced(rule + (f"({args[2:]})" if args else ""), item, vote=True)

    def compared(self, name: str, known: list[Named], of: Results, times: int) -> Reduced | None:
        """Return a vote on texts with a judge who compares them, by dice of its own. None for most results."""
        dice, item = Random(f"same {name} {self.rng.getstate()[1][0]}"), of.one
        field = item.field(("text",)) if item is not None and item.kind == "record" else None
        if item is None or (item != TEXT and field is None) or dice.random() > 0.3:
            return None
        most = of.number or 4
        self.spent += times * most * (most - 1)
        seen = dice.choice([one.name for one in known if one.shape == TEXT] or [""])
        shown = f"{{{{ {seen} }}}}" if seen and dice.random() < 0.5 else ""
        pair = "[{{ a | json }}, {{ b | json }}]"
        judge = f'same: ask "same|{name}s {shown}||{pair}" -> {dice.choice(["yes | no", "bool"])}'
        if of.adaptive:
            rule = dice.choice(["majority(", "ahead(1, ", "ahead(2, ", "window(2, ", "majority(confidence: 0.8, "])
        else:
            rule = dice.choice(["majority(", "majority(", "majority(ties: error, ", "unanimous(", "quorum(2, "])
        if rule.startswith("quorum") and (of.number or 0) < 2:
            rule = "majority("
        share = item.field(("share",))
        if field is not None and share and not of.adaptive and dice.random() < 0.3:
            return Reduced(f"weighted(by: {share}, of: {field}, {judge})", item, vote=True)
        by = "" if field is None else f"by: {field}, "
        return Reduced(f"{rule}{by}{judge})", item, vote=True)

    def vote_args(self, name: str, known: list[Named], of: Results, times: int) -> str:
        args = ""
        if self.may(0.5 if of.branches else 0.3):
            # A vote goes on without a branch that failed, so the branch may be none.
            loose = replace(of, branches=tuple(replace(one, shape=one.shape.maybe) for one in of.branches))
            ask = f'ask "tie|{name}e {self.seen(known, loose)}||{{{{ results | json }}}}"'
            args += ", ties: " + self.rng.choice(["first", "error", ask, ask])
            self.spent += times
        if self.may(0.2):
            args += f", at_least: {self.number(1, of.number or 2)}"
        return args

    def stands(self, of: Results, args: str, quorum: int) -> str:
        """Write how many changed ballots a vote is to stand against, if its number of samples is known."""
        at_least = args.partition("at_least: ")[2].partition(",")[0] or "1"
        if of.number is None or of.adaptive or "ask" in args or not at_least.isdigit() or not self.may(0.25):
            return ""
        most = min((of.number - 1) // 2, of.number - int(at_least), of.number - quorum)
        return f", stands: {self.number(0, most)}" if most > 0 else ""

    def adaptive(self, name: str, known: list[Named], of: Results, times: int) -> list[Reduced]:
        item, by = of.item, ""
        if item.kind == "record":
            by = f", by: {item.field(('word',))}"
        args = by + self.vote_args(name, known, of, times)
        most = of.number or 2
        rules = ["majority", f"ahead({self.number(1, 2)}", f"window({self.number(2, 2 if most < 6 else 3)}"]
        rules += ["majority(confidence: 0.8"]
        # Two votes for one answer are enough for this risk. Ties go with a named leader alone.
        if most >= 2 and not of.panel:
            ends = ["first"] if "ties" in args else ["first", "none", "fail"]
            rules.append(f"majority(risk: 0.5, undecided: {self.rng.choice(ends)}")
        texts = []
        for rule in rules:
            head = rule
            if "(" in rule and "undecided" not in rule and self.may(0.3):
                # The end of a vote whose rule does not hold.
                head = f"{rule}, undecided: {self.rng.choice(['first', 'none', 'fail'])}"
            inner = head + ("" if "(" in rule else "(") + (args if "(" in rule else args[2:])
            texts.append(f"{inner})" if not inner.endswith("(") else rule)
        return [Reduced(text, item.maybe if "undecided: none" in text else item, vote=True) for text in texts]
