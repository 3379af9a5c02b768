# Install the Debian packages that the tests talk to. Without apt and root the tests that need them skip, and say so.
set -eu
cd "$(dirname "$0")"

missing=""
for package in $(cat debian.txt); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing for the tests:$missing ..."
    # Servers are started by the tests themselves, on ports of their own: keep Debian from starting its own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed, their tests will skip:$missing" >&2
fi
