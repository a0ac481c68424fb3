"""Any text made ready for the voice: figures become words, long texts become sentences.

The speech engine is never given figures. Pure; `lang` is ``zh`` or ``en``.
"""

import re
from collections.abc import Callable
from datetime import date, time

from ivr import speech

PIECE_MAX = 120
"""Letters spoken as one: a longer sentence is cut at a comma."""
DIGITS_FEW = 4
"""More figures in a row than these are a number of something, and are read one by one."""

_END = re.compile(r"(?<=[。！？；!?;\n])|(?<=\.)(?=\s)")
_COMMA = re.compile(r"(?<=[，,、:：])")
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_YEAR = re.compile(r"(?<!\d)(\d{4})(?=年)")
_CLOCK = re.compile(r"(?<![\d:：])(\d{1,2})[:：](\d{2})(?![\d:：])")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*[%％]")
_DECIMAL = re.compile(r"(?<![\d.])(\d{1,9})\.(\d{1,6})(?![\d.])")
_FIGURES = re.compile(r"\d+")


def readable(text: str, lang: str) -> str:
    """The text with every figure as words: dates, clock times, percentages, decimals, numbers."""
    text = text.translate(_WIDE)
    for pattern, words in (
        (_DATE, _date),
        (_YEAR, _year),
        (_CLOCK, _clock),
        (_SHARE, _share),
        (_DECIMAL, _decimal),
        (_FIGURES, _figures),
    ):
        text = pattern.sub(_in(words, lang), text)
    return text


def pieces(text: str) -> list[str]:
    """The text in sentences short enough to be spoken one by one."""
    found: list[str] = []
    for sentence in _END.split(text):
        piece = ""
        for part in _COMMA.split(sentence):
            if piece and len(piece) + len(part) > PIECE_MAX:
                found.append(piece)
                piece = ""
            piece += part
        found += [piece[at : at + PIECE_MAX] for at in range(0, len(piece), PIECE_MAX)]
    return [piece.strip() for piece in found if re.search(r"\w", piece)]


_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")


def _in(words: Callable[[re.Match[str], str], str], lang: str) -> Callable[[re.Match[str]], str]:
    def said(found: re.Match[str]) -> str:
        try:
            return words(found, lang)
        except ValueError:
            return found[0]

    return said


def _date(found: re.Match[str], lang: str) -> str:
    return speech.day(date(int(found[1]), int(found[2]), int(found[3])), lang)


def _year(found: re.Match[str], lang: str) -> str:
    return speech.digits(found[1], lang).replace("零", "〇")


def _clock(found: re.Match[str], lang: str) -> str:
    return speech.clock(time(int(found[1]), int(found[2])), lang)


def _share(found: re.Match[str], lang: str) -> str:
    amount = _amount(found[1], lang)
    return f"百分之{amount}" if lang == "zh" else f"{amount} percent"


def _decimal(found: re.Match[str], lang: str) -> str:
    return _amount(found[0], lang)


def _amount(text: str, lang: str) -> str:
    whole, dot, rest = text.partition(".")
    words = speech.number(int(whole), lang)
    if not dot:
        return words
    return f"{words}{'点' if lang == 'zh' else ' point '}{speech.digits(rest, lang)}"


def _figures(found: re.Match[str], lang: str) -> str:
    figures = found[0]
    if len(figures) > DIGITS_FEW or (figures.startswith("0") and len(figures) > 1):
        groups = [figures[at : at + speech.DIGITS_MAX] for at in range(0, len(figures), speech.DIGITS_MAX)]
        return "，".join(speech.phone(group, lang) for group in groups)
    return speech.number(int(figures), lang)
