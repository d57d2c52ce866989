#!/usr/bin/env bash
# Adds solform to the PATH of the next steps, if it is not there yet.
#
#     SOURCE      a folder or a git repository to build from; empty: solform must be on the PATH already
#     REVISION    the full commit id, for a git repository
set -euo pipefail

SOURCE=${SOURCE:-}
REVISION=${REVISION:-}

if [ -z "$SOURCE" ]; then
    if ! command -v solform >/dev/null; then
        echo "::error::solform is not on the PATH; name a source to build it from"
        exit 1
    fi
    solform --version
    exit 0
fi

root=$RUNNER_TEMP/solform
if [ -d "$SOURCE" ]; then
    cargo install --quiet --locked --root "$root" --path "$SOURCE"
else
    # A branch or a tag can be moved; a commit id cannot.
    if ! [[ $REVISION =~ ^[0-9a-f]{40}$ ]]; then
        echo "::error::the revision of a git source must be a full commit id"
        exit 1
    fi
    cargo install --quiet --locked --root "$root" --git "$SOURCE" --rev "$REVISION" solform
fi
echo "$root/bin" >>"$GITHUB_PATH"
"$root/bin/solform" --version
