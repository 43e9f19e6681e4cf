package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid"
)

// TestCompletion holds that the box completes every field that runs are selected by.
func TestCompletion(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("assets", "complete.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range whodid.ExecutionFields() {
		if f != whodid.FilterText && !strings.Contains(string(text), " "+string(f)+": \"") {
			t.Errorf("the box does not complete %s", f)
		}
	}
}
