"""The tests of a journal's file that hold for a journal in PostgreSQL, too: the same tests with another store."""
# ruff: noqa: F401

from __future__ import annotations

from pathlib import Path

import pytest
from test_journal import (
    test_attempts_without_an_end_are_known,
    test_what_was_written_is_there_again,
)
from test_journal_command import (
    journal,
    test_an_empty_journal,
    test_prune_removes_what_was_named,
    test_prune_tells_what_it_removed,
)
from test_large_journals import test_the_queries_find_what_a_full_reading_finds as _queries
from test_replay_runs import KINDS, at_once, hold
from test_run_notes import (
    own_modules,
    test_a_file_that_cannot_be_read_is_noted,
    test_a_file_that_changes_is_noted_again,
    test_a_large_file_is_noted_by_its_digest,
    test_a_pattern_is_noted_with_its_names,
    test_a_resume_and_another_run_write_no_second_content,
    test_a_run_remembers_a_bounded_number_of_files,
    test_a_run_without_a_journal_notes_nothing,
    test_an_estimate_of_a_read_is_no_read,
    test_each_file_is_noted_once_with_its_content,
    test_much_that_waits_for_the_disk_is_noted_without_its_content,
    test_rows_of_a_file_are_noted,
    test_rows_that_stay_in_their_file_are_noted,
    test_the_child_process_tells_of_its_files,
    test_the_times_of_a_resumed_run_go_on,
    test_values_and_errors_of_externs,
)

from support.postgres_journals import in_postgres
from support.postgres_server import needs_postgres

pytestmark = [needs_postgres, pytest.mark.usefixtures("in_postgres")]

# A row takes ten times as long as in a file. So there are fewer of them.


@pytest.mark.parametrize(("seed", "block"), [(0, 7), (3, 4_000), (6, 1)])
def test_the_queries_find_what_a_full_reading_finds(
    seed: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _queries(seed, block, tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", KINDS)
def test_random_runs_are_read_as_they_were(kind: str, tmp_path: Path) -> None:
    assert hold(range(4), kind, tmp_path)["answered"]
