# SPDX-License-Identifier: Apache-2.0
"""tools/messages: what it finds in the sources, what it keeps, and that each fault of a translation is named."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = r'''
const char *a(void) { return tr("The port is closed."); }
static const char *const b = N_("{host} " "is \"here\".");
'''
ROWS = r'''
/* ROW(id, first, number, second) */
ROW("A-1", "First, (one) {x}.", 7, "")
ROW("A-2", "Another first.",    8, "Its second.")
'''
GOOD = {
    "The port is closed.": "ポートは閉じています。",
    r'{host} is \"here\".': r"{host}は\"ここ\"です。",
    "First, (one) {x}.": "最初の{x}。",
    "Another first.": "別の最初。",
    "Its second.": "二番目。",
}


class Tree:
    """A small tree with a copy of the tool."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("tools", "po", "src/shop", "src/other"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "tools/messages", folder / "tools/messages")
        (folder / "po/keywords").write_text("# macros\ntr\nN_\nROW:2\nROW:4\n")
        (folder / "po/folders").write_text("# folders\nshop\nnot_there_yet\n")
        (folder / "src/shop/shop.c").write_text(SOURCE)
        (folder / "src/shop/rows.def").write_text(ROWS)
        (folder / "src/shop/shop_test.c").write_text('const char *t = tr("Only a test.");')
        (folder / "src/other/other.c").write_text('const char *t = tr("Not translated here.");')

    def run(self, option):
        return subprocess.run([self.folder / "tools/messages", option], capture_output=True, text=True)

    def table(self):
        return (self.folder / "po/ja.po").read_text()

    def translate(self, pairs):
        text = self.table()
        for msgid, translation in pairs.items():
            before = f'msgid "{msgid}"\nmsgstr ""\n'
            assert before in text, msgid
            text = text.replace(before, f'msgid "{msgid}"\nmsgstr "{translation}"\n')
        (self.folder / "po/ja.po").write_text(text)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def good(tree):
    assert tree.run("--update").returncode == 0
    tree.translate(GOOD)
    return tree


def test_list_finds_functions_and_every_argument_of_a_row(tree):
    out = tree.run("--list").stdout
    assert len(out.splitlines()) == len(GOOD)
    assert "src/shop/shop.c: '{host} is \"here\".'" in out
    assert "src/shop/rows.def: 'Its second.'" in out
    assert "Only a test" not in out and "Not translated here" not in out


def test_a_complete_table_passes_and_update_changes_nothing(good):
    checked = good.run("--check")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout == "5 messages, 0 faults\n" and checked.stderr == ""
    before = good.table()
    assert good.run("--update").stdout == "5 messages, 0 to be translated, 0 obsolete\n"
    assert good.table() == before


def test_a_new_sentence_is_missing_then_empty_then_good(good):
    source = good.folder / "src/shop/shop.c"
    source.write_text(source.read_text() + 'const char *c = N_("New.");\n')
    assert "missing: 'New.' (src/shop/shop.c)" in good.run("--check").stdout
    good.run("--update")
    assert "not translated: 'New.' (src/shop/shop.c)" in good.run("--check").stdout
    good.translate({"New.": "新しい。"})
    assert good.run("--check").returncode == 0


def test_a_sentence_that_went_is_obsolete_until_pruned(good):
    (good.folder / "src/shop/shop.c").write_text('const char *a = N_("The port is closed.");\n')
    assert "obsolete" in good.run("--check").stdout
    good.run("--update")
    checked = good.run("--check")
    assert checked.returncode == 1 and "obsolete" in checked.stdout
    assert "ここ" in good.table()  # kept for the translator
    good.run("--prune")
    assert good.run("--check").returncode == 0 and "ここ" not in good.table()


@pytest.mark.parametrize("translation, fault", [
    ("最初の{y}。", "placeholders differ: {x} {y}"),
    ("最初。", "placeholders differ: {x}"),
    ("最初の{x}。 ", "blanks or line ends"),
    ("First, (one) {x}.", "the translation is the English sentence"),
    ("最初の\u200b{x}。", "unprintable characters: U+200B"),
    ("最初の\u202e{x}。", "unprintable characters: U+202E"),
    ("最初の\\t{x}。", "unprintable characters: U+0009"),
    ("最初の\ufffd{x}。", "unprintable characters"),
])
def test_a_bad_translation_is_named(good, translation, fault):
    text = good.table().replace(GOOD["First, (one) {x}."], translation)
    (good.folder / "po/ja.po").write_text(text)
    checked = good.run("--check")
    assert checked.returncode == 1
    assert fault in checked.stdout and "5 messages, 1 faults" in checked.stdout


def test_a_fuzzy_translation_is_named(good):
    text = good.table().replace('msgid "Its second."', '#, fuzzy\nmsgid "Its second."')
    (good.folder / "po/ja.po").write_text(text)
    assert "fuzzy: 'Its second.'" in good.run("--check").stdout


@pytest.mark.parametrize("english, fault", [
    ("It’s closed.", "not printable ASCII"),
    ("Port %d is closed.", "printf format"),
    ("Port %s.", "printf format"),
])
def test_bad_english_is_named(good, english, fault):
    (good.folder / "src/shop/more.c").write_text(f'const char *d = N_("{english}");\n')
    assert fault in good.run("--check").stdout


def test_an_unknown_option_is_refused(tree):
    assert tree.run("--chek").returncode == 2
