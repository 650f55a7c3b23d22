"""The page: one HTML file with its style, scripts, data and pictures inside."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from crackscan.sinks.report.columns import encode
from crackscan.sinks.report.survey import Survey

HERE = Path(__file__).parent
STATIC = HERE / "static"
LEAFLET = STATIC / "leaflet" / "leaflet.js"
STYLES = STATIC / "leaflet" / "leaflet.css", STATIC / "style.css"
# a module stands after those that it imports
MODULES = tuple(
    STATIC / f"{name}.js"
    for name in (
        "elements",
        "decode",
        "pictures",
        "app",
        "list",
        "picture_drawing",
        "detail",
        "map_frames",
        "map_places",
        "map_drawing",
        "map",
        "summary",
        "printing",
        "main",
    )
)
_IMPORT = re.compile(r"^import \{.*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
_SOURCE_MAP = re.compile(r"//# sourceMappingURL=.*")
_PICTURE_ADDRESS = re.compile(r"url\([^)]*\)")  # in Leaflet's style, for controls that the page does not use


def write_page(
    file: BinaryIO, survey: Survey, *, modules: Sequence[Path] = (), styles: Sequence[Path] = ()
) -> None:
    """Write the page, the pictures last: a browser draws the rest while it still reads them.

    Args:
        file: is written to once, from begin to end.
        survey: what the page shows.
        modules: further scripts, which see the names of the page's own modules.
        styles: further style sheets.

    Raises:
        OSError: the file cannot be written.
    """
    script = _script(tuple(modules))
    file.write(_head(survey, script, _style(tuple(styles))).encode())
    file.writelines(_block(*block) for block in survey.blocks())
    file.write(f"\n<script>{script}</script>".encode())
    file.writelines(
        _block(block, "text/plain", encode(picture)) for block, picture in survey.pictures.blocks()
    )
    file.write(b"\n</body>\n</html>\n")


def content_policy(script: str, style: str, *, served: bool) -> str:
    """Return what the page may load: nothing but itself and, where it is served, its server."""
    own = " 'self'" if served else ""
    rules = {
        "default-src": "'none'",
        "script-src": _source_hash(script),
        "style-src": _source_hash(style),
        "img-src": f"data: blob:{own}",
        "connect-src": own.strip() or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _block(name: str, kind: str, content: bytes) -> bytes:
    """Return a data block, which browsers do not run; its content has no `<`."""
    return f'\n<script type="{kind}" id="{name}">'.encode() + content + b"</script>"


def _head(survey: Survey, script: str, style: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        survey=survey.facts,
        style=style,
        policy=content_policy(script, style, served=survey.facts["served"] is not None),
        **survey.words(),
    )


@cache
def _script(modules: tuple[Path, ...]) -> str:
    """Return Leaflet and all modules as one script: a page that is opened from a disk cannot import."""
    leaflet = _SOURCE_MAP.sub("", LEAFLET.read_text(encoding="utf-8")).strip()
    parts = [_as_script(path) for path in (*MODULES[:-1], *modules, MODULES[-1])]
    return f'{leaflet}\n(() => {{\n"use strict";\n{"".join(parts)}}})();\n'


def _as_script(module: Path) -> str:
    text = module.read_text(encoding="utf-8")
    return f"\n// {module.name}\n" + _EXPORT.sub("", _IMPORT.sub("", text))


@cache
def _style(more: tuple[Path, ...]) -> str:
    return "\n".join(
        _PICTURE_ADDRESS.sub("none", path.read_text(encoding="utf-8")) for path in (*STYLES, *more)
    )


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
