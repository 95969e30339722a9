"""Text metrics match hand-computed values, and bad samplers are exposed."""

import hashlib
import math
import random
import tarfile
import time

import numpy as np
import pytest
import torch

from seqgan_kit.evaluation.distribution import NotMeasurable, TooFewSamples
from seqgan_kit.evaluation.evaluate import Reference
from seqgan_kit.evaluation.figures import FIGURES, attribute_figures, figures_for
from seqgan_kit.evaluation.judge import look, train_judge
from seqgan_kit.evaluation.lengths import length_distance
from seqgan_kit.kinds.images.judge import ImageJudge
from seqgan_kit.kinds.text.bleu import bleu, distinct, self_bleu
from seqgan_kit.kinds.text.figure_table import FIGURES as TEXT_FIGURES
from seqgan_kit.kinds.text.figures import TextFigures, longest_copied
from seqgan_kit.kinds.text.judge import WordJudge
from seqgan_kit.kinds.text.units import as_lists, lengths, unit_items, unit_number


def spaced(*lines):
    return unit_items(lines, "spaces")


# -- units --------------------------------------------------------------------------------------


def test_units_are_words_or_what_stands_between_spaces_or_characters():
    line = "Don't  stop!"

    def numbers(*units):
        return [[unit_number(unit) for unit in units]]

    assert as_lists(unit_items([line], "words")) == numbers("do", "n't", "stop", "!")
    assert as_lists(unit_items([line], "spaces")) == numbers("Don't", "stop!")
    assert as_lists(unit_items([line], "characters")) == numbers(*line)


def test_rows_are_padded_and_come_back():
    items = spaced("a b c", "", "a")
    assert items.shape == (3, 3)
    assert items.dtype == torch.int64
    assert (items != 0).tolist() == [[True] * 3, [False] * 3, [True, False, False]]
    assert items[0, 0] == items[2, 0]
    assert lengths(items).tolist() == [3, 0, 1]
    assert [len(row) for row in as_lists(items)] == [3, 0, 1]
    assert spaced("", " ").shape == (2, 1)
    assert unit_items([], "words").shape == (0, 1)


def test_a_number_depends_on_the_unit_alone():
    digest = hashlib.blake2b(b"film", digest_size=8).digest()
    assert unit_number("film") == int.from_bytes(digest, "little") % (2**62 - 1) + 1
    assert len({unit_number(str(number)) for number in range(5000)}) == 5000
    assert min(unit_number(str(number)) for number in range(5000)) > 0
    unit_items(["\ud800"], "characters")  # Half a character, as a damaged file may hold.


# -- figures by hand ----------------------------------------------------------------------------


def test_every_figure_by_hand():
    training = spaced("the cat sat here", "a dog ran", "a dog ran", "the end")
    reference = spaced("the cat ran", "a dog sat here now", "stop")
    samples = spaced("the cat sat", "a dog ran", "a dog ran", "")
    made = TextFigures(
        training=training, reference=reference, score=lambda items: lengths(items).float()
    )
    found = made.measure(samples)
    lists, references = as_lists(samples), as_lists(reference)
    expected = {f"bleu_{n}": value for n, value in bleu(lists, references).items()}
    expected |= {f"self_bleu_{n}": value for n, value in self_bleu(lists).items()}
    expected |= {
        "distinct_1": 6 / 9,  # the cat sat a dog ran
        "distinct_2": 4 / 6,
        "distinct_3": 2 / 3,
        "unique": 3 / 4,
        # Up to length 0: 1/4 and 0; 1: 1/4 and 1/3; 2: the same; 3: 1 and 2/3.
        "length_distance": 1 / 3,
        "copied": 2 / 4,
        "longest_copied": (3 + 3 + 3 + 0) / 4,
        "copied_share": 3 / 4,
        "oracle_nats": 9 / 4,
    }
    assert found == pytest.approx(expected)
    assert list(found) == [figure.name for figure in TEXT_FIGURES if figure.name in found]
    assert len(found) == len(TEXT_FIGURES)
    # BLEU-2 of "the cat sat": 3 of 3 words, 1 of 2 pairs; of "a dog ran" the same; of "" 0.
    assert found["bleu_2"] == pytest.approx(3 * math.sqrt(1 / 2) / 4)

    real, count = made.real(100)
    assert count == 4
    assert list(real) == list(found)
    assert real["unique"] == 3 / 4
    assert real["distinct_1"] == 8 / 12
    # "the cat", "a dog" or "sat here", nothing.
    assert real["longest_copied"] == pytest.approx(4 / 3)
    assert real["copied_share"] == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert real["copied"] == 0
    assert real["oracle_nats"] == pytest.approx(9 / 3)
    assert made.real(2)[1] == 2
    assert made.real(2, seed=0) == made.real(2, seed=0)


def test_widths_of_the_sets_change_nothing():
    training, reference = spaced("a b c d", "b c"), spaced("a b", "c d a")
    samples = spaced("a b c", "c c")
    wide = torch.nn.functional.pad(samples, (0, 7))
    made = TextFigures(training=training, reference=reference)
    assert made.measure(samples) == made.measure(wide)
    assert "oracle_nats" not in made.measure(samples)


def test_distinct_of_short_lines():
    assert distinct([["a"], [], ["a", "a"]]) == {1: 1 / 3, 2: 1, 3: 0}


def test_self_bleu_where_no_line_has_the_longest_n_grams():
    given = [["a", "b"], ["a", "c", "b"], [], ["a", "b"]]
    found = self_bleu(given)
    for order in (2, 3, 4, 5):
        rest = [given[:n] + given[n + 1 :] for n in range(4)]
        scores = [bleu([line], rest[n])[order] for n, line in enumerate(given)]
        assert found[order] == pytest.approx(sum(scores) / 4, abs=1e-12)
    assert self_bleu([[], []])[5] == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_longest_copied_equals_brute_force(seed):
    rng = random.Random(seed)

    def lines(count, longest):
        # Some lines are empty, and few words make long copies.
        return [[rng.randrange(1, 4) for _ in range(rng.randrange(longest))] for _ in range(count)]

    given, training = lines(40, 14), lines(12, 3 + 5 * seed)
    given += training[:3]
    stands = {
        tuple(line[i:j]) for line in training for i in range(len(line)) for j in range(i, 99)
    }
    expected = [
        max(
            [0]
            + [
                j - i
                for i in range(len(line))
                for j in range(i + 1, len(line) + 1)
                if tuple(line[i:j]) in stands
            ]
        )
        for line in given
    ]
    assert longest_copied(given, training).tolist() == expected


def test_the_longest_copied_of_empty_lines():
    assert longest_copied([[], [1]], [[]]).tolist() == [0, 0]
    assert longest_copied([[], [1]], [[], [1]]).tolist() == [0, 1]


def test_length_distance_by_hand():
    def distance(a, b):
        return length_distance(torch.tensor(a), torch.tensor(b))

    assert distance([3, 5], [5, 3, 3, 5]) == 0
    assert distance([1, 1], [7]) == 1
    assert distance([1, 2, 3, 4], [2, 2, 3, 9]) == 0.25


def test_noise_is_of_training_words_at_the_lengths_of_the_test_part():
    training, reference = spaced("a b", "c a a a a"), spaced("x y z", "x", "x", "x")
    made = TextFigures(training=training, reference=reference)
    items = made.noise(4000, 0)
    assert items.shape == (4000, 3)
    used, count = items[items != 0].unique(return_counts=True)
    assert used.tolist() == sorted(unit_number(unit) for unit in "abc")
    np.testing.assert_allclose(count / count.sum(), 1 / 3, atol=0.02)
    assert length_distance(lengths(items), lengths(reference)) < 0.03
    assert torch.equal(items, made.noise(4000, 0))
    assert not torch.equal(items, made.noise(4000, 1))


def test_too_little_text_is_said():
    lines = spaced("a b", "c")
    for parts in ((lines[:0], lines), (lines, lines[:0])):
        with pytest.raises(TooFewSamples, match="at least one training and one test line"):
            TextFigures(training=parts[0], reference=parts[1])
    with pytest.raises(NotMeasurable, match="all training lines are empty"):
        TextFigures(training=spaced("", ""), reference=lines)
    with pytest.raises(TooFewSamples, match="at least two lines"):
        TextFigures(training=lines, reference=lines).measure(lines[:1])


# -- figures of several attributes ----------------------------------------------------------------


def test_figures_for_attributes():
    assert figures_for({"class": ["any"]}) == FIGURES
    assert figures_for({}) == FIGURES
    table = figures_for({"kind": ["a", "b"], "mood": ["any"]})
    names = ["label_accuracy", "label_accuracy/kind", "label_accuracy/mood", "gan_train_accuracy"]
    assert list(table)[:4] == names
    assert len(table) == len(FIGURES) + 4 + 2
    assert table["recall/kind=b"].title == "kind b"
    assert [figure.title for figure in attribute_figures("label_accuracy", ["kind", "mood"])] == [
        "label accuracy of kind",
        "label accuracy of mood",
    ]
    text = figures_for({}, TEXT_FIGURES)
    assert all(text[f"self_bleu_{order}"].better == "none" for order in (2, 3, 4, 5))


def test_a_figure_without_a_description_is_in_the_table():
    assert figures_for({}, (), ["notes_in_key"])["notes_in_key"].title == "notes in key"


# -- the judge ----------------------------------------------------------------------------------


def test_padding_changes_nothing_in_the_judge():
    torch.manual_seed(0)
    judge = WordJudge(classes=(3, 2)).eval()
    items = spaced("a b c d e f", "", "a", "b a")
    features_BF = judge.features(items)
    assert features_BF.shape == (4, 128)
    alone = [judge.features(items[n : n + 1, : max(n_units, 1)]) for n, n_units in
             enumerate(lengths(items).tolist())]  # fmt: skip
    torch.testing.assert_close(torch.cat(alone), features_BF)
    wide = torch.nn.functional.pad(items, (0, 40))
    torch.testing.assert_close(judge.features(wide), features_BF)
    assert not torch.allclose(features_BF[2], features_BF[3])
    assert [logit.shape[1] for logit in judge.logits(features_BF)] == [3, 2]


def test_every_weight_of_the_judge_learns():
    judge = WordJudge(classes=(2,))
    items = spaced("a b c d e f g h i j", "k l", "")
    judge.logits(judge.features(items))[0].square().sum().backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in judge.parameters())
    assert not judge.embed.weight.grad[0].any()  # Padding stays at 0.


def test_where_there_is_nothing_to_learn_the_judge_is_a_random_network():
    def make():
        return ImageJudge(channels=1, classes=(1, 1))

    judge = train_judge(
        torch.rand(20, 8, 8, 1), torch.zeros(20, 2, dtype=torch.long), make=make, seed=3
    )
    torch.manual_seed(3)
    torch.testing.assert_close(judge.state_dict(), make().state_dict(), rtol=0, atol=0)
    assert not judge.training


# -- samplers that are known to be good or bad --------------------------------------------------

WORDS = {
    "film": ["plot", "actor", "scene", "script", "cast", "camera", "sequel", "ending"],
    "food": ["soup", "bread", "salt", "oven", "dish", "sauce", "plate", "spice"],
}
MOODS = {"good": ["lovely", "great", "superb", "fine"], "bad": ["awful", "poor", "dull", "sad"]}


def sentences(count, seed):
    """Make lines like "the plot and the sequel were dull and poor today .", with two labels."""
    rng = random.Random(seed)
    lines, labels = [], []
    for _ in range(count):
        kind, mood = rng.randrange(2), rng.randrange(2)
        nouns, adjectives = list(WORDS.values())[kind], list(MOODS.values())[mood]
        parts = [f"the {rng.choice(nouns)}" for _ in range(rng.randint(1, 4))]
        verb = rng.choice(["was", "were", "seemed", "looked", "felt"])
        mine = [rng.choice(adjectives) for _ in range(rng.randint(1, 3))]
        lines.append(f"{' and '.join(parts)} {verb} {' and '.join(mine)} today .")
        labels.append([kind, mood])
    return lines, np.array(labels)


class Text:
    """Training, test and new lines with their labels, and the metrics for them."""

    def __init__(self):
        self.training, label_NA = sentences(500, 0)
        self.test, test_label_NA = sentences(400, 1)
        self.new, self.new_label_NA = sentences(200, 2)
        items, test = unit_items(self.training, "words"), unit_items(self.test, "words")
        judge = train_judge(
            items,
            torch.from_numpy(label_NA),
            make=lambda: WordJudge(classes=(2, 2), buckets=2**10),
            seed=0,
            epochs=1,
        )
        self.figures = TextFigures(training=items, reference=test)
        self.reference = Reference(
            judge=judge,
            items=test,
            label_NA=test_label_NA,
            training=items,
            flatten=None,
            noise=lambda count, rng: self.figures.noise(count, rng.initial_seed()),
            labels={"kind": tuple(WORDS), "mood": tuple(MOODS)},
        )
        self.real = self.figures.real(200)[0]

    def measure(self, lines, label_NA=None):
        items = unit_items(lines, "words")
        return self.figures.measure(items) | self.reference.measure(items, label_NA)


@pytest.fixture(scope="module")
def text():
    return Text()


def test_new_real_text_passes(text):
    found = text.measure(text.new, text.new_label_NA)
    assert found["label_accuracy"] > 0.95
    assert min(found["precision"], found["recall"]) > 0.8
    # Of real lines, the labels are known.
    names = ["label_accuracy", "label_accuracy/kind", "label_accuracy/mood"]
    judged = text.reference.real()
    assert list(judged)[:3] == names
    assert not {"spread", "memorised"} & judged.keys()
    for order in (2, 3, 4, 5):
        for name in (f"bleu_{order}", f"self_bleu_{order}"):
            assert found[name] == pytest.approx(text.real[name], abs=0.05)
    assert found["copied"] == pytest.approx(text.real["copied"], abs=0.05)
    assert found["longest_copied"] == pytest.approx(text.real["longest_copied"], abs=0.6)
    assert found["length_distance"] < 0.15


def test_a_sampler_that_repeats_one_sentence_is_exposed(text):
    found = text.measure([text.new[0]] * 200)
    assert found["unique"] == 1 / 200
    assert found["self_bleu_5"] == pytest.approx(1)
    assert text.real["self_bleu_5"] < 0.9
    assert found["distinct_2"] < 0.2 * text.real["distinct_2"]
    assert found["length_distance"] > 0.4
    assert max(found["recall"], found["coverage"]) < 0.1


def test_a_sampler_that_copies_training_lines_is_exposed_by_that_alone(text):
    found = text.measure(text.training[:200])
    assert found["copied"] == found["copied_share"] == 1 > text.real["copied"] + 0.3
    assert found["longest_copied"] > text.real["longest_copied"] + 1
    assert found["bleu_4"] == pytest.approx(text.real["bleu_4"], abs=0.05)
    assert found["recall"] > 0.8


def test_a_sampler_that_shuffles_words_is_exposed(text):
    rng = random.Random(0)
    lines = [" ".join(rng.sample(line.split(), len(line.split()))) for line in text.new]
    found = text.measure(lines, text.new_label_NA)
    assert found["distinct_1"] == pytest.approx(text.real["distinct_1"], abs=0.02)
    assert found["bleu_3"] < text.real["bleu_3"] - 0.3
    assert found["distinct_3"] > text.real["distinct_3"] + 0.1
    assert found["longest_copied"] < text.real["longest_copied"] - 2
    assert found["copied"] < 0.05


def test_a_sampler_that_ignores_a_label_is_exposed(text):
    wrong_NA = text.new_label_NA.copy()
    wrong_NA[:, 1] = np.random.default_rng(0).permutation(wrong_NA[:, 1])
    found = text.measure(text.new, wrong_NA)
    assert found["label_accuracy/kind"] > 0.95
    assert found["label_accuracy/mood"] < 0.65
    assert found["label_accuracy"] < 0.65
    assert "label_accuracy/kind" not in text.measure(text.new)


def test_noise_is_exposed(text):
    found = text.reference.noise(200, seed=0) | text.figures.measure(text.figures.noise(200, 0))
    assert found["precision"] < 0.5
    assert found["bleu_3"] < 0.3 * text.real["bleu_3"]
    assert found["length_distance"] < 0.15


def test_lines_have_no_nearest(text):
    with pytest.raises(NotMeasurable, match="no vectors"):
        text.reference.nearest_pairs(unit_items(text.new, "words"), 3)


# -- real text ----------------------------------------------------------------------------------


def test_real_captions_and_texygens_samples(real_data):
    def read(*place):
        lines = real_data.joinpath("text", *place).read_text("utf-8").splitlines()
        return unit_items(lines, "words")

    made = TextFigures(
        training=read("coco_captions", "train.txt"), reference=read("coco_captions", "test.txt")
    )
    samples = read("texygen_samples", "mle.txt")
    began = time.process_time()
    found = made.measure(samples)
    assert time.process_time() - began < 15
    published = {
        "bleu": (0.731, 0.497, 0.305, 0.189), "self_bleu": (0.916, 0.769, 0.583, 0.408),
    }  # fmt: skip
    for name, values in published.items():
        for order, value in zip((2, 3, 4, 5), values, strict=True):
            assert found[f"{name}_{order}"] == pytest.approx(value, abs=0.002)
    assert found["copied"] < 0.01
    real, count = made.real(len(samples))
    assert count == 9984
    assert real["self_bleu_3"] == pytest.approx(0.75, abs=0.01)
    assert real["longest_copied"] < found["longest_copied"]


def snippets(root):
    """Read sentences with kind and sentiment, and whether their document is held out."""
    archive = root / "text" / "sentence_snippets" / "hutto_ICWSM_2014.tar.gz"
    kinds = ("movieReviewSnippets", "nytEditorialSnippets", "tweets", "amazonReviewSnippets")
    lines, labels, held = [], [], []
    with tarfile.open(archive) as opened:
        for kind, name in enumerate(kinds):
            file = opened.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            for row in file.read().decode("utf-8", "replace").splitlines():
                number, valence, line = row.split("\t", 2)
                lines.append(line)
                labels.append([kind, int(float(valence) > -0.5) + int(float(valence) >= 0.5)])
                document = f"{kind} {number.split('_')[0]}".encode()
                held.append(hashlib.blake2b(document).digest()[0] < 51)
    return unit_items(lines, "words"), torch.tensor(labels), torch.tensor(held)


def test_the_judge_knows_kinds_and_sentiments_of_real_sentences(real_data):
    items, label_NA, held_N = snippets(real_data)
    began = time.process_time()
    judge = train_judge(
        items[~held_N],
        label_NA[~held_N],
        make=lambda: WordJudge(classes=(4, 3)),
        seed=0,
    )
    assert time.process_time() - began < 60
    verdict = look(judge, items[held_N])
    kind, sentiment = (verdict.label_NA == label_NA[held_N].numpy()).mean(0)
    assert kind > 0.87
    assert sentiment > 0.62


# -- one normalisation for all lines --------------------------------------------------------------


def test_a_copy_in_another_unicode_form_is_a_copy():
    """The codec writes "," for the full-width comma that the user's file has."""
    from seqgan_kit.kinds.text.figures import TextFigures
    from seqgan_kit.kinds.text.units import unit_items

    raw = [f"\u5e8a\u524d\u660e\u6708\u5149\uff0c{number}\u2026" for number in range(20)]
    written = [line.replace("\uff0c", ",").replace("\u2026", "...") for line in raw]
    figures = TextFigures(
        training=unit_items(raw, "characters"), reference=unit_items(raw[:5], "characters")
    )
    exact = figures.measure(unit_items(raw, "characters"))
    assert figures.measure(unit_items(written, "characters")) == exact
    assert exact["copied"] == 1
