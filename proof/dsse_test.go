package proof_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/whodid/whodid/proof"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	signer, key := testKey(t, "test.invalid/log", 1)
	_, other := testKey(t, "test.invalid/log", 2)
	e, err := signer.SignEnvelope("application/vnd.in-toto+json", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := proof.OpenEnvelope(text, key); err != nil || string(got.Payload) != `{"a":1}` {
		t.Errorf("%+v, %v", got, err)
	}
	edited := func(edit func(e *proof.Envelope)) []byte {
		var e proof.Envelope
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		edit(&e)
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, tc := range map[string]struct {
		text []byte
		key  string
	}{
		"another key":     {text, other},
		"no key":          {text, "x"},
		"another payload": {edited(func(e *proof.Envelope) { e.Payload = []byte(`{"a":2}`) }), key},
		"another type":    {edited(func(e *proof.Envelope) { e.PayloadType = "text/plain" }), key},
		"no signature":    {edited(func(e *proof.Envelope) { e.Signatures = nil }), key},
		"no JSON":         {bytes.TrimSuffix(text, []byte("}")), key},
	} {
		if got, err := proof.OpenEnvelope(tc.text, tc.key); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzOpenEnvelope(f *testing.F) {
	signer, key := testKey(f, "test.invalid/log", 1)
	e, err := signer.SignEnvelope("a", []byte("b"))
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := proof.OpenEnvelope(text, key); err == nil && (got.PayloadType != "a" || string(got.Payload) != "b") {
			t.Errorf("%+v", got)
		}
	})
}
