"""Conditions on tokens as FTS5 reads them."""

from collections.abc import Sequence

from appliance.tickets.fulltext import Every, Match, Phrase


def written(match: Match) -> str:
    """A condition as an FTS5 query."""
    if isinstance(match, Phrase):
        columns = match.columns[0] if len(match.columns) == 1 else f"{{{' '.join(match.columns)}}}"
        return f'{columns} : "{" ".join(match.tokens)}"{" *" if match.goes_on else ""}'
    parts = [written(part) for part in match.parts]
    return all_of(parts) if isinstance(match, Every) else _joined(parts, " OR ")


def all_of(parts: Sequence[str]) -> str:
    """Bring conditions together."""
    return _joined(parts, " AND ")


def _joined(parts: Sequence[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else word.join(f"({part})" for part in parts)
