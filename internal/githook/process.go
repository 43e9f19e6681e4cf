package githook

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is where a program stands among others.
type Process struct {
	// Ancestors are the programs from which it descends, its parent first;
	// empty where the system does not tell.
	Ancestors []Ancestor
	// Terminal tells that it has a terminal: somebody may sit there.
	Terminal bool
}

// Ancestor is a program that is still running.
type Ancestor struct {
	PID  string
	Args []string
}

// maxAncestors bounds the way up.
const maxAncestors = 64

// Self looks at this process. Linux and macOS tell of its ancestors.
func Self() Process {
	p := Process{Terminal: hasTerminal()}
	for pid := os.Getppid(); pid > 0 && len(p.Ancestors) < maxAncestors; {
		args, parent, ok := lookAt(pid)
		if !ok {
			break
		}
		p.Ancestors = append(p.Ancestors, Ancestor{strconv.Itoa(pid), args})
		pid = parent
	}
	return p
}

func hasTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	_ = tty.Close() // nothing was written
	return true
}

// gitCommands returns the arguments of git that led to this hook, the nearest
// first: "git rebase" may run "git commit". nil where they can't be seen.
func (p Process) gitCommands() [][]string {
	isGit := func(a Ancestor) bool {
		if len(a.Args) == 0 {
			return false
		}
		name := strings.TrimSuffix(filepath.Base(a.Args[0]), ".exe")
		return name == "git" || strings.HasPrefix(name, "git-")
	}
	first := slices.IndexFunc(p.Ancestors, isGit)
	if first < 0 {
		return nil
	}
	var found [][]string
	for _, a := range p.Ancestors[first:] {
		if !isGit(a) {
			break
		}
		found = append(found, a.Args)
	}
	return found
}

// amends reports whether git was told to replace the last commit. A rebase
// amends on its own account, by what stands in its folder.
func (p Process) amends() bool {
	commands := p.gitCommands()
	if len(commands) != 1 {
		return false
	}
	args := commands[0]
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for i, arg := range args {
		// Abbreviated as git allows. The value of -m may read alike.
		if len(arg) > len("--am") && strings.HasPrefix("--amend", arg) && (i == 0 || args[i-1] != "-m") {
			return true
		}
	}
	return false
}
