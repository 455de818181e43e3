"""The tests of copies and of forgotten answers, with a journal in PostgreSQL in the place of its file."""
# ruff: noqa: F401

from __future__ import annotations

import pytest
from test_journal_copies import (
    here,
    journal,
    test_a_copy_is_the_run_itself,
    test_a_copy_without_a_content_that_its_rows_name_is_refused,
    test_a_file_that_is_no_copy_changes_nothing,
    test_a_forgotten_answer_keeps_its_own_value,
    test_a_forgotten_call_alone_is_asked_again,
    test_a_later_run_asks_a_forgotten_call_too,
    test_a_path_that_no_call_has,
    test_the_spoilt_answers_of_all_losses_are_forgotten_at_once,
)

from support.postgres_journals import in_postgres
from support.postgres_server import needs_postgres

pytestmark = [needs_postgres, pytest.mark.usefixtures("in_postgres")]
