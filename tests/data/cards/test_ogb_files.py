import builtins
import hashlib
import os
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest

from benchmarks.reliability.server import HostileServer
from tests.data.ogb_release import unpinned, write_arxiv, zip_release
from xgraph.data import fetch, load_card, verify
from xgraph.data.cards import ogb_files as module
from xgraph.data.cards.ogb_files import is_whole, obtain_ogb, ogb_meta, ogb_place
from xgraph.data.storage.download import FetchError, stream

CARD = load_card("ogbn-arxiv")


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root and a mirror of the test's own; no prompt may come; no network is there."""
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    unpinned(monkeypatch)
    monkeypatch.setitem(CARD.__dict__, "archive_sha256", "")
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("a prompt"))


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    meta = {**ogb_meta("ogbn-arxiv"), "url": "http://127.0.0.1:9/ogb/arxiv.zip"}
    monkeypatch.setattr(module, "ogb_meta", lambda name: meta)


def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mirror" / "ogb" / "arxiv.zip"
    zip_release(write_arxiv(tmp_path / "source"), path, "arxiv")
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    return path


def test_meta_comes_from_the_ogb_package() -> None:
    assert ogb_meta("ogbn-mag")["version"] == "2"
    assert ogb_meta("ogbg-ppa")["num classes"] == "37"
    with pytest.raises(ValueError, match="does not have 'ogbn-none'; its data sets are ogbn-proteins, "):
        ogb_meta("ogbn-none")


def test_fetching_from_the_mirror_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)
    calls = []
    place = obtain_ogb(CARD, progress=lambda done, total, what: calls.append((done, total, what)))
    assert place == tmp_path / "root" / "ogb" / "ogbn_arxiv"
    assert (place / "RELEASE_v1.txt").is_file()
    assert (place / "split" / "time" / "train.csv.gz").is_file()
    assert sorted(os.listdir(place.parent)) == ["ogbn_arxiv", "ogbn_arxiv.sha256"]
    assert any(what == "arxiv.zip" for _, _, what in calls)
    assert any(what.startswith("unpacking") for _, _, what in calls)
    monkeypatch.delenv("XGRAPH_MIRROR")
    assert obtain_ogb(CARD) == place  # now there: nothing is asked for
    assert fetch("ogbn-arxiv") == [place]


def test_a_release_unpacked_by_ogb_itself_is_used(tmp_path: Path) -> None:
    write_arxiv(tmp_path / "root" / "ogb" / "ogbn_arxiv_pyg")
    assert obtain_ogb(CARD).name == "ogbn_arxiv_pyg"


def test_without_network_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere(monkeypatch)
    with pytest.raises(
        FetchError,
        match=r"ogbn-arxiv: cannot fetch http://127.*XGRAPH_MIRROR .* contains this archive as ogb/arxiv.zip",
    ):
        obtain_ogb(CARD)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(FetchError, match=r"ogbn-arxiv: XGRAPH_MIRROR=.*empty has no ogb/arxiv.zip; cannot fetch"):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_processed_files_in_an_archive_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("arxiv/processed/pre_transform.pt", "x")
        file.writestr("arxiv/./processed/geometric_data_processed.pt", "x")
    assert not (obtain_ogb(CARD) / "processed").exists()


@pytest.mark.parametrize("second", ["arxiv/RELEASE_v1.txt", "arxiv/RELEASE_v1.txt/x", "arxiv/./RELEASE_v1.txt"])
def test_duplicate_file_in_an_archive_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    path = archive(tmp_path, monkeypatch)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore", UserWarning)
        file.writestr(second, "x")
    with pytest.raises(FetchError, match=f"the archive of ogbn-arxiv is damaged: it contains '{second}' twice"):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []


@pytest.mark.parametrize(("offset", "value"), [(6, 1), (8, 99)])
def test_encrypted_or_unsupported_archives_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int, value: int
) -> None:
    path = archive(tmp_path, monkeypatch)
    content = bytearray(path.read_bytes())
    content[offset] = content[content.index(b"PK\x01\x02") + offset + 2] = value
    path.write_bytes(content)
    with pytest.raises(
        FetchError, match="the archive of ogbn-arxiv is encrypted or uses an unsupported compression method: "
    ):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_concurrent_fetches_share_the_first_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)
    place = ogb_place("ogbn-arxiv")

    def overtaken(done: int, total: int, what: str) -> None:
        if done == total and what.startswith("unpacking") and not place.exists():
            write_arxiv(place)

    assert obtain_ogb(CARD, progress=overtaken) == place
    assert os.listdir(place.parent) == ["ogbn_arxiv"]


def test_incomplete_folder_created_meanwhile_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)
    place = ogb_place("ogbn-arxiv")

    def overtaken(done: int, total: int, what: str) -> None:
        if what.startswith("unpacking"):
            (place / "raw").mkdir(parents=True, exist_ok=True)

    with pytest.raises(FetchError, match=r"incomplete release of ogbn-arxiv, without RELEASE_v1.txt"):
        obtain_ogb(CARD, progress=overtaken)


@pytest.mark.parametrize("damage", ["cut", "junk", "flipped"])
def test_damaged_archives_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    path = archive(tmp_path, monkeypatch)
    content = path.read_bytes()
    start = content.index(b"node-feat.csv.gz") + 20
    flipped = content[:start] + bytes(255 - b for b in content[start : start + 30]) + content[start + 30 :]
    path.write_bytes({"cut": content[:-100], "junk": b"junk", "flipped": flipped}[damage])
    with pytest.raises(FetchError, match="the archive of ogbn-arxiv is damaged: .*fetch it again"):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_archive_of_another_release_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    zip_release(tmp_path / "source", path, "other")
    with pytest.raises(FetchError, match=r"does not contain release 1 of ogbn-arxiv \(RELEASE_v1.txt\)"):
        obtain_ogb(CARD)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../outside.txt", "x")
    with pytest.raises(FetchError, match=r"is unsafe: it contains the path '\.\./\.\./outside.txt'"):
        obtain_ogb(CARD)
    assert not list(tmp_path.rglob("outside.txt"))
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain_ogb(CARD, progress=stop)
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_different_release_is_an_error_without_a_prompt(tmp_path: Path) -> None:
    place = write_arxiv(tmp_path / "root" / "ogb" / "ogbn_arxiv")
    assert is_whole("ogbn-arxiv")
    (place / "RELEASE_v1.txt").rename(place / "RELEASE_v0.txt")
    with pytest.raises(FetchError, match=r"incomplete release of ogbn-arxiv, without RELEASE_v1.txt; delete the"):
        obtain_ogb(CARD)
    (checked,) = verify("ogbn-arxiv")
    assert (checked.path, checked.state) == ("ogb/ogbn_arxiv", "wrong")


def test_verify(tmp_path: Path) -> None:
    assert [entry.state for entry in verify("ogbn-arxiv")] == ["absent"]
    write_arxiv(ogb_place("ogbn-arxiv"))
    assert [entry.state for entry in verify("ogbn-arxiv")] == ["ok"]


def test_unwritable_root_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)
    (tmp_path / "root").write_text("a file")
    with pytest.raises(OSError, match=r"cannot write .*set XGRAPH_ROOT to a writable folder"):
        obtain_ogb(CARD)


def test_archive_of_another_checksum_than_the_card_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    monkeypatch.setitem(CARD.__dict__, "archive_sha256", "0" * 64)
    with pytest.raises(
        FetchError, match=f"ogbn-arxiv: the archive .*arxiv.zip has the wrong checksum: expected sha256 {'0' * 64}"
    ):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []
    monkeypatch.setitem(CARD.__dict__, "archive_sha256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert obtain_ogb(CARD).is_dir()


def test_the_first_archive_is_recorded_and_later_ones_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    place = obtain_ogb(CARD)
    record = place.with_name("ogbn_arxiv.sha256")
    lines = record.read_text().splitlines()
    assert lines[0] == f"# archive {hashlib.sha256(path.read_bytes()).hexdigest()}"
    listed = {line.split("  ")[1]: line.split("  ")[0] for line in lines[1:]}
    assert sorted(listed) == sorted(str(file.relative_to(place.parent)) for file in place.rglob("*") if file.is_file())
    for name, sha256 in listed.items():
        assert hashlib.sha256((place.parent / name).read_bytes()).hexdigest() == sha256

    shutil.rmtree(place)
    assert obtain_ogb(CARD) == place  # the same archive again
    shutil.rmtree(place)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("arxiv/new.txt", "x")
    with pytest.raises(
        FetchError, match=r"changed since it was fetched first; if that is intended, delete .*ogbn_arxiv\.sha256"
    ):
        obtain_ogb(CARD)
    assert os.listdir(place.parent) == [record.name]
    record.write_text("junk")
    with pytest.raises(FetchError, match=r"ogbn_arxiv\.sha256 is not a list of checksums; delete it"):
        obtain_ogb(CARD)
    record.unlink()
    assert (obtain_ogb(CARD) / "new.txt").is_file()


def test_verify_compares_the_files_of_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path, monkeypatch)
    place = obtain_ogb(CARD)
    (place / "processed").mkdir()
    assert [entry.state for entry in verify("ogbn-arxiv")] == ["ok"]
    file = place / "raw" / "edge.csv.gz"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (wrong,) = verify("ogbn-arxiv")
    assert wrong.state == "wrong"
    assert wrong.message.startswith(f"{file} has the wrong checksum: expected sha256 ")
    file.unlink()
    (wrong,) = verify("ogbn-arxiv")
    assert wrong.message == f"{file} is missing; delete {place} to fetch it again"


def test_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("arxiv/raw/zeros", bytes(5_000_000))
    done: list[str] = []
    with pytest.raises(
        FetchError, match=r"the archive of ogbn-arxiv unpacks to 500\d+ bytes, but at most \d+ bytes are"
    ):
        obtain_ogb(CARD, progress=lambda *args: done.append(args[2]))
    assert not any(what.startswith("unpacking") for what in done)
    assert os.listdir(tmp_path / "root" / "ogb") == []


def test_archive_with_too_many_members_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, monkeypatch)
    with zipfile.ZipFile(path, "a") as file:
        for i in range(10_001):
            file.writestr(f"arxiv/raw/{i}", "x" * 30)
    with pytest.raises(FetchError, match=r"has 100\d\d members, but at most 10000 are accepted"):
        obtain_ogb(CARD)


@pytest.mark.parametrize("what", ["archive", "release"])
def test_what_does_not_fit_on_the_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    path = archive(tmp_path, monkeypatch)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("arxiv/raw/zeros", bytes(10_000))
    free = module._SPARE + path.stat().st_size - (what == "archive")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=free))
    with pytest.raises(
        OSError, match=r"not enough disk space in .*ogb, which has \d+ bytes: .*; free some space, or set XGRAPH_R"
    ):
        obtain_ogb(CARD)
    assert os.listdir(tmp_path / "root" / "ogb") == []


@pytest.mark.parametrize("name", ["endless", "endless-announced", "slow-headers", "not-found", "redirect-to-file"])
def test_a_hostile_server_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(CARD.__dict__, "archive_bytes", 1_000_000)
    monkeypatch.setattr(stream, "__kwdefaults__", {**(stream.__kwdefaults__ or {}), "timeout": 0.2})
    with HostileServer() as server:
        meta = {**ogb_meta("ogbn-arxiv"), "url": f"{server.url}/{name}"}
        monkeypatch.setattr(module, "ogb_meta", lambda name: meta)
        with pytest.raises(FetchError, match="ogbn-arxiv: .*check the network, or set XGRAPH_MIRROR") as caught:
            obtain_ogb(CARD)
    assert str(caught.value).isprintable()
    assert os.listdir(tmp_path / "root" / "ogb") == []
