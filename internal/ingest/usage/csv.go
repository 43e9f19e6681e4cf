package usage

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// The names of columns, the most telling first: those of the exports, and what
// somebody would call them in a table of their own.
var (
	dayColumns        = []string{"usage_date_utc", "start_time_iso", "starting_at", "date", "day", "usage_date", "start_time"}
	modelColumns      = []string{"model_version", "model", "model_name", "line_item"}
	costColumns       = []string{"cost_usd", "amount_value", "amount_usd", "cost", "amount", "total_usd"}
	currencyColumns   = []string{"amount_currency", "currency"}
	inputColumns      = []string{"usage_input_tokens_no_cache", "uncached_input_tokens", "input_uncached_tokens", "input_tokens", "tokens_in"}
	outputColumns     = []string{"usage_output_tokens", "output_tokens", "tokens_out"}
	cacheReadColumns  = []string{"usage_input_tokens_cache_read", "cache_read_input_tokens", "cache_read_tokens", "input_cached_tokens"}
	cacheWriteColumns = [][]string{
		{"usage_input_tokens_cache_write_5m", "cache_creation_input_tokens", "cache_write_tokens", "input_cache_write_tokens"},
		{"usage_input_tokens_cache_write_1h"},
	}
)

// columns are where a table has what; -1 is nowhere.
type columns struct {
	day, model, cost, currency, input, output, cacheRead int
	cacheWrite                                           [2]int
	cachedWithin                                         bool
}

// readHeader finds the columns and tells the format of a table.
func readHeader(names []string) (columns, string, error) {
	if len(names) > maxColumns {
		return columns{}, "", fmt.Errorf("it has %d columns", len(names))
	}
	low := make([]string, len(names))
	for i, n := range names {
		low[i] = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(n)), " ", "_")
	}
	find := func(of []string) int {
		for _, name := range of {
			if i := slices.Index(low, name); i >= 0 {
				return i
			}
		}
		return -1
	}
	c := columns{
		day: find(dayColumns), model: find(modelColumns), cost: find(costColumns), currency: find(currencyColumns),
		input: find(inputColumns), output: find(outputColumns), cacheRead: find(cacheReadColumns),
	}
	for i, of := range cacheWriteColumns {
		c.cacheWrite[i] = find(of)
	}
	// OpenAI counts what was read from a cache as input too.
	c.cachedWithin = c.input >= 0 && low[c.input] == "input_tokens" && slices.Contains(low, "input_cached_tokens")
	if c.day < 0 || c.cost < 0 && c.input < 0 && c.output < 0 {
		return c, "", fmt.Errorf("none of its columns %.200q tells a day and a cost or tokens: docs/reconcile.md says which are read", strings.Join(low, ", "))
	}
	return c, formatOf(low), nil
}

const maxColumns = 200

func formatOf(low []string) string {
	has := func(name string) bool { return slices.Contains(low, name) }
	switch {
	case has("usage_input_tokens_no_cache"):
		return "usage of Claude Console (CSV)"
	case has("usage_date_utc") && has("cost_usd") && has("token_type"):
		return "cost of Claude Console (CSV)"
	case has("amount_value"):
		return "cost of OpenAI's platform (CSV)"
	case has("num_model_requests"):
		return "usage of OpenAI's platform (CSV)"
	default:
		return "a table of usage"
	}
}

func (p *parser) csv(b []byte) error {
	in := csv.NewReader(bytes.NewReader(b))
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	if first, _, _ := bytes.Cut(b, []byte("\n")); bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		in.Comma = ';'
	}
	names, err := in.Read()
	if err != nil {
		return fmt.Errorf("it is neither JSON nor a table: %w", err)
	}
	c, format, err := readHeader(names)
	if err != nil {
		return err
	}
	if err := p.found(format); err != nil {
		return err
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		if err := p.fields(&c, fields); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// fields reads one row of a table.
func (p *parser) fields(c *columns, fields []string) error {
	at := func(i int) string {
		if i < 0 || i >= len(fields) {
			return ""
		}
		return strings.TrimSpace(fields[i])
	}
	r := row{
		day: at(c.day), model: at(c.model), input: at(c.input), output: at(c.output), cacheRead: at(c.cacheRead),
		cacheWrite: at(c.cacheWrite[0]), cachedWithin: c.cachedWithin,
	}
	if hour := at(c.cacheWrite[1]); hour != "" {
		both, err := addTokens(r.cacheWrite, hour)
		if err != nil {
			return err
		}
		r.cacheWrite = both
	}
	amount := at(c.cost)
	if amount != "" {
		if err := onlyDollars(at(c.currency)); err != nil {
			return err
		}
		cost, err := dollars(amount)
		if err != nil {
			return err
		}
		r.cost = cost
	}
	if amount == "" && r.input == "" && r.output == "" {
		return nil // a day without usage
	}
	return p.add(&r)
}

func addTokens(a, b string) (string, error) {
	x, err := tokens(a)
	if err != nil {
		return "", err
	}
	y, err := tokens(b)
	if err != nil {
		return "", err
	}
	return new(big.Int).Add(big.NewInt(x), big.NewInt(y)).String(), nil
}

func onlyDollars(currency string) error {
	if currency != "" && !strings.EqualFold(currency, "usd") {
		return fmt.Errorf("it is in %.10q: the trail counts US dollars, and there is nothing to compare", currency)
	}
	return nil
}
