package stamp_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/proof/stamp"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

var (
	at      = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	from    = at.AddDate(-1, 0, 0)
	until   = at.AddDate(1, 0, 0)
	message = []byte("whodid.test/one\n7\nAAAA\n")
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tsa := stamptest.New(t, "test.invalid clock", 10, from, until, stamptest.None)
	namesake := stamptest.New(t, "test.invalid clock", 20, from, until, stamptest.None)
	roots := []*x509.Certificate{tsa.Root}
	nonce := big.NewInt(1234567)
	honest := tsa.Stamp(t, message, at, nonce, nil)
	got, err := stamp.Check(honest, message, roots)
	if err != nil || !got.At.Equal(at) || got.Nonce.Cmp(nonce) != 0 || got.Authority != "test.invalid clock" {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := stamp.Check(tsa.Stamp(t, message, at, nil, nil), message, roots); err != nil || got.Nonce != nil {
		t.Errorf("without a nonce: %+v, %v", got, err)
	}
	use := func(f stamptest.Fault) []byte {
		return stamptest.New(t, "test.invalid clock", 10, from, until, f).Stamp(t, message, at, nonce, nil)
	}
	edit := func(e stamptest.Edit) []byte { return tsa.Stamp(t, message, at, nonce, &e) }
	flip := func(what []byte) []byte {
		out := bytes.Clone(honest)
		i := bytes.Index(out, what)
		out[i+len(what)/2] ^= 1
		return out
	}
	for name, tc := range map[string]struct {
		token []byte
		roots []*x509.Certificate
		says  string
	}{
		"another message":              {tsa.Stamp(t, []byte("whodid.test/one\n8\nAAAA\n"), at, nonce, nil), roots, "stamps something else"},
		"another hash":                 {edit(stamptest.Edit{Imprint: make([]byte, 32)}), roots, "stamps something else"},
		"a short hash":                 {edit(stamptest.Edit{Imprint: []byte{}}), roots, "stamps something else"},
		"a certificate for servers":    {use(stamptest.OtherUse), roots, "not one for time stamps alone"},
		"a certificate for both":       {use(stamptest.MoreUses), roots, "not one for time stamps alone"},
		"a use that can be overlooked": {use(stamptest.NotCritical), roots, "does not insist"},
		"no roots":                     {honest, nil, "does not lead to a trusted root"},
		"the root of a namesake":       {honest, []*x509.Certificate{namesake.Root}, "does not lead to a trusted root"},
		"by a namesake":                {namesake.Stamp(t, message, at, nonce, nil), roots, "does not lead to a trusted root"},
		"expired when it stamped":      {tsa.Stamp(t, message, until.Add(time.Hour), nonce, nil), roots, "does not lead to a trusted root"},
		"not yet valid":                {tsa.Stamp(t, message, from.Add(-time.Hour), nonce, nil), roots, "does not lead to a trusted root"},
		"another certificate named":    {edit(stamptest.Edit{Named: namesake.Signer}), roots, "names another certificate"},
		"no certificate sent":          {edit(stamptest.Edit{Sent: []*x509.Certificate{}}), roots, "lacks the certificate"},
		"only the root sent":           {edit(stamptest.Edit{Sent: []*x509.Certificate{tsa.Root}}), roots, "lacks the certificate"},
		"too many certificates":        {edit(stamptest.Edit{Sent: manyOf(tsa.Signer, 17)}), roots, "more than 16"},
		"another content signed":       {edit(stamptest.Edit{Digest: make([]byte, 64)}), roots, "not what was signed"},
		"of another kind":              {edit(stamptest.Edit{Kind: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}}), roots, "not what was signed"},
		"an attribute twice":           {edit(stamptest.Edit{Twice: true}), roots, "twice"},
		"no signed attributes":         {edit(stamptest.Edit{Unsigned: true}), roots, "can't be read"},
		"a critical extension":         {edit(stamptest.Edit{Extension: true}), roots, "not known here (1.2.3.5)"},
		"the time edited":              {flip([]byte("20260304050607Z")), roots, "not what was signed"},
		"the signature edited":         {flip(honest[len(honest)-20:]), roots, "signature does not hold"},
		"cut":                          {honest[:len(honest)-1], roots, "can't be read"},
		"with more behind it":          {append(bytes.Clone(honest), 0), roots, "can't be read"},
		"empty":                        {nil, roots, "can't be read"},
		"too long":                     {make([]byte, stamp.MaxToken+1), roots, "longer than"},
	} {
		got, err := stamp.Check(tc.token, message, tc.roots)
		if err == nil || !errors.Is(err, stamp.ErrStamp) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, tc.says)
		}
	}
}

func manyOf(c *x509.Certificate, n int) []*x509.Certificate {
	var out []*x509.Certificate
	for range n {
		out = append(out, c)
	}
	return out
}

func TestToken(t *testing.T) {
	t.Parallel()
	tsa := stamptest.New(t, "test.invalid clock", 10, from, until, stamptest.None)
	honest := tsa.Stamp(t, message, at, nil, nil)
	for _, status := range []int64{0, 1} {
		if got, err := stamp.Token(stamptest.Response(t, status, honest)); err != nil || !bytes.Equal(got, honest) {
			t.Errorf("status %d: %d bytes, %v", status, len(got), err)
		}
	}
	for name, tc := range map[string]struct {
		response []byte
		says     string
	}{
		"rejected":           {stamptest.Response(t, 2, nil), "rejection (2)"},
		"rejected and sent":  {stamptest.Response(t, 2, honest), "rejection (2)"},
		"waiting":            {stamptest.Response(t, 3, nil), "waiting (3)"},
		"unknown":            {stamptest.Response(t, 77, nil), "unknown status (77)"},
		"negative":           {stamptest.Response(t, -1, honest), "unknown status (-1)"},
		"granted, none sent": {stamptest.Response(t, 0, nil), "sent none"},
		"two of them":        {stamptest.Response(t, 0, append(bytes.Clone(honest), honest...)), "sent none"},
		"no answer":          {[]byte("<html>"), "can't be read"},
		"too long":           {make([]byte, stamp.MaxToken+1), "longer than"},
	} {
		if _, err := stamp.Token(tc.response); !errors.Is(err, stamp.ErrStamp) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

// A token that was changed anywhere says the same as before, or nothing.
func FuzzCheck(f *testing.F) {
	tsa := stamptest.New(f, "test.invalid clock", 10, from, until, stamptest.None)
	honest := tsa.Stamp(f, message, at, big.NewInt(9), nil)
	f.Add(honest)
	f.Add(stamptest.Response(f, 0, honest))
	f.Fuzz(func(t *testing.T, b []byte) {
		if token, err := stamp.Token(b); err == nil {
			b = token
		}
		got, err := stamp.Check(b, message, []*x509.Certificate{tsa.Root})
		if err == nil && !got.At.Equal(at) {
			t.Errorf("it was stamped at %s", got.At)
		}
	})
}
