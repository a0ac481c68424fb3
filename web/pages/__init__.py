"""The pages, one blueprint per audience."""

from web.pages import (
    api,
    board,
    box,
    calls,
    campaigns,
    citizen,
    deferrals,
    desk,
    door,
    letters,
    live,
    lookup,
    phones,
    recordings,
    stationery,
    tickets,
)

BLUEPRINTS = (
    door.pages,
    desk.pages,
    board.pages,
    live.pages,
    tickets.pages,
    letters.pages,
    stationery.pages,
    lookup.pages,
    calls.pages,
    recordings.pages,
    phones.pages,
    campaigns.pages,
    deferrals.pages,
    citizen.pages,
    box.pages,
    api.pages,
)
