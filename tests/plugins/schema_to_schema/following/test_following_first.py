import pytest
from confiture_schema_to_schema.following import catch_up, reopened, take_epoch
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.model import FollowRequest
pytestmark = pytest.mark.anyio

async def test_first(following):
    report = await following.start()
    assert following.differing() == {}
    async with following.run(following.project, database=following.source) as run:
        sides = await find_sides(run, FollowRequest())
        opened = await reopened(run, sides)
        epoch = await take_epoch(run, opened.job)
        following.write("""
          UPDATE country SET label = 'X' WHERE code = 'b';
          UPDATE users SET id = 1000, login = 'moved' WHERE id = 5;
          UPDATE users SET gone = true WHERE id = 7;
          DELETE FROM users WHERE id = 9;
          UPDATE users SET login = 't' WHERE id = 10; UPDATE users SET login = 'u10' WHERE id = 11; UPDATE users SET login='u11' WHERE id = 10;
          UPDATE dogs SET name = 'rex' WHERE id = 3; DELETE FROM cats WHERE id = 3;
          UPDATE "Log ""T"".x" SET at = at + 60 WHERE at < 20;
          INSERT INTO orders VALUES (9999, 1000, 5);
        """)
        print(await catch_up(run, opened.job, opened.watch, epoch))
        assert following.differing() == {}
        following.write("TRUNCATE cats; TRUNCATE country; INSERT INTO country VALUES ('a', 'new')")
        print(await catch_up(run, opened.job, opened.watch, epoch))
        assert following.differing() == {}
