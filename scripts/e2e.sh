#!/bin/sh
# Runs the tests that need the real clients: those in files with the build tag e2e, and no others again.
set -eu
files=$(git ls-files '*_test.go')
# shellcheck disable=SC2086 # a list of files, none of which has a space in its name
tagged=$(grep -l -E '^//go:build .*\be2e\b' $files)
for dir in $(for file in $tagged; do dirname "$file"; done | sort -u); do
	names=$(for file in $tagged; do
		[ "$(dirname "$file")" != "$dir" ] || sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' "$file"
	done | grep -v '^TestMain$' | paste -s -d '|' -)
	[ -n "$names" ] || continue # helpers of tests that stand elsewhere
	echo "e2e ./$dir: $names"
	go test -count=1 -tags e2e -run "^($names)\$" "./$dir"
done
