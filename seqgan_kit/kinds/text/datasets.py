"""Text data sets: labelled sentences, captions, names, and your own files."""

from __future__ import annotations

import hashlib
import html
import json
import tarfile
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...data.dataset import (
    DataError,
    Dataset,
    Part,
    PartName,
    as_classes,
    cut_into_parts,
    fingerprint,
    held_out,
    some,
)
from ...data.label_folders import LeftOut, left_out
from ...data.part_files import find_parts
from ...data.reading import LARGEST_MB
from ...data.sources import Progress, locate
from ...data.tables import FRAME, TableForm
from ...labels import UNLABELLED
from .files import ENDINGS, TextFile, read_rows
from .sources import PEPTIDES, SNIPPETS_ARCHIVE, SOURCES, TEST_CAPTIONS, TRAINING_CAPTIONS

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = {
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "editorial": "nytEditorialSnippets_GroundTruth.txt",
    "tweet": "tweets_GroundTruth.txt",
    "product": "amazonReviewSnippets_GroundTruth.txt",
}
SENTIMENTS = ("negative", "neutral", "positive")
CLEAR_VALENCE = 0.5
LANGUAGES = {"english": "en", "french": "fr", "dutch": "nl"}
GENDERS = ("female", "male")
ACTIVITIES = ("other", "antimicrobial")


def snippets(
    *,
    root: Path | None,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Load 23,703 sentences from film reviews, editorials, tweets and product reviews.

    The sentiment is that of the raters' mean valence: positive from 0.5 up, negative from -0.5
    down. HTML entities such as ``&amp;`` are decoded. The split is by document: all sentences of
    one review or editorial are in the same part.

    Args:
        root: a local folder with the archive, or ``None`` for the cache or a download.
        validation: share of the documents of each kind for validation.
        test: share of them for testing.
        seed: random seed of the split.
        progress: called during downloads.

    Raises:
        DataError: the archive cannot be found or downloaded.

    References:
        Hutto & Gilbert 2014, *VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
        Social Media Text*.
    """
    folder = locate(SOURCES["snippets"], root=root, progress=progress)
    lines, label_NA, documents = [], [], []
    with tarfile.open(folder / SNIPPETS_ARCHIVE) as archive:
        for kind, (name, file) in enumerate(KINDS.items()):
            member = archive.extractfile(f"{Path(SNIPPETS_ARCHIVE).stem}/{file}")
            assert member is not None, file  # the checksum of the archive has been verified
            for row in member.read().decode("utf-8").split("\n"):
                number, valence, sentence = row.split("\t")
                # Some were escaped twice.
                lines.append(html.unescape(html.unescape(sentence)).strip())
                label_NA.append((kind, _sentiment(float(valence))))
                documents.append((name, number.partition("_")[0]))
    labels = {"kind": tuple(KINDS), "sentiment": SENTIMENTS}
    # Stratified by kind only: a document may contain sentences of every sentiment.
    strata = [kind for kind, _ in label_NA]
    parts = _by_group(documents, strata, {"validation": validation, "test": test}, seed)
    return _dataset("snippets", lines, np.array(label_NA, np.int64), labels, parts)


def coco_captions(
    *, root: Path | None, validation: float, seed: int, progress: Progress | None = None
) -> Dataset:
    """Load 20,000 image captions, in the split known as Image COCO in the text-GAN literature.

    Args:
        root: a local folder with ``train.txt`` and ``test.txt``, or ``None`` for the cache or a
            download.
        validation: share of the training captions held out for validation.
        seed: random seed of that split.
        progress: called during downloads.

    Raises:
        DataError: the files cannot be found or downloaded.

    References:
        Lin et al. 2014, *Microsoft COCO: Common Objects in Context*; Zhu et al. 2018, *Texygen: A
        Benchmarking Platform for Text Generation Models*.
    """
    folder = locate(SOURCES["coco_captions"], root=root, progress=progress)
    whole, test = (
        (folder / file).read_text(encoding="utf-8").splitlines()
        for file in (TRAINING_CAPTIONS, TEST_CAPTIONS)
    )
    training, cut = held_out(np.zeros((len(whole), 1)), [validation], seed)
    return _dataset(
        "coco_captions",
        whole + test,
        np.zeros((len(whole) + len(test), 1), np.int64),
        UNLABELLED,
        {
            "training": training,
            "validation": cut,
            "test": np.arange(len(test)) + len(whole),
        },
    )


def names(
    *,
    root: Path | None,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Load 6,558 female and male first names in English, French and Dutch.

    A name that is in several lists goes to the same part for all of them. Two misspelt entries in
    lower case are left out.

    Args:
        root: a local folder with the lists, or ``None`` for the cache or a download.
        validation: share of the names for validation.
        test: share of the names for testing.
        seed: random seed of the split.
        progress: called during downloads.

    Raises:
        DataError: the lists cannot be found or downloaded.
    """
    folder = locate(SOURCES["names"], root=root, progress=progress)
    lines: list[str] = []
    label_NA: list[tuple[int, int]] = []
    for language, code in enumerate(LANGUAGES.values()):
        for gender, word in enumerate(GENDERS):
            file = folder / f"{word}-human-names-{code}.json"
            listed = [name for name in json.loads(file.read_bytes()) if name[0].isupper()]
            lines += listed
            label_NA += [(language, gender)] * len(listed)
    labels = {"language": tuple(LANGUAGES), "gender": GENDERS}
    spelt = [name.casefold() for name in lines]
    parts = _by_group(spelt, label_NA, {"validation": validation, "test": test}, seed)
    return _dataset("names", lines, np.array(label_NA, np.int64), labels, parts)


def peptides(
    *,
    root: Path | None,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Load 2,600 antimicrobial peptides and 2,600 others, as letters of their amino acids.

    A sequence that occurs several times goes to the same part each time.

    Args:
        root: a local folder with the table, or ``None`` for the cache or a download.
        validation: share of the sequences for validation.
        test: share of the sequences for testing.
        seed: random seed of the split.
        progress: called during downloads.

    Raises:
        DataError: the table cannot be found or downloaded.

    References:
        Müller et al. 2017, *modlAMP: Python for antimicrobial peptides*.
    """
    folder = locate(SOURCES["peptides"], root=root, progress=progress)
    content = (folder / PEPTIDES).read_text(encoding="utf-8")
    # The first row counts the others.
    rows = [line.split(",") for line in content.splitlines()[1:]]
    lines = [letters.strip() for letters, _ in rows]
    label_NA = np.array([[int(label)] for _, label in rows], np.int64)
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    parts = _by_group(lines, label_NA[:, 0].tolist(), shares, seed)
    return _dataset("peptides", lines, label_NA, {"activity": ACTIVITIES}, parts)


def text_lines(
    *,
    root: Path | DataFrame,
    text: str = "text",
    labels: Sequence[str] = (),
    validation: float,
    test: float,
    seed: int,
    unreadable: Literal["error", "skip"] = "error",
    numeric: Sequence[str] = (),
    form: TableForm | None = None,
    max_mb: int = LARGEST_MB,
) -> Dataset:
    """Load your own text.

    Args:
        root: a file (``.txt`` with one text per line; ``.tsv``, ``.csv`` or ``.parquet``;
            ``.jsonl``), or a folder with files named ``training``, ``validation`` and ``test`` in
            these formats, or a data frame of pandas. A part without a file is split off the
            training lines.
        text: column that holds the text.
        labels: columns that hold labels; without any, all lines are of one class.
        validation: share of the training lines for validation, if there is no file for it.
        test: share of the training lines for testing, if there is no file for it.
        seed: random seed of the split.
        unreadable: whether an unreadable row is an error, or is left out with a note.
        numeric: labels that are numbers, which may occur once.
        form: how tables are written.
        max_mb: most memory that the content of a file may take.

    Raises:
        DataError: a file cannot be read or lacks a column, a label is too rare, or there are too
            few lines.
    """
    path = root if isinstance(root, Path) else FRAME
    files, others = _files(
        root, text=text, labels=labels, skip=unreadable == "skip", form=form, max_mb=max_mb
    )
    if validation or test or len(files) > 1:
        _check_enough(files["training"], files, labels, numeric)
    rows = [row for file in files.values() for row in file.rows]
    classes = {
        column: tuple(sorted({row.labels[place] for row in rows}))
        for place, column in enumerate(labels)
    } or UNLABELLED
    number = [{name: place for place, name in enumerate(named)} for named in classes.values()]
    label_NA = np.zeros((len(rows), len(classes)), np.int64)
    for place in range(len(labels)):
        label_NA[:, place] = [number[place][row.labels[place]] for row in rows]

    ends = np.cumsum([len(file.rows) for file in files.values()]).tolist()
    parts: dict[PartName, np.ndarray] = {
        part: np.arange(end - len(file.rows), end)
        for (part, file), end in zip(files.items(), ends, strict=True)
    }
    whole = parts["training"]
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    cut = {part: share for part, share in shares.items() if part not in parts}
    chosen = cut_into_parts(
        as_classes(label_NA[whole], classes, numeric),
        cut,
        seed,
        of=f"{path}: {len(whole)} lines",
        advice="add lines, or a file for that part",
    )
    parts |= {part: whole[index_N] for part, index_N in chosen.items()}
    notes = [note for file in files.values() for note in _notes(file)]
    if others:
        notes.append(f"other files left out: {some(others)}")
    name = path.resolve().stem if path.is_file() else path.resolve().name
    return _dataset(name, [row.text for row in rows], label_NA, classes, parts, notes)


def _files(
    root: Path | DataFrame, **settings: Any
) -> tuple[dict[PartName, TextFile], Sequence[str]]:
    """Read the files of a folder by part, or the only one; return names of others, too."""
    if not isinstance(root, Path):
        return {"training": read_rows(root, **settings)}, ()
    paths, others = find_parts(root, ENDINGS)
    return {part: read_rows(path, **settings) for part, path in paths.items()}, others


def _check_enough(
    training: TextFile,
    files: Mapping[PartName, TextFile],
    labels: Sequence[str],
    numeric: Sequence[str],
) -> None:
    """Check that there are two training lines, and two of each label.

    Raises:
        DataError: there are fewer.
    """
    if len(training.rows) < 2:
        raise DataError(f"{training.path} contains only one line of text: add more")
    for place, column in enumerate(labels):
        if column in numeric:
            continue
        counts = Counter(row.labels[place] for row in training.rows)
        for file in files.values():
            for row in file.rows:
                name = row.labels[place]
                if counts[name] < 2:
                    occurs = "occurs only once" if counts[name] else "never occurs"
                    raise DataError(
                        f"{file.path}, line {row.line}: the label {column}={name} {occurs} in "
                        f"{training.path.name}: add lines with it, or remove this one"
                    )


def _notes(file: TextFile) -> list[str]:
    notes = [*file.notes]
    if file.empty:
        text = f"{file.path.name}: empty lines left out: {file.empty}"
        notes.append(LeftOut(text, "empty lines", file.empty))
    return notes + left_out("unreadable rows", file.unreadable, of=file.path.name)


def _sentiment(valence: float) -> int:
    if valence >= CLEAR_VALENCE:
        return SENTIMENTS.index("positive")
    return SENTIMENTS.index("negative" if valence <= -CLEAR_VALENCE else "neutral")


def _by_group(
    groups: Sequence[Hashable],
    strata: Sequence[object],
    shares: Mapping[PartName, float],
    seed: int,
) -> dict[PartName, np.ndarray]:
    """Split lines into parts, keeping the lines of a group together.

    Args:
        groups: group of each line.
        strata: stratum of each line; a group belongs to the stratum of its first line.
        shares: share of the groups of each stratum for each part; training gets the rest.
        seed: random seed of the split.
    """
    first = dict(zip(groups[::-1], strata[::-1], strict=True))
    number = {group: place for place, group in enumerate(first)}
    group_N = np.array([number[group] for group in groups])
    kept = held_out(np.array([*first.values()]).reshape(len(first), -1), [*shares.values()], seed)
    return {
        part: np.flatnonzero(np.isin(group_N, index))
        for part, index in zip(("training", *shares), kept, strict=True)
    }


def _dataset(
    name: str,
    lines: Sequence[str],
    label_NA: np.ndarray,
    labels: Mapping[str, Sequence[str]],
    parts: Mapping[PartName, np.ndarray],
    notes: Sequence[str] = (),
) -> Dataset:
    """Build a data set of lines, with a fingerprint of all its contents."""
    line_N = np.array(lines, object)
    repeated = len(lines) - len(set(lines))
    digest = hashlib.sha256(json.dumps([*lines]).encode() + label_NA.tobytes())
    for index in parts.values():
        digest.update(index.tobytes())
    return Dataset(
        name=name,
        parts={part: Part(line_N[index], label_NA[index]) for part, index in parts.items()},
        labels=labels,
        fingerprint=fingerprint(name, *labels.items(), *parts, digest.hexdigest()),
        notes=[*notes, *([f"duplicate lines: {repeated} (kept)"] if repeated else [])],
    )
