package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
)

// show is the head of a log, as a witness is shown it.
func (l *log) show(t testing.TB) Head {
	t.Helper()
	c, signed := l.head(t)
	return Head{Signed: signed, Checkpoint: c, Tiles: l.tiles}
}

func clientOf(t testing.TB, url, key string) *Client {
	t.Helper()
	w, err := proof.ParseWitness(key)
	if err != nil {
		t.Fatal(err)
	}
	return &Client{URL: url, Key: w, HTTP: NewHTTP()}
}

// What a real witness says of honest logs and of others, each shown to it after the
// one before.
func TestRealWitness(t *testing.T) {
	t.Parallel()
	honest := newLog(t, "whodid.test/honest")
	real := testenv.StartOmniwitness(t, "witness.test/w", honest.public)
	c := clientOf(t, real.URL, real.Key)
	at := func(n int, name string) *log {
		return (&log{private: honest.private, public: honest.public}).grow(n, name)
	}
	for _, step := range []struct {
		name string
		log  *log
		old  uint64
		want error
	}{
		{"the first head", at(5, "leaf"), 0, nil},
		{"a longer one, from where it was", at(9, "leaf"), 5, nil},
		{"the same again", at(9, "leaf"), 9, nil},
		{"the same, from nothing that we know", at(9, "leaf"), 0, nil},
		{"a longer one, from what is out of date", at(20, "leaf"), 5, nil},
		{"a longer one, from where it never was", at(30, "leaf"), 25, nil},
		{"a shorter one", at(7, "leaf"), 7, ErrRolledBack},
		{"an empty one", at(0, "leaf"), 0, ErrRolledBack},
		{"another of the same size", at(30, "other"), 30, ErrForked},
		{"a longer one that is another", at(40, "other"), 0, ErrForked},
		// The specification says 404, which this one does not: see TestAnswers.
		{"a log that it does not know", newLog(t, "whodid.test/unknown").grow(3, "leaf"), 0, ErrUnavailable},
		{"and it goes on", at(31, "leaf"), 30, nil},
	} {
		head := step.log.show(t)
		got, err := c.Cosign(t.Context(), head, step.old)
		if !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
		if Refused(err) != (errors.Is(step.want, ErrRolledBack) || errors.Is(step.want, ErrForked)) {
			t.Errorf("%s: refused %t", step.name, Refused(err))
		}
		if step.want == nil && err == nil {
			if seen, err := c.Key.Cosigned(head.Signed + got.Line); err != nil || !seen.Equal(got.At) || time.Since(seen) > time.Hour {
				t.Errorf("%s: cosigned at %v, %v", step.name, seen, err)
			}
		}
	}
}

// TestAnswers are what no honest witness says, or only sometimes.
func TestAnswers(t *testing.T) {
	t.Parallel()
	l := newLog(t, "whodid.test/one").grow(9, "leaf")
	real := testenv.StartOmniwitness(t, "witness.test/w", l.public)
	head := l.show(t)
	good, err := clientOf(t, real.URL, real.Key).Cosign(t.Context(), head, 0)
	if err != nil {
		t.Fatal(err)
	}
	longer := (&log{private: l.private, public: l.public, leaves: l.leaves[:9:9]}).grow(3, "more").show(t)
	type reply struct {
		status int
		body   string
	}
	for name, tc := range map[string]struct {
		head    Head
		replies []reply // the last one goes on
		want    error
		says    string
	}{
		"good":                            {head, []reply{{200, good.Line}}, nil, ""},
		"good, among others":              {head, []reply{{200, "— other AAAA\n" + good.Line + "\n— \n"}}, nil, ""},
		"busy at first":                   {head, []reply{{503, ""}, {429, ""}, {200, good.Line}}, nil, ""},
		"busy for ever":                   {head, []reply{{503, ""}}, ErrUnavailable, "503"},
		"a cosignature of another":        {longer, []reply{{200, good.Line}}, ErrUnavailable, "no cosignature"},
		"nothing":                         {head, []reply{{200, ""}}, ErrUnavailable, "no cosignature"},
		"too much":                        {head, []reply{{200, strings.Repeat("x", maxAnswer+1)}}, ErrUnavailable, "longer than"},
		"a redirect":                      {head, []reply{{302, ""}}, ErrUnavailable, "302"},
		"another key":                     {head, []reply{{403, ""}}, ErrForeign, ""},
		"unknown":                         {head, []reply{{404, ""}}, ErrUnknownLog, "whodid.test/one"},
		"no proof":                        {head, []reply{{422, ""}}, ErrForked, ""},
		"the same size, another root":     {head, []reply{{409, "9\n"}}, ErrForked, "9 events"},
		"another size each time":          {head, []reply{{409, "3\n"}, {409, "4\n"}, {409, "5\n"}, {409, "6\n"}}, ErrUnavailable, "same time"},
		"longer":                          {head, []reply{{409, "10\n"}}, ErrRolledBack, "of 10 events, and there are 9"},
		"a size that is none":             {head, []reply{{409, "ten\n"}}, ErrUnavailable, "409"},
		"a size with a zero before it":    {head, []reply{{409, "010\n"}}, ErrUnavailable, "409"},
		"a size beyond all":               {head, []reply{{409, "99999999999999999999\n"}}, ErrUnavailable, "409"},
		"conflict, and then it is served": {head, []reply{{409, "4\n"}, {200, good.Line}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Error(err)
				}
				a := tc.replies[min(n, len(tc.replies)-1)]
				n++
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(a.status)
				fmt.Fprint(w, a.body)
			}))
			defer s.Close()
			c := clientOf(t, s.URL, real.Key)
			var waited time.Duration
			c.Sleep = func(_ context.Context, d time.Duration) error { waited += d; return nil }
			_, err := c.Cosign(t.Context(), tc.head, 0)
			if !errors.Is(err, tc.want) || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %v %q", err, tc.want, tc.says)
			}
			if strings.HasPrefix(name, "busy") && waited < 14*time.Second {
				t.Errorf("waited %s, and was asked to wait 7 s each time", waited)
			}
		})
	}
}

func TestUnreachableWitness(t *testing.T) {
	t.Parallel()
	l := newLog(t, "whodid.test/one").grow(2, "leaf")
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := clientOf(t, s.URL, testKeyOfWitness)
	if _, err := c.Cosign(t.Context(), l.show(t), 0); !errors.Is(err, ErrUnavailable) || Refused(err) {
		t.Error(err)
	}
	c.URL = "::"
	if _, err := c.Cosign(t.Context(), l.show(t), 0); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

// A trail whose tiles are damaged can't prove anything, and says so itself.
func TestDamagedTiles(t *testing.T) {
	t.Parallel()
	l := newLog(t, "whodid.test/one").grow(9, "leaf")
	head := l.show(t)
	head.Tiles = func(int, uint64, int) ([]proof.Hash, error) { return make([]proof.Hash, 9), nil }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, "4\n")
	}))
	defer s.Close()
	if _, err := clientOf(t, s.URL, testKeyOfWitness).Cosign(t.Context(), head, 0); err == nil || Refused(err) {
		t.Error(err)
	}
}
