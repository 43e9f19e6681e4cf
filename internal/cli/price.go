package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/price"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/term"
)

// priceCommand is the parent of what is about prices.
func (p *Program) priceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "price",
		GroupID: "keep",
		Short:   "Look at the prices of models, take in newer ones, price calls anew",
		Args:    arguments(cobra.NoArgs),
		RunE:    p.group,
	}
	c.AddCommand(p.priceShowCommand(), p.priceUpdateCommand(), p.priceRepriceCommand())
	return c
}

// priceTable is the table by which this trail's calls are priced: the one that
// "price update" put beside the trail, or the one that is built in. A file that
// can't be read must not keep an event out of the trail, and is complained of.
func (p *Program) priceTable(path string) func() (*price.Table, error) {
	return sync.OnceValues(func() (*price.Table, error) {
		table, err := loadPrices(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			fmt.Fprintf(p.Stderr, "whodid: the prices built in are used: %v\n", err)
		default:
			return table, nil
		}
		return price.Default()
	})
}

func loadPrices(path string) (*price.Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read prices: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	table, err := price.Load(f)
	if err != nil {
		return nil, fmt.Errorf("couldn't use the prices in %s: %w", path, err)
	}
	return table, nil
}

// shownPrice is the answer of "price show".
type shownPrice struct {
	price.Listing
	// At is the time for which the prices hold.
	At time.Time `json:"at"`
	// File is where the table is; empty for the one that is built in.
	File string `json:"file"`
}

func (p *Program) priceShowCommand() *cobra.Command {
	var provider, at string
	c := &cobra.Command{
		Use:   "show MODEL",
		Short: "Show what a model costs, by the table in use",
		Long: `Shows the prices by which calls of a model are computed: in US dollars for a
million tokens, and which table has them. A price that is not there makes a cost
unknown, never zero.`,
		Example: `  whodid price show claude-sonnet-5
  whodid price show gpt-5.2-codex --at 2026-01-01 --json`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return p.priceShow(args[0], provider, at) },
	}
	c.Flags().StringVar(&provider, "provider", "", "who serves the model, such as anthropic")
	c.Flags().StringVar(&at, "at", "", "at this `TIME` (default: now)")
	return c
}

func (p *Program) priceShow(model, provider, at string) error {
	when, err := p.since("at", at)
	if err != nil {
		return err
	}
	if when.IsZero() {
		when = p.Now()
	}
	where, err := p.find()
	if err != nil {
		return err
	}
	table, err := p.priceTable(where.Prices)()
	if err != nil {
		return err
	}
	l, ok := table.Lookup(provider, model, when)
	if !ok {
		return withHint(fmt.Errorf("there is no price of %q in %s", model, table.Version()), "a newer table may have one: whodid price update FILE")
	}
	shown := shownPrice{Listing: l, At: when.UTC()}
	if built, err := price.Default(); err == nil && built.Version() != table.Version() {
		shown.File = where.Prices
	}
	if p.json {
		return p.printJSON(shown)
	}
	o := p.out()
	o.Facts(fact("Model", l.Model), fact("Provider", l.Provider), fact("Table", l.Table))
	t := o.Table(term.Column{Title: "TOKENS"}, term.Column{Title: "USD PER MILLION", Right: true, Whole: true}, term.Column{Title: "LONG PROMPTS"})
	for _, row := range []struct {
		name string
		rate *price.Rate
	}{
		{"input", l.Input}, {"output", l.Output}, {"read from cache", l.CacheRead}, {"written to cache", l.CacheWrite}, {"written for an hour", l.CacheWrite1h},
	} {
		if row.rate == nil {
			t.Row(term.Text(row.name), term.Text(term.Unknown), term.Text(""))
			continue
		}
		var long []string
		for _, tier := range row.rate.Tiers {
			long = append(long, fmt.Sprintf("%s above %s", tier.USD, term.Tokens(tier.Above)))
		}
		t.Row(term.Text(row.name), term.Text(row.rate.USD), term.Text(strings.Join(long, "  ")))
	}
	return t.Write()
}

// updatedPrices is the answer of "price update".
type updatedPrices struct {
	// PriceTable is the table in use from now on, and Previous the one before.
	PriceTable string `json:"price_table"`
	Previous   string `json:"previous"`
	// File is where it is; empty for the one that is built in.
	File string `json:"file"`
	// Models and Providers are how many it has prices of.
	Models    int `json:"models"`
	Providers int `json:"providers"`
}

func (p *Program) priceUpdateCommand() *cobra.Command {
	var builtIn bool
	c := &cobra.Command{
		Use:   "update FILE",
		Short: "Use a newer table of prices from now on",
		Long: `Takes in a table of prices in the format of genai-prices (prices/data.json of its
repository), and uses it for what is recorded from now on. A table that can't be
understood to the letter is refused as a whole. What was recorded before keeps its
figures; "whodid price reprice" prices it anew.`,
		Example: `  whodid price update data.json
  whodid price update --built-in`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if builtIn == (len(args) == 1) {
				return usageError("name the FILE, or give --built-in")
			}
			file := ""
			if len(args) == 1 {
				file = args[0]
			}
			return p.priceUpdate(file)
		},
	}
	c.Flags().BoolVar(&builtIn, "built-in", false, "go back to the table that is built in")
	return c
}

func (p *Program) priceUpdate(file string) error {
	where, err := p.find()
	if err != nil {
		return err
	}
	before, err := p.priceTable(where.Prices)()
	if err != nil {
		return err
	}
	answer := updatedPrices{Previous: before.Version()}
	var table *price.Table
	if file == "" {
		if err := os.Remove(where.Prices); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("couldn't go back to the prices that are built in: %w", err)
		}
		table, err = price.Default()
	} else {
		answer.File = where.Prices
		table, err = p.keepPrices(file, where.Prices)
	}
	if err != nil {
		return err
	}
	answer.PriceTable = table.Version()
	answer.Models, answer.Providers = table.Models()
	if p.json {
		return p.printJSON(answer)
	}
	o := p.out()
	o.Printf("%s: %s of %s\n", answer.PriceTable, term.Count(int64(answer.Models), "model"), term.Count(int64(answer.Providers), "provider"))
	p.advise(o, "What was recorded before keeps its figures. To price it anew:\n\n  whodid price reprice --dry-run")
	return nil
}

// keepPrices checks a table and puts it beside the trail in one go.
func (p *Program) keepPrices(file, to string) (*price.Table, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.Dir, file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("couldn't read prices: %w", err)
	}
	table, err := price.Load(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("couldn't use the prices in %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, fmt.Errorf("couldn't keep the prices: %w", err)
	}
	temporary := to + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return nil, fmt.Errorf("couldn't keep the prices: %w", err)
	}
	if err := os.Rename(temporary, to); err != nil {
		return nil, fmt.Errorf("couldn't keep the prices: %w", err)
	}
	return table, nil
}

func (p *Program) priceRepriceCommand() *cobra.Command {
	var what record.Repricing
	var since string
	c := &cobra.Command{
		Use:   "reprice",
		Short: "Price recorded calls of models anew, and keep the old figures",
		Long: `Prices calls of models by the table in use: those whose cost was computed, and
those whose cost was not known. What a source itself said that a call cost stays.

Nothing is overwritten. What changes is recorded as an event of its own, with the
table and the figure before; "exec show" shows both. Doing it again changes
nothing.`,
		Example: `  whodid price reprice --dry-run
  whodid price reprice --since 30d
  whodid price reprice --execution 7k2m --measured --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.reprice(c.Context(), what, since) },
	}
	c.Flags().StringVar(&what.Execution, "execution", "", "only this run, by the first letters of its `ID`")
	c.Flags().StringVar(&since, "since", "", "only runs at work from this `TIME` on (default: all)")
	c.Flags().BoolVar(&what.Measured, "measured", false, "show beside what calls whose cost was measured would cost by the table")
	c.Flags().BoolVar(&what.DryRun, "dry-run", false, "show what would change, and record nothing")
	return c
}

func (p *Program) reprice(ctx context.Context, what record.Repricing, since string) error {
	var err error
	if what.Since, err = p.since("since", since); err != nil {
		return err
	}
	w, err := p.openPenTo(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if w.trail == nil {
		return w.unreached
	}
	if err := w.drain(ctx); err != nil {
		return err
	}
	who, err := w.about(ctx, what.Execution)
	if err != nil {
		return unresolved(err)
	}
	if what.Execution != "" {
		what.Execution = who.execution
	}
	// Who prices anew is who runs this, and not the agent whose calls they are.
	what.Actor, what.Auth = w.person()
	if what.Actor == "" {
		return fmt.Errorf("couldn't tell who you are: the key %s can't be read", w.place.PeopleKey)
	}
	done, err := w.trail.recorder.Reprice(ctx, what)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(done)
	}
	return printRepriced(p.out(), done)
}

func printRepriced(o *term.Output, done *record.Repriced) error {
	t := o.Table(term.Column{Title: "EXECUTION", Whole: true}, term.Column{Title: "MODEL"}, term.Column{Title: "CALLS", Right: true, Whole: true},
		term.Column{Title: "BEFORE", Right: true, Whole: true}, term.Column{Title: "NOW", Right: true, Whole: true})
	for i := range done.Executions {
		x := &done.Executions[i]
		t.Row(term.Text(shortID(o, x.ExecutionID, "exec")), term.Text(x.Model), term.Int(x.Calls), term.Text(term.Money(x.PreviousMicros)), term.Text(term.Money(x.CostMicros)))
	}
	if err := t.Write(); err != nil || !o.Terminal() {
		return err
	}
	verb := "changed"
	if done.DryRun {
		verb = "would change; nothing was recorded"
	}
	o.Printf("\n%s of %s: %s %s, %s before, %s now\n", term.Count(done.Calls, "call"), done.PriceTable, term.Count(int64(len(done.Executions)), "figure"), verb,
		term.Money(done.PreviousMicros), term.Money(done.CostMicros))
	if done.Unpriced > 0 {
		o.Printf("%s without a price in the table keep what they have\n", term.Count(done.Unpriced, "call"))
	}
	if done.Measured > 0 {
		o.Printf("%s were measured and stay", term.Count(done.Measured, "call"))
		if done.MeasuredMicros != nil {
			o.Printf(": %s, and %s by the table", term.Money(*done.MeasuredMicros), term.Money(*done.ComputedMicros))
		}
		o.Printf("\n")
	}
	return nil
}
