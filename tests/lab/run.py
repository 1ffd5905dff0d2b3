# SPDX-License-Identifier: Apache-2.0
"""Runs rows of the fault lab and writes one JSON line for each half of a row (the fault, its healthy twin).

    run.py --out FILE [--only WORD]... [--row NAME]... [--world dual|v4|loopback] [--jobs N]

Called without --world it does what the machine allows: each world in namespaces of its own, else
what runs on loopback. All that a world started dies with it.
"""
import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness  # noqa: E402
from lab import network, rows, stage  # noqa: E402

JOBS = 10
DOCTOR_LIMIT = 120  # seconds; its own deadline is far shorter


def doctor_exists():
    return subprocess.run([str(harness.OPENALB), "doctor", "--help"], capture_output=True).returncode == 0


def environment(home, changes):
    """The doctor's environment: nothing of the machine's proxies, browsers and languages."""
    clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**clean, "HOME": str(home), "XDG_CONFIG_HOME": f"{home}/.config", "LC_ALL": "C.UTF-8", "LANGUAGE": "",
            **changes}


def doctor(lab, made, scene):
    """Runs `openalb doctor` on a scene: (command, exit status, JSON or None, standard error)."""
    home = made.folder()
    options = list(scene.options)
    port_asked = urllib.parse.urlsplit(scene.url).port or 443
    for place in made.used:  # without a namespace nobody but us knows these names
        for port in sorted({443, 80, 8443, 8080, port_asked}):
            options += ["--resolve", f"{place.name}:{port}:{place.address}"]
    words = [str(harness.OPENALB), "doctor", scene.url, "--json", "--save", str(home / "saved"), "--lang", "en",
             "--ca", str(lab.pki.root.file), *map(str, options)]
    done = subprocess.run(words, capture_output=True, env=environment(home, scene.environment),
                          stdin=subprocess.DEVNULL, timeout=DOCTOR_LIMIT)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = None
    return {"command": words, "exit": done.returncode, "json": report, "out": "" if report else done.stdout.decode(
        errors="replace")[-2000:], "stderr": done.stderr.decode(errors="replace")[-2000:]}


def visit(lab, scene):
    seen = scene.look(scene.url) if scene.look else lab.browser.visit(scene.url, **scene.browser)
    return {**dataclasses.asdict(seen), "reasons": seen.reasons()}


def half(lab, row, broken, with_doctor):
    """Builds the fault or its twin, and shows it to the browser and to the doctor at once."""
    record = {"row": row.name, "broken": broken, "world": lab.world, "visit": None, "doctor": None, "error": None}
    start = time.monotonic()
    made = stage.Stage(lab, f"{row.name.lower().replace('/', '-')}{'' if broken else '-well'}")
    try:
        with contextlib.closing(made):
            scene = row.make(made, broken)
            record["url"] = scene.url
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                looks = pool.submit(visit, lab, scene) if row.browser else None
                finds = pool.submit(doctor, lab, made, scene) if with_doctor else None
                record["visit"] = looks.result() if looks else None
                record["doctor"] = finds.result() if finds else None
    except Exception:
        record["error"] = traceback.format_exc()
    record["seconds"] = round(time.monotonic() - start, 3)
    return record


def run_world(world, wanted, out, folder, jobs):
    with_doctor = doctor_exists()
    lock = threading.Lock()
    with open(out, "a") as file:
        lab = stage.Lab(pathlib.Path(folder) / world, world)

        def note(record):
            with lock:
                file.write(json.dumps(record, default=repr) + "\n")
                file.flush()

        note({"row": None, "world": world, "chromium": lab.browser.version, "doctor": with_doctor})
        with contextlib.closing(lab), concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            halves = [(row, broken) for row in wanted for broken in (True, False) if broken or not row.twin]
            halves.sort(key=lambda one: not one[0].slow)  # what waits longest begins first
            try:
                for done in [pool.submit(half, lab, row, broken, with_doctor) for row, broken in halves]:
                    note(done.result())
            finally:
                pool.shutdown(cancel_futures=True)
    return 0


def outer(options, wanted):
    """Each world in a process (and, where allowed, namespaces) of its own."""
    try:
        enter = network.command()
    except network.Unavailable as why:
        enter = None
        with open(options.out, "a") as file:
            for row in wanted:
                if row.needs:
                    file.write(json.dumps({"row": row.name, "skipped": f"no namespaces here: {why}"}) + "\n")
        wanted = [row for row in wanted if not row.needs]
    running = []
    for world in sorted({row.world if enter else "loopback" for row in wanted}):
        words = [*(enter or ["setpriv", "--pdeathsig", "KILL"]), sys.executable, __file__, "--world", world,
                 "--out", options.out, "--folder", options.folder, "--jobs", str(options.jobs)]
        for row in wanted:
            if not enter or row.world == world:
                words += ["--row", row.name]
        running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))
    try:
        return max([abs(one.wait()) for one in running], default=0)
    finally:
        for one in running:
            with contextlib.suppress(ProcessLookupError):
                if enter:
                    one.kill()  # and with it all that lives in its namespaces
                else:
                    one.terminate()
            one.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--row", action="append", default=[])
    parser.add_argument("--world", choices=["dual", "v4", "loopback"])
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--folder", help="where all is built; default: a fresh one, removed at the end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = rows.wanted(options.only)
    if options.row:
        wanted = [row for row in wanted if row.name in set(options.row)]
    if options.world:
        return run_world(options.world, wanted, options.out, options.folder, options.jobs)
    with contextlib.ExitStack() as stack:
        options.folder = options.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="openalb-lab-"))
        return outer(options, wanted)


if __name__ == "__main__":
    sys.exit(main())
