package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/whodid/whodid/internal/store"
)

// terminal opens a pseudo-terminal: what a person would sit at, and the side
// that a program gets.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	if err := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// screen is what the terminal shows.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) read(f *os.File) {
	b := make([]byte, 4096)
	for {
		n, err := f.Read(b)
		s.mu.Lock()
		s.text.Write(b[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) waitFor(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.String(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q is not on the screen:\n%s", want, s)
		}
	}
}

// TestRunAtATerminal runs an interactive agent as a person does: it has the
// terminal for itself, reads from it, gets ^C once, and its end is recorded,
// even if the terminal is gone by then.
func TestRunAtATerminal(t *testing.T) {
	t.Parallel()
	const agent = `trap 'echo "[int]"; n=$((n+1)); [ $n = 2 ] && exit 130' INT
		test -t 0 && test -t 1 && test -t 2 && echo "[terminal]"
		read line; echo "[read $line]"
		n=0; while :; do sleep 0.05; done`
	for _, c := range []struct {
		name string
		end  func(t *testing.T, person *os.File, s *screen)
		want string
	}{
		{"interrupted", func(t *testing.T, person *os.File, s *screen) {
			press(t, person, "\x03")
			s.waitFor(t, "[int]")
			press(t, person, "\x03")
		}, "cancelled exit 130 after SIGINT"},
		{"hung up", func(_ *testing.T, person *os.File, _ *screen) { person.Close() }, "cancelled SIGHUP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// Under nohup this process ignores the signal, and so would what it starts.
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			person, program := terminal(t)
			cmd := exec.Command(self)
			cmd.Args = []string{"whodid", "run", "--agent", "ops/chatty", "--", "sh", "-c", agent}
			cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			program.Close()
			var s screen
			go s.read(person)
			s.waitFor(t, "[terminal]")
			press(t, person, "hello\n")
			s.waitFor(t, "[read hello]")
			c.end(t, person, &s)
			_ = cmd.Wait()
			if n := strings.Count(s.String(), "[int]"); n > 2 {
				t.Errorf("two ^C reached the agent %d times:\n%s", n, &s)
			}

			p := &Program{Env: func(name string) string { return map[string]string{"HOME": home}[name] }, Dir: home, Now: time.Now, org: store.DefaultOrg}
			tr, err := p.openOnly(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tr.close()
			found, err := tr.store.Executions(t.Context(), store.DefaultOrg, store.ExecutionFilter{})
			if err != nil || len(found) != 1 {
				t.Fatalf("%d runs: %v", len(found), err)
			}
			if got := string(found[0].Status) + " " + found[0].StatusReason; got != c.want {
				t.Errorf("the run is %q, want %q; screen:\n%s", got, c.want, &s)
			}
			logs, err := filepath.Glob(filepath.Join(tr.place.Logs, "*.log"))
			if err != nil || len(logs) != 1 {
				t.Fatalf("logs %v: %v", logs, err)
			}
			if b, err := os.ReadFile(logs[0]); err != nil || !strings.Contains(string(b), "has the terminal for itself") {
				t.Errorf("the log reads %q: %v", b, err)
			}
		})
	}
}

func press(t *testing.T, f *os.File, keys string) {
	t.Helper()
	if _, err := f.WriteString(keys); err != nil {
		t.Error(err)
	}
}
