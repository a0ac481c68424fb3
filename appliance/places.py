"""Where the box keeps its things: every path below one data folder."""

import os
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = "HOTLINE_DATA"


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of one box."""

    data: Path

    @property
    def database(self) -> Path:
        """SQLite: log, projections, people."""
        return self.data / "box.db"

    @property
    def journal(self) -> Path:
        """The call process's own journal."""
        return self.data / "journal"

    @property
    def past(self) -> Path:
        """What the call process's next life must know; made anew from the journal when it is not there."""
        return self.data / "calls.past.json"

    @property
    def recordings(self) -> Path:
        """Sound of calls and messages, one folder a day."""
        return self.data / "recordings"

    @property
    def campaigns(self) -> Path:
        """Voice notification campaigns under way, one folder each."""
        return self.data / "campaigns"

    @property
    def seals(self) -> Path:
        """Images of seals, each under its hash."""
        return self.data / "seals"

    @property
    def cases(self) -> Path:
        """What was made of each case at its archiving, one file a case."""
        return self.data / "cases"

    @property
    def fonts(self) -> Path:
        """Fonts of the site's own, tried before those of the system."""
        return self.data / "fonts"

    @property
    def prompts(self) -> Path:
        """Spoken and recorded prompts."""
        return self.data / "prompts"

    @property
    def published(self) -> Path:
        """The hand-over file for calls and media."""
        return self.data / "published.json"

    @property
    def open_calls(self) -> Path:
        """What the call process must know after its own death: where phones are, which calls are open."""
        return self.data / "open-calls.jsonl"

    @property
    def talks(self) -> Path:
        """How every call stands, for the call process's next life."""
        return self.data / "talks.jsonl"

    @property
    def network(self) -> Path:
        """Certificate and key by which this box is known to its hub's brokers."""
        return self.data / "network"

    @property
    def blobs(self) -> Path:
        """Files kept by their hash: at a hub recordings, everywhere attachments."""
        return self.data / "blobs"

    @property
    def authority(self) -> Path:
        """At a hub: the key that makes certificates, and the list of those revoked."""
        return self.data / "authority"

    @property
    def settings(self) -> Path:
        """What an administrator wrote."""
        return self.data / "hotline.toml"

    @property
    def logs(self) -> Path:
        """What the units print, one file each."""
        return self.data / "logs"

    def socket(self, unit: str) -> Path:
        """The Unix socket a unit listens on."""
        return self.data / "run" / f"{unit}.sock"

    def make(self) -> "Places":
        """Make the folders that must be there."""
        own = (self.data / "run", self.journal, self.recordings, self.campaigns, self.prompts, self.logs)
        for folder in own:
            folder.mkdir(parents=True, exist_ok=True)
        return self


def places(data: str | None = None) -> Places:
    """The data folder named, or in HOTLINE_DATA, or ./var/box where it exists, or the system's."""
    named = data or os.environ.get(ENVIRONMENT)
    if named:
        return Places(Path(named).resolve())
    local = Path("var/box")
    return Places(local.resolve() if local.exists() else Path("/var/lib/hotline"))
