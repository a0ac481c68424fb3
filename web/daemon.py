"""The unit `web`: becomes gunicorn, listening where the configuration says."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from appliance.configuration import BadConfiguration, Configuration, load
from appliance.places import ENVIRONMENT, places

BIND = "HOTLINE_WEB_BIND"
DEMO = "HOTLINE_WEB_DEMO"
CONFIG = Path(__file__).parent / "gunicorn_conf.py"


def main(arguments: list[str] | None = None) -> int:
    """Run the pages; returns only when they cannot start."""
    parser = argparse.ArgumentParser(prog="web", description="Serve the pages of the box.")
    parser.add_argument("--data", help="data folder of the box")
    parser.add_argument("--ip", help="address to listen on instead of the configured one")
    parser.add_argument("--port", type=int, help="port to listen on instead of the configured one")
    parser.add_argument("--demo", action="store_true", help="demonstration, whatever the configuration says")
    asked = parser.parse_args(arguments)
    here = places(asked.data).make()
    try:
        configuration = load(here)
    except BadConfiguration as error:
        print(error, file=sys.stderr)
        return 2
    os.environ[ENVIRONMENT] = str(here.data)
    os.environ[BIND] = f"{asked.ip or configuration.web.ip}:{asked.port or configuration.web.port}"
    if asked.demo:
        os.environ[DEMO] = "1"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(CONFIG)])


def overridden(configuration: Configuration, environment: Mapping[str, str]) -> Configuration:
    """Return the configuration with what the command line said otherwise."""
    if environment.get(DEMO):
        return msgspec.structs.replace(configuration, demo=True)
    return configuration


if __name__ == "__main__":
    sys.exit(main())
