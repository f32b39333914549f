"""Damaged files of every format are refused in our words, or give the numbers that were written.

``VARIOGEO_FUZZ=100000 python -m pytest tests/test_fuzz_files.py`` spreads that many cases over the formats, each in a
process of its own, so that a crash or a hang is seen as one.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzzing import FORMATS, fuzz

LONG = int(os.environ.get("VARIOGEO_FUZZ", "0"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_refused_in_our_words_or_changes_nothing(name):
    found = fuzz(name, 100, seed=0)
    assert found["wrong"] == []
    assert sum(found["counts"].values()) == 100


@pytest.mark.skipif(not LONG, reason="the long profile: set VARIOGEO_FUZZ to a number of files")
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_files_neither_crash_nor_hang_nor_raise_what_is_not_ours(name, capsys):
    each, seed = -(-LONG // len(FORMATS)), time.time_ns() % 1_000_000
    command = [sys.executable, str(Path(__file__).with_name("fuzzing.py")), name, str(each), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + each / 10, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        print(f"\nseed {seed}: {found['format']}: {found['counts']}")
    assert found["wrong"] == []
