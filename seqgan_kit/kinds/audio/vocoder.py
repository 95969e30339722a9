"""Speech as parameters of a vocoder: smooth envelopes and a pitch contour instead of a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from ...data.ending import ended
from ...nn.augmentation import FrameAugmentation
from ...nn.changes import ChangeView, frame_maps
from .analysis_cache import cached_rows
from .log_mel import DEVIATIONS
from .representation import Chunks, Representation
from .world import VERSION, World

VOICING = 1
"""Place of the number that says whether there is a voice. It is 1 or -1, and not scaled."""

OFFSET, SHIFT, HIDDEN = 0.07, 0.06, 0.2
"""Of augmentation: a fifth of a deviation of pitch and of each number of an envelope; shares of
the longest clip by which one begins earlier or later, and that are hidden."""


class Vocoder(Representation):
    """Frames of pitch, voicing, envelope and noisiness, and a channel that marks the end.

    Each number of a frame (see :class:`~.world.World`) is centred and divided by three of its
    standard deviations, those of the pitch over frames with a voice; what lies beyond is clipped.
    A step is ``frames`` consecutive frames. Its last number is the share of its frames before the
    end, from -1 (none) to 1 (all); the numbers of frames after the end are 0.

    Args:
        sample_rate: samples per second of clips.
        samples: maximum number of samples in a clip.
        coefficients: numbers of a spectral envelope.
        period: milliseconds from one frame to the next.
        frames: frames per step.
        lowest: the lowest pitch, in Hz.
        highest: the highest pitch, in Hz.
        mean: mean of each number of a frame.
        deviation: standard deviation of each.
        change: standard deviation of the change of each from one frame to the next, in the units
            of the sequences; empty in runs of before, whose discriminators do not read changes.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        samples: int,
        coefficients: int = 24,
        period: float = 16.0,
        frames: int = 2,
        lowest: float = 60.0,
        highest: float = 500.0,
        mean: Sequence[float] = (),
        deviation: Sequence[float] = (),
        change: Sequence[float] = (),
    ) -> None:
        self.world = World(sample_rate, coefficients, period, lowest, highest)
        self.sample_rate, self.samples, self.frames = sample_rate, samples, frames
        self.steps = math.ceil(self.world.frames(samples) / frames)
        self.total = self.steps * frames
        self.features = frames * self.world.numbers + 1
        numbers = self.world.numbers
        self.mean_N = torch.tensor(mean or [0.0] * numbers)
        self.mean_N[VOICING] = 0.0
        self.scale_N = _scale(torch.tensor(deviation or [1.0] * numbers))
        self.change = tuple(change)

    def _analysed(self, sound_BS: Tensor, length_B: Tensor) -> list[Float[Tensor, "_ N"]]:
        clips = [
            np.ascontiguousarray(sound_S[:length], np.float32)
            for sound_S, length in zip(sound_BS.numpy(), length_B.tolist(), strict=True)
        ]
        found = cached_rows(
            (self.world, VERSION),
            clips,
            lambda some: _each(self.world.analyse, some),
            self.world.numbers,
        )
        return [torch.from_numpy(frame_TN) for frame_TN in found]

    def learn(self, chunks: Chunks) -> dict[str, list[float]]:
        """Return mean and deviation of each number over all frames, and that of its change."""
        numbers = self.world.numbers
        total_N = torch.zeros(numbers, dtype=torch.float64)
        square_N, count_N = total_N.clone(), total_N.clone()
        changed_N, changes = total_N.clone(), 0
        for sound_BS, length_B in chunks:
            clips = [clip_TN.double() for clip_TN in self._analysed(sound_BS, length_B)]
            frame_PN = torch.cat(clips)
            change_PN = torch.cat([clip_TN.diff(dim=0) for clip_TN in clips])
            changed_N += change_PN.square().sum(0)
            changes += len(change_PN)
            # Where there is no voice, its pitch is made up.
            counts_PN = torch.ones_like(frame_PN)
            counts_PN[:, 0] = frame_PN[:, VOICING] > 0
            total_N += (frame_PN * counts_PN).sum(0)
            square_N += (frame_PN.square() * counts_PN).sum(0)
            count_N += counts_PN.sum(0)
        mean_N = total_N / count_N.clamp(min=1)
        if not count_N[0]:
            mean_N[0] = self.world.middle
        deviation_N = (square_N / count_N.clamp(min=1) - mean_N.square()).clamp(min=0).sqrt()
        # A number that never changes stays flat.
        deviation_N = deviation_N.clamp(min=1e-3)
        change_N = (changed_N / max(changes, 1)).sqrt() / _scale(deviation_N)
        return {
            "mean": mean_N.tolist(),
            "deviation": deviation_N.tolist(),
            "change": change_N.clamp(min=1e-3).tolist(),
        }

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T F"]:
        """Encode clips, zero after their ends, as sequences."""
        x_BTN = torch.zeros(len(sound_BS), self.total, self.world.numbers)
        exists_BT = torch.zeros(len(sound_BS), self.total)
        for x_TN, exists_T, frame_TN in zip(
            x_BTN, exists_BT, self._analysed(sound_BS, length_B), strict=True
        ):
            count = min(len(frame_TN), self.total)
            x_TN[:count] = ((frame_TN[:count] - self.mean_N) / self.scale_N).clamp(-1, 1)
            exists_T[:count] = 1
        x_BTF = rearrange(x_BTN, "b (t n) m -> b t (n m)", n=self.frames)
        share_BT = rearrange(exists_BT, "b (t n) -> b t n", n=self.frames).mean(-1)
        return torch.cat([x_BTF, share_BT[..., None] * 2 - 1], -1)

    def maps(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B C S 1"]:
        """Return a map of all frames for each number of a frame, and one of the end."""
        return frame_maps(x_BTF, self.frames, more=1)

    def augmentation(self) -> FrameAugmentation:
        """Return what changes clips as another mouth, room and moment would."""
        offset = [OFFSET] * self.world.numbers
        offset[VOICING] = 0.0
        shift, hidden = (math.ceil(share * self.steps) for share in (SHIFT, HIDDEN))
        return FrameAugmentation(offset, self.frames, shift, hidden)

    def view(self) -> ChangeView | None:
        """Return what shows a discriminator the changes of a frame beside its numbers."""
        return ChangeView(self.change, self.frames, more=1) if self.change else None

    def exact(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        """Return generated steps with their ends written as :meth:`encode` writes them."""
        return ended(x_BTF, self.frames)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Decode sequences; return samples, and the length of each clip."""
        x_BTF = self.exact(x_BTF.detach().cpu())
        count_B = ((x_BTF[..., -1] + 1) / 2 * self.frames).round().sum(1).long()
        frame_BTN = rearrange(x_BTF[..., :-1], "b t (n m) -> b (t n) m", n=self.frames)
        frame_BTN = frame_BTN * self.scale_N + self.mean_N
        # The last frame lies anywhere in the period before the end: in its middle, on average.
        hop = self.world.period * self.sample_rate / 1000
        length_B = ((count_B - 0.5) * hop).round().long().clamp(1, self.samples)
        sound_BS = torch.zeros(len(x_BTF), self.samples)
        frames = [
            frame_TN[:count].numpy()
            for frame_TN, count in zip(frame_BTN, count_B.tolist(), strict=True)
        ]
        for sound_S, made_S in zip(sound_BS, _each(self.world.synthesise, frames), strict=True):
            kept = min(len(made_S), self.samples)
            sound_S[:kept] = torch.from_numpy(made_S[:kept])
        return sound_BS.to(x_BTF.device), length_B.to(x_BTF.device)


def _scale(deviation_N: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Return what 1 stands for in each number of a frame."""
    scale_N = DEVIATIONS * deviation_N
    scale_N[VOICING] = 1.0
    return scale_N


def _each(
    work: Callable[[np.ndarray], np.ndarray], items: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return what comes of each item, in as many threads as PyTorch has: WORLD holds no lock."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(work, items))
