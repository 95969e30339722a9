"""Tables as people have them: separators, encodings, headers, Parquet, data frames, labels."""

import numpy as np
import pytest

from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.tables import TableForm, open_table
from seqgan_kit.kinds.text.datasets import text_lines
from seqgan_kit.labels import LabelError, Words, parse_labels
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs.data import load_dataset

from .conftest import small_lines

ROWS = [("the cat sat", "a"), ("the dog ran, then", "b")] * 10


def cells(source, **form):
    table = open_table(source, TableForm(**form))
    return table.columns, [tuple(row) for _, row in table.rows]


def written(path, rows, separator=",", encoding="utf-8", header=("text", "label")):
    lines = [*([header] if header else []), *rows]
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in lines]
    path.write_text("".join(f"{separator.join(row)}\n" for row in quoted), encoding=encoding)
    return path


# -- forms of tables ------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "|", "\t", " "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_separators_and_encodings(tmp_path, separator, encoding):
    rows = [("caf\u00e9", "a"), ("na\u00efve", "b")]
    path = written(tmp_path / "a.csv", rows, separator, encoding)
    assert cells(path, separator=separator, encoding=encoding) == (("text", "label"), rows)


def test_no_header_row(tmp_path):
    path = written(tmp_path / "a.tsv", ROWS[:2], "\t", header=None)
    assert cells(path, header=False) == (("1", "2"), ROWS[:2])


@pytest.mark.parametrize("names", [("", "text"), ("Unnamed: 0", "text"), ("text", "")])
def test_a_column_without_a_name_is_never_data(tmp_path, names):
    rows = [("0", "x"), ("1", "y")]
    table = open_table(written(tmp_path / "a.csv", rows, header=names))
    assert table.columns == ("text",)
    place = names.index("text")
    assert [tuple(row) for _, row in table.rows] == [(row[place],) for row in rows]
    assert table.notes == ["a.csv: columns without a name left out: 1"]


def test_lines_that_are_no_rows(tmp_path):
    (tmp_path / "a.csv").write_text('a,b\n1,2\n\n1,2,3\n"x\ny",2\n')
    assert [*open_table(tmp_path / "a.csv").rows] == [
        (2, ["1", "2"]),
        (3, []),
        (4, "the number of fields is 3, but the header row has 2"),
        (6, ["x\ny", "2"]),
    ]


def test_parquet_and_frames_are_the_same_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"text": ["a", None], "n": [1.5, np.nan], "k": [3, 4]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv")
    expected = ("text", "n", "k"), [("a", "1.5", "3"), ("", "", "4")]
    assert cells(frame) == cells(tmp_path / "a.parquet") == cells(tmp_path / "a.csv") == expected
    assert cells(frame.set_index("k"))[0] == ("k", "text", "n")


def test_damaged_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    pandas.DataFrame({"text": ["a"] * 1000}).to_parquet(path)
    content = path.read_bytes()
    for bad in (b"", b"PAR1", content[:-9], content[:40] + bytes(40) + content[80:]):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=r"a\.parquet is damaged or not a \.parquet"):
            cells(path)


# -- text from them -------------------------------------------------------------------------------


def lines_of(dataset):
    parts = dataset.parts.values()
    return sorted(str(line) for part in parts for line in part.items[: len(part)])


def test_text_from_every_form_of_table(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(ROWS, columns=["said", "by"])
    frame.to_parquet(tmp_path / "a.parquet")
    written(tmp_path / "a.csv", ROWS, ";", "cp1252", header=None)
    shares = {"validation": 0.1, "test": 0.1, "seed": 0}
    expected = lines_of(text_lines(root=frame, text="said", labels=["by"], **shares))
    assert expected == sorted(text for text, _ in ROWS)
    stored = text_lines(root=tmp_path / "a.parquet", text="said", labels=["by"], **shares)
    assert lines_of(stored) == expected
    assert stored.labels == {"by": ("a", "b")}
    recipe = recipe_files.load(
        "coco_captions",
        [
            f"data={{source: lines, root: {tmp_path}/a.csv, text: 1, labels: [2]}}",
            "data.separator=;", "data.encoding=cp1252", "data.header=false", "data.test=0.1",
        ],
    )  # fmt: skip
    dataset = load_dataset(recipe)
    assert lines_of(dataset) == expected
    assert dataset.labels == {"2": ("a", "b")}


def test_another_separator_is_proposed(tmp_path):
    path = written(tmp_path / "a.csv", ROWS, ";")
    with pytest.raises(DataError, match=r"no column 'text' \(data\.text\).*data\.separator=';'"):
        text_lines(root=path, validation=0.1, test=0.1, seed=0)


def test_init_sees_the_separator(tmp_path, seqgen):
    rows = [(row["text"], row["kind"]) for row in small_lines(60)]
    written(tmp_path / "a.csv", rows, ";")
    shown = seqgen("init", tmp_path / "a.csv", "--out", tmp_path / "a.yaml")
    assert shown.code == 0, shown.err
    assert 'separator: ";"' in (tmp_path / "a.yaml").read_text()
    shown = seqgen("data", "show", tmp_path / "a.yaml")
    assert "editorial" in shown.out, shown.err


@pytest.mark.parametrize("change", ["encoding=zlib", "encoding=nope", "separator=ab"])
def test_impossible_forms_are_errors_of_the_recipe(change):
    data = "data={source: lines, root: a.csv}"
    with pytest.raises(RecipeError, match=change.partition("=")[0]):
        recipe_files.load("coco_captions", [data, f"data.{change}"])


# -- labels ---------------------------------------------------------------------------------------

COMMAS = {"colour": ("blue", "red", "red, green", "a,b", "a=b", "caf\u00e9")}


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("red, green", [2]),
        ("red,blue", [1, 0]),
        ("a,b", [3]),
        ("colour=a,b", [3]),
        ("colour=red, green", [2]),
        (["a,b", "red"], [3, 1]),
        (["red, green"], [2]),
        ("a=b", [4]),
        ("cafe\u0301", [5]),
        (["colour=cafe\u0301"], [5]),
        (np.array(["red", "a,b"]), [1, 3]),
    ],
)
def test_an_exact_name_wins(wanted, rows):
    assert parse_labels(wanted, COMMAS).tolist() == [[row] for row in rows]


@pytest.mark.parametrize(
    "wanted", [7, np.int64(7), "7", ["7"], [np.int64(7)], np.array([7]), np.array(7), (7,)]
)
def test_numbers_of_every_type_are_labels(wanted):
    assert parse_labels(wanted, {"digit": tuple("0123456789")}).tolist() == [[7]]


def test_a_list_is_never_split():
    with pytest.raises(LabelError, match="no colour 'red,blue'"):
        parse_labels(["red,blue"], COMMAS)


def test_the_words_of_a_command_line_are_split():
    two = {"kind": ("movie", "tweet"), "mood": ("good", "bad, really")}
    rows = parse_labels(Words(["kind=movie,tweet", "mood=bad, really"]), two)
    assert rows.tolist() == [[0, 1], [1, 1]]


def test_unicode_forms_of_one_name_are_one_label(tmp_path):
    rows = [("the cat sat", "caf\u00e9"), ("the dog ran", "cafe\u0301")] * 5
    path = written(tmp_path / "a.csv", rows)
    dataset = text_lines(root=path, labels=["label"], validation=0.1, test=0.1, seed=0)
    assert dataset.labels == {"label": ("caf\u00e9",)}
