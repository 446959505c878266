"""Jobs run once, are shared between processes, and refuse results made with other settings."""

import fcntl
import json
import time

import pytest
import torch

from benchmarks._jobs import Job, missing, read, results, work, write


class Runs:
    """Makes jobs that record that they ran."""

    def __init__(self, folder):
        self.folder, self.done = folder, []

    def job(self, number, suffix=".json", **more):
        def run():
            self.done.append(number)
            return {"square": number**2, **more}

        return Job(self.folder / "squares" / f"{number}{suffix}", {"number": number}, run)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def test_a_job_runs_once(runs, monkeypatch, capsys):
    monkeypatch.setenv("XGRAPH_CODE", "abc")
    job = runs.job(3)
    result = job.do()
    assert job.do() == job.result() == result
    assert runs.done == [3]
    assert {key: result[key] for key in ("settings", "code", "square")} == {
        "settings": {"number": 3},
        "code": "abc",
        "square": 9,
    }
    assert 0 <= result["seconds"] < 60
    assert "squares/3: 0.0 s" in capsys.readouterr().err
    assert [path.name for path in job.path.parent.iterdir()] == ["3.json"]  # no lock, nothing temporary


def test_a_result_may_set_its_own_seconds(runs):
    assert runs.job(1, seconds=7.0).do()["seconds"] == 7.0


def test_a_result_with_other_settings_is_refused(runs):
    job = runs.job(3)
    job.do()
    other = Job(job.path, {"number": 4}, lambda: {})
    with pytest.raises(
        SystemExit, match=r"3\.json was made with other settings: .*3.*; now they are .*4.*\. Choose another --out"
    ):
        other.do()


def test_a_failed_job_leaves_no_files(tmp_path):
    def fail():
        raise RuntimeError("no")

    job = Job(tmp_path / "a.json", {}, fail)
    with pytest.raises(RuntimeError):
        job.do()
    assert not list(tmp_path.iterdir())


def test_a_job_locked_by_another_process_is_skipped(runs):
    job = runs.job(1)
    job.path.parent.mkdir()
    with job.path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert job.do() is None
        assert runs.done == []
    assert job.do()["square"] == 1  # the lock of a process that has ended does not count


def test_work_waits_for_other_processes(runs, monkeypatch):
    first, second = runs.job(1), runs.job(2)
    first.path.parent.mkdir()
    waits = []
    with first.path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def other_process_finishes(seconds):
            waits.append(seconds)
            write(first.path, {"settings": first.settings})

        monkeypatch.setattr(time, "sleep", other_process_finishes)
        work(lambda: [first, second], wait=3.0)
    assert waits == [3.0]
    assert runs.done == [2]


def test_the_job_list_is_refreshed_after_each_job(runs):
    def jobs():
        yield runs.job(1)
        if runs.job(1).path.exists():
            yield runs.job(3)
        yield runs.job(2)

    work(jobs)
    assert runs.done == [1, 3, 2]


def test_results_come_in_the_order_of_the_jobs(runs):
    jobs = [runs.job(number) for number in (3, 1, 2)]
    jobs[1].do()
    assert [job.settings["number"] for job in missing(jobs)] == [3, 2]
    assert [result["square"] for result in results(iter(jobs))] == [9, 1, 4]
    assert missing(jobs) == []


def test_results_with_tensors_are_saved(runs):
    job = runs.job(2, suffix=".pt", weights=torch.arange(3))
    job.do()
    assert torch.equal(job.result()["weights"], torch.arange(3))


def test_an_interrupted_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write(path, {"a": 1})
    with pytest.raises(TypeError):
        write(path, {"a": object()})
    assert read(path) == json.loads(path.read_text()) == {"a": 1}
