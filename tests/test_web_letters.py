"""Letters on the pages: what a ticket offers to print, writing, issuing, the register, templates, seals."""

import html
import io
import re
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from appliance.tickets.ticket import Ticket
from tests.seal_image import seal_png
from tests.test_letters_office import WRITTEN
from tests.test_letters_sheets import text_of
from tests.test_web_tickets import accepted, dispatched
from tests.web_pages import Visitor, Web, open_web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def issue(visitor: Visitor, ticket: Ticket, key: str, **fields: object) -> str:
    """Issue a letter; the address of its page."""
    answer = visitor.post(f"/tickets/{ticket.number}/letters/{key}", do="issue", **(WRITTEN | fields))
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def offered(page: TestResponse) -> set[str]:
    return set(re.findall(r'data-test="(?:letter|slip)-([a-z]+)"', page.text))


def test_a_ticket_offers_to_print_what_the_role_may_print(web: Web) -> None:
    path = f"/tickets/{dispatched(web).number}"
    assert offered(web.visitor("2001").get(path)) == {"dispatch", "extension"}
    assert {"acceptance", "dispatch", "reply"} <= offered(web.visitor("1001").get(path))
    assert "official" not in offered(web.visitor("1001").get(path))


def test_slips_are_printed_as_pdf_and_docx_with_the_facts_of_the_ticket(web: Web) -> None:
    ticket = dispatched(web, citizen="王女士", phone="13800001234", content="桥北 <b>12</b> 盏路灯")
    for number, key in (("1001", "acceptance"), ("2001", "dispatch")):
        answer = web.visitor(number).get(f"/tickets/{ticket.number}/slips/{key}.pdf")
        assert answer.mimetype == "application/pdf"
        text = text_of(answer.data)
        for fact in (ticket.number, "王女士", "13800001234", "桥北<b>12</b>盏路灯"):
            assert fact in text
    answer = web.visitor("2001").get(f"/tickets/{ticket.number}/slips/dispatch.docx")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "word/document.xml" in zipfile.ZipFile(io.BytesIO(answer.data)).namelist()


def test_a_unit_never_prints_who_a_confidential_citizen_is(web: Web) -> None:
    ticket = dispatched(web, citizen="王秘密", phone="13800001234", confidential=True)
    text = text_of(web.visitor("2001").get(f"/tickets/{ticket.number}/slips/dispatch.pdf").data)
    assert "王秘密" not in text
    assert "13800001234" not in text
    assert web.visitor("2001").get(f"/tickets/{ticket.number}/slips/acceptance.pdf").status_code == 403


def test_a_letter_is_written_seen_on_its_sheet_issued_and_printed_again(web: Web) -> None:
    ticket, visitor = dispatched(web), web.visitor("1200")
    path = f"/tickets/{ticket.number}/letters/official"
    form = visitor.get(path)
    once = re.search(r'name="once" value="([^"]+)"', form.text)
    assert once
    assert 'data-test="letter-opinion"' in form.text
    fields = {"to": "市城管局", "opinion": "请予核实 <i>", "once": once.group(1)}
    seen = visitor.post(path, do="look", **fields).text
    assert "请予核实 &lt;i&gt;" in seen
    assert "预览" in text_of(visitor.post(path, do="pdf", **fields).data)
    page = issue(visitor, ticket, "official", **fields)
    assert issue(visitor, ticket, "official", **fields) == page, "the same form sent twice is one letter"
    shown = visitor.get(page).text
    assert "云热线函〔" in shown
    first, again = (visitor.get(f"{page}/print.pdf").data for _ in range(2))
    assert first == again
    assert "请予核实<i>" in text_of(first)
    assert page.rsplit("/", 1)[1] in visitor.get(f"/tickets/{ticket.number}").text
    assert "市城管局" in visitor.get("/letters?text=城管局").text


def test_too_much_text_is_refused_and_nothing_typed_is_lost(web: Web) -> None:
    ticket = dispatched(web)
    answer = web.visitor("1200").post(
        f"/tickets/{ticket.number}/letters/official", do="issue", to="字" * 201, opinion="已经写好的意见"
    )
    assert answer.status_code == 422
    assert "已经写好的意见" in answer.text
    assert "201" in answer.text
    assert "字" * 201 in answer.text


def test_a_void_letter_says_so_wherever_it_is_seen(web: Web) -> None:
    ticket, visitor = dispatched(web), web.visitor("1200")
    page = issue(visitor, ticket, "official", to="市城管局")
    visitor.post(f"{page}/void", reason="写错了单位")
    assert "写错了单位" in visitor.get(page).text
    assert "作废" in text_of(visitor.get(f"{page}/print.pdf").data)
    assert visitor.post(f"{page}/void", reason="再次").status_code == 409
    assert web.visitor("1001").post(f"{page}/void", reason="不该我作废").status_code == 403


def test_a_unit_opens_the_letters_written_to_it_and_no_others(web: Web) -> None:
    ticket, visitor = dispatched(web), web.visitor("1200")
    order, reply = issue(visitor, ticket, "assignment"), issue(visitor, ticket, "reply")
    assert web.visitor("2001").get(f"{order}/print.pdf").status_code == 200
    for number, page in (("2001", reply), ("2002", order)):
        for path in (page, f"{page}/print.pdf"):
            assert web.visitor(number).get(path).status_code == 403
    assert web.visitor("2001").get("/letters").status_code == 403


def test_seals_are_put_in_force_by_a_leader_and_seen_by_nobody_else(web: Web) -> None:
    leader, clerk = web.visitor("1400"), web.visitor("1200")
    assert clerk.get("/letters/seals").status_code == 403
    answer = leader.post("/letters/seals", owner="", image=(io.BytesIO(seal_png()), "seal.png"))
    assert answer.status_code == 302, answer.text
    image = re.search(r"/letters/seals/[0-9a-f]{64}\.png", leader.get("/letters/seals").text)
    assert image
    assert leader.get(image.group()).mimetype == "image/png"
    assert clerk.get(image.group()).status_code == 403
    page = issue(clerk, dispatched(web), "official")
    assert image.group() in leader.get(page).text
    assert image.group() not in clerk.get(page).text
    assert "盖章" not in text_of(clerk.get(f"{page}/print.pdf").data), "the seal itself is there"
    for visitor, there in ((leader, True), (clerk, False)):
        with zipfile.ZipFile(io.BytesIO(visitor.get(f"{page}/print.docx").data)) as package:
            assert ("word/media/seal.png" in package.namelist()) is there
    file = web.box.places.seals / image.group().removeprefix("/letters/seals/")
    assert 'data-test="unsealed"' not in clerk.get(page).text
    file.rename(file.with_suffix(".away"))
    assert "印章图像尚未到达本机" in clerk.get(page).text
    file.with_suffix(".away").rename(file)
    leader.post("/letters/seals", owner="", do="take_back")
    assert image.group() in leader.get(page).text, "letters keep the seal they were given"


def test_a_wrong_seal_is_refused_with_a_sentence(web: Web) -> None:
    answer = web.visitor("1400").post("/letters/seals", owner="", image=(io.BytesIO(b"GIF89a"), "seal.gif"))
    assert answer.status_code == 422
    assert "印章必须是 PNG 图片。" in answer.text


def template_fields(page: str) -> dict[str, str]:
    """The form of a template as a browser would send it."""
    fields = {
        n: html.unescape(v) for n, v in re.findall(r'<input type="text" id="(\w+)".*? value="([^"]*)"', page)
    }
    body = re.search(r'<textarea id="body"[^>]*>(.*?)</textarea>', page, re.S)
    assert body
    fields["body"] = html.unescape(body.group(1))
    for name in ("form", "audience", "sealed"):
        select = re.search(rf'<select id="{name}".*?</select>', page, re.S)
        assert select
        chosen = re.search(r'<option value="(\w*)" selected', select.group())
        fields[name] = chosen.group(1) if chosen else ""
    if 'name="numbered" checked' in page:
        fields["numbered"] = "on"
    return fields


def test_a_template_is_edited_tried_published_and_restored(web: Web) -> None:
    administrator, path = web.visitor("9000"), "/letters/templates/reply"
    fields = template_fields(administrator.get(path).text)
    assert administrator.post(path, do="publish", **fields).status_code == 409, "nothing was changed"
    fields["body"] += "\n本答复由{{clerk}}拟稿。"
    assert "〔经办人〕" in administrator.post(path, do="look", **fields).text
    assert "经办人" in text_of(administrator.post(path, do="pdf", **fields).data)
    assert administrator.post(path, do="publish", **fields).status_code == 302
    page = issue(web.visitor("1001"), dispatched(web), "reply")
    assert "拟稿" in web.visitor("1001").get(page).text
    assert administrator.post(path, do="restore").status_code == 302
    assert "拟稿" not in administrator.get(path).text
    assert web.visitor("1200").get(path).status_code == 403


def test_a_template_is_copied_and_taken_out_of_use(web: Web) -> None:
    administrator, ticket = web.visitor("9000"), dispatched(web)
    made = administrator.post("/letters/templates/official", do="copy").headers["Location"]
    key = made.rsplit("/", 1)[1]
    assert key in offered_keys(web.visitor("1200").get(f"/tickets/{ticket.number}"))
    fields = template_fields(administrator.get(made).text) | {"name": "协查函", "series": "协查"}
    assert administrator.post(made, do="publish", **fields).status_code == 302
    assert "云热线协查〔" in web.visitor("1200").get(issue(web.visitor("1200"), ticket, key)).text
    assert administrator.post(made, do="retire").status_code == 302
    assert key not in offered_keys(web.visitor("1200").get(f"/tickets/{ticket.number}"))
    assert web.visitor("1200").get(f"/tickets/{ticket.number}/letters/{key}").status_code == 403
    assert "未启用" in administrator.get("/letters/templates").text
    administrator.post(made, do="use")
    assert key in offered_keys(web.visitor("1200").get(f"/tickets/{ticket.number}"))


def offered_keys(page: TestResponse) -> set[str]:
    return set(re.findall(r'data-test="letter-(\w+)"', page.text))


def test_an_unknown_placeholder_is_refused_and_what_was_typed_stays(web: Web) -> None:
    administrator, path = web.visitor("9000"), "/letters/templates/official"
    fields = template_fields(administrator.get(path).text) | {"body": "写了很久的正文 {{天气}}"}
    for do in ("publish", "look", "pdf"):
        answer = administrator.post(path, do=do, **fields)
        assert answer.status_code == 422
        assert "没有占位符 {{天气}}" in answer.text
        assert "写了很久的正文" in answer.text


def test_what_is_not_there_is_not_found(web: Web) -> None:
    ticket, visitor = accepted(web), web.visitor("1200")
    for path in ("/letters/00", f"/letters/{'0' * 32}", f"/tickets/{ticket.number}/slips/acceptance.exe"):
        assert visitor.get(path).status_code == 404, path
    assert visitor.get(f"/tickets/{ticket.number}/letters/nothing").status_code == 404
    assert visitor.get(f"/tickets/{ticket.number}/slips/official.pdf").status_code == 404, "it has a number"


typed = st.dictionaries(
    st.sampled_from(["do", "to", "opinion", "requirement", "once", "contact"]),
    st.text(max_size=40),
    max_size=5,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=typed, text=st.text(max_size=30))
def test_any_hostile_letter_is_answered_with_a_page(web: Web, fields: dict[str, str], text: str) -> None:
    ticket, visitor = accepted(web), web.visitor("1200")
    answer = visitor.post(f"/tickets/{ticket.number}/letters/official", **fields)
    assert answer.status_code in (200, 302, 422)
    assert visitor.client.get("/letters", query_string={"text": text, "page": text}).status_code == 200
    answer = web.visitor("9000").post("/letters/templates/urge", **{"body": text, "title": text, **fields})
    assert answer.status_code in (200, 409, 422)


def test_letters_are_told_in_english_too(web: Web) -> None:
    page = web.visitor("1200", "en").get(f"/tickets/{dispatched(web).number}").text
    assert "Print…" in page
    assert "Official letter" in page
