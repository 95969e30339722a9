"""Training: resumed, interrupted, killed, diverged, in two processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.data.dataset import DataError
from seqgan_kit.files import SUMS, FileProblem, read_tensors
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.nn.noise import Noise
from seqgan_kit.nn.recurrent import NoSuchKernel
from seqgan_kit.objectives.objective import Outcome as Losses
from seqgan_kit.objectives.objective import Turn
from seqgan_kit.objectives.phases import Phases
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import judging, loading, workflow
from seqgan_kit.runs.judging import CHOOSING_SEED, trained_judge
from seqgan_kit.runs.objectives import check_processes, make_objective, optimization
from seqgan_kit.training.log import MetricsFile, read_metrics
from seqgan_kit.training.run import Run, RunError, create_run
from seqgan_kit.training.runtime import DeviceError, Runtime, choose_device
from seqgan_kit.training.trainer import Optimization, Schedule, Trainer, TrainingDiverged

from .conftest import TINY


def recipe(*overrides, name="digits_rows"):
    return recipe_files.load(name, (*TINY, *overrides))


def stop_after(steps):
    """A watch that stops training after so many steps."""
    count = [0]

    def report(_):
        count[0] += 1

    return workflow.Watch(report=report, should_stop=lambda: count[0] >= steps)


def same_checkpoint(a, b):
    for name in ("networks", "optimizers", "random"):
        first, second = (load_file(path / f"{name}.safetensors") for path in (a, b))
        assert first.keys() == second.keys()
        for key in first:
            assert torch.equal(first[key], second[key]), f"{name}: {key}"


def figures(run):
    return [
        {name: value for name, value in line.items() if name != "seconds"}
        for line in read_metrics(run.metrics_path)
    ]


@pytest.mark.parametrize("changes", [(), ("objective.discriminator_steps=2", "train.log_every=3")])
def test_resumed_it_is_the_run_that_never_stopped(tmp_path, changes):
    settings = recipe("train.steps=9", "train.checkpoint_every=4", *changes)
    whole = workflow.train(settings, out=tmp_path / "whole").run
    stopped = workflow.train(settings, out=tmp_path / "stopped", watch=stop_after(5))
    assert not stopped.finished
    assert stopped.run.checkpoint().name == "step-00000005"
    resumed = workflow.resume(tmp_path / "stopped")
    assert resumed.finished
    same_checkpoint(whole.checkpoint(), resumed.run.checkpoint())
    assert figures(whole) == figures(resumed.run)


def test_a_finished_run_resumes_to_nothing(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    before = sorted(path.name for path in (tmp_path / "run").rglob("*"))
    assert workflow.resume(tmp_path / "run").finished
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == before


def test_the_seed_decides(tmp_path):
    runs = [
        workflow.train(recipe(f"seed={seed}"), out=tmp_path / name).run.checkpoint()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    same_checkpoint(runs[0], runs[1])
    weights = [load_file(path / "networks.safetensors") for path in runs]
    key = "generator/recurrent.weights.weight_hh_l0"
    assert not torch.equal(weights[0][key], weights[2][key])


def test_what_a_run_holds(tiny_run):
    run = Run(tiny_run)
    assert run.info["format"] == 1
    assert run.info["labels"] == {"digit": [str(n) for n in range(10)]}
    assert run.info["data"]["items"] == {"training": 1259, "validation": 179, "test": 359}
    assert run.info["environment"]["torch"] == torch.__version__
    assert (run.samples / "step-00000004.png").exists()
    assert [path.name for path in run.checkpoints()] == ["step-00000002", "step-00000004"]
    lines = read_metrics(run.metrics_path)
    assert [line["step"] for line in lines] == [2, 4]
    assert {"loss/discriminator", "loss/generator", "told_apart"} <= lines[0].keys()


def test_old_checkpoints_go(tmp_path):
    run = workflow.train(recipe("train.steps=8", "train.keep=2"), out=tmp_path / "run").run
    names = sorted(path.name for path in (run.path / "checkpoints").iterdir())
    assert names == ["step-00000006", "step-00000008"]


def test_names_count_up_and_out_is_not_overwritten(tmp_path):
    first = workflow.train(recipe(), runs=tmp_path).run
    said = []
    second = workflow.train(recipe(), runs=tmp_path, watch=workflow.Watch(say=said.append)).run
    assert f"{first.path} exists: this run is {second.path}" in said
    assert [first.path.name, second.path.name] == ["digits_rows", "digits_rows-2"]
    with pytest.raises(RunError, match="--force"):
        workflow.train(recipe(), out=first.path)
    marker = first.path / "marker"
    marker.touch()
    workflow.train(recipe(), out=first.path, force=True)
    assert not marker.exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="no run folder"):
        workflow.train(recipe(), out=precious, force=True)
    assert (precious / "thesis.txt").read_text() == "mine"


def test_weights_go_by_the_names_of_classes(tiny_run, tmp_path, monkeypatch):
    """The embeddings of classes are mapped by name, and the rest in order."""
    from seqgan_kit.runs import data as data_of

    there = data_of.load_dataset
    names = ("3", "ten", *"4567891")

    def renamed(recipe, progress=None):
        return replace(there(recipe, progress), labels={"digit": ("2", *names)})

    monkeypatch.setattr(data_of, "load_dataset", renamed)
    said = []
    settings = recipe("train.steps=1", "train.learning_rate=1e-12")
    run = workflow.train(
        settings, out=tmp_path / "run", init_from=tiny_run, watch=workflow.Watch(say=said.append)
    ).run
    begun = load_file(run.checkpoint() / "networks.safetensors")
    source = load_file(Run(tiny_run).checkpoint() / "networks.safetensors")
    order = [2, 3, 0, 4, 5, 6, 7, 8, 9, 1]
    torch.testing.assert_close(
        begun["generator/label.table"], source["average/label.table"][order]
    )
    assert "digit: ten takes the weights of 0; equal names keep theirs" in said


def test_begun_with_anothers_weights(tiny_run, tmp_path):
    settings = recipe("train.steps=1", "train.learning_rate=1e-12", "seed=5")
    run = workflow.train(settings, out=tmp_path / "run", init_from=tiny_run).run
    begun = load_file(run.checkpoint() / "networks.safetensors")
    source = load_file(Run(tiny_run).checkpoint() / "networks.safetensors")
    # The averaged weights, with which the other run samples.
    key = "recurrent.weights.weight_hh_l0"
    torch.testing.assert_close(begun[f"generator/{key}"], source[f"average/{key}"])
    assert json.loads((run.checkpoint() / "state.json").read_text())["step"] == 1
    with pytest.raises(FileProblem, match="does not fit"):
        workflow.train(
            recipe("model.generator.hidden_size=9"), out=tmp_path / "other", init_from=tiny_run
        )
    assert not (tmp_path / "other").exists()
    with pytest.raises(RunError, match="no run folder"):
        workflow.train(recipe(), out=tmp_path / "third", init_from=tmp_path)


def test_resuming_skips_a_damaged_checkpoint(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    run = Run(path)
    newest = run.checkpoint() / "networks.safetensors"
    newest.write_bytes(newest.read_bytes()[:100])
    damaged = newest.read_bytes()
    said = []
    workflow.resume(path, watch=workflow.Watch(say=said.append))
    assert any("step-00000002" in line for line in said)
    assert any("damaged" in line for line in said)
    assert read_tensors(newest)
    aside = path / "checkpoints" / "damaged-step-00000004" / "networks.safetensors"
    assert aside.read_bytes() == damaged


def lost(tensors, key):
    del tensors[key]


def renamed(tensors, key):
    tensors[f"{key}?"] = tensors.pop(key)


def longer(tensors, key):
    tensors[key] = torch.cat([tensors[key], tensors[key]])


@pytest.mark.parametrize("change", [lost, renamed, longer])
def test_what_an_optimiser_keeps_is_all_there(tiny_run, tmp_path, change):
    """Otherwise it would fail, or read beyond a tensor, at the first step."""
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    place = Run(path).checkpoint()
    (place / SUMS).unlink()
    tensors = load_file(place / "optimizers.safetensors")
    change(tensors, "discriminator/0/exp_avg_sq")
    save_file(tensors, place / "optimizers.safetensors")
    said = []
    workflow.resume(path, watch=workflow.Watch(say=said.append))
    assert any("keeps something else of its parameter 0" in line for line in said)
    assert any("resumed step-00000002" in line for line in said)


def test_a_run_goes_on_for_longer(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    longer = workflow.resume(tmp_path / "run", overrides=["train.steps=7"]).run
    assert longer.checkpoint().name == "step-00000007"
    assert "steps: 7" in longer.recipe_path.read_text()
    with pytest.raises(RunError, match="--init-from"):
        workflow.resume(tmp_path / "run", overrides=["seed=3"])


def test_resuming_where_all_is_damaged(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    for place in Run(path).checkpoints():
        (place / "networks.safetensors").write_bytes(b"")
    before = {p: p.stat().st_mtime_ns for p in path.rglob("*.safetensors")}
    with pytest.raises(FileProblem, match="damaged"):
        workflow.resume(path)
    assert {p: p.stat().st_mtime_ns for p in path.rglob("*.safetensors")} == before


def test_two_processes_do_not_train_one_run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    with (
        Run(tmp_path / "run").hold(),
        pytest.raises(RunError, match="another process"),
    ):
        workflow.resume(tmp_path / "run")


def test_changed_data_are_noticed(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    info = json.loads((path / "run.json").read_text())
    info["data"]["fingerprint"] = "another"
    (path / "run.json").write_text(json.dumps(info))
    with pytest.raises(RunError, match="have changed"):
        workflow.resume(path)


def test_metrics_are_cut_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    metrics = MetricsFile(path, step=2)
    metrics.write({"step": 3, "a": 0.5})
    metrics.close()
    assert read_metrics(path) == [{"step": 1}, {"step": 2}, {"step": 3, "a": 0.5}]


class Falling:
    """An objective whose loss is `value(step)` times a parameter."""

    averaged = "only"

    def __init__(self, value):
        network = torch.nn.Linear(1, 1, bias=False)
        self.networks = {"only": network}

        def compute(batch, noise: Noise, moment):
            return Losses({"loss": network.weight.sum() * value(moment.step)}, {})

        self.turns = (Turn("only", compute),)


class NoBatches:
    drawn = 0

    def next(self):
        self.drawn += 1
        return Batch(torch.zeros(1, 1, 1), full_mask(1, 1), torch.zeros(1, 1, dtype=torch.long))


def trainer(run, objective, **changes):
    settings = dict(
        runtime=Runtime(device="cpu"), run=run, schedule=Schedule(), steps=20,
        optimization={"only": Optimization(0.1, (0.5, 0.99))}, log_every=5, checkpoint_every=5,
    )  # fmt: skip
    return Trainer(objective, NoBatches(), **(settings | changes))


@pytest.fixture
def run(tmp_path):
    return create_run(
        tmp_path / "run",
        "",
        {"labels": {"label": ["any"]}, "codec": {}, "data": {"name": "", "fingerprint": ""}},
    )


def test_a_loss_that_is_not_a_number_stops_the_run(run):
    broken = trainer(run, Falling(lambda step: float("nan") if step >= 12 else 1.0))
    with pytest.raises(TrainingDiverged, match="step-00000010, is kept"):
        broken.fit()
    assert [path.name for path in run.checkpoints()] == ["step-00000005", "step-00000010"]
    weights = load_file(run.checkpoint() / "networks.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_a_loss_that_was_infinite_between_two_logs_is_not_forgotten(run):
    broken = trainer(run, Falling(lambda step: float("inf") if step == 7 else 1.0))
    with pytest.raises(TrainingDiverged):
        broken.fit()
    assert run.checkpoint().name == "step-00000005"


def test_weights_that_are_not_numbers_are_not_saved(run):
    """The gradient of sqrt at zero is infinite while the loss is finite."""
    objective = Falling(lambda step: 1.0)
    weight = objective.networks["only"].weight

    def compute(batch, noise, moment):
        return Losses({"loss": (weight * (moment.step < 4)).abs().sqrt().sum()}, {})

    objective.turns = (Turn("only", compute),)
    with pytest.raises(TrainingDiverged):
        trainer(run, objective, steps=5).fit()
    assert not run.checkpoints()


def test_a_turn_is_taken_only_while_it_is_active(run):
    objective = Falling(lambda step: 1.0)
    (turn,) = objective.turns
    objective.turns = (replace(turn, active=lambda moment: moment.step >= 2),)
    weight = objective.networks["only"].weight
    before = weight.detach().clone()
    assert trainer(run, objective, steps=2).fit()
    assert torch.equal(weight, before)
    assert trainer(run, objective, steps=3).fit()
    assert not torch.equal(weight, before)


def test_a_turn_is_told_whether_another_reads_what_it_makes(run):
    """The last repetition of a turn that another follows, in the steps in which it does."""
    objective = Falling(lambda step: 1.0)
    (turn,) = objective.turns
    told = []

    def compute(batch, noise, moment):
        told.append((moment.step, moment.shared))
        return turn.compute(batch, noise, moment)

    objective.turns = (
        replace(turn, compute=compute, repeats=2),
        replace(turn, shares=True, active=lambda moment: moment.step == 1),
    )
    trainer(run, objective, steps=2).fit()
    assert told == [(0, False), (0, False), (1, False), (1, True)]


def test_a_turn_has_a_factor_of_the_learning_rate(run, tmp_path):
    moved = []
    for number, factor in enumerate((1.0, 0.25)):
        objective = Falling(lambda step: 1.0)
        objective.turns = (replace(objective.turns[0], factor=factor),)
        weight = objective.networks["only"].weight
        before = weight.detach().clone()
        trainer(create_run(tmp_path / f"r{number}", "", run.info), objective, steps=1).fit()
        moved.append((weight.detach() - before).abs().max().item())
    assert moved[1] == pytest.approx(moved[0] / 4, rel=1e-3)


# -- phases -------------------------------------------------------------------------------------

PHASES = (
    "model.generator.feedback=true", "model.generator.head.kind=bernoulli",
    'phases=[{"steps": 3, "objective": {"kind": "likelihood"}, "learning_rate_factor": 0.5},'
    ' {"objective": {"kind": "gan"}}]',
)  # fmt: skip


def test_phases_follow_each_other_over_the_same_generator(tmp_path):
    settings = recipe(*PHASES, "train.steps=6", "train.log_every=1")
    run = workflow.train(settings, out=tmp_path / "run").run
    lines = read_metrics(run.metrics_path)
    assert [("loss/likelihood" in line, "loss/generator" in line) for line in lines] == [
        *[(True, False)] * 3, *[(False, True)] * 3,
    ]  # fmt: skip
    assert lines[2]["loss/likelihood"] < lines[0]["loss/likelihood"]


def test_what_the_clock_left_out_is_told(tmp_path):
    said = []
    settings = recipe(*PHASES, "train.steps=6", "train.minutes=1e-6")
    watch = workflow.Watch(say=said.append)
    trained = workflow.train(settings, out=tmp_path / "run", watch=watch)
    assert trained.finished
    assert said[-1] == (
        "train.minutes ended training at step 1: phase 2 of 2, which begins after step 3, was not "
        "reached"
    )


def test_phases_resume_in_the_middle(tmp_path):
    settings = recipe(*PHASES, "train.steps=6", "train.checkpoint_every=2")
    whole = workflow.train(settings, out=tmp_path / "whole").run
    stopped = workflow.train(settings, out=tmp_path / "cut", watch=stop_after(2)).run
    workflow.resume(stopped.path)
    same_checkpoint(whole.checkpoint(), stopped.checkpoint())


def test_phases_that_do_not_fit_together_are_refused():
    one, other = Falling(lambda step: 1.0), Falling(lambda step: 1.0)
    with pytest.raises(ValueError, match="different networks"):
        Phases([(one, 1), (other, None)], [1.0, 1.0])
    with pytest.raises(ValueError, match="phase 0 is not the last: give it a number of steps"):
        Phases([(one, None), (one, None)], [1.0, 1.0])


# -- the best checkpoint ------------------------------------------------------------------------


def test_the_best_checkpoint_stays_and_is_used(run):
    scores = iter([3.0, 1.0, 2.0, 1.5])
    trained = trainer(
        run, Falling(lambda step: 1.0), steps=8, checkpoint_every=2, keep=1,
        score=lambda step, network: next(scores),
    )  # fmt: skip
    assert trained.fit()
    assert [path.name for path in run.checkpoints()] == ["step-00000004", "step-00000008"]
    assert run.best() == (run.save_checkpoint(4), 1.0)


def test_a_score_that_is_no_number_is_never_the_best(run):
    scores = iter([float("nan"), 5.0])
    trained = trainer(
        run, Falling(lambda step: 1.0), steps=2, checkpoint_every=1,
        score=lambda step, network: next(scores),
    )  # fmt: skip
    assert trained.fit()
    assert run.best() == (run.save_checkpoint(2), 5.0)


def test_the_chosen_checkpoint_by_number(run):
    trained = trainer(
        run, Falling(lambda step: 1.0), steps=8, checkpoint_every=2, keep=1,
        score=lambda step, network: 1.0 if trained.progress.step == 4 else 2.0,
    )  # fmt: skip
    assert trained.fit()
    assert run.checkpoint().name == "step-00000004"
    assert run.checkpoint("8").name == "step-00000008"


def test_keep_best_scores_by_another_judge_on_the_validation_part(tmp_path, monkeypatch):
    seeds = []
    train_judge = trained_judge

    def noted(*arguments, **settings):
        seeds.append(settings["seed"])
        return train_judge(*arguments, **settings)

    monkeypatch.setattr(judging, "trained_judge", noted)
    settings = recipe("train.keep=best", "train.steps=6", "train.checkpoint_every=2")
    run = workflow.train(settings, out=tmp_path / "run").run
    assert seeds == [settings.evaluation.judge_seed + CHOOSING_SEED]
    best, score = run.best()
    assert best == run.checkpoint()
    assert 0 < score < float("inf")
    # Gone on with without choosing, the newest checkpoint is used again.
    workflow.resume(run.path, overrides=["train.keep=3", "train.steps=8"])
    assert run.best() is None
    assert run.checkpoint().name == "step-00000008"


def test_a_resumed_run_chooses_as_the_one_that_never_stopped(tmp_path):
    settings = recipe("train.keep=best", "train.steps=6", "train.checkpoint_every=1")
    whole = workflow.train(settings, out=tmp_path / "whole").run
    cut = workflow.train(settings, out=tmp_path / "cut", watch=stop_after(3)).run
    workflow.resume(cut.path)
    assert cut.best()[1] == whole.best()[1]
    assert cut.best()[0].name == whole.best()[0].name


def test_keep_best_wants_a_validation_part(tmp_path):
    with pytest.raises(DataError, match="validation"):
        workflow.train(recipe("train.keep=best", "data.validation=0.0"), out=tmp_path / "run")


def test_weights_given_are_kept_before_the_first_step(tiny_run, tmp_path):
    def report(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workflow.train(
            recipe(), out=tmp_path / "run", init_from=tiny_run, watch=workflow.Watch(report=report)
        )
    assert Run(tmp_path / "run").checkpoint().name == "step-00000000"


def test_gone_on_with_on_another_kind_of_device(tiny_run, tmp_path):
    """The noise of a CUDA run has another state: the run goes on with other numbers."""
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    for place in Run(path).checkpoints():
        state = load_file(place / "random.safetensors")
        state["noise/cuda"] = state.pop("noise/cpu")[:16].clone()
        save_file(state, place / "random.safetensors")
        (place / SUMS).unlink()
    assert workflow.resume(path, overrides=["train.steps=5"]).finished
    assert not list((path / "checkpoints").glob("damaged*"))


def test_evaluation_wants_the_data_of_the_run(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    text = (path / "recipe.yaml").read_text()
    (path / "recipe.yaml").write_text(text.replace("validation: 0.1", "validation: 0.2"))
    with pytest.raises(RunError, match="have changed"):
        bench_of(loading.run_recipe(Run(path)), samples=20).run(Run(path))


def test_networks_may_have_learning_rates_of_their_own():
    from seqgan_kit.kinds.images.codec import RowsCodec

    settings = recipe("train.learning_rates.discriminator=0.5", "train.learning_rate=0.25")
    objective = make_objective(settings, RowsCodec(height=4, width=3, channels=1), (10,))
    rates = optimization(settings, objective)
    assert rates["discriminator"].learning_rate == 0.5
    assert rates["generator"].learning_rate == 0.25


def test_one_class_has_no_mismatched_labels():
    from seqgan_kit.kinds.images.codec import RowsCodec

    codec = RowsCodec(height=4, width=3, channels=1)
    assert make_objective(recipe(), codec, (1,)).mismatch == 0
    assert make_objective(recipe(), codec, (2,)).mismatch > 0


def test_a_batch_for_the_processes():

    check_processes(recipe(), 2)
    with pytest.raises(recipe_files.RecipeError, match="multiple of 12"):
        check_processes(recipe(), 3)


def test_the_average_follows_at_its_pace(run):
    fit = trainer(run, Falling(lambda step: 1.0), steps=3, average_decay=0.5)
    start = fit.average.module.weight.item()
    fit.train_step()
    # Adam's first step is the learning rate; at step 0 the average keeps a tenth of itself.
    assert fit.average.module.weight.item() == pytest.approx(start - 0.9 * 0.1, abs=1e-6)


def test_minutes_end_a_run(run):
    fit = trainer(run, Falling(lambda step: 1.0), steps=10**9, minutes=0.02, log_every=10**6,
                  checkpoint_every=10**8)  # fmt: skip
    began = time.monotonic()
    assert fit.fit()
    assert 1.0 < time.monotonic() - began < 10
    assert run.checkpoint()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), [1, 1, 1]),
        (Schedule("linear"), [1, 0.5, 0]),
        (Schedule("linear", hold=0.5, final=0.2), [1, 1, 0.2]),
        (Schedule("cosine"), [1, 0.5, 0]),
    ],
)
def test_schedules(schedule, expected):
    assert [schedule.factor(p) for p in (0.0, 0.5, 1.0)] == pytest.approx(expected)
    assert Schedule("cosine").factor(0.25) == pytest.approx(0.853553, abs=1e-6)


@pytest.mark.parametrize(
    ("device", "words"),
    [("cuda:99", "is not available"), ("gpu", "unknown device"), ("mps", "unknown device")],
)
def test_devices_that_are_not_there(device, words):
    with pytest.raises(DeviceError, match=words):
        choose_device(device)


def test_bfloat16_trains(tmp_path):
    try:
        run = workflow.train(recipe("train.precision=bfloat16"), out=tmp_path / "run").run
    except NoSuchKernel as error:
        pytest.skip(str(error))
    weights = load_file(run.checkpoint() / "networks.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_trains_and_resumes(tmp_path):
    settings = recipe("train.device=cuda", "train.steps=6")
    assert not workflow.train(settings, out=tmp_path / "run", watch=stop_after(3)).finished
    assert workflow.resume(tmp_path / "run").finished


# -- whole processes ----------------------------------------------------------------------------


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def command(*arguments, launcher=("-m", "seqgen_cli")):
    return [sys.executable, *launcher, *map(str, arguments)]


ENDLESS = ("train.steps=100000000", "train.checkpoint_every=5", "train.log_every=1")


def wait_for_checkpoint(path, process):
    """Until there is a checkpoint that was not there before."""
    deadline = time.monotonic() + 120
    before = set(path.glob("checkpoints/step-*"))
    while not set(path.glob("checkpoints/step-*")) - before:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_and_say_how_to_go_on(tmp_path, number):
    out = tmp_path / "run"
    process = subprocess.Popen(
        command("train", "digits_rows", *TINY, *ENDLESS, "--out", out),
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    wait_for_checkpoint(out, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"seqgen train --resume {out}" in said
    assert "Traceback" not in said
    step = json.loads((Run(out).checkpoint() / "state.json").read_text())["step"]
    assert read_metrics(out / "metrics.jsonl")[-1]["step"] == step


def test_killed_at_any_moment_a_run_resumes(tmp_path):
    out = tmp_path / "run"
    for attempt in range(3):
        arguments = (
            ("--resume", out) if attempt else ("digits_rows", *TINY, *ENDLESS, "--out", out)
        )
        process = subprocess.Popen(
            command("train", *arguments), stderr=subprocess.PIPE, text=True, env=environment()
        )
        wait_for_checkpoint(out, process)
        time.sleep(0.6 + 0.37 * attempt)
        process.kill()
        process.communicate()
    run = Run(out)
    reached = json.loads((run.checkpoint() / "state.json").read_text())["step"]
    text = (out / "recipe.yaml").read_text().replace("100000000", str(reached + 3))
    (out / "recipe.yaml").write_text(text)
    assert workflow.resume(out).finished
    assert not list((out / "checkpoints").glob(".*"))
    steps = [line["step"] for line in read_metrics(run.metrics_path)]
    assert steps == list(range(1, reached + 4))


def test_two_processes_train_as_one(tmp_path):
    """Half a batch in each of two processes gives the weights of the whole batch in one."""
    # Not the relativistic loss: it leaves the last bias without a gradient but for rounding, which
    # Adam then blows up.
    overrides = (
        *TINY, "train.batch_size=32", "train.steps=5", "objective.loss=non-saturating",
    )  # fmt: skip
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone",
                "-m", "seqgen_cli")  # fmt: skip
    subprocess.run(
        command("train", "digits_rows", *overrides, "--out", tmp_path / "two", launcher=launcher),
        check=True, capture_output=True, timeout=240, env=environment(),
    )  # fmt: skip
    subprocess.run(
        command("train", "digits_rows", *overrides, "--out", tmp_path / "one"),
        check=True, capture_output=True, timeout=120, env=environment(),
    )  # fmt: skip
    assert Run(tmp_path / "two").info["environment"]["processes"] == 2
    two, one = (
        load_file(Run(tmp_path / name).checkpoint() / "networks.safetensors")
        for name in ("two", "one")
    )
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-5, msg=name)
    losses = [read_metrics(tmp_path / name / "metrics.jsonl")[-1] for name in ("two", "one")]
    for name in ("loss/discriminator", "loss/generator"):
        assert losses[0][name] == pytest.approx(losses[1][name], rel=1e-4)


def test_safetensors_of_another_shape(tiny_run, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    for place in Run(path).checkpoints():
        weights = load_file(place / "networks.safetensors")
        weights["average/head.project.bias"] = torch.zeros(3)
        save_file(weights, place / "networks.safetensors")
        (place / SUMS).unlink()
    with pytest.raises(FileProblem, match=r"average: head\.project\.bias has the shape \(3,\)"):
        loading.load(path)


def test_an_optimiser_and_hooks_of_ones_own(tmp_path):
    from seqgan_kit.files import FileProblem
    from seqgan_kit.training.trainer import Hook

    def sgd(parameters, learning_rate, betas):
        return torch.optim.SGD(parameters, lr=learning_rate, momentum=betas[0])

    seen = []
    hooks = [Hook(2, lambda step, network: seen.append((step, network.training)))]
    run = workflow.train(recipe(), out=tmp_path / "run", optimizer=sgd, hooks=hooks).run
    assert [step for step, _ in seen] == [2, 4]
    with pytest.raises(FileProblem, match="trained with the optimiser SGD, not Adam"):
        workflow.resume(run.path, overrides=["train.steps=6"])
    resumed = workflow.resume(run.path, overrides=["train.steps=6"], optimizer=sgd, hooks=hooks)
    assert resumed.finished
    assert seen[-1][0] == 6
