#!/usr/bin/env bash
# install-packages.sh PACKAGE...: Debian packages that are missing, and nothing else of this machine is changed by it:
# no package is removed for them, and no server that comes along is started, now or at the next boot.
set -euo pipefail
missing=()
for name in "$@"; do
  dpkg-query -Wf '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${missing[*]}" >&2
units() { { ls /lib/systemd/system/*.service 2>/dev/null || true; } | sort; }
policy=${POLICY:-/usr/sbin/policy-rc.d}
if [ ! -e $policy ]; then # Debian's way to say: do not start what you install
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
fi
before=$(units)
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-remove --no-install-recommends "${missing[@]}" >/dev/null
if command -v systemctl >/dev/null; then
  for unit in $(comm -13 <(echo "$before") <(units)); do
    systemctl disable --quiet "$(basename "$unit")" 2>/dev/null || true
  done
fi
