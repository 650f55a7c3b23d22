"""Reports, read as a browser reads them: elements, data blocks and columns."""

import base64
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Page(HTMLParser):
    """The elements of a page, and the content of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []  # scripts and styles, with their content
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        """Remember a text, or what is in a script."""
        if self.lasttag in {"script", "style"} and self.cdata_elem:
            tag, attributes, content = self.raw[-1]
            self.raw[-1] = tag, attributes, content + data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader sees without scripts."""
        return " ".join(" ".join(self.words).split())

    @property
    def blocks(self) -> dict[str, str]:
        """The data blocks by their names."""
        return {attributes["id"] or "": content for _, attributes, content in self.raw if "id" in attributes}

    @property
    def survey(self) -> Any:
        """The JSON of the page."""
        return json.loads(self.blocks["survey"])

    @property
    def pictures(self) -> dict[int, bytes]:
        """The pictures by the index of their row."""
        return {
            int(name.removeprefix("picture-")): base64.b64decode(text)
            for name, text in self.blocks.items()
            if name.startswith("picture-")
        }

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the rows."""
        kind = self.survey["columns"][name]
        return np.frombuffer(base64.b64decode(self.blocks[f"column-{name}"]), f"<{kind}")


def read_page(path: Path) -> Page:
    """Read a report."""
    return Page(path.read_text(encoding="utf-8"))
