# SPDX-License-Identifier: Apache-2.0
"""Fixtures: instances of OpenALB and targets that end with their test, and leave nothing behind."""
import contextlib
import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "begin: before all other tests; starts what takes long")
    config.addinivalue_line("markers", "finish: after all other tests; what was begun is looked at")
    if not harness.OPENALB.exists():
        pytest.exit(f"{harness.OPENALB} is not built; run `make test`", 1)


def pytest_collection_modifyitems(items):
    """What takes a minute by documentation begins first and is looked at last: marks `begin` and `finish`."""
    order = {"begin": -1, "finish": 1}
    items.sort(key=lambda item: next((order[mark.name] for mark in item.iter_markers() if mark.name in order), 0))


def _targets():
    with contextlib.ExitStack() as stack:
        def make(script=harness.echo, **options):
            made = harness.Target(script, **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def target():
    """target(script, ...) starts a scripted web server."""
    yield from _targets()


@pytest.fixture(scope="module")
def shared_target():
    """Like target, for all tests of a file."""
    yield from _targets()


def _end(instance):
    if instance.process.returncode is None:
        children = instance.pids()
        code = instance.stop()
        text = instance.log_text()
        assert code == 0, (code, text)
        left = [pid for pid in children.values() if pathlib.Path(f"/proc/{pid}").exists()]
        assert not left, f"processes left behind: {left}"
    text = instance.log_text()
    assert "assertion failed" not in text, text
    assert "Sanitizer" not in text and "runtime error" not in text, text


def _instances(folder):
    for above in (folder, folder.parent, folder.parent.parent):
        above.chmod(0o755)
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:
        def make(document, again=None, **options):
            own = again.folder if again else folder / f"alb{next(numbers)}"
            own.mkdir(exist_ok=True)
            own.chmod(0o755)
            if again:
                options = {"address": again.address, **options}
            made = harness.Instance(own, document, **options)
            stack.callback(_end, made)
            return made

        yield make


@pytest.fixture
def alb(tmp_path):
    """alb(document, ...) starts OpenALB; at the end it must stop with 0 and leave no process behind.

    again=INSTANCE: on the folders and the address of one that has ended."""
    yield from _instances(tmp_path)


@pytest.fixture(scope="module")
def shared_alb(tmp_path_factory):
    """Like alb, for all tests of a file."""
    yield from _instances(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def long_alb(tmp_path_factory):
    """Like alb, for what goes on beside all other tests."""
    yield from _instances(tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="session")
def long_target():
    """Like target, for what goes on beside all other tests."""
    yield from _targets()


@pytest.fixture
def simple(alb, target):
    """simple(script) gives (instance, target): one HTTP listener on 8080, one target."""
    def make(script=harness.echo, target_options=None, **options):
        one = target(script, **(target_options or {}))
        return alb(harness.template([one.address], **options.pop("template", {})), **options), one
    return make
