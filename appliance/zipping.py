"""A ZIP written as a stream: memory holds one piece, however large the whole."""

import time
import zipfile
from collections.abc import Iterable, Iterator


def pieces(files: Iterable[tuple[str, Iterator[bytes]]], at_s: float) -> Iterator[bytes]:
    """Give the bytes of a ZIP in turn; each file's bytes are read before the next file is asked for.

    The same files at the same time `at_s` (Unix seconds) give the same bytes.
    """
    sink, at = _Sink(), time.localtime(at_s)[:6]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as out:
        for name, data in files:
            info = zipfile.ZipInfo(name, at)
            info.external_attr = 0o644 << 16  # everybody may read it
            with out.open(info, "w", force_zip64=True) as target:
                for piece in data:
                    target.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


class _Sink:
    """What the ZIP writer writes into: a file without places to go back to."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._at = 0

    def write(self, data: bytes) -> int:
        self._waiting.append(bytes(data))
        self._at += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data
