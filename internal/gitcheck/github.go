package gitcheck

import (
	"fmt"
	"io"
	"strings"

	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

// GitHub writes a report as commands of GitHub's workflows, which show it
// beside the change. Source of the format:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
func GitHub(w io.Writer, r *Report) error {
	for i := range r.Commits {
		c := &r.Commits[i]
		for k := range c.Rules {
			rule := &c.Rules[k]
			for _, f := range rule.Findings {
				text := fmt.Sprintf("%s %s: %s", short(c.ID), term.Clean(c.Subject), term.Clean(f.Text))
				level := "error"
				switch {
				case rule.Outcome == policy.Excepted:
					level = "notice"
					x := rule.Exception
					text += fmt.Sprintf("\nExcepted until %s by %s (%s): %s", whenOf(x), term.Clean(x.Who), term.Clean(x.ID), term.Clean(x.Reason))
				case f.Severity == policy.Warning:
					level = "warning"
				}
				if level != "notice" && len(f.Mend) > 0 {
					text += "\nMend it with: " + strings.Join(f.Mend, "\n")
				}
				place := ""
				if len(c.paths) > 0 {
					place = "file=" + property(term.Clean(c.paths[0])) + ",line=1,"
				}
				_, err := fmt.Fprintf(w, "::%s %stitle=%s::%s\n", level, place, property(rule.ID+" "+string(f.Code)), message(text))
				if err != nil {
					return fmt.Errorf("couldn't print the answer: %w", err)
				}
			}
		}
	}
	return nil
}

// message escapes the text of a command, property a value before it: nothing
// that others wrote may end the command or begin one.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
