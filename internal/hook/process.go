package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Main is the whole of the program whodid-hook.
func Main() int {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	call := Call{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv, Dir: dir, Now: time.Now, Sync: StartSync,
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
	call.Gate = func(r *Request) (Answer, error) { return execGate(call.Store, r) }
	return call.Run()
}

// gateLimit is how long the gate may take beyond what it waits for a person.
const gateLimit = 20 * time.Second

// execGate lets the program beside this one, which knows the trail, decide.
func execGate(store string, r *Request) (Answer, error) {
	program, err := beside()
	if err != nil {
		return Answer{}, err
	}
	in, err := json.Marshal(r)
	if err != nil {
		return Answer{}, fmt.Errorf("couldn't ask the gate: %w", err)
	}
	args := []string{"hook", "gate"}
	if store != "" {
		args = append(args, "--store", store)
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.Wait+gateLimit)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	var complaint bytes.Buffer
	c.Stdin, c.Stderr = bytes.NewReader(in), &complaint
	out, err := c.Output()
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	var a Answer
	if err := json.Unmarshal(out, &a); err != nil {
		return Answer{}, fmt.Errorf("couldn't understand the gate: %w", err)
	}
	return a, nil
}

// beside is the program that does everything, which lies beside this one.
func beside() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("couldn't find the program: %w", err)
	}
	program := filepath.Join(filepath.Dir(self), "whodid")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	return program, nil
}

// StartSync starts "whodid sync" on the store that --store named, or the usual
// one if it is empty, and does not wait for it: the session is over
// and its agent must not be kept. The program is looked for beside this one. If
// it can't be started, the next command takes the spool in.
func StartSync(store string) {
	program, err := beside()
	if err != nil {
		return
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
