"""Draw `report.webp`, the report of `site/` in a browser: `python examples/make_report_picture.py [WEBP]`."""

import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

SITE = Path(__file__).with_name("site")
PICTURE = Path(__file__).with_name("report.webp")
WINDOW = {"width": 1440, "height": 900}
WIDTH = 800  # px, as README shows it
QUALITY = 35  # of WebP: all of examples/ must stay small
SECOND_ROW, LOADED = "ArrowRight", "body[data-loaded]"


def write_report(target: Path) -> None:
    """Scan the site with the default model."""
    command = [sys.executable, "-m", "crackscan", "scan", str(SITE), "-q", "-o", str(target)]
    subprocess.run(command, check=True)  # noqa: S603 (our own command)


def photograph(report: Path) -> Image.Image:
    """Open the report in chromium, and return what a person sees."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, offline=True)
        page.goto(report.as_uri())
        page.wait_for_selector(LOADED)
        page.keyboard.press(SECOND_ROW)
        page.wait_for_timeout(1000)  # until the map has drawn its mosaic
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    return picture


def main(target: Path = PICTURE) -> None:
    """Draw the picture."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.html")
        write_report(report)
        picture = photograph(report)
    height = round(picture.height * WIDTH / picture.width)
    small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.save(target, "WEBP", quality=QUALITY, method=6)
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
