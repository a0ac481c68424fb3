"""Templates as a kind of the dictionary: their columns, what ships, and what is checked before one counts."""

from collections.abc import Mapping

import msgspec

from appliance.dictionary.kind import Column, Kind, Rows, Value, Wish, named
from appliance.letters.shipped import shipped
from appliance.letters.template import LIMITS, Template, check

NAME = "template"


def template_of(key: str, fields: Mapping[str, Value]) -> Template:
    """Make a template of an entry's fields; what is missing is empty."""
    known = Template.__struct_fields__
    return msgspec.convert(
        {
            "key": key,
            **{name: value for name, value in fields.items() if name in known and value is not None},
        },
        Template,
    )


def fields_of(template: Template) -> dict[str, Value]:
    """Return a template as an entry's fields."""
    fields = msgspec.to_builtins(template)
    del fields["key"]
    return dict(fields)


def _check(wish: Wish) -> None:
    check(template_of(wish.after.key, wish.after.fields))


def _shipped() -> Rows:
    return {
        key: {**fields_of(template), "place": 10 * place}
        for place, (key, template) in enumerate(shipped().items(), 1)
    }


KIND = Kind(
    NAME,
    "公文模板",
    "Templates of letters",
    "letters",
    (
        *named(LIMITS["name"]),
        Column(
            "form",
            "版式",
            "Layout",
            "choice",
            required=True,
            default="slip",
            choices={
                "official": ("文件式（红头）", "Red head"),
                "letter": ("信函式", "Letterhead"),
                "slip": ("表单", "Form"),
            },
        ),
        Column("title", "标题", "Title", limit=LIMITS["title"], required=True),
        Column("body", "正文", "Text", "lines", limit=LIMITS["body"], required=True),
        Column("roles", "可打印的角色", "Who may print it", limit=LIMITS["roles"], required=True),
        Column("organ", "发文机关标志", "Head", limit=LIMITS["organ"]),
        Column("series", "发文字号用字", "Characters in the number", limit=LIMITS["series"]),
        Column("numbered", "编号发文并登记", "Issued with a number and registered", "flag"),
        Column("recipient", "收文单位", "To", limit=LIMITS["recipient"]),
        Column("signer", "署名", "Signed by", limit=LIMITS["signer"]),
        Column(
            "sealed",
            "印章",
            "Seal",
            "choice",
            choices={"centre": ("中心印章", "of the centre"), "unit": ("单位印章", "of the unit")},
        ),
        Column(
            "audience",
            "送达对象",
            "Read by",
            "choice",
            required=True,
            default="centre",
            choices={
                "centre": ("热线中心", "the centre"),
                "unit": ("责任单位", "the unit"),
                "citizen": ("市民", "the citizen"),
                "outside": ("其他单位", "others"),
            },
        ),
        Column("copies", "抄送", "Copies to", limit=LIMITS["copies"]),
    ),
    shipped=_shipped(),
    check=_check,
    hidden=True,
    authority="own",
)
