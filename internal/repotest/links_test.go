package repotest

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// neverLinked are the packages, or their prefixes, that a program must not link, each with its reason; "" holds for every program.
var neverLinked = map[string]map[string]string{
	"": {
		"testing":                      "tests stay out of the programs",
		module + "/internal/testenv":   "tests stay out of the programs",
		"github.com/google/go-cmp":     "tests stay out of the programs",
		"pgregory.net/rapid":           "tests stay out of the programs",
		"github.com/stretchr/testify":  "tests stay out of the programs",
		"github.com/rogpeppe/":         "tests stay out of the programs",
		"github.com/golang/protobuf":   "nothing of ours speaks it",
		"google.golang.org/grpc":       "6 MB for a protocol that net/http speaks too",
		"github.com/santhosh-tekuri/j": "10 ms at every start",
	},
	"whodid-hook": {
		"database/sql":             "it starts at every tool call and only writes to the spool",
		"modernc.org/":             "it starts at every tool call and only writes to the spool",
		"github.com/jackc/":        "it starts at every tool call and only writes to the spool",
		"github.com/spf13/":        "it starts at every tool call and has no command line",
		"net/http":                 "it starts at every tool call and asks nobody",
		"net":                      "it starts at every tool call and asks nobody",
		module + "/internal/store": "it starts at every tool call and only writes to the spool",
		module + "/internal/cli":   "it starts at every tool call and has no command line",
	},
	"whodid-verify": {
		"database/sql":       "it reads a file offline",
		"modernc.org/":       "it reads a file offline",
		"github.com/jackc/":  "it reads a file offline",
		"net/http":           "it reads a file offline",
		module + "/internal": "it is trusted because it shares nothing with what recorded",
	},
}

// TestLinks keeps the list of what each program links: a library that comes in by an innocent import is seen in a review.
func TestLinks(t *testing.T) {
	t.Parallel()
	commands := slices.DeleteFunc(packages(t, "./cmd/..."), func(p goPackage) bool { return p.Name != "main" })
	for program := range neverLinked {
		if program != "" && len(commands) > 0 && !isCommand(commands, program) {
			t.Errorf("there are rules about %s, and no such program", program)
		}
	}
	golden, err := filepath.Glob("testdata/links/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range golden {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if !isCommand(commands, name) {
			t.Errorf("%s is about a program that doesn't exist", file)
		}
	}
	for _, command := range commands {
		t.Run(path.Base(command.ImportPath), func(t *testing.T) {
			t.Parallel()
			checkLinks(t, command)
		})
	}
}

func isCommand(commands []goPackage, name string) bool {
	return slices.ContainsFunc(commands, func(p goPackage) bool { return path.Base(p.ImportPath) == name })
}

func checkLinks(t *testing.T, command goPackage) {
	name := path.Base(command.ImportPath)
	linked := packages(t, "-deps", command.ImportPath)
	var modules []string
	for _, p := range linked {
		if p.Module != nil && p.Module.Path != module {
			modules = append(modules, p.Module.Path)
		}
		for _, rules := range []map[string]string{neverLinked[""], neverLinked[name]} {
			if reason, forbidden := match(rules, p.ImportPath); forbidden {
				t.Errorf("%s links %s: %s", name, p.ImportPath, reason)
			}
		}
	}
	slices.Sort(modules)
	got := strings.Join(slices.Compact(modules), "\n") + "\n"
	file := filepath.Join("testdata", "links", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./internal/repotest -update)", err)
	}
	if diff := cmp.Diff(strings.Fields(string(want)), strings.Fields(got)); diff != "" {
		t.Errorf("%s links other modules than before; if that is meant, go test ./internal/repotest -update (-want +got):\n%s", name, diff)
	}
}

// match says whether rules forbid a package: by its own name, by that of a package above it, or by a prefix that ends within a name.
func match(rules map[string]string, importPath string) (reason string, forbidden bool) {
	for rule, reason := range rules {
		standard := !strings.Contains(rule, ".")
		if importPath == rule || (!standard && strings.HasPrefix(importPath, rule)) {
			return reason, true
		}
	}
	return "", false
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		program, importPath string
		want                bool
	}{
		{"whodid-hook", "database/sql", true},
		{"whodid-hook", "modernc.org/sqlite/lib", true},
		{"whodid-hook", "github.com/spf13/cobra", true},
		{"whodid-hook", module + "/internal/store", true},
		{"whodid-hook", module + "/internal/spool", false},
		{"whodid-hook", "net/url", false},
		{"whodid-verify", module + "/internal/ask", true},
		{"whodid-verify", module + "/proof", false},
		{"", "testing", true},
		{"", "testing/iotest", false},
	}
	for _, test := range tests {
		if _, got := match(neverLinked[test.program], test.importPath); got != test.want {
			t.Errorf("%s linking %s: forbidden %t, want %t", test.program, test.importPath, got, test.want)
		}
	}
}
