"""`hotline admission`: what would happen to a call, by the configuration as it is written now."""

import argparse
import sys
import time
from datetime import date

import msgspec

from appliance.calls.admission import Decision, Enter, Refuse, decide, kinds
from appliance.configuration import load
from appliance.places import places
from appliance.publish import admission
from appliance.rules import minute
from hardware.line import Ringing


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--at", default="", help='local time, "2026-10-01 03:00" (else now)')
    parser.add_argument("--caller", default="", help="the caller's number (else withheld)")
    parser.add_argument("--called", default="", help="the number dialled (else the first hotline number)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Decide and say so."""
    configuration = load(places(options.data))
    try:
        at_s = minute(options.at) if options.at else time.time()
    except ValueError:
        print(f'hotline: "{options.at}" is no time like "2026-10-01 03:00"', file=sys.stderr)
        return 2
    rules = admission(configuration)
    called = options.called or next(iter(configuration.site.numbers), "")
    decision = decide(Ringing(options.caller or None, called), rules, at_s)
    today = date.fromtimestamp(at_s)
    if options.json:
        facts = {
            "at": time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s)),
            "day": sorted(kinds(today, rules.days)),
            "decision": type(decision).__name__.lower(),
            **msgspec.to_builtins(decision),
        }
        print(msgspec.json.encode(facts).decode())
    else:
        print(told(decision))
    return 0


def told(decision: Decision) -> str:
    """Write a decision as a sentence."""
    match decision:
        case Refuse(cause, rule):
            return f"refused with cause {cause} ({cause.name.lower()}), by {rule}"
        case Enter(flow, rule):
            return f"enters the flow {flow}, by " + (f"band {rule}" if rule else "no band: the default")
        case _:
            return f"hears the flow {decision.flow} and is hung up, by {decision.rule}"
