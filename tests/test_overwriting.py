"""No command replaces a file that it did not write itself, unless --force is given."""

import shutil

import pytest
from PIL import Image

from seqgan_kit.errors import SeqganError
from seqgan_kit.pages import comparison

PAGE = (".json", ".csv", ".md", ".html")


@pytest.fixture
def run(tiny_run, tmp_path):
    """A trained run that a test may write into."""
    return shutil.copytree(tiny_run, tmp_path / "run")


def stays(seqgen, path, *arguments, content="mine"):
    """Check that a command refuses to replace a file, at once and with the way out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    shown = seqgen(*arguments)
    assert shown.code == 2, shown.err
    assert str(path) in shown.err
    assert "--force" in shown.err
    assert "measuring" not in shown.err, "refused before the work begins"
    assert path.read_text() == content
    path.unlink()


@pytest.mark.parametrize("ending", PAGE)
def test_files_beside_a_report_stay(seqgen, run, tmp_path, ending):
    pages = tmp_path / "pages"
    stays(seqgen, pages / f"report{ending}", "report", run, "--out", pages)


@pytest.mark.parametrize("ending", PAGE)
@pytest.mark.parametrize("what", ["runs", "recipes"])
def test_files_beside_a_comparison_stay(seqgen, run, tmp_path, ending, what):
    pages = tmp_path / "pages"
    compared = [run] if what == "runs" else ["compare/mnist", "minutes=1"]
    path = pages / f"compare{ending}"
    stays(seqgen, path, "compare", *compared, "--out", pages, content='{"title": "other"}')
    assert not pages.exists() or not list(pages.iterdir())


class BeganError(SeqganError):
    """Told in the place of the long work, which is then not refused."""


@pytest.fixture
def begins(monkeypatch, seqgen):
    """Say whether a command begins with its work instead of refusing it."""

    def compare(*arguments, **settings):
        raise BeganError("began")

    monkeypatch.setattr(comparison, "compare", compare)

    def begun(*arguments):
        shown = seqgen(*arguments)
        assert (shown.code, "began" in shown.err) in ((1, True), (2, False)), shown.err
        return shown.code == 1

    return begun


def test_a_report_replaces_what_a_report_wrote(begins, run, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    for folder in (run, pages):
        (folder / "report.html").write_text("an earlier one")
    assert begins("report", run)
    assert not begins("report", run, "--out", pages)
    assert begins("report", run, "--out", pages, "--force")
    assert not begins("report", run, "--out", run / "run.json"), "a file is no folder"


def test_the_same_runs_are_compared_again(begins, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "comparisons" / "run" / "compare.json"
    page.parent.mkdir(parents=True)
    assert begins("compare", run)
    page.write_text('{"title": "run"}')
    assert begins("compare", run)
    assert not begins("compare", run, "--out", page.parent)
    assert begins("compare", run, "--out", page.parent, "--force")
    # Folders of other runs may have the same name for their page.
    for other in ('{"title": "other"}', "[]", "{", ""):
        page.write_text(other)
        assert not begins("compare", run)
    assert begins("compare", run, "--force")


def test_a_sheet_and_pictures_stay(seqgen, run, tmp_path):
    path = tmp_path / "sheet.png"
    stays(seqgen, path, "data", "show", "digits_rows", "--sheet", path)
    stays(seqgen, path, "inspect", run, "--out", path)
    stays(seqgen, path, "reconstruct", run, "--out", path)
    stays(seqgen, path, "sample", run, "--out", path)
    path.write_text("mine")
    shown = seqgen("data", "show", "digits_rows", "--sheet", path, "--force")
    assert shown.code == 0, shown.err
    with Image.open(path) as image:
        assert image.format == "PNG"


def test_files_beside_samples_stay(seqgen, run, tmp_path):
    array = tmp_path / "a.npy"
    stays(seqgen, tmp_path / "a.labels.npy", "sample", run, "--out", array)
    assert not array.exists()
    stays(seqgen, array, "sample", run, "--out", array)
    folder = tmp_path / "samples"
    stays(seqgen, folder / "0.png", "sample", run, "--out", folder)


def test_a_folder_of_more_than_samples_stays_whatever_is_asked(seqgen, run, tmp_path):
    for name in ("diary.txt", "album.png/1.png"):
        folder = tmp_path / name.partition(".")[0]
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text("mine")
        shown = seqgen("sample", run, "--out", folder, "--force")
        assert shown.code == 2
        assert "more than samples" in shown.err
        assert path.read_text() == "mine"


def test_curves_stay(seqgen, run, tmp_path):
    path = tmp_path / "curves.svg"
    arguments = ("evaluate", run, "--temperatures", "1", "--plot", path)
    stays(seqgen, path, *arguments)
    stays(seqgen, tmp_path / "curves-2.svg", *arguments)


def test_recipes_stay(seqgen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.txt").write_text("the cat sat\nthe dog ran\n" * 20)
    stays(seqgen, tmp_path / "r.yaml", "init", "lines.txt", "--out", tmp_path / "r.yaml")
    # Before the data are looked at.
    stays(seqgen, tmp_path / "r.yaml", "init", "nowhere", "--out", tmp_path / "r.yaml")
    assert seqgen("init", "lines.txt").code == 0
    assert seqgen("init", "lines.txt").code == 2
    path = tmp_path / "digits_rows.yaml"
    stays(seqgen, path, "recipes", "copy", "digits_rows", path)


def test_what_is_kept_in_a_run_is_not_what_a_user_names(seqgen, run):
    """Samples without --out replace those of before."""
    for seed in ("0", "1"):
        assert seqgen("sample", run, "-n", "1", "--seed", seed).code == 0
    samples = run / "samples" / "grid.png"
    before = samples.read_bytes()
    assert seqgen("sample", run, "-n", "1", "--out", samples).code == 2
    assert samples.read_bytes() == before


@pytest.mark.parametrize("name", ["vowels_series", "snippets_text", "spoken_digits_mel"])
def test_samples_of_every_kind_stay(seqgen, tiny_runs, tmp_path, name):
    run = tiny_runs(name)
    path = {
        "vowels_series": tmp_path / "a.csv",
        "snippets_text": tmp_path / "a.txt",
        "spoken_digits_mel": tmp_path / "clips" / "a.wav",
    }[name]
    out = path.parent if path.suffix == ".wav" else path
    stays(seqgen, path, "sample", run, "-n", "1", "--out", out)
