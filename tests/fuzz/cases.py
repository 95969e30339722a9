"""One case: an example of which one file is damaged, and a command."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from .damage import damaged
from .examples import Example
from .running import Command, Outcome, forgive, seqgen

FORGIVEN = 0.5
"""Chance that the checksums of a damaged file are made to fit it."""


@dataclass(frozen=True)
class Case:
    """A damaged file of an example."""

    example: Example
    file: str
    content: bytes
    forgiven: bool
    command: Command

    def __str__(self) -> str:
        shown = "its reader" if callable(self.command) else f"seqgen {' '.join(self.command)}"
        sums = ", checksums made to fit" if self.forgiven else ""
        return f"{self.example.name}, {self.file} damaged{sums}: {shown}"

    def write(self, folder: Path) -> None:
        """Write the files of the example, one of them damaged."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.example.folder, folder)
        (folder / self.file).write_bytes(self.content)
        if self.forgiven:
            forgive(folder / self.file)

    def run(self, folder: Path) -> Outcome:
        """Write the files, and run the command on them."""
        self.write(folder)
        file = folder / self.file
        if callable(self.command):
            return seqgen(self.command, file)
        places = {"FOLDER": str(folder), "FILE": str(file)}
        command = self.command
        for name, place in places.items():
            command = tuple(text.replace(name, place) for text in command)
        return seqgen(command)


def draw(example: Example, chance: random.Random) -> Case:
    """Damage a file of an example at random, and choose a command."""
    file = chance.choice(example.files)
    content = damaged((example.folder / file).read_bytes(), chance)
    return Case(
        example, file, content, chance.random() < FORGIVEN, chance.choice(example.commands)
    )


def checked(example: Example, folder: Path) -> Example:
    """Run every command on whole files; leave out those that are not for this kind of data."""
    file, commands = example.files[0], []
    for command in example.commands:
        whole = Case(example, file, (example.folder / file).read_bytes(), False, command)
        outcome = whole.run(folder)
        assert outcome.code in (0, 2) or callable(command), f"{whole}: {outcome.said}"
        if outcome.code == 0 or callable(command):
            commands.append(command)
    assert commands, f"nothing reads {example.name}: {outcome.said}"
    return replace(example, commands=tuple(commands))
