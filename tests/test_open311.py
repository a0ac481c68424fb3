"""Open311 GeoReport v2 as published: names, forms and errors are those of the specification."""

import time
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from appliance.actor import Actor
from tests.api_programs import Program
from tests.web_pages import Web, demo_configuration, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
LAMPS = "0101"
REPORT = {
    "service_code": LAMPS,
    "lat": "37.76524078",
    "long": "-122.4212043",
    "address_string": "人民路 12 号",
    "description": "A large sinkhole is destroying the street",
    "first_name": "三",
    "last_name": "张",
    "phone": "10000000001",
    "email": "smit333@sfgov.edu",
}


class Client:
    """A system outside that speaks Open311."""

    def __init__(self, web: Web, name: str = "see-click", **more: Any) -> None:
        self.key = Program(web, name, more.pop("scopes", ["open311"]), roles=["C"]).secret
        self.client = web.app.test_client()

    def get(self, path: str, **asked: str) -> TestResponse:
        return self.client.get(f"/open311/v2/{path}", query_string={"api_key": self.key, **asked})

    def post(self, path: str = "requests.json", **sent: Any) -> TestResponse:
        return self.client.post(f"/open311/v2/{path}", data={"api_key": self.key, **sent})


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    found = demo_configuration().api
    return open_web(
        tmp_path_factory.mktemp("box"),
        api=msgspec.structs.replace(found, per_minute=60_000, jurisdiction="yunhe.gov"),
    )


@pytest.fixture(scope="module")
def client(web: Web) -> Client:
    return Client(web)


@pytest.fixture(scope="module", autouse=True)
def lamps(web: Web) -> str:
    """A service code there is."""
    codes = [s["service_code"] for s in Client(web, "looks").get("services.json").json]  # type: ignore[union-attr]
    REPORT["service_code"] = codes[0]
    return str(codes[0])


def json(answer: TestResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/json; charset=utf-8"
    return answer.json


def xml(answer: TestResponse, status: int = 200) -> ElementTree.Element:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    return ElementTree.fromstring(answer.text)


def test_services_are_listed_with_the_names_of_the_standard(client: Client) -> None:
    (first, *_) = json(client.get("services.json"))
    assert set(first) == {
        *("service_code", "service_name", "description", "metadata", "type", "keywords", "group")
    }
    assert (first["metadata"], first["type"]) == (True, "realtime")
    root = xml(client.get("services.xml"))
    assert root.tag == "services"
    assert {child.tag for child in root} == {"service"}
    assert root[0].findtext("service_code") == first["service_code"]
    assert root[0].findtext("metadata") == "true"


def test_services_are_open_to_everybody_and_requests_are_not(web: Web, client: Client) -> None:
    nobody = web.app.test_client()
    assert nobody.get("/open311/v2/services.json").status_code == 200
    assert nobody.get("/open311/v2/discovery.xml").status_code == 200
    for answer in (
        nobody.get("/open311/v2/requests.json"),
        nobody.get("/open311/v2/requests/123.json"),
        nobody.get("/open311/v2/tokens/123.json"),
        nobody.post("/open311/v2/requests.json", data=REPORT),
        nobody.post("/open311/v2/requests.json", data={**REPORT, "api_key": "hlb_wrong"}),
    ):
        assert json(answer, 403) == [{"code": 403, "description": "Missing or Invalid API Key"}]


def test_a_service_is_defined_by_its_attributes(client: Client, lamps: str) -> None:
    found = json(client.get(f"services/{lamps}.json"))
    assert found["service_code"] == lamps
    kind = found["attributes"][0]
    assert set(kind) == {
        *(
            "variable",
            "code",
            "datatype",
            "required",
            "datatype_description",
            "order",
            "description",
            "values",
        )
    }
    assert {"key": "repair", "name": "维修"} in kind["values"]
    root = xml(client.get(f"services/{lamps}.xml"))
    assert root.tag == "service_definition"
    assert [child.tag for child in root] == ["service_code", "attributes"]
    assert root[1][0].tag == "attribute"
    assert root[1][0].find("values/value/key") is not None


def test_a_report_becomes_a_ticket_and_its_number_is_told(web: Web, client: Client) -> None:
    (told,) = json(client.post(**REPORT, **{"attribute[kind]": "repair"}), 201)
    assert set(told) == {"service_request_id", "service_notice", "account_id"}
    ticket = web.box.tickets.find(told["service_request_id"])
    assert ticket is not None
    assert (ticket.state, ticket.kind, ticket.category) == ("REGISTERED", "repair", REPORT["service_code"])
    assert (ticket.citizen, ticket.phone) == ("三 张", "10000000001")
    assert (ticket.created_by, ticket.address) == ("api.see-click", "人民路 12 号")
    assert ticket.position == "-122.421204,37.765241"
    root = xml(client.post("requests.xml", **REPORT), 201)
    assert (root.tag, root[0].tag) == ("service_requests", "request")
    assert root[0].findtext("service_request_id")


def test_how_a_request_stands_is_told_with_the_names_of_the_standard(web: Web, client: Client) -> None:
    number = json(client.post(**REPORT), 201)[0]["service_request_id"]
    (told,) = json(client.get(f"requests/{number}.json"))
    assert set(told) == {
        *("service_request_id", "status", "status_notes", "service_name", "service_code", "description"),
        *("agency_responsible", "service_notice", "requested_datetime", "updated_datetime"),
        *("expected_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url"),
    }
    assert (told["service_request_id"], told["status"]) == (number, "open")
    assert (told["lat"], told["long"]) == (37.765241, -122.421204)
    assert datetime.fromisoformat(told["requested_datetime"]).tzinfo is not None
    root = xml(client.get(f"requests/{number}.xml"))
    assert root[0].findtext("status") == "open"
    assert root[0].findtext("zipcode") == ""
    assert json(client.get(f"tokens/{number}.json")) == [{"service_request_id": number, "token": number}]
    ticket = web.box.tickets.find(number)
    assert ticket is not None
    web.box.tickets.move(AGENT, ticket.tid, "withdraw", {"reason": "已撤"})
    assert json(client.get(f"requests/{number}.json"))[0]["status"] == "closed"
    assert number in {r["service_request_id"] for r in json(client.get("requests.json", status="closed"))}
    assert number not in {r["service_request_id"] for r in json(client.get("requests.json", status="open"))}


def test_citizens_are_never_given_out(web: Web, client: Client) -> None:
    text = "我叫 三 张，电话 138 1234 5678 或 10000000001，家住人民路"
    number = json(client.post(**{**REPORT, "description": text}), 201)[0]["service_request_id"]
    for answer in (client.get(f"requests/{number}.json"), client.get("requests.xml")):
        for word in ("三 张", "10000000001", "138 1234 5678", "smit333", "api.see-click"):
            assert word not in answer.text
    assert "人民路" in client.get(f"requests/{number}.json").text


def test_a_system_sees_its_own_reports_and_no_others(web: Web, client: Client) -> None:
    other = Client(web, "other-city-app")
    number = json(other.post(**REPORT), 201)[0]["service_request_id"]
    assert json(client.get(f"requests/{number}.json"), 404)[0]["code"] == 404
    assert json(client.get("requests.json", service_request_id=number)) == []
    assert {r["service_request_id"] for r in json(other.get("requests.json"))} == {number}


def test_lists_are_narrowed_as_the_standard_says(client: Client, lamps: str) -> None:
    one, two = (json(client.post(**REPORT), 201)[0]["service_request_id"] for _ in range(2))
    found = json(client.get("requests.json", service_request_id=f"{one},{two}", status="closed"))
    assert [r["service_request_id"] for r in found] == [two, one]
    assert json(client.get("requests.json", service_code="no-such")) == []
    assert one in {r["service_request_id"] for r in json(client.get("requests.json", service_code=lamps))}
    now = datetime.fromtimestamp(time.time()).astimezone()
    week = {
        "start_date": (now - timedelta(days=7)).isoformat(),
        "end_date": (now + timedelta(days=1)).isoformat(),
    }
    assert one in {r["service_request_id"] for r in json(client.get("requests.json", **week))}
    before = {
        "start_date": (now - timedelta(days=70)).isoformat(),
        "end_date": (now - timedelta(days=1)).isoformat(),
    }
    assert json(client.get("requests.json", **before)) == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"}, 400),
        ({"start_date": "2026-06-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"}, 400),
        ({"start_date": "yesterday"}, 400),
        ({"status": "half-open"}, 400),
        ({"colour": "red"}, 400),
        ({"service_request_id": ",".join(map(str, range(101)))}, 400),
        ({"jurisdiction_id": "atlantis.gov"}, 404),
        ({"jurisdiction_id": "yunhe.gov"}, 200),
    ],
)
def test_a_list_that_cannot_be_is_refused(client: Client, asked: dict[str, str], status: int) -> None:
    assert json(client.get("requests.json", **asked), status) is not None


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"service_code": ""}, 400, "service_code was not provided"),
        ({"service_code": "no-such"}, 404, "service_code provided was not found"),
        ({"lat": "", "long": "", "address_string": ""}, 400, "was not provided"),
        ({"long": ""}, 400, "come together"),
        ({"lat": "91"}, 400, "degrees"),
        ({"lat": "here"}, 400, "degrees"),
        ({"attribute[colour]": "red"}, 400, "attribute colour"),
        ({"attribute[kind]": "telepathy"}, 400, "attribute kind"),
        ({"favourite": "x"}, 400, "favourite"),
        ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
        ({"phone": "ring me"}, 400, "phone"),
        ({"jurisdiction_id": "atlantis.gov"}, 404, "jurisdiction_id"),
    ],
)
def test_a_report_that_is_not_right_is_refused_with_what_is_wrong(
    client: Client, sent: dict[str, str], status: int, words: str
) -> None:
    for form, read in (("json", json), ("xml", xml)):
        answer = client.post(f"requests.{form}", **{**REPORT, **sent})
        read(answer, status)
        assert words in answer.text or "电话" in answer.text
    root = xml(client.post("requests.xml", **{**REPORT, **sent}), status)
    assert (root.tag, root[0].tag, root[0].findtext("code")) == ("errors", "error", str(status))


def test_a_key_for_something_else_is_refused(web: Web) -> None:
    client = Client(web, "no-open311", scopes=["tickets:read"])
    assert json(client.post(**REPORT), 403)[0]["code"] == 403


def test_the_service_says_where_it_is(client: Client) -> None:
    found = json(client.get("discovery.json"))
    (endpoint,) = found["endpoints"]
    assert endpoint["url"].endswith("/open311/v2")
    assert endpoint["formats"] == ["application/json", "text/xml"]
    root = xml(client.get("discovery.xml"))
    assert root.find("endpoints/endpoint/formats/format") is not None


def test_other_formats_and_places_are_not_there(client: Client) -> None:
    for path in ("services.html", "requests.csv", "nothing.json"):
        assert client.get(path).status_code == 404


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    sent=st.dictionaries(
        st.sampled_from([*REPORT, "attribute[kind]", "attribute[pole]", "media_url", "account_id"])
        | st.text(max_size=20),
        st.text(max_size=50) | st.sampled_from(["1e309", "-0", "NaN", "９", "\ud800", "\x00", "2026-01-01"]),
    )
)
def test_any_hostile_report_is_registered_or_refused(client: Client, sent: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in sent.items()}
    clean = {name.encode("utf-8", "replace").decode(): value for name, value in clean.items()}
    answer = client.client.post("/open311/v2/requests.xml", data={**REPORT, **clean, "api_key": client.key})
    assert answer.status_code in (201, 400, 403, 404)
    xml(answer, answer.status_code)
    asked = client.client.get("/open311/v2/requests.json", query_string={**clean, "api_key": client.key})
    assert asked.status_code in (200, 400, 404)
