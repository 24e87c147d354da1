"""What ``confiture init`` writes: a small project that builds as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

__all__ = ["STATE_IGNORED", "project_files"]

#: The line for ``.gitignore``: servers' data and caches.
STATE_IGNORED = ".confiture/"

_CONFIG = """\
# The project's configuration. Every table and key may be left out; `confiture plugins` shows what there is.
{project}
# source = "files"            # what loads the schema: the .sql files below db/schema/

# [plugins]
# disable = ["name"]          # plugins that are not even imported
"""

_LOCAL = """\
# `confiture build` (or `--env local`) builds here. Without a database_url, confiture runs a PostgreSQL of its own,
# with its data in .confiture/.
{name}
"""

_TEST = """\
# `confiture build --env test` builds here: the same server, another database.
{name}
"""

_PRODUCTION = """\
# Rename this file to production.toml when there is a server to put into it.
{name}
# Passwords do not belong in a file: ${{NAME}} takes an environment variable, and .pgpass works as with psql.
{database_url}
# Nothing that destroys data is ever done to a protected environment.
{protected}
"""

_USERS = """\
create table users (
    id bigint generated always as identity primary key,
    email email_address not null unique,
    name text not null check (name <> ''),
    created_at timestamptz not null default now()
);

comment on table users is 'People who write posts and comments';
"""

_POSTS = """\
create table posts (
    id bigint generated always as identity primary key,
    author_id bigint not null references users (id),
    title text not null check (title <> ''),
    body text not null default '',
    status post_status not null default 'draft',
    published_at timestamptz,
    created_at timestamptz not null default now(),
    check (status <> 'published' or published_at is not null)
);

create index posts_author_id on posts (author_id);
"""

_COMMENTS = """\
create table comments (
    id bigint generated always as identity primary key,
    post_id bigint not null references posts (id) on delete cascade,
    author_id bigint not null references users (id),
    body text not null check (body <> ''),
    created_at timestamptz not null default now()
);

create index comments_post_id on comments (post_id);
create index comments_author_id on comments (author_id);
"""

_VIEW = """\
create view published_posts as
select
    posts.id,
    posts.title,
    posts.published_at,
    users.name as author,
    count(comments.id) as comments
from posts
join users on users.id = posts.author_id
left join comments on comments.post_id = posts.id
where posts.status = 'published'
group by posts.id, users.name;
"""

_FUNCTION = """\
create function publish_post(post bigint) returns void
language sql
begin atomic
    update posts set status = 'published', published_at = now()
    where posts.id = publish_post.post and posts.status = 'draft';
end;
"""

_SEEDS = """\
insert into users (email, name) values
    ('ada@example.org', 'Ada'),
    ('grace@example.org', 'Grace');

insert into posts (author_id, title, body, status, published_at)
select id, 'Hello', 'The first post.', 'published', now() from users where email = 'ada@example.org';

insert into comments (post_id, author_id, body)
select posts.id, users.id, 'Welcome!' from posts, users where users.email = 'grace@example.org';
"""


def project_files(name: str) -> Mapping[str, str]:
    """Path below the project's folder to text. The files sort in an order that builds."""
    return {
        "confiture.toml": _CONFIG.format(project=_toml({"project": {"name": name}})),
        "db/environments/local.toml": _LOCAL.format(name=_toml({"name": "local"})),
        "db/environments/test.toml": _TEST.format(name=_toml({"name": "test"})),
        "db/environments/production.toml.example": _PRODUCTION.format(
            name=_toml({"name": "production"}),
            database_url=_toml({"database_url": f"postgresql://app@db.example.org/{quote(name, safe='')}"}),
            protected=_toml({"protected": True}),
        ),
        "db/schema/00_common/types.sql": (
            "create type post_status as enum ('draft', 'published', 'withdrawn');\n\n"
            "create domain email_address as text check (value like '%_@_%');\n"
        ),
        "db/schema/10_tables/10_users.sql": _USERS,
        "db/schema/10_tables/20_posts.sql": _POSTS,
        "db/schema/10_tables/30_comments.sql": _COMMENTS,
        "db/schema/20_views/published_posts.sql": _VIEW,
        "db/schema/30_functions/publish_post.sql": _FUNCTION,
        "db/seeds/10_example.sql": _SEEDS,
    }


def _toml(values: Mapping[str, object]) -> str:
    import tomli_w

    return tomli_w.dumps(values).rstrip("\n")
