# Make the virtual environment in $VENV with $PYTHON, or say what is missing.
set -eu

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Deskwatch needs Python 3.11 or newer; $PYTHON is $("$PYTHON" --version 2>&1). Set PYTHON=/path/to/python3." >&2
    exit 1
}
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || {
    # Debian splits these from its Python.
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing python3-venv ..."
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends python3-venv >/dev/null
    else
        echo "$PYTHON cannot make virtual environments; run: sudo apt-get install python3-venv" >&2
        exit 1
    fi
}
"$PYTHON" -m venv --clear "$VENV"
