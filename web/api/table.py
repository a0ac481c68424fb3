"""The table of all endpoints: routes, checks, description and manual come from these rows."""

# ruff: noqa: E501 (the table reads best one row a line)
from typing import Final

from web.api import beside, people, settings, shapes, sounds, tickets
from web.api.endpoint import Endpoint, Sound

_WAV = Sound((sounds.wav_kind, sounds.mp3_kind))

TABLE: Final[tuple[Endpoint, ...]] = (
    Endpoint("me", "GET", "/me", "", people.asker, people.Me, "令牌是谁的、能做什么", "Who asks, and how far the token reaches"),
    # tickets
    Endpoint("tickets", "GET", "/tickets", "tickets:read", tickets.search, shapes.Tickets, "查询工单，新的在前",
             "Find tickets, newest first", query=shapes.Search),
    Endpoint("ticket_create", "POST", "/tickets", "tickets:write", tickets.create, shapes.Ticket, "登记工单",
             "Register a ticket", body=shapes.New, status=201, once=True),
    Endpoint("ticket", "GET", "/tickets/{number}", "tickets:read", tickets.one, shapes.Ticket, "查看工单，按编号或内部标识",
             "One ticket, by its number or id"),
    Endpoint("ticket_edit", "PATCH", "/tickets/{number}", "tickets:write", tickets.edit, shapes.Ticket, "修改登记内容，只写要改的字段",
             "Change what was registered; send only what changes", body=shapes.Registered, stale=True),
    Endpoint("ticket_note", "POST", "/tickets/{number}/notes", "tickets:write", tickets.note, shapes.Ticket, "写备注",
             "Add a remark to the story", body=shapes.Note, status=201, once=True),
    Endpoint("ticket_story", "GET", "/tickets/{number}/timeline", "tickets:read", tickets.story, shapes.Story, "办理过程，旧的在前",
             "A ticket's story, oldest first"),
    Endpoint("ticket_moves", "GET", "/tickets/{number}/moves", "tickets:read", tickets.moves, shapes.Moves, "现在可以做的流转及所需字段",
             "The moves that may be made now, with their fields"),
    Endpoint("ticket_move", "POST", "/tickets/{number}/moves", "tickets:move", tickets.move, shapes.Ticket, "流转", "Make a move",
             body=shapes.MoveAsked, stale=True, once=True),
    Endpoint("ticket_strands", "GET", "/tickets/{number}/strands", "tickets:read", beside.all_of, shapes.Strands,
             "协办、催办、督办等支线，以及可以新开的", "Sub-orders and overlays, and those that may be opened"),
    Endpoint("strand_open", "POST", "/tickets/{number}/strands", "tickets:move", beside.open_one, shapes.Strand, "新开支线",
             "Open a sub-order or overlay", body=shapes.StrandOpened, status=201, once=True),
    Endpoint("strand_step", "POST", "/tickets/{number}/strands/{strand}/steps", "tickets:move", beside.step, shapes.Strand,
             "办理支线", "Make a step of a sub-order or overlay", body=shapes.StepAsked, stale=True, once=True),
    # calls and recordings
    Endpoint("calls", "GET", "/calls", "calls:read", sounds.calls, sounds.Calls, "查询通话，新的在前", "Find calls, newest first",
             query=sounds.CallSearch),
    Endpoint("call", "GET", "/calls/{call}", "calls:read", sounds.call, sounds.Call, "查看一次通话", "One call"),
    Endpoint("recordings", "GET", "/recordings", "recordings:read", sounds.recordings, sounds.Recordings, "查询录音，新的在前",
             "Find recordings, newest first", query=sounds.RecordingSearch),
    Endpoint("recording", "GET", "/recordings/{recording}", "recordings:read", sounds.recording, sounds.Recording, "一个录音的情况",
             "What is known of a recording"),
    Endpoint("recording_sound", "GET", "/recordings/{recording}/sound", "recordings:read", sounds.sound, _WAV,
             "下载录音，记入日志", "Its sound; the download is in the log"),
    Endpoint("recording_history", "GET", "/recordings/{recording}/history", "recordings:read", sounds.history, sounds.History,
             "录音的经过，谁听过", "What became of it, and who heard it"),
    Endpoint("recording_hold", "POST", "/recordings/{recording}/hold", "recordings:write", sounds.hold, sounds.Recording,
             "锁定或解除锁定", "Put it under legal hold, or release it", body=sounds.Hold),
    Endpoint("recording_keep", "POST", "/recordings/{recording}/keep", "recordings:write", sounds.keep, sounds.Recording,
             "保留滚动录音", "Keep a rolling one for as long as others"),
    Endpoint("recording_note", "PUT", "/recordings/{recording}/note", "recordings:write", sounds.note, sounds.Recording,
             "写说明", "Say something about it", body=sounds.Words),
    Endpoint("recording_link", "PUT", "/recordings/{recording}/ticket", "recordings:write", sounds.link, sounds.Recording,
             "关联到工单", "Link it to a ticket", body=sounds.Linked),
    Endpoint("recording_remove", "POST", "/recordings/{recording}/remove", "recordings:write", sounds.remove, sounds.Recording,
             "提前删除，须写原因", "Remove it before its time, with a reason", body=sounds.Reason),
    # people
    Endpoint("people", "GET", "/people", "people:read", people.everybody, people.People, "全部人员", "Everybody who signs in"),
    Endpoint("person_create", "POST", "/people", "people:write", people.create, people.Person, "新增人员", "Add somebody",
             body=people.NewPerson, status=201, once=True),
    Endpoint("person", "GET", "/people/{number}", "people:read", people.one, people.Person, "一个人员", "One person"),
    Endpoint("person_access", "PUT", "/people/{number}/access", "people:write", people.set_active, people.Person, "启用或停用",
             "Let somebody sign in, or no longer", body=people.Access),
    Endpoint("person_password", "POST", "/people/{number}/password", "people:write", people.reset_password, people.Code,
             "重置为一次性密码", "Give somebody a new one-time password"),
    # settings
    Endpoint("units", "GET", "/units", "settings:read", settings.units, settings.Units, "责任单位", "Responsible units"),
    Endpoint("categories", "GET", "/categories", "settings:read", settings.categories, settings.Categories, "分类树",
             "The category tree"),
    Endpoint("fields", "GET", "/fields", "settings:read", settings.fields, settings.Fields, "工单和办理的全部字段及选项",
             "Every field of tickets and moves, with its words"),
    Endpoint("workflows", "GET", "/workflows", "settings:read", settings.workflows, settings.Versions, "流程的全部版本",
             "All versions of the workflow"),
    Endpoint("workflow", "GET", "/workflows/{workflow}", "settings:read", settings.workflow, settings.WorkflowTold, "一个流程的状态和流转",
             "States and moves of a workflow"),
)  # fmt: skip
