# Install the Debian packages that a list names, one a line: what the tests or the benchmarks talk to. Without apt and
# root, what needs them is skipped, and says so.
# Usage: sh debian.sh LIST
set -eu

missing=""
for package in $(cat "$1"); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing what $1 lists:$missing ..."
    # Servers are started by those who talk to them, on ports of their own: keep Debian from starting its own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed, what needs them is skipped:$missing" >&2
fi
