import gzip
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xgraph.data import fetch, load_card, verify
from xgraph.data.cards import named as cards
from xgraph.data.cards.files import obtain, whence
from xgraph.data.published.derive import content_sha256, gzip_source
from xgraph.data.storage.download import FetchError

TABLE = b"smiles,y\n" + b"".join(b"%s,%d\n" % (b"C" * (i + 1), i % 2) for i in range(20))
PLAIN = b"0\n1\n2\n"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _entry(path: str, data: bytes, url: str, source: bytes, derive: str = "") -> str:
    entry = {"path": path, "sha256": _sha(data), "source_url": url, "source_sha256": _sha(source)}
    if derive:
        entry |= {"derive": derive, "content_sha256": content_sha256(data, path)}
    lines = "".join(f'{key} = "{value}"\n' for key, value in entry.items())
    return f"\n[[files]]\nbytes = {len(data)}\n{lines}"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The public place: a web server over a folder."""
    folder = tmp_path / "origin"
    folder.mkdir()
    (folder / "t.csv").write_bytes(TABLE)
    (folder / "plain.txt").write_bytes(PLAIN)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/t.csv", TABLE)
    (folder / "t.zip").write_bytes(packed.getvalue())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", folder
    http.shutdown()


@pytest.fixture
def toy(tmp_path: Path, origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A card `toy` with a plain, a gzipped, a zipped and a split file; returns the root."""
    url, _ = origin
    text = cards._paths()["bbbp"].read_text().split("[[files]]")[0]
    text = text.replace('"bbbp"', '"toy"').replace("moleculenet/bbbp.csv", "toy/t.csv.gz")
    text += _entry("toy/plain.txt", PLAIN, f"{url}/plain.txt", PLAIN)
    text += _entry("toy/t.csv.gz", gzip_source(TABLE, ""), f"{url}/t.csv", TABLE, "gzip_source")
    text += _entry("toy/z.csv.gz", gzip_source(TABLE, ""), f"{url}/t.zip#in/t.csv", TABLE, "gzip_source")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "toy.toml").write_text(text)
    monkeypatch.setattr(cards, "_FOLDERS", (tmp_path / "cards",))
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    cards._paths.cache_clear()
    load_card.cache_clear()
    yield tmp_path / "root"
    monkeypatch.undo()
    cards._paths.cache_clear()
    load_card.cache_clear()


def _states() -> list[str]:
    return [entry.state for entry in verify("toy")]


def _tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_fetch_from_the_source_derives_and_verifies(toy: Path) -> None:
    assert _states() == ["absent"] * 3
    paths = fetch("toy")
    assert paths == [toy / "toy" / name for name in ("plain.txt", "t.csv.gz", "z.csv.gz")]
    assert paths[0].read_bytes() == PLAIN
    assert gzip.decompress(paths[1].read_bytes()) == gzip.decompress(paths[2].read_bytes()) == TABLE
    assert _states() == ["ok"] * 3
    assert _tree(toy) == ["toy/plain.txt", "toy/t.csv.gz", "toy/z.csv.gz"]


def test_second_fetch_needs_no_source(toy: Path, origin: tuple[str, Path]) -> None:
    fetch("toy")
    for file in origin[1].iterdir():
        file.unlink()
    assert len(fetch("toy")) == 3


def test_shared_source_is_fetched_once(toy: Path, origin: tuple[str, Path]) -> None:
    (origin[1] / "t.zip").unlink()
    assert len(fetch("toy")) == 3


def test_member_of_a_zip_archive(toy: Path, origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card("toy")
    lone = card.model_copy(update={"files": [card.file("toy/z.csv.gz")]})
    path = obtain(lone, lone.files[0])
    assert gzip.decompress(path.read_bytes()) == TABLE


def _folder_mirror(toy: Path, tmp_path: Path) -> Path:
    fetch("toy")
    mirror = tmp_path / "mirror"
    os.rename(toy, mirror)
    return mirror


@pytest.mark.parametrize("form", [str, Path.as_uri])
def test_mirror_folder_is_copied_into_the_root(
    toy: Path, tmp_path: Path, origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, form: Callable[[Path], str]
) -> None:
    mirror = _folder_mirror(toy, tmp_path)
    for file in origin[1].iterdir():
        file.unlink()
    monkeypatch.setenv("XGRAPH_MIRROR", form(mirror))
    assert _states() == ["ok"] * 3  # the mirror's copies
    assert fetch("toy")[0] == toy / "toy" / "plain.txt"
    assert _tree(toy) == _tree(mirror)
    assert _states() == ["ok"] * 6


def test_mirror_url(toy: Path, tmp_path: Path, origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, folder = origin
    mirror = _folder_mirror(toy, tmp_path)
    os.rename(mirror, folder / "mirror")
    (folder / "mirror" / "toy" / "plain.txt").unlink()  # missing there: comes from the source
    (folder / "t.csv").unlink()
    monkeypatch.setenv("XGRAPH_MIRROR", f"{url}/mirror/")
    fetch("toy")
    assert _states() == ["ok"] * 3


def test_wrong_checksum_in_the_mirror(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = _folder_mirror(toy, tmp_path)
    bad = mirror / "toy" / "plain.txt"
    bad.write_bytes(PLAIN[:-1])
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror))
    with pytest.raises(FetchError) as caught:
        fetch("toy")
    for part in (str(bad), _sha(PLAIN), _sha(PLAIN[:-1]), "replace it"):
        assert part in str(caught.value)
    assert not toy.exists() or _tree(toy) == []
    assert _states() == ["wrong", "ok", "ok"]


def test_wrong_checksum_in_the_root_is_an_error_that_fetch_repairs(toy: Path) -> None:
    fetch("toy")
    (toy / "toy" / "plain.txt").write_bytes(b"edited")
    card = load_card("toy")
    with pytest.raises(FetchError, match=r"plain\.txt has the wrong checksum.*`xgraph data fetch toy` replaces it"):
        obtain(card, card.files[0])
    (wrong,) = (entry for entry in verify("toy") if entry.state == "wrong")
    assert (wrong.path, wrong.place) == ("toy/plain.txt", toy / "toy" / "plain.txt")
    assert _sha(b"edited") in wrong.message
    fetch("toy")
    assert _states() == ["ok"] * 3


@pytest.mark.parametrize(
    ("name", "text"),
    [("plain.txt", r"plain\.txt has 13 bytes, but it must have 6 bytes"), ("t.csv", r"t\.csv has the wrong")],
)
def test_changed_original(toy: Path, origin: tuple[str, Path], name: str, text: str) -> None:
    (origin[1] / name).write_bytes(b"smiles,y\nC,0\n")
    with pytest.raises(FetchError, match=text):
        fetch("toy")
    assert "toy/t.csv.gz" not in _tree(toy)
    assert not [path for path in _tree(toy) if path.endswith(".part")]


def test_no_source_names_url_and_mirror(
    toy: Path, tmp_path: Path, origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (origin[1] / "plain.txt").unlink()
    with pytest.raises(FetchError, match=rf"toy: {origin[0]}/plain\.txt: .*404.*set XGRAPH_MIRROR"):
        fetch("toy")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(FetchError, match=r"XGRAPH_MIRROR=.*empty has no toy/plain\.txt; .*404"):
        fetch("toy")


def test_unwritable_root(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = _folder_mirror(toy, tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "file" / "root"))
    with pytest.raises(OSError, match=r"cannot write .*; set XGRAPH_ROOT"):
        fetch("toy")
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror))
    assert fetch("toy") == [mirror / "toy" / name for name in ("plain.txt", "t.csv.gz", "z.csv.gz")]
    (mirror / "toy" / "plain.txt").write_bytes(b"edited")
    with pytest.raises(FetchError, match="wrong checksum"):
        fetch("toy")


def test_different_compression_of_a_derived_file_is_accepted(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.data.cards import files

    other = gzip.compress(TABLE, 1)
    monkeypatch.setitem(files.DERIVE, "gzip_source", lambda source, path: gzip.compress(source, 1))
    fetch("toy")
    assert (toy / "toy" / "t.csv.gz").read_bytes()[10:] == other[10:]
    assert _states() == ["ok"] * 3
    monkeypatch.setitem(files.DERIVE, "gzip_source", lambda source, path: gzip.compress(source + b"C,1\n"))
    (toy / "toy" / "t.csv.gz").unlink()
    (toy / "toy" / "z.csv.gz").unlink()
    with pytest.raises(FetchError, match=r"t\.csv\.gz, derived has the wrong checksum.*RDKit"):
        fetch("toy")
    assert _states() == ["ok", "absent", "absent"]


def test_embedded_has_no_files_and_unknown_names_are_an_error() -> None:
    assert fetch("nci-pains") == []
    assert verify("nci-pains") == []
    for function in (fetch, verify):
        with pytest.raises(ValueError, match="unknown data set 'nci-pain'"):
            function("nci-pain")


def test_an_unreachable_mirror_is_named(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"^XGRAPH_MIRROR: cannot fetch http://127\.0\.0\.1:9/toy/plain\.txt"):
        fetch("toy")
    assert _tree(toy) == []


def test_what_is_made_from_a_file_of_the_mirror_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    card = load_card("ogbg-molesol")
    (tmp_path / "mirror" / "moleculenet").mkdir(parents=True)
    assert [whence(card), whence(load_card("ogbg-molpcba"))] == ["network"] * 2
    (tmp_path / "mirror" / card.table).touch()
    (tmp_path / "mirror" / "ogb").mkdir()
    (tmp_path / "mirror" / "ogb" / "pcba.zip").touch()
    assert [whence(card), whence(load_card("ogbg-molpcba"))] == ["mirror"] * 2
    (tmp_path / "root" / "ogb" / "ogbg_molpcba").mkdir(parents=True)
    assert whence(load_card("ogbg-molpcba")) == "wrong"


def test_where_a_data_set_would_come_from(tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card("toy")
    assert whence(card) == "network"
    folder = tmp_path / "mirror"
    for file in card.files:
        assert whence(card) == "network"
        data = obtain(card, file).read_bytes()
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(data)
    assert whence(card) == "root"
    for path in toy.rglob("*"):
        path.unlink() if path.is_file() else None
    assert whence(card) == "network"
    monkeypatch.setenv("XGRAPH_MIRROR", str(folder))
    assert whence(card) == "mirror"
    monkeypatch.setenv("XGRAPH_MIRROR", "https://127.0.0.1:9/")
    assert whence(card) == "network"
