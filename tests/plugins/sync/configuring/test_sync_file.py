"""The file of rules: where it is looked for, what may stand in it, and what is said of a slip."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.config import Environment
from confiture.errors import ConfigError
from confiture.kernel import Kernel
from confiture_sync.configuring import SyncFile, read_sync_file

MISSION = """\
# db/sync_config.yaml
anonymize:
  users:
    email: "user_{id}@example.com"
    phone: "+1-555-{random(4)}"
    ssn: "XXX-XX-{random(4)}"
  payments:
    credit_card: "**** **** **** {last4}"
"""
WHOLE_YAML = """
tables: [users, billing.*]
exclude: [billing.log]
key: {file: ../secret.key}
references:
  - {from: notes.about_id, to: users.id, when: "kind = 'user'"}
subset:
  where: {users: "id < 1000"}
  sample: {posts: 1%}
  ids: {users: [1, "a"]}
  children: [posts.user_id]
  cut: [users.boss_id]
  max_rows: 100000
coverage: db/seen.toml
targets: [staging]
anonymize:
  users: {email: {kind: hash}}
"""
WHOLE_TOML = """
tables = ["users", "billing.*"]
exclude = ["billing.log"]
coverage = "db/seen.toml"
targets = ["staging"]
key = {file = "../secret.key"}
[[references]]
from = "notes.about_id"
to = "users.id"
when = "kind = 'user'"
[subset]
where = {users = "id < 1000"}
sample = {posts = "1%"}
ids = {users = [1, "a"]}
children = ["posts.user_id"]
cut = ["users.boss_id"]
max_rows = 100000
[anonymize.users]
email = {kind = "hash"}
"""


@pytest.fixture
async def read(project):
    """``read(config)``: what the project's file says. No database is touched."""
    async with Kernel(project.root).run(environment=Environment(name="local")) as run:
        yield lambda config=None: read_sync_file(run, config)


@pytest.mark.anyio
async def test_the_missions_file_is_found_and_read(read, project) -> None:
    """As it stands, where it stands."""
    project.write("db/sync_config.yaml", MISSION)
    file: SyncFile = read()
    assert file.shown == "db/sync_config.yaml"
    assert {table: list(columns) for table, columns in file.rules.items()} == {
        "users": ["email", "phone", "ssn"],
        "payments": ["credit_card"],
    }
    rule = file.rules["payments"]["credit_card"]
    assert (rule.kind, rule.options["value"], rule.file, rule.line) == (
        "template", "**** **** **** {last4}", "db/sync_config.yaml", 8
    )  # fmt: skip


@pytest.mark.anyio
async def test_yaml_and_toml_say_the_same(read, project) -> None:
    """All keys of the file."""
    project.write("a.yaml", WHOLE_YAML)
    project.write("b.toml", WHOLE_TOML)
    one, other = read("a.yaml"), read("b.toml")
    for name in ("tables", "exclude", "key", "references", "subset", "coverage", "targets"):
        assert getattr(one, name) == getattr(other, name) != getattr(SyncFile(), name)
    assert one.references[0].source == "notes.about_id"
    assert one.subset.ids == {"users": (1, "a")}
    assert one.rules["users"]["email"].kind == other.rules["users"]["email"].kind == "hash"


@pytest.mark.anyio
async def test_no_file_is_no_rules_unless_it_was_named(read) -> None:
    """A name that is not there is a slip, and a run without its rules would be refused at best."""
    assert read() == SyncFile()
    with pytest.raises(ConfigError, match=r"there is no file 'rules\.yaml'"):
        read("rules.yaml")


@pytest.mark.anyio
async def test_a_named_file_is_looked_for_here_then_in_the_project(
    read, project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell's TAB completes from here; a script has it from the project."""
    project.write("rules/a.yaml", "tables: [project]")
    monkeypatch.chdir(tmp_path)
    assert read("rules/a.yaml").tables == ("project",)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("tables: [here]")
    assert read("rules/a.yaml").tables == ("here",)


@pytest.mark.anyio
async def test_two_default_files_are_one_too_many(read, project) -> None:
    """Rules that are in the other one would not hold."""
    project.write("db/sync_config.yaml", "")
    project.write("db/sync_config.toml", "")
    with pytest.raises(ConfigError, match=r"two files of rules: 'db/sync_config\.yaml' and 'db/sync_config\.toml'"):
        read()
    assert read("db/sync_config.toml").shown == "db/sync_config.toml"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("anonymise: {}", "unknown key 'anonymise'", "did you mean 'anonymize'? "),
        ("subset: {child: []}", "unknown key 'subset.child'", "did you mean 'children'? "),
        ("key: {files: x}", "unknown key 'key.files'", "did you mean 'file'? "),
        ("rules: {}", "unknown key 'rules'", "the keys are: anonymize, coverage, exclude, key, "),
        ("tables: users", "'tables': expected `array`, got `str`", "write a list"),
        ("subset: {max_rows: many}", "'subset.max_rows': expected `int | null`, got `str`", "write a whole number"),
        ("references: [{from: a.b}]", "", None),
        ("- a", "must be a table of keys and values", None),
        ("anonymize: [a]", "'anonymize' must have tables below it", None),
        ("tables: [a", "is not valid YAML: ", None),
    ],
)
async def test_a_slip_is_told_of_with_the_file(text: str, message: str, hint: str | None, read, project) -> None:
    """Before any connection is made."""
    project.write("db/sync_config.yaml", text)
    with pytest.raises(ConfigError) as caught:
        read()
    assert caught.value.file == "db/sync_config.yaml"
    assert message in caught.value.message
    assert (caught.value.hint or "").startswith(hint or "")


@pytest.mark.anyio
async def test_one_sample_is_for_every_table(read, project) -> None:
    """As `--sample 1%`."""
    project.write("db/sync_config.yaml", "subset: {sample: 1%}")
    assert read().subset.sample == {"": "1%"}
