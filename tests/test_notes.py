"""Notes of instruments that are made on the spot."""

import numpy as np
import pytest

from seqgan_kit.data.dataset import DataError
from seqgan_kit.kinds.audio.clips import ClipSettings
from seqgan_kit.kinds.audio.notes import INSTRUMENTS, LOWEST, PITCHES, RATE, note, notes

SETTINGS = ClipSettings(sample_rate=8000, trim_db=None)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


def some(count=4, seed=0, settings=SETTINGS):
    return notes(settings=settings, count=count, validation=0.1, test=0.2, seed=seed)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
@pytest.mark.parametrize("pitch", [0, 11])
def test_a_note_is_of_its_pitch_and_no_two_are_equal(instrument, pitch):
    rng = np.random.default_rng(0)
    one_S, other_S = note(instrument, pitch, rng), note(instrument, pitch, rng)
    assert np.abs(one_S).max() == 1
    assert len(one_S) != len(other_S)
    expected = LOWEST * 2 ** (pitch / 12)
    spectrum = np.abs(np.fft.rfft(one_S[-3200:-160], 1 << 17))
    hertz = np.fft.rfftfreq(1 << 17, 1 / RATE)

    def strength(pitch):
        """The largest part within a quarter tone."""
        return spectrum[(hertz > pitch * 0.97) & (hertz < pitch * 1.03)].max()

    assert strength(expected) > 3 * strength(expected * 2 ** (-3 / 12))


def test_notes_are_a_data_set_of_two_attributes():
    found = some()
    assert {name: len(part) for name, part in found.parts.items()} == {
        "training": 120, "validation": 60, "test": 60
    }  # fmt: skip
    assert found.labels == {"instrument": tuple(INSTRUMENTS), "pitch": PITCHES}
    again = some()
    assert again.fingerprint == found.fingerprint != some(seed=1).fingerprint
    clips = found.parts["training"].items[:120]
    for clip, other in zip(clips, again.parts["training"].items[:120], strict=True):
        np.testing.assert_array_equal(clip, other)
        assert 0.4 * 8000 - 2 <= len(clip) <= 0.95 * 8000 + 2
        assert np.abs(clip).max() == pytest.approx(0.95, abs=0.01)


def test_notes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="no usable clips"):
        some(1, settings=ClipSettings(sample_rate=8000, max_seconds=0.2, too_long="drop"))
    with pytest.raises(DataError, match=r"data\.notes"):
        some(1)
