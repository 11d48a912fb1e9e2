#!/bin/sh
# Prints the path of a Python 3.13, or says how to get one. PYTHON=/path/to/python3.13 overrides the search.
set -u

is_right() { [ -x "$1" ] && "$1" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }

try() {
    if is_right "$1"; then echo "$1"; exit 0; fi
}

if [ -n "${PYTHON:-}" ]; then
    try "$(command -v "$PYTHON" 2>/dev/null)"
    echo "PYTHON=$PYTHON is not a Python 3.13 with venv." >&2
    exit 1
fi
for name in python3.13 python3 python; do
    found=$(command -v "$name" 2>/dev/null) && try "$found"
done
# A version manager's shim answers only for the chosen version; its real interpreters lie beside the shims.
old_ifs=$IFS
IFS=:
for folder in $PATH; do
    case $folder in
        */shims) for found in "${folder%/shims}"/versions/3.13*/bin/python3.13; do try "$found"; done ;;
    esac
done
IFS=$old_ifs
for found in "${HOME:-}"/.pyenv/versions/3.13*/bin/python3.13 /usr/local/bin/python3.13 /opt/python*/bin/python3.13; do
    try "$found"
done
echo "Coldwatch needs Python 3.13 with venv, and found none. Install it (for instance: apt install python3.13-venv," >&2
echo "or pyenv install 3.13) or name it: make PYTHON=/path/to/python3.13 ..." >&2
exit 1
