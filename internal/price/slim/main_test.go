package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const full = `[{"id":"p","name":"P","api_pattern":"https://p\\.example","provider_match":{"contains":"q"},
	"extractors":[{"root":"usage"}],"fallback_model_providers":["r"],"models":[
	{"id":"m","name":"M","match":{"or":[{"equals":"m"},{"regex":"^(?!a)<m>$"}]},"context_window":9,
	 "prices":{"input_mtok":{"base":0.10,"tiers":[{"start":5,"price":0.18000000000000002}]},"audio_hours":3}},
	{"id":"n","match":{"equals":"n"},"prices":[{"prices":{}},
	 {"constraint":{"start_date":"2026-01-01","type":"start_date"},"prices":{"output_mtok":1e-7,"web_searches_kcount":10}}]}]}]`

const slimmed = `[{"id":"p","provider_match":{"contains":"q"},"fallback_model_providers":["r"],"models":[` +
	`{"id":"m","match":{"or":[{"equals":"m"},{"regex":"^(?!a)\u003cm\u003e$"}]},` +
	`"prices":{"input_mtok":{"base":0.10,"tiers":[{"start":5,"price":0.18000000000000002}]}}},` +
	`{"id":"n","match":{"equals":"n"},"prices":[{"prices":{}},` +
	`{"constraint":{"start_date":"2026-01-01","type":"start_date"},"prices":{"output_mtok":1e-7}}]}]}]` + "\n"

func TestSlim(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	if err := slim(strings.NewReader(full), &first); err != nil {
		t.Fatal(err)
	}
	if err := slim(strings.NewReader(full), &second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same table gives different bytes")
	}
	r, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slimmed, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestSlimRefuses(t *testing.T) {
	t.Parallel()
	for _, table := range []string{``, `{}`, `[{"models":[{"prices":3}]}]`, full[:99]} {
		if err := slim(strings.NewReader(table), io.Discard); err == nil {
			t.Errorf("%q was taken", table)
		}
	}
}
