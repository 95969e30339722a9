"""Build the documentation as pages: `make docs`; every warning is an error.

The pages are README.md and the Markdown files of `docs`, as they are, and pages about the public
names of the package, made from their docstrings.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "docs"
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
GUIDE = (
    "install",
    "guide",
    "serve",
    "scale",
    "export",
    "privacy",
    "data",
    "models",
    "results",
    "samples",
    "training-notes",
)
INSIDE = ("extending", "architecture", "contributing", "security", "changelog")

API = {
    "seqgan_kit": "Train, sample, measure, compare",
    "seqgan_kit.models": "Generators and discriminators",
    "seqgan_kit.nn": "Layers and heads",
    "seqgan_kit.objectives": "Losses, penalties and objectives",
    "seqgan_kit.training": "The training loop",
    "seqgan_kit.kind": "The interface of a kind of data",
    "seqgan_kit.codec": "The interface of a codec",
    "seqgan_kit.errors": "Errors",
}
"""Modules whose public names have a page, with its title."""

LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
"""A link of Markdown to a file: its text, the file, and a place in it."""


def lay_out(source: Path) -> None:
    """Copy the pages, with links that hold where they are now."""
    for path in (ROOT / "docs").iterdir():
        if path.suffix == ".md":
            write(source / path.name, path)
        elif path.is_file():
            shutil.copy(path, source)
    for name, page in PAGES.items():
        write(source / page, ROOT / name)
    with (source / "index.md").open("a", encoding="utf-8") as index:
        for title, names in (("Guide", GUIDE), ("Inside", INSIDE), ("API", ["api/index"])):
            listed = "\n".join(names)
            index.write(f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```\n")


def write(target: Path, page: Path) -> None:
    """Write a page with its links changed."""

    def moved(found: re.Match[str]) -> str:
        text, path, anchor = found[1], (page.parent / found[2]).resolve(), found[3] or ""
        if not path.exists():
            sys.exit(f"{page.relative_to(ROOT)}: there is no {found[2]}")
        relative = path.relative_to(ROOT).as_posix()
        if relative in PAGES:
            return f"[{text}]({PAGES[relative]}{anchor})"
        if path.parent == ROOT / "docs" and path.is_file():
            return f"[{text}]({path.name}{anchor})"
        if path.is_dir() or path.suffix == ".md":
            # It is in the repository, and no page.
            return text
        copy = target.parent / "files" / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
        return f"[{text}](files/{relative})"

    text = page.read_text("utf-8")
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    target.write_text(
        "".join(
            LINK.sub(moved, part) if number % 2 == 0 else part for number, part in enumerate(parts)
        ),
        encoding="utf-8",
    )


def document(folder: Path) -> None:
    """Write a page for each module, with its public names.

    A name without a docstring is an error.
    """
    folder.mkdir()
    bare, seen = [], set()
    for name, title in API.items():
        module = importlib.import_module(name)
        lines = [title, "=" * len(title), "", f".. automodule:: {name}", "   :no-members:", ""]
        public = getattr(module, "__all__", None)
        if public is None:
            lines[4] = "   :members:"
        for member in public or ():
            found = getattr(module, member)
            if not callable(found) or id(found) in seen:
                continue
            seen.add(id(found))
            if not (found.__doc__ or "").strip():
                bare.append(f"{name}.{member}")
            what = "class" if isinstance(found, type) else "function"
            lines += [f".. auto{what}:: {name}.{member}", ""]
        (folder / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")
    if bare:
        sys.exit(f"without a docstring: {', '.join(bare)}")
    listed = "\n".join(f"   {name}" for name in API)
    index = f"API\n===\n\n.. toctree::\n\n{listed}\n"
    (folder / "index.rst").write_text(index, encoding="utf-8")


def main() -> None:
    """Build the site in build/docs/html."""
    shutil.rmtree(BUILD, ignore_errors=True)
    source = BUILD / "source"
    source.mkdir(parents=True)
    lay_out(source)
    document(source / "api")
    settings = str(Path(__file__).parent)
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "-c",
        settings,
    ]
    done = subprocess.run([*command, str(source), str(BUILD / "html")], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    print(BUILD / "html" / "index.html")


if __name__ == "__main__":
    main()
