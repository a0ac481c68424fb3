"""The roster: agents, extensions, who sits where, and by which phone."""

from collections.abc import Mapping

from appliance.calls.ports import Phones
from appliance.published import Agent, Extension, Published
from appliance.refused import Refused
from hardware.browser import BrowserLine
from hardware.line import Line

BROWSER = "headset/"
"""Prefix of a browser extension's line name."""


class Roster:
    """Who may sit, who sits where, and which phones are there."""

    def __init__(self, phones: Phones, browsers: Mapping[str, BrowserLine]) -> None:
        self._phones = phones
        self._browsers = browsers
        self._agents: dict[str, Agent] = {}
        self._extensions: dict[str, Extension] = {}
        self._at: dict[str, str] = {}
        """Agent to extension, for those signed in."""

    def define(self, published: Published) -> None:
        """Take the published agents and extensions."""
        self._agents = {agent.number: agent for agent in published.agents}
        self._extensions = {extension.number: extension for extension in published.extensions}

    def knows(self, agent: str) -> bool:
        """Whether there is such an agent."""
        return agent in self._agents

    def name(self, agent: str) -> str:
        """What an agent is called; empty when there is none."""
        return self._agents[agent].name if agent in self._agents else ""

    def leads(self, agent: str) -> bool:
        """Whether somebody is a shift leader."""
        found = self._agents.get(agent)
        return found is not None and found.leads

    def extension(self, number: str) -> Extension | None:
        """The extension of this number."""
        return self._extensions.get(number)

    def at(self, agent: str) -> str:
        """Where an agent sits; empty when off shift."""
        return self._at.get(agent, "")

    def agent_at(self, extension: str) -> str:
        """Who is signed in at an extension; empty when nobody is."""
        return next((agent for agent, at in self._at.items() if at == extension), "")

    def may_sit(self, agent: str, extension: str) -> None:
        """Refused when an agent cannot sign in there."""
        if agent not in self._agents:
            raise Refused("unknown_agent")
        if extension not in self._extensions:
            raise Refused("unknown_extension")
        if self.agent_at(extension) not in ("", agent):
            raise Refused("extension_taken")

    def sit(self, agent: str, extension: str) -> None:
        """An agent sits there from now on."""
        self._at[agent] = extension

    def rise(self, agent: str) -> None:
        """An agent sits nowhere any more."""
        self._at.pop(agent, None)

    def line_to(self, extension: str) -> Line | None:
        """A line to call a phone of ours by; None when none is free."""
        kind = self._extensions[extension].kind
        return self._browsers.get(extension) if kind == "browser" else self._phones.line_to(extension)

    def phone_up(self, extension: str) -> bool:
        """Whether the phone could ring; an unknown extension's cannot."""
        if extension not in self._extensions:
            return False
        browser = self._browsers.get(extension)
        return browser.sounding if browser else self._phones.registered(extension)
