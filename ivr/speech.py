"""Numbers, digits, dates, times and money as words, in Mandarin and English.

The speech engine is never given figures: 13800138000 would be read as 138 hundred
million. Pure functions; `lang` is ``zh`` or ``en``; ValueError for what cannot be said.
"""

import re
from datetime import date, datetime, time

NUMBER_MAX = 10**12 - 1
DIGITS_MAX = 40

_ZH_DIGITS = "零一二三四五六七八九"
_ZH_PLACES = ("", "十", "百", "千")
_ZH_SECTIONS = ("", "万", "亿")
# fmt: off
_EN_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_EN_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_SECTIONS = ("", "thousand", "million", "billion")
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)
# fmt: on
_EN_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_DAY_PARTS = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))


def number(value: int, lang: str) -> str:
    """A whole number: 一百零五, one hundred and five. Up to `NUMBER_MAX` either side of zero."""
    if abs(value) > NUMBER_MAX:
        raise ValueError(f"{value} is too large to be said")
    if value < 0:
        return ("负" if lang == "zh" else "minus ") + number(-value, lang)
    return _zh_number(value) if lang == "zh" else _en_number(value)


def count(value: int, lang: str) -> str:
    """How many of something: as `number`, but a lone two is 两 before a measure word."""
    return "两" if lang == "zh" and value == 2 else number(value, lang)


def _zh_number(value: int) -> str:
    if value == 0:
        return "零"
    words, gap = "", False
    for section in range(2, -1, -1):
        part = value // 10_000**section % 10_000
        if part == 0:
            gap = True
            continue
        if words and (gap or part < 1000):
            words += "零"
        gap = False
        unit = _ZH_SECTIONS[section]
        words += ("两" if part == 2 and unit else _zh_section(part)) + unit
    return words.removeprefix("一") if words.startswith("一十") else words


def _zh_section(value: int) -> str:
    """1 to 9999, with 两 before 百 and 千 and one 零 for any gap."""
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit == 0:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + ("两" if digit == 2 and place >= 2 else _ZH_DIGITS[digit])
        words += _ZH_PLACES[place]
        gap = False
    return words


def _en_number(value: int) -> str:
    if value == 0:
        return "zero"
    words: list[str] = []
    for section in range(3, -1, -1):
        part = value // 1000**section % 1000
        if part == 0:
            continue
        if words and section == 0 and part < 100:
            words.append("and")
        words.append(f"{_en_section(part)} {_EN_SECTIONS[section]}".strip())
    return " ".join(words)


def _en_section(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{_EN_SMALL[hundreds]} hundred"] if hundreds else []
    if rest:
        words.append(_en_below_100(rest))
    return " and ".join(words)


def _en_below_100(value: int) -> str:
    if value < 20:
        return _EN_SMALL[value]
    tens, ones = divmod(value, 10)
    return _EN_TENS[tens] + (f"-{_EN_SMALL[ones]}" if ones else "")


def digits(text: str, lang: str, phone: bool = False) -> str:
    """Each figure by itself: 一零二三; with `phone` one is 幺, which cannot be taken for 七."""
    if not re.fullmatch(rf"[0-9*#]{{1,{DIGITS_MAX}}}", text):
        raise ValueError(f"“{text}” is not a string of digits")
    if lang == "zh":
        table = {**dict(zip("0123456789", _ZH_DIGITS, strict=True)), "*": "星", "#": "井"}
        if phone:
            table["1"] = "幺"
        return "".join(table[key] for key in text)
    table = {**dict(zip("0123456789", _EN_SMALL, strict=False)), "*": "star", "#": "hash"}
    return " ".join(table[key] for key in text)


def phone(text: str, lang: str) -> str:
    """A telephone number in groups of three or four: 幺三八，零零幺三，八零零零."""
    return _grouped(text, _phone_groups(len(text)), lang)


def ticket(text: str, lang: str) -> str:
    """A ticket number in groups of four with a pause after each: 二零二六，幺幺二二，….

    Fifteen digits are 4-4-4-3; a single digit is never left alone.
    """
    sizes = [4] * (len(text) // 4)
    rest = len(text) % 4
    if rest == 1 and sizes:
        sizes[-1:] = [3, 2]
    elif rest:
        sizes.append(rest)
    return _grouped(text, sizes, lang)


def _phone_groups(length: int) -> list[int]:
    """11 digits are 3-4-4 (mobile), 8 are 4-4, 7 are 3-4; short service numbers stay whole."""
    if length <= 6:
        return [length]
    return [length % 4] * bool(length % 4) + [4] * (length // 4)


def _grouped(text: str, sizes: list[int], lang: str) -> str:
    groups, start = [], 0
    for size in sizes or [len(text)]:
        groups.append(digits(text[start : start + size], lang, phone=True))
        start += size
    return ("，" if lang == "zh" else ", ").join(groups)


def day(value: date, lang: str) -> str:
    """A date: 二〇二六年十一月二十二日, November twenty-second, twenty twenty-six."""
    if lang == "zh":
        year = digits(str(value.year), "zh").replace("零", "〇")
        return f"{year}年{number(value.month, 'zh')}月{number(value.day, 'zh')}日"
    return f"{_EN_MONTHS[value.month - 1]} {_ordinal(value.day)}, {_en_year(value.year)}"


def _ordinal(value: int) -> str:
    head, dash, last = _en_below_100(value).rpartition("-")
    if last in _EN_ORDINALS:
        return head + dash + _EN_ORDINALS[last]
    return head + dash + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")


def _en_year(year: int) -> str:
    century, rest = divmod(year, 100)
    if year < 1000 or (century % 10 == 0 and rest < 10):
        return _en_number(year)
    if rest == 0:
        return f"{_en_below_100(century)} hundred"
    return f"{_en_below_100(century)} {'oh ' if rest < 10 else ''}{_en_below_100(rest)}"


def clock(value: time, lang: str) -> str:
    """A time of day to the minute: 下午三点零五分, three oh five p.m."""
    hour, minute = value.hour, value.minute
    twelve = (hour - 1) % 12 + 1
    if lang == "zh":
        part = next(word for end, word in _DAY_PARTS if hour < end)
        hours = count(0 if hour == 0 else twelve, "zh")
        minutes = "整" if minute == 0 else ("零" if minute < 10 else "") + number(minute, "zh") + "分"
        return f"{part}{hours}点{minutes}"
    minutes = " oh " + _EN_SMALL[minute] if 0 < minute < 10 else f" {_en_below_100(minute)}" if minute else ""
    return f"{_EN_SMALL[twelve]}{minutes} {'a.m.' if hour < 12 else 'p.m.'}"


def money(fen: int, lang: str) -> str:
    """An amount in fen (1/100 yuan): 一百零五元六角二分, one hundred and five yuan sixty-two fen."""
    if fen < 0:
        return ("负" if lang == "zh" else "minus ") + money(-fen, lang)
    yuan, rest = divmod(fen, 100)
    if lang == "en":
        words = [f"{number(yuan, 'en')} yuan"] if yuan or not rest else []
        return " ".join([*words, f"{number(rest, 'en')} fen"] if rest else words)
    jiao, single = divmod(rest, 10)
    words_zh = f"{count(yuan, 'zh')}元" if yuan or not rest else ""
    if not rest:
        return words_zh + "整"
    words_zh += f"{_ZH_DIGITS[jiao]}角" if jiao else "零" if yuan else ""
    return words_zh + (f"{_ZH_DIGITS[single]}分" if single else "")


def when(text: str) -> datetime:
    """A moment from ISO 8601 text: ``2026-11-22``, ``2026-11-22T15:05:00+08:00`` (taken as local)."""
    return datetime.fromisoformat(text)
