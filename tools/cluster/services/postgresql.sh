#!/bin/sh
# PostgreSQL for development and tests, as process 1: makes its cluster and one database the first time.
set -eu
: "${PGDATA:?names the folder of the data}" "${POSTGRES_USER:?is the owner}" "${POSTGRES_PASSWORD:?is the password of POSTGRES_USER}"
bin=/usr/lib/postgresql/15/bin

# Made aside and moved into place whole, so that a Pod killed meanwhile leaves nothing half made.
if [ ! -d "$PGDATA" ]; then
    umask 077
    rm -rf "$PGDATA.new"
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    "$bin/initdb" --pgdata="$PGDATA.new" --username="$POSTGRES_USER" --pwfile=/tmp/password \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA.new/pg_hba.conf"
    echo "CREATE DATABASE \"${POSTGRES_DB:-$POSTGRES_USER}\"" | "$bin/postgres" --single -D "$PGDATA.new" template1
    mv "$PGDATA.new" "$PGDATA"
fi
exec "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql "$@"
