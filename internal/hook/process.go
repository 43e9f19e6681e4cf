package hook

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Main is the whole of the program whodid-hook.
func Main() int {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	call := Call{
		Stdin: os.Stdin, Stderr: os.Stderr, Env: os.Getenv, Dir: dir, Now: time.Now, Sync: StartSync,
	}
	for i := 1; i < len(os.Args); i++ {
		switch os.Args[i] {
		case "--required":
			call.Required = true
		case "--store":
			if i+1 < len(os.Args) {
				i++
				call.Store = os.Args[i]
			}
		case "--agent":
			if i+1 < len(os.Args) {
				i++
				call.Agent = os.Args[i]
			}
		}
	}
	return call.Run()
}

// StartSync starts "whodid sync" on the store that --store named, or the usual
// one if it is empty, and does not wait for it: the session is over
// and its agent must not be kept. The program is looked for beside this one. If
// it can't be started, the next command takes the spool in.
func StartSync(store string) {
	self, err := os.Executable()
	if err != nil {
		return
	}
	program := filepath.Join(filepath.Dir(self), "whodid")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	args := []string{"sync", "--quiet"}
	if store != "" {
		args = append(args, "--store", store)
	}
	c := exec.CommandContext(context.Background(), program, args...) // nothing ends it
	detach(c)
	if c.Start() == nil {
		_ = c.Process.Release()
	}
}
