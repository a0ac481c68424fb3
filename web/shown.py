"""How the box's words are shown to people: names, colours, times and sentences in the reader's language."""

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_babel import gettext, lazy_gettext
from markupsafe import Markup, escape

from appliance.calendar.hours import due_day
from appliance.customers.customer import FIELDS as CUSTOMER_FIELDS
from appliance.dictionary.kinds import KINDS as DICTIONARY_KINDS
from appliance.dictionary.parameters import PARAMETERS
from appliance.letters.fields import PLACEHOLDERS
from appliance.refused import Refused
from appliance.tickets.fields import FIELDS, RATINGS, Choices
from appliance.tickets.forms import EXTRAS
from appliance.tickets.workflow import LISTS, STATES
from web.context import box
from web.language import is_chinese

COLOURS: Mapping[str, str] = {
    "intake": "blue",
    "undispatched": "warn",
    "dispatched": "blue",
    "handling": "warn",
    "open": "warn",
    "closed": "good",
}
OUTCOMES = {
    "answered": lazy_gettext("Answered"),
    "abandoned": lazy_gettext("Hung up while waiting"),
    "message": lazy_gettext("Left a message"),
    "callback": lazy_gettext("Asked to be called back"),
    "self_service": lazy_gettext("Self-service"),
    "lost": lazy_gettext("Lost by a fault"),
    "no_answer": lazy_gettext("Not answered"),
    "notified": lazy_gettext("Notified by voice"),
    "refused": lazy_gettext("Refused by the blacklist"),
    "": lazy_gettext("In progress"),
}
OUTCOME_COLOURS = {
    "answered": "good",
    "abandoned": "warn",
    "message": "blue",
    "callback": "blue",
    "lost": "bad",
}
PAUSES = {
    "rest": lazy_gettext("Rest"),
    "meal": lazy_gettext("Meal"),
    "training": lazy_gettext("Training"),
    "meeting": lazy_gettext("Meeting"),
    "other": lazy_gettext("Other work"),
}
PAUSED_BY_OTHERS = {
    "signed_in": lazy_gettext("Not yet ready"),
    "leader": lazy_gettext("By the shift leader"),
    "missed": lazy_gettext("Did not answer"),
    "declined": lazy_gettext("Sent back a call"),
    "keypad": lazy_gettext("By the phone's keypad"),
}
"""Reasons nobody chooses."""
SUPERVISION = {
    "listen": lazy_gettext("Listened to"),
    "whisper": lazy_gettext("Whispered to"),
    "barge": lazy_gettext("Barged in at"),
    "take_over": lazy_gettext("Took over from"),
    "ready": lazy_gettext("Made ready"),
    "paused": lazy_gettext("Sent on a break"),
    "offline": lazy_gettext("Signed out"),
    "call.released": lazy_gettext("Ended a call"),
    "call.moved": lazy_gettext("Moved a waiting call"),
    "call.taken": lazy_gettext("Took a call"),
    "callback.cancelled": lazy_gettext("Took out a callback"),
    "agent.watched": lazy_gettext("Looked at the screen of"),
}
"""What a shift leader did, as the board lists it."""
SEAT_STATES = {
    "offline": lazy_gettext("Off shift"),
    "ready": lazy_gettext("Ready"),
    "offered": lazy_gettext("Ringing"),
    "busy": lazy_gettext("In a call"),
    "wrap_up": lazy_gettext("Wrap-up"),
    "paused": lazy_gettext("Break"),
}
CALL_REASONS = {
    "unknown_agent": lazy_gettext(
        "The call process does not know your number yet. Ask an administrator to publish."
    ),
    "unknown_extension": lazy_gettext("This extension does not exist."),
    "extension_taken": lazy_gettext("Somebody else is signed in at this extension. Choose another one."),
    "not_signed_in": lazy_gettext("You are not on shift. Start your shift first."),
    "talking": lazy_gettext("Not possible during a call."),
    "agent_busy": lazy_gettext("This colleague is in a call or not ready."),
    "no_leader": lazy_gettext("No shift leader is free."),
    "barred": lazy_gettext("This phone may not call that number. Ask the shift leader."),
    "needs_pin": lazy_gettext("This number needs the phone's PIN. Enter it and call again."),
    "bad_pin": lazy_gettext("That PIN is wrong. Nothing was dialled."),
    "pin_locked": lazy_gettext("Too many wrong PINs. Wait a quarter of an hour."),
    "needs_account": lazy_gettext("This number needs an account code. Enter it and call again."),
    "bad_account": lazy_gettext("There is no such account code. Nothing was dialled."),
    "unknown_campaign": lazy_gettext("There is no such notification, or it has ended."),
    "bad_campaign": lazy_gettext("The list of this notification cannot be read. Make it anew."),
    "too_many_campaigns": lazy_gettext("Too many notifications are going on. Stop one, or wait."),
    "not_now": lazy_gettext("This is not possible now: the notification has come further."),
    "nothing_rings": lazy_gettext("Nothing rings there now."),
    "not_leader": lazy_gettext("Only a shift leader may do this."),
    "bad_target": lazy_gettext("This colleague, number or queue cannot be reached."),
    "no_recording": lazy_gettext("There is no recording."),
    "no_call": lazy_gettext("There is no call any more."),
    "no_offer": lazy_gettext("The call is not waiting any more."),
    "phone_down": lazy_gettext("Your phone is not connected. Start sound again."),
    "not_demo": lazy_gettext("This exists in demonstrations only."),
    "phone_busy": lazy_gettext("This phone is in a call already."),
    "no_line": lazy_gettext("All lines are taken. Try again soon."),
    "media_down": lazy_gettext("The sound process is not there. It comes back by itself within seconds."),
    "bad_number": lazy_gettext("This is not a phone number."),
    "always_recorded": lazy_gettext("Calls like this are recorded from beginning to end."),
    "never_recorded": lazy_gettext("Calls like this are never recorded."),
    "not_recorded": lazy_gettext("This call is not being recorded."),
    "no_privacy": lazy_gettext("On this box no part of a recording may be left out."),
    "malformed": lazy_gettext("The call process did not understand. Reload the page."),
}


CAMPAIGN_STATES = {
    "new": lazy_gettext("Not started"),
    "running": lazy_gettext("Running"),
    "paused": lazy_gettext("Paused"),
    "stopping": lazy_gettext("Stopping"),
    "over": lazy_gettext("Ended"),
}
CAMPAIGN_STATE_COLOURS = {"running": "good", "paused": "warn", "stopping": "warn", "new": "blue"}
CAMPAIGN_WHY = {
    "": "",
    "done": lazy_gettext("everybody has a result"),
    "stopped": lazy_gettext("stopped by hand"),
    "last_day": lazy_gettext("its last day is over"),
    "unreachable": lazy_gettext("nobody could be reached: look at the lines, then resume"),
}
"""Why a campaign is paused or has ended."""
CAMPAIGN_RESULTS = {
    "confirmed": lazy_gettext("Confirmed by key"),
    "heard": lazy_gettext("Heard to the end"),
    "part": lazy_gettext("Heard in part"),
    "busy": lazy_gettext("Busy"),
    "no_answer": lazy_gettext("No answer"),
    "refused": lazy_gettext("Refused"),
    "wrong_number": lazy_gettext("Wrong number"),
    "unreachable": lazy_gettext("Unreachable"),
    "barred": lazy_gettext("May not be called"),
    "do_not_call": lazy_gettext("Wants no calls"),
    "not_called": lazy_gettext("Not called"),
}
CAMPAIGN_RESULT_COLOURS = {
    "confirmed": "good",
    "heard": "good",
    "part": "blue",
    "busy": "warn",
    "no_answer": "warn",
}
CAMPAIGN_STORY = {
    "campaign.created": lazy_gettext("Set up"),
    "campaign.started": lazy_gettext("Started"),
    "campaign.paused": lazy_gettext("Paused"),
    "campaign.resumed": lazy_gettext("Resumed"),
    "campaign.stopped": lazy_gettext("Stopped"),
    "campaign.ended": lazy_gettext("Ended"),
    "campaign.exported": lazy_gettext("Results exported"),
}
LIST_FAULTS = {
    "no_number": lazy_gettext("This is no phone number."),
    "shortened": lazy_gettext("The spreadsheet has shortened this number: format the column as text."),
    "barred": lazy_gettext("Campaigns may not call this kind of number."),
}
"""What is wrong with a row of a list."""
PLAN_FIELDS = {
    "name": lazy_gettext("Title of the notification"),
    "tries": lazy_gettext("Calls to one number, at most"),
    "busy_wait_s": lazy_gettext("Minutes until a busy number is called again"),
    "no_answer_wait_s": lazy_gettext("Minutes until a number nobody answered is called again"),
    "ring_s": lazy_gettext("Seconds it may ring"),
    "lines": lazy_gettext("Calls at once, at most"),
    "keep_free": lazy_gettext("Lines left free for citizens"),
    "hours": lazy_gettext("Hours"),
    "days": lazy_gettext("First and last day"),
}
DEFERRAL_STATES = {
    "open": lazy_gettext("Still to answer"),
    "answered": lazy_gettext("Answer given"),
    "given_up": lazy_gettext("Given up"),
}


def install(app: Flask) -> None:
    """Give the templates the words."""
    app.jinja_env.filters.update(when=when, day=day, due_day=due_day, seconds=seconds, one_of=one_of)
    app.jinja_env.globals.update(
        told=told,
        icon=icon,
        state_title=state_title,
        state_colour=state_colour,
        field_title=field_title,
        pick=pick,
        RATINGS=RATINGS,
        OUTCOMES=OUTCOMES,
        OUTCOME_COLOURS=OUTCOME_COLOURS,
    )


def pick(names: tuple[str, str]) -> str:
    """Return the Chinese or the English name."""
    return names[0 if is_chinese() else 1]


def one_of(word: str, choices: Choices) -> str:
    """Return the name of a word in a table of choices; the word itself when it is not there."""
    return pick(choices[word]) if word in choices else word


def state_title(state: str) -> str:
    """Return the name of a ticket's state."""
    found = STATES.get(state)
    return pick((found.zh, found.en)) if found else state


def state_colour(state: str) -> str:
    """Return the colour of a state's mark."""
    if state in ("REJECTED", "WITHDRAWN", "ARCHIVED"):
        return ""
    return "bad" if state == "DISSAT_REVIEW" else COLOURS[STATES[state].list] if state in STATES else ""


def list_title(name: str) -> str:
    """Return the name of a working list."""
    return pick(LISTS[name])


def field_title(name: str) -> str:
    """Return the name of a ticket's field."""
    return pick((FIELDS[name].zh, FIELDS[name].en)) if name in FIELDS else name


def choices(table: Choices) -> list[tuple[str, str]]:
    """Return the words of a table with their names."""
    return [(word, pick(names)) for word, names in table.items()]


def told(reason: str) -> str:
    """Write what a process told: a msgid, and behind a tab what only technicians read."""
    words, _, detail = reason.partition("\t")
    return f"{gettext(words)} ({detail})" if detail else gettext(words)


def sentence(refused: Refused) -> str:
    """Return what a refusal says, in the reader's language."""
    values = {name: _value(name, value) for name, value in refused.values.items()}
    return str(gettext(refused.sentence, **values)) if values else str(gettext(refused.sentence))


def _value(name: str, value: Any) -> Any:
    if name == "units":
        names = box().dictionary.names("unit")
        return gettext(", ").join(pick(names[code]) if code in names else code for code in value.split(", "))
    return pick((_NAMES[value], value)) if isinstance(value, str) and value in _NAMES else value


_NAMES: Mapping[str, str] = {
    **{place.en: place.zh for place in PLACEHOLDERS.values()},
    **{parameter.en: parameter.zh for parameter in PARAMETERS.values()},
    **{column.en: column.zh for kind in DICTIONARY_KINDS.values() for column in kind.columns},
    **{kind.en: kind.zh for kind in DICTIONARY_KINDS.values()},
    **{field.en: field.zh for field in CUSTOMER_FIELDS.values()},
    **{field.en: field.zh for field in EXTRAS.values()},
    **{field.en: field.zh for field in FIELDS.values()},
}
"""English and Chinese names of everything a refusal may name."""


def when(at_s: float | None) -> str:
    """Write a time of the box: date and minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s)) if at_s else "—"


def day(at_s: float | None) -> str:
    """Write a date of the box."""
    return time.strftime("%Y-%m-%d", time.localtime(at_s)) if at_s else "—"


def seconds(length_s: float | None) -> str:
    """Write a length of time as 02:05 or 1:02:05."""
    whole = max(0, round(length_s or 0))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:" if hours else "") + f"{minutes:02d}:{rest:02d}"


def icon(name: str) -> Markup:
    """Draw an icon of the sprite."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#{}"/></svg>').format(
        escape(name)
    )


def masked(number: str) -> str:
    """Hide the middle of a phone number: 138****5678."""
    return (
        f"{number[:3]}****{number[-4:]}"
        if len(number) > 8
        else f"{number[:1]}***{number[-1:]}"
        if number
        else ""
    )
