"""The workflow of tickets: its versions, a draft edited row by row, publishing it, and migrating open tickets."""

# ruff: noqa: E501 (its first line)
import time
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from appliance.dictionary.dictionary import Dictionary
from appliance.refused import Refused
from appliance.tickets import migrating, strand_table
from appliance.tickets.beside_tables import shipped_of, table_of
from appliance.tickets.drawing import svg
from appliance.tickets.process import Workflow
from appliance.tickets.soundness import out_of_bounds
from appliance.tickets.strands import KINDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import SHIPPED, STATES
from appliance.tickets.workflow_changes import changes
from appliance.tickets.workflow_draft import FLAGS, LISTS, Draft, Drafts, free_code
from appliance.tickets.workflows import Version
from web import shown, workflow_shown
from web.context import box, me, wants_json

STUCK_SHOWN = 50
TEXTS = ("zh", "en", "name", "source", "target")

pages = Blueprint("workflow", __name__, url_prefix="/settings/workflow")


@pages.get("")
def page() -> str:
    """Show versions, which kinds they serve, drafts, and where open tickets stand."""
    return _overview()


@pages.get("/versions/<version>")
def version(version: str) -> str:
    """Show a version: its drawing, its moves, and what became of the one before."""
    workflow = _version(version)
    told = next((v for v in _versions() if v.id == workflow.id), None)
    before = _before(workflow)
    return render_template(
        "workflow_table.html",
        workflow=workflow,
        told=told,
        draft=None,
        drawing=Markup(svg(workflow, _language())),  # made by us, every word in it escaped
        groups=workflow_shown.groups(workflow),
        before=before,
        changes=changes(before.moves, workflow.moves) if before else [],
        **_words(workflow),
    )


@pages.post("/drafts")
def begin() -> Response:
    """Begin a draft from a version."""
    source = _version(request.form.get("based_on", SHIPPED.id))
    name = request.form.get("name", "").strip() or source.name
    kinds = next((v.kinds for v in _versions() if v.id == source.id), ())
    draft = _drafts().begin(me(), name, source, kinds)
    return redirect(url_for("workflow.draft", name=draft.name))


@pages.get("/drafts/<name>")
def draft(name: str) -> str:
    """Show a draft; the move that is being edited is open."""
    return _editor(_drafts().get(name))


@pages.post("/drafts/<name>")
def change(name: str) -> Response | tuple[str, int]:
    """Add a move, say which kinds it serves, publish it or discard it."""
    drafts, do = _drafts(), request.form.get("do", "")
    try:
        if do == "drop":
            drafts.drop(name)
            flash(gettext("The draft is discarded."), "good")
            return redirect(url_for("workflow.page"))
        if do == "publish":
            published = drafts.publish(me(), name, request.form.get("reason", ""))
            flash(_published(published), "good")
            return redirect(url_for("workflow.version", version=published.id))
        if do == "compare":
            drafts.compare(me(), name)
            return redirect(url_for("workflow.draft", name=name) + "#compare")
        if do == "add":
            before = {move.code for move in drafts.get(name).moves}
            after = drafts.add_move(me(), name, _typed())
            code = next(move.code for move in after.moves if move.code not in before)
            return redirect(url_for("workflow.draft", name=name, move=code) + f"#{code}")
        drafts.set_kinds(me(), name, [kind for kind, _ in _kinds() if kind in request.form.getlist("kinds")])
    except Refused as refused:
        return _editor(drafts.get(name), shown.sentence(refused)), 422
    return redirect(url_for("workflow.draft", name=name))


@pages.post("/drafts/<name>/moves/<code>")
def move(name: str, code: str) -> Response | dict[str, Any] | tuple[str, int]:
    """Save a move as it is typed, or take it out."""
    drafts = _drafts()
    try:
        if request.form.get("do") == "remove":
            drafts.remove_move(me(), name, code)
            flash(gettext("%(code)s is taken out.", code=code[:20]), "good")
            return redirect(url_for("workflow.draft", name=name))
        saved = drafts.set_move(me(), name, code, _typed())
    except Refused as refused:
        if wants_json():
            raise
        return _editor(drafts.get(name), shown.sentence(refused)), 422
    if wants_json():
        return _live(saved, code)
    return redirect(url_for("workflow.draft", name=name, move=code) + f"#{code}")


@pages.post("/migrate")
def migrate() -> str | tuple[str, int]:
    """Say how many open tickets would go over to another version and which cannot; then let them."""
    source, target = (request.form.get(name, "")[:60] for name in ("from", "to"))
    reason, store = request.form.get("reason", ""), box().store
    asked = {"from": source, "to": target, "reason": reason}
    report = None
    try:
        if source == target:
            raise Refused("same_workflow", "Choose another version than the one they run on.")
        workflow = _version(target)
        tickets = migrating.open_on(store, source)
        report = migrating.preview(tickets, workflow, target)
        if request.form.get("do") == "migrate":
            if not reason.strip():
                raise Refused("missing", "Fill in %(field)s.", field="Reason")
            report = migrating.carry_out(store, me(), tickets, target, reason)
            words = gettext(
                "%(count)s tickets went over to %(version)s.", count=len(report.moved), version=target
            )
            flash(words, "good")
            if not report.stuck:
                report = migrating.Report((), ())
    except Refused as refused:
        return _overview(shown.sentence(refused), report, _stuck(report), asked), 422
    return _overview(report=report, stuck=_stuck(report), asked=asked)


def _stuck(report: migrating.Report | None) -> list[tuple[Ticket, str]]:
    """The first tickets that cannot go over, each with why."""
    stuck = report.stuck[:STUCK_SHOWN] if report else ()
    return [(ticket, shown.sentence(why)) for ticket, why in stuck]


def _overview(
    fault: str = "",
    report: migrating.Report | None = None,
    stuck: Sequence[Any] = (),
    asked: dict[str, str] | None = None,
) -> str:
    workflows = box().tickets.workflows
    versions = [version for version in _versions() if version.name not in KINDS]
    serving = {kind: workflows.current(kind).id for kind, _ in _kinds()}
    open_ = migrating.counts(box().store)
    return render_template(
        "workflow.html",
        versions=list(reversed(versions)),
        shipped=SHIPPED,
        kinds=_kinds(),
        serving=serving,
        open=open_,
        running=sorted(set(open_) | {v.id for v in versions} | {SHIPPED.id}),
        drafts=_drafts().all(),
        beside=_beside(),
        current=workflows.current(""),
        drawing=Markup(svg(workflows.current(""), _language())),  # made by us, every word in it escaped
        fault=fault,
        report=report,
        stuck=stuck,
        asked=asked or {},
    )


def _editor(draft: Draft, fault: str = "") -> str:
    workflow = table_of(draft.name, 0, draft.moves)
    based_on = box().tickets.workflows.of(draft.based_on)
    return render_template(
        "workflow_table.html",
        workflow=workflow,
        told=None,
        draft=draft,
        drawing=Markup(svg(workflow, _language())),  # made by us, every word in it escaped
        groups=workflow_shown.groups(workflow),
        before=based_on,
        changes=changes(based_on.moves, draft.moves),
        faults=workflow_shown.faults(out_of_bounds(draft.name, draft.moves), workflow),
        fault=fault,
        newer=_drafts().newer(draft),
        opened=request.args.get("move", request.view_args.get("code", "") if request.view_args else ""),
        kinds=_kinds(),
        states=[(state.name, shown.pick((state.zh, state.en))) for state in STATES.values()],
        options={name: workflow_shown.options(name) for name in LISTS},
        free_code=free_code(draft.moves),
        **_words(workflow),
    )


def _live(draft: Draft, code: str) -> dict[str, Any]:
    """What the page shows anew after a move was saved."""
    based_on = box().tickets.workflows.of(draft.based_on)
    workflow = table_of(draft.name, 0, draft.moves)
    return {
        "saved": time.strftime("%H:%M:%S", time.localtime(draft.saved_s)),
        "faults": workflow_shown.faults(out_of_bounds(draft.name, draft.moves), workflow),
        "row": render_template(
            "part/workflow_row.html", move=draft.move(code), draft=draft, **_words(workflow)
        ),
        "drawing": svg(workflow, _language()),
        "changes": len(changes(based_on.moves, draft.moves)),
    }


def _typed() -> dict[str, Any]:
    """What came of a move: of a form all of its lists and marks, for what is not ticked does not come."""
    form = request.form
    typed: dict[str, Any] = {name: form[name] for name in (*TEXTS, "code") if name in form}
    for name in (*LISTS, *FLAGS):
        if name in form.getlist("shown"):
            typed[name] = form.getlist(name) if name in LISTS else name in form
    return typed


def _published(workflow: Workflow) -> str:
    if workflow.name not in KINDS:
        return str(gettext("%(version)s is published. New tickets begin on it.", version=workflow.id))
    kind = KINDS[workflow.name]
    words = {"version": workflow.id, "kind": shown.pick((kind.zh, kind.en))}
    return str(gettext("%(version)s is published. Every new %(kind)s begins on it.", **words))


def _beside() -> list[dict[str, Any]]:
    """The tables of sub-orders and overlays: the version in force, all versions, and how many run on each."""
    running, published = strand_table.versions(box().store), _versions()
    newest = box().tickets.workflows.newest_beside()
    return [
        {
            "title": shown.pick((kind.zh, kind.en)),
            "newest": newest[kind.name].id,
            "versions": [kind.workflow.id, *(v.id for v in published if v.name == kind.name)],
            "reason": next((v.reason for v in reversed(published) if v.name == kind.name), ""),
            "open": running,
        }
        for kind in KINDS.values()
    ]


def _words(workflow: Workflow) -> dict[str, Any]:
    return {
        "beside": workflow.name in KINDS,
        "state_title": lambda name: workflow_shown.state_title(name, workflow),
        "role": workflow_shown.role,
        "word": workflow_shown.word,
        "move_title": workflow_shown.title,
        "aspects": workflow_shown.ASPECTS,
        "changed": workflow_shown.changed,
        "LISTS": LISTS,
    }


def _drafts() -> Drafts:
    return Drafts(box().store)


def _versions() -> Sequence[Version]:
    return box().tickets.workflows.versions()


def _version(wanted: str) -> Workflow:
    found = box().tickets.workflows.of(wanted)
    if found.id != wanted:
        raise Refused("unknown_workflow", "There is no version %(version)s.", version=wanted[:60])
    return found


def _before(workflow: Workflow) -> Workflow | None:
    """The version before; of the first of a name the shipped one."""
    if workflow.id in (SHIPPED.id, shipped_of(workflow.name).id):
        return None
    before = f"{workflow.name}@{workflow.version - 1}"
    return box().tickets.workflows.of(before)


def _kinds() -> list[tuple[str, str]]:
    return shown.choices(Dictionary(box().store).choices("ticket_kind"))


def _language() -> str:
    return str(shown.pick(("zh", "en")))
