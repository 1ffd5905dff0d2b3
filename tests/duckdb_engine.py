# SPDX-License-Identifier: Apache-2.0
"""DuckDB for tests and benchmarks: npm's package under build/duckdb, run by tests/duckdb/query.mjs."""
import json
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent / "duckdb"


class Problem(Exception):
    pass


def run(sql, deadline=120, **settings):
    """The results of the statements that give rows: a list of lists of rows (dict). 64-bit numbers come as text."""
    subprocess.run([FOLDER / "install"], check=True, timeout=600)
    done = subprocess.run(["node", FOLDER / "query.mjs", *(f"{k}={v}" for k, v in settings.items())],
                          input=sql.encode(), capture_output=True, timeout=deadline)
    if done.returncode != 0:
        raise Problem(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]
