#!/usr/bin/env bash
# Keeps one issue about an environment that is not as declared: opens it at the first drift, edits it while there is
# drift, and closes it when there is none. It is found by the label and the hidden first line of the plan.
#
#     GH_TOKEN           the token of `gh`
#     GITHUB_REPOSITORY  owner/name
#     ENVIRONMENT        the manifest's environment
#     MARKDOWN           the plan in Markdown
#     EXITCODE           the exit code of the plan: 0 no changes, 2 or 4 changes
#     ISSUE_AUTHOR       the author of the issues that are edited; default: github-actions[bot]
#     ISSUE_LABEL        default: solform-drift
set -euo pipefail

repository=${GITHUB_REPOSITORY:?}
environment=${ENVIRONMENT:?}
author=${ISSUE_AUTHOR:-github-actions[bot]}
label=${ISSUE_LABEL:-solform-drift}
markdown=${MARKDOWN:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$markdown" ]; then
    # Without a plan, nothing is known about drift.
    echo "There is no plan: the issue stays as it is."
    exit 0
fi
marker=$(head -n 1 "$markdown")
if [[ $marker != '<!-- solform environment='*' -->' ]]; then
    echo "::error::$markdown does not begin with solform's marker"
    exit 1
fi

gh api --paginate --method GET "repos/$repository/issues" \
    -f state=open -f "labels=$label" -f per_page=100 >"$work/issues.json"
# shellcheck disable=SC2016 # the names with a dollar are jq's.
ours=$(jq -r --arg author "$author" --arg marker "$marker" \
    '.[] | select(.user.login == $author and ((.body // "") | startswith($marker))) | .number' \
    "$work/issues.json" | head -n 1)

case ${EXITCODE:?} in
0)
    if [ -z "$ours" ]; then
        echo "The environment is as declared, and no issue is open."
        exit 0
    fi
    echo '{"state": "closed", "state_reason": "completed"}' >"$work/request.json"
    gh api --silent --method PATCH "repos/$repository/issues/$ours" --input "$work/request.json"
    echo "Closed the issue $ours."
    ;;
2 | 4)
    title="Drift: $environment is not as declared"
    # shellcheck disable=SC2016
    jq --raw-input --slurp --arg title "$title" --arg name "$label" \
        '{title: $title, body: ., labels: [$name]}' "$markdown" >"$work/new.json"
    if [ -n "$ours" ]; then
        jq '{body}' "$work/new.json" >"$work/request.json"
        gh api --silent --method PATCH "repos/$repository/issues/$ours" --input "$work/request.json"
        echo "Edited the issue $ours."
    else
        gh api --silent --method POST "repos/$repository/issues" --input "$work/new.json"
        echo "Opened an issue."
    fi
    ;;
*)
    echo "The plan ended with $EXITCODE: the issue stays as it is."
    ;;
esac
