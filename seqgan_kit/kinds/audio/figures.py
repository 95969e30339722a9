"""The audio metrics beyond those of a judge."""

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
"""A frame this far below full scale counts as silence."""

FULL_SCALE = 1.0 - 1 / 2**15
"""A sample this loud counts as clipped."""

HEARD = 300
"""Maximum number of clips in a set for the recogniser."""

RATED = 60
"""Maximum number of clips in a set to rate for quality: it takes about a second per clip."""

CHUNK = 512

Listen = Callable[[Sequence[np.ndarray], int], list[str | None]]
"""Recognises a word, or nothing, in each clip of a sample rate."""

Rate = Callable[[Sequence[np.ndarray], int], np.ndarray]
"""Rates the quality of each clip of a sample rate."""


class AudioFigures:
    """Metrics of audio clips, measured against training clips and held-out clips.

    Clips are rows of samples, NaN after the end.

    Args:
        training: clips the model was trained on.
        reference: real clips it has not seen: the whole test part.
        label_NA: classes of the test part.
        sample_rate: samples per second.
        judge: its probabilities of the first attribute give the Inception score.
        words: names of the classes of the first attribute.
        listen: a recogniser of these words, if there is one.
        rate: a quality rating, if there is one.

    Raises:
        TooFewSamples: there are no training clips, or no test clips.
        ValueError: there is a recogniser, but no word for some class.
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
            raise TooFewSamples("audio metrics need at least one training and one test clip")
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
        """Measure one set of samples.

        Args:
            samples: clips.
            label_NA: the requested labels, with which recognised words are compared.

        Raises:
            TooFewSamples: there are no clips.
            NotMeasurable: a clip is empty, or contains infinite values or NaN before its end.
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
        # Chosen at random, because the first of sorted samples are all of one class.
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
        """Compute the same metrics with real clips in place of samples.

        The distance of lengths compares training clips with the test part; all other metrics are
        those of the test part.
        """
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        chosen = self._training[torch.from_numpy(np.sort(order))]
        found = self.measure(self._reference, self._label_NA)
        found["length_distance"] = length_distance(_lengths(chosen), self._length_R)
        return found, len(self._reference)

    def noise(self, count: int, seed: int) -> Float[Tensor, "N S"]:
        """Draw clips of white noise, with lengths drawn from the test clips."""
        rng = torch.Generator().manual_seed(seed)
        length_N = self._length_R[torch.randint(len(self._length_R), (count,), generator=rng)]
        width = self._reference.shape[1]
        noise_NS = torch.rand(count, width, generator=rng) * 1.9 - 0.95
        return torch.where(torch.arange(width) < length_N[:, None], noise_NS, torch.nan)


def _lengths(items: Float[Tensor, "N S"]) -> Int[Tensor, " N"]:
    """Count the samples of each clip.

    Raises:
        TooFewSamples: there are no clips.
        NotMeasurable: a clip is empty, or contains infinite values or NaN before its end.
    """
    if not len(items):
        raise TooFewSamples("audio metrics need at least one clip")
    exists_NS = ~items.isnan()
    # A valid clip starts with a number, and has no numbers after its first NaN, the end.
    whole_N = exists_NS[:, 0] & (exists_NS[:, 1:] <= exists_NS[:, :-1]).all(1)
    if not bool(whole_N.all()) or bool(items.isinf().any()):
        raise NotMeasurable(
            "some clips are empty, or contain values that are infinite or not a number: training "
            "has diverged; use an earlier checkpoint"
        )
    return exists_NS.sum(1).cpu()


def loudness(items: Float[Tensor, "N S"]) -> Float[Tensor, " N"]:
    """Return the root mean square of each clip, in decibels relative to full scale.

    >>> round(loudness(torch.sin(torch.arange(8000.0) / 5)[None]).item(), 2)
    -3.01
    """
    power_N = items.square().nanmean(1).clamp(min=1e-12)
    return 10 * power_N.log10()


def silence_share(items: Float[Tensor, "N S"], *, sample_rate: int) -> float:
    """Return the share of 10 ms frames, over all clips, that are silent."""
    size = max(round(FRAME_SECONDS * sample_rate), 1)
    frame_NTS = items[:, : items.shape[1] // size * size].unflatten(1, (-1, size))
    whole_NT = ~frame_NTS.isnan().any(-1)
    if not bool(whole_NT.any()):
        return 0.0
    power_P = frame_NTS[whole_NT].square().mean(-1)
    return float((power_P < 10 ** (QUIET_DB / 10)).float().mean())


def clipped_share(items: Float[Tensor, "N S"]) -> float:
    """Return the share of clips with a sample at full scale or above.

    >>> clipped_share(torch.tensor([[0.5, torch.nan], [0.2, -1.0]]))
    0.5
    """
    return float((items.nan_to_num(0.0).abs().amax(1) >= FULL_SCALE).float().mean())


@torch.no_grad()
def inception_score(judge: Judge, items: Float[Tensor, "N S"]) -> float:
    """Return the exponential of the mean KL divergence of a clip's class probabilities from p(y).

    The probabilities are the judge's, for the first attribute, and p(y) is their mean over clips.
    The score is 1 if they are the same for every clip, and the number of classes if the judge is
    certain of each clip and the classes are equally frequent.

    References:
        Salimans et al. 2016, *Improved Techniques for Training GANs*; with a classifier of audio,
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
