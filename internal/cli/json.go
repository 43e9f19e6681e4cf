package cli

import (
	"encoding/json"
	"fmt"
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
