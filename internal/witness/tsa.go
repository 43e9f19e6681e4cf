package witness

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"mime"
	"net/http"
	"time"

	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/stamp"
)

// Stamped is a time stamp of a checkpoint's text.
type Stamped struct {
	// Token is the stamp, in base64.
	Token string
	// At is when the authority stamped it, by its own clock.
	At time.Time
	// Authority is how it calls itself.
	Authority string
}

// ErrBadStamp means that an authority answered with a stamp that does not count.
var ErrBadStamp = errors.New("the authority answered with a stamp that does not count")

// StampClient asks one authority for time stamps (RFC 3161).
type StampClient struct {
	URL   string
	Roots []*x509.Certificate
	HTTP  *http.Client
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// stampSlack is by how much the authority's clock may differ from ours before its
// stamp is worth nothing to us.
const stampSlack = 10 * time.Minute

// Stamp has the authority stamp the text of a signed checkpoint. It sees nothing but
// its hash. The stamp is checked as a verifier will, and that it answers just this
// request.
func (c *StampClient) Stamp(ctx context.Context, signed string) (*Stamped, error) {
	text, err := proof.CheckpointText(signed)
	if err != nil {
		return nil, err
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("couldn't make a number for a time stamp: %w", err)
	}
	request, err := stamp.NewRequest([]byte(text), nonce)
	if err != nil {
		return nil, err
	}
	a, err := patiently(ctx, c.Sleep, func() (*answer, error) {
		return post(ctx, c.HTTP, c.URL, "application/timestamp-query", request, stamp.MaxToken)
	})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered %d", ErrUnavailable, a.status)
	}
	if kind, _, err := mime.ParseMediaType(a.kind); err != nil || kind != "application/timestamp-reply" {
		return nil, fmt.Errorf("%w: its answer is no time stamp but %q", ErrUnavailable, a.kind)
	}
	token, err := stamp.Token(a.body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s, err := stamp.Check(token, []byte(text), c.Roots)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBadStamp, err)
	case s.Nonce == nil || s.Nonce.Cmp(nonce) != 0:
		return nil, fmt.Errorf("%w: it is the answer to another request", ErrBadStamp)
	case s.At.Sub(c.Now()).Abs() > stampSlack:
		return nil, fmt.Errorf("%w: it says %s, and the clock here %s", ErrBadStamp, s.At.Format(time.RFC3339), c.Now().UTC().Format(time.RFC3339))
	}
	return &Stamped{Token: base64.StdEncoding.EncodeToString(token), At: s.At, Authority: s.Authority}, nil
}

// checkStamp returns when an authority stamped the checkpoint of a signed note.
func checkStamp(roots []byte, signed, token string) (time.Time, string, error) {
	text, err := proof.CheckpointText(signed)
	if err != nil {
		return time.Time{}, "", err
	}
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return time.Time{}, "", fmt.Errorf("the time stamp is not in base64: %w", err)
	}
	trusted, err := Roots(roots)
	if err != nil {
		return time.Time{}, "", err
	}
	s, err := stamp.Check(b, []byte(text), trusted)
	if err != nil {
		return time.Time{}, "", err
	}
	return s.At, s.Authority, nil
}
