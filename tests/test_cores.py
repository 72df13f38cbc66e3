"""How many cores a process takes itself to have."""

import os

import pytest

from seq2seq import cores

pytestmark = pytest.mark.neutral


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("900000 100000", 8), ("", 8)],
)
def test_a_container_gives_no_more_than_its_quota(quota, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    assert cores.count_cores() == 8
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores.count_cores() == expected
