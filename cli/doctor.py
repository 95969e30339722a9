"""`seqgen doctor`."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from seqgan_kit import __version__
from seqgan_kit.errors import PluginError, SeqganError

from .console import show

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PACKAGE = "seqgan_kit"

EXTRAS = {
    "tensorboard": "curves in TensorBoard (train.tensorboard)",
    "speech": "synthetic spoken digits, said by eSpeak NG",
    "vocoder": "sound by the WORLD vocoder",
    "listening": "a speech recogniser and a rating of quality (evaluation.listen)",
    "series": "the Japanese vowels, and .ts files",
    "tables": ".parquet files",
    "remote": "shards at addresses such as s3:// (data.stream)",
    "hub": "runs on the Hugging Face hub (seqgen push, hf://user/name)",
    "export": "runs as ONNX files (seqgen export)",
    "peptides": "charge and moment of peptides, and edit distances",
    "privacy": "training with differential privacy (train.privacy)",
    "ray": "tasks on a cluster (--on ray)",
    "serve": "seqgen serve, and seqgen train --view",
    "test": "the tests",
    "docs": "building the documentation",
    "dev": "development: tests, linter and type checker",
}
"""What the optional extras are for."""

REINSTALL = "install it again as https://pytorch.org/get-started says"

LONGEST = 300
"""Characters of an error of another package."""


class Item(NamedTuple):
    """What was found of one thing; what is needed and is missing is broken."""

    name: str
    state: Literal["ok", "missing", "broken"]
    detail: str


@click.command(short_help="Check the installation.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool) -> None:
    """Check versions, devices, the cache, optional extras and plug-ins, a line each.

    An item is ok, missing (optional, or not on this machine) or broken. The exit code is 1 if one
    is broken.

    \b
    Examples:
      seqgen doctor
      seqgen doctor --json | jq '.[] | select(.state == "broken")'
    """
    items = list(_examine())
    if as_json:
        click.echo(json.dumps([item._asdict() for item in items], indent=2))
    else:
        width = max(len(item.name) for item in items)
        for item in items:
            show(f"{item.name:{width}}  {item.state:7}  {item.detail}")
    if any(item.state == "broken" for item in items):
        raise SystemExit(1)


def _examine() -> Iterator[Item]:
    yield Item("python", "ok", platform.python_version())
    yield Item("platform", "ok", platform.platform())
    yield from _packages()
    torch = _imported("torch")
    yield torch if torch.state == "ok" else torch._replace(detail=f"{torch.detail}; {REINSTALL}")
    if torch.state == "ok":
        yield _torchaudio()
        own = _imported("seqgan_kit.runs.workflow")
        place = f"{__version__}, {_folder()}"
        yield own._replace(name=PACKAGE, detail=place if own.state == "ok" else own.detail)
        yield _threads()
        if own.state == "ok":
            yield from _devices()
            yield _cache()
    yield from _plugins()


# -- packages -----------------------------------------------------------------------------------


def _packages() -> Iterator[Item]:
    """Yield whether the packages of pyproject.toml are installed: the needed ones, the extras."""
    try:
        needed = _requirements("")
        extras = metadata.metadata(PACKAGE).get_all("Provides-Extra") or []
    except ImportError as error:  # seqgan_kit is not installed, or packaging is not.
        yield Item("packages", "broken", f"{_why(error)}; install seqgan_kit again")
        return
    unmet = _unmet(needed)
    get = " ".join(f'"{requirement}"' for requirement in unmet)
    if unmet:
        yield Item("packages", "broken", f"{', '.join(unmet.values())}: pip install {get}")
    else:
        yield Item("packages", "ok", f"{len(needed)} needed packages are installed")
    for extra in extras:
        about = EXTRAS.get(extra, "")
        if unmet := _unmet(_requirements(extra)):
            get = f'pip install "{PACKAGE}[{extra}]"'
            about += f"; {', '.join(unmet.values())}: {get}"
        yield Item(f"extra {extra}", "missing" if unmet else "ok", about)


def _requirements(extra: str) -> list[Requirement]:
    """Return what an extra asks for; without a name, what is always needed.

    Raises:
        ImportError: the metadata of seqgan_kit, or what reads them, is missing.
    """
    from packaging.requirements import Requirement

    found = []
    for requirement in map(Requirement, metadata.requires(PACKAGE) or ()):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            wanted = not extra
        else:
            wanted = bool(extra) and marker.evaluate({"extra": extra})
        if wanted and requirement.name.replace("-", "_") == PACKAGE:
            found += [more for other in requirement.extras for more in _requirements(other)]
        elif wanted:
            requirement.marker = None
            found.append(requirement)
    return found


def _unmet(requirements: list[Requirement]) -> dict[str, str]:
    """Return the requirements that are not met, with the reason of each."""
    found = {}
    for requirement in requirements:
        version = _version(requirement.name)
        if version is None:
            found[str(requirement)] = f"{requirement.name} is not installed"
        elif not requirement.specifier.contains(version, prereleases=True):
            found[str(requirement)] = (
                f"{requirement.name} {version} is not {requirement.specifier}"
            )
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _imported(module: str) -> Item:
    """Import a module."""
    try:
        found = import_module(module)
    except Exception as error:  # A library that is built for another machine raises anything.
        return Item(module, "broken", f"cannot be imported: {_why(error)}")
    return Item(module, "ok", getattr(found, "__version__", ""))


def _torchaudio() -> Item:
    """Say whether torchaudio fits torch, and which one would."""
    import torch

    found = _imported("torchaudio.functional")
    version = _version("torchaudio") or "(not installed)"
    build = str(torch.__version__).partition("+")[2]
    # The last torchaudio there is loads beside later versions of torch, too.
    if found.state == "ok" and version.startswith("2.11."):
        return Item("torchaudio", "ok", version)
    get = 'pip install --force-reinstall --no-deps "torchaudio==2.11.*"'
    # The builds of torch for CPUs and for each version of CUDA have indexes of their own.
    get += f", from the index for {build} (https://pytorch.org/get-started)" if build else ""
    why = f" ({found.detail})" if found.detail else ""
    detail = f"{version} does not fit torch {torch.__version__}{why}: {get}"
    return Item("torchaudio", "broken", detail)


def _why(error: BaseException) -> str:
    """Return the first line of an error."""
    text = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {text}"[:LONGEST]


# -- the machine --------------------------------------------------------------------------------


def _folder() -> Path:
    import seqgan_kit

    return Path(seqgan_kit.__file__).parent


def _threads() -> Item:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    used = f"{usable} usable, torch uses {torch.get_num_threads()}"
    return Item("cores", "ok", f"{os.cpu_count()} ({used})")


def _devices() -> Iterator[Item]:
    """Yield what `--device auto` is, and the state of each GPU."""
    import torch

    from seqgan_kit.training.runtime import choose_device

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Told below.
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        chosen = choose_device("auto")
    yield Item("device", "ok", f"auto is {chosen}")
    if not cards:
        yield Item("cuda", "missing", _no_card())
        yield Item("bfloat16", "ok", "works, and is seldom faster on a CPU (train.precision)")
    for number in range(cards):
        yield from _card(number)


def _no_card() -> str:
    """Say why torch finds no GPU."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "torch is built for CPUs only; https://pytorch.org/get-started has others"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    note = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES is {hidden!r})"
    try:
        torch.cuda.init()
    except Exception as error:
        return f"torch finds no GPU{note}: {_why(error)}"
    return f"torch finds no GPU{note}"


def _card(number: int) -> Iterator[Item]:
    import torch

    from seqgan_kit.runs.sizes import amount

    name = f"cuda:{number}"
    try:
        with torch.cuda.device(number):
            # A GPU that this torch is not built for fails at the first computation only.
            torch.ones(2, device=name).sum().item()
            free, total = torch.cuda.mem_get_info()
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
    except Exception as error:
        yield Item(name, "broken", f"{torch.cuda.get_device_name(number)}: {_why(error)}")
        return
    about = f"{torch.cuda.get_device_name(number)}, {amount(total)} ({amount(free)} free)"
    yield Item(name, "ok", f"{about}, CUDA {torch.version.cuda}")
    yield Item(
        "bfloat16", "ok" if fast else "missing",
        f"{name} {'has it' if fast else 'only imitates it'} (train.precision)",
    )  # fmt: skip


def _cache() -> Item:
    """Say where fetched data and judges are kept, their size, and whether it is writable."""
    from seqgan_kit.data.sources import cache_folder
    from seqgan_kit.runs.sizes import amount

    advice = "set SEQGAN_CACHE to a writable folder"
    try:
        folder = cache_folder()
    except SeqganError as error:
        return Item("cache", "broken", f"{error}; {advice}")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Item(
            "cache", "broken", f"{folder} cannot be written ({error.strerror or error}): {advice}"
        )
    size = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # Another process may remove it meanwhile.
            size += file.stat().st_size if file.is_file() else 0
    return Item("cache", "ok", f"{folder}, {amount(size)}, writable (SEQGAN_CACHE)")


def _plugins() -> Iterator[Item]:
    """Yield the kinds and models that are installed, and whether they can be used."""
    from seqgan_kit import plugins

    words = {plugins.KINDS: "kind", plugins.MODELS: "model"}
    for one in plugins.installed():
        state: Literal["ok", "broken"] = "broken" if one.problem else "ok"
        yield Item(f"{words[one.group]} {one.name}", state, one.problem or one.source)
    try:
        plugins.kinds()
        plugins.models()
    except PluginError as error:
        yield Item("plug-ins", "broken", str(error))
