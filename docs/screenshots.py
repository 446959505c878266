"""Takes the pictures of the guide to reports: ``python docs/screenshots.py [DIR]``; needs Chromium.

Trains a small run of each kind on data that come with xgraph, and photographs the beginning of its report.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

import xgraph

IMAGES = Path(__file__).resolve().parent / "images"
WIDTH = 1120
PHONE = 390
COLOURS = 128  # of a picture, which keeps it small


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    browser = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if not browser:
        sys.exit("no Chromium here: install chromium, or chrome")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, run in runs().items():
            settings = run.path / "config.toml"
            settings.write_text(
                settings.read_text().replace(f"{Path(folder).resolve()}/", "")
            )  # no path of this machine
            page = xgraph.report(run).resolve()
            photograph(browser, page, out / f"report-{name}.png", WIDTH, 2300)
            if name == "molecules":
                photograph(browser, framed(page), out / f"report-{name}-phone.png", PHONE, 1500)


def runs() -> dict[str, xgraph.training.Run]:
    """Train the runs."""
    graph = Path(__file__).resolve().parent / "examples" / "graph"
    shutil.copytree(graph, "graph")
    nodes = {"split_column": "split", "epochs": 30, "out": "nodes", "threads": 1}
    return {
        "molecules": xgraph.train("nci-pains", epochs=10, baseline=True, out="molecules", threads=1),
        "nodes": xgraph.train("graph", target_columns=["club"], model="sage-fm", num_neighbors=[3, 3], **nodes),
        "bags": xgraph.train("digits-bags", epochs=10, out="bags", threads=1),
    }


def framed(page: Path) -> Path:
    """Write a page that shows another one as wide as a phone does, since a window cannot be that narrow."""
    frame = page.with_name("phone.html")
    style = f"width:{PHONE}px;height:100vh;border:0"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page.name}" scrolling="no" style="{style}"></iframe></body>'
    )
    return frame


def photograph(browser: str, page: Path, image: Path, width: int, height: int) -> None:
    """Save what the browser shows of a page, without the white below it."""
    window = f"--window-size={max(width, 600)},{height}"
    raw = page.with_suffix(".png")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", window]
    subprocess.run([*command, f"--screenshot={raw}", page.as_uri()], check=True, capture_output=True, timeout=120)
    picture = Image.open(raw).convert("RGB").crop((0, 0, width, height))
    white = Image.new("RGB", picture.size, "white")
    box = ImageChops.difference(picture, white).getbbox() or (0, 0, width, height)
    picture = picture.crop((0, 0, width, min(height, box[3] + 20)))
    picture.quantize(COLOURS).save(image, optimize=True)
    print(f"{image.name}: {image.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
