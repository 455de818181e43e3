"""The combiner of a tournament. When all results are there, it asks a judge about two candidates at a time."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import types

from ...reducers.protocol import ReduceError, Setting
from ...reducers.tournament import Match, Tournament, tournament
from ...values.candidates import Candidates
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally
from .combiner import NO_QUESTIONS, Asked, PlainCombiner

_NUMBER = types.Range(1, 2)


class Playing(PlainCombiner):
    """A tournament between the results. ``whole`` says that the value is the list of all of them, the best first."""

    def __init__(self, setting: Setting, *, whole: bool) -> None:
        super().__init__(setting.most)
        self.setting = setting
        self.whole = whole
        self.play: Tournament | None = None
        self._open: dict[tuple[int, int], tuple[Match, dict[int, int]]] = {}

    def conclude(self) -> Sequence[Asked]:
        places = [place for place in sorted(self.results) if self.results[place] is not None]
        self.most = max(self.most, len(places))
        if len(places) > 1:
            self.play = tournament(str(self.setting.args["method"]), places, self.setting.seed)
            return self._asked(self.play.begin())
        self.done = True
        return NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        level, number, turn = place
        match, named = self._open[level, number]
        named[turn] = match.orders[turn][value - 1]
        if len(named) < len(match.orders):
            return NO_QUESTIONS
        del self._open[level, number]
        assert self.play is not None
        asked = self._asked(self.play.end(match, (named[0], named[1])))
        self.done = not asked and not self._open
        return asked

    def _asked(self, matches: Sequence[Match]) -> list[Asked]:
        asked = []
        for match in matches:
            self._open[match.level, match.number] = match, {}
            for turn, order in enumerate(match.orders):
                pair = Candidates(self.results[place] for place in order)
                asked.append(Asked((match.level, match.number, turn), {"results": pair}, _NUMBER))
        return asked

    def value(self) -> Json:
        order = [*self.results] if self.play is None else self.play.order()
        there = [self.results[place] for place in order if self.results[place] is not None]
        if self.whole:
            return there[: self.setting.args.get("top")]
        if not there:
            raise ReduceError("the list of results is empty")
        return there[0]

    def tally(self, launched: int) -> Tally | None:
        play = self.play
        if play is None:
            return None
        unit = "sample" if self.setting.unit == "ballot" else self.setting.unit
        account = play.account(self.setting.args["method"], self.most, unit)
        ordered = sorted(play.order(), key=lambda place: -play.points.get(place, 0))
        winner = play.order()[0]
        return Tally(
            winner=self.results[winner],
            ballots=tuple((self.results[place], play.points.get(place, 0)) for place in ordered),
            planned=self.most,
            asked=self.most,
            counted=len(play.places),
            first=self.results[winner],
            of=play.matches,
            values=tuple(self.results[place] for place in ordered),
            unit=unit,
            contest=account,
        )
