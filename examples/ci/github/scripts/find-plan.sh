#!/usr/bin/env bash
# Finds the workflow run that planned the merged change: a run of the merged pull request, at its head commit. Writes
# its id as the output `run-id`, for actions/download-artifact.
#
# GitHub names the pull requests of a run only while they are open. A run without a pull request belongs to the merged
# one if no other pull request of the same branch was open when it started. Otherwise it is refused, because its plan
# may be for another branch, which may belong to another environment.
#
#     GH_TOKEN           the token of `gh`: `actions: read`, `pull-requests: read`
#     GITHUB_REPOSITORY  owner/name
#     GITHUB_SHA         the commit on the default branch
#     GITHUB_REF_NAME    the default branch
#     WORKFLOW           the file name of the workflow that plans
#     ARTIFACT           the name of the artefact that contains the plan
set -euo pipefail

repository=${GITHUB_REPOSITORY:?}
sha=${GITHUB_SHA:?}
branch=${GITHUB_REF_NAME:-}
workflow=${WORKFLOW:-solform-plan.yml}
artifact=${ARTIFACT:?}

give_up() {
    echo "::error title=solform::$1. Run this workflow by hand: it makes a new plan, and applies it after your approval."
    exit 1
}

# Prints all pages, as one JSON value after the other.
get() {
    local path=$1
    shift
    gh api --paginate --method GET "repos/$repository/$path" "$@" -f per_page=100
}

# shellcheck disable=SC2016 # the names with a dollar are jq's.
pulls=$(get "commits/$sha/pulls" | jq -cs --arg sha "$sha" --arg branch "$branch" '
    add // [] | map(select(.merged_at != null and .merge_commit_sha == $sha
        and ($branch == "" or .base.ref == null or .base.ref == $branch))) | unique_by(.number)')
case $(jq length <<<"$pulls") in
0) give_up "$sha was not merged from a pull request" ;;
1) pull=$(jq -c '.[0]' <<<"$pulls") ;;
*) give_up "$sha was merged from several pull requests, whose plans cannot be distinguished" ;;
esac
number=$(jq -r .number <<<"$pull")
head=$(jq -r .head.sha <<<"$pull")

# A fork could change the workflow and store any file as "the plan".
# shellcheck disable=SC2016
jq -e --arg repository "$repository" '.head | (has("repo") | not) or .repo.full_name == $repository' \
    <<<"$pull" >/dev/null || give_up "pull request $number comes from a fork, for which there is no plan"

# The runs of this pull request, or else those for which GitHub names no pull request.
# shellcheck disable=SC2016
runs=$(get "actions/workflows/$workflow/runs" -f "head_sha=$head" -f event=pull_request -f status=success |
    jq -cs --argjson pull "$pull" --arg repository "$repository" '
        map(.workflow_runs[])
        | map(select(.head_sha == $pull.head.sha and .event == "pull_request" and .conclusion == "success"
            and .head_repository.full_name == $repository
            and ($pull.head.ref == null or .head_branch == null or .head_branch == $pull.head.ref)
            and ($pull.created_at == null or .created_at == null or .created_at >= $pull.created_at)))
        | map(.numbers = [.pull_requests[]?.number])
        | map(select(.numbers == [] or any(.numbers[]; . == $pull.number)))
        | (map(select(.numbers != [])) | select(. != [])) // .')
newest=$(jq -c 'max_by(.run_number)' <<<"$runs")
run=$(jq -r '.id // empty' <<<"$newest")
[ -n "$run" ] || give_up "there is no successful plan of pull request $number at $head"

if jq -e '.numbers == []' <<<"$newest" >/dev/null; then
    ref=$(jq -r '.head.ref // empty' <<<"$pull")
    others=$(get pulls -f state=all -f "head=${repository%%/*}:$ref" | jq -cs 'add // []') || others='[]'
    # shellcheck disable=SC2016
    if jq -e --argjson pull "$pull" 'any(.[]; .number == $pull.number)' <<<"$others" >/dev/null; then
        # shellcheck disable=SC2016
        rival=$(jq -r --argjson pull "$pull" --argjson run "$newest" '
            map(select(.number != $pull.number and .closed_at != null and .head.ref == $pull.head.ref
                and .head.repo.full_name == $pull.head.repo.full_name))
            | map(select($run.created_at == null
                or (.created_at <= $run.created_at and $run.created_at <= .closed_at)))
            | .[0].number // empty' <<<"$others")
        [ -z "$rival" ] || give_up "run $run planned $head for pull request $number or $rival, which cannot be distinguished"
    # If the other pull requests cannot be listed, only a single run is certain enough.
    elif [ "$(jq length <<<"$runs")" != 1 ]; then
        give_up "several runs planned $head, and the runs of pull request $number cannot be distinguished from the others"
    fi
fi

# shellcheck disable=SC2016
found=$(get "actions/runs/$run/artifacts" -f "name=$artifact" |
    jq -s --arg name "$artifact" '[.[].artifacts[] | select(.name == $name and .expired == false)] | length')
[ "$found" != 0 ] || give_up "the plan of pull request $number was deleted or has expired"

echo "Pull request $number, planned at $head by run $run."
echo "run-id=$run" >>"$GITHUB_OUTPUT"
