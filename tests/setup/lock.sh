# Renew both lock files: hashes of every file, no index, no host.
set -eu

compile="$BIN/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header"
$compile --upgrade --extra build pyproject.toml -o requirements.lock
$compile --upgrade --extra test -c requirements.lock pyproject.toml -o tests/setup/requirements.lock
