#!/bin/sh
# Runs every fuzz test of the module for a while. Each package is built once, and as many targets run at a time as there are processors: Go itself builds
# anew for each, and fuzzes one at a time. Usage: fuzz.sh DURATION
set -eu
time=$1
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
cache=$(go env GOCACHE)/fuzz

# shellcheck disable=SC2046 # a list of files, none of which has a space in its name
grep -H -o -E '^func Fuzz[A-Za-z0-9_]*' $(git ls-files '*_test.go') | sed 's/:func / /' | while read -r file name; do
	echo "./$(dirname "$file") $name"
done | sort >"$built/targets"
[ -s "$built/targets" ]

cut -d ' ' -f 1 "$built/targets" | uniq | while read -r package; do
	echo "build $package"
	go test -c -fuzz . -o "$built/$(echo "$package" | tr '/.' '__')" "$package"
done

cat >"$built/one.sh" <<'ONE'
#!/bin/sh
# one.sh DURATION BUILT CACHE PACKAGE TARGET
set -eu
out=$2/$(echo "$4" | tr '/.' '__').$5
program=$2/$(echo "$4" | tr '/.' '__')
if (cd "$4" && "$program" -test.run '^$' -test.fuzz "^$5\$" -test.fuzztime "$1" -test.fuzzminimizetime 2s -test.parallel 1 -test.fuzzcachedir "$3/$4") >"$out" 2>&1; then
	echo "$4 $5: $(grep '^fuzz: elapsed' "$out" | tail -n 1)"
	exit 0
fi
# When the time is up while an input runs, Go says that its own deadline was exceeded and names no input. That is an end, not a finding; a finding is
# written down as a file.
if grep -q 'context deadline exceeded' "$out" && ! grep -q -e 'Failing input written' -e '^panic:' "$out"; then
	echo "$4 $5: ended by its deadline"
	exit 0
fi
echo "$4 $5: FAILED"
cat "$out"
exit 1
ONE
chmod +x "$built/one.sh"

# xargs goes on after a failure, and says so in the end.
sed "s|^|$time $built $cache |" "$built/targets" | xargs -n 5 -P "$(getconf _NPROCESSORS_ONLN)" "$built/one.sh"
echo "fuzzed $(wc -l <"$built/targets") targets"
