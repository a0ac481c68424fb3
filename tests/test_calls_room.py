"""Who hears whom: the table of roles, as rows of the matrix."""

from itertools import permutations

import pytest

from appliance.calls.room import Party, Role, Room, hears

CITIZEN, AGENT = Party("sip/0", Role.CALLER), Party("headset/8001", Role.AGENT)
LEADER, OFFICE = "headset/8100", Party("sip/1", Role.GUEST)


def heard(room: Room, line: str) -> set[str]:
    return set(room.rows()[line])


def test_two_who_talk_hear_each_other_and_not_themselves() -> None:
    room = Room([CITIZEN, AGENT])
    assert room.rows() == {"sip/0": {"headset/8001": 1.0}, "headset/8001": {"sip/0": 1.0}}


def test_a_held_caller_hears_nobody_and_is_heard_by_nobody() -> None:
    room = Room([CITIZEN, AGENT, OFFICE])
    room.change("sip/0", held=True)
    assert heard(room, "sip/0") == set()
    assert heard(room, "headset/8001") == {"sip/1"}


def test_a_muted_agent_hears_and_is_not_heard() -> None:
    room = Room([CITIZEN, AGENT])
    room.change("headset/8001", muted=True)
    assert heard(room, "sip/0") == set()
    assert heard(room, "headset/8001") == {"sip/0"}


def test_in_a_conference_everybody_hears_all_others() -> None:
    room = Room([CITIZEN, AGENT, OFFICE])
    for one, *others in permutations(["sip/0", "headset/8001", "sip/1"]):
        assert heard(room, one) == set(others)


def test_a_listener_hears_all_and_nobody_hears_the_listener() -> None:
    room = Room([CITIZEN, AGENT, Party(LEADER, Role.LISTENER)])
    assert heard(room, LEADER) == {"sip/0", "headset/8001"}
    assert LEADER not in heard(room, "sip/0") | heard(room, "headset/8001")


def test_a_coach_is_heard_by_the_agent_and_never_by_the_citizen() -> None:
    room = Room([CITIZEN, AGENT, Party(LEADER, Role.COACH)])
    assert heard(room, "headset/8001") == {"sip/0", LEADER}
    assert heard(room, "sip/0") == {"headset/8001"}
    assert heard(room, LEADER) == {"sip/0", "headset/8001"}


def test_a_consultation_is_apart_from_the_caller() -> None:
    room = Room([CITIZEN, AGENT, Party("sip/1", Role.GUEST, apart=True)])
    room.change("headset/8001", apart=True)
    assert heard(room, "headset/8001") == {"sip/1"}
    assert heard(room, "sip/1") == {"headset/8001"}
    assert heard(room, "sip/0") == set()


def test_a_role_taken_later_replaces_the_former() -> None:
    room = Room([CITIZEN, AGENT, Party(LEADER, Role.LISTENER)])
    room.join(Party(LEADER, Role.GUEST))
    assert heard(room, "sip/0") == {"headset/8001", LEADER}


@pytest.mark.parametrize("role", list(Role))
def test_nobody_hears_himself(role: Role) -> None:
    party = Party("sip/7", role)
    assert not hears(party, party)


def test_who_left_is_in_no_row() -> None:
    room = Room([CITIZEN, AGENT])
    room.leave("headset/8001")
    assert room.rows() == {"sip/0": {}}
    with pytest.raises(KeyError):
        room.change("headset/8001", held=True)
