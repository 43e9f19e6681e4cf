// Package price says what a model call costs.
//
// Prices come from a table made by others, genai-prices (see data/README.md),
// and are looked up and applied as its own reference implementation does it:
// its matching rules for provider and model names, its prices that hold from a
// date or in a part of the day, its tiers for long prompts. On three points
// this package is stricter, because an unknown cost must never pass for a small
// one:
//
//   - Tokens of a kind for which the table has no price make the cost unknown.
//     The reference charges cached tokens without a price of their own as plain
//     input, and output tokens without a price at nothing.
//   - A model for which the table has no token price at all is unknown, even
//     when nothing was used.
//   - Where the table prices reasoning, citation or tool tokens apart from the
//     others of their direction, that direction is unknown, because [Usage]
//     doesn't tell them apart.
//
// All tokens are taken to be text, and paid tools of the provider such as web
// search are not part of the cost.
package price

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // holds the default table
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// embeddedVersion names the table in data/, and is what a stored cost refers
// to.
const embeddedVersion = "genai-prices@0.1.8"

//go:embed data/genai-prices-0.1.8.json.gz
var embeddedTable string

// maxTableBytes is the size, uncompressed, from which a table is refused. The
// table of 2026-09 has half a million.
const maxTableBytes = 8 << 20

// Usage counts the tokens of one request to a model. It is one request and not
// a sum of several, because tiers depend on the size of a single prompt and
// some providers charge for the request itself.
//
// The kinds don't overlap. In particular Input excludes what was read from or
// written to the cache, as in Anthropic's API; providers that report the whole
// prompt as input, such as OpenAI, need the cached part taken off first.
type Usage struct {
	Input        int64 // prompt tokens that didn't touch the cache
	Output       int64 // answer tokens, reasoning included
	CacheRead    int64 // prompt tokens read from the cache
	CacheWrite5m int64 // prompt tokens written to the cache for five minutes, or for the provider's usual time
	CacheWrite1h int64 // prompt tokens written to the cache for an hour
}

// Quote is the cost of one request, with what it was computed from.
type Quote struct {
	Micros   int64  // micro-dollars (USD 0.000001), rounded half up, once, from the exact sum
	Provider string // the table's id of the provider that sets the price
	Model    string // the table's id of the model, not the name that was asked for
	Table    string // the table's [Table.Version]
}

// Table is a set of prices. It is safe for concurrent use.
type Table struct {
	version   string
	providers []provider
	byID      map[string]*provider

	mu    sync.RWMutex
	found map[name]offer // answers of find, misses included; guarded by mu
}

var defaultTable = sync.OnceValues(func() (*Table, error) { return unpack(embeddedTable) })

func unpack(archive string) (*Table, error) {
	r, err := gzip.NewReader(strings.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("couldn't unpack embedded price table: %w", err)
	}
	t, err := Load(r)
	if err != nil {
		return nil, err
	}
	t.version = embeddedVersion
	return t, nil
}

// Default returns the table that is built into the program. The first call
// decodes it, which takes some milliseconds; later calls return the same table.
func Default() (*Table, error) { return defaultTable() }

// Load reads a table in the JSON format of genai-prices, version 2: a list of
// providers, as published in prices/new_data/v2/data.json of its repository.
// Fields that don't bear on the cost are ignored. A table that has a rule, a
// date or a price that this package can't honour to the letter is refused as a
// whole, as is one that is larger than 8 MiB: a table that is half understood
// gives wrong prices.
func Load(r io.Reader) (*Table, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxTableBytes+1))
	if err != nil {
		return nil, fmt.Errorf("couldn't read price table: %w", err)
	}
	if len(data) > maxTableBytes {
		return nil, fmt.Errorf("couldn't read price table: larger than %d bytes", maxTableBytes)
	}
	// Each element of a list and each field is followed by a comma or ends its
	// parent, so that commas bound what decoding allocates, whatever the shape.
	if n := bytes.Count(data, []byte(",")); n > maxTableItems {
		return nil, fmt.Errorf("couldn't read price table: %d fields, at most %d are allowed", n, maxTableItems)
	}
	providers, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode price table: %w", err)
	}
	if len(providers) == 0 {
		return nil, errors.New("couldn't decode price table: it has no providers")
	}
	digest := sha256.Sum256(data)
	t := &Table{
		version:   "genai-prices@sha256:" + hex.EncodeToString(digest[:8]),
		providers: providers,
		byID:      make(map[string]*provider, len(providers)),
		found:     make(map[name]offer),
	}
	for i := range providers {
		p := &providers[i]
		if t.byID[p.id] != nil {
			return nil, fmt.Errorf("couldn't decode price table: provider %q appears twice", p.id)
		}
		t.byID[p.id] = p
	}
	return t, nil
}

// Version names the table: genai-prices and its version for the built-in one,
// genai-prices and the start of the SHA-256 of the file for one that was
// loaded, since the format has no version of its own.
func (t *Table) Version() string { return t.version }

// Cost computes the cost of one request that was answered at the given time by
// the given model; use the name in the response, which may differ from what was
// asked for. It reports false when the cost is unknown, and then the quote is
// empty: because the table has no such provider or model, because it lacks a
// price for a kind of token that was used, because a count is negative, because
// the sum exceeds an int64, or because the price depends on the time and at is
// zero.
//
// The provider is the table's id or a name that the table's rules map to one
// ("bedrock", "vertex_ai"). When it is empty, the table's rules derive it from
// the model's name; failing that, or when it is "litellm", a name such as
// "openai/gpt-5" is taken apart at its first slash. Names are compared without
// regard to case.
//
// Tokens written to the cache for an hour cost the table's price for that, and
// where it has none, its general price for cache writes, as in the reference
// implementation. The same holds for five minutes.
func (t *Table) Cost(provider, model string, at time.Time, u Usage) (Quote, bool) {
	prompt, ok := u.prompt()
	if !ok {
		return Quote{}, false
	}
	o := t.find(name{provider: provider, model: model})
	if o.model == nil {
		return Quote{}, false
	}
	tariff := o.model.tariff(at)
	if tariff == nil {
		return Quote{}, false
	}
	micros, ok := tariff.cost(u, prompt)
	if !ok {
		return Quote{}, false
	}
	return Quote{Micros: micros, Provider: o.provider.id, Model: o.model.id, Table: t.version}, true
}
