package auth

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedRoles holds the table of docs/access.md against what roles may.
func TestDocumentedRoles(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "access.md"))
	if err != nil {
		t.Fatal(err)
	}
	columns := []Permission{Record, Read, Approve, Audit, Administer}
	var names []string
	for _, p := range columns {
		names = append(names, string(p))
	}
	if !strings.Contains(string(b), "\n| Role | "+strings.Join(names, " | ")+" | for |\n") {
		t.Errorf("the table does not have the columns %v", names)
	}
	seen := map[Role]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (.*) \\|$").FindAllStringSubmatch(string(b), -1) {
		role, cells := Role(row[1]), strings.Split(row[2], " | ")
		if _, known := permissions[role]; !known || len(cells) != len(columns)+1 {
			continue // another table
		}
		seen[role] = true
		for i, p := range columns {
			if said := cells[i] == "yes"; said != role.May(p) || !said && cells[i] != "no" {
				t.Errorf("docs/access.md says %q to whether a %s may %s; the code says %v", cells[i], role, p, role.May(p))
			}
		}
	}
	for _, role := range Roles() {
		if !seen[role] {
			t.Errorf("docs/access.md does not have the role %s", role)
		}
	}
	for role, may := range permissions {
		for _, p := range may {
			if !strings.Contains(strings.Join(names, " "), string(p)) {
				t.Errorf("%s may %s, for which there is no column", role, p)
			}
		}
	}
}
