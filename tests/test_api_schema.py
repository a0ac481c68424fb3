"""Whatever other programs send: no fault of ours, and no answer that is not described."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from appliance.outside.tokens import SCOPES, Tokens
from appliance.people import ROLES, Actor
from tests.api_programs import REPAIR
from tests.web_pages import QUICK, Web, demo_configuration, open_web
from web.api.endpoint import PREFIX
from web.api.table import TABLE

schemathesis.checks.load_all_checks()
ADMINISTRATOR = Actor("9000", "管理员", frozenset({"AD"}))
EXAMPLES = {"positive": 10, "negative": 5}
LOOKED_AT = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
    "missing_required_header",
)


def wrong(case: Case[Any], *where: str) -> bool:
    """Whether a case was made wrong where we leave it as it is: we set the token, so not in the headers."""
    parts = case.meta.components.items() if case.meta else ()
    found = {place.value for place, part in parts if part.mode is GenerationMode.NEGATIVE}
    return bool(found & set(where or ("path", "query", "body")))


class Fuzzed:
    """A demo box whose API is asked by somebody of every role, with a token for everything."""

    def __init__(self, folder: Path) -> None:
        quick = msgspec.structs.replace(demo_configuration().api, per_minute=60_000)
        self.web: Web = open_web(folder, api=quick)
        self.web.box.people._hasher = QUICK
        self.web.box.people.create_person("5000", "万能", "all-of-it-1234", ROLES)
        self.token = Tokens(self.web.box.store).create(ADMINISTRATOR, "fuzz", "试", SCOPES, person="5000")
        self.schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", self.web.app)
        box, rows = self.web.box, self.web.box.store.rows
        self.real = {
            "number": [number for (number,) in rows("SELECT number FROM ticket")],
            "recording": [bytes(rid).hex() for (rid,) in rows("SELECT rid FROM recording")],
            "call": [bytes(cid).hex() for (cid,) in rows("SELECT cid FROM call")],
            "customer": [
                box.customers.create(
                    ADMINISTRATOR, {"name": f"张{n}", "numbers": [f"1000000010{n}"]}
                ).cid.hex()
                for n in range(3)
            ],
            "kind": ["tag", "unit", "category"],
            "key": ["media", "lamp", "1001"],
            "day": ["2026-05-04"],
            "workflow": ["standard@0", "urge@0"],
        }

    def operation(self, name: str) -> Any:
        """An operation of the description by its name."""
        for result in self.schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]  # ours is sound, or the test fails
            if operation.definition.raw["operationId"] == name:
                return operation
        raise AssertionError(name)

    def aimed(self, case: Case[Any]) -> Case[Any]:
        """Point most cases at something that is there."""
        for place in case.path_parameters or {}:
            if not wrong(case, "path") and self.real.get(place) and "people" not in case.operation.path:
                chance = random.Random(case.id)
                if chance.random() < 0.8:
                    case.path_parameters[place] = chance.choice(self.real[place])
        return case


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Fuzzed:
    return Fuzzed(tmp_path_factory.mktemp("box"))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("name", [endpoint.name for endpoint in TABLE])
def test_an_endpoint_answers_as_described_whatever_it_is_sent(
    box: Fuzzed, name: str, mode: GenerationMode
) -> None:
    operation = box.operation(name)

    @settings(max_examples=EXAMPLES[mode.value], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        case.headers["Authorization"] = f"Bearer {box.token}"
        aimed = box.aimed(case)
        answer = aimed.call()
        # Too large is refused as such, before it is looked into.
        judged = wrong(case) and answer.status_code != 413
        moot = set() if judged else {"negative_data_rejection"}
        if mode is GenerationMode.NEGATIVE:
            moot.add("ignored_auth")  # our token took the place of a wrong one
        wanted = [check for check in LOOKED_AT if check not in moot]
        checks: list[Any] = [CHECKS.get_one(check) for check in wanted]
        aimed.validate_response(answer, checks=checks)

    ask()


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9), texts=st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_walk_over_the_buttons_ends_in_no_fault_of_ours(box: Fuzzed, seed: int, texts: list[str]) -> None:
    """Moves that may be made, with fields of any content, one after the other."""
    client, heads, chance = (
        box.web.app.test_client(),
        {"Authorization": f"Bearer {box.token}"},
        random.Random(seed),
    )
    made = client.post("/api/v1/tickets", headers=heads, json={**REPAIR, "category": "1001"}).json
    assert made is not None
    path = f"/api/v1/tickets/{made['number']}/moves"
    for _ in range(8):
        offered = client.get(path, headers=heads).json
        assert offered is not None
        if not offered["moves"]:
            return
        move = chance.choice(offered["moves"])
        fields = {
            field["name"]: content(field, chance, texts)
            for field in move["fields"]
            if field["needed"] or chance.random() < 0.3
        }
        answer = client.post(path, headers=heads, json={"move": move["move"], "fields": fields})
        assert answer.status_code in (200, 403, 404, 409, 422), answer.text


def content(field: dict[str, Any], chance: random.Random, texts: list[str]) -> Any:
    """What may stand in a field, or nearly."""
    if field["choices"]:
        return chance.choice(field["choices"])
    known: dict[str, list[Any]] = {
        "flag": [True, False],
        "days": [1, 5, 60],
        "date": ["2026-12-31", "2027-02-30", "2027-01-01"],
        "unit": ["lamp", "water", "no-such"],
        "units": [[], ["lamp"], ["water", "road", "gas"]],
    }
    return chance.choice(known.get(field["type"], [*texts, "已办理", "已办理"]))
