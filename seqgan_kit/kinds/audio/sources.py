"""Download sources of the known audio data sets, with checksums."""

from __future__ import annotations

from itertools import product

from ...data.checksums import Bundle
from ...data.sources import Archive, Source

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TAKES = 50
SPOKEN_DIGITS = tuple(
    f"{digit}_{speaker}_{take}.wav"
    for digit, speaker, take in product(range(10), SPEAKERS, range(TAKES))
)

SOURCES: dict[str, Source] = {
    "spoken_digits": Source(
        "spoken_digits",
        {},
        archives=(
            # The files of commit 26eb9aa; files added later are left out.
            Archive(
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/"
                "master.tar.gz",
                "free-spoken-digit-dataset-master/recordings",
            ),
        ),
        bundle=Bundle(
            SPOKEN_DIGITS,
            "dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f",
            "recordings",
        ),
        licence="CC BY-SA 4.0",
        home="https://github.com/Jakobovski/free-spoken-digit-dataset",
    ),
}
