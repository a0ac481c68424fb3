"""Signing in: who somebody is, wrong passwords, sessions, and the first administrator."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from appliance.dictionary.dictionary import Dictionary
from appliance.people import IDLE_S, LOCKED_S, Actor, People
from appliance.refused import Refused
from appliance.store.store import Store

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "rain on lamp posts"


class Door:
    """A store with one agent, and a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_795_000_000.0
        self.store = Store(folder / "box.db", 1, bind=False)
        self.people = self.open()
        self.people.create_person("1001", "王晓燕", PASSWORD, ["AG", "TL"], extension="8001")

    def open(self, demo: bool = False) -> People:
        return People(self.store, demo=demo, now=lambda: self.now, hasher=QUICK)

    def actor(self, token: str) -> Actor | None:
        return self.people.actor_for(token)

    def kinds(self) -> list[str]:
        return [event.kind for _, event in self.store.read(0, 100)]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def refused(word: str) -> AbstractContextManager[pytest.ExceptionInfo[Refused]]:
    return pytest.raises(Refused, check=lambda error: error.word == word)


def test_who_signs_in_is_known_by_the_token(door: Door) -> None:
    actor = door.actor(door.people.sign_in(" 1001 ", PASSWORD, "10.0.0.7"))
    assert actor == Actor("1001", "王晓燕", frozenset({"AG", "TL"}), extension="8001", must_change=True)
    assert actor is not None
    assert actor.has("DP", "TL")
    assert door.kinds() == ["dictionary.set", "person.signed_in"]


@pytest.mark.sqlite_only
def test_the_token_itself_is_not_kept(door: Door) -> None:
    token = door.people.sign_in("1001", PASSWORD)
    door.store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert token.encode() not in door.store.path.read_bytes()
    assert PASSWORD.encode() not in door.store.path.read_bytes()


def test_an_unknown_number_is_answered_like_a_wrong_password(door: Door) -> None:
    with refused("wrong") as unknown:
        door.people.sign_in("4711", PASSWORD)
    with refused("wrong") as wrong:
        door.people.sign_in("1001", "something else")
    assert str(unknown.value) == str(wrong.value)


def test_five_wrong_passwords_lock_the_number_for_five_minutes(door: Door) -> None:
    for _ in range(5):
        with refused("wrong"):
            door.people.sign_in("1001", "something else")
    with refused("locked") as told:
        door.people.sign_in("1001", PASSWORD)
    assert "5 minutes" in str(told.value) or "6 minutes" in str(told.value)
    door.now += LOCKED_S + 1
    assert door.people.sign_in("1001", PASSWORD)
    assert "person.locked" in door.kinds()


def test_a_right_password_forgets_the_wrong_ones(door: Door) -> None:
    for _ in range(3):
        for _ in range(4):
            with refused("wrong"):
                door.people.sign_in("1001", "something else")
        assert door.people.sign_in("1001", PASSWORD)


def test_a_session_ends_when_it_is_not_used(door: Door) -> None:
    token = door.people.sign_in("1001", PASSWORD)
    door.now += IDLE_S - 100
    assert door.actor(token)
    door.now += IDLE_S - 100
    assert door.actor(token)
    door.now += IDLE_S + 1
    assert door.actor(token) is None


def test_signing_out_ends_the_session_and_no_other(door: Door) -> None:
    first, second = door.people.sign_in("1001", PASSWORD), door.people.sign_in("1001", PASSWORD)
    door.people.sign_out(first)
    assert door.actor(first) is None
    assert door.actor(second) is not None


def test_an_own_password_must_be_set_first_and_ends_the_other_sessions(door: Door) -> None:
    here, elsewhere = door.people.sign_in("1001", PASSWORD), door.people.sign_in("1001", PASSWORD)
    door.people.set_password("1001", PASSWORD, "seven quiet streets", keep=here)
    actor = door.actor(here)
    assert actor is not None
    assert not actor.must_change
    assert door.actor(elsewhere) is None
    assert door.people.sign_in("1001", "seven quiet streets")
    with refused("wrong"):
        door.people.sign_in("1001", PASSWORD)


def test_in_a_demo_nobody_must_set_an_own_password(door: Door) -> None:
    people = door.open(demo=True)
    actor = people.actor_for(people.sign_in("1001", PASSWORD))
    assert actor is not None
    assert not actor.must_change


@pytest.mark.parametrize(
    ("new", "word"),
    [
        ("short", "bad_password"),
        ("x" * 201, "bad_password"),
        ("1001100110", "weak_password"),
        ("aaaaaaaaaaaa", "weak_password"),
        (PASSWORD, "same_password"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(door: Door, new: str, word: str) -> None:
    with refused(word):
        door.people.set_password("1001", PASSWORD, new)


def test_guessing_the_old_password_locks_too(door: Door) -> None:
    for _ in range(5):
        with refused("wrong"):
            door.people.set_password("1001", "something else", "seven quiet streets")
    with refused("locked"):
        door.people.set_password("1001", PASSWORD, "seven quiet streets")


def test_who_is_no_longer_active_cannot_sign_in_and_is_out_at_once(door: Door) -> None:
    token = door.people.sign_in("1001", PASSWORD)
    door.people.set_active("1001", False)
    assert door.actor(token) is None
    with refused("wrong"):
        door.people.sign_in("1001", PASSWORD)


def test_a_new_one_time_password_unlocks_and_must_be_changed(door: Door) -> None:
    for _ in range(5):
        with refused("wrong"):
            door.people.sign_in("1001", "something else")
    door.people.reset_password("1001", "Q7XK-29MA-PP3D")
    actor = door.actor(door.people.sign_in("1001", "Q7XK-29MA-PP3D"))
    assert actor is not None
    assert actor.must_change
    with refused("unknown_person"):
        door.people.reset_password("4711", "Q7XK-29MA-PP3D")


@pytest.mark.parametrize(
    ("number", "name", "roles", "word"),
    [
        ("1001", "李明", ["AG"], "taken"),
        ("10 02", "李明", ["AG"], "bad_number"),
        ("1002", " ", ["AG"], "bad_name"),
        ("1002", "李明", [], "bad_role"),
        ("1002", "李明", ["AG", "KING"], "bad_role"),
        ("1002", "李明", ["SYS"], "bad_role"),
    ],
)
def test_a_person_that_cannot_be_is_refused(
    door: Door, number: str, name: str, roles: list[str], word: str
) -> None:
    with refused(word):
        door.people.create_person(number, name, PASSWORD, roles)


def test_the_first_administrator_gets_a_new_code_until_an_own_password_is_set(door: Door) -> None:
    first, second = door.people.first_administrator(), door.people.first_administrator()
    assert first is not None
    assert second is not None
    assert (first[0], first[1] == second[1]) == ("9000", False)
    with refused("wrong"):
        door.people.sign_in(*first)
    actor = door.actor(door.people.sign_in(*second))
    assert actor is not None
    assert (actor.must_change, sorted(actor.roles)) == (True, ["AD"])
    door.people.set_password("9000", second[1], "seven quiet streets")
    assert door.people.first_administrator() is None


@pytest.fixture(scope="module")
def people(engine: object, tmp_path_factory: pytest.TempPathFactory) -> People:
    return Door(tmp_path_factory.mktemp("door")).people


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_whatever_is_typed_at_the_door_only_the_right_password_opens_it(
    people: People, number: str, password: str, token: str
) -> None:
    with pytest.raises(Refused):
        people.sign_in(number, password, token)
    assert people.actor_for(token) is None


def test_people_of_an_older_box_get_a_history_and_keep_their_passwords(tmp_path: Path) -> None:
    store = Store(tmp_path / "old.db", 1, bind=False)
    People(store, hasher=QUICK).create_person("1001", "王晓燕", "first-time-1", ("AG", "TL"))
    with store.transaction():
        store.execute("DELETE FROM entry WHERE kind = 'person'")
        store.execute("DELETE FROM event")
        store.execute("UPDATE person SET active = 0 WHERE number = '1001'")
    again = Store(tmp_path / "old.db", 1, bind=False)
    (made, left) = Dictionary(again).history("person", "1001")
    assert (made.what, left.what) == ("made", "retired")
    assert made.fields["roles"] == ([], ["AG", "TL"])
    again.rebuild()
    people = People(again, hasher=QUICK)
    people.set_active("1001", True)
    assert people.sign_in("1001", "first-time-1")
