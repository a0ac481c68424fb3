"""What the store process does by itself: seal recordings, and have short messages sent."""

import hashlib
import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.calls.wire import Reply, Request, SendText
from appliance.events import Fact
from appliance.places import Places
from appliance.store.jobs import Again, Done, Failed, Handed, Job, Outcome

SEAL = "seal"
CHUNK = 1 << 20
ANSWER_S = 1.5
LINE_MAX = 1 << 20
HOPELESS = frozenset({"bad_number", "malformed"})
"""Refusals that no later try would change."""


class Works:
    """The work behind each kind of job; `stopping` ends a long one early, to be done again later."""

    def __init__(self, places: Places, stopping: threading.Event) -> None:
        self._places = places
        self._recordings = places.recordings.resolve()
        self._stopping = stopping

    def seal(self, job: Job) -> Outcome:
        """Compute SHA-256 and size of a recording; body: rid and call (hex), path below the recordings."""
        path = os.path.realpath(os.path.join(self._recordings, str(job.body["path"])))
        if not path.startswith(f"{self._recordings}/"):
            return Failed("the path leads out of the recordings folder")
        digest, size = hashlib.sha256(), 0
        try:
            with open(path, "rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if self._stopping.is_set():
                        return Again("the process is ending")
        except OSError as error:
            return Again(f"{os.path.basename(path)}: {error.strerror}")
        facts = {"rid": job.body["rid"], "sha256": digest.hexdigest(), "size": size}
        return Done((Fact("recording.sealed", facts, bytes.fromhex(job.body["call"])),))

    def sms(self, job: Job) -> Outcome:
        """Hand a short message to the call process; body: number, text. The outcome comes as text.sent."""
        order = SendText(str(job.body["number"]), str(job.body["text"]), job.key)
        try:
            reply = _ask(self._places.socket("calls"), Request(1, order))
        except (OSError, ValueError) as error:
            return Again(f"the call process does not answer ({error})")
        if reply.ok:
            return Handed()
        return Failed(reply.reason) if reply.reason in HOPELESS else Again(reply.reason)


def sms_failed(job: Job, reason: str) -> Sequence[Fact]:
    """What is recorded of a short message nobody could send."""
    facts = {"key": job.key, "ok": False, "reason": reason, "number": job.body["number"]}
    return (Fact("text.sent", facts, b""),)


def _ask(path: Path, request: Request) -> Reply:
    """Send one order and wait for its reply, over whatever else is said; raises OSError or ValueError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(ANSWER_S)
        link.connect(str(path))
        link.sendall(msgspec.json.encode(request) + b"\n")
        with link.makefile("rb") as lines:
            while line := lines.readline(LINE_MAX):
                if b'"ok"' in line:
                    reply = msgspec.json.decode(line, type=Reply)
                    if reply.id == request.id:
                        return reply
    raise ConnectionError("connection closed")
