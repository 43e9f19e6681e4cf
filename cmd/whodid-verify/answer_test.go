package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/proof"
)

const attacks = "../../proof/dossier/testdata/attacks"

// TestAttacks runs the program over the corpus of attacks.
func TestAttacks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(attacks, "attacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct {
		Name, File string
		Trust      json.RawMessage
		Verdicts   map[string]proof.State
		Proofs     []map[string]proof.State
		Refused    bool
	}
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	for _, a := range corpus {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			trust := filepath.Join(t.TempDir(), "keys.json")
			if err := os.WriteFile(trust, a.Trust, 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := execute("", filepath.Join(attacks, a.File), "--trust", trust)
			if a.Refused {
				if code != exitFailed || stdout != "" || stderr == "" {
					t.Errorf("exit %d, printed %q and %q", code, stdout, stderr)
				}
				return
			}
			good := a.Verdicts["integrity"] == proof.Proved
			for _, p := range a.Proofs {
				good = good && p["integrity"] == proof.Proved
				for name, state := range p {
					good = good && state != proof.Refuted
					if want := (name + "              ")[:14] + string(state) + " "; !strings.Contains(stdout, want) {
						t.Errorf("%q is not in\n%s", want, stdout)
					}
				}
			}
			for name, state := range a.Verdicts {
				good = good && state != proof.Refuted
				if want := "\n" + (name + "              ")[:14] + string(state) + " "; !strings.Contains("\n"+stdout, want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
			if good != (code == exitGood) || !good != (code == exitFailed) || stderr != "" {
				t.Errorf("exit %d, said %q", code, stderr)
			}
		})
	}
}

func TestArchiveIsAboutWhatIsAsked(t *testing.T) {
	t.Parallel()
	trust := trustOfCorpus(t)
	file := filepath.Join(attacks, "honest-the-whole-log.zip")
	const about = "execution:exec-aaaaaaaaaaaaaaaa"
	if code, stdout, stderr := execute("", file, "--trust", trust, "--about", about, "--json"); code != exitGood || !strings.Contains(stdout, `"verified": true`) {
		t.Errorf("exit %d, printed %q and %q", code, stdout, stderr)
	}
	code, stdout, stderr := execute("", file, "--trust", trust, "--about", "execution:exec-bbbbbbbbbbbbbbbb")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "it is the proof of "+about) {
		t.Errorf("exit %d, printed %q and %q", code, stdout, stderr)
	}
}

func TestArchiveInText(t *testing.T) {
	t.Parallel()
	trust := trustOfCorpus(t)
	for file, wants := range map[string][]string{
		"honest-the-whole-log.zip": {
			"about         execution:exec-aaaaaaaaaaaaaaaa\n", "pr.merge  acme/shop#44  success", "because: issue 43",
			"and 3 entries of others", "signed by ada@test.invalid",
		},
		"honest-targets-and-reasons-withheld.zip": {"pr.merge  (not disclosed)  success", "not disclosed of some: target, why"},
		"edited-result.zip":                       {"integrity     refuted", "completeness  not shown"},
	} {
		_, stdout, stderr := execute("", filepath.Join(attacks, file), "--trust", trust)
		for _, want := range wants {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: %q is not in\n%s%s", file, want, stdout, stderr)
			}
		}
	}
}

// trustOfCorpus is a file of what the corpus is checked with.
func trustOfCorpus(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(attacks, "attacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct{ Trust json.RawMessage }
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, corpus[0].Trust, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
