"""A first recipe for a user's own text."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...data import tables
from ...data.dataset import DataError, Dataset
from ...data.reading import refuse_columns
from ...data.tables import TableForm, guessed_form
from ...runs import beginning as shared
from ...runs.asked import Starter, file_name
from .datasets import text_lines
from .files import ENDINGS, TextFile, open_records, read_rows
from .tokenizers import SentencePieceTokenizer, learn_sentencepiece

MOST_UNREADABLE = 0.1
"""Share of the rows that may be left out because they cannot be read."""

SPARSE = 100
"""Columns for each that a row has on average, beyond which rows have nothing in common."""

VOCABULARIES = (4000, 2000, 1000, 500, 200)
CHARACTERS_A_TOKEN = 100
"""Characters of training text that each token of a vocabulary is to have."""
LEARNED = 20_000
"""Lines from which pieces of words are learned to see how long lines are in them."""
LONGEST_PIECES, LONGEST_CHARACTERS = 64, 128
"""Tokens of the longest sequence: the rest of longer lines is cut."""


@dataclass(frozen=True)
class Guess:
    """What the columns of a file mean.

    Attributes:
        text: the column of the text.
        labels: those of labels.
        left_out: the others, and why they are no labels.
        sure: whether the file is plainly one of text.
        table: whether it has columns at all.
        form: how it is written.
    """

    text: str = "text"
    labels: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    table: bool = True
    form: TableForm = field(default_factory=TableForm)


@dataclass(frozen=True)
class Tokens:
    """What a token is, and how many a sequence has; no vocabulary: every character is one."""

    vocabulary: int | None
    max_length: int
    cut: int
    """Training lines that are longer."""

    @property
    def description(self) -> str:
        what = f"{self.vocabulary} pieces of words" if self.vocabulary else "characters"
        cut = f"; {shared.plural(self.cut, 'longer line')} cut" if self.cut else ""
        return f"tokens of the recipe: {what}, at most {self.max_length} a line{cut}"


def starter(path: Path) -> Starter | None:
    """Propose a recipe for a file or a folder of text; ``None`` where it holds none.

    Raises:
        DataError: the text cannot be used.
    """
    parts = shared.part_files(path, ENDINGS)
    guess = _guess(parts["training"]) if parts else None
    if parts is None or guess is None:
        return None
    files = {
        part: read_rows(file, text=guess.text, labels=guess.labels, skip=True, form=guess.form)
        for part, file in parts.items()
    }
    _refuse_unreadable(files["training"])
    share = shared.share_for(len(files["training"].rows))
    dataset = text_lines(
        root=path, text=guess.text, labels=guess.labels, validation=share, test=share, seed=0,
        unreadable="skip", form=guess.form,
    )  # fmt: skip
    lines = [line for part in dataset.parts.values() for line in part.items[: len(part)]]
    if len(set(lines)) == 1:
        raise DataError(
            f"{path}: all {len(lines)} lines of text are the same: give a file with different ones"
        )
    training = dataset.parts["training"].items
    tokens = choose_tokens([*training[: len(training)]])
    name = f"{file_name(path, 'own')}_text"
    skip = any(file.unreadable for file in files.values())
    make = Starter if guess.sure else shared.Fallback
    return make(
        name,
        f"{path}: {_description(dataset, guess, lines)}\n{tokens.description}",
        lambda target: text_recipe(
            name, path, dataset, guess, tokens, share=share, skip=skip, target=target
        ),
    )


def write_tiny(folder: Path) -> Path:
    """Write a tiny table of labelled sentences."""
    generator = random.Random(0)
    said = {"cat": ["purrs", "sleeps", "is soft"], "dog": ["barks", "runs", "is loud"]}
    rows = [
        f'"the {generator.choice(["old", "red", "big"])} {animal} {generator.choice(verbs)}, '
        f'{generator.choice(["now", "again", "too"])}",{animal}'
        for animal, verbs in said.items()
        for _ in range(30)
    ]
    path = folder / "pets.csv"
    path.write_text("\n".join(["text,animal", *rows, ""]), encoding="utf-8")
    return path


def _guess(path: Path) -> Guess | None:
    """Guess what the columns mean; ``None`` where the file is a table without text."""
    suffix = path.suffix.lower()
    form = guessed_form(path) if suffix in tables.ENDINGS else TableForm()
    opened, about = open_records(path, form)
    records = [*opened]
    if not records and not about.columns:
        raise DataError(f"{path} is empty: there is nothing to learn from")
    if about.plain:
        return Guess(table=False)
    rows = [row for _, row in records if isinstance(row, dict) and row]
    if not rows:
        wrong = [f"line {line}: {record}" for line, record in records if isinstance(record, str)]
        what = "JSON objects" if suffix == ".jsonl" else "rows below the header"
        why = f" that can be read ({wrong[0]})" if wrong else ""
        raise DataError(f"{path} has no {what}{why}: add some")
    names = dict.fromkeys(name for row in rows for name in row)
    refuse_columns(path, len(names))
    if len(names) * len(rows) > SPARSE * sum(map(len, rows)):
        raise DataError(
            f"{path}: its {len(rows):,} rows have {len(names):,} different keys: give all rows "
            "the same"
        )
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    numbers = [name for name, values in columns.items() if shared.are_numbers(values)]
    text = _text_column({name: columns[name] for name in columns if name not in numbers})
    if text is None:
        if suffix in tables.ENDINGS and numbers:
            return None
        raise DataError(
            f"{path} has no column that looks like text, only {', '.join(map(repr, columns))}: "
            "call the one that holds it 'text'"
        )
    if suffix != ".jsonl" and len(text.split()) > 4:
        raise DataError(
            f"{path}: the header row contains {text!r}, which looks like a text: add a first row "
            "that names the columns, such as text,label"
        )
    labels, left_out = shared.guess_labels(rows, [name for name in columns if name != text])
    measured = [name for name in numbers if name not in labels]
    plain = text.lower() == "text" or _words(columns[text]) >= 2 or len(measured) < 2
    # A manifest of recordings may have a column of what is said in them.
    files = [one for one in columns.get("path", []) if isinstance(one, str) and Path(one).suffix]
    return Guess(text, labels, left_out, plain and len(files) < len(rows) / 2, form=form)


def _text_column(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """The column of text: what is called so, or else has the most, and different, characters."""
    size: dict[str, int] = {}
    for name, values in columns.items():
        texts = [one.strip() for one in values if isinstance(one, str) and one.strip()]
        if len(texts) < len(values) / 2:
            continue
        if name.strip().lower() == "text":
            return name
        different = set(texts)
        # Names hardly repeat, and sentences may, as long as there are many.
        varied = len(different) > len(texts) * (0.2 if _words(texts) >= 3 else 0.5)
        if varied and not shared.are_codes(texts):
            size[name] = sum(map(len, different))
    return max(size, key=lambda name: size[name], default=None)


def _words(texts: Sequence[Any]) -> float:
    return float(np.mean([len(str(one).split()) for one in texts]))


def _refuse_unreadable(file: TextFile) -> None:
    bad, count = len(file.unreadable), len(file.rows) + len(file.unreadable)
    if bad > MOST_UNREADABLE * count:
        raise DataError(
            f"{file.path}: {bad} of {count} rows cannot be read ({file.unreadable[0]}): "
            "correct them (in a .csv a text with a comma needs quotation marks)"
        )


def choose_tokens(lines: Sequence[str]) -> Tokens:
    """Choose characters, or pieces of words where lines are long and there are enough of them."""
    characters = np.array([len(line) for line in lines])
    words = np.array([len(line.split()) for line in lines])
    short = np.median(words) <= 2 and np.median(characters) <= 20
    sample = lines[:: -(-len(lines) // LEARNED)]
    for vocabulary in () if short else VOCABULARIES:
        if vocabulary > characters.sum() / CHARACTERS_A_TOKEN:
            continue
        try:
            model = learn_sentencepiece(
                sample, kind="unigram", vocabulary=vocabulary, byte_fallback=False,
                normalization="nfkc",
            )  # fmt: skip
        except DataError:
            continue  # More than the lines give, or too few for their characters.
        ids = SentencePieceTokenizer(model).batch_ids(lines)
        return _tokens(vocabulary, np.array([len(line) for line in ids]), LONGEST_PIECES)
    return _tokens(None, characters, LONGEST_CHARACTERS)


def _tokens(vocabulary: int | None, length_N: np.ndarray, most: int) -> Tokens:
    # A few lines that are much longer than the others would make every step of training longer.
    usual = int(1.25 * np.quantile(length_N, 0.95)) + 1
    limit = min(int(length_N.max()), usual, most)
    return Tokens(vocabulary, limit, int((length_N > limit).sum()))


def _description(dataset: Dataset, guess: Guess, lines: Sequence[str]) -> str:
    label_NA = np.concatenate([part.label_NA for part in dataset.parts.values()])
    words = shared.spread(np.array([len(line.split()) for line in lines]), "word")
    characters = shared.spread(np.array([len(line) for line in lines]), "character")
    where = f" in the column {guess.text!r}" if guess.table else ""
    labels = shared.class_counts(label_NA, dataset.labels) if guess.labels else ["no labels"]
    return "\n".join([
        f"{shared.plural(len(lines), 'line')} of text{where}",
        *labels,
        *shared.left_out_lines(guess.left_out),
        f"a line has {words}, {characters}",
        *dataset.notes,
    ])  # fmt: skip


def text_recipe(
    name: str,
    path: Path,
    dataset: Dataset,
    guess: Guess,
    tokens: Tokens,
    *,
    share: float,
    skip: bool,
    target: Path,
) -> str:
    """A commented recipe for text: first by likelihood, then as a game."""
    count = len(dataset.parts["training"])
    pieces = tokens.vocabulary is not None
    group, batch = shared.grouping(dataset.parts["training"].label_NA, most=64)
    if pieces:
        # Nothing is compared between sentences, so that a batch is drawn from all of them.
        group, batch = 1, min(count, 64)
    first = int(np.clip(20 * count / batch, 300, 4500) // 100 * 100)
    game = 500 if pieces else 1000
    width = 256 if pieces else 128
    objective = f"kind: {'policy' if pieces else 'gan'}"
    if pieces and guess.labels:
        objective += ", mismatch: 1.0"
    written = (
        f"\n  separator: {shared.quoted(guess.form.separator)}" if guess.form.separator else ""
    )
    columns = f"""{written}
  # Columns of the text and of labels; without labels all lines are of one class.
  text: {shared.quoted(guess.text)}
  labels: {shared.quoted_list(guess.labels)}"""
    return f"""\
# seqgen train {target}
# {shared.plural(count, "line")} to train on, a {"piece" if pieces else "letter"} at a time.

name: {name}

data:
  source: lines
  root: {shared.quoted(os.path.abspath(path))}{columns if guess.table else ""}
  # Rows that cannot be used: error names them and stops, skip leaves them out.
  unreadable: {"skip" if skip else "error"}
  # Shares of the lines held out of training, unless there are files of these names.
  validation: {share}
  test: {share}

codec:
  kind: text
  # unigram, bpe (pieces of words), char or word: learned from the training lines.
  tokenizer: {"unigram" if pieces else "char"}
  # How many tokens; null with char: every character of the training lines.
  vocabulary: {tokens.vocabulary or "null"}
  normalization: {"nfkc" if pieces else "identity"}
  # Longer lines are cut (or dropped): {tokens.cut} of {count} are.
  max_length: {tokens.max_length}
  too_long: cut

model:
  kind: recurrent_gan
  generator:
    # lstm or gru; wider networks learn more and cost more.
    cell: lstm
    hidden_size: {width}
    layers: 1
    input_size: {width // 2}
    # What is random is the draw of every token.
    noise_size: 0
    step_noise_size: 0
    label_size: 32
    feedback: true
    # Share of the units left out while it learns by likelihood: raise it if it learns by heart.
    dropout: {0.4 if pieces else 0.2}
    head: {{kind: categorical, embedding_size: {width // 2 if pieces else 32}}}
  discriminator:
    hidden_size: 96
    embedding_size: {64 if pieces else 32}
    # One logit for a whole line.
    logits: sequence
    minibatch_group: {0 if pieces else group}

# First the generator learns to write, then the discriminator to tell, then they play.
phases:
  - steps: {first}
    objective: {{kind: likelihood}}
    schedule: {{kind: linear, hold: 0.3, final: {0.0 if pieces else 0.2}}}
  - steps: 200
    networks: [discriminator]
    objective: {{{objective}}}
    learning_rate_factor: {0.1 if pieces else 1.0}
  # A share of likelihood, so that the language is not forgotten.
  - objective: {{{objective}, likelihood: {0.05 if pieces else 0.1}}}
    learning_rate_factor: {0.1 if pieces else 0.2}

train:
  # Look at runs/{name}/samples now and then; lengthen the first phase, too, if more steps help.
  steps: {first + 200 + game}
  batch_size: {batch}
  class_group: {group}
  learning_rate: {"2e-3" if pieces else "3e-3"}
  learning_rates: {{discriminator: {"1e-2" if pieces else "3e-3"}}}
  betas: [{0.9 if pieces else 0.5}, 0.99]
  average_decay: 0.99
  grid_every: 500
  checkpoint_every: 1000

evaluation:
  samples: {int(np.clip(count, 100, 2000))}
  # What BLEU and the judge read: words or characters.
  units: {"words" if pieces else "characters"}
"""
