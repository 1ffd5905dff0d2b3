# SPDX-License-Identifier: Apache-2.0
"""Fixtures: instances of OpenALB and targets that end with their test, and leave nothing behind."""
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402


def pytest_configure(config):
    if not harness.OPENALB.exists():
        pytest.exit(f"{harness.OPENALB} is not built; run `make test`", 1)


@pytest.fixture
def target():
    """target(script, ...) starts a scripted web server."""
    made = []

    def make(script=harness.echo, **options):
        made.append(harness.Target(script, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def alb(tmp_path):
    """alb(document, ...) starts OpenALB; at the end it must stop with 0 and leave no process behind."""
    made = []

    def make(document, **options):
        folder = tmp_path / f"alb{len(made)}"
        folder.mkdir()
        folder.chmod(0o755)
        for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            above.chmod(0o755)
        made.append(harness.Instance(folder, document, **options))
        return made[-1]

    yield make
    for one in made:
        if one.process.returncode is None:
            children = one.pids()
            code = one.stop()
            text = one.log_text()
            assert code == 0, (code, text)
            left = [pid for pid in children.values() if pathlib.Path(f"/proc/{pid}").exists()]
            assert not left, f"processes left behind: {left}"
        text = one.log_text()
        assert "assertion failed" not in text, text
        assert "Sanitizer" not in text and "runtime error" not in text, text


@pytest.fixture
def simple(alb, target):
    """simple(script) gives (instance, target): one HTTP listener on 8080, one target."""
    def make(script=harness.echo, target_options=None, **options):
        one = target(script, **(target_options or {}))
        return alb(harness.template([one.address], **options.pop("template", {})), **options), one
    return make
