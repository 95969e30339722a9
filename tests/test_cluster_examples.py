"""The scripts and manifests of examples/cluster, as far as one machine without a cluster goes."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from seqgen_cli import compare, train
from torch.distributed.run import parse_args

from seqgan_kit.training.run import Run

from .conftest import TINY
from .test_training import environment

PLACE = Path(__file__).parents[1] / "examples" / "cluster"
STAND_INS = {
    # Runs the command here, as the only node.
    "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
    "scontrol": "echo localhost",
    "torchrun": f'exec {shlex.quote(sys.executable)} -m torch.distributed.run "$@"',
}
bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def documents(name):
    return list(yaml.safe_load_all((PLACE / name).read_text("utf-8")))


@bash
@pytest.mark.parametrize("script", sorted(PLACE.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_can_be_parsed(script):
    subprocess.run(["bash", "-n", script], check=True)
    assert os.access(script, os.X_OK)


def free_job():
    """A number of a job whose port is free."""
    for number in range(os.getpid() % 10000, 20000):
        with socket.socket() as tried:
            if tried.connect_ex(("localhost", 20000 + number % 10000)):
                return str(number % 10000)
    raise AssertionError


@bash
def test_the_slurm_script_trains_and_goes_on(tmp_path):
    for name, content in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{content}\n")
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_ID": free_job(), "SLURM_JOB_NODELIST": "node", "SLURM_NNODES": "1",
           "SLURM_CPUS_PER_TASK": "1", "PATH": f"{tmp_path}:{os.environ['PATH']}"}  # fmt: skip
    for _ in range(2):
        done = subprocess.run(
            ["bash", PLACE / "slurm_train.sh", "digits_rows", tmp_path / "run", *TINY],
            env={**environment(), **job}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "resumed step-00000004" in done.stderr
    assert Run(tmp_path / "run").checkpoints()


def test_the_ray_job():
    (job,) = documents("kuberay_compare.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:2] == ["seqgen", "compare"]
    given = compare.command.make_context("compare", words[2:]).params
    assert given["on"] == "ray"
    cluster = job["spec"]["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in pods:
        assert all(isinstance(value, str) for value in pod["rayStartParams"].values())
        spec = pod["template"]["spec"]
        check_pod(spec, str(given["out"]))
        assert (
            spec["containers"][0]["image"] == pods[0]["template"]["spec"]["containers"][0]["image"]
        )
    images = {pod["template"]["spec"]["containers"][0]["image"] for pod in pods}
    assert len(images) == 1
    assert given["threads"] <= int(spec["containers"][0]["resources"]["limits"]["cpu"])


def check_pod(spec, out):
    """It mounts a claim where the results go."""
    volumes = {one["name"] for one in spec["volumes"] if "persistentVolumeClaim" in one}
    (container,) = spec["containers"]
    places = {one["mountPath"] for one in container["volumeMounts"] if one["name"] in volumes}
    assert any(out.startswith(f"{place}/") for place in places)
    assert all(isinstance(one["value"], str) for one in container["env"])


def test_the_kubernetes_job():
    service, job = documents("kubernetes_train.yaml")
    spec = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == spec["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    words = spec["containers"][0]["command"]
    assert words[0] == "torchrun"
    asked = parse_args(words[1:])
    assert int(asked.nnodes) == job["spec"]["completions"] == job["spec"]["parallelism"]
    host = f"{job['metadata']['name']}-0.{spec['subdomain']}"
    assert asked.rdzv_endpoint.partition(":")[0] == host
    assert (asked.module, asked.training_script) == (True, "seqgen_cli")
    given = train.command.make_context("train", asked.training_script_args[1:]).params
    check_pod(spec, str(given["out"]))
