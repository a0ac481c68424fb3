"""A web worker over the bench's database: pages are asked for, its greatest memory printed in MB."""

import re
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.demo_data import DEMO_PASSWORD, QUICK
from appliance.people import People
from appliance.places import Places
from tests.web_pages import demo_configuration
from web.application import create_app
from web.context import COOKIE

VISITORS = 4
PAGES = (
    "/tickets",
    "/tickets?list=handling",
    "/tickets?list=closed&sort=changed",
    "/tickets?list=all&text=%E8%B7%AF%E7%81%AF",
    "/tickets?list=all&text=%E5%99%AA%E9%9F%B3+%E5%B0%8F%E5%8C%BA",
    "/tickets?list=all&at=last",
)
ROUNDS = 4


def main() -> None:
    """Ask, and say."""
    app = create_app(Places(Path(sys.argv[1])).make(), demo_configuration(), running=False)
    store = app.extensions["box"].store
    people = People(store, hasher=QUICK)
    if not store.rows("SELECT 1 FROM person WHERE number = '7001'"):
        people.create_person("7001", "测试", DEMO_PASSWORD, ["DP"], must_change=False)
    token = people.sign_in("7001", DEMO_PASSWORD)

    def visit(_: int) -> None:
        client = app.test_client()
        client.set_cookie(COOKIE, token)
        for _ in range(ROUNDS):
            for path in PAGES:
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)
            number = re.search(r"ticket-(\d{15})", answer.text)
            assert number is not None
            assert client.get(f"/tickets/{number[1]}").status_code == 200

    with ThreadPoolExecutor(VISITORS) as pool:
        list(pool.map(visit, range(VISITORS)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
