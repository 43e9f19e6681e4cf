#!/bin/sh
# A stand-in for GitHub's command line: it prints what gh 2 prints when standard output is no terminal, and contacts nobody.
# The next number is kept beside it, under a directory that serves as a lock, since agents run commands at the same time.
set -u
here=$(dirname "$0")
repository=acme/shop

next() {
	tries=0
	until mkdir "$here/lock" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ]; then
			echo "gh: couldn't lock the counter" >&2
			exit 1
		fi
		sleep 0.1
	done
	number=$(cat "$here/number" 2>/dev/null || echo 43)
	echo $((number + 1)) >"$here/number"
	rmdir "$here/lock"
}

# has FLAG SHORT ARGUMENTS...: is the flag among the arguments?
has() {
	long=$1 short=$2
	shift 2
	for argument; do
		case $argument in
		"$long" | "$long"=* | "$short") return 0 ;;
		esac
	done
	return 1
}

case "${1:-} ${2:-}" in
"issue create")
	if ! has --title -t "$@" || ! has --body -b "$@"; then
		echo "must provide \`--title\` and \`--body\` when not running interactively" >&2
		exit 1
	fi
	next
	echo "https://github.com/$repository/issues/$number"
	;;
"pr create")
	if ! has --fill -f "$@" && { ! has --title -t "$@" || ! has --body -b "$@"; }; then
		echo "must provide \`--title\` and \`--body\` (or \`--fill\` or \`fill-first\` or \`--fillverbose\`) when not running interactively" >&2
		exit 1
	fi
	next
	echo "https://github.com/$repository/pull/$number"
	;;
"pr merge")
	# The real one says nothing on success when nobody sits at a terminal.
	;;
"--version "*)
	echo "gh version 2.0.0 (stand-in)"
	;;
*)
	echo "unknown command \"${1:-}\" for \"gh\"" >&2
	exit 1
	;;
esac
