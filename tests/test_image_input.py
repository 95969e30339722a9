"""Images as people have them: transparent, deep, of other proportions, in manifests, animated."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.data.dataset import PARTS, DataError
from seqgan_kit.kinds.audio.files import write_clip
from seqgan_kit.kinds.images import loading
from seqgan_kit.kinds.images.listing import matcher
from seqgan_kit.kinds.images.schema import FolderData
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.beginning import look_at

SIZE = (12, 10)


def load(root, **changed):
    """The data set of a folder, and all its images with their labels in order of brightness."""
    settings = {"size": SIZE, "validation": 0.25, "test": 0.25}
    return loading.load(FolderData(source="folder", root=str(root), **settings | changed))


def pixels(dataset):
    return np.concatenate([dataset.parts[part].items[:] for part in PARTS])


def classes(dataset, attribute="label"):
    column = list(dataset.labels).index(attribute)
    names = dataset.labels[attribute]
    parts = (dataset.parts[part].label_NA[:, column] for part in PARTS)
    return sorted(names[number] for part in parts for number in part)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


def noise(seed, shape=SIZE, low=0, high=256, dtype=np.uint8):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def note(dataset, beginning):
    """The one note that begins so; `None` if there is none."""
    found = [note for note in dataset.notes if note.startswith(beginning)]
    assert len(found) <= 1
    return found[0] if found else None


# -- transparency -------------------------------------------------------------------------------


def drawing(ink, under=0):
    """A stroke of an ink, visible for the most part, on pixels of alpha 0 and any colour."""
    image = np.full((*SIZE, 4), under, np.uint8)
    image[..., 3] = 0
    image[3:6, 2:9] = (*ink, 255)
    return image


def drawings(root, ink, count=6, **how):
    for number in range(count):
        save(root / "ab"[number % 2] / f"{number}.png", drawing(ink, **how))
    return root


@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [((0, 0, 0), 255), ((20, 10, 30), 255), ((255, 255, 255), 0), ((0, 99, 0), 0)],
)
def test_strokes_on_a_transparent_background_stay_visible(tmp_path, ink, ground, colour):
    dataset = load(drawings(tmp_path, ink), colour=colour)
    shown = pixels(dataset)
    assert (shown[:, 0, 0] == ground).all()
    assert np.abs(shown[:, 4, 4].astype(int) - ground).max(-1).min() > 50
    name = "white" if ground else "black"
    assert note(dataset, f"transparent images, drawn on {name}: 6 of 6")
    assert not note(dataset, "constant images")
    assert not note(dataset, "images that disappear")


def test_black_and_white_strokes_lie_on_grey(tmp_path):
    drawings(tmp_path / "x", (0, 0, 0))
    for path in (tmp_path / "x").rglob("*.png"):
        save(path.with_name(f"white{path.name}"), drawing((255, 255, 255)))
    dataset = load(tmp_path / "x")
    assert (pixels(dataset)[:, 0, 0] == 128).all()
    assert not note(dataset, "images that disappear")


@pytest.mark.parametrize(
    ("ground", "level", "gone"),
    [("black", 0, True), ("white", 255, False), ("grey", 128, False), ("corner", 200, False)],
)
def test_a_background_can_be_named(tmp_path, ground, level, gone):
    dataset = load(drawings(tmp_path, (9, 9, 9), under=200), background=ground)
    assert (pixels(dataset)[:, 0, 0] == level).all()
    assert bool(note(dataset, "images that disappear on black: 6 of 6")) == gone


def test_pixels_that_are_not_transparent_are_unchanged_on_any_background(tmp_path):
    """Bit for bit, with and without a channel of alpha, and so is their fingerprint."""
    rgb = [noise(n, (*SIZE, 3)) for n in range(6)]
    for number, image in enumerate(rgb):
        save(tmp_path / "plain" / "ab"[number % 2] / f"{number}.png", image)
        full = np.dstack([image, np.full(SIZE, 255, np.uint8)])
        save(tmp_path / "alpha" / "ab"[number % 2] / f"{number}.png", full)
    sets = [
        load(tmp_path / name, background=ground, colour="rgb")
        for name in ("plain", "alpha")
        for ground in ("auto", "white", "corner")
    ]
    first = pixels(sets[0])
    assert sorted(image.tobytes() for image in first) == sorted(i.tobytes() for i in rgb)
    assert all((pixels(one) == first).all() and not one.notes for one in sets)
    assert len({one.fingerprint for one in sets[:3]}) == 1


def test_the_background_is_part_of_the_fingerprint(tmp_path):
    drawings(tmp_path, (0, 0, 0))
    prints = {g: load(tmp_path, background=g).fingerprint for g in ("auto", "black", "white")}
    assert prints["auto"] == prints["white"] != prints["black"]


def test_constant_images_are_told_of(tmp_path):
    for number in range(6):
        save(tmp_path / "a" / f"{number}.png", noise(number))
    save(tmp_path / "a" / "blank.png", np.full(SIZE, 255, np.uint8))
    save(tmp_path / "a" / "clear.png", np.zeros((*SIZE, 4), np.uint8))
    save(tmp_path / "a" / "deep.png", np.full(SIZE, 7000, np.uint16))
    told = note(load(tmp_path), "constant images")
    assert "3 of 9" in told
    assert all(name in told for name in ("blank.png", "clear.png", "deep.png"))


def test_data_show_tells_of_what_was_changed(tmp_path, seqgen):
    drawings(tmp_path / "mine", (0, 0, 0))
    shown = seqgen(
        "data", "show", "mnist_rows", "data.source=folder", f"data.root={tmp_path / 'mine'}",
        "data.size=[6, 10]",
    )  # fmt: skip
    assert shown.code == 0
    assert "transparent images, drawn on white: 6 of 6 (a/0.png" in shown.out
    assert "images with other proportions than 6 x 10, stretched: 6 of 6" in shown.out


# -- depth --------------------------------------------------------------------------------------


def deep(root, highest, count=6):
    for number in range(count):
        image = noise(number, high=highest, dtype=np.uint16)
        image[0, :2] = 0, highest
        save(root / "a" / f"{number}.png", image)
    return root


@pytest.mark.parametrize(
    ("highest", "white"),
    [(255, 255), (1000, 1023), (4095, 4095), (16000, 16383), (20000, 65535), (65535, 65535)],
)
def test_values_of_16_bits_are_scaled_by_the_bits_that_are_used(tmp_path, highest, white):
    dataset = load(deep(tmp_path, highest))
    shown = pixels(dataset)
    assert shown.max() == round(255 * highest / white)
    assert len(np.unique(shown)) > 70
    told = note(dataset, f"images of 16 bits, read with {white} as white: 6 of 6")
    assert bool(told) == (white < 65535)


def test_the_depth_can_be_named(tmp_path):
    deep(tmp_path, 4095)
    assert pixels(load(tmp_path, depth=16)).max() == 16
    assert pixels(load(tmp_path, depth=12)).max() == 255
    cut = load(tmp_path, depth=10)
    assert note(cut, "images with values above 1023, which become white: 6 of 6")
    prints = [load(tmp_path, depth=depth).fingerprint for depth in ("auto", 12, 16)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(("low", "high"), [(-5, 100), (0, 70000)])
def test_values_beyond_16_bits_are_refused(tmp_path, low, high):
    save(tmp_path / "a" / "0.tif", np.array([[low, high]], np.int32))
    with pytest.raises(DataError, match=rf"values go from {low} to {high}; save .* 8 or 16 bits"):
        load(tmp_path)


def png(values):
    """A PNG of 16 bits a channel in colour, which Pillow cannot write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(("highest", "coarse"), [(4095, True), (65535, False)])
def test_colours_of_16_bits_that_hardly_use_the_upper_8_are_told_of(tmp_path, highest, coarse):
    (tmp_path / "a").mkdir()
    for number in range(4):
        values = noise(number, (*SIZE, 3), high=highest, dtype=np.uint16)
        (tmp_path / "a" / f"{number}.png").write_bytes(png(values))
    told = note(load(tmp_path), "colour images of 16 bits that use at most 64 of 256 levels")
    assert bool(told) == coarse


# -- proportions and frames ---------------------------------------------------------------------


def ring(shape=(12, 30)):
    """A white image with a grey left edge, a dark middle and a bright right edge."""
    image = np.full(shape, 40, np.uint8)
    image[:, :9], image[:, -9:] = 120, 250
    return image


@pytest.mark.parametrize(
    ("fit", "left", "middle", "right"),
    [("stretch", 120, 40, 250), ("crop", 40, 40, 40), ("pad", 120, 40, 250)],
)
def test_images_of_other_proportions(tmp_path, fit, left, middle, right):
    for number in range(4):
        save(tmp_path / "a" / f"{number}.png", ring())
    dataset = load(tmp_path, size=(12, 12), fit=fit)
    shown = pixels(dataset)[0, :, :, 0].astype(int)
    assert shown[6, [0, 6, 11]] == pytest.approx([left, middle, right], abs=4)
    # Twelve rows of thirty pixels have a height of nearly five in a width of twelve.
    assert shown[0, 6] == pytest.approx(255 if fit == "pad" else 40, abs=4), "bright corners"
    done = {"stretch": "stretched", "crop": "cropped", "pad": "padded with white"}[fit]
    assert note(dataset, f"images with other proportions than 12 x 12, {done}: 4 of 4")
    assert not note(load(tmp_path, size=(4, 10), fit=fit), "images with other proportions")


def test_padding_has_the_background_of_the_recipe(tmp_path):
    for number in range(4):
        save(tmp_path / "a" / f"{number}.png", ring())
    edges = {
        ground: int(
            pixels(load(tmp_path, size=(12, 12), fit="pad", background=ground))[0, 0, 0, 0]
        )
        for ground in ("black", "white", "grey", "corner")
    }
    assert edges == {"black": 0, "white": 255, "grey": 128, "corner": 120}


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (1, 1)])
def test_images_of_one_pixel_across_fit(tmp_path, fit, shape):
    for number in range(4):
        save(tmp_path / "a" / f"{number}.png", np.full(shape, 99, np.uint8))
    shown = pixels(load(tmp_path, fit=fit, colour="rgb"))
    assert shown.shape == (4, *SIZE, 3)
    assert 99 in shown


def test_fit_is_part_of_the_fingerprint(tmp_path):
    for number in range(4):
        save(tmp_path / "a" / f"{number}.png", ring())
    assert len({load(tmp_path, fit=fit).fingerprint for fit in ("stretch", "crop", "pad")}) == 3


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_of_several_frames_the_first_is_read(tmp_path, name):
    for number in range(3):
        save(tmp_path / "x" / f"{number}.png", noise(number))
    frames = [Image.fromarray(np.full(SIZE, level, np.uint8)) for level in (30, 200)]
    options = {"lossless": True} if name == "a.webp" else {}
    frames[0].save(tmp_path / "x" / name, save_all=True, append_images=frames[1:], **options)
    dataset = load(tmp_path)
    assert note(dataset, f"images with several frames or pages: 1 of 4 (x/{name})")
    assert any((image == 30).all() for image in pixels(dataset))
    assert not any((image == 200).all() for image in pixels(dataset))


# -- limits -------------------------------------------------------------------------------------


def test_large_scans_have_the_real_reason_and_a_way_out(tmp_path):
    for number in range(4):
        save(tmp_path / "a" / f"{number}.png", noise(number))
    save(tmp_path / "a" / "scan.png", noise(9, (60, 50)))
    with pytest.raises(DataError, match=r"scan\.png: more than 2,000 pixels.*data\.max_pixels"):
        load(tmp_path, max_pixels=2000)
    skipped = load(tmp_path, max_pixels=2000, unreadable="skip")
    assert "more than 2,000 pixels" in note(skipped, "unreadable images left out: 1 (a/scan.png)")
    assert len(pixels(load(tmp_path, max_pixels=3000))) == 5


def test_memory_of_pixels_obeys_the_limit_of_files(tmp_path):
    save(tmp_path / "a" / "0.png", np.zeros((1100, 1000), np.uint8))
    save(tmp_path / "a" / "1.png", noise(1))
    with pytest.raises(DataError, match=r"0\.png would take 2 MB .* raise data\.max_file_mb"):
        load(tmp_path, max_file_mb=1)


# -- files and labels ---------------------------------------------------------------------------


def test_sub_folders_of_labels_are_taken_or_counted(tmp_path):
    for label in ("cat", "dog"):
        for number in range(3):
            save(tmp_path / label / f"{number}.png", noise(number))
            save(tmp_path / label / "more" / "far" / f"{number}.png", noise(10 + number))
    save(tmp_path / "cat" / "more" / ".hidden" / "0.png", noise(0))
    flat = load(tmp_path)
    told = note(flat, "images in folders inside a label's folder left out: 6 (cat/more/far/0.png")
    assert told.endswith("; data.nested=true takes them")
    assert len(pixels(flat)) == 6
    nested = load(tmp_path, nested=True)
    assert classes(nested) == ["cat"] * 6 + ["dog"] * 6
    assert nested.notes == []


def test_images_in_nothing_but_sub_folders_are_refused_with_their_count(tmp_path):
    for number in range(4):
        save(tmp_path / "cat" / "small" / f"{number}.png", noise(number))
    with pytest.raises(DataError, match=r"its 4 images in folders inside .*data\.nested=true"):
        load(tmp_path)
    assert classes(load(tmp_path, nested=True)) == ["cat"] * 4


def listed(root, form):
    """Images beside a manifest of two labels; a third column numbers them."""
    rows = []
    for number in range(16):
        path = save(root / "files" / f"{number}.png", noise(number))
        mood, size = ("sad", "très gai")[number % 2], ("S", "L")[number // 2 % 2]
        rows.append({"path": f"files/{path.name}", "mood": mood, "size": size, "n": number})
    if form == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    manifest = root / f"list.{form}"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_labels_from_a_manifest(tmp_path, form):
    dataset = load(listed(tmp_path, form), labels=("mood", "size"))
    assert dataset.labels == {"mood": ["sad", "très gai"], "size": ["L", "S"]}
    assert classes(dataset, "mood") == ["sad"] * 8 + ["très gai"] * 8
    for part in dataset.parts.values():
        for image, (mood, size) in zip(part.items[:], part.label_NA.tolist(), strict=True):
            number = next(n for n in range(16) if (image[..., 0] == noise(n)).all())
            assert (mood, 1 - size) == (number % 2, number // 2 % 2)
    assert dataset.name == "list"
    others = load(tmp_path / f"list.{form}", labels=("size",))
    assert others.fingerprint != dataset.fingerprint


def test_a_manifest_without_labels(tmp_path):
    manifest = listed(tmp_path, "csv")
    paths = [line.split(",")[0] for line in manifest.read_text().splitlines()]
    manifest.write_text("\n".join(paths))
    assert load(manifest).labels == {"label": ("any",)}


def test_manifests_and_folders_are_not_mixed_up(tmp_path):
    manifest = listed(tmp_path, "csv")
    with pytest.raises(DataError, match=r"give the manifest as data\.root"):
        load(tmp_path, labels=("mood",))
    with pytest.raises(DataError, match=r"give the folder as data\.root"):
        load(manifest, pattern="{label}_*")
    with pytest.raises(DataError, match=r"absent\.csv: there is no such f"):
        load(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("pattern", "name", "labels"),
    [
        ("{label}_*", "cat_01_x", ["cat"]),
        ("{label}.*", "dog.77", ["dog"]),
        ("{breed}_#", "american_bulldog_10", ["american_bulldog"]),
        ("{label}#", "cat12", ["cat"]),
        ("*_{digit}_{writer}", "scan 3_7_anna", ["7", "anna"]),
        ("{a}-{b}", "été-冬", ["été", "冬"]),
        ("#_{label}", "cat_1", None),
        ("{label}_#", "cat_", None),
    ],
)
def test_patterns(pattern, name, labels):
    found = matcher(pattern)[1].fullmatch(name)
    assert (found and list(found.groups())) == labels


@pytest.mark.parametrize("pattern", ["*_#", "", "{}_*", "{a}_{a}", "{a"])
def test_patterns_that_name_no_labels_are_refused(tmp_path, pattern):
    save(tmp_path / "a_1.png", noise(0))
    with pytest.raises(DataError, match=r"data\.pattern='.*' must name its labels"):
        load(tmp_path, pattern=pattern)


def test_labels_from_names_of_files(tmp_path):
    for number in range(6):
        save(tmp_path / f"{'ab'[number % 2]}_{number}.png", noise(number))
    save(tmp_path / "cover.png", noise(9))
    save(tmp_path / "deep" / "a_7.png", noise(10))
    dataset = load(tmp_path, pattern="{label}_#")
    assert classes(dataset) == ["a"] * 3 + ["b"] * 3
    assert note(dataset, "images whose names do not fit data.pattern left out: 1 (cover.png)")
    assert note(dataset, "images in sub-folders left out: 1 (deep/a_7.png)")
    assert len(pixels(load(tmp_path, pattern="{label}_#", nested=True))) == 7
    with pytest.raises(DataError, match=r"no name of an image fits .* for example a_0\.png"):
        load(tmp_path, pattern="{label}-#")


def test_parts_of_images_whose_names_have_the_labels(tmp_path):
    for part, count in (("train", 6), ("test", 2)):
        for number in range(count):
            save(tmp_path / part / f"{'ab'[number % 2]}_{number}.png", noise(number))
    dataset = load(tmp_path, pattern="{label}_#")
    assert [len(dataset.parts[part]) for part in PARTS] == [4, 2, 2]


@pytest.mark.parametrize("place", ["label", "file", "other"])
def test_names_that_are_not_utf_8_are_a_sentence(tmp_path, seqgen, place):
    name = os.fsdecode(b"caf\xe9")
    label = name if place == "label" else "cafe"
    for number in range(6):
        save(tmp_path / "mine" / label / f"{number}.png", noise(number))
    if place != "label":
        odd = tmp_path / "mine" / label / f"{name}{'.png' if place == 'file' else '.txt'}"
        odd.write_bytes((tmp_path / "mine" / label / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"caf\\xe9.* is not UTF-8: rename it"):
        load(tmp_path / "mine")
    changes = ("data.source=folder", f"data.root={tmp_path / 'mine'}", "data.size=[6, 10]")
    shown = seqgen("train", "mnist_rows", "--out", tmp_path / "run", *changes)
    assert shown.code == 1
    assert "rename it" in shown.err
    assert not (tmp_path / "run").exists()


def test_two_forms_of_one_name_are_one_label(tmp_path):
    for number, label in enumerate(("cafe\u0301", "caf\u00e9")):
        for image in range(3):
            save(tmp_path / label / f"{number}{image}.png", noise(image))
    assert load(tmp_path).labels == {"label": ["caf\u00e9"]}


# -- a first recipe -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_of_images_is_begun_with(tmp_path, form):
    manifest = listed(tmp_path, form)
    found = look_at(manifest)
    assert found.name == "list_rows"
    assert "16 images" in found.found
    assert "columns left out: n (16 different values)" in found.found
    (tmp_path / "recipe.yaml").write_text(found.recipe(tmp_path / "recipe.yaml"))
    recipe = recipe_files.load(str(tmp_path / "recipe.yaml"))
    assert recipe.data.labels == ("mood", "size")
    assert len(pixels(loading.load(recipe.data))) == 16


def test_images_in_nothing_but_sub_folders_are_begun_with(tmp_path):
    for label in ("cat", "dog"):
        for number in range(4):
            save(tmp_path / "pets" / label / "small" / f"{number}.png", noise(number))
    (tmp_path / "recipe.yaml").write_text(look_at(tmp_path / "pets").recipe(tmp_path))
    data = recipe_files.load(str(tmp_path / "recipe.yaml")).data
    assert data.nested
    assert classes(loading.load(data)) == ["cat"] * 4 + ["dog"] * 4


def test_manifests_of_images_and_of_sounds_are_told_apart(tmp_path):
    from seqgan_kit.kinds.audio.starter import starter as sound_starter
    from seqgan_kit.kinds.images.starter import starter as image_starter

    images = listed(tmp_path / "images", "csv")
    sounds = tmp_path / "sounds.csv"
    rows = []
    for number in range(8):
        tone = np.sin(np.arange(800) * (0.2 + number % 2)).astype(np.float32)
        write_clip(tmp_path / f"{number}.wav", tone, 8000)
        rows.append(f"{number}.wav,{'ab'[number % 2]}\n")
    sounds.write_text("path,label\n" + "".join(rows))
    assert image_starter(sounds) is None
    assert sound_starter(images) is None
    assert image_starter(images).name == "list_rows"
    assert sound_starter(sounds).name == "sounds_mel"
