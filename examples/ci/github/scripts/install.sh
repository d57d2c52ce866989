#!/usr/bin/env bash
# Adds solform to the PATH of the next steps, if it is not there yet: from the archive of a release, or built with cargo.
#
#     VERSION     the version of a release, such as 0.2.0
#     SHA256      the digest of its archive for this platform; empty: the digest in the release
#     RELEASES    the address of the releases, such as https://github.com/OWNER/solform/releases/download
#     ARCHIVES    a folder that the action caches; an archive in it is not downloaded again
#     SOURCE      a folder or a git repository to build from, without VERSION, or if the release has no such archive
#     REVISION    the full commit id, for a git repository
#
# Without VERSION and SOURCE, solform must be on the PATH already. An archive with another digest is an error: nothing
# is built instead.
set -euo pipefail

VERSION=${VERSION:-}
SHA256=${SHA256:-}
RELEASES=${RELEASES:-}
ARCHIVES=${ARCHIVES:-}
SOURCE=${SOURCE:-}
REVISION=${REVISION:-}
root=$RUNNER_TEMP/solform

fail() {
    echo "::error::$*"
    exit 1
}

# The name that Rust gives to this platform.
target() {
    case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64) echo aarch64-unknown-linux-musl ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    *) echo unknown ;;
    esac
}

digest_of() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum --algorithm 256 "$1"; fi | cut -d' ' -f1
}

# --retry also repeats after 5xx; --fail makes 404 an error.
download() {
    curl --fail --silent --show-error --location --proto '=https,file' --proto-redir '=https' \
        --retry 3 --max-time 120 --output "$2.part" "$1" && mv "$2.part" "$2"
}

# Installs the archive of the release. Returns 1 if it cannot be had.
install_release() {
    local name archive url expected
    [[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "the version must have the form 0.2.0"
    [ -n "$RELEASES" ] || fail "a version needs the address of the releases"
    name=solform-$VERSION-$(target)
    archive=${ARCHIVES:-$root}/$name.tar.gz
    url=$RELEASES/v$VERSION/$name.tar.gz
    mkdir -p "$(dirname "$archive")" "$root/bin"
    if [ ! -f "$archive" ]; then
        download "$url" "$archive" || return 1
    fi
    expected=$SHA256
    if [ -z "$expected" ]; then
        download "$url.sha256" "$root/sha256" || return 1
        expected=$(cut -d' ' -f1 "$root/sha256")
    fi
    # Also after a download that is older: anybody who may write to the cache could have changed it.
    if [ "$(digest_of "$archive")" != "$expected" ]; then
        rm -f "$archive"
        fail "the archive $name.tar.gz does not have the SHA-256 $expected"
    fi
    tar -xzf "$archive" -C "$root/bin" --strip-components 1 "$name/solform"
}

if [ -n "$VERSION" ] && install_release; then
    :
elif [ -z "$SOURCE" ]; then
    [ -z "$VERSION" ] || fail "the release $VERSION cannot be downloaded for this platform; name a source to build it from"
    command -v solform >/dev/null || fail "solform is not on the PATH; name a version, or a source to build it from"
    solform --version
    exit 0
elif [ -d "$SOURCE" ]; then
    cargo install --quiet --locked --root "$root" --path "$SOURCE"
else
    # A branch or a tag can be moved; a commit id cannot.
    [[ $REVISION =~ ^[0-9a-f]{40}$ ]] || fail "the revision of a git source must be a full commit id"
    cargo install --quiet --locked --root "$root" --git "$SOURCE" --rev "$REVISION" solform
fi
echo "$root/bin" >>"$GITHUB_PATH"
"$root/bin/solform" --version
