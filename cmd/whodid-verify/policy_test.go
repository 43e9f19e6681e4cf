package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicy checks a proof that two witnesses cosigned by policies of C2SP tlog-policy.
func TestPolicy(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(attacks, "attacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct {
		Name, File string
		Trust      struct{ Keys, Witnesses []string }
	}
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	for _, a := range corpus {
		if a.Name != "honest, cosigned by one of two" { // the second
			continue
		}
		head := "log " + a.Trust.Keys[0] + "\nwitness one " + a.Trust.Witnesses[0] + "\nwitness two " + a.Trust.Witnesses[1] + " https://w2.invalid/\n"
		for policy, want := range map[string]string{
			"quorum two":                    "proved",
			"group g any one two\nquorum g": "proved",
			"group g all one two\nquorum g": "conditional",
			"quorum one":                    "conditional",
			"quorum none":                   "conditional",

			"group g 1 two\ngroup h all g one\nquorum h": "conditional",
		} {
			file := filepath.Join(t.TempDir(), "policy")
			if err := os.WriteFile(file, []byte(head+policy+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := execute("", filepath.Join(attacks, a.File), "--policy", file)
			if code != exitGood || !strings.Contains(stdout, "\ntime          "+want+" ") {
				t.Errorf("%s: exit %d\n%s%s", policy, code, stdout, stderr)
			}
		}
		trust := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(trust, []byte(`{"keys": ["`+a.Trust.Keys[0]+`"], "witnesses": ["`+a.Trust.Witnesses[0]+`"]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "policy")
		for policy, why := range map[string]string{head + "quorum two\n": "named twice", head: "no quorum"} {
			if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := execute("", filepath.Join(attacks, a.File), "--policy", file, "--trust", trust); code != exitUsage || !strings.Contains(stderr, why) {
				t.Errorf("exit %d, said %q, want %q", code, stderr, why)
			}
		}
		return
	}
	t.Error("the corpus has no such archive")
}
