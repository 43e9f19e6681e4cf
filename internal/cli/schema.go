package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// schemaList is the answer of "schema" without a name.
type schemaList struct {
	// Schemas are the names that can be asked for.
	Schemas []string `json:"schemas"`
}

func (p *Program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema [COMMAND]",
		GroupID: "keep",
		Short:   "Print the JSON Schema of what a command prints with --json",
		Long: `Prints the JSON Schema (draft 2020-12) of what a command prints with --json, or
lists those that there are. Fields are only ever added; what is not known is null
or counted apart, and never zero.`,
		Example: `  whodid schema
  whodid schema exec show > exec-show.schema.json`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return ask.Schemas(), cobra.ShellCompDirectiveNoFileComp
		},
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.listSchemas()
			}
			name := strings.ReplaceAll(strings.Join(args, "-"), " ", "-")
			text, ok := ask.Schema(name)
			if !ok {
				return misuse(fmt.Errorf("there is no schema of %q", strings.Join(args, " ")), "there are: %s", strings.Join(ask.Schemas(), ", "))
			}
			_, err := p.Stdout.Write(text)
			return err
		},
	}
}

func (p *Program) listSchemas() error {
	if p.json {
		return p.printJSON(schemaList{Schemas: ask.Schemas()})
	}
	t := p.out().Table(term.Column{Title: "SCHEMA", Whole: true}, term.Column{Title: "OF"})
	for _, name := range ask.Schemas() {
		t.Row(term.Text(name), term.Text("whodid "+strings.ReplaceAll(name, "-", " ")+" --json"))
	}
	return t.Write()
}
