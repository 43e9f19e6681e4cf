#!/bin/sh
# Runs every fuzz test of the module for a while, one after the other: Go fuzzes one at a time. Usage: fuzz.sh DURATION
set -eu
time=$1
files=$(git ls-files '*_test.go')
[ -n "$files" ]
out=$(mktemp)
trap 'rm -f "$out"' EXIT
found=0
# shellcheck disable=SC2086 # a list of files, none of which has a space in its name
targets=$(grep -H -o -E '^func Fuzz[A-Za-z0-9_]*' $files | sed 's/:func /:/')
for target in $targets; do
	package=./$(dirname "${target%%:*}") name=${target##*:}
	found=$((found + 1))
	echo "fuzz $package $name for $time"
	if go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 2s "$package" >"$out" 2>&1; then
		tail -n 1 "$out"
		continue
	fi
	# When the time is up while an input runs, Go says that its own deadline was exceeded and names no input. That is an end,
	# not a finding; a finding is written down as a file.
	if grep -q 'context deadline exceeded' "$out" && ! grep -q -e 'Failing input written' -e '^panic:' "$out"; then
		echo "ended by its deadline"
		continue
	fi
	cat "$out"
	exit 1
done
echo "fuzzed $found targets"
[ "$found" -gt 0 ]
