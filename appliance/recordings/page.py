"""The page of an export: one HTML file that finds and plays the sounds beside it, offline, zh and en."""

from collections.abc import Iterable, Mapping
from html import escape

from appliance.recordings.verification import CHANGED, MISSING, OK, UNSEALED

Words = tuple[str, str]
"""Chinese and English."""
FOUND: Mapping[str, Words] = {
    OK: ("指纹相符", "as sealed"),
    CHANGED: ("与固化时不符", "CHANGED"),
    MISSING: ("文件缺失", "MISSING"),
    UNSEALED: ("未固化", "not sealed"),
}
KINDS: Mapping[str, Words] = {"call": ("通话", "Call"), "message": ("留言", "Message")}
OUTCOMES: Mapping[str, Words] = {
    "answered": ("已接听", "Answered"),
    "abandoned": ("排队挂断", "Abandoned"),
    "message": ("已留言", "Message"),
    "self_service": ("自助", "Self-service"),
    "lost": ("故障中断", "Lost"),
    "no_answer": ("未接通", "Not answered"),
    "refused": ("黑名单拒接", "Refused"),
}
HEAD: tuple[Words, ...] = (
    *(("时间", "Made"), ("类别", "Kind"), ("主叫", "Caller"), ("座席", "Agent"), ("队列", "Queue")),
    *(("结果", "Outcome"), ("工单", "Ticket"), ("时长", "Length"), ("录音", "Sound"), ("核对", "Check")),
)
TITLE: Words = ("录音", "Recordings")
SIDES: Words = (
    "左声道为来电者，右声道为其所听到的。全部信息见 recordings.csv；核对：sha256sum -c SHA256SUMS",
    "Left: the caller. Right: what the caller hears. All facts: recordings.csv."
    " To check: sha256sum -c SHA256SUMS",
)
FIND: Words = ("查找号码、座席、工单、时间…", "Find a number, agent, ticket, time …")
SHOWN: Words = ("条", "shown")
STYLE = """
body { font: 14px/1.5 "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; margin: 24px; color: #17202e; }
h1 { font-size: 20px; margin: 0; } table { border-collapse: collapse; width: 100%; }
header { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; position: sticky; top: 0;
  background: #fff; padding: 8px 0; }
input { font: inherit; padding: 5px 9px; min-width: 260px; border: 1px solid #9db0c8; border-radius: 6px; }
button { font: inherit; padding: 4px 12px; border: 1px solid #9db0c8; border-radius: 6px; background: #fff; }
th, td { border: 1px solid #d8e0ea; padding: 5px 9px; text-align: left; vertical-align: middle; }
th { background: #f2f5f9; } code { font-size: 11px; overflow-wrap: anywhere; }
tr:focus { outline: 2px solid #1d55a6; outline-offset: -2px; } [hidden] { display: none; }
.wrong { color: #b3261e; font-weight: 600; } audio { width: 260px; height: 34px; }
:root:not([lang^=zh]) .zh, :root[lang^=zh] .en { display: none; }
@media (max-width: 800px) { thead { display: none; } tr, td { display: block; } td { border: 0; } }
"""
SCRIPT = """
const root = document.documentElement, find = document.getElementById("find");
const rows = [...document.querySelectorAll("tbody tr")], count = document.getElementById("count");
function look() {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.every((word) => row.dataset.find.includes(word));
    if (!row.hidden) shown += 1;
  }
  count.textContent = shown;
}
function speak(lang) {
  root.lang = lang;
  find.placeholder = find.dataset[lang.startsWith("zh") ? "zh" : "en"];
}
find.addEventListener("input", look);
const other = () => (root.lang.startsWith("zh") ? "en" : "zh-CN");
document.getElementById("language").addEventListener("click", () => speak(other()));
const all = [...document.querySelectorAll("audio")];
const hush = (event) => all.forEach((one) => one !== event.target && one.pause());
document.addEventListener("play", hush, true);
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, button, audio")) return;
  const there = rows.filter((row) => !row.hidden), at = there.indexOf(document.activeElement.closest("tr"));
  const audio = at >= 0 && there[at].querySelector("audio");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "/") find.focus();
  else if (step && there.length) there[Math.max(0, Math.min(there.length - 1, at + step))].focus();
  else if (event.key === " " && audio) audio.paused ? audio.play() : audio.pause();
  else if (event.key === "ArrowRight" && audio) audio.currentTime += 5;
  else if (event.key === "ArrowLeft" && audio) audio.currentTime -= 5;
  else return;
  event.preventDefault();
});
speak((navigator.language || "zh").startsWith("zh") ? "zh-CN" : "en");
look();
"""


def page(title: str, entries: Iterable[Mapping[str, str]]) -> str:
    """Write it; every value is text from outside and escaped."""
    rows = "".join(_row(entry) for entry in entries)
    head = "".join(f"<th>{_both(words)}</th>" for words in HEAD)
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{' '.join(TITLE)} {escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{_both(TITLE)} · {escape(title)}</h1>"
        f'<input id="find" type="search" aria-label="{escape(" ".join(FIND))}"'
        f' data-zh="{escape(FIND[0])}" data-en="{escape(FIND[1])}">'
        f'<span><b id="count"></b> {_both(SHOWN)}</span>'
        '<button id="language"><span class="zh">English</span><span class="en">中文</span></button></header>'
        f"<p>{_both(SIDES)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _row(entry: Mapping[str, str]) -> str:
    sound = '<audio controls preload="none" src="{0}"></audio><br><a href="{0}">{0}</a>'
    minutes, seconds = divmod(round(float(entry["seconds"] or 0)), 60)
    agent = f"{entry['agent']} {entry['agent_name']}".strip()
    kind, outcome = (_words(KINDS, entry["kind"]), _words(OUTCOMES, entry["outcome"]))
    cells = [
        escape(entry["made"]),
        _both(kind),
        escape(entry["caller"]),
        escape(agent),
        escape(entry["queue"]),
        _both(outcome),
        escape(entry["ticket"]),
        f"{minutes:02d}:{seconds:02d}",
        sound.format(escape(entry["file"])) if entry["file"] else "—",
        _check(entry),
    ]
    names = ("made", "caller", "called", "queue", "ticket", "rid")
    words = [*(entry[name] for name in names), agent, *kind, *outcome, *FOUND[entry["found"]]]
    find = escape(" ".join(words).lower())
    return f'<tr tabindex="0" data-find="{find}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _check(entry: Mapping[str, str]) -> str:
    wrong = ' class="wrong"' if entry["found"] in (CHANGED, MISSING) else ""
    return f"<span{wrong}>{_both(FOUND[entry['found']])}</span><br><code>{escape(entry['sha256'])}</code>"


def _words(table: Mapping[str, Words], word: str) -> Words:
    return table.get(word, (word, word))


def _both(words: Words) -> str:
    return f'<span class="zh">{escape(words[0])}</span><span class="en">{escape(words[1])}</span>'
