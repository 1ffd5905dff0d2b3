# SPDX-License-Identifier: Apache-2.0
"""Prints docs/fault-catalogue.md from the lab's table."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import rows  # noqa: E402

HEAD = """# The faults that the lab builds

Made from the table in `tests/lab` (`python3 tests/lab/catalogue.py > docs/fault-catalogue.md`; a test fails when this
file is not current). Each row is built for real, with a healthy twin in which only the fault is mended.
The tests assert that Chromium shows what stands here (measured with Chromium {chromium}), that it opens the
twin, that `openalb doctor` names the row's id first, and that it finds nothing above a note on the twin.

{rows} rows, {ids} of the catalogue's faults.

| id | fault | how it is made | what Chromium shows |
|---|---|---|---|
"""

LEFT_OUT = """
## Left out

| id | what it would take |
|---|---|
"""


def _cell(text):
    return text.replace("|", "\\|")


def text():
    made = HEAD.format(chromium=rows.CHROMIUM, rows=len(rows.ROWS), ids=len({row.id for row in rows.ROWS}))
    for row in rows.ROWS:
        shows = row.browser.words() if row.browser else "no name of its own"
        made += f"| {row.name} | {_cell(row.title)} | {_cell(row.how)} | {_cell(shows)} |\n"
    made += LEFT_OUT
    for identity, why in rows.LEFT_OUT.items():
        made += f"| {identity} | {_cell(why)} |\n"
    return made


if __name__ == "__main__":
    sys.stdout.write(text())
