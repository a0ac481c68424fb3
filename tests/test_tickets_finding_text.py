"""The full text of tickets against a slow reader, who looks at everything letter by letter."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.events import Fact
from appliance.store.store import Store
from appliance.tickets import facets, fulltext
from appliance.tickets.finder import Finder
from appliance.tickets.finding import Particular, Query
from appliance.tickets.forms import DANGERS
from appliance.tickets.ticket import Ticket
from tests.test_tickets_finding import every, opened

LETTERS = "路灯不亮水管A栋b12 ３é，%\"'*^=(-)"
LOOSE = re.compile(r"[-+()（）]")


@pytest.fixture(scope="module")
def empty(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of which every example deletes the tickets of the one before."""
    store = opened(tmp_path_factory.mktemp("read"))
    with store.database.connection_context():
        yield store


def slow(tickets: Sequence[Ticket], text: str) -> list[str]:
    """The numbers of the tickets with every word of a text, looked for letter by letter."""
    words = [word[: fulltext.WORD_CHARS] for word in text.split()[: fulltext.WORDS_MAX]]
    readable = [word for word in words if pieces(word)]
    if words and not readable:
        return []
    return [ticket.number for ticket in tickets if all(has(ticket, word) for word in readable)]


def pieces(text: str) -> list[str]:
    """Runs of Latin letters and digits, and single other letters."""
    found: list[str] = []
    run = False
    for char in unicodedata.normalize("NFKC", text).lower():
        plain = char.isascii() and char.isalnum()
        if plain and run:
            found[-1] += char
        elif char.isalnum():
            found.append(char)
        run = plain
    return found


def has(ticket: Ticket, word: str) -> bool:
    wanted = pieces(word)
    texts = [ticket.title, ticket.content, ticket.address, ticket.result, ticket.answer, ticket.outlet]
    texts += [ticket.citizen, ticket.behalf, ticket.home]
    for name, value in ticket.extras.items():
        texts += DANGERS.get(value, (value,)) if name == "danger" else (value,)
    if any(stands(wanted, pieces(text)) for text in texts):
        return True
    digits = LOOSE.sub("", unicodedata.normalize("NFKC", word))
    if len(digits) < 4 or not (digits.isascii() and digits.isdigit()):
        return False
    numbers = (ticket.number, ticket.phone)
    return any(number.startswith(digits) or number.endswith(digits) for number in numbers)


def says(texts: Sequence[str], text: str) -> bool:
    """Whether every word of what somebody typed stands in one of these texts."""
    words = [pieces(word) for word in text.split() if pieces(word)]
    return not text.split() or (
        bool(words) and all(any(stands(word, pieces(one)) for one in texts) for word in words)
    )


def stands(wanted: list[str], there: list[str]) -> bool:
    """Whether these pieces stand in a row, the last one perhaps going on."""
    last = wanted[-1]
    goes_on = len(last) > 1 and last.isascii()
    return any(
        there[at : at + len(wanted) - 1] == wanted[:-1] and (end.startswith(last) if goes_on else end == last)
        for at in range(len(there) - len(wanted) + 1)
        for end in [there[at + len(wanted) - 1]]
    )


EXTRA = ("product", "danger", "no_such", "No-2")
WRITTEN = ("title", "content", "citizen", "behalf", "home", "outlet")
texts = st.text(st.sampled_from(LETTERS), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.fixed_dictionaries({}, optional=dict.fromkeys(WRITTEN, texts)),
            st.dictionaries(st.sampled_from(EXTRA), texts | st.just("people"), max_size=2),
            st.sampled_from(("", "10012345678", "10099912")),
        ),
        max_size=6,
    ),
    st.lists(
        texts | st.sampled_from(("路灯", "灯 b12", "5678", "1001", "A栋", "人身 people")),
        min_size=1,
        max_size=6,
    ),
)
def test_any_text_finds_what_a_slow_reader_finds(
    empty: Store, written: list[tuple[dict[str, str], dict[str, str], str]], wanted: list[str]
) -> None:
    with empty.transaction():
        empty.execute("DELETE FROM ticket")
        empty.execute("DELETE FROM event")
        facets.clear(empty)
        for fields, extra, phone in written:
            said = {**fields, "extra": extra, "phone": phone}
            empty.record(Fact("ticket.created", {"number": "1", "source": "phone", "fields": said}))
    finder, tickets = Finder(empty), every(empty)
    for text in wanted:
        found = finder.find(Query(text=text), rows=100)
        expected = slow(tickets, text) if text.split() else [ticket.number for ticket in tickets]
        assert sorted(ticket.number for ticket in found.tickets) == sorted(expected), text
        assert found.total == len(expected)
        within: Sequence[tuple[Query, Callable[[Ticket], list[str]]]] = (
            (Query(citizen=text), lambda t: [t.citizen, t.behalf]),
            (Query(home=text), lambda t: [t.home]),
            (Query(extra=(Particular("product", text),)), lambda t: [t.extras.get("product", "")]),
            (Query(extra=(Particular("No-2", text),)), lambda t: [t.extras.get("No-2", "")]),
        )
        for query, of in within:
            found_within = {ticket.tid for ticket in finder.find(query, rows=100).tickets}
            assert found_within == {t.tid for t in tickets if says(of(t), text)}, query
        whole = Query(extra=(Particular("product", text, whole=True),))
        if pieces(text):
            just = {t.tid for t in tickets if pieces(t.extras.get("product", "")) == pieces(text)}
            assert {ticket.tid for ticket in finder.find(whole, rows=100).tickets} == just
