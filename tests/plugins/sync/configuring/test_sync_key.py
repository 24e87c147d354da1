"""The key of the masks: where it is looked for, and that it is shown nowhere."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from confiture.config import Environment
from confiture.errors import ConfigError, UsageError
from confiture.kernel import Kernel
from confiture.masking import MaskingKey, Rule
from confiture.model import Note, Target
from confiture_sync.configuring import KeyPlace, SyncFile
from confiture_sync.finding_key import find_key
from confiture_sync.model import SyncRequest

KEY = "0123456789abcdef-the-key"
RULES = {"users": {"email": Rule(kind="hash")}}
REQUEST = SyncRequest(source="production", target="local")
TARGET = Target(label="local", params={"dbname": "shop"})


@pytest.fixture
async def key(project):
    """``key(place, request, rules)``; the notes that were emitted are ``key.notes``."""
    notes: list[str] = []

    def heard(event) -> None:
        if isinstance(event, Note):
            notes.append(event.message)

    async with Kernel(project.root, observers=[heard]).run(environment=Environment(name="local")) as run:

        def find(place: KeyPlace | None = None, request: SyncRequest = REQUEST, rules=RULES) -> MaskingKey:
            file = SyncFile(key=place or KeyPlace(), rules=rules)
            return find_key(run, request, file, TARGET, run.run_id)

        find.notes = notes  # type: ignore[attr-defined]
        yield find


@pytest.mark.anyio
async def test_every_place_gives_the_same_key(key, project, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that masks are equal wherever the key is kept. A place in the file comes before the environment."""
    project.write("keys/my.key", KEY + "\n")
    found = [key(KeyPlace(file="keys/my.key")), key(KeyPlace(command=f"echo {KEY}"))]
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", KEY)
    found.append(key())
    assert {each.fingerprint for each in found} == {MaskingKey(KEY.encode()).fingerprint}
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "another key, just as long")
    assert key(KeyPlace(file="keys/my.key")).fingerprint == found[0].fingerprint
    assert not (project.root / ".confiture" / "anonymization.key").exists()


@pytest.mark.anyio
async def test_a_keyring_is_asked(key, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By service and name."""
    (tmp_path / "keyring.py").write_text(f"def get_password(*place): return {{('shop', 'masks'): '{KEY}'}}[place]")
    monkeypatch.syspath_prepend(tmp_path)
    assert key(KeyPlace(keyring="shop/masks")).fingerprint == MaskingKey(KEY.encode()).fingerprint


@pytest.mark.anyio
async def test_a_key_of_the_projects_own_is_made_once(key, project) -> None:
    """For its owner only, and told of; the second run has the same masks."""
    first, second = key(), key()
    path = project.root / ".confiture" / "anonymization.key"
    assert first.fingerprint == second.fingerprint
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (note,) = key.notes
    assert ".confiture/anonymization.key" in note
    assert path.read_text().strip() not in note
    assert len(bytes.fromhex(path.read_text())) == 32


@pytest.mark.anyio
@pytest.mark.parametrize("links", [True, False])
async def test_a_key_that_another_run_makes_is_whole_as_soon_as_it_is_there(key, project, monkeypatch, links) -> None:
    """Two first runs at once have one key, and neither reads the half of it."""
    path = project.root / ".confiture" / "anonymization.key"
    other = "0f" * 32 + "\n"

    def quicker(half, made) -> None:
        assert len(Path(half).read_text()) == len(other)
        assert not path.exists()
        path.write_text(other)
        raise FileExistsError(17, "exists") if links else PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", quicker)
    assert key().fingerprint == MaskingKey(other.strip().encode()).fingerprint
    assert [each.name for each in sorted(path.parent.iterdir())] == [".gitignore", "anonymization.key"]


@pytest.mark.anyio
async def test_the_projects_own_key_stays_out_of_version_control(key, project) -> None:
    """The folder may not be there yet, and then nothing says that git is to leave it alone."""
    key()
    assert (project.root / ".confiture" / ".gitignore").read_text().strip() == "*"


@pytest.mark.anyio
async def test_where_nothing_is_masked_no_key_is_made(key, project) -> None:
    """A file that nobody needs would only be asked about."""
    assert key(rules={}).fingerprint != key(rules={}).fingerprint
    assert not (project.root / ".confiture").exists()
    key(rules={}, request=SyncRequest(source="production", target="local", anonymize=("users.email",)))
    assert (project.root / ".confiture" / "anonymization.key").exists()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("place", "message"),
    [
        (KeyPlace(file="nothing.key"), "cannot be read: No such file"),
        (KeyPlace(command="echo secret-words; echo more-secret >&2; exit 3"), "failed with exit code 3"),
        (KeyPlace(command="echo short-secret"), "has 12 bytes, which can be guessed"),
        (KeyPlace(keyring="nameless"), "has no name"),
        (KeyPlace(file="a", command="b"), "more than one place"),
    ],
)
async def test_a_place_without_a_key_is_an_error_without_any_of_it(place: KeyPlace, message: str, key) -> None:
    """Not even what a command printed."""
    with pytest.raises(ConfigError, match=message) as caught:
        key(place)
    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.detail}".replace("secret-words;", "")


@pytest.mark.anyio
async def test_a_folder_that_cannot_be_written_is_told_of(key, project) -> None:
    """With the way out."""
    (project.root / ".confiture").write_text("a file")
    with pytest.raises(ConfigError, match=r"none can be kept in '\.confiture/anonymization\.key'") as caught:
        key()
    assert "CONFITURE_ANONYMIZATION_KEY" in (caught.value.hint or "")


@pytest.mark.anyio
async def test_no_masks_need_the_targets_name(key) -> None:
    """The name, typed again; of a connection string the database's, for the string may have a password."""

    def ask(confirm: str | None, target: str = "local") -> MaskingKey:
        return key(request=SyncRequest(source="production", target=target, mask=False, confirm=confirm))

    for confirm in (None, "yes", "production"):
        with pytest.raises(UsageError, match="personal data would leave") as caught:
            ask(confirm)
        assert "--no-mask --confirm local" in (caught.value.hint or "")
    assert ask("local")
    url = "postgresql://me:pass@host/shop"
    with pytest.raises(UsageError) as caught:
        ask(url, url)
    assert "--confirm shop" in (caught.value.hint or "")
    assert "pass" not in (caught.value.hint or "")
    assert ask("shop", url)
