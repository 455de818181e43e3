"""The tests of runs, answers and doubts with a journal's file, with a journal in PostgreSQL in its place."""
# ruff: noqa: F401

from __future__ import annotations

import pytest
from test_givens import (
    long_file,
    test_a_resume_names_a_file_that_is_not_as_it_was,
    test_a_run_without_a_beginning_says_so,
    test_contents_are_part_of_what_other_runs_see,
    test_every_model_that_the_flow_may_ask_has_its_place,
    test_long_texts_within_lists_and_records,
    test_what_stays_in_its_file,
)
from test_guard_journal import (
    test_a_doubt_ends_with_an_answer_to_its_call,
    test_a_live_run_is_in_no_doubt_for_the_others,
    test_a_run_is_found_by_its_whole_id_first,
    test_half_a_character_is_written_and_read,
    test_the_end_of_an_attempt_is_that_of_its_own_place,
    test_what_a_run_read_stays_as_it_was_read,
)
from test_kept import (
    go,
    model,
    test_a_call_that_was_cut_off_by_the_end_of_its_run_is_told_of,
    test_a_changed_input_pays_for_what_it_changes,
    test_a_flow_that_changed_meanwhile_goes_on_as_it_was,
    test_a_run_again_buys_nothing,
    test_a_run_that_is_done_is_told_again,
    test_an_edited_prompt_pays_for_itself_and_what_follows,
    test_equal_elements_of_a_map_are_answered_one_by_one,
    test_fresh_asks_everything_again_and_is_recalled_itself,
    test_the_command_tells_what_the_journal_gave,
    test_the_samples_of_a_vote_are_different_answers,
    test_what_failed_in_doubt_is_told_of_before_it_is_sent_again,
    test_what_is_in_doubt_is_told_of_once,
    test_whatever_changes_an_answer_is_part_of_its_key,
)

from support.postgres_journals import in_postgres
from support.postgres_server import needs_postgres

pytestmark = [needs_postgres, pytest.mark.usefixtures("in_postgres")]
