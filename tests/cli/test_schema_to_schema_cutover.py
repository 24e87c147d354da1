"""From a start to a cutover, back, and the report of it all, as a user meets them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

OLD = """
CREATE TABLE users (id int PRIMARY KEY, full_name text);
INSERT INTO users SELECT n, 'name ' || n FROM generate_series(1, 300) AS n;
ANALYZE;
"""
NEW = "CREATE TABLE users (id int PRIMARY KEY, display_name text);"
MAP = "tables:\n  users:\n    columns:\n      full_name: display_name\n"
CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\n'
#: What would have to be fetched, or would run.
OUTSIDE = ("script", "link", "img", "iframe", "object", "embed", "video", "audio", "base", "image", "use")


class Page(HTMLParser):
    """Every tag is closed where it should be; what it says, and what it would fetch."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.outside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [tag] if tag in OUTSIDE else []
        self.outside += [
            f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "xlink:href") or name[:2] == "on"
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def move(project, new_database, run_here, psql):
    """Two databases and a project; ``move(words)`` runs a phase, as JSON."""
    old, new = new_database(), new_database()
    psql(old, OLD)
    psql(new, NEW)
    project.config(CONFIG)
    project.environment_for(old, "production")
    project.environment_for(new, "production_new")
    project.write("db/migration_map.yaml", MAP)

    def run(*words: str):
        code, out, err = run_here(
            "migrate", "schema-to-schema", *words, "--project", str(project.root), "--format", "json"
        )
        return code, json.loads(out) if out.strip() else None, err

    def follow(format_: str) -> subprocess.Popen[str]:
        """In a process of its own, that is at work when this returns."""
        before = psql(new, "SELECT epoch FROM confiture.confiture_move_epochs")
        words = ("follow", "--project", str(project.root), "--format", format_)
        process = subprocess.Popen(
            [sys.executable, "-m", "confiture", "migrate", "schema-to-schema", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while psql(new, "SELECT epoch FROM confiture.confiture_move_epochs") == before:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    run.old, run.new, run.root, run.follow = old, new, project.root, follow
    return run


def test_there_and_back(move, psql, run_here) -> None:
    """What psql sees on either side: all rows of each other, and one side alone that takes writes."""
    code, report, _ = move("start")
    assert code == 0, report
    code, out, err = run_here("migrate", "schema-to-schema", "--project", str(move.root))
    assert (code, "its copy is complete" in err, "schema-to-schema follow" in err, out) == (8, True, True, "")
    psql(move.old, "UPDATE users SET full_name = 'changed' WHERE id = 7; INSERT INTO users VALUES (301, 'later')")
    code, followed, _ = move("follow", "--until-caught-up")
    assert (code, followed["ended"], followed["entries"]) == (0, "caught up", 2)
    assert psql(move.new, "SELECT display_name FROM users WHERE id IN (7, 301) ORDER BY id").split() == [
        "changed",
        "later",
    ]
    _, status, _ = move("status")
    assert (status["live"], status["following"]["entries"], status["following"]["backlog_entries"]) == ("old", 2, 0)

    stopped = move.follow("json")
    psql(move.old, "INSERT INTO users VALUES (303, 'while it follows'); DELETE FROM users WHERE id = 303")
    stopped.send_signal(signal.SIGTERM)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 0, err
    report = json.loads(out)
    assert (report["ended"], report["run_id"], report["live"]) == ("stopped", status["run_id"], "old")

    following = move.follow("json")
    code, refused, _ = move("cutover", "--yes", "--command", "./nothing.sh")
    assert (code, "is not there" in refused["error"]["message"], following.poll()) == (8, True, None)
    code, crossed, _ = move("cutover", "--yes", "--max-seconds", "20")
    assert (code, crossed["live"], crossed["reversible"]) == (0, "new", True), crossed
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err
    assert json.loads(out)["ended"] == "taken over by a cutover"
    assert sum(step["locked"] for step in crossed["steps"])
    _, status, _ = move("status")
    assert (status["live"], status["crossings"][0]["outcome"], status["running"]) == ("new", "crossed", False)
    assert status["crossings"][0]["steps"] == crossed["steps"]

    psql(move.new, "INSERT INTO users VALUES (302, 'on the new side')")
    code, back, _ = move("rollback", "--yes", "--max-seconds", "20")
    assert (code, back["live"]) == (0, "old"), back
    assert psql(move.old, "SELECT full_name FROM users WHERE id = 302").strip() == "on the new side"
    said = run_here("migrate", "schema-to-schema", "status", "--project", str(move.root))[1]
    assert f"{status['source']} is the live database, the old one" in said

    code, written, _ = move("report")
    assert code == 0, written
    page = Page((move.root / "migration-report.html").read_text(encoding="utf-8"))
    assert (page.open, page.outside) == ([], [])
    assert page.tags.count("svg") >= 5
    for words in (written["run_id"], "Timeline", "Lag, in seconds", "Steps of the cutover", "Steps of the rollback"):
        assert words in page.text
    assert "name 1" not in page.text
    move("report")  # another one takes its place
    (move.root / "migration-report.html").write_text("mine")
    code, _, _ = move("report")
    assert code == 8

    code, cleaned, _ = move("cleanup", "--yes")
    assert code == 0, cleaned
    assert cleaned["removed"]
    assert cleaned["dropped"] is None
    assert psql(move.old, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").strip() == "0"
    _, status, _ = move("status")
    assert status["phase"] == "none"
