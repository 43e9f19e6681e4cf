// Command slim makes the table that package price embeds out of the full one of
// genai-prices: it reads that from standard input, leaves out what doesn't bear
// on the cost of text tokens (names, descriptions, extraction rules, other
// units) and writes the rest, compressed, to standard output.
//
// ../data/README.md has the whole command.
package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Names of what is kept; the values are copied as they are, to the digit.
type (
	provider struct {
		ID            json.RawMessage `json:"id"`
		ProviderMatch json.RawMessage `json:"provider_match,omitempty"`
		ModelMatch    json.RawMessage `json:"model_match,omitempty"`
		Fallbacks     json.RawMessage `json:"fallback_model_providers,omitempty"`
		Models        []model         `json:"models"`
	}
	model struct {
		ID     json.RawMessage `json:"id"`
		Match  json.RawMessage `json:"match"`
		Prices prices          `json:"prices"`
	}
	prices struct{ value any }
	dated  struct {
		Constraint json.RawMessage `json:"constraint,omitempty"`
		Prices     tariff          `json:"prices"`
	}
	tariff struct {
		Input        json.RawMessage `json:"input_mtok,omitempty"`
		Output       json.RawMessage `json:"output_mtok,omitempty"`
		CacheRead    json.RawMessage `json:"cache_read_mtok,omitempty"`
		CacheWrite   json.RawMessage `json:"cache_write_mtok,omitempty"`
		CacheWrite5m json.RawMessage `json:"cache_write_5m_mtok,omitempty"`
		CacheWrite1h json.RawMessage `json:"cache_write_1h_mtok,omitempty"`
		Requests     json.RawMessage `json:"requests_kcount,omitempty"`
		Tool         json.RawMessage `json:"input_tool_mtok,omitempty"`
		Reasoning    json.RawMessage `json:"output_reasoning_mtok,omitempty"`
		Citation     json.RawMessage `json:"output_citation_mtok,omitempty"`
	}
)

func (p *prices) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		p.value = &[]dated{}
	} else {
		p.value = &tariff{}
	}
	return json.Unmarshal(data, p.value)
}

func (p prices) MarshalJSON() ([]byte, error) { return json.Marshal(p.value) }

func main() {
	if err := slim(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		os.Exit(1)
	}
}

func slim(r io.Reader, w io.Writer) error {
	var table []provider
	if err := json.NewDecoder(r).Decode(&table); err != nil {
		return fmt.Errorf("couldn't read table: %w", err)
	}
	// The archive has no name and no time, so that the same table gives the
	// same bytes.
	archive, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("couldn't open archive: %w", err)
	}
	if err := json.NewEncoder(archive).Encode(table); err != nil {
		return fmt.Errorf("couldn't write table: %w", err)
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("couldn't close archive: %w", err)
	}
	return nil
}
