"""What somebody hears whom a campaign calls: the message, perhaps a question for a key, good-bye."""

from ivr.flow import Flow, Node

FLOW = "campaign"
HEARD, CONFIRMED = "heard", "confirmed"
"""Variables of the run: set to ``yes`` when the message was heard to its end, and confirmed."""
PHRASES = ("campaign.confirm", "campaign.thanks", "campaign.bye")
REPEATS = 3
"""How often the question is asked."""


def phrase_of(cid: str) -> str:
    """The phrase that is a campaign's message; its recording is made when the campaign is."""
    return f"campaign.{cid}"


def flow_of(cid: str, language: str, confirm: bool) -> Flow:
    """The flow of one campaign."""
    message = Node("say", {"prompts": [phrase_of(cid)], "barge_in": False}, {"done": HEARD})
    heard = Node("set", {"variable": HEARD, "value": "yes"}, {"done": "ask" if confirm else "end"})
    ask = Node(
        "menu",
        {"prompts": ["campaign.confirm"], "keys": "12", "timeout_s": 5.0, "tries": REPEATS},
        {"key:1": CONFIRMED, "key:2": "message", "timeout": "bye", "invalid": "bye"},
    )
    nodes = {
        "message": message,
        HEARD: heard,
        "end": Node("hangup"),
    }
    if confirm:
        nodes |= {
            "ask": ask,
            CONFIRMED: Node("set", {"variable": CONFIRMED, "value": "yes"}, {"done": "thanks"}),
            "thanks": Node("say", {"prompts": ["campaign.thanks"]}, {"done": "end"}),
            "bye": Node("say", {"prompts": ["campaign.bye"]}, {"done": "end"}),
        }
    return Flow(FLOW, language, "message", nodes)
