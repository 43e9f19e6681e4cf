package laws

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTwoVerifiersAgree makes a proof of each kind of subject and has two programs that
// share no code check it: whodid-verify and a script in JavaScript. They come to the
// same verdicts.
func TestTwoVerifiersAgree(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here to run the other verifier")
	}
	script, err := filepath.Abs("../../proof/dossier/testdata/attacks/check.mjs")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "sqlite")
	id := func(args ...string) string { return strings.Fields(w.whodid(t, args...))[0] }
	run := id("exec", "start", "--agent", "eng/fixer", "--why", "issue 43")
	asked := id("approval", "request", "--type", "pr.merge", "--target", "acme/shop#44", "--agent", "eng/fixer")
	w.whodid(t, "approval", "approve", asked, "--reason", "reviewed")
	action := id("action", "record", "--execution", run, "--type", "pr.merge", "--target", "acme/shop#44", "--approval", asked, "--result", "success")
	w.whodid(t, "exec", "finish", run, "--status", "success")
	if err := os.WriteFile(filepath.Join(w.dir, "a.go"), []byte("package a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git(t, "add", "a.go")
	w.git(t, "-c", "user.name=ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m",
		"change it (#44)\n\nAgent: eng/fixer\nSquad: eng\nTrigger: manual\nExecution: "+run+"\nModel: none")
	opened := w.whodid(t, "incident", "open", "--at", run, "--title", "it is down")
	_, rest, _ := strings.Cut(opened, "incident\t")
	incident, _, _ := strings.Cut(rest, "\n")
	report := filepath.Join(t.TempDir(), "week.json")
	if err := os.WriteFile(report, []byte(w.whodid(t, "report", "weekly", "--from", "2020-01-01", "--to", "2039-01-01", "--json")), 0o600); err != nil {
		t.Fatal(err)
	}

	trust := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(trust, []byte(`{"keys": ["`+strings.TrimSpace(w.whodid(t, "log", "key"))+`"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, made := range map[string][]string{
		"event":              {"prove", "event:" + action},
		"execution":          {"prove", "execution:" + run},
		"commit":             {"prove", "commit:HEAD"},
		"pull request":       {"why", "#44", "--prove"},
		"line":               {"why", "a.go:1", "--prove"},
		"line, withheld":     {"prove", "line:a.go:1", "--withhold", "target,why"},
		"period":             {"prove", "--from", "2020-01-01", "--to", "2039-01-01"},
		"report":             {"prove", "report:" + report},
		"incident":           {"incident", "bundle", incident},
		"incident, withheld": {"incident", "bundle", incident, "--withhold", "actor,data,target,why,on_behalf_of"},
		"approver withheld":  {"prove", "execution:" + run, "--withhold", "actor"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "proof.zip")
			w.whodid(t, append(made, "-o", file)...)
			ours := w.run(t, nil, "whodid-verify", file, "--trust", trust)
			if ours.code != 0 {
				t.Fatalf("whodid-verify: exit %d\n%s%s", ours.code, ours.stdout, ours.stderr)
			}
			out, err := exec.CommandContext(t.Context(), node, script, file, trust).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if a, b := verdictLines(ours.stdout), verdictLines(string(out)); a != b || a == "" {
				t.Errorf("whodid-verify says\n%s\nand the script\n%s", a, b)
			}
			if name != "execution" && name != "incident" {
				return // the corpus of attacks has the others
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flipped := append([]byte{}, content...)
			flipped[len(flipped)/2] ^= 1
			if err := os.WriteFile(file, flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			if o := w.run(t, nil, "whodid-verify", file, "--trust", trust); o.code != 3 {
				t.Errorf("with a bit turned: exit %d\n%s", o.code, o.stdout)
			}
			if out, err := exec.CommandContext(t.Context(), node, script, file, trust).CombinedOutput(); err == nil {
				t.Errorf("with a bit turned the script says\n%s", out)
			}
		})
	}
}

var verdictLine = regexp.MustCompile(`(?m)^(integrity|completeness|authorship|time|approval) +(proved|conditional|not shown|refuted)`)

// verdictLines are the verdicts that a verifier printed, without what they rest on.
func verdictLines(printed string) string {
	return strings.Join(verdictLine.FindAllString(printed, -1), "\n")
}
