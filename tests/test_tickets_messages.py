"""Short messages of a ticket: what may be shown of them."""

from pathlib import Path

from appliance.events import Fact
from appliance.people import Actor
from appliance.store.store import Store
from appliance.store.texts import send_text
from appliance.tickets import redaction
from appliance.tickets.messages import NUMBER, TEXT
from appliance.tickets.timeline import steps_of

LEADER = Actor("1400", "郑宏伟", frozenset({"LD"}))
AT_S = 1_800_000_000.0


def test_messages_of_a_ticket_do_not_say_what_was_blanked_whatever_came_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    phone, words = "13900000009", "三盏路灯不亮，我是刘某"
    (told,) = store.record(Fact("text.received", {"line": "gsm", "number": phone, "text": words}))
    facts = {"number": "1", "source": "sms", "message": told.eid.hex(), "fields": {"phone": phone}}
    (created,) = store.record(Fact("ticket.created", facts))
    send_text(store, phone, f"已受理：{words}", AT_S, created.eid)
    redaction.redact(store, LEADER, created.eid, {"phone": "", "content": ""}, "市民要求")
    send_text(store, phone, f"已办结：{words}", AT_S, created.eid)
    events = [event for _, event in store.read(0, 100)]
    for order in (events, events[::-1]):
        box = Store(tmp_path / f"{order[0].kind}.db", 1, bind=False)
        box.take(order)
        for _ in range(2):
            shown = box.rows(f"SELECT {NUMBER}, {TEXT} FROM short_message WHERE ticket IS NOT NULL")
            assert set(shown) == {(redaction.BLANK, redaction.BLANK)}
            assert not any(words in step.text or phone in step.text for step in steps_of(box, created.eid))
            box.rebuild()
