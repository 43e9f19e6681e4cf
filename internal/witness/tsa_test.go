package witness

import (
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/stamp"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

func stampClient(t testing.TB, url string, roots []byte) *StampClient {
	t.Helper()
	trusted, err := Roots(roots)
	if err != nil {
		t.Fatal(err)
	}
	return &StampClient{URL: url, Roots: trusted, HTTP: NewHTTP(), Now: time.Now}
}

// OpenSSL stamps a checkpoint, and believes the stamp that we keep.
func TestRealAuthority(t *testing.T) {
	t.Parallel()
	a := testenv.StartTimeAuthority(t, "stamps", 30)
	roots, err := os.ReadFile(a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	head := newLog(t, "whodid.test/one").grow(5, "leaf").show(t)
	c := stampClient(t, a.URL, roots)
	got, err := c.Stamp(t.Context(), head.Signed)
	if err != nil {
		t.Fatal(err)
	}
	if got.Authority != "test.invalid time" || time.Since(got.At).Abs() > time.Minute {
		t.Errorf("%+v", got)
	}
	place := Place{Kind: KindTSA, roots: roots}
	if at, who, err := Vouched(&place, head.Signed, got.Token); err != nil || !at.Equal(got.At) || who != "TSA test.invalid time" {
		t.Errorf("%v, %s, %v", at, who, err)
	}
	token, err := base64.StdEncoding.DecodeString(got.Token)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proof.CheckpointText(head.Signed)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(t.Context(), token, []byte(text)); err != nil {
		t.Error(err)
	}
	// What it stamped is that checkpoint and no other.
	other := newLog(t, "whodid.test/one").grow(6, "leaf").show(t)
	if _, _, err := Vouched(&place, other.Signed, got.Token); !errors.Is(err, stamp.ErrStamp) {
		t.Errorf("the stamp of another checkpoint: %v", err)
	}
	if _, _, err := Vouched(&place, head.Signed, "no base64!"); err == nil {
		t.Error("what is no stamp counts")
	}
	another := testenv.StartTimeAuthority(t, "stamps", 30)
	foreign, err := os.ReadFile(another.Roots)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Vouched(&Place{Kind: KindTSA, roots: foreign}, head.Signed, got.Token); !errors.Is(err, stamp.ErrStamp) {
		t.Errorf("another root of that name: %v", err)
	}
	late := stampClient(t, a.URL, roots)
	late.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	if _, err := late.Stamp(t.Context(), head.Signed); !errors.Is(err, ErrBadStamp) || !strings.Contains(err.Error(), "the clock here") {
		t.Errorf("clocks that differ: %v", err)
	}
}

// TestAuthorities are those that answer with what does not count.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	tsa := stamptest.New(t, "test.invalid clock", 50, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), stamptest.None)
	wrong := stamptest.New(t, "test.invalid clock", 50, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), stamptest.OtherUse)
	expired := stamptest.New(t, "test.invalid clock", 50, now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0), stamptest.None)
	head := newLog(t, "whodid.test/one").grow(5, "leaf").show(t)
	text, err := proof.CheckpointText(head.Signed)
	if err != nil {
		t.Fatal(err)
	}
	const reply = "application/timestamp-reply"
	granted := func(token []byte) []byte { return stamptest.Response(t, 0, token) }
	for name, tc := range map[string]struct {
		status int
		kind   string
		body   []byte
		want   error
		says   string
	}{
		"replayed":                     {200, reply, granted(tsa.Stamp(t, []byte(text), now, big.NewInt(77), nil)), ErrBadStamp, "another request"},
		"without the number":           {200, reply, granted(tsa.Stamp(t, []byte(text), now, nil, nil)), ErrBadStamp, "another request"},
		"of another checkpoint":        {200, reply, granted(tsa.Stamp(t, []byte("x"), now, big.NewInt(77), nil)), ErrBadStamp, "stamps something else"},
		"by a certificate for servers": {200, reply, granted(wrong.Stamp(t, []byte(text), now, nil, nil)), ErrBadStamp, "not one for time stamps"},
		"by one that has expired":      {200, reply, granted(expired.Stamp(t, []byte(text), now, nil, nil)), ErrBadStamp, "trusted root"},
		"rejected":                     {200, reply, stamptest.Response(t, 2, nil), ErrUnavailable, "rejection"},
		"a page":                       {200, "text/html", []byte("<html>"), ErrUnavailable, "text/html"},
		"no kind":                      {200, ";;", granted(nil), ErrUnavailable, "no time stamp"},
		"an error":                     {500, reply, nil, ErrUnavailable, "500"},
		"too much":                     {200, reply, make([]byte, stamp.MaxToken+1), ErrUnavailable, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(tc.status)
				_, _ = w.Write(tc.body)
			}))
			defer s.Close()
			_, err := stampClient(t, s.URL, []byte(tsa.RootPEM())).Stamp(t.Context(), head.Signed)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %v, %q", err, tc.want, tc.says)
			}
		})
	}
	c := stampClient(t, "http://127.0.0.1:1/", []byte(tsa.RootPEM()))
	if _, err := c.Stamp(t.Context(), head.Signed); !errors.Is(err, ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := c.Stamp(t.Context(), "x"); err == nil {
		t.Error("what is no checkpoint is stamped")
	}
}

// OpenSSL itself does not stamp with a certificate for servers, so that the real
// authority of such a one answers with nothing that could count.
func TestRealAuthorityForServers(t *testing.T) {
	t.Parallel()
	a := testenv.StartTimeAuthority(t, "servers", 30)
	roots, err := os.ReadFile(a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	head := newLog(t, "whodid.test/one").grow(5, "leaf").show(t)
	if got, err := stampClient(t, a.URL, roots).Stamp(t.Context(), head.Signed); err == nil {
		t.Errorf("%+v", got)
	}
}
