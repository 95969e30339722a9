"""Text round-trips through tokens, and text that cannot is named."""

import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import torch

from seqgan_kit.data.dataset import DataError
from seqgan_kit.errors import UsageError
from seqgan_kit.files import FileProblem
from seqgan_kit.kind import Codec
from seqgan_kit.kinds.text.codec import MODEL_FILE, PAD, TextCodec, learn_codec, stored_codec
from seqgan_kit.kinds.text.datasets import snippets
from seqgan_kit.kinds.text.tokenizers import (
    NumbersTokenizer,
    SentencePieceTokenizer,
    learn_sentencepiece,
)

WORDS = (
    *("the", "a", "red", "small", "dog", "cat", "sits", "runs", "on", "in", "under", "table"),
    *("house", "garden,", "slowly.", "N\u00e9e", "\u00e9t\u00e9"),
)
GENERATOR = np.random.default_rng(0)
LINES = [" ".join(GENERATOR.choice(WORDS, GENERATOR.integers(3, 12))) for _ in range(400)]
SIZES = {"unigram": 40, "bpe": 60, "char": None, "word": 19}
BYTES = {"unigram": 290, "bpe": 310, "char": None, "word": 270}


def learn(
    kind, *, vocabulary="fitting", byte_fallback=False, normalization="identity", lines=LINES
):
    if vocabulary == "fitting":
        vocabulary = (BYTES if byte_fallback else SIZES)[kind]
    return learn_sentencepiece(
        lines,
        kind=kind,
        vocabulary=vocabulary,
        byte_fallback=byte_fallback,
        normalization=normalization,
    )


def tokenizer(kind, **settings):
    return SentencePieceTokenizer(learn(kind, **settings))


def codec(kind="char", max_length=20, **settings):
    return TextCodec(tokenizer=tokenizer(kind, **settings), max_length=max_length)


def raw(*lines):
    return np.array(lines, object)


def random_strings(alphabet, count=300, longest=20):
    generator = np.random.default_rng(1)
    return [
        "".join(
            alphabet[i] for i in generator.integers(0, len(alphabet), generator.integers(longest))
        )
        for _ in range(count)
    ]


# Every character except U+2581 and the surrogates, which are not text.
UNICODE = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c != 0x2581]
AWKWARD = [
    *("", " ", "  a", "a  ", "a  b", "\ta", "a\nb", "a\0b", "\u2047", "\u00a0a", "e\u0301"),
    "\ufeffa",
    *("</s>", "<unk>", "<s>", "<0x41>", "\u2585", "a" * 5000, "\U0001f469\u200d\U0001f467 x"),
]  # fmt: skip


# -- the round trip -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SIZES)
def test_with_byte_fallback_every_string_comes_back(kind):
    model = tokenizer(kind, byte_fallback=True)
    lines = [*AWKWARD, *LINES[:50], *random_strings(UNICODE), *random_strings(list("ae  \u00e9x"))]
    ids = model.batch_ids(lines)
    assert model.batch_text(ids) == lines
    assert not any(model.unknown in line for line in ids)


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_without_it_every_string_of_known_characters_comes_back(kind):
    model = tokenizer(kind)
    alphabet = [*sorted(set("".join(LINES))), " ", " "]
    lines = [*LINES, *random_strings(alphabet), "  the", "the  ", ""]
    assert model.batch_text(model.batch_ids(lines)) == lines


def test_known_words_one_space_apart_come_back():
    model = tokenizer("word")
    assert model.batch_text(model.batch_ids(LINES)) == LINES
    assert model.text(model.ids("the snake sits")) == "the \u2047 sits"
    assert model.text(model.ids("Snakes sit on")) == "\u2047 on"  # neighbours become one
    assert model.strangers("Snakes sit on a mat") == ["Snakes sit", "mat"]


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_a_lower_block_is_the_one_character_that_does_not(kind):
    model = tokenizer(kind, byte_fallback=True)
    assert model.text(model.ids("a\u2581b")) == "a b"


@pytest.mark.parametrize("kind", SIZES)
def test_nfkc_gives_back_the_compatibility_form(kind):
    model = tokenizer(kind, byte_fallback=True, normalization="nfkc")
    alphabet = [chr(c) for c in (*range(0x20, 0x7F), *range(0xA1, 0x250), *range(0xFF01, 0xFF5F))]
    for line in (*LINES[:20], *random_strings(alphabet), "  \ufb01sh", "e\u0301te\u0301"):
        assert model.text(model.ids(line)) == unicodedata.normalize("NFKC", line)


def test_what_is_unknown_still_has_a_text():
    model = tokenizer("char")
    assert model.unknown in model.ids("d\u00f8g")
    assert model.text(model.ids("d\u00f8g")) == "d\u2047g"


# -- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("byte_fallback", [False, True])
def test_the_same_lines_give_the_same_model_in_silence(kind, byte_fallback, capfd):
    first, again = (learn(kind, byte_fallback=byte_fallback) for _ in range(2))
    assert first == again
    assert capfd.readouterr() == ("", "")
    model = SentencePieceTokenizer(first)
    size = (BYTES if byte_fallback else SIZES)[kind]
    assert model.vocabulary == size or size is None
    assert (model.unknown, model.end) == (0, 1)


def test_all_characters_are_in_the_vocabulary_and_no_long_line_is_dropped():
    long = "q" * 100_000 + "\u00df"
    model = tokenizer("char", lines=[*LINES, long])
    assert model.vocabulary == len(set("".join([*LINES, long]))) + 2
    assert model.strangers(long) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (dict(kind="unigram", vocabulary=5000), r"vocabulary=5000 is more .* at most \d+$"),
        (dict(kind="bpe", vocabulary=5000), r"vocabulary=5000 is more .* at most \d+$"),
        (dict(kind="word", vocabulary=5000), r"vocabulary=5000 is more .* at most 19$"),
        (dict(kind="char", vocabulary=5000), r"vocabulary=5000 is more .* at most 25$"),
        (dict(kind="unigram", vocabulary=3), r"vocabulary=3 is too small: .* need 25 tokens"),
        (dict(kind="bpe", vocabulary=3), r"vocabulary=3 is too small: .* need 25 tokens"),
        (
            dict(kind="char", vocabulary=100, byte_fallback=True),
            r"vocabulary=100 is too small: .* 256 bytes need 258",
        ),
        (dict(kind="word", vocabulary=None), r"a word tokenizer requires codec\.vocabulary"),
        (dict(kind="char", lines=[]), "no text to learn a tokenizer from"),
        (dict(kind="bpe", lines=["", "  "]), "no text to learn a tokenizer from"),
    ],
)
def test_a_vocabulary_that_the_text_does_not_allow_is_one_sentence(settings, said):
    with pytest.raises(DataError, match=said) as error:
        learn(**settings)
    assert "\n" not in str(error.value)


def test_the_largest_vocabulary_that_is_named_can_be_learned():
    with pytest.raises(DataError) as error:
        learn("unigram", vocabulary=5000)
    most = int(str(error.value).split()[-1])
    assert tokenizer("unigram", vocabulary=most).vocabulary == most


def test_other_complaints_name_the_setting():
    with pytest.raises(DataError, match=r"cannot learn a char tokenizer with .*vocabulary=-7"):
        learn("char", vocabulary=-7)


def test_images_do_not_import_sentencepiece():
    code = "import sys, seqgan_kit.kinds.text.codec; assert 'sentencepiece' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the codec ------------------------------------------------------------------------------------


def test_a_line_ends_with_the_end_token_and_padding_is_masked():
    text = codec(max_length=5)
    assert isinstance(text, Codec)
    assert (text.steps, text.end, text.features) == (6, 1, 25)
    x_BT, mask_BT = text.encode(raw("dog", "a cat", "a table"))
    assert x_BT.dtype == torch.int64
    assert mask_BT.tolist() == [[True] * 4 + [False] * 2, [True] * 6, [True] * 6]
    assert x_BT[0, 3:].tolist() == [1, 0, 0]
    assert x_BT[1, 5] == 1
    assert (x_BT[2] != 1).all()  # cut, so it does not end
    ids_BT = text.decode(x_BT, mask_BT)
    assert ids_BT[0, 3:].tolist() == [PAD] * 3
    assert text.strings(ids_BT) == ["dog", "a cat", "a tabl"]
    assert text.present(ids_BT).tolist() == ["dog", "a cat", "a tabl"]
    assert text.pieces(ids_BT)[:1] == [["d", "o", "g"]]


def test_nothing_after_the_end_token_is_decoded_whatever_the_mask():
    text = codec(max_length=5)
    x_BT = torch.tensor([[5, 1, 6, 7, 1, 8], [1, 5, 5, 5, 5, 5], [5, 6, 7, 0, 8, 9]])
    mask_BT = torch.ones(3, 6, dtype=torch.bool)
    mask_BT[2, 2:] = False
    ids_BT = text.decode(x_BT, mask_BT)
    assert (ids_BT != PAD).sum(1).tolist() == [1, 0, 2]
    assert text.strings(ids_BT)[1] == ""
    assert text.strings(ids_BT[:0]) == []


def test_every_sequence_is_one_line():
    text = codec(byte_fallback=True, max_length=40)
    lines = raw("a\nb", "a\r\nb", "a\u2028b\x85c")
    ids_BT = text.decode(*text.encode(lines))
    assert text.strings(ids_BT) == ["a b", "a  b", "a b c"]
    broken = text.decode(*text.encode(raw("\u00f8")))[:, :1]
    assert text.strings(broken) == ["\ufffd"]  # half of a character


def test_lengths_are_those_of_whole_lines():
    text = codec(max_length=5)
    lines = raw("dog", "a cat", "a table")
    assert text.lengths(lines).tolist() == [3, 5, 7]
    assert text.fits(lines).tolist() == [True, True, False]


def test_a_prompt_is_known_and_leaves_room():
    text = codec(max_length=5)
    assert text.tokenizer.text(text.beginning("a do").tolist()) == "a do"
    assert text.beginning("").tolist() == []
    with pytest.raises(UsageError, match=r"outside the vocabulary: '%', '\u00f8'; remove"):
        text.beginning("d\u00f8g %")
    with pytest.raises(
        UsageError,
        match=r"has 5 tokens, .* at most 5, .* fewer than 5 tokens",
    ):
        text.beginning("a dog")
    with pytest.raises(UsageError, match="outside the vocabulary: 'snake'"):
        codec("word").beginning("the snake")
    assert len(codec(byte_fallback=True).beginning("d\u00f8g"))


def test_numbers_are_their_own_tokens():
    settings, files = learn_codec(
        [],
        tokenizer="numbers",
        vocabulary=100,
        byte_fallback=False,
        normalization="identity",
        max_length=3,
    )
    text = stored_codec(settings, files)
    assert (text.steps, text.features, text.end, files) == (3, 100, None, {})
    x_BT, mask_BT = text.encode(raw("0 99 7", "5 1"))
    assert x_BT.tolist() == [[0, 99, 7], [5, 1, 0]]
    assert mask_BT.tolist() == [[True] * 3, [True, True, False]]
    assert text.strings(text.decode(x_BT, mask_BT)) == ["0 99 7", "5 1"]
    assert text.pieces(text.decode(x_BT, mask_BT))[1] == ["5", "1"]
    assert text.beginning("3").tolist() == [3]


@pytest.mark.parametrize("word", ["100", "-1", "two", "1.5", "\u00b2", "\u0663"])
def test_a_word_that_is_no_such_number_is_named(word):
    with pytest.raises(DataError, match=f"'{word}' is not a whole number below 100"):
        NumbersTokenizer(100).ids(f"1 {word} 2")


# -- the codec of a run ---------------------------------------------------------------------------


def learned(tokenizer="unigram", vocabulary=40):
    return learn_codec(
        LINES,
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        byte_fallback=False,
        normalization="identity",
        max_length=40,
    )


def test_a_stored_codec_is_the_learned_one():
    settings, files = learned()
    text = stored_codec(settings, files)
    assert list(files) == [MODEL_FILE]
    assert (text.steps, text.features) == (41, 40)
    lines = raw(*LINES)[text.fits(raw(*LINES))]
    assert text.strings(text.decode(*text.encode(lines))) == lines.tolist()


def test_a_changed_or_missing_tokenizer_is_refused():
    settings, files = learned()
    with pytest.raises(FileProblem, match=r"no tokenizer\.model.*train again$"):
        stored_codec(settings, {})
    changed = {MODEL_FILE: files[MODEL_FILE][:-1]}
    with pytest.raises(FileProblem, match=r"not the one the run was trained with.*train again$"):
        stored_codec(settings, changed)


def test_numbers_want_a_vocabulary():
    with pytest.raises(DataError, match=r"'numbers' requires codec\.vocabulary"):
        learned("numbers", None)


# -- real text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unigram", "word"])
def test_real_sentences_come_back(kind, real_data):
    root = real_data / "text" / "sentence_snippets"
    dataset = snippets(root=root, validation=0.1, test=0.1, seed=0)
    lines = dataset.parts["test"].items.tolist()
    model = tokenizer(kind, vocabulary=2000, byte_fallback=True, lines=lines)
    assert model.batch_text(model.batch_ids(lines)) == lines
