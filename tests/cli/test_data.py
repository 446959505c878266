import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.reliability.server import HostileServer
from xgraph.cli import data as module
from xgraph.cli.data import app
from xgraph.data import load_card
from xgraph.data.cards import named as cards

BODY = b"smiles,y\nC,0\nCC,1\n"
LONG = "a-data-set-with-a-name-so-long-that-no-table-of-eighty-columns-could-hold-it-in-one-cell"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Cards `toy`, `other` and one with a long name, of a file each that lies in the mirror; returns the root."""
    head = cards._paths()["bbbp"].read_text().split("[[files]]")[0]
    folder = tmp_path / "cards"
    folder.mkdir()
    for name in ("toy", "other", LONG):
        path, digest = f"files/{name}.csv", hashlib.sha256(BODY).hexdigest()
        text = head.replace('"bbbp"', json.dumps(name)).replace("moleculenet/bbbp.csv", path)
        entry = {"path": path, "sha256": digest, "source_url": f"http://127.0.0.1:9/{path}", "source_sha256": digest}
        text += f"[[files]]\nbytes = {len(BODY)}\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in entry.items())
        (folder / f"{name}.toml").write_text(text)
        (tmp_path / "mirror" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mirror" / path).write_bytes(BODY)
    monkeypatch.setattr(cards, "_FOLDERS", (folder,))
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    cards._paths.cache_clear()
    load_card.cache_clear()
    yield tmp_path / "root"
    monkeypatch.undo()
    cards._paths.cache_clear()
    load_card.cache_clear()


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_list_is_tab_separated_and_whole_when_piped(toy: Path) -> None:
    assert _run("fetch", "toy")[0] == 0
    code, out, _ = _run("list")
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert rows[0] == ["name", "kind", "task", "items", "tasks", "positives", "metric", "licence", "from"]
    assert [row[0] for row in rows[1:]] == sorted(["toy", "other", LONG])
    found = {row[0]: row for row in rows[1:]}
    task, licence = "binary classification", "MIT (the repository)"
    assert found["toy"] == ["toy", "graph", task, "2039", "1", "1560 (77%)", "roc_auc", licence, "root"]
    assert found["other"][-1] == "mirror"
    listed = json.loads(_run("list", "--json")[1])
    assert {one["name"]: (one["licence"], one["from"]) for one in listed}["other"] == (licence, "mirror")


def test_list_as_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    module.list_()
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert {"aicures", "advprop-clintox", "ogbg-molhiv", "nci-pains"} <= set(lines)
    assert lines["nci-pains"].split() == ["nci-pains", "binary", "4999", "ap", "BSD-3-Clause", "embedded"]
    assert lines["ogbg-molesol"].split()[1:5] == ["numbers", "1128", "rmse", "MIT"]
    assert [
        out.index(f"\n{kind} ") for kind in ("molecules", "graphs", "nodes of a graph", "bags of instances")
    ] == sorted(out.index(f"\n{kind} ") for kind in ("molecules", "graphs", "nodes of a graph", "bags of instances"))
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


def test_show_describes_a_data_set_and_lists_its_files_on_demand(toy: Path) -> None:
    code, out, _ = _run("show", "toy")
    card = load_card("toy")
    assert code == 0
    for text in (card.title, card.origin, card.licence, card.metric, "1 file, 0.0 MB; --files lists it"):
        assert text in out
    assert card.files[0].sha256 not in out
    full = _run("show", "toy", "--files")[1]
    for text in (card.title, card.files[0].sha256, card.files[0].source_url):
        assert text in full
    words = " ".join(out.split())
    assert " ".join(card.description.split()) in words
    assert " ".join(card.citation.split()) in words
    assert "1,560 of 2,039 labels" in out
    assert "default scaffold" in out


def test_nodes_and_ogb_are_listed_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    found = {line.split("\t")[0]: line.split("\t")[1:] for line in _run("list")[1].splitlines()}
    physics = found["coauthor-physics"]
    assert [*physics[:6], physics[-1]] == [
        "node",
        "multiclass classification",
        "34493",
        "1",
        "-",
        "accuracy",
        "network",
    ]
    assert found["reddit-anomaly"][2:] == ["10984", "1", "366 (3.3%)", "ap", "MIT", "network"]
    assert found["ogbn-proteins"][2:] == ["132534", "112", "-", "roc_auc", "CC0", "network"]
    out = _run("show", "musae-facebook")[1]
    for text in (
        "nodes           22,470",
        "edges           341,825",
        "features        4,714",
        "4 (company, government,",
    ):
        assert text in out
    assert "SMILES" not in out
    assert "default stratified" in out
    assert "not recorded" in _run("show", "cora", "--files")[1]
    assert "given (10 folds), stratified, random; default given" in _run("show", "tolokers")[1]
    assert _run("verify", "ogbn-arxiv")[:2] == (0, "ogbn-arxiv\t0 ok\t0 wrong\t1 absent\n")


def test_bags_are_listed_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    found = {line.split("\t")[0]: line.split("\t")[1:] for line in _run("list")[1].splitlines()}
    assert found["musk2"][2:6] == ["102", "1", "39 (38%)", "roc_auc"]
    assert found["corel"][2:6] == ["2000", "7", "700 (5%)", "ap"]
    assert [*found["digits-bags"][2:6], found["digits-bags"][-1]] == ["500", "1", "100 (20%)", "ap", "embedded"]
    out = _run("show", "musk2")[1]
    for text in ("bags            102", "instances       6,598", "features        166"):
        assert text in out
    assert "mil_musk2" not in out
    assert "mil_musk2" in _run("show", "musk2", "--files")[1]
    assert "given (50 folds), stratified, random; default given" in out
    assert "targets         Brown Creeper\n                Winter Wren\n" in _run("show", "birds")[1]
    assert "\n                and 116 more\n" in _run("show", "ogbg-molpcba")[1]
    assert "not recorded" in _run("show", "protein", "--files")[1]
    assert _run("fetch", "digits-bags")[2].startswith("digits-bags is embedded")
    assert _run("verify", "birds")[:2] == (0, "birds\t0 ok\t0 wrong\t4 absent\n")


def test_each_set_of_molecules_of_ogb_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.data.cards.test_named import MOLECULES

    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    for name in MOLECULES:
        out = _run("show", f"ogbg-mol{name}")[1]
        lines = [line.split()[0] for line in out.splitlines() if line and line[0] != " "]
        assert {"kind", "task", "metric", "items", "target", "origin", "licence", "from"} <= set(lines), name
        assert "kind            molecules\n" in out
        assert "from            its source, through the network\n" in out
    assert "target columns  1,310, named as in the release\n" in _run("show", "ogbg-molchembl")[1]
    assert _run("show", "esol")[1].startswith("delaney: MoleculeNet: measured solubility")


def test_fetch_all_skips_large_ogb_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.data.ogb_release import unpinned, write_arxiv, zip_release

    unpinned(monkeypatch)
    zip_release(write_arxiv(tmp_path / "source"), tmp_path / "mirror" / "ogb" / "arxiv.zip", "arxiv")
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    assert _run("fetch", "ogbn-arxiv")[:2] == (0, f"{tmp_path}/root/ogb/ogbn_arxiv\n")
    assert _run("verify", "ogbn-arxiv")[1] == "ogbn-arxiv\t1 ok\t0 wrong\t0 absent\n"
    monkeypatch.setattr("xgraph.data.fetch", lambda name, progress: [])
    code, _, err = _run("fetch", "--all")
    assert code == 0
    assert "ogbn-papers100M is large and comes from OGB's server: fetch it by name" in err
    assert "ogbn-arxiv is embedded" not in err


def test_show_folds_and_derivation() -> None:
    out = _run("show", "advprop-tox21", "--files")[1]
    assert "given (3 folds), scaffold, random; default given" in out
    assert "advprop_random" in out
    assert "NR-AR-LBD" in out


def test_fetch_prints_one_path_per_line(toy: Path) -> None:
    code, out, _ = _run("fetch", "toy", "other")
    assert code == 0
    assert out.splitlines() == [str(toy / "files" / f"{name}.csv") for name in ("toy", "other")]
    assert (toy / "files" / "toy.csv").read_bytes() == BODY
    code, out, _ = _run("fetch", "--all")
    assert len(out.splitlines()) == 3


def test_fetch_continues_after_a_failure_and_exits_with_1(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "mirror" / "files" / "toy.csv").write_bytes(b"edited")
    code, out, err = _run("fetch", "toy", "other")
    assert code == 1
    assert out.splitlines() == [str(toy / "files" / "other.csv")]
    assert "files/toy.csv has the wrong checksum" in err
    assert os.listdir(toy / "files") == ["other.csv"]


def test_fetch_from_a_missing_mirror_is_refused(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_MIRROR", str(toy / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"XGRAPH_MIRROR=.*nowhere"):
        _run("fetch", "--all")


def test_fetch_of_an_embedded_set_says_so() -> None:
    code, out, err = _run("fetch", "nci-pains")
    assert (code, out) == (0, "")
    assert "nci-pains is embedded" in err


@pytest.mark.parametrize("arguments", [(), ("--all", "bbbp")])
def test_fetch_needs_names_or_all(arguments: tuple[str, ...]) -> None:
    code, out, err = _run("fetch", *arguments)
    assert (code, out) == (2, "")
    assert "expected names of data sets, or --all" in err


@pytest.mark.parametrize("command", ["show", "fetch", "verify"])
def test_unknown_name_suggests_and_fetches_nothing(toy: Path, command: str) -> None:
    names = ["toy", "othr"] if command == "fetch" else ["othr"]
    with pytest.raises(ValueError, match="unknown data set 'othr': did you mean other"):
        _run(command, *names)
    assert not toy.exists()


def test_verify(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run("fetch", "toy")
    monkeypatch.delenv("XGRAPH_MIRROR")
    code, out, err = _run("verify")
    assert (code, err) == (0, "")
    assert "toy\t1 ok\t0 wrong\t0 absent" in out.splitlines()
    assert "other\t0 ok\t0 wrong\t1 absent" in out.splitlines()
    path = toy / "files" / "toy.csv"
    path.write_bytes(BODY[:-3])
    code, out, err = _run("verify", "toy")
    assert code == 1
    assert out == "toy\t0 ok\t1 wrong\t0 absent\n"
    assert f"{path} is wrong: expected sha256 {hashlib.sha256(BODY).hexdigest()}" in err
    assert _run("verify", "other")[0] == 0
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "mirror"))
    _run("fetch", "toy")
    assert _run("verify", "toy") == (0, "toy\t2 ok\t0 wrong\t0 absent\n", "")


def test_data_commands_import_neither_torch_nor_rdkit(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom xgraph.cli.data import app\n"
        "for line in (['list'], ['show', 'aicures'], ['verify', 'bbbp']):\n"
        "    assert CliRunner().invoke(app, line).exit_code == 0, line\n"
        "assert not {'torch', 'rdkit', 'pandas'} & set(sys.modules)\n"
    )
    here = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": here, "XGRAPH_ROOT": str(tmp_path)}
    environment.pop("XGRAPH_MIRROR", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_verify_accepts_absent_files_of_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    for name in ("ogbn-arxiv", "cora", "bbbp"):
        assert _run("verify", name) == (0, f"{name}\t0 ok\t0 wrong\t1 absent\n", "")
    assert "count as absent, which is no error" in " ".join(_run("verify", "--help")[1].split())
    (tmp_path / "ogb" / "ogbn_arxiv").mkdir(parents=True)
    code, out, err = _run("verify", "ogbn-arxiv")
    assert (code, out) == (1, "ogbn-arxiv\t0 ok\t1 wrong\t0 absent\n")
    assert "incomplete release of ogbn-arxiv" in err


def test_list_and_show_as_json(toy: Path) -> None:
    code, out, _ = _run("list", "--json")
    assert code == 0
    found = {one["name"]: one for one in json.loads(out)}
    assert found["toy"]["in_root"] == "no"
    assert found.keys() == {"toy", "other", LONG}
    shown = json.loads(_run("show", "toy", "--json")[1])
    assert shown["files"][0]["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert shown["items"] == found["toy"]["items"]


@pytest.mark.parametrize("mode", ["endless", "endless-announced", "length-of-letters", "broken", "redirect-to-file"])
def test_fetch_from_a_hostile_mirror_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    from xgraph.cli import main

    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    with HostileServer() as server:
        monkeypatch.setenv("XGRAPH_MIRROR", f"{server.url}/{mode}")
        assert main(["data", "fetch", "bbbp"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: XGRAPH_MIRROR: ")
    assert "moleculenet/bbbp.csv" in err
    assert err.count("\n") == 1
    assert err.strip().isprintable()
    assert not [path for path in (tmp_path / "root").rglob("*") if path.is_file()]
