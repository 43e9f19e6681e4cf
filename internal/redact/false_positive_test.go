package redact

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// TestCleanKeepsOrdinaryText holds Clean against a corpus of what agents write all day. What Clean takes out of it is lost to whoever
// reads the trail.
func TestCleanKeepsOrdinaryText(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, Options{Identities: []string{"Ann Example", "annex"}})
	file, err := os.Open("testdata/ordinary.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for in := bufio.NewScanner(file); in.Scan(); lines++ {
		line := in.Text()
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		if got, counts := r.Clean(line); got != line {
			t.Errorf("%v\n got %s\nwant %s", counts, got, line)
		}
	}
	if lines < 100 {
		t.Errorf("read only %d lines", lines)
	}
}
