"""Tables of series whose numbers have decimal commas."""

import numpy as np
import pytest

from seqgan_kit.data.dataset import DataError
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.kinds.series.tables import read_table
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.runs.data import load_dataset

from .conftest import TINY


def test_decimal_commas(seqgen, tmp_path):
    """As a European spreadsheet writes a table; samples are written like it."""
    rows = [
        f"p{n};{step};{'Süd' if n % 2 else 'Nord'};{20 + (n * step) % 7 / 4:.2f};{step % 3}"
        for n in range(40)
        for step in range(6)
    ]
    lines = ["id;time;site;Temp °C;Druck", *(row.replace(".", ",") for row in rows)]
    path = tmp_path / "mine.csv"
    path.write_text("\r\n".join([*lines, ""]), encoding="utf-8-sig")
    done = seqgen("init", path, "--out", tmp_path / "mine.yaml")
    assert done.code == 0, done.err
    recipe = recipe_files.load(str(tmp_path / "mine.yaml"), TINY)
    assert (recipe.data.separator, recipe.data.decimal) == (";", ",")
    dataset = load_dataset(recipe)
    assert dataset.channels == ("Temp °C", "Druck")
    values = np.concatenate([*dataset.parts["training"].items[:]])
    assert {*np.unique(values[:, 0])} <= {20 + k / 4 for k in range(7)}
    run = workflow.train(recipe, out=tmp_path / "run").run
    made = tmp_path / "made.csv"
    assert seqgen("sample", run.path, "-n", "4", "--out", made).code == 0
    assert "." not in made.read_text()
    again = load_dataset(recipe_files.load(str(tmp_path / "mine.yaml"), [f"data.root={made}"]))
    assert again.channels == dataset.channels


@pytest.mark.parametrize(
    ("form", "cell", "problem"),
    [
        (
            "",
            "20,5",
            r"'20,5' in the column 'x' is not a number; for decimal commas set data\.de",
        ),
        ("decimal: ','", "1.234,5", r"'1\.234,5' in the column 'x' is not a number"),
        ("decimal: ','", "1.234", r"'1\.234' in the column 'x' is not a number"),
    ],
)
def test_decimals_that_are_not_what_the_recipe_says(tmp_path, form, cell, problem):
    path = tmp_path / "mine.csv"
    path.write_text("id;time;x\n" + f"a;0;{cell}\na;1;2\n" * 3)
    data = f"data={{source: series, root: {path}, separator: ';', {form}}}"
    with pytest.raises(DataError, match=problem):
        load_dataset(recipe_files.load("sines_series", [data]))


def table_of(tmp_path, row, header="id,time,heat", ending=".csv"):
    path = tmp_path / f"mine{ending}"
    lines = [row(n, step) for n in range(40) for step in range(6)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_thousands_are_not_taken_for_decimals(seqgen, tmp_path):
    path = table_of(tmp_path, lambda n, step: f'p{n},{step},"{2 + n % 3},{100 + step}"')
    done = seqgen("init", path, "--out", tmp_path / "mine.yaml")
    assert done.code == 1
    assert not (tmp_path / "mine.yaml").exists()


def test_quoted_decimals_between_commas_are_read_and_told(seqgen, tmp_path):
    """A number in powers of ten among them, as tables of samples have it."""
    path = table_of(
        tmp_path, lambda n, step: f"p{n},{step}," + ("1e-05" if n == step else f'"{n % 5},{step}"')
    )
    done = seqgen("init", path, "--out", tmp_path / "mine.yaml")
    assert "commas taken for decimal ones" in done.out + done.err
    dataset = load_dataset(recipe_files.load(str(tmp_path / "mine.yaml")))
    values = np.concatenate([*dataset.parts["training"].items[:]])
    assert values.max() < 5


def test_times_with_decimal_commas(seqgen, tmp_path):
    path = table_of(
        tmp_path, lambda n, step: f"p{n};{step // 2},{5 * (step % 2)};{n % 5},5",
        header="id;time;heat",
    )  # fmt: skip
    done = seqgen("init", path, "--out", tmp_path / "mine.yaml")
    assert done.code == 0, done.err
    recipe = recipe_files.load(str(tmp_path / "mine.yaml"))
    assert (recipe.data.time, recipe.data.decimal) == ("time", ",")
    assert load_dataset(recipe).channels == ("heat",)


def test_a_data_frame_has_numbers_and_texts():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    for values in ([0.5, 1.5, 2.5], ["0,5", "1,5", "2,5"]):
        frame = pandas.DataFrame({"id": ["a"] * 3, "time": [0, 1, 2], "x": values})
        file = read_table(frame, Columns(decimal=","), whole=False)
        assert file.series[0].value_SC.ravel().tolist() == [0.5, 1.5, 2.5]


def test_decimals_that_begin_with_a_zero_or_the_comma(seqgen, tmp_path):
    """Nothing that stands between thousands does."""
    cells = ("0,125", "-0,375", ",5", "-,5")
    for name, few in (("zeros", cells[:2]), ("commas", cells[2:])):
        path = table_of(tmp_path, lambda n, step, few=few: f"p{n}\t{step}\t{few[n * step % 2]}",
                        header="id\ttime\theat", ending=".tsv")  # fmt: skip
        done = seqgen("init", path, "--out", tmp_path / f"{name}.yaml")
        assert done.code == 0, done.err
        dataset = load_dataset(recipe_files.load(str(tmp_path / f"{name}.yaml")))
        found = np.unique(np.concatenate([*dataset.parts["training"].items[:]]))
        assert found.tolist() == sorted(float(cell.replace(",", ".")) for cell in few)


def test_points_and_commas_in_one_table_are_not_guessed(seqgen, tmp_path):
    """The commas of one column may be no decimal commas then."""
    rows = [f"p{n};{step};{n % 5}.5;1,{step}\n" for n in range(40) for step in range(6)]
    (tmp_path / "mine.csv").write_text("id;time;heat;pair\n" + "".join(rows))
    done = seqgen("init", tmp_path / "mine.csv", "--out", tmp_path / "mine.yaml")
    assert done.code == 0, done.err
    recipe = recipe_files.load(str(tmp_path / "mine.yaml"))
    assert recipe.data.decimal == "."
    assert load_dataset(recipe).channels == ("heat",)
