"""What was done to recordings, in words: cut, resampled, averaged, clipped, left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ...data.dataset import PartName, some
from .clips import ClipSettings
from .preparing import Facts

Named = Mapping[PartName, Sequence[tuple[str, Facts]]]
"""The recordings of each part: their names, and what was done to them."""

FactsOfParts = Mapping[PartName, Sequence[Facts]]


def notes_on(recordings: Named, settings: ClipSettings) -> list[str]:
    """Say what was done to recordings, part by part; nothing of what was done to none."""
    facts = {part: [one for _, one in members] for part, members in recordings.items()}
    clipped = [name for members in recordings.values() for name, one in members if one.clipped]
    return [
        *_piece_notes(facts, settings),
        *cut_notes(facts, settings),
        *_note(f"recordings resampled to {settings.sample_rate} Hz", facts, _resampled(settings)),
        *_note("recordings whose channels were averaged", facts, _averaged),
        *_note(f"recordings clipped at full scale ({some(clipped)})", facts, _clipped),
    ]


def cut_notes(facts: FactsOfParts, settings: ClipSettings) -> list[str]:
    """Say how many recordings lost their ends, and how many seconds of them."""
    if settings.window is not None:
        return _note("recordings with sound outside of windows", facts, _lost)
    what = "recordings" if settings.pause is None else "recordings with pieces"
    title = f"{what} cut for being longer than data.max_seconds={settings.max_seconds:g}"
    return _note(title, facts, _lost)


def _piece_notes(facts: FactsOfParts, settings: ClipSettings) -> list[str]:
    if settings.window is not None:
        stride = settings.stride or settings.window
        title = f"windows of {settings.window:g} s, one every {stride:g} s"
    elif settings.pause is not None:
        title = f"pieces between silences of at least {settings.pause:g} s"
    else:
        return []
    return [
        *_note(title, facts, lambda members: f"{_clips(members)} of {_recordings(members)}"),
        *_note("silent windows left out", facts, lambda members: _sum(members, "silent")),
        *_note(
            "pieces longer than data.max_seconds left out",
            facts,
            lambda members: _sum(members, "dropped"),
        ),
    ]


def _note(title: str, facts: FactsOfParts, say: Callable[[Sequence[Facts]], str]) -> list[str]:
    """Return a title with what there is to say of each part, or nothing."""
    said = {part: say(members) for part, members in facts.items()}
    listed = [f"{part} {words}" for part, words in said.items() if words]
    return [f"{title}: {', '.join(listed)}"] if listed else []


def _clips(members: Sequence[Facts]) -> str:
    return f"{sum(one.clips for one in members):,} clips"


def _recordings(members: Sequence[Facts]) -> str:
    return f"{len(members):,} recording{'' if len(members) == 1 else 's'}"


def _sum(members: Sequence[Facts], name: str) -> str:
    total = sum(getattr(one, name) for one in members)
    return f"{total:,}" if total else ""


def _share(count: int, members: Sequence[Facts]) -> str:
    return f"{count:,} of {len(members):,}" if count else ""


def _lost(members: Sequence[Facts]) -> str:
    seconds = [one.lost for one in members if one.lost]
    share = _share(len(seconds), members)
    return f"{share} ({sum(seconds):,.1f} s lost)" if share else ""


def _averaged(members: Sequence[Facts]) -> str:
    return _share(sum(one.channels > 1 for one in members), members)


def _clipped(members: Sequence[Facts]) -> str:
    return _share(sum(one.clipped for one in members), members)


def _resampled(settings: ClipSettings) -> Callable[[Sequence[Facts]], str]:
    def say(members: Sequence[Facts]) -> str:
        count = Counter(one.rate for one in members if one.rate != settings.sample_rate)
        rates = ", ".join(f"{n:,} from {rate} Hz" for rate, n in sorted(count.items()))
        share = _share(count.total(), members)
        return f"{share} ({rates})" if len(count) > 1 else rates

    return say
