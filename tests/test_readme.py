"""The README says what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.neutral

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_quickstart_prints_what_the_readme_shows(name, tmp_path):
    text = (ROOT / name).read_text(encoding="utf-8")
    code, output = re.search(
        r"```python\n(import keras.*?)```\n\n```text\n(.*?)```", text, re.S
    ).groups()
    script = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    assert script.endswith(code)
    if name == "README.md":  # both show the same code and output: once is enough
        result = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        assert result.stdout.decode("utf-8") == output
    else:
        assert output in (ROOT / "README.md").read_text(encoding="utf-8")
