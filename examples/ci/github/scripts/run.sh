#!/usr/bin/env bash
# Executes one solform command, and passes its exit code to the next steps. It fails only if solform could not be
# started. finish.sh returns the exit code of solform, after the reviewers have been informed.
#
#     COMMAND      validate, review, plan or apply
#     ENVIRONMENT  the manifest's environment
#     MANIFEST     the manifest
#     MORE_ARGS    more options, quoted as for a shell
#     BASE         review: the revision to compare with
#     PLAN         apply: the saved plan; empty: the interrupted apply is finished
#     FOLDER       the folder for the documents
#     TOKEN_ENV    the name of the variable that must contain the platform's token
set -euo pipefail

COMMAND=${COMMAND:?}
MANIFEST=${MANIFEST:-solform.yaml}
BASE=${BASE:-}
PLAN=${PLAN:-}
FOLDER=${FOLDER:-solform-out}
TOKEN_ENV=${TOKEN_ENV:-}
# solform reads these two variables itself, so this script does not parse options.
export SOLFORM_ENVIRONMENT=${ENVIRONMENT:-}
export SOLFORM_CLI_ARGS=${MORE_ARGS:-}
[ -n "$SOLFORM_ENVIRONMENT" ] || unset SOLFORM_ENVIRONMENT

mkdir -p "$FOLDER"
plan=$FOLDER/solform.plan
markdown=$FOLDER/$COMMAND.md
annotations=$FOLDER/annotations.txt
rm -f "$plan" "$markdown" "$annotations" "$FOLDER/$COMMAND.json"

if [ -n "$TOKEN_ENV" ] && [ -z "${!TOKEN_ENV:-}" ]; then
    echo "::error title=solform::$TOKEN_ENV is empty: set the secret; pull requests from forks get no secrets"
    echo "exitcode=1" >>"$GITHUB_OUTPUT"
    exit 0
fi

# The runner must not execute commands in the output of solform: it contains names from the manifest and the server.
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
    # A blocked plan cannot be applied, so it is not passed on.
    if [ -f "$plan" ] && { [ "$code" = 0 ] || [ "$code" = 2 ]; }; then echo "plan=$plan"; fi
    if [ -f "$markdown" ]; then echo "markdown=$markdown"; fi
} >>"$GITHUB_OUTPUT"
