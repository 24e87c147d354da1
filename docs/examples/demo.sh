#!/bin/sh
# What `make demo` runs: the example project from nothing to a database with data in it, and a migration down and up.
# Needs `confiture` on the path and nothing else; KEEP=1 leaves the server running.
set -eu

cd "$(dirname "$0")/jam-shop"

# The demo shows this project on its own server, whatever the shell was set up for.
unset CONFITURE_ENV CONFITURE_DISABLED_PLUGINS PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS
PAGER=cat PSQLRC=/dev/null
export PAGER PSQLRC

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
    bold='' plain=''
fi

running=no
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ "$running" = yes ]; then
        if [ "$status" -eq 0 ] && [ -n "${KEEP:-}" ]; then
            say 'The server stays, as you asked. To stop it: cd docs/examples/jam-shop && confiture server stop'
        else
            say 'Stop the server again. Its data stays, and it starts by itself when it is needed.'
            show confiture server stop || status=1
        fi
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    printf '\n%s\n' "$*"
}

# Shows the command as one would type it, then runs it.
show() {
    printf '%s$' "$bold"
    for word; do
        case $word in
            '' | *[!A-Za-z0-9_./=:@%+,-]*) printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '%s\n' "$plain"
    "$@"
}

say 'The schema is a folder of SQL files. This is all that the project is:'
show ls db/schema db/environments db/seeds

say 'Build it. No server is configured, so confiture starts a PostgreSQL of its own below .confiture/.'
running=yes
# --recreate, so that the demo can be run twice.
show confiture build --env local --recreate --yes

say 'Where is it?'
show confiture env

say 'What is in it?'
show confiture server psql -- -c '\dt (catalog|kitchen|sales|audit).*'

say 'The seed rows are there as well. Two of its views: what is left of each jam, and how do people like it?'
show confiture server psql -- -c '
select sku, cooked, promised, available, stars, reviews
from kitchen.stock_levels left join catalog.product_ratings using (product_id)
order by promised desc, sku limit 5'

say 'Build it once more. The files did not change, so this is a clone of the first.'
show confiture build --env local --recreate --yes

say 'Databases with data are taken along by migrations. What was built has those that are there already:'
show confiture migrate status

say 'Take the newest one back, and apply it again.'
show confiture migrate down
show confiture migrate up
