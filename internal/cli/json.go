package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// printJSON prints one JSON document, and nothing before or after it.
func (p *Program) printJSON(v any) error {
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("couldn't print the answer: %w", err)
	}
	return nil
}

// otherwise is what the commands print that have no answer in JSON.
func otherwise() map[string]string {
	return map[string]string{
		"run":         `the output of its command ("whodid exec show ID --json" shows the run)`,
		"serve":       "its log (--log-format json makes JSON of its lines)",
		"ui":          "an address",
		"mcp":         "messages of its protocol",
		"sink run":    `its log ("whodid sink list --json" shows how sinks stand)`,
		"exec export": "the format that --format names",
		"completion":  "a script",
		"man":         "a manual page",
	}
}

// inJSON refuses --json where there is no answer in JSON, lest a program read
// something else. Hooks are answered as their callers expect it, whatever they say.
func (p *Program) inJSON(c *cobra.Command, _ []string) error {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	if what, ok := otherwise()[name]; ok && p.json {
		return misuse(fmt.Errorf("%s prints %s, not JSON", c.CommandPath(), what), "leave --json out")
	}
	return nil
}
