#!/bin/bash
# Creates the system tables on the first start, then becomes the server. The server's settings are its arguments.
set -euo pipefail
data=/var/lib/mysql
if [ ! -d $data/mysql ]; then
  # `mysql` arrives last: a start that was killed half way is made again and never taken for a database
  find $data -mindepth 1 -delete
  mariadb-install-db --no-defaults --datadir=$data/.new --auth-root-authentication-method=normal --skip-test-db >&2
  find $data/.new -mindepth 1 -maxdepth 1 ! -name mysql -exec mv -t $data {} +
  mv $data/.new/mysql $data/
  rmdir $data/.new
fi
exec mariadbd --no-defaults --datadir=$data "$@"
