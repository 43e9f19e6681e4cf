package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestReference keeps the page of all commands what the commands say.
func TestReference(t *testing.T) {
	t.Parallel()
	golden(t, "../../docs/cli.md", []byte(reference((&Program{}).root())))
}

// TestEveryCommandSaysHow holds commands to what the help and the manual need.
func TestEveryCommandSaysHow(t *testing.T) {
	t.Parallel()
	eachCommand((&Program{}).root(), func(c *cobra.Command) {
		switch {
		case c.Short == "":
			t.Errorf("%q has no short description", c.CommandPath())
		case strings.HasSuffix(c.Short, "."):
			t.Errorf("the short description of %q ends with a full stop", c.CommandPath())
		case !c.HasAvailableSubCommands() && c.Example == "":
			t.Errorf("%q has no example", c.CommandPath())
		case c.HasParent() && !c.Parent().HasParent() && c.GroupID == "":
			t.Errorf("%q is in no group of the help", c.CommandPath())
		case c.Args == nil:
			t.Errorf("%q does not say which arguments it takes", c.CommandPath())
		}
		for line := range strings.Lines(c.Long) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 82 {
				t.Errorf("the help of %q has a line of %d columns: %s", c.CommandPath(), n, line)
			}
		}
	})
}

func TestManualIsRoff(t *testing.T) {
	t.Parallel()
	page := manual((&Program{}).root(), "1.2.3")
	for line := range strings.Lines(page) {
		request, isRequest := strings.CutPrefix(line, ".")
		if !isRequest {
			continue
		}
		name := strings.Fields(request)[0]
		if !strings.Contains(" TH SH SS PP TP B I nf fi RS RE ", " "+name+" ") {
			t.Errorf("the manual has an unknown request: %s", line)
		}
	}
	for _, want := range []string{`.SS whodid exec show ID`, `\-\-since`, `.B NO_COLOR`} {
		if !strings.Contains(page, want) {
			t.Errorf("the manual does not have %q", want)
		}
	}
}

func TestRoff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a-b":         `a\-b`,
		`back\slash`:  `back\eslash`,
		".TH evil":    `\&.TH evil`,
		"a\n'quoted'": "a\n\\&'quoted'",
	} {
		if got := roff(in); got != want {
			t.Errorf("roff(%q) = %q, want %q", in, got, want)
		}
	}
}
