package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestPagesTeachRealCommands reads the commands that the pages tell people to type:
// each must be one, with the flags that it is given.
func TestPagesTeachRealCommands(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile(`"(whodid [a-z][^"\n]*(?:\\"[^"]*\\"[^"\n]*)*)"|<code>(whodid [^<{]*)`)
	templates := os.DirFS(filepath.Join("..", "page"))
	var found int
	err := fs.WalkDir(templates, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".html") && !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(templates, name)
		if err != nil {
			return err
		}
		for _, m := range said.FindAllStringSubmatch(string(text), -1) {
			for _, command := range strings.Split(m[1]+m[2], " && ") {
				if words := strings.Fields(command); len(words) > 1 && words[0] == "whodid" {
					found++
					if why := notACommand(words[1:]); why != "" {
						t.Errorf("%s tells people to type %q: %s", name, command, why)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const least = 30
	if found < least {
		t.Errorf("only %d commands were found: does the test still read them?", found)
	}
}

func notACommand(words []string) string {
	p := &Program{Env: func(string) string { return "" }, Now: time.Now}
	c, rest, err := p.root().Find(words)
	if err != nil {
		return err.Error()
	}
	if c.HasSubCommands() && c.Run == nil && c.RunE == nil && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return "there is no such command below " + c.Name()
	}
	for _, w := range rest {
		if w == "--" {
			break
		}
		name, long := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		if long && name != "help" && flagOf(c, name) == nil {
			return "it has no flag --" + name
		}
	}
	return ""
}

func flagOf(c *cobra.Command, name string) any {
	if f := c.Flags().Lookup(name); f != nil {
		return f
	}
	if f := c.InheritedFlags().Lookup(name); f != nil {
		return f
	}
	return nil
}
