#!/bin/sh
# Write both lock files: one set of versions for every platform and Python, each file of a release by its hash, and no
# address to fetch it from. `--upgrade` takes the newest releases; without it, versions stay where they are.
set -eu

compile() {
    UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --annotation-style line "$@" pyproject.toml
}

compile --group dev --extra rehearse --output-file requirements-dev.txt "$@"
compile --constraints requirements-dev.txt --output-file requirements.txt

if grep -n '://' requirements.txt requirements-dev.txt; then
    echo "a lock file names an address" >&2
    exit 1
fi
