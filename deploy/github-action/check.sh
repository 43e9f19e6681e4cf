#!/usr/bin/env bash
# Checks the commits of a workflow's event. action.yml says what the variables
# are.
set -euo pipefail

head=$PUSH_AFTER base=${PUSH_BEFORE:-}
if [ -n "${PR_HEAD:-}" ]; then
	head=$PR_HEAD base=$PR_BASE
fi
# The first push of a branch has no commit before it.
if [ -z "${base//0/}" ]; then
	base=
fi

# A shallow clone does not have the commits that are to be checked.
if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
	git fetch --quiet --unshallow --no-tags origin
fi
for commit in "$head" ${base:+"$base"}; do
	if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
		git fetch --quiet --no-tags origin "$commit"
	fi
done

range=()
if [ -n "${RANGE:-}" ]; then
	read -r -a range <<<"$RANGE"
elif [ -n "$base" ]; then
	range=("$base..$head")
else
	range=("$head")
fi

args=(--base "$BASE_BRANCH")
from=${POLICY_FROM:-$base}
if [ -n "$from" ]; then
	args+=(--policy-from "$from")
fi
if [ -n "${WHODID_STORE:-}" ]; then
	args+=(--require-trail)
else
	args+=(--no-trail)
fi

if [ -n "${SARIF:-}" ]; then
	# Its exit status is told by the annotations below.
	whodid git check "${range[@]}" "${args[@]}" --no-record --format sarif >"$SARIF" || [ $? -eq 5 ]
fi
status=0
whodid git check "${range[@]}" "${args[@]}" --format github || status=$?
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
	{
		echo '```'
		whodid git check "${range[@]}" "${args[@]}" --no-record || true
		echo '```'
	} >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
