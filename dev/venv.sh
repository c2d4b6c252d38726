#!/bin/sh
# Make (or bring up to date) the virtual environment for development.
#
#     sh dev/venv.sh [FOLDER]         default: .venv; PYTHON=... names the interpreter to use
#
# Needs Python 3.11 or later with venv. On Debian both are installed if this is root;
# otherwise the line that installs them is printed, and the exit code is 3.
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if usable "$python"; then
            echo "$python"
            return
        fi
    done
}

# need PACKAGES REASON: install Debian packages, or say how.
need() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "venv: apt-get install -y $1"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086  # a list
        apt-get update -qq && apt-get install -y -qq $1 >/dev/null
    else
        printf '%s\nInstall it with:\n\n    sudo apt-get install -y %s\n\n' "$2" "$1" >&2
        exit 3
    fi
}

python=$(find_python)
if [ -z "$python" ]; then
    need "python3 python3-venv" "Python 3.11 or later is missing (as python3, python3.11, ...)."
    python=$(find_python)
fi
if [ -z "$python" ]; then
    echo "This system's Python is older than 3.11. Name a newer one: make venv PYTHON=..." >&2
    exit 3
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    need "python3-venv" "$python cannot make virtual environments: its module venv is not complete."
fi

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 || ! usable "$venv/bin/python"; then
    "$python" -m venv --clear "$venv"
fi
echo "venv: installing the Python packages into $venv"
# One command, so that the http-parser of this project is what pymesos gets.
"$venv/bin/python" -m pip install -qq --disable-pip-version-check ./packages/http-parser -e '.[dev]'
touch "$venv/installed"
