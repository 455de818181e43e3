"""The store of endpoints: the ages of its entries, their evidence and their names."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flowrun.runtime.experience.entries import DAY, WEEK
from flowrun.runtime.experience.store import NAME, fingerprint, open_store
from flowrun.runtime.vocabulary.pace import WIDEST, Pace
from support.experience import AT, CLOCK, LINES, NOW, at, begin, learn, recall


@pytest.fixture(autouse=True)
def afresh() -> None:
    begin()


# Ages


def test_a_width_is_halved_with_each_week(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(512))
    starts = []
    for weeks in range(8):
        CLOCK.now = NOW + weeks * WEEK + 1
        starts.append(recall(tmp_path).pace.start(16, None))
    assert starts == [512, 256, 128, 64, 32, 16, 16, 16]


def test_a_refused_width_doubles_with_each_week_up_to_the_usual_one(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(3, refused=True))
    starts = []
    for weeks in range(5):
        CLOCK.now = NOW + weeks * WEEK + 1
        pace = recall(tmp_path).pace
        starts.append((pace.start(16, None), pace.refused_at(pace.start(16, None))))
    assert starts == [(3, 4), (6, None), (12, None), (16, None), (16, None)]


def test_a_refused_part_is_tried_again_after_a_week(tmp_path: Path) -> None:
    learn(tmp_path, "seed")
    CLOCK.now += WEEK - 1
    # The runs in between do not make the refusal younger.
    learn(tmp_path, "stream")
    assert recall(tmp_path).refused == {"seed", "stream"}
    CLOCK.now += 2
    assert recall(tmp_path).refused == {"stream"}


def test_a_refusal_that_grows_old_during_a_run_is_not_renewed(tmp_path: Path) -> None:
    learn(tmp_path, "seed")
    CLOCK.now += WEEK - 1
    store = at(tmp_path)
    record = store.record(AT, "a", "m")
    record.refused.add("stream")
    CLOCK.now += 2
    store.save()
    assert recall(tmp_path).refused == {"stream"}


def test_a_number_of_samples_is_tried_again_after_a_week(tmp_path: Path) -> None:
    store = at(tmp_path)
    record = store.record(AT, "a", "m")
    record.ceiling, record.served = 7, 4
    store.save()
    assert recall(tmp_path).most == 4
    CLOCK.now += WEEK + 1
    assert recall(tmp_path).most == 0


def test_a_search_without_an_end_leaves_no_number(tmp_path: Path) -> None:
    store = at(tmp_path)
    store.record(AT, "a", "m").ceiling = 7
    store.save()
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("date", [NOW + 2 * DAY, NOW - 91 * DAY, 0, -5, 10**400, "1800000000", True, None, 1.5e9])
def test_what_has_no_date_of_the_last_weeks_is_dropped(tmp_path: Path, date: object) -> None:
    learn(tmp_path, "seed", pace=Pace(512, requests=5))
    data = json.loads((tmp_path / NAME).read_text())
    for entry in data["endpoints"].values():
        entry |= {"date": date, "told": date}
    for entry in data["models"].values():
        entry["refused"] = {"seed": date}
    (tmp_path / NAME).write_text(json.dumps(data))
    found = recall(tmp_path)
    assert (found.pace, found.refused) == (Pace(), set())


def test_reported_limits_are_left_out_after_a_week(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(20, requests=7, tokens=9))
    assert recall(tmp_path).pace == Pace(20, False, 7, 9)
    CLOCK.now += WEEK + 1
    assert recall(tmp_path).pace == Pace(20, weeks=1)


# Evidence


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (Pace(3), Pace(512)),
        (Pace(), Pace(512)),
        (Pace(600), Pace(600)),
        (Pace(50, refused=True), Pace(50, refused=True)),
        (Pace(700, refused=True), Pace(700, refused=True)),
    ],
)
def test_a_width_changes_by_evidence(tmp_path: Path, found: Pace, kept: Pace) -> None:
    learn(tmp_path, pace=Pace(512))
    learn(tmp_path, pace=found)
    assert recall(tmp_path).pace == kept


def test_a_refused_width_stays_refused_until_more_is_served(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(6, refused=True))
    learn(tmp_path, pace=Pace(6))
    assert recall(tmp_path).pace.refused
    learn(tmp_path, pace=Pace(7))
    assert recall(tmp_path).pace == Pace(7)


def test_a_run_that_shows_nothing_makes_a_width_no_younger(tmp_path: Path) -> None:
    learn(tmp_path, pace=Pace(512))
    CLOCK.now += WEEK - DAY
    learn(tmp_path, pace=Pace(3, requests=4000))
    CLOCK.now += 2 * DAY
    pace = recall(tmp_path).pace
    assert (pace.width, pace.weeks, pace.requests) == (512, 1, 4000)
    # A run at the halved width does.
    learn(tmp_path, pace=Pace(256))
    assert recall(tmp_path).pace == Pace(256, requests=4000)


def test_a_start_is_at_most_the_ceiling_and_the_reported_limit() -> None:
    assert Pace(512).start(16, 5) == 5
    assert Pace(512, requests=30).start(16, None) == 30
    assert Pace(3, requests=30).start(16, None) == 16
    assert Pace(10**9).start(16, None) == WIDEST
    assert Pace(3, refused=True).start(2, 2) == 2


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    learn(tmp_path, "seed", pace=Pace(20, requests=7))
    before = (tmp_path / NAME).stat()
    CLOCK.now += 60
    learn(tmp_path, "seed", pace=Pace(20, requests=7))
    assert (tmp_path / NAME).stat().st_ino == before.st_ino
    CLOCK.now += DAY
    learn(tmp_path, pace=Pace(20, requests=7))
    assert (tmp_path / NAME).stat().st_ino != before.st_ino


# Names


def test_accounts_share_lessons_and_have_widths_of_their_own(tmp_path: Path) -> None:
    learn(tmp_path, "seed", pace=Pace(100))
    learn(tmp_path, pace=Pace(200), account="b")
    assert [recall(tmp_path, account=one).pace.width for one in "abc"] == [100, 200, 0]
    assert recall(tmp_path, account="c").refused == {"seed"}
    assert recall(tmp_path, address="http://127.0.0.1:8/v1").refused == set()


def test_an_address_is_kept_without_user_password_query_and_fragment(tmp_path: Path) -> None:
    learn(tmp_path, "seed", pace=Pace(9), address="https://me:pass-word@Host.example:81/v1/?token=t0ken#frag")
    text = (tmp_path / NAME).read_text()
    assert "https://host.example:81/v1 m" in text
    assert not any(word in text for word in ("me:", "pass-word", "t0ken", "frag"))
    assert recall(tmp_path, address="https://host.example:81/v1").refused == {"seed"}


@pytest.mark.parametrize(
    "address", ["embedded/weights.gguf", "", "http://[", "http://a b/", "scripted", "http://x:99999"]
)
def test_a_text_that_is_no_address_has_no_record(tmp_path: Path, address: str) -> None:
    learn(tmp_path, "seed", pace=Pace(9), address=address)
    assert not (tmp_path / NAME).exists()


def test_a_fingerprint_depends_on_the_salt_and_is_short() -> None:
    key = "sk-proj-Qm3vX9aT7cLw2ZpR8yKd5NfH4gBs6JuE"
    assert len({fingerprint("1" * 32, key), fingerprint("2" * 32, key), fingerprint("1" * 32, key + "x")}) == 3
    assert len(fingerprint("1" * 32, key)) == 6


def test_an_environment_without_a_home_uses_that_of_the_process() -> None:
    store = open_store({}, LINES.append)
    assert store is not None
    learnt = store.record(AT, "a", "m")
    learnt.refused.add("seed")
    store.save()
    assert Path(os.environ["FLOWRUN_CACHE"], NAME).is_file()
