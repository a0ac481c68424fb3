"""Where phones are."""

import pytest
from aiosipua.message import SipRequest

from hardware.sip.message import Refusal, parse
from hardware.sip.registrar import MAX_CONTACTS, Registrar
from tests.sipp.network import request

SOURCE = ("10.0.0.9", 5062)


def asked(contact: str, seq: int = 1, **more: str) -> SipRequest:
    message = parse(request("REGISTER", to="8001", seq=seq, contact=contact, **more).encode())
    assert isinstance(message, SipRequest)
    return message


def contacts(registrar: Registrar, now: float = 0.0) -> list[str]:
    return [b.contact for b in registrar.bindings("8001", now)]


def test_the_newest_phone_comes_first_and_a_refresh_changes_nothing() -> None:
    registrar = Registrar()
    assert registrar.register("8001", asked("<sip:a@h>"), SOURCE, 0.0)
    assert registrar.register("8001", asked("<sip:b@h>", call_id="b"), SOURCE, 1.0)
    assert contacts(registrar) == ["sip:b@h", "sip:a@h"]
    assert not registrar.register("8001", asked("<sip:b@h>", 2, call_id="b"), SOURCE, 2.0)


def test_a_contact_may_say_itself_how_long_it_lives() -> None:
    registrar = Registrar()
    registrar.register("8001", asked("<sip:a@h>;expires=20, <sip:b@h>", expires="600"), SOURCE, 0.0)
    assert registrar.timer() == 20.0
    assert registrar.on_timer(20.0) == {"8001": ("sip:b@h",)}
    assert registrar.timer() == 600.0
    registrar.register("8001", asked("<sip:c@h>", expires="999999", call_id="c"), SOURCE, 0.0)
    assert registrar.bindings("8001", 3599.0)
    assert not registrar.bindings("8001", 3600.0), "never longer than an hour"


def test_a_phone_leaves_by_itself_or_all_leave_by_a_star() -> None:
    registrar = Registrar()
    registrar.register("8001", asked("<sip:a@h>, <sip:b@h>"), SOURCE, 0.0)
    assert registrar.register("8001", asked("<sip:a@h>", 2, expires="0"), SOURCE, 1.0)
    assert contacts(registrar) == ["sip:b@h"]
    assert registrar.register("8001", asked("*", 3, expires="0"), SOURCE, 2.0)
    assert contacts(registrar) == []
    assert registrar.timer() is None


@pytest.mark.parametrize(
    ("contact", "expires", "status"),
    [
        ("*", "60", 400),
        ("*, <sip:a@h>", "0", 400),
        ("<sip:a@h>", "3", 423),
        ("<tel:8001>", "60", 400),
        ("<http://h>", "60", 400),
        (", ".join(f"<sip:{n}@h>" for n in range(MAX_CONTACTS + 1)), "60", 403),
    ],
)
def test_a_registration_that_makes_no_sense_changes_nothing(contact: str, expires: str, status: int) -> None:
    registrar = Registrar()
    registrar.register("8001", asked("<sip:z@h>"), SOURCE, 0.0)
    with pytest.raises(Refusal) as refused:
        registrar.register("8001", asked(contact, 2, expires=expires), SOURCE, 1.0)
    assert refused.value.status == status
    assert contacts(registrar) == ["sip:z@h"]


def test_a_late_datagram_does_not_bring_a_phone_back() -> None:
    registrar = Registrar()
    registrar.register("8001", asked("<sip:a@h>", 5), SOURCE, 0.0)
    registrar.register("8001", asked("<sip:a@h>", 4, expires="0"), SOURCE, 1.0)
    assert contacts(registrar) == ["sip:a@h"]


def test_a_phone_restarted_under_another_port_is_the_same_phone() -> None:
    registrar = Registrar()
    instance = '+sip.instance="<urn:uuid:1>"'
    registrar.register("8001", asked(f"<sip:a@h:5062>;{instance}"), SOURCE, 0.0)
    registrar.register("8001", asked(f"<sip:a@h:40000>;{instance}", call_id="x"), SOURCE, 1.0)
    assert contacts(registrar) == ["sip:a@h:40000"]


def test_the_oldest_phone_makes_room() -> None:
    registrar = Registrar()
    for n in range(MAX_CONTACTS + 2):
        registrar.register("8001", asked(f"<sip:{n}@h>", call_id=str(n)), SOURCE, float(n))
    assert len(contacts(registrar, 10.0)) == MAX_CONTACTS
    assert "sip:0@h" not in contacts(registrar, 10.0)
