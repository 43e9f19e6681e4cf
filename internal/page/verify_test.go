package page_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestVerifierOfThePage has the script that browsers get check the corpus of attacks
// on proofs.
func TestVerifierOfThePage(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no Node.js here to run the page's verifier")
	}
	out, err := exec.CommandContext(t.Context(), node, "--no-warnings", filepath.Join("testdata", "corpus.mjs")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
