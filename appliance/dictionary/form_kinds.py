"""What forms of intake ask and offer, as kinds: further fields, scripts, texts to begin with."""

from appliance.dictionary.kind import Column, Kind, Value, named
from appliance.tickets.forms import EXTRAS, SCRIPTS, TEMPLATES

FIELD_TYPES = {
    "text": ("文字", "Text"),
    "lines": ("多行文字", "Several lines"),
    "number": ("数字", "Number"),
    "money": ("金额", "Amount"),
    "date": ("日期", "Date"),
    "choice": ("选项", "Choice"),
    "flag": ("是否", "Yes or no"),
}
_KIND = Column("kind", "受理类型", "Kind of ticket", "entry", limit=32, refers="ticket_kind")
_CATEGORY = Column(
    "category",
    "行业分类",
    "Category",
    "text",
    limit=32,
    note_zh="分类编码的开头，如 01；留空适用全部",
    note_en="The beginning of its code, like 01; empty for all",
)


def _placed(rows: list[dict[str, Value]], key: str) -> dict[str, dict[str, Value]]:
    return {f"{key}{n:02}": {**row, "place": 10 * n} for n, row in enumerate(rows, 1)}


EXTRA = Kind(
    "extra_field",
    "附加字段",
    "Extra fields",
    "categories",
    (
        *named(),
        Column("type", "类型", "Type", "choice", required=True, default="text", choices=FIELD_TYPES),
        Column("limit", "最长", "Most characters", "int", default=60, least=1, most=1000),
        Column("options", "可选值", "Options", "words", limit=40),
        Column("required", "必填", "Required", "flag"),
        Column("note", "说明", "Note", limit=200),
    ),
    shipped={
        name: {
            "name": extra.zh,
            "name_en": extra.en,
            "type": extra.type,
            "limit": extra.limit,
            "place": 10 * n,
        }
        for n, (name, extra) in enumerate(EXTRAS.items(), 1)
    },
)
SCRIPT = Kind(
    "script",
    "受理话术",
    "Scripts",
    "categories",
    (
        Column("name", "话术", "What is said", "lines", limit=500, required=True),
        Column("name_en", "英文话术", "The same in English", "lines", limit=500),
        _KIND,
        _CATEGORY,
    ),
    editors=frozenset({"AD", "TL"}),
    shipped=_placed(
        [{"kind": kind, "category": code, "name": zh, "name_en": en} for kind, code, zh, en in SCRIPTS], "s"
    ),
)
PHRASE = Kind(
    "phrase",
    "内容模板",
    "Texts to begin with",
    "categories",
    (
        Column("name", "标题", "Title", limit=120, required=True),
        Column("content", "内容", "Content", "lines", limit=1000),
        _KIND,
        _CATEGORY,
    ),
    editors=frozenset({"AD", "TL"}),
    shipped=_placed(
        [
            {"category": code, "name": title, "content": content, "kind": kind}
            for code, title, content, kind in TEMPLATES
        ],
        "t",
    ),
)
