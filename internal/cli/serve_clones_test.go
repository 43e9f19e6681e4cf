package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// TestClones asks a server about lines, which has a clone without a commit, one
// without a working tree and one with a working tree that is not as it was committed.
func TestClones(t *testing.T) {
	t.Parallel()
	p, _, orgs, _, _ := served(t)
	tenant, err := orgs.Tenant(t.Context(), p.org)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"empty", "shop", "site"} {
		git("init", "-q", "-b", "main", name)
	}
	for _, name := range []string{"shop", "site"} {
		write(name+"/"+name+".go", "package "+name+"\n\nvar x = 1\n")
		git("-C", name, "add", ".")
		git("-C", name, "commit", "-qm", "begin\n\nAgent: solver\nSquad: eng\nTrigger: manual\nExecution: exec-none\nModel: claude-opus-4")
	}
	git("clone", "-q", "--mirror", "shop", "shop.git")
	write("site/site.go", "package site\n")

	at, err := p.newClones(t.Context(), []string{filepath.Join(dir, "empty"), filepath.Join(dir, "shop.git"), filepath.Join(dir, "site")})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"shop.go", "site.go"} {
		b, err := at.blame(t.Context(), tenant, file, 1, 100)
		if err != nil || len(b.Lines) != 3 || b.Lines[2].Text != "var x = 1" || b.Lines[2].Kind != "agent" {
			t.Errorf("%s: %+v, %v", file, b, err)
		}
		why, err := at.why(t.Context(), tenant, file+":3")
		if err != nil || why.Line == nil || len(why.Runs) != 1 {
			t.Errorf("%s: %+v, %v", file, why, err)
		}
	}
	for _, file := range []string{"none.go", "../shop/shop.go", "--help", "/etc/hosts", filepath.Join(dir, "site/site.go") + "x"} {
		if b, err := at.blame(t.Context(), tenant, file, 1, 100); err == nil {
			t.Errorf("%s has lines: %+v", file, b)
		}
		if _, err := at.why(t.Context(), tenant, file+":1"); !errors.Is(err, ask.ErrNoSubject) && !errors.Is(err, ask.ErrNotFound) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := p.newClones(t.Context(), []string{t.TempDir()}); !errors.Is(err, gitlog.ErrNoRepository) {
		t.Errorf("a folder that is no repository: %v", err)
	}
}
