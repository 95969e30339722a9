"""One picture of samples of four kinds, for the README: python docs/site/strip.py.

Each part is what a training of that kind draws, here with a run that comes with the package, at
seed 0 and not selected.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from seqgan_kit import load
from seqgan_kit.report.fonts import lettering

RUNS = ("mnist_rows", "names_text", "spoken_digits", "vowels_series")
TARGET = Path(__file__).parents[1] / "kinds.png"
HEIGHT, WIDTH, GAP, LETTERS = 300, 330, 18, 17


def preview(name: str) -> Image.Image:
    """What a run shows of itself while it trains, in the size of a part."""
    sampler = load(name)
    kind = sampler.kind
    assert kind is not None, "packaged runs know their kind"
    part = Image.new("RGB", (WIDTH, HEIGHT), "white")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples{kind.preview}"
        kind.draw(sampler, path)
        if kind.preview == ".png":
            with Image.open(path) as found:
                shown = found.convert("RGB")
            # The upper left corner, at a scale that shows enough of it.
            scale = max(
                WIDTH / min(shown.width, 2 * WIDTH), HEIGHT / min(shown.height, 2 * HEIGHT)
            )
            size = (round(shown.width * scale), round(shown.height * scale))
            part.paste(shown.resize(size, Image.Resampling.LANCZOS).crop((0, 0, WIDTH, HEIGHT)))
            return part
        draw = ImageDraw.Draw(part)
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines[: HEIGHT // (LETTERS + 5)]):
            font, text = lettering(line.replace("\t", "  "), LETTERS)
            draw.text((4, 4 + number * (LETTERS + 5)), text, fill="black", font=font)
        return part


def main() -> None:
    """Write the picture."""
    strip = Image.new("RGB", (len(RUNS) * (WIDTH + GAP) - GAP, HEIGHT), "white")
    for place, name in enumerate(RUNS):
        strip.paste(preview(name), (place * (WIDTH + GAP), 0))
    strip.save(TARGET, optimize=True)
    print(f"{TARGET.name}: {strip.width} x {strip.height}")


if __name__ == "__main__":
    main()
