"""Audio clips to see and hear: spectrograms, and players on a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from ...data.unequal import unpadded
from ...report.fonts import lettering
from ...report.images import GRID_ROWS, heat_colour, save_picture
from ...report.players import SoundClip, SoundPanel
from ...runs.sampler import Sampler
from ...runs.scoring import Scores
from .codec import AudioCodec, audio_codec
from .files import write_clip

WINDOW_SECONDS, HOP_SECONDS = 0.032, 0.008
"""The window of a column of a spectrogram, and the time from one column to the next."""

HEIGHT = 64
"""Rows of a spectrogram, from 0 at the bottom to half the sample rate at the top."""

RANGE_DB = 70.0
"""Range from the loudest point of a spectrogram down to what is drawn as silence."""

LEVELS = 32
"""Colours of a spectrogram. More are hard to tell apart and make larger files."""

# From dark to light, so that it can be read with red-green colour blindness.
ANCHORS = ((8, 10, 28), (46, 28, 106), (120, 44, 129), (196, 66, 105), (246, 130, 84),
           (253, 200, 130), (252, 248, 214))  # fmt: skip

BAR = 8
"""Rows of pixels below a spectrogram that show the scores of its steps."""

ACROSS = 4
"""Clips per row."""

PAUSE_SECONDS = 0.15
"""Silence between the clips of a walk."""


# -- spectrograms -------------------------------------------------------------------------------


def decibels(clip: Float[np.ndarray, " S"], sample_rate: int) -> Float[np.ndarray, "H W"]:
    """Return the levels of a clip by frequency and time, relative to the loudest one.

    Args:
        clip: samples.
        sample_rate: samples per second.

    Returns:
        ``HEIGHT`` rows from low to high, evenly spaced on the mel scale (O'Shaughnessy 1987), and
        a column every ``HOP_SECONDS``; from ``-RANGE_DB`` to 0.
    """
    window = max(round(WINDOW_SECONDS * sample_rate), 16)
    hop = max(round(HOP_SECONDS * sample_rate), 1)
    # Zero-padded to twice the window: low rows are closer together than its frequencies.
    spectrum_FW = torch.stft(
        torch.from_numpy(np.asarray(clip, np.float32)), 2 * window, hop, window,
        torch.hann_window(window), center=True, pad_mode="constant", return_complex=True,
    )  # fmt: skip
    power_FW = spectrum_FW.abs().square().numpy()
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    hertz_H = 700 * (10 ** (np.linspace(0, top, HEIGHT) / 2595) - 1)
    place_H = hertz_H / (sample_rate / 2) * (len(power_FW) - 1)
    below_H = np.minimum(place_H.astype(int), len(power_FW) - 2)
    share_H1 = (place_H - below_H)[:, None]
    power_HW = (1 - share_H1) * power_FW[below_H] + share_H1 * power_FW[below_H + 1]
    loudest = power_HW.max()
    if loudest <= 0:
        return np.full(power_HW.shape, -RANGE_DB, np.float32)
    level_HW = 10 * np.log10(np.maximum(power_HW / loudest, 10 ** (-RANGE_DB / 10)))
    return level_HW.astype(np.float32)


def _palette() -> np.ndarray:
    place_C = np.linspace(0, len(ANCHORS) - 1, LEVELS)
    anchor_A3 = np.array(ANCHORS)
    channels = [np.interp(place_C, range(len(ANCHORS)), anchor_A) for anchor_A in anchor_A3.T]
    return np.rint(np.stack(channels, 1)).astype(np.uint8)


def spectrogram_picture(clip: Float[np.ndarray, " S"], sample_rate: int) -> Image.Image:
    """Draw a spectrogram: time to the right, low frequencies at the bottom, loud is light.

    A pixel has the same duration in every picture, so longer clips are wider.
    """
    share_HW = 1 + decibels(clip, sample_rate) / RANGE_DB
    picture = Image.fromarray(np.rint(share_HW[::-1] * (LEVELS - 1)).astype(np.uint8), "P")
    picture.putpalette(_palette().tobytes())
    return picture


def spectrogram_grid(
    rows: Sequence[Sequence[Float[np.ndarray, " _"]]],
    names: Sequence[str],
    sample_rate: int,
    scores: Sequence[Sequence[Sequence[float]]] = (),
) -> Image.Image:
    """Draw one row of spectrograms for each name, with the name on the left.

    Args:
        rows: the clips of each row.
        names: the names of the rows.
        sample_rate: samples per second.
        scores: scores from -1 to 1 of the steps of each clip, drawn as a bar below it.
    """
    gap, bar = 4, BAR if scores else 0
    pictures = [[spectrogram_picture(clip, sample_rate) for clip in row] for row in rows]
    width = max((one.width for row in pictures for one in row), default=1)
    columns = max((len(row) for row in pictures), default=1)
    titles = [lettering(name, 16) for name in names]
    left = max((int(font.getlength(text)) for font, text in titles), default=0) + 16
    high = HEIGHT + bar + gap
    size = (left + columns * (width + gap), max(len(rows), 1) * high)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for y, ((font, name), row) in enumerate(zip(titles, pictures, strict=True)):
        top = y * high + gap // 2
        draw.text((left - 8, top + HEIGHT // 2), name, fill="black", font=font, anchor="rm")
        for x, picture in enumerate(row):
            corner = (left + x * (width + gap), top)
            sheet.paste(picture.convert("RGB"), corner)
            if scores:
                below = (corner[0], top + HEIGHT)
                sheet.paste(_score_bar(scores[y][x], picture.width), below)
    return sheet


def _score_bar(score: Sequence[float], width: int) -> Image.Image:
    colours = np.array([[heat_colour(one) for one in score]], np.uint8)
    return Image.fromarray(colours).resize((width, BAR), Image.Resampling.NEAREST)


# -- on a page ----------------------------------------------------------------------------------


def sound_panel(
    clips: Sequence[Float[np.ndarray, " _"]], sample_rate: int, captions: Sequence[str]
) -> SoundPanel:
    """Return a panel with a spectrogram and a player for each clip, as 16-bit WAV."""
    return {
        "kind": "sound",
        "clips": [
            _on_page(clip, sample_rate, caption)
            for clip, caption in zip(clips, captions, strict=True)
        ],
    }


def _on_page(clip: np.ndarray, sample_rate: int, caption: str) -> SoundClip:
    picture = spectrogram_picture(clip, sample_rate)
    png, wav = io.BytesIO(), io.BytesIO()
    picture.save(png, format="PNG", optimize=True)
    write_clip(wav, clip, sample_rate, form="wav")
    seconds = len(clip) / sample_rate
    of = f" of {caption}" if caption else ""
    return {
        "png": base64.b64encode(png.getvalue()).decode(),
        "width": picture.width,
        "height": picture.height,
        "alt": f"spectrogram{of}: {seconds:.2f} seconds, 0 to {sample_rate / 2:g} Hz",
        "wav": base64.b64encode(wav.getvalue()).decode(),
        "caption": caption,
        "seconds": seconds,
    }


def joined(clips: Sequence[Float[np.ndarray, " _"]], sample_rate: int) -> Float[np.ndarray, " S"]:
    """Join clips, with a short pause between them."""
    pause = np.zeros(round(PAUSE_SECONDS * sample_rate), np.float32)
    parts = [part for clip in clips for part in (pause, clip)]
    return np.concatenate(parts[1:])


def draw_spectrograms(sampler: Sampler, path: Path, *, columns: int = 6, seed: int = 0) -> None:
    """Save a picture of sampled spectrograms, one row per class of the first attribute."""
    rows_NA = sampler.label_rows(None, 1)
    names = next(iter(sampler.labels.values()))[:GRID_ROWS]
    chosen = [
        np.resize(rows_NA[rows_NA[:, 0] == number], (columns, rows_NA.shape[1]))
        for number in range(len(names))
    ]
    decoded = torch.cat(list(sampler.stream(np.concatenate(chosen), seed=seed)))
    clips = list(sampler.codec.present(decoded))
    rows = [clips[start : start + columns] for start in range(0, len(clips), columns)]
    rate = audio_codec(sampler.codec).sample_rate
    save_picture(spectrogram_grid(rows, names, rate), path)


def draw_pairs(real: Tensor, written: Tensor, sample_rate: int) -> Image.Image:
    """Draw spectrograms of real clips above those of their reconstructions."""
    rows, names = [], []
    for start in range(0, len(real), ACROSS):
        chunk = slice(start, start + ACROSS)
        rows += [unpadded(real[chunk]), unpadded(written[chunk])]
        names += ["real", "rebuilt"]
    return spectrogram_grid(rows, names, sample_rate)


def draw_scores(scores: Scores, codec: AudioCodec) -> Image.Image:
    """Draw spectrograms of real clips above those of samples, with the scores of their steps."""
    rows, bars, names = [], [], []
    for name, side in (("real", scores.real), ("sample", scores.made)):
        clips = unpadded(codec.decode(side.x, side.mask_BT))
        for start in range(0, len(clips), ACROSS):
            chunk = slice(start, start + ACROSS)
            rows.append(clips[chunk])
            # A step has the same duration in every clip, and a clip may end before the last step.
            share = [len(clip) / codec.samples for clip in clips[chunk]]
            score = side.score_BT[chunk].tolist()
            bars.append(
                [
                    one[: max(round(part * len(one)), 1)]
                    for one, part in zip(score, share, strict=True)
                ]
            )
            names.append(name)
    return spectrogram_grid(rows, names, codec.sample_rate, bars)
