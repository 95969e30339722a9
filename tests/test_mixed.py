"""Channels that are not real numbers: from a table to a codec, a head, samples and figures."""

import csv

import numpy as np
import pytest
import torch

from seqgan_kit.batch import full_mask
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.names import plain_cell
from seqgan_kit.data.unequal import as_objects, unpadded
from seqgan_kit.kinds.series.channel_figures import channel_figures, measure_channels
from seqgan_kit.kinds.series.channels import guessed_sort
from seqgan_kit.kinds.series.codec import SeriesCodec
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.items import Columns, OneSeries, SeriesFile, renumbered
from seqgan_kit.kinds.series.learning import guessed_sorts, learn_series, learn_sorts
from seqgan_kit.kinds.series.stored import StoredSeries
from seqgan_kit.nn.heads import ContinuousHead, LogisticHead
from seqgan_kit.nn.mixed import MixedHead, MixedLikelihoodHead, Piece
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.recipe.files import RecipeError, load

SKIES = ("cloudy", "dry", "wet")
SORTS = {"rain": "zero-inflated", "visitors": "integer", "open": "binary", "share": "bounded"}


def table(path, count=30, **changed):
    """Write series of a temperature, rain, a sky, visitors, a switch and a share, by season."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "time", "season", "heat", "rain", "sky", "visitors", "open", "share"])
        for number in range(count):
            for step in range(5 + number % 3):
                row = {
                    "heat": f"{20 * np.sin(number + step):.2f}",
                    "rain": f"{rng.gamma(2):.3f}" if rng.random() < 0.6 else "0",
                    "sky": SKIES[rng.integers(3)],
                    "visitors": rng.integers(40),
                    "open": rng.integers(2),
                    "share": min(max(rng.normal(0.5, 0.5), 0.0), 1.0),
                }
                if step == 0:
                    row |= changed
                rows.writerow([number, step, ("cold", "warm")[number % 2], *row.values()])
    return path


def loaded(path, **settings):
    return own_series(
        root=path, columns=Columns(labels=("season",)), **{"test": 0.2, "seed": 0, **settings}
    )


def made(dataset, sorts=SORTS, **settings):
    """The codec of a data set, as it is stored and made again."""
    given = {"normalize": "min-max", "deviations": 3.0, "max_length": None, **settings}
    learned = learn_series(
        dataset.parts["training"].items, channels=dataset.channels,
        sorts=learn_sorts(dataset, sorts), **given,
    )  # fmt: skip
    stored = StoredSeries.model_validate({"kind": "series", **learned}, strict=False)
    return SeriesCodec(**stored.model_dump(exclude={"kind"}))


@pytest.fixture(scope="module")
def weather(tmp_path_factory):
    dataset = loaded(table(tmp_path_factory.mktemp("mixed") / "weather.csv"))
    return dataset, made(dataset)


def test_every_value_comes_back(weather):
    dataset, codec = weather
    assert dataset.categories == {"sky": SKIES}
    assert [piece.size for piece in codec.mixed] == [1, 2, 3, 1, 1, 1, 1]
    assert codec.features == 10
    raw = dataset.parts["training"].items[:20]
    x_BTF, mask_BT = codec.encode(raw)
    assert x_BTF.abs().max() <= 1
    back = codec.present(codec.decode(x_BTF, mask_BT))
    for one, other in zip(raw, back, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(one[:, 1] == 0, other[:, 1] == 0)
        for discrete in (2, 3, 4):
            np.testing.assert_array_equal(one[:, discrete], other[:, discrete])
    # What encode writes is exact already.
    torch.testing.assert_close(codec.exact(x_BTF), x_BTF, atol=1e-6, rtol=0)
    assert not np.concatenate(codec.clipped(raw)).any()


def test_whatever_a_network_writes_is_possible(weather):
    codec = weather[1]
    wild_BTF = torch.randn(64, codec.steps, codec.features, generator=torch.manual_seed(0))
    wild_BTF = wild_BTF.tanh()
    value_PC = np.concatenate(
        codec.present(codec.decode(wild_BTF, full_mask(*wild_BTF.shape[:2])))
    )
    heat_P, rain_P, sky_P, visitors_P, open_P, share_P = value_PC.T
    assert (rain_P >= 0).all()
    assert 0.3 < (rain_P == 0).mean() < 0.7
    assert set(sky_P) <= {0, 1, 2}
    assert set(open_P) <= {0, 1}
    assert (visitors_P == np.round(visitors_P)).all()
    assert (visitors_P >= 0).all()
    assert share_P.min() >= 0
    assert share_P.max() <= 1
    assert heat_P.std() > 1
    cells = codec.texts(value_PC[:3], ",", lambda text: f"<{text}>")
    assert {row[2] for row in cells} <= {"<cloudy>", "<dry>", "<wet>"}
    assert all(row[3].isdigit() and row[4] in "01" for row in cells)
    assert "," in cells[0][0]


def test_exact_steps_pass_gradients(weather):
    _, codec = weather
    x_BTF = (torch.randn(4, codec.steps, codec.features) / 2).tanh().requires_grad_()
    exact_BTF = codec.exact(x_BTF)
    visitors_BT = exact_BTF[..., 6].detach() * codec._scale_W[3] + codec._centre_W[3]
    there_BT = exact_BTF[..., -1] > 0
    torch.testing.assert_close(
        visitors_BT[there_BT], visitors_BT[there_BT].round(), atol=1e-3, rtol=0
    )
    exact_BTF.sum().backward()
    # The first step exists, whatever the number of its end says.
    assert (x_BTF.grad[:, 0, :-1] != 0).all()


# -- the head -----------------------------------------------------------------------------------

PIECES = (Piece("values", 1), Piece("switch", 2), Piece("choice", 3), Piece("switch", 1))


def head(kind, **settings):
    torch.manual_seed(0)
    make = {MixedHead: ContinuousHead, MixedLikelihoodHead: LogisticHead}[kind]
    return kind(8, PIECES, lambda count: make(8, count, **settings))


@pytest.mark.parametrize("kind", [MixedHead, MixedLikelihoodHead])
def test_a_head_draws_what_its_logits_say(kind):
    one = head(kind)
    h_BTH = torch.randn(1, 1, 8, generator=torch.manual_seed(1)).expand(4000, 2, 8)
    x_BTF, mask_BT = one.close(one(h_BTH, one.draw(4000, 2, seeded_noise(0))))
    assert x_BTF.shape == (4000, 2, 7)
    assert mask_BT.all()
    value, switch, gated, choice, other = x_BTF.split([1, 1, 1, 3, 1], -1)
    assert set(switch.unique().tolist()) == set(other.unique().tolist()) == {-1.0, 1.0}
    assert (choice.sum(-1) == 1).all()
    assert set(choice.unique().tolist()) == {0.0, 1.0}
    assert ((gated == 0) == (switch == -1)).all()
    assert value.std() > 0 or kind is MixedHead
    switch_logits, choice_logits = one._logits(h_BTH[:1, :1])
    expected = switch_logits.sigmoid().flatten()
    found = torch.cat([(side > 0).float().mean()[None] for side in (switch, other)])
    torch.testing.assert_close(found, expected.detach(), atol=0.02, rtol=0)
    torch.testing.assert_close(
        choice.mean((0, 1)), choice_logits.softmax(-1).flatten().detach(), atol=0.02, rtol=0
    )


def test_gradients_pass_what_is_drawn():
    one = head(MixedHead)
    h_BTH = torch.randn(2, 3, 8, requires_grad=True)
    (one(h_BTH, one.draw(2, 3, seeded_noise(0))) * torch.randn(7)).sum().backward()
    assert (one.discrete.weight.grad.abs().sum(1) > 0).all()
    assert (h_BTH.grad != 0).any()


def test_the_probabilities_of_all_steps_sum_to_one():
    one = head(MixedLikelihoodHead, levels=3)
    h_BTH = torch.randn(1, 1, 8)
    levels = (-1.0, 0.0, 1.0)
    steps = [
        [value, switch, gated, *choice, other]
        for value in levels
        for switch in (-1.0, 1.0)
        for gated in (levels if switch > 0 else (0.0,))
        for choice in torch.eye(3).tolist()
        for other in (-1.0, 1.0)
    ]
    x_BTF = torch.tensor(steps)[:, None]
    assert one.covers(x_BTF)
    log_p_B = one.log_prob(h_BTH.expand(len(steps), 1, 8), x_BTF)[:, 0]
    assert log_p_B.exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    # After an end nothing is said, and nothing counts but values without a switch.
    nothing = torch.zeros(1, 1, 7)
    alone = one.values.log_probs(h_BTH, torch.zeros(1, 1, 2))[..., 0]
    torch.testing.assert_close(one.log_prob(h_BTH, nothing), alone)
    assert not one.covers(x_BTF + 0.25)


# -- what is refused, and what is guessed -------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sorts", "words"),
    [
        ({"open": 2}, SORTS, "open is declared binary, but has more than 2 values"),
        ({"visitors": 1.5}, SORTS, r"visitors is declared integer, but has the value 1\.5"),
        ({}, {"heat": "non-negative"}, r"heat is declared non-negative, but has the value -"),
        ({}, {"heat": "zero-inflated"}, "heat is declared zero-inflated, but has no zeros"),
        ({}, {"share": "categorical"}, "share is declared categorical, but has more than 50 val"),
        ({}, {"heats": "integer"}, "'heats', but the channels of weather are heat, rain"),
        ({}, {"sky": "binary"}, "sky holds text: it is categorical, not binary"),
    ],
)  # fmt: skip
def test_channels_that_are_not_what_they_are_said_to_be(tmp_path, changed, sorts, words):
    dataset = loaded(table(tmp_path / "weather.csv", **changed))
    with pytest.raises(DataError, match=words):
        learn_sorts(dataset, sorts)


def test_a_category_of_another_part_only_is_refused(tmp_path):
    table(tmp_path / "training.csv")
    table(tmp_path / "test.csv", sky="fog")
    dataset = loaded(tmp_path)
    assert dataset.categories == {"sky": ("cloudy", "dry", "fog", "wet")}
    with pytest.raises(DataError, match="the value fog is in the test part and not in the train"):
        learn_sorts(dataset, {})


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["a", "1.5"], "'x' has the number 1.5 and the text 'a'"),
        (["1.5", "a"], "'a' in the column 'x' is not a number"),
        ([f"t{n}" for n in range(51)], "more than 50 different texts"),
    ],
)
def test_columns_that_are_neither_numbers_nor_categories(tmp_path, cells, words):
    lines = [f"1,{step},{cell}" for step, cell in enumerate(cells)]
    (tmp_path / "bad.csv").write_text("\n".join(["id,time,x", *lines, ""]))
    with pytest.raises(DataError, match=words):
        own_series(root=tmp_path / "bad.csv", columns=Columns())


def test_missing_categories_are_never_between_two(tmp_path):
    lines = [
        f"{n},{step},{sky}" for n in range(9) for step, sky in enumerate(("b", "", "a", "a", "?"))
    ]
    (tmp_path / "gaps.csv").write_text("\n".join(["id,time,x", *lines, ""]))
    for missing, expected in (("linear", [1, 1, 0, 0, 0]), ("mean", [1, 0, 0, 0, 0])):
        dataset = own_series(root=tmp_path / "gaps.csv", columns=Columns(), missing=missing)
        assert dataset.parts["training"].items[0][:, 0].tolist() == expected


def test_what_channels_look_like(weather):
    assert guessed_sorts(weather[0]) == {
        "rain": "zero-inflated", "sky": "categorical", "visitors": "integer", "open": "binary",
        "share": "bounded",
    }  # fmt: skip
    rng = np.random.default_rng(0)
    assert guessed_sort(rng.normal(size=2000).clip(-9, 9)) == "real"
    assert guessed_sort(np.ones(5)) == "real"


def test_other_forms_are_for_real_numbers():
    given = ("codec.channels={rain: zero-inflated}", "codec.values=difference")
    with pytest.raises(RecipeError, match="rain is zero-inflated"):
        load("vowels_series", given)
    with pytest.raises(RecipeError, match=r"codec\.channels\.rain: .*not 'zeros'"):
        load("vowels_series", ["codec.channels={rain: zeros}"])


# -- figures ------------------------------------------------------------------------------------


def test_figures_of_channels():
    names, sorts = ("a", "b", "c"), {"b": "binary", "c": "zero-inflated"}
    rng = np.random.default_rng(0)

    def side(share, zeros):
        a = rng.normal(size=4000)
        b = (rng.random(4000) < share).astype(float)
        c = np.where(rng.random(4000) < zeros, 0, a)
        return torch.from_numpy(np.stack([a, b, c], 1).reshape(400, 10, 3))

    described = [one.name for one in channel_figures(names, sorts)]
    found = measure_channels(side(0.5, 0.2), side(0.8, 0.2), names, sorts)
    assert list(found) == described == ["correlation_distance", "shares/b", "zeros/c"]
    assert found["shares/b"] == pytest.approx(0.3, abs=0.03)
    assert found["zeros/c"] < 0.03
    assert found["correlation_distance"] < 0.05
    assert measure_channels(side(0.5, 0.9), side(0.5, 0.2), names, sorts)["zeros/c"] > 0.6


# -- from a table to samples --------------------------------------------------------------------


def test_a_table_from_init_to_samples_and_figures(seqgen, tmp_path):
    path = table(tmp_path / "weather.csv", 130)
    recipe = tmp_path / "weather_series.yaml"
    begun = seqgen("init", path, "--out", recipe)
    assert begun.code == 0, begun.err
    told = begun.out + begun.err
    assert "values: rain zero-inflated, sky categorical, visitors integer, open binary" in told
    shown = seqgen("data", "show", recipe)
    assert shown.code == 0, shown.err
    assert "categories of sky: cloudy, dry, wet" in shown.out
    small = (
        "model.generator.hidden_size=8", "model.discriminator.hidden_size=8", "train.steps=2",
        "train.batch_size=8", "evaluation.score_steps=2", "evaluation.judge_epochs=1",
        "evaluation.samples=16", "evaluation.gan_train_samples=16", "evaluation.sets=1",
    )  # fmt: skip
    run = tmp_path / "run"
    trained = seqgen("train", recipe, *small, "--out", run)
    assert trained.code == 0, trained.err
    target = tmp_path / "made.csv"
    assert seqgen("sample", run, "-n", "12", "--out", target).code == 0
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert {row["sky"] for row in rows} <= set(SKIES)
    assert {row["open"] for row in rows} <= {"0", "1"}
    assert all(row["visitors"].isdigit() for row in rows)
    assert all(float(row["rain"]) >= 0 for row in rows)
    arrays = seqgen("sample", run, "-n", "2", "--out", tmp_path / "made.npz")
    assert "x has numbers for the categories of sky: 0 cloudy, 1 dry, 2 wet" in arrays.err
    figures = seqgen("evaluate", run)
    assert figures.code == 0, figures.err
    assert "correlation" in figures.out
    theirs = seqgen("evaluate", "--samples", target, "--recipe", run / "recipe.yaml")
    assert theirs.code == 0, theirs.err
    strange = tmp_path / "strange.csv"
    strange.write_text(target.read_text().replace(",wet,", ",fog,").replace(",dry,", ",fog,"))
    refused = seqgen("evaluate", "--samples", strange, "--recipe", run / "recipe.yaml")
    assert refused.code == 2
    assert "sky is 'fog'; its categories are cloudy, dry, wet" in refused.err


@pytest.mark.parametrize("recipe", ["vowels_series_likelihood", "vowels_series_vae"])
def test_likelihood_and_vae_write_mixed_channels(seqgen, tmp_path, recipe):
    from .conftest import tiny

    path = table(tmp_path / "weather.csv", 40)
    run = tmp_path / "run"
    trained = seqgen(
        "train", recipe, *tiny(recipe), "data.source=series", f"data.root={path}",
        "data.labels=[season]", "data.test=0.2", "codec.max_length=null",
        "codec.channels={rain: zero-inflated, visitors: integer, open: binary}", "--out", run,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    target = tmp_path / "made.csv"
    assert seqgen("sample", run, "-n", "4", "--out", target).code == 0
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert {row["sky"] for row in rows} <= set(SKIES)
    assert all(float(row["rain"]) >= 0 and row["visitors"].isdigit() for row in rows)
    if recipe == "vowels_series_vae":
        return
    # Samples are beginnings again, but not with values that the channels do not have.
    begun = {"id": "0", "time": "0", **rows[0]}
    cases = [
        ("open", "2", "has open = 2; series of this run have 0, 1"),
        ("sky", "fog", "sky is 'fog'; its categories are cloudy, dry, wet"),
        ("sky", "2", "sky holds numbers; expected the texts of the training data: cloudy"),
    ]
    for column, value, words in [*cases, ("open", "1", "")]:
        path = tmp_path / f"begun_{column}_{value}.csv"
        row = begun | {column: value}
        path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
        asked = (
            "sample",
            run,
            "--prompt",
            path,
            "-n",
            "2",
            "--out",
            tmp_path / "on.csv",
            "--force",
        )
        done = seqgen(*asked)
        assert (done.code == 0, words in done.err) == (not words, True), done.err


def test_quoted_cells_are_the_categories_that_they_quote():
    series = [OneSeries("one", np.array([[0.0], [1.0]]), ())]
    file = SeriesFile(series, ("sky",), (), [], {"sky": ("'=wet", "'dry")})
    order = {"sky": ("'dry", "=wet")}
    plain = renumbered(file, order, plain_cell)
    np.testing.assert_array_equal(plain.series[0].value_SC, [[1], [0]])


def test_series_are_cut_at_their_ends(weather):
    dataset, codec = weather
    raw = as_objects(list(dataset.parts["test"].items[:3]))
    back = unpadded(codec.decode(*codec.encode(raw)))
    assert [len(one) for one in back] == [len(one) for one in raw]
