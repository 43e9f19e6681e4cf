// Command demo is what "make run" shows: it records a run of an agent in a
// throwaway repository and a throwaway trail, asks the questions about it, and
// leaves nothing behind. With a Claude Code client on the machine the run is
// live, driven by a scripted model on this machine; without one it is a replay
// of what such a client told its hooks. It says which.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/internal/testenv/model"
)

// limit is how long the live run may take.
const limit = 3 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:gocritic // the signals' handler ends with the process
	}
}

func run(ctx context.Context) error {
	bin := "bin"
	if len(os.Args) > 1 {
		bin = os.Args[1]
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return fmt.Errorf("couldn't find the programs: %w", err)
	}
	dir, err := os.MkdirTemp("", "whodid-demo-")
	if err != nil {
		return fmt.Errorf("couldn't make a throwaway place: %w", err)
	}
	defer os.RemoveAll(dir)
	w, err := testenv.NewWorkspace(ctx, dir)
	if err != nil {
		return err
	}
	s := &show{ctx: ctx, bin: bin, workspace: w, store: filepath.Join(dir, "trail.db")}
	if err := s.whodid("init"); err != nil {
		return err
	}
	live, err := s.record() //nolint:contextcheck // the show has the context
	if err != nil {
		return err
	}
	return s.ask(live)
}

// show runs commands and prints them like a terminal session.
type show struct {
	ctx       context.Context //nolint:containedctx // a show is one call of the program
	bin       string
	workspace *testenv.Workspace
	store     string
}

func (s *show) command(program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(s.ctx, program, args...)
	c.Dir = s.workspace.Repository
	c.Env = s.env()
	return c
}

// env is the throwaway environment, with the programs of this build in PATH.
func (s *show) env() []string {
	env := s.workspace.Env("WHODID_STORE=sqlite://"+filepath.ToSlash(s.store), "XDG_STATE_HOME="+filepath.Join(s.workspace.Home, "state"))
	for i, v := range env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			env[i] = "PATH=" + s.bin + string(os.PathListSeparator) + path
		}
	}
	if !isTerminal(os.Stdout) {
		env = append(env, "WHODID_FORCE_TTY=110", "NO_COLOR=1") // as a person would see it, in a log too
	}
	return env
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// whodid runs a whodid command as a person would type it and shows it.
func (s *show) whodid(args ...string) error {
	prompt("whodid " + strings.Join(args, " "))
	c := s.command(filepath.Join(s.bin, "whodid"), args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("whodid %s: %w", args[0], err)
	}
	return nil
}

// prompt shows a command as a person would have typed it.
func prompt(command string) {
	if isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" {
		fmt.Printf("\n\033[1m$ %s\033[0m\n", command)
		return
	}
	fmt.Printf("\n$ %s\n", command)
}

// whodidAll runs one command after the other.
func (s *show) whodidAll(commands ...[]string) error {
	for _, args := range commands {
		if err := s.whodid(args...); err != nil {
			return err
		}
	}
	return nil
}

// record records a run: live if there is a client, else from its capture.
func (s *show) record() (live bool, err error) {
	client, found := testenv.FindClaudeCode(s.ctx)
	if !found {
		fmt.Println("\nNo Claude Code client is on this machine: this is a REPLAY of what one told its hooks.")
		return false, s.replay()
	}
	fmt.Println("\nA LIVE run of the Claude Code client on this machine, driven by a scripted model (no account, no network):")
	return true, s.live(client)
}

func (s *show) live(client string) error {
	script, err := model.Scenario(s.workspace.Repository)
	if err != nil {
		return err
	}
	server, err := model.Start(script)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the process ends
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	agent := s.workspace.Command(ctx, client, server.URL, script)
	args := append([]string{"run", "--agent", "engineering/issue-solver", "--trigger", "event:issue.labeled", "--why", "issue 42 asks for OAuth2", "--"}, agent.Args...)
	prompt(`whodid run --agent engineering/issue-solver --trigger event:issue.labeled --why "issue 42 asks for OAuth2" -- claude -p …`)
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "whodid"), args...)
	c.Dir = agent.Dir
	c.Env = append(agent.Env, s.env()...)
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the client failed: %w\n%s", err, out)
	}
	fmt.Printf("(the agent printed %d lines of stream-json)\n", strings.Count(string(out), "\n"))
	return nil
}

// ask asks the questions about the run. Of a run that was live there is a
// commit to ask about too.
func (s *show) ask(live bool) error {
	id, err := s.executionID()
	if err != nil {
		return err
	}
	if err := s.whodidAll([]string{"history"}, []string{"exec", "show", id}); err != nil {
		return err
	}
	if live {
		if err := s.message(); err != nil {
			return err
		}
		if err := s.whodidAll([]string{"git", "check", "main..oauth2"}, []string{"why", "auth.go:1"}); err != nil {
			return err
		}
	}
	if err := s.whodidAll([]string{"witness", "git"}, []string{"verify"}); err != nil {
		return err
	}
	fmt.Print(`
Everything above lived in a throwaway place and is gone now. To record your own agent:

  bin/whodid init        # installs Claude Code's hooks for you; --remove takes them away again
  claude                 # work as always
  bin/whodid history     # who did what, when, why, and with what result
  bin/whodid why FILE:1  # which run wrote this line, and why
  bin/whodid verify      # is the trail what it was?

`)
	return nil
}

// message shows what the agent's commit says of itself.
func (s *show) message() error {
	prompt("git log -1 oauth2")
	text, err := s.workspace.Git(s.ctx, "log", "-1", "--format=%B", "oauth2")
	if err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}

// executionID asks for the run's id, as a script would.
func (s *show) executionID() (string, error) {
	out, err := s.command(filepath.Join(s.bin, "whodid"), "history", "--verbose", "--json").Output()
	if err != nil {
		return "", fmt.Errorf("whodid history: %w", err)
	}
	_, rest, ok := strings.Cut(string(out), `"execution_id": "`)
	id, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		return "", errors.New("nothing was recorded")
	}
	return id, nil
}
