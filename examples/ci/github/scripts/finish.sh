#!/usr/bin/env bash
# Ends with the exit code of solform, and prints what to do.
#
#     COMMAND          the command that was executed
#     EXITCODE         its exit code
#     FAIL_ON_CHANGES  `true` if a plan with changes is a failure
set -euo pipefail

COMMAND=${COMMAND:?}
EXITCODE=${EXITCODE:?}

# Exit code 2 is success, with changes.
if [ "$EXITCODE" = 2 ] && ! [ "$COMMAND:${FAIL_ON_CHANGES:-}" = plan:true ]; then
    exit 0
fi
case $EXITCODE in
0) ;;
2) echo "::error title=solform::the environment is not as declared" ;;
3) echo "::error title=solform::stale: the manifest or the environment has changed since the plan was made. Refused changes were not executed. Make a new plan." ;;
4) echo "::error title=solform::blocked by a limit, a protection, a package or an owner: correct the cause, or allow the exact number" ;;
5) echo "::error title=solform::some changes failed, were skipped, or did not converge: see the table of outcomes. The next plan contains the rest." ;;
6) echo "::error title=solform::jobs are still in progress. Run this job again: it first waits for them." ;;
8) echo "::error title=solform::cancelled. Run this job again, or finish the interrupted apply." ;;
9) echo "::error title=solform::another process holds the lock; the output names it. Run this job again later." ;;
*) echo "::error title=solform::$COMMAND failed: see its output" ;;
esac
exit "$EXITCODE"
