"""What pages and the call process say to each other of campaigns (see `appliance.calls.wire`)."""

import msgspec


class Campaign(msgspec.Struct, frozen=True, tag_field="do", tag="campaign"):
    """Start, pause, resume or stop a voice notification campaign (语音通知).

    `what`: start, pause, resume, stop. To start, the folder ``campaigns/CID`` of the data folder holds
    what it is to do (appliance/campaigns/plan.py).
    """

    by: str
    cid: str
    what: str


class CampaignView(msgspec.Struct, frozen=True):
    """How a campaign does."""

    cid: str
    state: str
    """new, running, paused, stopping, over."""
    why: str
    """Why it is paused or over."""
    open: bool
    """Whether it may call at this hour."""
    total: int
    calling: int
    results: dict[str, int]
    """How many numbers ended how."""


class CampaignNotice(msgspec.Struct, frozen=True, tag_field="notice", tag="campaign"):
    """A campaign changed; at most once a second."""

    campaign: CampaignView
