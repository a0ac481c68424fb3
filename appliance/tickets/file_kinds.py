"""What kind a file is, told by its content: only what is in this table is taken, whatever its name says."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

HEAD_BYTES = 4096
MACROS = "vbaProject.bin"
ENTRIES_MOST = 5000


@dataclass(frozen=True, slots=True)
class FileKind:
    """A media type, how names of such files end, and whether browsers may show it in a page."""

    type: str
    endings: tuple[str, ...]
    image: bool = False


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """A container of ISO media: MP4, QuickTime, HEIC."""
    return lambda data: data[4:8] == b"ftyp" and data[8:12] in brands


def _office(folder: str) -> Callable[[bytes], bool]:
    """A document of Office without macros."""

    def is_one(data: bytes) -> bool:
        if not data.startswith(b"PK\x03\x04"):
            return False
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as inside:
                names = inside.namelist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            return False
        there = "[Content_Types].xml" in names and any(name.startswith(folder) for name in names)
        return there and len(names) <= ENTRIES_MOST and not any(name.endswith(MACROS) for name in names)

    return is_one


def _text(data: bytes) -> bool:
    if not data or any(byte < 32 and byte not in (9, 10, 12, 13) for byte in set(data)):
        return False
    for coding in ("utf-8", "gb18030"):
        try:
            text = data.decode(coding)
        except UnicodeDecodeError:
            continue
        return not text.lstrip("\ufeff \t\r\n").startswith("<")
    return False


KINDS: Mapping[FileKind, Callable[[bytes], bool]] = {
    FileKind("image/jpeg", (".jpg", ".jpeg"), image=True): lambda d: d.startswith(b"\xff\xd8\xff"),
    FileKind("image/png", (".png",), image=True): lambda d: d.startswith(b"\x89PNG\r\n\x1a\n"),
    FileKind("image/gif", (".gif",), image=True): lambda d: d[:6] in (b"GIF87a", b"GIF89a"),
    FileKind("image/webp", (".webp",), image=True): lambda d: d[:4] == b"RIFF" and d[8:12] == b"WEBP",
    FileKind("image/heic", (".heic", ".heif")): _brand(b"heic", b"heix", b"mif1", b"msf1"),
    FileKind("application/pdf", (".pdf",)): lambda d: d.startswith(b"%PDF-"),
    FileKind("audio/wav", (".wav",)): lambda d: d[:4] == b"RIFF" and d[8:12] == b"WAVE",
    FileKind("audio/amr", (".amr",)): lambda d: d.startswith(b"#!AMR"),
    FileKind("audio/mp4", (".m4a",)): _brand(b"M4A "),
    FileKind("audio/mpeg", (".mp3",)): lambda d: d[:3] == b"ID3" or d[:2] in (b"\xff\xfb", b"\xff\xf3"),
    FileKind("video/mp4", (".mp4", ".m4v")): _brand(b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"M4V "),
    FileKind("video/quicktime", (".mov",)): _brand(b"qt  "),
    FileKind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (".docx",)): _office(
        "word/"
    ),
    FileKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (".xlsx",)): _office("xl/"),
    FileKind("text/plain", (".txt", ".log", ".csv")): _text,
}
"""Neither HTML nor SVG is among them: both can hold scripts."""
BY_TYPE: Mapping[str, FileKind] = {kind.type: kind for kind in KINDS}


def kind_of(data: bytes) -> FileKind | None:
    """The kind of a whole file; None for one that is not taken."""
    return next((kind for kind, is_one in KINDS.items() if is_one(data)), None)
