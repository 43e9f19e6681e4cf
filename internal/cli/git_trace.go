package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

func (p *Program) gitTraceCommand() *cobra.Command {
	var rev string
	c := &cobra.Command{
		Use:   "agent-trace FILE…",
		Short: "Export whose the lines of files are as an Agent Trace record",
		Long: `Prints an Agent Trace record (agent-trace.dev, version 0.1.0) of files as they
are in a commit: which lines are an agent's, a person's or both, with the commit
and the runs as related resources. It is one JSON object on one line, as the
file .agent-trace/traces.jsonl has them. People are not named.`,
		Example: `  whodid git agent-trace auth.go session.go >> .agent-trace/traces.jsonl
  whodid git agent-trace --rev v1.2.0 $(git ls-files '*.go') | jq .files`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.gitTrace(c.Context(), rev, args) },
	}
	c.Flags().StringVar(&rev, "rev", "HEAD", "the commit")
	return c
}

func (p *Program) gitTrace(ctx context.Context, rev string, files []string) error {
	g, t, err := p.askGit(ctx)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.close()
	}
	if g.Repo == nil {
		return inRepository(gitlog.ErrNoRepository)
	}
	for i := range files {
		files[i] = g.FromTop(files[i])
	}
	record, err := g.Trace(ctx, "", p.Version, rev, files)
	if err != nil {
		return err
	}
	// The same files of the same commit are the same record.
	record.ID = nameUUID(record.VCS.Revision + "\n" + strings.Join(files, "\n"))
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("couldn't print the record: %w", err)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s\n", text)
	return err
}

// nameUUID makes a UUID of a name: version 8 of RFC 9562, which leaves to its
// maker how.
func nameUUID(name string) string {
	sum := sha256.Sum256([]byte("whodid agent-trace\n" + name))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
