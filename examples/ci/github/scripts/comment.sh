#!/usr/bin/env bash
# Keeps one comment on a pull request: creates it once, then edits it in place. It is found by the first line of the
# plan, a hidden marker that names the environment. Texts are passed in files, never in arguments.
#
#     GH_TOKEN           the token of `gh`
#     GITHUB_REPOSITORY  owner/name
#     PULL_REQUEST       its number
#     ENVIRONMENT        the manifest's environment
#     MARKDOWN           the plan in Markdown; empty if there is none
#     EXITCODE           the exit code of the plan
#     COMMENT_AUTHOR     the author of the comments that are edited; default: github-actions[bot]
set -euo pipefail

repository=${GITHUB_REPOSITORY:?}
number=${PULL_REQUEST:?this is not a pull request}
author=${COMMENT_AUTHOR:-github-actions[bot]}
markdown=${MARKDOWN:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "$markdown" ]; then
    marker=$(head -n 1 "$markdown")
    if [[ $marker != '<!-- solform environment='*' -->' ]]; then
        echo "::error::$markdown does not begin with solform's marker"
        exit 1
    fi
else
    marker="<!-- solform environment=${ENVIRONMENT:?} "
fi

# Anybody can write the marker into a comment: only comments of our author are used.
gh api --paginate "repos/$repository/issues/$number/comments?per_page=100" >"$work/comments.json"
# shellcheck disable=SC2016 # the names with a dollar are jq's.
jq --arg author "$author" --arg marker "$marker" \
    '.[] | select(.user.login == $author and (.body | startswith($marker))) | {id, body}' \
    "$work/comments.json" | jq --slurp '.[0] // {}' >"$work/ours.json"
ours=$(jq -r '.id // empty' "$work/ours.json")

if [ -n "$markdown" ]; then
    cp "$markdown" "$work/body.md"
elif [ -n "$ours" ]; then
    # The comment shows an earlier plan, which must not look like the plan of this commit.
    jq -r '.body | split("\n")[0] | rtrimstr("\r")' "$work/ours.json" >"$work/body.md"
    printf '**The plan failed** (exit code %s): [see the workflow run](%s/%s/actions/runs/%s).\n' \
        "${EXITCODE:-1}" "${GITHUB_SERVER_URL:-https://github.com}" "$repository" \
        "${GITHUB_RUN_ID:-}" >>"$work/body.md"
else
    echo "There is no plan, and no comment about an earlier plan."
    exit 0
fi

jq --raw-input --slurp '{body: .}' "$work/body.md" >"$work/request.json"
if [ -n "$ours" ]; then
    gh api --silent --method PATCH "repos/$repository/issues/comments/$ours" --input "$work/request.json"
    echo "Edited the comment $ours."
else
    gh api --silent --method POST "repos/$repository/issues/$number/comments" --input "$work/request.json"
    echo "Created a comment."
fi
