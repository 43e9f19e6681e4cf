package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) searchCommand() *cobra.Command {
	var limit int
	var cursor string
	c := &cobra.Command{
		Use:     "search WORD… [FILTER…]",
		GroupID: "ask",
		Short:   "Find anything in the trail by its words, the best match first",
		Long: `Searches all that the trail holds: runs, actions, commits, pull requests,
issues, approvals, decisions, exceptions, sessions, files. What is found has all
the words, each as a word or, from four letters on, as the beginning of one.

Words and the filter language mix: '"rotate token"' wants the words after one
another, '-word' leaves out what has it, agent:ops/* since:30d kind:pr narrow what
is searched. docs/search.md says how hits are ranked.`,
		Example: `  whodid search rotate token
  whodid search '"rotate token"' agent:ops/* since:30d
  whodid search 'deploy -staging' kind:approval --json | jq '.hits[].id'
  whodid search internal/auth/token.go type:file.edit`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.search(c.Context(), args, limit, cursor) },
	}
	c.Flags().IntVar(&limit, "limit", ask.DefaultHits, "at most `N`, up to 100")
	c.Flags().StringVar(&cursor, "cursor", "", "go on behind the page that gave this `CURSOR`")
	return c
}

// searchPatience is how long a search reads on that has found nothing yet.
const searchPatience = 10 * time.Second

func (p *Program) search(ctx context.Context, args []string, limit int, cursor string) error {
	if limit < 1 || limit > ask.MaxHits {
		return usageError("--limit: %d is not from 1 to %d", limit, ask.MaxHits)
	}
	filter, err := whodid.ParseFilter(strings.Join(args, " "), p.Now())
	if err != nil {
		return usageError("%w", err)
	}
	return answer(ctx, p, func(a *ask.Asker, ctx context.Context) (*ask.SearchResult, error) {
		sel := ask.Selection{Filter: filter, Limit: limit}
		found, err := a.Search(ctx, sel, cursor)
		// A page reads so much of the trail and no more; who waits here wants a hit.
		for began := p.Now(); err == nil && len(found.Hits) == 0 && found.Cursor != nil && p.Now().Sub(began) < searchPatience; {
			found, err = a.Search(ctx, sel, *found.Cursor)
		}
		if errors.Is(err, ask.ErrCursor) {
			return nil, usageError("--cursor: %w", err)
		}
		return found, misfiltered(err)
	}, p.printFound)
}

func (p *Program) printFound(found *ask.SearchResult) error {
	o := p.out()
	switch {
	case len(found.Hits) == 0 && found.Cursor != nil:
		p.advise(o, "Nothing fits in the part of the trail that was read.")
	case len(found.Hits) == 0:
		p.advise(o, "Nothing in the trail fits.")
	default:
		if err := printHits(o, found.Hits); err != nil {
			return err
		}
	}
	if found.IndexedFrom > 0 {
		p.advise(o, "\nThe trail is older than its index: its first %s can't be searched yet. Search again.", term.Count(int64(found.IndexedFrom), "event"))
	}
	if found.Cursor != nil {
		p.advise(o, "\nThere may be more:\n\n  whodid search --cursor %s …", *found.Cursor)
	}
	return nil
}

func printHits(o *term.Output, hits []ask.Hit) error {
	columns := []term.Column{{Title: "KIND", Whole: true}, {Title: "WHAT"}, {Title: "WHO", Spare: true}, {Title: "WHEN", Whole: true}, {Title: "NEXT"}}
	t := o.Table(columns...)
	for i := range hits {
		h := &hits[i]
		t.Row(term.Text(h.Kind), term.Text(h.Snippet), term.Text(actorName(h.Actor)), term.Text(o.Time(&h.At)), term.Text(h.Next))
	}
	return t.Write()
}
