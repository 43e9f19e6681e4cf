package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "completion SHELL",
		GroupID: "keep",
		Short:   "Print the completion script of a shell: bash, zsh, fish or powershell",
		Long: `Prints a script that makes the shell complete commands, flags and the ids of
executions.`,
		Example: `  source <(whodid completion bash)
  whodid completion bash > ~/.local/share/bash-completion/completions/whodid
  whodid completion zsh > "${fpath[1]}/_whodid"
  whodid completion fish > ~/.config/fish/completions/whodid.fish
  whodid completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      arguments(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(c *cobra.Command, args []string) error {
			switch root := c.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(p.Stdout)
			case "fish":
				return root.GenFishCompletion(p.Stdout, true)
			default:
				return root.GenPowerShellCompletionWithDesc(p.Stdout)
			}
		},
	}
}

// maxCompletions is how many executions are offered.
const maxCompletions = 50

// completeExecutions offers the last executions. It takes nothing in from the
// spool and says nothing if it can't: somebody is in the middle of a line.
func (p *Program) completeExecutions(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || !p.trailIsThere() {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	t, err := p.openStore(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer t.close()
	list, err := t.asker.List(c.Context(), ask.Filter{Limit: maxCompletions})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for i := range list.Executions {
		x := &list.Executions[i]
		when := term.Unknown
		if x.StartedAt != nil {
			when = term.Ago(*x.StartedAt, p.Now())
		}
		out = append(out, cobra.CompletionWithDesc(x.ExecutionID, term.Clean(fmt.Sprintf("%s, %s, %s", agentName(x), x.Status, when))))
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func (p *Program) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man",
		GroupID: "keep",
		Short:   "Print the manual page of whodid and all of its commands",
		Long: `Prints the manual page, in the language of man(7), of whodid and every command
of it.`,
		Example: `  whodid man | man -l -
  whodid man > /usr/local/share/man/man1/whodid.1`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(p.Stdout, manual(c.Root(), p.Version))
			return err
		},
	}
}

// eachLeaf visits the commands that do something, in the order of the help.
func eachLeaf(root *cobra.Command, visit func(*cobra.Command)) {
	eachCommand(root, func(c *cobra.Command) {
		if answersItself(c) {
			visit(c)
		}
	})
}

// eachCommand visits a command and all below it that are not hidden, in the
// order of the help.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			eachCommand(sub, visit)
		}
	}
}

// manual writes the manual page of the whole program.
func manual(root *cobra.Command, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH WHODID 1 \"\" \"whodid %s\" \"User Commands\"\n", roff(version))
	fmt.Fprintf(&b, ".SH NAME\nwhodid \\- %s\n", roff(root.Short))
	fmt.Fprint(&b, ".SH SYNOPSIS\n.B whodid\n.I COMMAND\n[\\fIOPTIONS\\fR]\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", paragraphs(root.Long))
	fmt.Fprintf(&b, ".SH OPTIONS\nThese every command has.\n%s", manualFlags(root.PersistentFlags()))
	fmt.Fprint(&b, ".SH COMMANDS\n")
	eachLeaf(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, ".SS %s\n%s.\n", roff(c.UseLine()), roff(c.Short))
		if c.Long != "" {
			fmt.Fprintf(&b, ".PP\n%s", paragraphs(c.Long))
		}
		b.WriteString(manualFlags(c.LocalNonPersistentFlags()))
		if c.Example != "" {
			fmt.Fprintf(&b, ".PP\nExamples:\n.PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(c.Example))
		}
	})
	fmt.Fprint(&b, ".SH EXIT STATUS\n")
	for _, code := range exitCodes() {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", code.code, roff(code.meaning))
	}
	fmt.Fprint(&b, ".SH ENVIRONMENT\n")
	for _, v := range environmentVariables() {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", v.name, roff(v.meaning))
	}
	return b.String()
}

func manualFlags(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := flagWords(f)
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name), roff(usage))
	})
	return b.String()
}

// flagWords is how a flag is written and what it does, its default included.
func flagWords(f *pflag.Flag) (name, usage string) {
	variable, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if variable != "" {
		name += " " + variable
	}
	switch f.DefValue {
	case "", "0", "false", "[]", "0s":
	default:
		if !strings.Contains(usage, "default") {
			usage += " (default " + f.DefValue + ")"
		}
	}
	return name, usage
}

// roff escapes text for man(7): a backslash, a hyphen that shall stay one, and a
// dot or quote that would begin a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

func paragraphs(s string) string {
	return strings.ReplaceAll(roff(strings.TrimSpace(s)), "\n\n", "\n.PP\n") + "\n"
}

type exitCode struct {
	code    int
	meaning string
}

// exitCodes lists what the program's exit status says.
func exitCodes() []exitCode {
	return []exitCode{
		{ExitOK, "All is well."},
		{ExitError, "Something went wrong; for doctor: something is wrong."},
		{ExitUsage, "The command was called wrongly."},
		{ExitVerification, "The trail is not what it was."},
		{ExitNotAllowed, "Not signed in, or not allowed."},
		{ExitPolicy, "A policy was violated."},
		{ExitIncomplete, "What was asked for is not complete enough."},
	}
}

type environmentVariable struct{ name, meaning string }

// environmentVariables lists what the commands read of the environment.
func environmentVariables() []environmentVariable {
	return []environmentVariable{
		{"WHODID_STORE", "The trail, as --store has it."},
		{"WHODID_KEY", "The file of the trail's signing key."},
		{"WHODID_EXECUTION, WHODID_AGENT, WHODID_TRIGGER, WHODID_MODEL", "The run that a command is a part of; whodid run sets them."},
		{term.ForceVariable, "Write as for a terminal of so many columns, whatever the output is."},
		{"NO_COLOR, CLICOLOR_FORCE, TERM=dumb", "No colours, colours always, no colours."},
	}
}

// reference writes the page of all commands that the documentation holds.
func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Written by `go test ./internal/cli -update` from the commands themselves: edit those. -->\n\n")
	b.WriteString("A terminal gets tables with relative times; a pipe gets the same cells whole, separated by tabs, with RFC 3339 times\n" +
		"in UTC; `--json` gives one document and nothing else ([JSON answers](json.md)).\n\n")
	var groups []string
	for _, g := range root.Groups() {
		var names []string
		eachLeaf(root, func(c *cobra.Command) {
			if top(c).GroupID == g.ID {
				names = append(names, fmt.Sprintf("[`%s`](#%s)", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-")))
			}
		})
		if len(names) > 0 {
			groups = append(groups, "- **"+strings.TrimSuffix(g.Title, ":")+"**: "+strings.Join(names, ", "))
		}
	}
	b.WriteString(strings.Join(groups, "\n") + "\n\n## Flags of every command\n\n" + referenceFlags(root.PersistentFlags()) + "\n## Exit status\n\n")
	for _, code := range exitCodes() {
		fmt.Fprintf(&b, "- `%d`: %s\n", code.code, code.meaning)
	}
	b.WriteString("\n## Environment\n\n")
	for _, v := range environmentVariables() {
		fmt.Fprintf(&b, "- `%s`: %s\n", v.name, v.meaning)
	}
	eachLeaf(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine())
		if c.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.Long))
		}
		if flags := referenceFlags(c.LocalNonPersistentFlags()); flags != "" {
			b.WriteString("\n" + flags)
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.ReplaceAll("\n"+c.Example, "\n  ", "\n")[1:])
		}
	})
	return b.String()
}

// top is the command right below the program.
func top(c *cobra.Command) *cobra.Command {
	for c.HasParent() && c.Parent().HasParent() {
		c = c.Parent()
	}
	return c
}

func referenceFlags(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := flagWords(f)
		fmt.Fprintf(&b, "- `%s`: %s\n", name, usage)
	})
	return b.String()
}

// answersItself reports whether a command does something: one that only holds
// others shows its help and has no flags.
func answersItself(c *cobra.Command) bool {
	flags := 0
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "version" {
			flags++
		}
	})
	return c.Runnable() && (!c.HasAvailableSubCommands() || flags > 0)
}
