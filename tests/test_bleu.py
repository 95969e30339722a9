"""BLEU and Self-BLEU equal NLTK's, and are fast."""

import itertools
import random
import time

import pytest

from seqgan_kit.evaluation.distribution import TooFewSamples
from seqgan_kit.kinds.text.bleu import ORDERS, bleu, self_bleu

nltk_bleu = pytest.importorskip("nltk.translate.bleu_score", reason="NLTK is not installed")


def nltk(hypothesis, references, order):
    smooth = nltk_bleu.SmoothingFunction().method1
    weights = (1 / order,) * order
    return nltk_bleu.sentence_bleu(references, hypothesis, weights, smoothing_function=smooth)


def lines(count, seed, words=12, longest=9):
    rng = random.Random(seed)
    # Few words, so that n-grams repeat within and between lines; empty lines, too.
    return [
        [f"w{rng.randrange(words)}" for _ in range(rng.randrange(longest))] for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_bleu_is_nltks(seed):
    hypotheses, references = lines(25, seed), lines(15, seed + 100, words=14)
    found = bleu(hypotheses, references)
    for order in ORDERS:
        expected = sum(nltk(line, references, order) for line in hypotheses) / len(hypotheses)
        assert found[order] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_self_bleu_is_nltks_with_all_the_others(seed):
    given = lines(25, seed)
    given[3] = given[7]
    found = self_bleu(given)
    for order in ORDERS:
        scores = [nltk(line, given[:n] + given[n + 1 :], order) for n, line in enumerate(given)]
        assert found[order] == pytest.approx(sum(scores) / len(scores), abs=1e-9)


def test_every_pair_of_short_lines():
    """Brevity, clipping and ties of lengths, in all the small cases."""
    tokens = [list(line) for n in range(4) for line in itertools.product("ab", repeat=n)]
    for references in ([["a"], ["a", "b", "a"]], [["a", "a"], ["b", "b", "b", "b"]]):
        for hypothesis in tokens:
            found = bleu([hypothesis], references, orders=(1, 2, 3))
            for order, value in found.items():
                assert value == pytest.approx(nltk(hypothesis, references, order), abs=1e-12)


def test_the_only_line_of_its_length_is_not_its_own_reference():
    given = [["a", "b", "c", "d"], ["a", "b"], ["a", "b"]]
    expected = sum(nltk(given[n], given[:n] + given[n + 1 :], 2) for n in range(3)) / 3
    assert self_bleu(given, orders=(2,))[2] == pytest.approx(expected, abs=1e-12)


def test_copies_and_strangers():
    given = [["a", "b", "c", "d", "e"]] * 3
    assert self_bleu(given)[5] == pytest.approx(1)
    assert bleu([["x", "y"]], given)[2] == 0


def test_too_few():
    with pytest.raises(TooFewSamples):
        self_bleu([["a"]])
    with pytest.raises(TooFewSamples):
        bleu([["a"]], [])
    with pytest.raises(TooFewSamples):
        bleu([], [["a"]])


def test_ten_thousand_lines_take_seconds():
    given = lines(10_000, 0, words=5000, longest=20)
    began = time.perf_counter()
    bleu(given, lines(10_000, 1, words=5000, longest=20))
    self_bleu(given)
    assert time.perf_counter() - began < 20


def test_the_figures_that_texygen_publishes(real_data):
    from nltk.tokenize import NLTKWordTokenizer

    cut = NLTKWordTokenizer().tokenize

    def read(*place):
        text = real_data.joinpath("text", *place).read_text("utf-8")
        return [cut(line.lower()) for line in text.splitlines()]

    samples = read("texygen_samples", "mle.txt")
    found = bleu(samples, read("coco_captions", "test.txt"))
    for order, expected in zip(ORDERS, (0.731, 0.497, 0.305, 0.189), strict=True):
        assert found[order] == pytest.approx(expected, abs=6e-4)
    found = self_bleu(samples)
    # The last one is .40900 here; NLTK agrees on the lines for which there was time to run it.
    for order, expected in zip(ORDERS, (0.916, 0.769, 0.583, 0.408), strict=True):
        assert found[order] == pytest.approx(expected, abs=1.1e-3)
