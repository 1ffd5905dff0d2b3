# SPDX-License-Identifier: Apache-2.0
"""The fault lab: every row of the catalogue that one machine can build, against Chromium and `openalb doctor`.

One run of run.py builds the rows that were selected, in parallel; each test reads its row's records.
"""
import json
import subprocess
import sys

import pytest

import harness
from lab import catalogue, report, rows, run

DOCTOR = run.doctor_exists()
SCHEMAS = sorted((harness.ROOT / "docs").glob("*doctor*.schema.json"))
LIMIT = 1500 if harness.SANITIZED else 900  # seconds until the whole lab counts as stuck

IN_BROWSER = [row for row in rows.ROWS if row.browser]
TWINS = [row for row in rows.ROWS if not row.twin]


def by_row(these):
    return pytest.mark.parametrize("row", these, ids=lambda row: row.name)


@pytest.fixture(scope="session")
def records(request, tmp_path_factory):
    """The records of all rows that tests of this session ask for: {(name, broken): record}."""
    names = {item.callspec.params["row"].name for item in request.session.items
             if "row" in getattr(getattr(item, "callspec", None), "params", {}) and "records" in item.fixturenames}
    folder = tmp_path_factory.mktemp("lab")
    out = folder / "results.json"
    words = [sys.executable, str(harness.ROOT / "tests/lab/run.py"), "--out", str(out), "--folder", str(folder)]
    for name in sorted(names):
        words += ["--row", name]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LIMIT)
    assert done.returncode == 0, done.stderr[-4000:]
    found = {}
    for line in out.read_text().splitlines():
        record = json.loads(line)
        if record["row"]:
            found[(record["row"], record.get("broken"))] = record
    return found


def record_of(records, row, broken):
    skipped = records.get((row.name, None))
    if skipped:
        pytest.skip(skipped["skipped"])
    record = records[(row.name, broken)]
    assert record["error"] is None, record["error"]
    return record


@by_row(IN_BROWSER)
def test_browser_shows(records, row):
    """[browser-errors] Real Chromium shows for the fault what the table says."""
    record = record_of(records, row, True)
    complaint = row.browser.complaint(record["visit"])
    assert complaint is None, complaint


@by_row([row for row in TWINS if row.browser])
def test_browser_opens_the_twin(records, row):
    """The fault, and nothing else, is what hinders: Chromium opens the healthy twin."""
    visit = record_of(records, row, False)["visit"]
    assert visit["error"] is None and visit["status"] == 200, visit


if DOCTOR:
    @by_row(rows.ROWS)
    def test_doctor_names_the_fault(records, row):
        """[issue 4] The row's id comes first."""
        done = record_of(records, row, True)["doctor"]
        complaint = report.first(row, done)
        assert complaint is None, f"{complaint}\n{' '.join(done['command'])}"

    @by_row([row for row in IN_BROWSER if not row.note])
    def test_doctor_predicts_the_browser(records, row):
        """[issue 4] What Chromium showed stands in the report."""
        record = record_of(records, row, True)
        complaint = report.predicted(row, record["visit"], record["doctor"])
        assert complaint is None, complaint

    @by_row(TWINS)
    def test_doctor_is_quiet_about_the_twin(records, row):
        """[issue 4] A healthy site yields no finding above a note."""
        done = record_of(records, row, False)["doctor"]
        complaint = report.quiet(done)
        assert complaint is None, f"{complaint}\n{' '.join(done['command'])}"


if DOCTOR and SCHEMAS:
    @by_row(rows.ROWS)
    def test_report_is_valid(records, row):
        """[issue 4] Both reports follow the JSON Schema in docs/."""
        import jsonschema
        schema = json.loads(SCHEMAS[0].read_text())
        for broken in (True, False) if not row.twin else (True,):
            jsonschema.validate(record_of(records, row, broken)["doctor"]["json"], schema)


def test_table():
    """Each row has a name of its own; enough of the catalogue is there; nothing is both made and left out."""
    names = [row.name for row in rows.ROWS]
    assert len(set(names)) == len(names)
    assert len(names) >= 90
    assert not {row.id for row in rows.ROWS} & set(rows.LEFT_OUT)
    assert {row.twin for row in rows.ROWS if row.twin} <= {row.name for row in TWINS}


def test_catalogue_is_current():
    """docs/fault-catalogue.md is what tests/lab/catalogue.py prints."""
    assert (harness.ROOT / "docs/fault-catalogue.md").read_text() == catalogue.text()
