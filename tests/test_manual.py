# SPDX-License-Identifier: Apache-2.0
"""The manual pages and the completions know every command and every option, and none that does not exist."""
import re
import shutil
import subprocess

import pytest

import harness

MAN = harness.ROOT / "dist/man"
COMPLETIONS = harness.ROOT / "dist/completions"
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z0-9])(?![\w-])")
# Commands that have options, and the page that tells them.
PAGES = {"doctor": "openalb-doctor.1", "explain": "openalb-explain.1", "hsts": "openalb-hsts.1", "logs": "openalb-logs.1", "policy": "openalb-policy.1", "serve": "openalb.1",
         "reload": "openalb.1", "check": "openalb.1", "snapshot": "openalb.1", "ca": "openalb.1",
         "demo-target": "openalb.1"}
ELSEWHERE = {"curl --hsts", "openssl --help"}  # options of others that stand in our texts


def run(*words):
    done = subprocess.run([harness.OPENALB, *words], capture_output=True, text=True, timeout=harness.DEADLINE,
                          env={"LC_ALL": "C.UTF-8"})
    return done.stdout + done.stderr


def commands():
    found = re.findall(r"^  ([a-z][a-z-]*) ", run("--help"), re.M)
    assert len(found) >= 10 and "doctor" in found
    return found


def options(command):
    """Those that --help tells; what others' programs are given does not count."""
    text = run(command, "--help")
    for words in ELSEWHERE:
        text = text.replace(words, "")
    if command == "doctor":  # one a line; the text beside them names some, too
        return set(re.findall(r"^  (--[a-z-]+|-[a-zA-Z0-9])(?=[ \[]|$)", text, re.M)) | {"--help"}
    return set(OPTION.findall(text)) | {"--help"}


def page(name):
    text = (MAN / name).read_text()
    text = re.sub(r'^\.\\".*$', "", text, flags=re.M)
    text = re.sub(r"\\f.", "", text)
    return text.replace("\\-", "-").replace('"', "")


def tagged(name):
    """The options that a page explains: those in the line under .TP."""
    return {option for line in re.findall(r"^\.TP\n(.*)$", page(name), re.M) for option in OPTION.findall(line)}


def test_every_command_is_in_the_manual_and_in_every_completion():
    manual = page("openalb.1")
    for command in commands():
        assert re.search(rf"^\.TP\n\.BI? {command}\b", manual, re.M), command
        for file in ("openalb.bash", "_openalb", "openalb.fish"):
            assert re.search(rf"(?<![\w-]){command}(?![\w-])", (COMPLETIONS / file).read_text()), (file, command)


def test_every_option_of_every_command_is_in_the_manual():
    for command in sorted(set(commands()) & set(PAGES)):
        missing = {o for o in options(command) - {"--help"} if o not in OPTION.findall(page(PAGES[command]))}
        assert not missing, (command, missing)


def test_the_doctor_s_page_explains_its_options_and_no_others():
    assert len(options("doctor")) > 40
    assert tagged("openalb-doctor.1") == options("doctor")
    assert tagged("openalb-hsts.1") == options("hsts") - {"--help"}
    assert tagged("openalb-policy.1") == options("policy") - {"--help"}
    assert tagged("openalb-logs.1") == options("logs") - {"--help"}
    assert tagged("openalb-explain.1") == options("explain") - {"--help"}


def test_the_doctor_s_page_tells_every_exit_code():
    text = run("doctor", "--help").split("Exit codes:")[1]
    told = set(re.findall(r"^\.TP\n\.B (\d+)$", page("openalb-doctor.1"), re.M))
    assert told == set(re.findall(r"(?<![\w.])(\d+)(?= [a-zA-Z])", text)) and len(told) >= 15


def complete(*words):
    """What bash offers for the last of these words."""
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _openalb; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", COMPLETIONS / "openalb.bash", *words],
                          capture_output=True, text=True, timeout=harness.DEADLINE, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_offers_every_command_and_every_option():
    assert complete("openalb", "") == set(commands()) | {"--help", "--version"}
    for command in sorted(set(commands()) & set(PAGES)):
        word = "show" if command in ("hsts", "logs") else "check" if command == "policy" else "export" if command == "ca" else None
        offered = complete("openalb", command, *filter(None, [word]), "-")
        wanted = options(command) - ({"--help"} if command == "ca" else set())
        assert offered == wanted, (command, offered ^ wanted)


@pytest.mark.parametrize("words, offered", [
    (("doctor", "--as", "f"), {"firefox"}),
    (("doctor", "https://x/", "--lang", ""), {"en", "ja"}),
    (("doctor", "--check", "t"), {"tcp", "tls", "target"}),
    (("doctor", "--timeout", ""), set()),
    (("hsts", ""), {"show", "explain", "remove", "--help"}),
    (("logs", ""), {"show", "tail", "json", "csv", "stats", "report", "sql", "ddl", "why", "--help"}),
    (("logs", "ddl", ""), {"athena", "trino", "duckdb", "clickhouse"}),
    (("logs", "show", "--made-by", ""), {"lb", "target"}),
    (("explain", "--color", "a"), {"auto", "always"}),
    (("ca", ""), {"export", "show", "--help"}),
    (("nonsense", "--"), set()),
])
def test_bash_offers_values(words, offered):
    assert complete("openalb", *words) == offered


def test_bash_offers_files(tmp_path):
    (tmp_path / "report.html").touch()
    assert complete("openalb", "doctor", "--html", f"{tmp_path}/re") == {f"{tmp_path}/report.html"}
    assert complete("openalb", "serve", "-f", f"{tmp_path}/re") == {f"{tmp_path}/report.html"}


@pytest.mark.parametrize("file, form", [("_openalb", r"['\)*]({option})(?:=-)?\["), ("openalb.fish", None)])
def test_zsh_and_fish_know_the_same_options(file, form):
    text = (COMPLETIONS / file).read_text()
    if form is None:
        text = re.sub(r"^set .*$", "", text, flags=re.M)
        known = {f"--{name}" for name in re.findall(r" -l ([a-z-]+)", text)}
        known |= {f"-{name}" for name in re.findall(r" -s (\w)", text)}
    else:
        known = set(re.findall(form.format(option=r"--[a-z-]+|-[a-zA-Z0-9]"), text))
    wanted = set().union(*(options(command) for command in set(commands()) & set(PAGES)))
    assert known == wanted, known ^ wanted


def test_the_completion_of_bash_is_sound():
    subprocess.run(["bash", "-n", COMPLETIONS / "openalb.bash"], check=True)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("name", sorted(p.name for p in MAN.glob("*.1")))
def test_groff_has_no_complaint(name):
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", MAN / name], capture_output=True, text=True,
                          timeout=harness.DEADLINE)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("\n") > 30
