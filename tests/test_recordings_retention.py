"""How long recordings are kept: the rules one by one, and what no rule may ever do."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.recordings.retention import (
    AGE,
    DAY_S,
    SPACE,
    Disk,
    Facts,
    Kept,
    Removal,
    what_to_drop,
    what_to_remove,
)

NOW = 1_795_000_000.0
CALLS = [bytes([n]) for n in range(6)]
RULES = Facts(frozenset(), keep_days=1095, newest_days=30, disk_percent=85)
ROOMY = Disk(1000, 100)


def kept(
    n: int, days: float, size: int = 10, sealed: bool = True, held: bool = False, rolling: bool = False
) -> Kept:
    return Kept(bytes([n]), bytes([n]), NOW - days * DAY_S, size, sealed, held, rolling)


def test_what_is_older_than_three_years_goes_and_nothing_else() -> None:
    assert what_to_remove([kept(1, 1096), kept(2, 1094)], RULES, NOW, ROOMY) == [Removal(b"\1", AGE)]


def test_a_full_disk_takes_the_oldest_until_it_is_under_its_level() -> None:
    some = [kept(1, 40), kept(2, 60), kept(3, 50)]
    gone = what_to_remove(some, RULES, NOW, Disk(1000, 865))
    assert gone == [Removal(b"\2", SPACE), Removal(b"\3", SPACE)]


def test_the_newest_are_kept_however_full_the_disk_is() -> None:
    assert what_to_remove([kept(1, 29)], RULES, NOW, Disk(1000, 1000)) == []


def test_a_hold_wins_over_age_and_space() -> None:
    assert what_to_remove([kept(1, 5000, held=True)], RULES, NOW, Disk(1000, 1000)) == []


def test_what_is_not_sealed_is_never_removed() -> None:
    assert what_to_remove([kept(1, 5000, sealed=False)], RULES, NOW, Disk(1000, 1000)) == []


def test_what_belongs_to_an_open_ticket_is_never_removed() -> None:
    facts = Facts(frozenset({b"\1"}), 1095, 30, 85)
    assert what_to_remove([kept(1, 5000)], facts, NOW, Disk(1000, 1000)) == []


def test_zero_days_keep_for_ever_and_zero_per_cent_never_look_at_the_disk() -> None:
    facts = Facts(frozenset(), keep_days=0, newest_days=1, disk_percent=0)
    assert what_to_remove([kept(1, 9000)], facts, NOW, Disk(1000, 1000)) == []


def test_a_rolling_one_goes_after_its_few_days_and_another_of_that_age_stays() -> None:
    some = [kept(1, 8, rolling=True), kept(2, 6, rolling=True), kept(3, 8)]
    assert what_to_remove(some, RULES, NOW, ROOMY) == [Removal(b"\1", AGE)]


def test_to_make_room_rolling_ones_go_first_even_when_younger_but_never_of_the_last_day() -> None:
    some = [kept(1, 60), kept(2, 3, rolling=True), kept(3, 2, rolling=True), kept(4, 0.5, rolling=True)]
    gone = what_to_remove(some, RULES, NOW, Disk(1000, 875))
    assert [removal.rid for removal in gone] == [b"\2", b"\3", b"\1"]


def test_a_rolling_one_that_is_held_or_of_an_open_ticket_stays_too() -> None:
    facts = Facts(frozenset({b"\2"}), 1095, 30, 85)
    some = [kept(1, 90, held=True, rolling=True), kept(2, 90, rolling=True)]
    assert what_to_remove(some, facts, NOW, Disk(1000, 1000)) == []


some_kept = st.lists(
    st.builds(
        Kept,
        st.binary(min_size=2, max_size=2),
        st.sampled_from(CALLS),
        st.floats(NOW - 2000 * DAY_S, NOW + DAY_S),
        st.integers(0, 500),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda one: one.rid,
)
some_facts = st.builds(
    Facts,
    st.frozensets(st.sampled_from(CALLS)),
    st.integers(0, 1500),
    st.integers(1, 400),
    st.integers(0, 99),
    st.integers(1, 30),
)


@settings(max_examples=400, deadline=None)
@given(some_kept, some_facts, st.integers(0, 1000))
def test_whatever_the_rules_what_must_stay_stays(recordings: list[Kept], facts: Facts, used: int) -> None:
    by_rid = {one.rid: one for one in recordings}
    gone = what_to_remove(recordings, facts, NOW, Disk(1000, used))
    assert len({removal.rid for removal in gone}) == len(gone)
    for removal in gone:
        one = by_rid[removal.rid]
        assert not one.held
        assert one.sealed
        assert one.call not in facts.open_calls
        assert one.made_s <= NOW - (1 if one.rolling else facts.newest_days) * DAY_S


@settings(max_examples=400, deadline=None)
@given(some_kept, some_facts, st.integers(0, 1000))
def test_no_more_goes_for_space_than_is_needed(recordings: list[Kept], facts: Facts, used: int) -> None:
    by_rid = {one.rid: one for one in recordings}
    gone = what_to_remove(recordings, facts, NOW, Disk(1000, used))
    for nth, removal in enumerate(gone):
        if removal.why == SPACE:
            freed = sum(by_rid[before.rid].size for before in gone[:nth])
            assert used - freed > 1000 * facts.disk_percent // 100
    order = [(not by_rid[removal.rid].rolling, by_rid[removal.rid].made_s) for removal in gone]
    assert order == sorted(order), "rolling ones go first, then the oldest"


@settings(max_examples=200, deadline=None)
@given(some_kept, some_facts)
def test_what_is_too_old_and_free_always_goes(recordings: list[Kept], facts: Facts) -> None:
    gone = {removal.rid for removal in what_to_remove(recordings, facts, NOW, ROOMY)}
    for one in recordings:
        free = one.sealed and not one.held and one.call not in facts.open_calls
        days = max(facts.keep_days, facts.newest_days) + 1
        if free and facts.keep_days and one.made_s < NOW - days * DAY_S:
            assert one.rid in gone


BRANCH = Facts(frozenset({b"\5"}), keep_days=1095, newest_days=30, disk_percent=85, has_hub=True)


def test_a_full_disk_gives_up_files_the_hub_has_the_oldest_first_but_none_of_the_last_day() -> None:
    some = [replace(kept(n, days), stored=True) for n, days in ((1, 3), (2, 9), (3, 0.5), (4, 2))]
    some += [kept(0, 400), replace(kept(5, 300), stored=True), replace(kept(6, 300, held=True), stored=True)]
    assert what_to_drop(some, BRANCH, NOW, Disk(1000, 865)) == [b"\2", b"\1"]
    assert what_to_drop(some, BRANCH, NOW, Disk(1000, 1000)) == [b"\2", b"\1", b"\4"]
    assert what_to_drop(some, BRANCH, NOW, ROOMY) == []


def test_what_the_hub_does_not_have_is_kept_until_the_disk_is_all_but_full() -> None:
    assert what_to_remove([kept(1, 60)], BRANCH, NOW, Disk(1000, 940)) == []
    assert what_to_remove([kept(1, 60)], BRANCH, NOW, Disk(1000, 960)) == [Removal(b"\1", SPACE)]
    alone = replace(BRANCH, has_hub=False)
    assert what_to_remove([kept(1, 60)], alone, NOW, Disk(1000, 860)) == [Removal(b"\1", SPACE)]


def test_a_file_that_was_given_up_makes_no_room_by_being_removed_but_age_removes_it_all_the_same() -> None:
    dropped = replace(kept(1, 60), stored=True, dropped=True)
    assert what_to_remove([dropped], BRANCH, NOW, Disk(1000, 1000)) == []
    old = replace(kept(1, 1100), stored=True, dropped=True)
    assert what_to_remove([old, kept(2, 60)], BRANCH, NOW, Disk(1000, 951)) == [
        Removal(b"\1", AGE),
        Removal(b"\2", SPACE),
    ]
