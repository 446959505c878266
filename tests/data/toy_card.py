"""A card `toy` like that of another data set, with its files in a mirror."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xgraph.data import load_card
from xgraph.data.cards import named as cards

Make = Callable[..., Path]


@contextmanager
def toy_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A function of the other's name, the files' contents and changes to the card's text; it returns the mirror."""
    texts = {name: path.read_text().split("[[files]]")[0] for name, path in cards._paths().items()}
    folder, mirror = tmp_path / "cards", tmp_path / "mirror"
    folder.mkdir()

    def build(like: str, contents: dict[str, bytes], *changes: tuple[str, str]) -> Path:
        text = texts[like]
        for old, new in ((f'name = "{like}"', 'name = "toy"'), *changes):
            assert old in text
            text = text.replace(old, new)
        for path, content in contents.items():
            digest = hashlib.sha256(content).hexdigest()
            text += f'[[files]]\npath = "{path}"\nbytes = {len(content)}\nsha256 = "{digest}"\n'
            text += f'source_url = "http://127.0.0.1:9/x"\nsource_sha256 = "{digest}"\n'
            (mirror / path).parent.mkdir(parents=True, exist_ok=True)
            (mirror / path).write_bytes(content)
        (folder / "toy.toml").write_text(text)
        cards._paths.cache_clear()
        load_card.cache_clear()
        return mirror

    monkeypatch.setattr(cards, "_FOLDERS", (folder,))
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror))
    yield build
    monkeypatch.undo()
    cards._paths.cache_clear()
    load_card.cache_clear()
