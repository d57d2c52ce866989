#!/usr/bin/env bash
# Runs one solform command and tells the steps that follow how it ended. It fails only where solform could
# not be asked; what solform ended with is passed on by finish.sh, after the reviewers have been told.
#
#     COMMAND      validate, review, plan or apply
#     ENVIRONMENT  the manifest's environment
#     MANIFEST     the manifest
#     MORE_ARGS    more options, quoted as for a shell
#     BASE         review: the revision to compare with
#     PLAN         apply: the saved plan; empty: the interrupted run is finished
#     FOLDER       where the documents go
#     TOKEN_ENV    the name of the variable that must hold the platform's token
set -euo pipefail

COMMAND=${COMMAND:?}
MANIFEST=${MANIFEST:-solform.yaml}
BASE=${BASE:-}
PLAN=${PLAN:-}
FOLDER=${FOLDER:-solform-out}
TOKEN_ENV=${TOKEN_ENV:-}
# solform itself reads these two: nothing here takes options apart.
export SOLFORM_ENVIRONMENT=${ENVIRONMENT:-}
export SOLFORM_CLI_ARGS=${MORE_ARGS:-}
[ -n "$SOLFORM_ENVIRONMENT" ] || unset SOLFORM_ENVIRONMENT

mkdir -p "$FOLDER"
plan=$FOLDER/solform.plan
markdown=$FOLDER/$COMMAND.md
annotations=$FOLDER/annotations.txt
rm -f "$plan" "$markdown" "$annotations" "$FOLDER/$COMMAND.json"

if [ -n "$TOKEN_ENV" ] && [ -z "${!TOKEN_ENV:-}" ]; then
    echo "::error title=solform::$TOKEN_ENV is empty: set the secret; pull requests from forks are given none"
    echo "exitcode=1" >>"$GITHUB_OUTPUT"
    exit 0
fi

# What solform prints is not for the runner to obey, whatever names the manifest and the server hold.
guard=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "::stop-commands::$guard"
code=0
case $COMMAND in
validate)
    solform validate --file "$MANIFEST" || code=$?
    ;;
review)
    solform review --file "$MANIFEST" --base "$BASE" --format text \
        --output markdown="$markdown" --detailed-exitcode || code=$?
    ;;
plan)
    solform plan --file "$MANIFEST" --out "$plan" --output markdown="$markdown" \
        --output json="$FOLDER/plan.json" --output github="$annotations" \
        --detailed-exitcode --no-input || code=$?
    ;;
apply)
    if [ -n "$PLAN" ]; then
        set -- "$PLAN"
    else
        set -- --resume
    fi
    solform apply --file "$MANIFEST" --output markdown="$markdown" --output json="$FOLDER/apply.json" \
        --output github="$annotations" --lock-timeout 10m --detailed-exitcode --no-input "$@" || code=$?
    ;;
*)
    echo "::$guard::"
    echo "::error::the command must be validate, review, plan or apply"
    exit 1
    ;;
esac
echo "::$guard::"

if [ -f "$annotations" ]; then
    cat "$annotations"
fi
# The other commands write the step summary themselves, with the format `github`.
if [ "$COMMAND" = review ] && [ -f "$markdown" ]; then
    cat "$markdown" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
fi

{
    echo "exitcode=$code"
    if [ "$code" = 2 ]; then echo "has-changes=true"; else echo "has-changes=false"; fi
    # A plan that a limit or a protection blocks cannot be applied, so it is not passed on.
    if [ -f "$plan" ] && { [ "$code" = 0 ] || [ "$code" = 2 ]; }; then echo "plan=$plan"; fi
    if [ -f "$markdown" ]; then echo "markdown=$markdown"; fi
} >>"$GITHUB_OUTPUT"
