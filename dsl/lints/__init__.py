"""The lints: each reports a thing that is allowed but probably not meant.

Each lint is a file of its own, and they run in the order of this list.
"""

from __future__ import annotations

from collections.abc import Callable

from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .constant_condition import constant_condition
from .empty_map import empty_map
from .even_vote import even_vote
from .few_tokens import few_tokens
from .forgotten_class import forgotten_class
from .free_text_vote import free_text_vote
from .frozen_repeat import frozen_repeat
from .idle_confidence import idle_confidence
from .many_votes import many_votes
from .one_at_a_time import one_at_a_time
from .provider_limits import provider_limits
from .same_for_each import same_for_each
from .same_question import same_question
from .single_braces import single_braces
from .single_branch import single_branch
from .single_repeat import single_repeat
from .unbounded_map import unbounded_map
from .unread_results import unread_results
from .unused_answer import unused_answer
from .unused_branch import unused_branch
from .unused_element import unused_element
from .unused_model import unused_model
from .unused_parameter import unused_parameter
from .whole_document import whole_document
from .zero_division import zero_division

Lint = Callable[[Program, Typed, Catalog], list[Diagnostic]]

NEAR: tuple[Lint, ...] = (
    unused_answer,  # F0701
    unused_element,  # F0702
    single_branch,  # F0703
    free_text_vote,  # F0704
    even_vote,  # F0705
    single_repeat,  # F0706
    frozen_repeat,  # F0707
    many_votes,  # F0708
    constant_condition,  # F0713
    few_tokens,  # F0714
    one_at_a_time,  # F0715
    idle_confidence,  # F0717
    zero_division,  # F0728
)
"""Lints that still hold when the file has an error elsewhere."""

LINTS: tuple[Lint, ...] = (
    *NEAR,
    same_question,  # F0709
    unbounded_map,  # F0710
    unused_parameter,  # F0711
    unused_model,  # F0712
    unread_results,  # F0716
    same_for_each,  # F0718
    whole_document,  # F0722
    unused_branch,  # F0723
    provider_limits,  # F0724
    forgotten_class,  # F0725
    single_braces,  # F0726
    empty_map,  # F0729
)
