"""The page of a case's file: one HTML file that shows the story and leads to its parts, offline."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Protocol

from appliance.casefile.story import Story
from appliance.letters.facts import minute

Words = tuple[str, str]
"""Chinese and English."""
STYLE = """
body { font: 14px/1.6 "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; margin: 24px auto; max-width: 1100px;
  padding: 0 18px; color: #17202e; }
h1 { font-size: 21px; margin: 0; } h2 { font-size: 16px; margin: 26px 0 8px; }
header { display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap; justify-content: space-between; }
button { font: inherit; padding: 4px 12px; border: 1px solid #9db0c8; border-radius: 6px; background: #fff; }
table { border-collapse: collapse; width: 100%; } .facts th { width: 150px; }
th, td { border: 1px solid #d8e0ea; padding: 5px 9px; text-align: left; vertical-align: top;
  white-space: pre-wrap; overflow-wrap: anywhere; }
th { background: #f2f5f9; } code { font-size: 11px; overflow-wrap: anywhere; } .void { color: #b3261e; }
audio { width: 260px; height: 34px; }
:root:not([lang^=zh]) .zh, :root[lang^=zh] .en { display: none; }
@media (max-width: 700px) { th, td { padding: 4px 6px; } .facts th { width: 90px; } }
"""
SCRIPT = """
const root = document.documentElement;
const speak = (lang) => (root.lang = lang);
const other = () => (root.lang.startsWith("zh") ? "en" : "zh-CN");
document.getElementById("language").addEventListener("click", () => speak(other()));
speak((navigator.language || "zh").startsWith("zh") ? "zh-CN" : "en");
"""
CHECK: Words = (
    "核对：sha256sum -c SHA256SUMS；清单见 manifest.json，事件原文见 events.jsonl。",
    "To check: sha256sum -c SHA256SUMS. List of parts: manifest.json. Events as recorded: events.jsonl.",
)


class Written(Protocol):
    """A part with its sum."""

    @property
    def name(self) -> str:
        """Its path inside the package."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        ...


def page(
    story: Story,
    centre: str,
    made_s: float,
    papers: Sequence[str],
    heard: Mapping[str, str],
    parts: Sequence[Written],
) -> str:
    """Write it; every value is text from outside and escaped."""
    ticket = story.ticket
    title = f"{ticket.number} {ticket.title}".strip()
    made = _both(("成卷时间", "Made")) + " " + escape(minute(made_s))
    facts = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in story.facts)
    told = "".join(_row(t.at, t.what, t.who, t.text) for t in story.told)
    letters = "".join(
        "<tr>"
        + _link(paper, letter.number)
        + _cells(letter.called, minute(letter.at_s), f"{letter.by} {letter.name}", letter.title)
        + (
            f'<td class="void">{escape(letter.voided_why)}</td>'
            if letter.voided_s is not None
            else "<td></td>"
        )
        + "</tr>"
        for paper, letter in zip(papers[1:], story.letters, strict=True)
    )
    sounds = "".join(
        f"<tr>{_cells(s.at, s.kind, f'{s.seconds:.0f} s')}<td>{_sound(heard.get(s.rid, ''))}</td>"
        f"<td><code>{escape(s.removed or s.sha256)}</code></td></tr>"
        for s in story.sounds
    )
    sums = "".join(
        f"<tr>{_link(p.name, p.name)}{_cells(str(p.size))}<td><code>{p.sha256}</code></td></tr>"
        for p in parts
    )
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<header><h1>{escape(title)}</h1><button id="language"><span class="zh">English</span>'
        '<span class="en">中文</span></button></header>'
        f"<p>{escape(centre)} · {escape(story.state)} · {made} ·"
        f' <a href="case.pdf">{_both(("全卷 PDF", "All as PDF"))}</a></p>'
        f"{_section(('基本信息', 'Facts'), facts, 'facts')}{_section(('办理过程', 'Story'), told)}"
        f"{_section(('公文', 'Letters'), letters)}{_section(('录音', 'Recordings'), sounds)}"
        f"{_section(('文件清单', 'Parts'), sums)}<p>{_both(CHECK)}</p>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _section(words: Words, rows: str, cls: str = "") -> str:
    table = f'<table class="{cls}"><tbody>\n{rows}</tbody></table>' if rows else "<p>—</p>"
    return f"<h2>{_both(words)}</h2>{table}"


def _row(*cells: str) -> str:
    return f"<tr>{_cells(*cells)}</tr>\n"


def _cells(*cells: str) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _link(path: str, text: str) -> str:
    return f'<td><a href="{escape(path)}">{escape(text)}</a></td>'


def _sound(path: str) -> str:
    return f'<audio controls preload="none" src="{escape(path)}"></audio>' if path else "—"


def _both(words: Words) -> str:
    return f'<span class="zh">{escape(words[0])}</span><span class="en">{escape(words[1])}</span>'
