"""The Hugging Face hub: which repository a word names, and its files down and up.

What comes from there is a file like any other, and is checked as one by whoever opens it. The
package huggingface_hub is imported when it is first needed; its cache, its settings (``HF_HOME``,
``HF_HUB_OFFLINE``) and its login are used as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..data.packages import one_line
from ..errors import SeqganError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PLACE = re.compile(rf"hf:/({NAME}/{NAME})(?:@([^/@]+))?(?:/(.+))?")

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


class HubProblem(SeqganError):
    """The error for what the hub does not have, or does not do; it says what to do."""


class Unreachable(HubProblem):
    """The error for a hub that cannot be used: no connection, or an error of its own."""


@dataclass(frozen=True)
class Place:
    """What ``hf://user/name@revision/file`` names.

    Attributes:
        repository: ``user/name``.
        revision: a branch, a tag or a commit; ``None``: the branch ``main``.
        file: a file of the repository; ``None`` if the word names none.
    """

    repository: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"hf://{self.repository}{revision}{'' if self.file is None else f'/{self.file}'}"


def place_of(given: str | Path) -> Place | None:
    """Return the place on the hub that a word names; ``None`` if it is an ordinary path.

    >>> print(place_of(Path("hf://me/digits@v1")))
    hf://me/digits@v1

    Raises:
        UsageError: it begins like a place on the hub, and is none.
    """
    # Command lines make a Path of every run, and a Path has one slash where the word has two.
    text = Path(given).as_posix()
    if not text.startswith("hf:/"):
        return None
    found = PLACE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text.replace('hf:/', 'hf://', 1)}: expected hf://user/name, "
            "hf://user/name@revision or hf://user/name/file"
        )
    return Place(*found.groups())


def download(place: Place, choose: Callable[[Mapping[str, int]], str]) -> tuple[Path, str]:
    """Return a file of a repository in the cache of huggingface_hub, and what it is in words.

    If the hub cannot be used, the copy that was fetched last is taken.

    Args:
        place: the repository.
        choose: returns the name of the file, given the sizes of all files in bytes.

    Raises:
        HubProblem: there is no such repository or revision, or the hub refuses.
        Unreachable: the hub cannot be used, and nothing was fetched before.
    """
    api = _api(place)
    try:
        with _told(place):
            info = api.model_info(place.repository, revision=place.revision, files_metadata=True)
        files = info.siblings or ()
        name = choose({one.rfilename: one.size for one in files if one.size is not None})
        with _told(place):
            found = api.hf_hub_download(place.repository, name, revision=place.revision)
    except Unreachable as error:
        kept = _kept(api, place)
        if not kept:
            raise
        name = choose({name: path.stat().st_size for name, path in kept.items()})
        return kept[name], f"{error}; {name} as it was fetched last"
    return Path(found), f"{place}: {name} of commit {(info.sha or '')[:7]}"


def _kept(api: HfApi, place: Place) -> dict[str, Path]:
    """Return the files of a repository that are in the cache of huggingface_hub, by name."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(
            api.snapshot_download(place.repository, revision=place.revision, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return {}
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def upload(
    packed: Path, card: str, repository: str, *, private: bool, token: str | None, message: str
) -> str:
    """Commit a file and the card of a repository, which is created if need be; return its page.

    Args:
        packed: the file.
        card: text of its README.md.
        repository: ``user/name``.
        private: whether a new repository is private.
        token: to log in with (default: the user's login).
        message: of the commit.

    Raises:
        UsageError: the repository has another name than ``user/name``, is public where a private
            one is asked for, or has files, and this one is not among them.
        HubProblem: the hub refuses, or cannot be reached.
    """
    place = place_of(f"hf://{repository.removeprefix('hf://')}")
    if place is None or place != Place(place.repository):
        raise UsageError(f"{repository}: name a repository of the hub as user/name")
    api = _api(place, token)
    from huggingface_hub import CommitOperationAdd

    with _told(place):
        page = api.create_repo(place.repository, private=private or None, exist_ok=True)
        info = api.model_info(place.repository)
    names = [one.rfilename for one in info.siblings or ()]
    others = [name for name in names if not name.startswith(".") and name != "README.md"]
    if others and packed.name not in others:
        raise UsageError(
            f"{place} holds {others[0]}, and not {packed.name}: choose another repository, one "
            "for each run"
        )
    if private and not info.private:
        raise UsageError(f"{place} is public: make it private on its page first, {page}")
    with _told(place):
        api.create_commit(
            place.repository,
            [
                CommitOperationAdd(packed.name, packed),
                CommitOperationAdd("README.md", card.encode()),
            ],
            commit_message=message,
        )
    return str(page)


def _api(place: Place, token: str | None = None) -> HfApi:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise HubProblem(
            f'{place}: the hub requires the package huggingface_hub: pip install "seqgan_kit[hub]"'
        ) from error
    return HfApi(
        # The package itself reads this variable only when it is first imported.
        endpoint=os.environ.get("HF_ENDPOINT"),
        token=token,
        library_name="seqgan_kit",
        library_version=__version__,
    )


@contextmanager
def _told(place: Place) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence.

    Its HTTP client has errors of its own, in every version of others, so all are caught here
    except those of the operating system (a full disk).
    """
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise HubProblem(f"{place}: ask for access on its page first, and {LOG_IN}") from error
    except errors.RepositoryNotFoundError as error:
        raise HubProblem(
            f"{place}: there is no such repository, or it is private: {LOG_IN}"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubProblem(f"{place}: the repository has no such revision") from error
    except errors.HFValidationError as error:
        raise UsageError(f"{place}: {one_line(error)}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        answer = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
        if answer in (401, 403):
            raise HubProblem(f"{place}: the hub refuses this ({answer}): {LOG_IN}") from error
        why = one_line(error) or type(error).__name__
        raise Unreachable(f"{place}: the hub cannot be used ({why})") from error
