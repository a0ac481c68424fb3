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
    live,
    lookup,
    phones,
    recordings,
    tickets,
    tokens,
)

BLUEPRINTS = (
    door.pages,
    desk.pages,
    board.pages,
    live.pages,
    tickets.pages,
    lookup.pages,
    calls.pages,
    recordings.pages,
    phones.pages,
    campaigns.pages,
    deferrals.pages,
    citizen.pages,
    box.pages,
    api.pages,
    api.v1,
    tokens.pages,
)
