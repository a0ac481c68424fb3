"""`hotline carry`: streams between a site and the hub by a stick, for a site without any line."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from peewee import OperationalError

from appliance.blobs.storage import opened
from appliance.configuration import load
from appliance.places import Places, places
from appliance.refused import Refused
from appliance.store.opening import open_store
from appliance.store.outbox import HUB, peer_name
from appliance.words import N_
from sync.carry.carrier import FILES_BYTES, LIMIT_BYTES, Carrier
from sync.carry.keys import trust, trusted
from sync.streams import Unwritable

NOT_HERE = N_("This box cannot do it now (%(why)s).")
MB = 1024 * 1024
Answer = Mapping[str, object]
FILES_OUT = {
    "files_left": "found no room and come with the next stick",
    "files_damaged": "are damaged on this box and did not travel: see hotline recording verify",
}
FILES_IN = {
    "files_spare": "were here already or are not needed",
    "files_left": "have no room here: free some of the disk, then read the stick again",
    "files_damaged": "are damaged on the stick: they come anew with the next one",
}


def _export(carrier: Carrier, options: argparse.Namespace) -> Answer:
    limit = min(options.limit_mb * MB, LIMIT_BYTES)
    files_limit = max(options.files_mb, 0) * MB
    done = carrier.export(options.peer, Path(options.to), limit, options.everything, files_limit)
    answer: Answer = msgspec.to_builtins(done)
    return answer


def _import(carrier: Carrier, options: argparse.Namespace) -> Answer:
    answer: Answer = msgspec.to_builtins(carrier.take(Path(options.file)))
    return answer


def _key(carrier: Carrier, options: argparse.Namespace) -> Answer:
    public = carrier.keys.public(carrier.store.site)
    name = peer_name(carrier.store.site)
    answer: dict[str, object] = {"peer": name, "fingerprint": public.fingerprint}
    if options.to:
        path = Path(options.to)
        path = path / f"{name}.hotline-key" if path.is_dir() else path
        path.write_bytes(public.to_file())
        return {**answer, "path": str(path)}
    rows = carrier.store.rows("SELECT name, site FROM peer ORDER BY site")
    known = {name: trusted(carrier.store, site) for name, site in rows}
    return {**answer, "known": {name: one.fingerprint if one else "" for name, one in known.items()}}


def _trust(carrier: Carrier, options: argparse.Namespace) -> Answer:
    public = trust(carrier.store, Path(options.file).read_bytes())
    return {"peer": peer_name(public.site), "fingerprint": public.fingerprint}


DOES: Mapping[str, Callable[[Carrier, argparse.Namespace], Answer]] = {
    "export": _export,
    "import": _import,
    "key": _key,
    "trust": _trust,
}


def main(arguments: list[str] | None = None) -> int:
    """Do one of these, and say in a sentence or as JSON what came of it."""
    options = _parser().parse_args(arguments)
    where = places(options.data).make()
    try:
        answer = _do(where, options)
    except Refused as error:
        return _refuse(error, options.json)
    except (OSError, OperationalError, Unwritable) as error:
        return _refuse(Refused("store", NOT_HERE, why=error), options.json)
    print(msgspec.json.encode(answer).decode() if options.json else _sentence(options.does, answer))
    return 0


def _refuse(error: Refused, for_programs: bool) -> int:
    if for_programs:
        told = {"refused": error.word, "sentence": error.sentence, "values": error.values}
        print(msgspec.json.encode(told, enc_hook=str).decode())
    else:
        print(f"hotline: {error}", file=sys.stderr)
    return 1


def _do(where: Places, options: argparse.Namespace) -> Answer:
    configuration = load(where)
    store = open_store(where, configuration, bind=False, site=options.site)
    blobs = opened(configuration.storage, where)
    with store.connection():
        carrier = Carrier(where, store, blobs=blobs, free_percent=configuration.sync.free_percent)
        return DOES[options.does](carrier, options)


def _sentence(does: str, answer: Answer) -> str:
    match does:
        case "export":
            left = f"; {answer['left']} more come with the next file" if answer["left"] else ""
            events = f"{answer['path']}: {answer['events']} events for {answer['peer']}{left}"
            return "\n".join([events, *_files(answer, "beside it", FILES_OUT)])
        case "import":
            anew = "; it had lost its memory, or this box had: carry once more both ways"
            came = f"{answer['events']} events of {answer['peer']} were new"
            events = f"{came}; it has {answer['confirmed']} of ours{anew if answer['anew'] else ''}"
            return "\n".join([events, *_files(answer, "new", FILES_IN)])
    return "\n".join(f"{name} {value}" for name, value in answer.items())


def _files(answer: Answer, what: str, more: Mapping[str, str]) -> list[str]:
    """What became of recordings and other files; nothing where there were none."""
    told = [f"{answer[name]} {words}" for name, words in more.items() if answer[name]]
    if not (answer["files"] or told):
        return []
    return ["; ".join([f"{answer['files']} files {what} ({_mb(answer['files_size'])})", *told])]


def _mb(size: object) -> str:
    return f"{int(str(size)) / MB:.1f} MB"


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="hotline carry", description=__doc__)
    top.add_argument("--data", help=argparse.SUPPRESS)
    top.add_argument("--site", type=int, help="site number instead of the configured one; 0 is the hub")
    top.add_argument("--json", action="store_true", help="answer as JSON")
    commands = top.add_subparsers(dest="does", required=True)
    export = commands.add_parser("export", help="write a file for a peer")
    export.add_argument("--to", required=True, help="a file, or a folder (the stick)")
    export.add_argument("--peer", default=HUB, help="hub, or site-NNN at the hub")
    export.add_argument("--limit-mb", type=int, default=LIMIT_BYTES // MB, help="size of the file")
    export.add_argument(
        "--files-mb",
        type=int,
        default=FILES_BYTES // MB,
        help="so much of recordings and other files in a folder beside it; 0: none",
    )
    export.add_argument("--everything", action="store_true", help="for a new box: all, not only what is new")
    commands.add_parser("import", help="read a file of a peer").add_argument("file")
    commands.add_parser("key", help="show whose keys are known, or write this box's key file").add_argument(
        "--to"
    )
    commands.add_parser("trust", help="remember the key file of a peer").add_argument("file")
    return top


if __name__ == "__main__":
    sys.exit(main())
