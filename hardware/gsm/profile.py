"""What to say to a modem of one family: the AT profiles in ``firmware-config/gsm``, read and checked."""

from pathlib import Path

import msgspec

FOLDER = Path(__file__).parents[2] / "firmware-config" / "gsm"


class ProfileError(ValueError):
    """The profile cannot be used; the text says which file and what is wrong with it."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command of the start-up; when a `required` one is refused, so is the modem."""

    send: str
    required: bool = False
    otherwise: str = ""
    """Sent when the modem refuses the first form."""


class SoundProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a call's voice gets onto the PCM device."""

    before: tuple[str, ...] = ()
    """Sent before every ATA and ATD."""
    on: str = ""
    """Sent in the call until accepted; empty when the sound is there by itself."""
    check: str = ""
    checked: str = ""
    """The line that `check` is answered by when the sound is really on."""
    off: tuple[str, ...] = ()
    """Forms of switching it off; the first that is accepted counts."""
    retry_s: float = 0.4
    give_up_s: float = 12.0
    settle_s: float = 0.1
    """From accepted to the first sample."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family of modems."""

    family: str
    models: tuple[str, ...] = ()
    """What AT+CGMM says: for people, and for finding the profile of a new modem."""
    start: tuple[Step, ...] = ()
    """Before the SIM is asked for."""
    ready: tuple[Step, ...] = ()
    """Once the SIM is ready."""
    sound: SoundProfile | None = None
    pin_tries: str = ""
    """Asks how often a PIN may still be tried."""
    pin_tries_field: int = 0
    reset: str = "AT+CFUN=1,1"


def load(name: str, folder: Path = FOLDER) -> Profile:
    """The profile called `name`; raises `ProfileError`."""
    path = folder / f"{name}.toml"
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=Profile)
    except FileNotFoundError:
        there = ", ".join(sorted(each.stem for each in folder.glob("*.toml"))) or "none"
        raise ProfileError(f"no modem profile {name!r} in {folder} (there are: {there})") from None
    except (msgspec.MsgspecError, OSError, ValueError) as error:
        raise ProfileError(f"{path}: {error}") from error
    for command in _commands(profile):
        if not command.upper().startswith("AT") or not command.isprintable() or not command.isascii():
            raise ProfileError(f"{path}: {command!r} is not an AT command")
    return profile


def _commands(profile: Profile) -> list[str]:
    steps = profile.start + profile.ready
    found = [step.send for step in steps] + [step.otherwise for step in steps if step.otherwise]
    sound = profile.sound or SoundProfile()
    found += [*sound.before, *sound.off]
    return found + [text for text in (sound.on, sound.check, profile.pin_tries, profile.reset) if text]
