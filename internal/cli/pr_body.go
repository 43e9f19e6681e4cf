package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/trailer"
)

// prBodyAnswer is the answer of "whodid pr body".
type prBodyAnswer struct {
	File string `json:"file"` // "-" for standard input
	// Changed is false if the text had everything already.
	Changed   bool   `json:"changed"`
	Execution string `json:"execution"`
	// Body is the text after the change, of standard input.
	Body string `json:"body,omitempty"`
}

func (p *Program) prCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "pr",
		GroupID: "record",
		Short:   "Show pull requests, and put their origin into their text",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.prBodyCommand(), p.prShowCommand())
	return c
}

func (p *Program) prBodyCommand() *cobra.Command {
	var execution, link string
	c := &cobra.Command{
		Use:   "body [FILE|-]",
		Short: "Add the trailers and the execution to the text of a pull request",
		Long: `Adds the five trailers to the text of a pull or merge request, as its last
paragraph: there forges show them, and git reads them if the text becomes the
message of a squash merge. A --- line, at which git would stop reading, gets a
space in front, which changes nothing that is shown.

Above the trailers comes a line that names the execution, as a link if --url says
where executions are shown. A file is changed in place, standard input goes to
standard output.

Run again it changes nothing; another execution adds its own.`,
		Example: `  whodid pr body body.md && gh pr create --title "feat: add login" --body-file body.md
  gh pr view 44 --json body -q .body | whodid pr body | gh pr edit 44 --body-file -
  whodid pr body --url https://audit.example.com/executions/ body.md`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			return p.prBody(c.Context(), name, execution, link)
		},
	}
	c.Flags().StringVar(&execution, "execution", "", "an execution of the trail, by the first letters of its id (default: the one in which this runs)")
	c.Flags().StringVar(&link, "url", "", "where executions are shown; the id is put behind it")
	return c
}

func (p *Program) prBody(ctx context.Context, name, execution, link string) error {
	if u, err := url.Parse(link); link != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(link, " ()<>\n")) {
		return misuse(fmt.Errorf("%q is no address", link), "write, for example, --url https://audit.example.com/executions/")
	}
	o, err := p.origin(ctx, execution)
	if err != nil {
		return err
	}
	old, err := p.readText(name)
	if err != nil {
		return err
	}
	text, err := prBody(githook.Rules(ctx, p.Dir), old, o, link)
	if err != nil {
		return err
	}
	if err := p.writeText(name, old, text); err != nil {
		return err
	}
	if !p.json {
		return nil
	}
	answer := prBodyAnswer{File: name, Changed: text != old, Execution: o.Execution}
	if name == "-" {
		answer.Body = text
	}
	return p.printJSON(answer)
}

// recordedAs begins the line of a pull request's text that names an execution.
// A comment, which forges do not show, tells whose line it is.
const recordedAs = "<!-- whodid -->Recorded as "

// prBody puts the line and the trailers of an execution into a text, in the
// place of those that are there.
func prBody(rules trailer.Rules, text string, o trailer.Origin, link string) (string, error) {
	line := recordedAs + "`" + o.Execution + "`"
	if link != "" {
		line = recordedAs + "[" + o.Execution + "](" + link + o.Execution + ")"
	}
	found := false
	var b strings.Builder
	for l := range strings.Lines(text) {
		content := strings.TrimRight(l, "\r\n")
		rest, ours := strings.CutPrefix(content, recordedAs)
		if id := strings.Trim(rest, "`["); ours && (id == o.Execution || strings.HasPrefix(id, o.Execution+"]")) {
			if found {
				continue
			}
			found = true
			l = line + l[len(content):]
		}
		b.WriteString(l)
	}
	if found {
		text = b.String()
	} else {
		text = withLine(rules, text, line)
	}
	text, err := rules.Add(text, o)
	if err != nil {
		return "", err
	}
	// A --- line in the text would hide them once it is the message of a commit.
	text, _ = rules.Fix(text)
	return text, nil
}

// withLine puts a line in a paragraph of its own above the trailers that end a
// text, or at its end.
func withLine(rules trailer.Rules, text, line string) string {
	at := len(text)
	if found := rules.Parse(text); len(found) > 0 {
		at = 0
		for range found[0].Line - 1 {
			at += strings.IndexByte(text[at:], '\n') + 1
		}
	}
	head, rest := strings.TrimRight(text[:at], "\r\n"), text[at:]
	if head != "" {
		head += "\n\n"
	}
	if rest != "" {
		rest = "\n" + rest
	}
	return head + line + "\n" + rest
}
