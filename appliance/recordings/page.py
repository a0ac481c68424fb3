"""The page of an export: one HTML file that plays the sounds beside it, Chinese and English, offline."""

from collections.abc import Iterable, Mapping
from html import escape

from appliance.recordings.verification import CHANGED, MISSING, OK, UNSEALED

FOUND: Mapping[str, str] = {
    OK: "指纹相符 as sealed",
    CHANGED: "与固化时不符 CHANGED",
    MISSING: "文件缺失 MISSING",
    UNSEALED: "未固化 not sealed",
}
KINDS: Mapping[str, str] = {"call": "通话 Call", "message": "留言 Message"}
OUTCOMES: Mapping[str, str] = {
    "answered": "已接听 Answered",
    "abandoned": "排队挂断 Abandoned",
    "message": "已留言 Message",
    "self_service": "自助 Self-service",
    "lost": "故障中断 Lost",
    "refused": "黑名单拒接 Refused",
}
HEAD = (
    *("时间 Made", "类别 Kind", "主叫 Caller", "座席 Agent", "结果 Outcome", "工单 Ticket"),
    *("时长 Length", "录音 Sound", "核对 Check"),
)
STYLE = """
body { font: 14px/1.5 "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; margin: 24px; color: #17202e; }
h1 { font-size: 20px; } table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #d8e0ea; padding: 5px 9px; text-align: left; vertical-align: middle; }
th { background: #f2f5f9; } code { font-size: 11px; overflow-wrap: anywhere; }
.wrong { color: #b3261e; font-weight: 600; } audio { width: 260px; height: 34px; }
"""


def page(day: str, entries: Iterable[Mapping[str, str]]) -> str:
    """Write it; every value is text from outside and escaped."""
    rows = "".join(_row(entry) for entry in entries)
    head = "".join(f"<th>{escape(title)}</th>" for title in HEAD)
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>录音 Recordings {escape(day)}</title><style>{STYLE}</style></head><body>"
        f"<h1>录音 Recordings · {escape(day)}</h1>"
        "<p>左声道为来电者，右声道为其所听到的。全部信息见 recordings.csv；核对：sha256sum -c SHA256SUMS<br>"
        "Left: the caller. Right: what the caller hears. All facts: recordings.csv."
        " To check: sha256sum -c SHA256SUMS</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></body></html>\n"
    )


def _row(entry: Mapping[str, str]) -> str:
    sound = '<audio controls preload="none" src="{0}"></audio><br><a href="{0}">{0}</a>'
    minutes, seconds = divmod(round(float(entry["seconds"] or 0)), 60)
    cells = [
        escape(entry["made"]),
        escape(KINDS.get(entry["kind"], entry["kind"])),
        escape(entry["caller"]),
        escape(f"{entry['agent']} {entry['agent_name']}".strip()),
        escape(OUTCOMES.get(entry["outcome"], entry["outcome"])),
        escape(entry["ticket"]),
        f"{minutes:02d}:{seconds:02d}",
        sound.format(escape(entry["file"])) if entry["file"] else "—",
        _check(entry),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _check(entry: Mapping[str, str]) -> str:
    wrong = ' class="wrong"' if entry["found"] in (CHANGED, MISSING) else ""
    return f"<span{wrong}>{escape(FOUND[entry['found']])}</span><br><code>{escape(entry['sha256'])}</code>"
