"""``confiture init``: a project that builds as it stands, and nothing overwritten."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from confiture.config import Project
from confiture.config.dsn import to_uri
from confiture.config.environment import environment_names, load_environment


def tree(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_new_project_builds_in_alphabetical_order(run_here, tmp_path: Path, database, psql) -> None:
    """Whoever starts with it must see a database, not an error; psql is the judge."""
    assert run_here("init", "shop")[0] == 0
    files = [
        *sorted((tmp_path / "shop/db/schema").rglob("*.sql")),
        *sorted((tmp_path / "shop/db/seeds").rglob("*.sql")),
    ]
    psql(database, "".join(path.read_text() for path in files))
    assert psql(database, "select author, comments from published_posts") == "Ada|1"


def test_confiture_builds_it_as_it_stands(run_here, tmp_path: Path, database, psql) -> None:
    """The next thing that `init` tells to type. Only the server is the test's own."""
    run_here("init", "shop")
    url = to_uri(database.params, password=True)
    code, out, err = run_here("build", "--database-url", url, cwd=tmp_path / "shop")
    assert (code, err) == (0, "")
    assert "built" in out
    assert psql(database, "select author, comments from published_posts") == "Ada|1"
    assert psql(database, "select publish_post(1)") == ""


def test_its_configuration_is_valid_and_names_no_server_that_is_not_there(run_here, tmp_path: Path) -> None:
    """`confiture env` of a new project shows nothing red."""
    run_here("init", "shop")
    project = Project.find(tmp_path / "shop")
    assert project.name == "shop"
    assert environment_names(project) == ("local", "test")
    assert load_environment(project, "test").database_url is None
    example = tmp_path / "shop/db/environments/production.toml.example"
    example.rename(example.with_suffix(""))
    assert load_environment(project, "production").protected


@pytest.mark.parametrize("name", ['with "quotes"', "ünïcode \\ and #", "'''", "10%"])
def test_any_name_gives_a_valid_file(name: str, run_here, tmp_path: Path) -> None:
    """Values are written by a TOML writer, not pasted."""
    assert run_here("init", "shop", "--name", name)[0] == 0
    assert Project.find(tmp_path / "shop").name == name


def test_nothing_is_overwritten(run_here, tmp_path: Path) -> None:
    """Run twice, or in a folder with work in it, it adds only what is missing."""
    run_here("init")
    (tmp_path / "confiture.toml").write_text("# mine\n")
    (tmp_path / "db/environments/test.toml").unlink()
    (tmp_path / ".gitignore").write_text("*.pyc")
    before = tree(tmp_path)
    code, out, _ = run_here("init")
    assert code == 0
    assert "  kept   confiture.toml\n" in out
    assert "  wrote  db/environments/test.toml\n" in out
    after = tree(tmp_path)
    assert after.pop(".gitignore") == "*.pyc\n.confiture/\n"
    assert after.pop("db/environments/test.toml")
    assert after == {name: text for name, text in before.items() if name != ".gitignore"}


def test_a_schema_of_the_users_own_gets_no_example_beside_it(run_here, project) -> None:
    """Our users table next to theirs would not build."""
    project.schema("users.sql", "create table users ();")
    code, out, _ = run_here("init", cwd=project.root)
    assert code == 0
    assert [name for name in tree(project.root) if name.endswith(".sql")] == ["db/schema/users.sql"]
    assert "  kept   db/schema/ as it is" in out


def test_the_state_folder_is_ignored_once(run_here, tmp_path: Path) -> None:
    """Servers' data never goes into version control."""
    run_here("init")
    run_here("init")
    assert (tmp_path / ".gitignore").read_text() == ".confiture/\n"


def test_a_dangling_link_is_something_that_exists(run_here, tmp_path: Path) -> None:
    """Writing through it would make a file somewhere else."""
    (tmp_path / "confiture.toml").symlink_to(tmp_path / "elsewhere")
    assert run_here("init")[0] == 0
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("folder", ["loop/x", "n" * 300, "/proc/nothing"])
def test_a_folder_that_cannot_be_is_named(run_here, tmp_path: Path, folder: str) -> None:
    """A slip of the user's is not a defect of ours."""
    (tmp_path / "loop").symlink_to("loop")
    code, _, err = run_here("init", folder)
    assert code == 6
    assert "cannot be made: " in err
    assert "hint: choose another folder" in err


def test_a_file_in_the_way_is_named(run_here, tmp_path: Path) -> None:
    """`db` may be a database's file; it stays."""
    (tmp_path / "db").write_text("mine")
    code, _, err = run_here("init")
    assert code == 6
    assert f"error: {str(tmp_path / 'db')!r} is a file, where a folder is needed" in err
    assert (tmp_path / "db").read_text() == "mine"


def test_a_folder_that_is_not_writable_is_refused(run_here) -> None:
    """One line, no traceback, nothing half-written."""
    # Outside of tmp_path, which only its owner may enter. Root may write anywhere, so become somebody else, after
    # everything was imported: the code may be where only root can read it.
    user = os.geteuid()
    run_here("init", "warm")
    with tempfile.TemporaryDirectory() as name:
        locked = Path(name).resolve()
        locked.chmod(0o555)
        try:
            if user == 0:
                os.seteuid(65534)
            code, out, err = run_here("init", "shop", cwd=locked)
        finally:
            os.seteuid(user)
        assert (code, out) == (8, "")
        assert err == f"error: {str(locked / 'shop')!r} is not writable\n  hint: choose a folder of yours\n"
        assert list(locked.iterdir()) == []
        locked.chmod(0o755)


def test_a_program_gets_what_was_written(run_here, tmp_path: Path) -> None:
    """The same facts as the lines for a person."""
    (tmp_path / "confiture.toml").write_text("")
    code, out, _ = run_here("init", "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert report["folder"] == str(tmp_path)
    assert report["kept"] == ["confiture.toml"]
    assert "db/schema/10_tables/10_users.sql" in report["written"]


def test_the_next_steps_can_be_pasted(cli) -> None:
    """A folder's name may have a blank."""
    shown = cli("init", "a dir").stdout
    assert "  cd 'a dir'\n" in shown
