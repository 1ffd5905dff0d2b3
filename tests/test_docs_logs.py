# SPDX-License-Identifier: Apache-2.0
"""docs/logs.md and docs/policies.md say what the program does: each command line that they quote parses, each output
that they show comes out again, and their tables are those of the program.

In a block, a line that begins with `$ ` is run in a folder with the sample logs; what follows is its output. A line
`...` stands for any lines, one that ends in `...` for its beginning. What `cat FILE` shows is put into FILE first.
"""
import os
import re
import subprocess

import pytest

import harness
import sample_logs

DOCS = {name: (harness.ROOT / "docs" / name).read_text() for name in ("logs.md", "policies.md")}
ENDS_ONLY_BY_HAND = re.compile(r"openalb logs (tail (?!.*--limit)|sql *$)")
LIVE = re.compile(r"openalb logs .*--state ")  # needs a running load balancer


def blocks(text):
    return [block.rstrip("\n") for block in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)]


def commands(block):
    """(command, shown lines) of a block; a command goes on behind a backslash and inside quotation marks."""
    found, lines = [], block.split("\n")
    while lines:
        line = lines.pop(0)
        if not line.startswith("$ "):
            assert found, f"output without a command: {line}"
            found[-1][1].append(line)
            continue
        command = line[2:]
        while command.endswith("\\") or command.count('"') % 2:
            command += "\n" + lines.pop(0)
        found.append((command, []))
    return found


RUNS = {name: [commands(block) for block in blocks(text) if block.startswith("$ ")] for name, text in DOCS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With sample logs, and `openalb` in its own `bin`."""
    made = tmp_path_factory.mktemp("docs")
    sample_logs.make(made / "logs")
    (made / "bin").mkdir()
    (made / "bin/openalb").symlink_to(harness.OPENALB)
    return made


def shell(folder, command):
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=harness.DEADLINE * 2,
                          env={"LC_ALL": "C.UTF-8", "HOME": str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}"})


def first_difference(shown, printed):
    """None, or what was shown and is not printed there. `...` takes as few lines as it can."""
    at, free = 0, False
    for line in shown:
        if line == "...":
            free = True
            continue
        def same(other):
            return other.startswith(line[:-3]) if line.endswith("...") else other == line
        while free and at < len(printed) and not same(printed[at]):
            at += 1
        if at >= len(printed) or not same(printed[at]):
            return f"shown:   {line}\nprinted: {printed[at] if at < len(printed) else '(nothing more)'}"
        at, free = at + 1, False
    if not free and at < len(printed):
        return f"printed, but not shown: {printed[at]}"
    return None


@pytest.mark.parametrize("name", DOCS)
def test_what_the_docs_show_comes_out_again(folder, name):
    ran, last = 0, None
    for run in RUNS[name]:
        for command, shown in run:
            if LIVE.search(command):
                continue
            if command.startswith("cat ") and "|" not in command and shown:
                (folder / command[4:]).write_text("\n".join(shown) + "\n")
            if command == "echo $?":
                assert shown == [str(last.returncode)], (shown, last)
                continue
            assert not ENDS_ONLY_BY_HAND.search(command), command
            last = shell(folder, command)
            assert "Sanitizer" not in last.stderr and "assertion" not in last.stderr, last.stderr
            wrong = first_difference(shown, last.stdout.splitlines())
            assert wrong is None, f"docs/{name}: {command}\n{wrong}\n{last.stderr}"
            ran += 1
    assert ran >= 12


def test_what_the_prompt_shows_comes_from_a_pipe_too(folder):
    session, = (block for block in blocks(DOCS["logs.md"]) if block.startswith("sql> "))
    lines = session.split("\n")
    typed = [line[5:] for line in lines if line.startswith(("sql> ", "...> "))]
    shown = [line for line in lines if not line.startswith(("sql> ", "...> "))]
    done = subprocess.run([harness.OPENALB, "logs", "sql", "logs"], cwd=folder, input="\n".join(typed) + "\n",
                          capture_output=True, text=True, timeout=harness.DEADLINE, env={"LC_ALL": "C.UTF-8"})
    assert (done.returncode, done.stdout.splitlines()) == (0, shown), done.stderr


def test_differences_are_seen():
    printed = ["a", "b", "c long", "d"]
    assert first_difference(["a", "b", "c long", "d"], printed) is None
    assert first_difference(["a", "...", "c l...", "d"], printed) is None
    assert first_difference(["...", "d"], printed) is None
    assert first_difference(["a", "..."], printed) is None
    assert "x" in first_difference(["a", "x", "..."], printed)
    assert first_difference(["a", "...", "b", "d"], printed) is not None
    assert first_difference(["a", "b", "c long"], printed) is not None
    assert first_difference(["a", "b", "c long", "d", "e"], printed) is not None
    assert first_difference(["b", "..."], printed) is not None


# ---- every command line that is quoted, run or not ----

def quoted():
    """`openalb logs ...` and `openalb policy ...`, in blocks and in running text."""
    found = set()
    for text in DOCS.values():
        text = text.replace("\\\n", " ")
        for line in re.findall(r"openalb (?:logs|policy) [^`\n#|]*", text):
            words = re.findall(r"(?:--[a-z-]+)|^openalb \w+ [\w-]+", line)
            if words:
                found.add((words[0], tuple(word for word in words[1:] if word.startswith("--"))))
    return sorted(found)


def options_of(command, verb):
    done = subprocess.run([harness.OPENALB, command, verb, "--help"], capture_output=True, text=True,
                          timeout=harness.DEADLINE, env={"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, (command, verb, done.stderr)
    return set(re.findall(r"--[a-z-]+", done.stdout))


def test_every_quoted_verb_and_option_exists():
    ways = quoted()
    assert len(ways) >= 15
    verbs = set()
    for start, options in ways:
        _, command, verb = start.split(" ")
        if verb.isupper():  # the synopsis
            continue
        verbs.add((command, verb))
        assert set(options) <= options_of(command, verb), (start, options)
    listed = subprocess.run([harness.OPENALB, "logs", "--help"], capture_output=True, text=True,
                            timeout=harness.DEADLINE, env={"LC_ALL": "C.UTF-8"}).stdout
    real = set(re.findall(r"^  ([a-z]+)  ", listed, re.M))
    assert len(real) == 9
    assert {verb for command, verb in verbs if command == "logs"} == real
    assert {verb for command, verb in verbs if command == "policy"} == {"check", "make"}


def test_every_option_of_the_policy_command_is_documented():
    assert options_of("policy", "check") - set(re.findall(r"--[a-z-]+", DOCS["policies.md"])) <= {"--help"}


# ---- tables ----

def cells(doc, heading):
    """The rows of the tables below a heading, up to the next one of its level; without escapes of Markdown."""
    level = heading.split(" ")[0]
    part = DOCS[doc].split(f"\n{heading}\n", 1)[1]
    part = re.split(rf"^#{{2,{len(level)}}} ", part, maxsplit=1, flags=re.M)[0]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in part.splitlines() if line.startswith("|")]
    return [[re.sub(r"\\([*|])", r"\1", cell.strip()) for cell in row] for row in rows]


def rows_of(path, form):
    text = (harness.ROOT / "src" / path).read_text()
    found = re.findall(form, text, re.M)
    macro = re.match(r"\^\(?(?:\?:)?\(?([A-Z|]+)", form)[1]
    assert len(found) == len(re.findall(rf"^(?:{macro})\(", text, re.M)), path
    return found


def test_the_filters_are_those_of_the_program():
    rows = rows_of("query/filters.def", r'^FILTER\(\w+,\s*"([^"]+)",\s*"([^"]+)",\s*\w+,\s*"((?:[^"\\]|\\.)*)"\)')
    assert len(rows) >= 14
    shown = [row for row in cells("logs.md", "## Filters") if row[0].startswith("`--")]
    assert shown == [[f"`--{name} {value}`", text] for name, value, text in rows]


def test_the_columns_are_those_of_the_program():
    rows = rows_of("query/columns.def",
                   r'^(COLUMN|DERIVED)\((\w+),\s*(\w+),\s*(\w+),\s*\w+,\s*\w+,\s*"((?:[^"\\]|\\.)*)"\)')
    assert len(rows) >= 70
    shown = [row for row in cells("logs.md", "### Columns") if row[0].startswith("`")]
    assert shown == [[f"`{name}`" + (" (derived)" if macro == "DERIVED" else ""), kind, text]
                     for macro, _, name, kind, text in rows]


def test_the_points_are_those_of_the_program():
    rows = rows_of("policy/points.def",
                   r'^POINT\(\w+, "([^"]*)", "([^"]*)", (\w+),\s*"((?:[^"\\]|\\.)*)",\s*"(?:[^"\\]|\\.)*"\)')
    wanted = [[number, f"`{name}`", level.lower(), text.replace('\\"', '"')]
              for name, number, level, text in rows if name]
    assert len(wanted) >= 30
    shown = [row for row in cells("policies.md", "## Points") if len(row) == 4 and row[0].startswith("IAM")]
    assert shown == wanted


def test_what_no_policy_shows_is_that_of_the_program():
    rows = rows_of("policy/unseen.def", r'^UNSEEN\("([^"]+)", "((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)')
    shown = [row for row in cells("policies.md", "### What no policy shows") if row[0].startswith("IAM")]
    assert rows
    assert shown == [[number, f"{text} `{command.replace('{bucket}', 'NAME')}`"] for number, text, command in rows]


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", DOCS[name]):
        assert (harness.ROOT / "docs" / target).exists(), target
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in DOCS[name].splitlines() if line.startswith("#")}
    for anchor in re.findall(r"\]\(#([^)]+)\)", DOCS[name]):
        assert anchor in headings, anchor
