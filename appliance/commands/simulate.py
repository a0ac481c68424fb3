"""`hotline simulate`: a GSM modem at the wire, what its mobiles do, or a network of sites in virtual time."""

import argparse
import json
import os
import socket
import sys

from appliance.places import places

SIMULATORS = {"gsm": "hardware.gsm.simulator", "sync": "sync.simulator"}
MOBILE = "mobile"
ANSWER_S = 5.0


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("what", choices=[*sorted(SIMULATORS), MOBILE], help="which simulator")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments; --help lists them")


def run(options: argparse.Namespace) -> int:
    """Become the simulator, or tell the demo's simulated mobile network what to do."""
    if options.what == MOBILE:
        return _mobile(options)
    command = [sys.executable, "-m", SIMULATORS[options.what], *options.arguments]
    os.execv(sys.executable, command)


def _mobile(options: argparse.Namespace) -> int:
    parser = argparse.ArgumentParser(prog="hotline simulate mobile")
    parser.add_argument("does", choices=("call", "press", "hangup", "sms", "sent", "state"))
    parser.add_argument("value", nargs="?", default="", help="the key to press, or the text to send")
    parser.add_argument("--from", dest="caller", default="13800005678", help="the mobile's number")
    asked = parser.parse_args(options.arguments)
    order = {"do": asked.does, **_more(asked)}
    path = places(options.data).data / "gsm" / "control"
    try:
        with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as answers:
            link.settimeout(ANSWER_S)
            link.connect(str(path))
            link.sendall(json.dumps(order).encode() + b"\n")
            answer = json.loads(answers.readline())
    except (OSError, ValueError):
        print(f"hotline: no simulated modem listens at {path}. Start one with: make run", file=sys.stderr)
        return 1
    print(json.dumps(answer, ensure_ascii=False))
    return 0 if answer.get("ok") else 1


def _more(asked: argparse.Namespace) -> dict[str, object]:
    match asked.does:
        case "call":
            return {"from": asked.caller, "tone": 440}
        case "press":
            return {"key": asked.value}
        case "sms":
            return {"from": asked.caller, "text": asked.value}
    return {}
