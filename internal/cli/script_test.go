package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/testenv"
)

// update writes what is expected anew: go test ./internal/cli -update. The
// difference is then for a reviewer to judge.
var update = flag.Bool("update", false, "write scripts and golden files anew")

// testNow is the variable that gives a script's programs their clock. Without
// it they have the real one.
const testNow = "WHODID_TEST_NOW"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"whodid":      func() { os.Exit(scriptMain()) },
		"mask":        func() { os.Exit(mask()) },
		"validate":    func() { os.Exit(validate()) },
		"show-logs":   func() { os.Exit(showLogs()) },
		"whodid-hook": func() { os.Exit(hook.Main()) },
		"seed":        func() { os.Exit(seed()) },
		"events":      func() { os.Exit(events()) },
		"traces":      func() { os.Exit(traces()) },
		"mcp-call":    func() { os.Exit(mcpCall()) },
	})
}

// TestScripts runs each script of testdata as a user would, on SQLite and,
// where a server is named, on PostgreSQL too.
func TestScripts(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); runScripts(t, "sqlite") })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(testenv.PostgresVariable) == "" {
			t.Skipf("%s names no server", testenv.PostgresVariable)
		}
		t.Parallel()
		runScripts(t, "postgres")
	})
}

func runScripts(t *testing.T, engine string) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return fmt.Errorf("couldn't make the home of a script: %w", err)
			}
			env.Values[scriptTest{}] = env.T()
			env.Setenv("HOME", home)
			env.Setenv("USERPROFILE", home)
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each program sleeps a second when it ends
			if engine == "postgres" {
				env.Setenv("WHODID_STORE", testenv.Postgres(env.T().(testing.TB)))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"serving": serving, "witnessing": witnessing, "stamping": stamping, "foreign": foreign},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "sqlite", "postgres":
				return cond == engine, nil
			default:
				return false, fmt.Errorf("unknown condition %q", cond)
			}
		},
	})
}

// serving is a command of scripts: it runs "whodid serve" with the arguments
// until the script ends, and puts its address into $SERVER. The server may have
// another home than the script.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "whodid", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "HOME="+ts.MkAbs("server"), "WHODID_STORE=", "GORACE=atexit_sleep_ms=0")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { stop(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	ts.Setenv("SERVER", strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
}

// witnessing is a command of scripts: it runs a witness of that name, which knows the
// log whose public key is in the file, until the script ends, and puts its address and
// key into $NAME_URL and $NAME_KEY. It remembers what it saw in the folder NAME.
func witnessing(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: witnessing NAME KEYFILE")
	}
	name, dir := args[0], ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	w, stop, err := testenv.RunOmniwitness(context.Background(), dir, "witness.test/"+name, strings.TrimSpace(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv(name+"_URL", w.URL)
	ts.Setenv(name+"_KEY", w.Key)
}

// foreign is a command of scripts: it has the libraries of DSSE and in-toto check an
// attestation under the log's key in a file, and writes what they read to the files
// foreign and payload.
func foreign(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: foreign KEYFILE ENVELOPE")
	}
	program, err := testenv.Tool(context.Background(), "attestation")
	ts.Check(err)
	if err := ts.Exec(program, strings.TrimSpace(ts.ReadFile(args[0])), ts.MkAbs(args[1])); (err != nil) != neg {
		ts.Fatalf("the libraries say: %v\n%s", err, ts.ReadFile("stderr"))
	}
	var e struct {
		Payload []byte `json:"payload"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &e))
	for name, text := range map[string][]byte{"foreign": []byte(ts.ReadFile("stdout")), "payload": e.Payload} {
		ts.Check(os.WriteFile(ts.MkAbs(filepath.Join("..", name)), text, 0o600))
	}
}

// stamping is a command of scripts: it runs an authority for time stamps of that name
// until the script ends, and puts its address and the file of its root certificate
// into $NAME_URL and $NAME_ROOTS.
func stamping(ts *testscript.TestScript, _ bool, args []string) {
	t, ok := ts.Value(scriptTest{}).(testing.TB)
	if !ok || len(args) != 1 {
		ts.Fatalf("usage: stamping NAME")
	}
	a := testenv.StartTimeAuthority(t, "stamps", 30)
	ts.Setenv(args[0]+"_URL", a.URL)
	ts.Setenv(args[0]+"_ROOTS", a.Roots)
}

// scriptTest is where a script keeps the test that it runs in.
type scriptTest struct{}

// scriptMain is Main but for the clock.
func scriptMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, args := scriptProgram(), os.Args[1:]
	own := args
	if end := slices.Index(args, "--"); end >= 0 {
		own = args[:end]
	}
	if !slices.Contains(own, "--json") {
		return p.Run(ctx, args)
	}
	var answer bytes.Buffer
	// Whatever a script asks for in JSON fits the schema of its command.
	p.Stdout = io.MultiWriter(os.Stdout, &answer)
	code := p.Run(ctx, args)
	if answer.Len() == 0 {
		return code
	}
	c, _, err := p.root().Find(termsApart(args))
	if err == nil {
		_, name, _ := strings.Cut(c.CommandPath(), " ")
		err = validateAll(&answer, strings.ReplaceAll(name, " ", "-"))
	}
	if err != nil {
		fmt.Fprintf(os.Stdout, "the answer does not fit its schema: %v\n", err)
		return 70
	}
	return code
}

// showLogs is a program of scripts: "whodid exec logs" with the id that a file
// holds.
func showLogs() int {
	id, err := os.ReadFile(os.Args[1])
	if err != nil {
		return ExitError
	}
	os.Args = append([]string{"whodid", "exec", "logs", strings.TrimSpace(string(id))}, os.Args[2:]...)
	return scriptMain()
}

// mask is a program of scripts: it copies its input and puts ROOT in the place of
// each hash, which is another in every trail because the salts are.
func mask() int {
	b, err := io.ReadAll(os.Stdin)
	if err != nil {
		return ExitError
	}
	_, _ = os.Stdout.Write(regexp.MustCompile(`[A-Za-z0-9+/]{43}=`).ReplaceAll(b, []byte("ROOT")))
	return ExitOK
}

// scriptProgram is the program as Main runs it, but for the clock.
func scriptProgram() *Program {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return &Program{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.Getenv, Dir: dir, Now: scriptClock(), Version: "1.2.3",
	}
}

// scriptClock is the real clock, one that stands at a time of RFC 3339, or one that
// is ahead by a duration such as "+2h".
func scriptClock() func() time.Time {
	given := os.Getenv(testNow)
	if ahead, err := time.ParseDuration(given); err == nil {
		return func() time.Time { return time.Now().Add(ahead) }
	}
	now, err := time.Parse(time.RFC3339, given)
	if err != nil {
		return time.Now
	}
	return func() time.Time { return now }
}

// seed is a program of scripts: it records the events on standard input, one
// JSON object a line, as the trail's own commands would. A time such as "2h" is
// that long before the script's clock.
func seed() int {
	p := scriptProgram()
	p.org = store.DefaultOrg
	ctx := context.Background()
	t, err := p.openOnly(ctx)
	if err != nil {
		p.complain(err)
		return ExitError
	}
	defer t.close()
	var events []whodid.Event
	in := bufio.NewScanner(os.Stdin)
	for n := 1; in.Scan(); n++ {
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		e, err := readSeed(in.Bytes(), p.Now())
		if err != nil {
			p.complain(fmt.Errorf("line %d: %w", n, err))
			return ExitError
		}
		e.Key = fmt.Sprintf("seed/%s/%d", e.Execution, n)
		events = append(events, e)
	}
	if _, err := t.recorder.Record(ctx, events...); err != nil {
		p.complain(err)
		return ExitError
	}
	return ExitOK
}

func readSeed(line []byte, now time.Time) (whodid.Event, error) {
	var when struct {
		At string `json:"at"`
	}
	if err := json.Unmarshal(line, &when); err != nil {
		return whodid.Event{}, err
	}
	at, err := whodid.ParseTime(when.At, now)
	if err != nil {
		return whodid.Event{}, err
	}
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return whodid.Event{}, err
	}
	fields["at"] = at
	b, err := json.Marshal(fields)
	if err != nil {
		return whodid.Event{}, err
	}
	var e whodid.Event
	if err := json.Unmarshal(b, &e); err != nil {
		return whodid.Event{}, err
	}
	if e.Source == "" {
		e.Source = "cli"
	}
	return e, nil
}
