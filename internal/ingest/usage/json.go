package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// page is a page of an answer of Anthropic's or OpenAI's API.
type page struct {
	Data    []bucket `json:"data"`
	HasMore bool     `json:"has_more"`
}

// bucket is the usage or the cost of a time.
type bucket struct {
	StartingAt string      `json:"starting_at"` // Anthropic
	StartTime  json.Number `json:"start_time"`  // OpenAI
	Results    []result    `json:"results"`
}

// result is one line of a bucket, of whichever answer.
type result struct {
	Object string `json:"object"` // of OpenAI's
	Model  string `json:"model"`

	Uncached      *json.Number `json:"uncached_input_tokens"`
	CacheRead     *json.Number `json:"cache_read_input_tokens"`
	CacheCreation *struct {
		Hour json.Number `json:"ephemeral_1h_input_tokens"`
		Five json.Number `json:"ephemeral_5m_input_tokens"`
	} `json:"cache_creation"`
	Output *json.Number `json:"output_tokens"`

	Input  *json.Number `json:"input_tokens"` // OpenAI: what was read from a cache included
	Cached json.Number  `json:"input_cached_tokens"`

	// Amount is a text of cents at Anthropic, and an object of dollars at OpenAI.
	Amount   json.RawMessage `json:"amount"`
	Currency string          `json:"currency"`
	LineItem string          `json:"line_item"`
}

func (p *parser) json(b []byte) error {
	in := json.NewDecoder(bytes.NewReader(b))
	for {
		var value json.RawMessage
		err := in.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is no JSON: %w", err)
		}
		if err := p.value(value); err != nil {
			return err
		}
	}
}

// value is a page, a row of a table, or a list of such.
func (p *parser) value(b json.RawMessage) error {
	if len(b) > 0 && b[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(b, &list); err != nil {
			return fmt.Errorf("it is no JSON: %w", err)
		}
		for _, one := range list {
			if len(one) == 0 || one[0] != '{' {
				return errors.New("it is a list of other things than objects")
			}
			if err := p.value(one); err != nil {
				return err
			}
		}
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return fmt.Errorf("it is no JSON that says what was used: %w", err)
	}
	if _, ok := fields["data"]; ok {
		return p.page(b)
	}
	if _, ok := fields["results"]; ok {
		var one bucket
		if err := json.Unmarshal(b, &one); err != nil {
			return fmt.Errorf("a bucket of it can't be read: %w", err)
		}
		return p.bucket(&one)
	}
	return p.object(fields)
}

// object is a row of a table, as an object of its columns.
func (p *parser) object(fields map[string]json.RawMessage) error {
	names := slices.Sorted(maps.Keys(fields))
	c, _, err := readHeader(names)
	if err != nil {
		return err
	}
	if err := p.found("a table of usage"); err != nil {
		return err
	}
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = plain(fields[name])
	}
	return p.fields(&c, texts)
}

// plain is a text or a number as text; null is none.
func plain(b json.RawMessage) string {
	var text string
	if json.Unmarshal(b, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(b, &number) == nil {
		return number.String()
	}
	return ""
}

func (p *parser) page(b json.RawMessage) error {
	var one page
	if err := json.Unmarshal(b, &one); err != nil {
		return fmt.Errorf("a page of it can't be read: %w", err)
	}
	p.more = one.HasMore // the last page says it
	for i := range one.Data {
		if err := p.bucket(&one.Data[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) bucket(b *bucket) error {
	day := b.StartingAt
	if day == "" {
		day = b.StartTime.String()
	}
	for i := range b.Results {
		r, format, err := b.Results[i].row()
		if err != nil {
			return fmt.Errorf("bucket of %.40q: %w", day, err)
		}
		if err := p.found(format); err != nil {
			return err
		}
		r.day = day
		if err := p.add(r); err != nil {
			return err
		}
	}
	return nil
}

func (r *result) row() (*row, string, error) {
	text := func(n *json.Number) string {
		if n == nil {
			return ""
		}
		return n.String()
	}
	switch {
	case len(r.Amount) > 0 && r.Amount[0] == '{':
		var amount struct {
			Value    json.RawMessage `json:"value"`
			Currency string          `json:"currency"`
		}
		if err := json.Unmarshal(r.Amount, &amount); err != nil {
			return nil, "", fmt.Errorf("its amount can't be read: %w", err)
		}
		if err := onlyDollars(amount.Currency); err != nil {
			return nil, "", err
		}
		cost, err := dollars(plain(amount.Value))
		return &row{model: r.LineItem, cost: cost}, "costs of OpenAI's API", err
	case len(r.Amount) > 0 && string(r.Amount) != "null":
		if err := onlyDollars(r.Currency); err != nil {
			return nil, "", err
		}
		cost, err := dollars(plain(r.Amount))
		if err != nil {
			return nil, "", err
		}
		return &row{model: r.Model, cost: cost.Mul(cost, big.NewRat(1, 100))}, "costs of Anthropic's API", nil
	case r.Uncached != nil || r.CacheCreation != nil:
		out := &row{model: r.Model, input: text(r.Uncached), output: text(r.Output), cacheRead: text(r.CacheRead)}
		if r.CacheCreation != nil {
			both, err := addTokens(r.CacheCreation.Five.String(), r.CacheCreation.Hour.String())
			if err != nil {
				return nil, "", err
			}
			out.cacheWrite = both
		}
		return out, "usage of Anthropic's API", nil
	case r.Input != nil || strings.HasPrefix(r.Object, "organization.usage."):
		return &row{model: r.Model, input: text(r.Input), output: text(r.Output), cacheRead: r.Cached.String(), cachedWithin: true}, "usage of OpenAI's API", nil
	default:
		return nil, "", errors.New("a line of it tells neither tokens nor cost")
	}
}
