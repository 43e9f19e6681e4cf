package cli

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/redact/canary"
)

// TestRecordingKeepsNoSecret puts made-up secrets into every flag of every
// command that records, into the output of a run, into the trail and, while
// that can't be opened, into the spool, and then looks for them in every file.
// The commands run within the test: to compile the rules of the redactor takes
// a program longer than the rest.
func TestRecordingKeepsNoSecret(t *testing.T) {
	t.Parallel()
	for _, reachable := range []bool{true, false} {
		t.Run(map[bool]string{true: "trail", false: "spool"}[reachable], func(t *testing.T) {
			t.Parallel()
			recordSecrets(t, reachable)
		})
	}
}

func recordSecrets(t *testing.T, reachable bool) {
	t.Helper()
	home := t.TempDir()
	data := filepath.Join(home, "trail")
	if !reachable {
		if err := os.WriteFile(data+".db", []byte("this is no database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whodid := func(args ...string) {
		p := &Program{
			Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Dir: home, Now: time.Now,
			Env: func(name string) string {
				return map[string]string{"HOME": home, "WHODID_STORE": data + ".db", "GIT_AUTHOR_NAME": "Canary Person", "WHODID_AGENT": "ops/x", "WHODID_EXECUTION": "exec-7k2m9q4tz8w1c3ab"}[name]
			},
		}
		p.Run(t.Context(), args)
	}
	var must []string
	for i, c := range canary.All() {
		must = append(must, c.Must...)
		s := c.Text
		whodid("exec", "start", "--agent", "ops/x", "--why", s, "--model", s, "--trigger", "event:"+s, "--tag", "note="+s)
		whodid("action", "record", "--type", "issue.create", "--result", "success", "--target", s, "--why", s, "--approval", s, "--key", s, "--data", "mine="+s, "--data", "branch="+s)
		whodid("model", "record", "--model", s, "--provider", s, "--request", s)
		whodid("exec", "tag", "exec-7k2m9q4tz8w1c3ab", "note="+s, s+"=x")
		whodid("exec", "finish", "exec-7k2m9q4tz8w1c3ab", "--status", "failed", "--reason", s, "--model", s)
		if i == 0 {
			whodid("incident", "open", "--at", "1h..now", "--title", s)
		}
		if i%4 == 1 {
			whodid("incident", "note", "evt-", s)
		}
		if i%4 == 0 { // runs are slower, and the shapes take turns
			whodid("run", "--agent", "ops/x", "--why", s, "--model", s, "--trigger", "event:"+s, "--tag", "note="+s, "--", "printf", "%s\n", s)
		}
	}
	files := 0
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for _, secret := range must {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%q is in %s (reachable %t)", secret, filepath.Base(path), reachable)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Errorf("only %d files were looked at", files)
	}
}
