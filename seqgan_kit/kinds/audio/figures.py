"""The figures of clips of sound beyond what a judge sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...evaluation.distribution import NotMeasurable, TooFewSamples
from ...evaluation.judge import Judge
from ...evaluation.lengths import length_distance

FRAME_SECONDS = 0.01
QUIET_DB = -50.0
"""A frame this far below full scale is counted as silence."""

FULL_SCALE = 1.0 - 1 / 2**15
"""A sample this loud is taken for one that was clipped."""

HEARD = 300
"""Clips of a set that the recogniser listens to, at most."""

RATED = 60
"""Clips of a set whose quality is rated, at most: it takes about a second a clip."""

CHUNK = 512

Listen = Callable[[Sequence[np.ndarray], int], list[str | None]]
"""Hears for each clip of a sample rate a word, or nothing."""

Rate = Callable[[Sequence[np.ndarray], int], np.ndarray]
"""Scores the quality of each clip of a sample rate."""


class AudioFigures:
    """Clips beside those that they were learned from and beside held-out ones.

    Clips are rows of samples, NaN where they have ended.

    Args:
        training: the clips that a model has seen.
        reference: real clips that it has not: the whole test part.
        label_NA: classes of the test part.
        sample_rate: samples a second.
        judge: whose doubts about the first attribute give the Inception score.
        words: names of the classes of the first attribute.
        listen: a recogniser that knows these words, if there is one.
        rate: a score of quality, if there is one.

    Raises:
        TooFewSamples: a part has no clip.
        ValueError: there is a recogniser and no words to hold it to.
    """

    def __init__(
        self,
        *,
        training: Float[Tensor, "M S"],
        reference: Float[Tensor, "R W"],
        label_NA: np.ndarray,
        sample_rate: int,
        judge: Judge,
        words: Sequence[str] = (),
        listen: Listen | None = None,
        rate: Rate | None = None,
    ) -> None:
        if not len(training) or not len(reference):
            raise TooFewSamples("figures of sound need at least one training and one test clip")
        if listen is not None and len(words) < judge.classes[0]:
            raise ValueError("a recogniser needs a word for each class of the first attribute")
        self._training = training
        self._reference = reference
        self._label_NA = label_NA
        self._sample_rate = sample_rate
        self._judge = judge
        self._words = tuple(words)
        self._listen, self._rate = listen, rate
        self._length_R = _lengths(reference)

    def measure(
        self, samples: Float[Tensor, "N S"], label_NA: np.ndarray | None = None
    ) -> dict[str, float]:
        """The figures of one set of samples.

        Args:
            samples: clips.
            label_NA: what they were asked to be, which the recogniser is held to.

        Raises:
            TooFewSamples: there are none.
            NotMeasurable: a clip is empty, or holds values that are no numbers.
        """
        length_N = _lengths(samples)
        loudness_N = loudness(samples)
        figures = {
            "length_distance": length_distance(length_N, self._length_R),
            "loudness": float(loudness_N.mean()),
            "loudness_deviation": float(loudness_N.std(correction=0)),
            "silence_share": silence_share(samples, sample_rate=self._sample_rate),
            "clipped_share": clipped_share(samples),
        }
        if self._judge.classes[0] > 1:
            figures["inception_score"] = inception_score(self._judge, samples)
        # At random, as the first ones of sorted samples are all of one class.
        chosen = np.random.default_rng(0).permutation(len(samples))[:HEARD]
        clips = [
            samples[number, : int(length_N[number])].float().cpu().numpy() for number in chosen
        ]
        if self._listen is not None and label_NA is not None:
            wanted = [self._words[number] for number in label_NA[chosen, 0]]
            words = self._listen(clips, self._sample_rate)
            hits = [word == want for word, want in zip(words, wanted, strict=True)]
            figures["recognised"] = float(np.mean(hits))
        if self._rate is not None:
            figures["quality"] = float(self._rate(clips[:RATED], self._sample_rate).mean())
        return figures

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """The figures of real clips in the place of samples.

        Lengths are those of training clips, held to the test part as samples are; all else is
        that of the test part.
        """
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        chosen = self._training[torch.from_numpy(np.sort(order))]
        found = self.measure(self._reference, self._label_NA)
        found["length_distance"] = length_distance(_lengths(chosen), self._length_R)
        return found, len(self._reference)

    def noise(self, count: int, seed: int) -> Float[Tensor, "N S"]:
        """So many clips of white noise, as long as test clips are."""
        rng = torch.Generator().manual_seed(seed)
        length_N = self._length_R[torch.randint(len(self._length_R), (count,), generator=rng)]
        width = self._reference.shape[1]
        noise_NS = torch.rand(count, width, generator=rng) * 1.9 - 0.95
        return torch.where(torch.arange(width) < length_N[:, None], noise_NS, torch.nan)


def _lengths(items: Float[Tensor, "N S"]) -> Int[Tensor, " N"]:
    """Samples of each clip.

    Raises:
        TooFewSamples: there are no clips.
        NotMeasurable: a clip is empty, or holds values that are no numbers.
    """
    if not len(items):
        raise TooFewSamples("figures of sound need at least one clip")
    exists_NS = ~items.isnan()
    # A clip begins with a number, and no number follows on NaN: that is its end.
    whole_N = exists_NS[:, 0] & (exists_NS[:, 1:] <= exists_NS[:, :-1]).all(1)
    if not bool(whole_N.all()) or bool(items.isinf().any()):
        raise NotMeasurable(
            "the samples hold clips that are empty, or values that are infinite or not a number: "
            "the training has diverged; take an earlier checkpoint"
        )
    return exists_NS.sum(1).cpu()


def loudness(items: Float[Tensor, "N S"]) -> Float[Tensor, " N"]:
    """Root mean square of each clip in decibels below full scale.

    >>> round(loudness(torch.sin(torch.arange(8000.0) / 5)[None]).item(), 2)
    -3.01
    """
    power_N = items.square().nanmean(1).clamp(min=1e-12)
    return 10 * power_N.log10()


def silence_share(items: Float[Tensor, "N S"], *, sample_rate: int) -> float:
    """Share of frames of 10 ms, of all clips together, that are silent."""
    size = max(round(FRAME_SECONDS * sample_rate), 1)
    frame_NTS = items[:, : items.shape[1] // size * size].unflatten(1, (-1, size))
    whole_NT = ~frame_NTS.isnan().any(-1)
    if not bool(whole_NT.any()):
        return 0.0
    power_P = frame_NTS[whole_NT].square().mean(-1)
    return float((power_P < 10 ** (QUIET_DB / 10)).float().mean())


def clipped_share(items: Float[Tensor, "N S"]) -> float:
    """Share of clips with a sample at full scale or beyond.

    >>> clipped_share(torch.tensor([[0.5, torch.nan], [0.2, -1.0]]))
    0.5
    """
    return float((items.nan_to_num(0.0).abs().amax(1) >= FULL_SCALE).float().mean())


@torch.no_grad()
def inception_score(judge: Judge, items: Float[Tensor, "N S"]) -> float:
    """The exponential of the mean divergence of a clip's classes from those of all clips.

    By the judge's probabilities of the first attribute: 1 where it says the same of every clip,
    and the number of classes where it is sure of each, and each occurs equally often.

    References:
        Salimans et al. 2016, *Improved Techniques for Training GANs*; by a classifier of sound
        Donahue et al. 2019.
    """
    device = next(judge.parameters()).device
    parts = [
        judge.logits(judge.features(chunk.to(device)))[0].double().log_softmax(1).cpu()
        for chunk in items.split(CHUNK)
    ]
    log_p_NK = torch.cat(parts)
    p_NK = log_p_NK.exp()
    log_mean_K = p_NK.mean(0).clamp(min=1e-30).log()
    return float((p_NK * (log_p_NK - log_mean_K)).sum(1).mean().exp())
