#!/bin/sh
# Runs every fuzz test of the module for a while, one after the other: Go fuzzes one at a time. Usage: fuzz.sh DURATION
set -eu
time=$1
files=$(git ls-files '*_test.go')
[ -n "$files" ]
found=0
# shellcheck disable=SC2086 # a list of files, none of which has a space in its name
targets=$(grep -H -o -E '^func Fuzz[A-Za-z0-9_]*' $files | sed 's/:func /:/')
for target in $targets; do
	package=./$(dirname "${target%%:*}") name=${target##*:}
	found=$((found + 1))
	echo "fuzz $package $name for $time"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 2s "$package"
done
echo "fuzzed $found targets"
[ "$found" -gt 0 ]
