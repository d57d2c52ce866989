#!/usr/bin/env bash
# Ends as solform did, and says what to do about it.
#
#     COMMAND          what was run
#     EXITCODE         what it ended with
#     FAIL_ON_CHANGES  `true` where a plan with changes is a failure
set -euo pipefail

COMMAND=${COMMAND:?}
EXITCODE=${EXITCODE:?}

# Success with changes is success.
if [ "$EXITCODE" = 2 ] && ! [ "$COMMAND:${FAIL_ON_CHANGES:-}" = plan:true ]; then
    exit 0
fi
case $EXITCODE in
0) ;;
2) echo "::error title=solform::the environment is not as declared" ;;
3) echo "::error title=solform::stale: the manifest or the environment has moved since the plan was made. What was refused was not touched. Plan anew." ;;
4) echo "::error title=solform::blocked by a limit or a protection: change the manifest, or allow the exact number" ;;
5) echo "::error title=solform::some changes failed, were skipped, or did not converge: see the table of outcomes. What is done is done; the next plan holds the rest." ;;
6) echo "::error title=solform::jobs are still at work. Run this job again: it follows them before it does anything else." ;;
8) echo "::error title=solform::cancelled. Run this job again, or finish the interrupted run." ;;
9) echo "::error title=solform::somebody else holds the lock: see who and since when. Run this job again later." ;;
*) echo "::error title=solform::$COMMAND failed: see its output" ;;
esac
exit "$EXITCODE"
