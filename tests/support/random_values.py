"""The expressions, templates, conditions and options of random flows."""

from __future__ import annotations

import random
from collections.abc import Callable

from .random_shapes import NUMBER, TEXT, TEXTS, WORDS, Named, Shape, list_of


class Values:
    """A writer of parts that need no call. ``wide``: they use the whole language, else only the part of `by_hand`."""

    rng: random.Random
    wide: bool
    places: int

    def may(self, chance: float) -> bool:
        return self.rng.random() < chance

    def of(self, known: list[Named], *kinds: str, item: str | None = None) -> list[Named]:
        """Return the names of these kinds that are always there; of lists, only those with items of kind ``item``."""
        return [
            one
            for one in known
            if not one.optional
            and one.shape.kind in kinds
            and (item is None or (one.shape.item is not None and one.shape.item == Shape(item)))
        ]

    # Templates

    def mentions(self, known: list[Named], *, some: bool = False) -> str:
        number = self.rng.choice([1, 1, 2]) if some else self.rng.choice([0, 1, 1, 2, 3])
        picked = self.rng.sample(known, min(len(known), number))
        return " ".join(self.mention(one, known) for one in picked)

    def mention(self, one: Named, known: list[Named]) -> str:
        if one.optional:
            guarded = f"{{% if {one.name} is defined %}}{{{{ {one.name} }}}}{{% else %}}-{{% endif %}}"
            return guarded if self.wide and self.may(0.3) else f"{{{{ {one.name} | default('-') }}}}"
        name, shape = one.name, one.shape
        plain = f"{{{{ {name} }}}}"
        if not self.wide or self.may(0.5):
            return plain
        choices = [plain]
        match shape.kind:
            case "list":
                choices.append(f"{{{{ {name} | length }}}}")
                inner = shape.item or TEXT
                if not inner.optional and inner.kind in ("text", "word"):
                    end = "{% if not loop.last %}, {% endif %}"
                    choices.append(f"{{% for one in {name} %}}{{{{ loop.index }}}} {{{{ one }}}}{end}{{% endfor %}}")
                    choices.append(f"{{{{ {name} | join('+') }}}}")
            case "record":
                field = self.rng.choice(shape.fields)[0]
                choices.append(f"{{{{ {name}.{field} | default('-') }}}}")
            case "text":
                choices += [f"{{{{ {name} | upper }}}}", f"{{{{ {name} ~ '!' }}}}"]
            case "word":
                choices.append(
                    f"{{% if {name} == 'aye' %}}so{{% elif {name} == 'nay' %}}not so{{% else %}}?{{% endif %}}"
                )
            case "score":
                choices.append(f"{{{{ {name} + 1 }}}}{{% if {name} > 2 %}}!{{% endif %}}")
            case "flag":
                choices.append(f"{{{{ 'yes' if {name} else 'no' }}}}")
        return self.rng.choice(choices)

    # Conditions

    def condition(self, known: list[Named]) -> str:
        conditions = ["p0", "not p1"]
        conditions += [f"length({one.name}) > 1" for one in self.of(known, "list", item="text")[-2:]]
        conditions += [f'{one.name} == "aye"' for one in self.of(known, "word")[-2:]]
        if not self.wide:
            return self.rng.choice(conditions)
        conditions += [f"{one.name} > {self.number(1, 3)}" for one in self.of(known, "score")[-2:]]
        conditions += [f'"aye" in {one.name}' for one in self.of(known, "list", item="word")[-1:]]
        conditions += [f"{one.name} == none" for one in known if one.optional][-1:]
        conditions += [f"{name} < 0.8" for one in known if one.vote for name in (f"agreement({one.name})",)] * 3
        notes = [one for one in self.of(known, "record") if one.shape.field(("score",))]
        conditions += [f"{one.name}.{one.shape.field(('score',))} >= 3" for one in notes[-1:]]
        first = self.rng.choice(conditions)
        if self.may(0.2):
            return f"({first} {self.rng.choice(['and', 'or'])} {self.rng.choice(conditions)})"
        return first

    # Numbers and options

    def number(self, low: int, high: int) -> str:
        """Write a whole number from ``low`` to ``high``, as a numeral or as an expression of constants."""
        value = self.rng.randint(low, high)
        if not self.wide or self.may(0.7):
            return str(value)
        part = self.rng.randint(1, 4)
        return self.rng.choice([f"{value} + {part} - {part}", f"({value + part} - {part})", f"{value} * 1"])

    def seed(self) -> list[str]:
        return [f"seed: {self.number(0, 99)}"] if self.may(0.9 if self.wide else 0.5) else []

    def asking(self, known: list[Named], *, seeded: bool = True, short: bool = False) -> list[str]:
        """Return options for an ask; ``short``: its answers may be limited to few tokens."""
        options = self.seed() if seeded else []
        if not self.wide:
            return options
        if self.may(0.3):
            options.append(f"retries: {self.number(0, 3)}")
        if self.may(0.3):
            options.append(f"max_tokens: {self.number(4, 9) if short else self.number(80, 90)}")
        if self.may(0.05):
            options.append("hedge: " + self.rng.choice(["p75", "p95"]))
        if self.may(0.1):
            warm = ["warm"] if any(one.name == "warm" for one in known) else []
            options.append(f"temperature: {self.rng.choice(['0.5 + 0.2', '1', *warm])}")
        return options

    # Values

    def value(self, name: str, known: list[Named], depth: int, times: int) -> tuple[str, Shape, list[str]]:
        firm = [one for one in known if not one.optional]
        texts = [one.name for one in self.of(known, "text")]
        loose = [one.name for one in known if one.optional and one.shape.kind == "text"]
        choices: list[tuple[str, Shape]] = [(f'text "{name} {self.mentions(known)}"', TEXT)]
        if texts:
            picked = ", ".join(self.rng.choice(texts) for _ in range(self.rng.randint(1, 3)))
            choices.append((f"[{picked}]", TEXTS))
        if loose:
            choices.append((f'{self.rng.choice(loose)} ?? "none of it"', TEXT))
        if firm:
            entries = [(f"f{place}", one) for place, one in enumerate(firm[-2:])]
            record = Shape("record", fields=tuple((field, one.shape) for field, one in entries))
            choices.append(("{ " + ", ".join(f"{field}: {one.name}" for field, one in entries) + " }", record))
        if self.wide:
            choices += self.wide_values(known)
        text, shape = self.rng.choice(choices)
        return text, shape, []

    def wide_values(self, known: list[Named]) -> list[tuple[str, Shape]]:
        choices: list[tuple[str, Shape]] = []
        add: Callable[[tuple[str, Shape]], None] = choices.append
        for one in self.of(known, "record")[-2:]:
            fields = dict(one.shape.fields)
            add((f"{{ ..{one.name}, extra: {self.number(1, 3)} }}", self.spread(fields, "extra", NUMBER)))
            field = self.rng.choice(sorted(fields))
            add((f"{one.name}.{field}", fields[field]))
            if "score" in fields:
                add((f'{{ ..{one.name}, score: "none" }}', self.spread(fields, "score", TEXT)))
        lists = self.of(known, "list", item="text")
        if lists:
            one, other = self.rng.choice(lists), self.rng.choice(lists)
            add((f"{one.name} + {other.name}", TEXTS))
            add((f'join({one.name}, separator: "{self.rng.choice(";-")}")', TEXT))
            add((f"length({one.name}) + {self.number(1, 4)}", NUMBER))
            add((f"first(sort({one.name}, case_sensitive: true), {self.number(0, 3)})", TEXTS))
            add((f"dedupe(reverse({one.name} + {other.name}))", TEXTS))
            add((f'upper(replace(join({one.name}), "a", "{self.rng.choice("bé")}"))', TEXT))
            texts = [one.name for one in self.of(known, "text")[-2:]]
            rows = ", ".join(f"{{ k: {name}, n: length({name}) }}" for name in texts * 2)
            if texts:
                add((f"length(group([{rows}], by: k))", NUMBER))
                add((f"sum(rank([{rows}], by: n, top: {self.number(1, 3)}), by: n)", NUMBER))
        for one in self.of(known, "score")[-1:]:
            add((f"{one.name} * 2 - 1", NUMBER))
            add((f"{one.name} / {self.number(1, 3)}", NUMBER))
        for one in self.of(known, "word")[-2:]:
            add((f"[{one.name}, {one.name}]", list_of(one.shape)))
        for one in known:
            if one.vote:
                add((f"agreement({one.name})", NUMBER))
                add((f"votes({one.name}).{self.rng.choice(['counted', 'stands'])}", NUMBER))
        loose = [one for one in known if one.optional and one.shape.kind in ("word", "score", "list")]
        spare = {"word": '"nay"', "score": "1", "list": "[]"}
        for one in loose[-2:]:
            add((f"{one.name} ?? {spare[one.shape.kind]}", one.shape.firm))
        return choices

    def spread(self, fields: dict[str, Shape], name: str, shape: Shape) -> Shape:
        return Shape("record", fields=tuple({**fields, name: shape}.items()))

    def literal(self, shape: Shape) -> str | None:
        """Write a constant of a shape, for use after ``else``; None for a shape without a short one."""
        if shape.optional:
            return None
        match shape.kind:
            case "text":
                return '"instead"'
            case "word":
                return f'"{self.rng.choice(WORDS)}"'
            case "score":
                return str(self.rng.randint(1, 5))
            case "number":
                return "7"
            case "list":
                return "[]"
        return None
