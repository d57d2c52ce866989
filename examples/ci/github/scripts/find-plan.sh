#!/usr/bin/env bash
# Finds the run that planned what was just merged: that of the merged pull request's head commit. Writes
# its id as the output `run-id`, for actions/download-artifact.
#
#     GH_TOKEN           the token of `gh`: `actions: read`, `pull-requests: read`
#     GITHUB_REPOSITORY  owner/name
#     GITHUB_SHA         the commit on the default branch
#     WORKFLOW           the file name of the workflow that plans
#     ARTIFACT           the name of the artefact that holds the plan
set -euo pipefail

repository=${GITHUB_REPOSITORY:?}
sha=${GITHUB_SHA:?}
workflow=${WORKFLOW:-solform-plan.yml}
artifact=${ARTIFACT:?}

give_up() {
    echo "::error title=solform::$1. Run this workflow by hand: it plans anew, and applies once you have approved."
    exit 1
}

# shellcheck disable=SC2016 # the names with a dollar are jq's.
pull=$(gh api "repos/$repository/commits/$sha/pulls" |
    jq -c --arg sha "$sha" 'map(select(.merged_at != null and .merge_commit_sha == $sha)) | .[0] // empty')
[ -n "$pull" ] || give_up "$sha was not merged from a pull request"
number=$(jq -r .number <<<"$pull")
head=$(jq -r .head.sha <<<"$pull")

# A fork could run a workflow of its own making and leave whatever it likes as "the plan".
# shellcheck disable=SC2016
run=$(gh api --method GET "repos/$repository/actions/workflows/$workflow/runs" \
    -f "head_sha=$head" -f event=pull_request -f status=success -f per_page=100 |
    jq -r --arg head "$head" --arg repository "$repository" \
        '.workflow_runs | map(select(.head_sha == $head and .event == "pull_request"
            and .conclusion == "success" and .head_repository.full_name == $repository))
        | max_by(.run_number) | .id // empty')
[ -n "$run" ] || give_up "there is no successful plan of pull request $number at $head"

# shellcheck disable=SC2016
found=$(gh api --method GET "repos/$repository/actions/runs/$run/artifacts" -f "name=$artifact" |
    jq -r --arg name "$artifact" '[.artifacts[] | select(.name == $name and .expired == false)] | length')
[ "$found" != 0 ] || give_up "the plan of pull request $number is gone or has expired"

echo "Pull request $number, planned at $head by run $run."
echo "run-id=$run" >>"$GITHUB_OUTPUT"
