"""Many texts are cut as each alone is, and looked for by the same keys."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.tickets import cutting, duplicates, fulltext
from appliance.tickets.duplicates import Matter

LETTERS = "路灯不亮，。 aZ09_-²Ａ５İǅ①\x00\n\U00020bb7" + "市民反映"
TEXTS = st.text(st.sampled_from(LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.lists(TEXTS, max_size=4), max_size=8))
def test_many_texts_are_cut_as_each_of_them(rows: list[list[str]]) -> None:
    assert cutting.split_each(rows) == [fulltext.split(*row) for row in rows]


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8))
def test_many_matters_have_the_keys_each_of_them_has(told: list[tuple[str, str, str]]) -> None:
    matters = [Matter(title=title, content=content, address=address) for title, content, address in told]
    assert list(duplicates.keys_of(matters)) == [duplicates.keys(matter) for matter in matters]


def test_more_texts_than_are_cut_at_once_keep_their_order() -> None:
    rows = [(f"第{nth}号 路灯{nth}", "", "a" * (nth % 3)) for nth in range(3 * cutting.AT_ONCE)]
    assert cutting.split_each(rows) == [fulltext.split(*row) for row in rows]


def test_more_matters_than_fit_one_pass_keep_their_keys() -> None:
    told = range(3 * duplicates.AT_ONCE)
    matters = [Matter(title="路灯" * (nth % 4), content=f"第{nth}号"[: nth % 5]) for nth in told]
    assert list(duplicates.keys_of(matters)) == [duplicates.keys(matter) for matter in matters]


def test_the_keys_of_a_matter_are_the_same_in_every_release() -> None:
    """Tickets are kept under them in databases that are older."""
    lamp = Matter(
        phone="13900000001",
        area="云东区",
        address="解放路88号门口",
        title="路灯不亮",
        content="解放路88号门口三盏路灯连续两晚不亮，出行不便。",
        category="0101",
    )
    assert duplicates.keys(lamp) == (
        *(61603423368204580, 9491663610244105, 50863688364690824, 45915017589941986, 33715536251766143),
        *(10863888876681534, 4120338130856873, 30030906789118645, 60744320319008422),
    )
