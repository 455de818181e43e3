"""The end of a run, as its results show it."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.decisions import Failure, Outcome
from ..vocabulary.question import OpenQuestionsError, Question
from ..vocabulary.tally import Tally


class Ended:
    """A result with an ``outcome``, the end of its flow."""

    __slots__ = ()
    outcome: Outcome

    @property
    def ok(self) -> bool:
        return self.outcome.complete and not self.outcome.failures and self.outcome.stopped is None

    @property
    def status(self) -> str:
        """``done``, ``partial``, ``failed``, ``budget``, ``open``, ``submitted``, ``stopped`` or ``disk``."""
        return self.outcome.status

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures that ended steps."""
        return self.outcome.failures

    @property
    def questions(self) -> tuple[Question, ...]:
        """The open questions to people, if the run waits for their answers."""
        stopped = self.outcome.stopped
        return stopped.questions if isinstance(stopped, OpenQuestionsError) else ()

    @property
    def losses(self) -> tuple[Failure, ...]:
        """The failures of elements and samples that the flow went on without."""
        return self.outcome.losses

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """The votes, by the path of their step."""
        return self.outcome.tallies
