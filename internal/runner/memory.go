package runner

import (
	"os"
	"strconv"
	"strings"
)

// outOfMemoryKills is how many processes the system has killed for lack of
// memory since it started, as Linux counts them in /proc/vmstat; 0 where
// nobody counts. Who sent a SIGKILL can't be known, but if the count rose while
// a program ran that was killed, want of memory is the likely reason.
func outOfMemoryKills() int {
	b, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// Ancestors returns the names of the programs that this process descends from,
// the nearest first, as far as /proc tells.
func Ancestors() []string {
	const deepest = 32
	var names []string
	for pid := os.Getppid(); pid > 1 && len(names) < deepest; {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			break
		}
		name, parent, ok := parseStat(string(stat))
		if !ok {
			break
		}
		names = append(names, name)
		pid = parent
	}
	return names
}

// parseStat reads name and parent from /proc/PID/stat: "12 (name) S 11 …". The
// name may hold anything, parentheses included, so its end is the last one.
func parseStat(stat string) (name string, parent int, ok bool) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return stat[open+1 : end], parent, err == nil
}
