"""The file of a case: story as PDF and page, letters, events, list of recordings, and the sums of all."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance import zipping
from appliance.blobs.sounds import Sounds, suffix_of
from appliance.casefile.page import page
from appliance.casefile.story import Sound, Story, sheet
from appliance.events import Event
from appliance.letters import register
from appliance.letters.blanking import bare, redacted_words
from appliance.letters.pdf import pdf
from appliance.letters.seals import Seals
from appliance.store.store import Store
from appliance.tickets.redaction import readable

PIECE = 1 << 20
ABSENT = "此站点没有该录音文件"
Parts = Iterator[tuple[str, Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the package as it was written."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a package takes its parts from."""

    store: Store
    sounds: Sounds
    seals: Seals
    centre: str
    fonts: Sequence[Path] = ()


def pieces(source: Source, story: Story, made_s: float, sound: bool) -> Iterator[bytes]:
    """Give the bytes of the ZIP in turn; raises NotMade before the first when a sheet cannot be printed.

    Without sound the same case at the same `made_s` gives the same bytes.
    """
    papers = _papers(source, story, made_s)
    return zipping.pieces(_files(source, story, made_s, papers, sound), made_s)


def name_of(story: Story) -> str:
    """Return what the package is called."""
    return f"case-{story.ticket.number}.zip"


def _papers(source: Source, story: Story, made_s: float) -> dict[str, bytes]:
    """What is printed, all of it before anything is sent."""
    papers = {"case.pdf": pdf(sheet(story, source.centre, made_s), fonts=source.fonts)}
    for nth, letter in enumerate(story.letters, 1):
        document = register.document_of(source.store, letter)
        seal = source.seals.image(document.seal) if document.seal else b""
        mark = "void" if letter.voided_s is not None else ""
        papers[f"letters/{nth:03d}-{letter.template}.pdf"] = pdf(document, seal, mark, source.fonts)
    return papers


def _files(source: Source, story: Story, made_s: float, papers: Mapping[str, bytes], sound: bool) -> Parts:
    parts: list[Part] = []
    wrote: Callable[[Part], None] = parts.append
    for name, data in papers.items():
        yield name, _counted(name, iter([data]), wrote)
    events = told(source.store.history(story.ticket.tid))
    yield "events.jsonl", _counted("events.jsonl", (_line(event) for event in events), wrote)
    heard: dict[str, str] = {}
    for nth, one in enumerate(story.sounds, 1):
        file = _found(source.sounds, one) if sound else None
        if file is not None:
            heard[one.rid] = f"sound/{nth:03d}-{one.rid[:8]}.{suffix_of(file)}"
            yield heard[one.rid], _counted(heard[one.rid], _read(file), wrote)
    table = _table(story.sounds, heard, sound).encode()
    yield "recordings.csv", _counted("recordings.csv", iter([table]), wrote)
    shown = page(story, source.centre, made_s, list(papers), heard, parts).encode()
    yield "index.html", _counted("index.html", iter([shown]), wrote)
    yield "manifest.json", _counted("manifest.json", iter([_manifest(story, made_s, parts)]), wrote)
    yield "SHA256SUMS", iter(["".join(f"{part.sha256}  {part.name}\n" for part in parts).encode()])


def told(history: Sequence[Event]) -> list[Event]:
    """The events of a case as they may be shown: without what was redacted since."""
    shown = []
    for event in readable(history):
        words = redacted_words(history, event.eid) if event.kind == register.ISSUED else []
        shown.append(bare(event, words) if words else event)
    return shown


def _counted(name: str, data: Iterator[bytes], wrote: Callable[[Part], None]) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for piece in data:
        digest.update(piece)
        size += len(piece)
        yield piece
    wrote(Part(name, size, digest.hexdigest()))


def _found(sounds: Sounds, one: Sound) -> Path | None:
    """The file of a recording; one whose storage cannot be reached now is not there."""
    try:
        return None if one.removed else sounds.file(one.path, one.site, one.sha256, one.stored)
    except OSError:
        return None


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            yield piece


def _line(event: Event) -> bytes:
    head = {
        "eid": event.eid.hex(),
        "subject": event.subject.hex(),
        "kind": event.kind,
        "ver": event.ver,
        "site": event.site,
        "at_s": event.at_s,
    }
    return json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "facts": ' + event.body + b"}\n"


def _manifest(story: Story, made_s: float, parts: Sequence[Part]) -> bytes:
    ticket = story.ticket
    facts = {
        "ticket": ticket.number,
        "tid": ticket.tid.hex(),
        "state": ticket.state,
        "last_event": ticket.last_eid.hex(),
        "made_s": made_s,
        "parts": [{"name": part.name, "size": part.size, "sha256": part.sha256} for part in parts],
    }
    return json.dumps(facts, ensure_ascii=False, indent=1).encode() + b"\n"


def _table(sounds: Sequence[Sound], heard: Mapping[str, str], asked: bool) -> str:
    """The recordings as CSV, with the mark spreadsheets know UTF-8 by."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("file", "rid", "made", "kind", "seconds", "sha256", "remark"))
    for one in sounds:
        remark = one.removed or (ABSENT if asked and one.rid not in heard else "")
        row = (heard.get(one.rid, ""), one.rid, one.at, one.kind, f"{one.seconds:.1f}", one.sha256, remark)
        writer.writerow(row)
    return "\ufeff" + text.getvalue()
