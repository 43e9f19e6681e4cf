package export_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/export"
	"github.com/whodid/whodid/proof/population"
)

var update = flag.Bool("update", false, "write docs/controls.md anew")

func TestControlsAreTheDocumented(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "controls.md")
	if *update {
		if err := os.WriteFile(path, export.Controls(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(have, export.Controls()) {
		t.Errorf("docs/controls.md is not what exports say (%v): go test ./internal/export -run Controls -update", err)
	}
}

// What the control map names is in every export.
func TestControlsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	files := []string{population.FileManifest, population.FileCheckpoint, population.FileEntries, "sample"}
	for _, f := range export.Frameworks() {
		if len(f.Outside) == 0 {
			t.Errorf("%s leaves nothing out", f.Name)
		}
		for _, d := range f.Duties {
			for _, record := range d.Records {
				if slices.Contains(files, record) {
					continue
				}
				name, column, hasColumn := strings.Cut(record, ".")
				i := slices.IndexFunc(population.Tables(), func(t population.Table) bool { return t.Name == name })
				if i < 0 {
					t.Errorf("%s %s: there is no table %q", f.Name, d.ID, name)
					continue
				}
				if hasColumn && !slices.ContainsFunc(population.Tables()[i].Columns, func(c population.Column) bool { return c.Name == column }) {
					t.Errorf("%s %s: %s has no column %q", f.Name, d.ID, name, column)
				}
			}
		}
	}
}
