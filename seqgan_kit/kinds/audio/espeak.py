"""A separate program that speaks: it reads utterances as JSON and writes samples.

eSpeak NG keeps state from one utterance to the next (the phase of its voice, its noise), so the
sound of an utterance depends slightly on those before it. In a separate process, the same list of
utterances always gives the same samples.

Standard input: ``{"seed": NUMBER, "utterances": [[TEXT, VOICE, RATE, PITCH, RANGE], ...]}``.
Standard output, for each utterance: the number of its samples as a little-endian 32-bit integer,
then the samples, 22,050 per second, as little-endian 16-bit integers.

It is run by its path instead of being imported, and needs neither NumPy nor torch.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys

SAMPLE_RATE = 22050

# The constants of espeak-ng/speak_lib.h.
SYNCHRONOUS = 2
DO_NOT_EXIT = 0x8000
RATE, PITCH, RANGE = 1, 3, 4
BY_CHARACTER = 1
UTF_8 = 1

# int callback(short *samples, int count, espeak_EVENT *events): returning zero continues.
Heard = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Speaker:
    """eSpeak NG from the package espeakng_loader, loaded into this process.

    Args:
        seed: random seed of the noise in breathy voices.

    Raises:
        RuntimeError: eSpeak NG cannot be started.
    """

    def __init__(self, seed: int) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, data, DO_NOT_EXIT)
        if rate < 0:
            raise RuntimeError(f"eSpeak NG cannot be started (status {rate})")
        if rate != SAMPLE_RATE:
            raise RuntimeError(f"eSpeak NG has the sample rate {rate}, expected {SAMPLE_RATE}")
        # The default seed is the time of day.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._heard = bytearray()
        # Kept alive here, because the library has only the address.
        self._callback = Heard(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: ctypes._Pointer, count: int, events: int | None) -> int:
        if count > 0:
            self._heard += ctypes.string_at(samples, 2 * count)
        return 0

    def say(self, text: str, voice: str, rate: int, pitch: int, spread: int) -> bytes:
        """Return the samples of an utterance, after setting all parameters of the voice.

        Args:
            text: what to say.
            voice: name of a voice.
            rate: words per minute.
            pitch: 0 to 100.
            spread: range of the pitch, 0 to 100.

        Raises:
            RuntimeError: there is no such voice, or a number is out of range.
        """
        self._heard.clear()
        self._check(self._library.espeak_SetVoiceByName(voice.encode()), f"the voice {voice}")
        for parameter, value in ((RATE, rate), (PITCH, pitch), (RANGE, spread)):
            self._check(self._library.espeak_SetParameter(parameter, value, 0), f"{value}")
        content = text.encode() + b"\0"
        size = ctypes.c_size_t(len(content))
        done = self._library.espeak_Synth(content, size, 0, BY_CHARACTER, 0, UTF_8, None, None)
        self._check(done, f"to say {text!r}")
        self._check(self._library.espeak_Synchronize(), f"to say {text!r}")
        return bytes(self._heard)

    @staticmethod
    def _check(status: int, what: str) -> None:
        if status:
            raise RuntimeError(f"eSpeak NG refused {what} (status {status})")


def main() -> None:
    """Speak the utterances on standard input."""
    asked = json.load(sys.stdin.buffer)
    speaker = Speaker(asked["seed"])
    for utterance in asked["utterances"]:
        sound = speaker.say(*utterance)
        if sys.byteorder == "big":
            swapped = bytearray(sound)
            swapped[::2], swapped[1::2] = sound[1::2], sound[::2]
            sound = bytes(swapped)
        sys.stdout.buffer.write(struct.pack("<I", len(sound) // 2) + sound)


if __name__ == "__main__":
    main()
