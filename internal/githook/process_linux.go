package githook

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lookAt returns the arguments and the parent of a process, as proc(5) tells.
func lookAt(pid int) (args []string, parent int, ok bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return nil, 0, false
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil, 0, false
	}
	// "12 (name) S 11 …": the name may hold anything, so its end is the last
	// parenthesis.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return nil, 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00"), parent, err == nil
}
