//go:build unix

package laws

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// toolCall is what Claude Code tells its hook of one call of a tool.
func toolCall(call string) string {
	return fmt.Sprintf(`{"session_id":"laws-session","transcript_path":"/srv/.claude/projects/p/laws-session.jsonl","cwd":"/srv/shop",`+
		`"permission_mode":"default","hook_event_name":"PostToolUse","tool_name":"Read","tool_use_id":%q,"tool_input":{"file_path":"/srv/shop/a.go"},"tool_response":{"type":"text"}}`, call)
}

// crashes runs programs that are killed, and remembers what was acknowledged.
type crashes struct {
	w     *world
	mu    sync.Mutex
	acked []string
	ended int // programs that were killed
}

// start starts a program with that input; wrap, if any, is the command that it
// runs under.
func (c *crashes) start(t testing.TB, stdin string, wrap []string, program string, args ...string) *exec.Cmd {
	t.Helper()
	argv := append(append(wrap, filepath.Join(programs, program)), args...)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.w.dir, c.w.environment(), strings.NewReader(stdin)
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	return cmd
}

// end waits for a program and reports whether it ended well.
func (c *crashes) end(t testing.TB, cmd *exec.Cmd) bool {
	t.Helper()
	err := cmd.Wait()
	if err == nil {
		return true
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() >= 0 && exit.ExitCode() != 137 {
		t.Errorf("%v: %v", cmd.Args, err)
	}
	c.mu.Lock()
	c.ended++
	c.mu.Unlock()
	return false
}

// hook tells of a tool call; what the hook ends well with is acknowledged.
func (c *crashes) hook(t testing.TB, call string, killAfter time.Duration, wrap ...string) {
	t.Helper()
	cmd := c.start(t, toolCall(call), wrap, "whodid-hook")
	if cmd == nil {
		return
	}
	if killAfter > 0 {
		time.Sleep(killAfter)
		_ = cmd.Process.Kill()
	}
	if c.end(t, cmd) {
		c.mu.Lock()
		c.acked = append(c.acked, call)
		c.mu.Unlock()
	}
}

// settle asks a question and expects every acknowledged call in the trail,
// once.
func (c *crashes) settle(t testing.TB) {
	t.Helper()
	v := c.w.mustHold(t)
	if v.Waiting > 0 {
		t.Errorf("%d records wait after a question", v.Waiting)
	}
	s := c.w.open(t)
	defer s.Close()
	rows, err := s.Events(t.Context(), store.DefaultOrg, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for i := range rows {
		if call := rows[i].Data.String("call"); call != "" {
			times[call]++
		}
	}
	for _, call := range c.acked {
		if times[call] == 0 {
			t.Errorf("%s was acknowledged and is lost", call)
		}
	}
	for call, n := range times {
		if n != 1 {
			t.Errorf("%s is in the trail %d times", call, n)
		}
	}
	t.Logf("%d programs were killed; %d calls were acknowledged, %d are in the trail, 0 may be lost", c.ended, len(c.acked), len(times))
}

// Hooks and syncs are killed at random moments, and whatever was acknowledged
// is in the trail, once, after the next question.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.whodid(t, "sync") // makes the trail
		c := &crashes{w: w}
		var group sync.WaitGroup
		over := make(chan struct{})
		group.Go(func() {
			random := rand.New(rand.NewPCG(3, 3))
			for {
				select {
				case <-over:
					return
				default:
				}
				if cmd := c.start(t, "", nil, "whodid", "sync", "--quiet"); cmd != nil {
					time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
					_ = cmd.Process.Kill()
					c.end(t, cmd)
				}
			}
		})
		var hooks sync.WaitGroup
		for lane := range 2 {
			hooks.Go(func() {
				random := rand.New(rand.NewPCG(uint64(lane), 4))
				for n := range 60 {
					kill := time.Duration(0)
					if random.IntN(2) == 0 {
						kill = time.Duration(1+random.IntN(6000)) * time.Microsecond
					}
					c.hook(t, fmt.Sprintf("toolu_%d_%d", lane, n), kill)
				}
			})
		}
		hooks.Wait()
		close(over)
		group.Wait()
		c.settle(t)
	})
}

// The programs are killed at each of the system calls by which something
// becomes durable, before that call is done.
func TestKilledAtEachSystemCall(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	if err := exec.CommandContext(t.Context(), strace, "-o", os.DevNull, "true").Run(); err != nil {
		t.Skipf("strace may not trace: %v", err)
	}
	onBoth(t, func(t *testing.T, w *world) {
		w.whodid(t, "sync")
		c := &crashes{w: w}
		at := func(call string, when int) []string {
			return []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, when)}
		}
		n := 0
		next := func() string { n++; return fmt.Sprint("toolu_s", n) }
		for call, times := range map[string]int{"flock": 3, "fsync": 2, "write": 2, "mkdirat": 1} {
			for when := 1; when <= times; when++ {
				c.hook(t, next(), 0)
				c.hook(t, next(), 0, at(call, when)...)
				c.hook(t, next(), 0)
			}
		}
		for call, times := range map[string]int{"flock": 4, "renameat": 1, "unlinkat": 1, "fsync": 2, "fdatasync": 2, "pwrite64": 3, "write": 3} {
			for when := 1; when <= times; when++ {
				c.hook(t, next(), 0)
				if cmd := c.start(t, "", at(call, when), "whodid", "sync", "--quiet"); cmd != nil {
					c.end(t, cmd)
				}
			}
		}
		if c.ended < 8 {
			t.Errorf("only %d programs were killed", c.ended)
		}
		c.settle(t)
	})
}
