package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid/proof"
)

// The ways in which a witness refuses a checkpoint. All but ErrUnknownLog and
// ErrUnavailable mean that the trail is not the one that the witness saw.
var (
	// ErrUnknownLog means that the witness was not told to watch this log.
	ErrUnknownLog = errors.New("the witness does not know this log")
	// ErrForeign means that the witness knows the log by another key.
	ErrForeign = errors.New("the witness knows this log by another key")
	// ErrForked means that the witness has cosigned another tree.
	ErrForked = errors.New("the witness has cosigned another tree of this log")
	// ErrRolledBack means that the witness has cosigned a longer tree.
	ErrRolledBack = errors.New("the witness has cosigned a longer tree of this log")
	// ErrUnavailable means that the witness could not be asked, or that what it
	// answered is no answer.
	ErrUnavailable = errors.New("the witness could not be asked")
)

// Refused tells whether an error says that the trail is not the one that a
// witness saw.
func Refused(err error) bool {
	return errors.Is(err, ErrForeign) || errors.Is(err, ErrForked) || errors.Is(err, ErrRolledBack)
}

// Head is where a log stands: what a witness is shown.
type Head struct {
	// Signed is the signed note, Checkpoint what it says.
	Signed     string
	Checkpoint proof.Checkpoint
	// Tiles read the tree.
	Tiles proof.TileReader
}

// Cosigned is what a witness gave for a checkpoint.
type Cosigned struct {
	// Line is the cosignature, a line of a signed note.
	Line string
	// At is when the witness saw the checkpoint, by its own clock.
	At time.Time
}

// Client asks one C2SP tlog-witness for cosignatures.
type Client struct {
	// URL is the witness's submission prefix; /add-checkpoint is added.
	URL string
	// Key is by whose cosignatures are known.
	Key proof.Witness
	// HTTP sends the requests. It should have a timeout, and follow no redirects.
	HTTP *http.Client
	// Sleep waits between attempts; nil makes only one.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	// maxAnswer bounds what is read of a witness's answer, in bytes: a hundred
	// signature lines.
	maxAnswer = 64 << 10
	// attempts is how often a witness is asked that can't answer just now.
	attempts = 3
	// maxWait bounds how long a witness can have us wait.
	maxWait = 30 * time.Second
)

// Cosign shows a head to the witness and returns its cosignature. Old is the size
// of the tree that it is thought to have seen last: 0 if that is not known, for it
// tells. The head is nothing that the witness has to believe: it gets a proof that
// the tree goes on where it saw it last.
func (c *Client) Cosign(ctx context.Context, head Head, old uint64) (*Cosigned, error) {
	old = min(old, head.Checkpoint.Size)
	// Somebody else may show it a head of this log meanwhile, so that the size that
	// it told is out of date again.
	for range attempts {
		a, err := c.patiently(ctx, head, old)
		if err != nil {
			return nil, err
		}
		size, ok := a.conflict()
		switch {
		case a.status == http.StatusOK:
			line, at, err := c.Key.Pick(head.Signed, string(a.body))
			if err != nil {
				return nil, fmt.Errorf("%w: its answer is no cosignature: %w", ErrUnavailable, err)
			}
			return &Cosigned{Line: line, At: at}, nil
		case a.status == http.StatusNotFound:
			return nil, fmt.Errorf("%w: %s", ErrUnknownLog, head.Checkpoint.Origin)
		case a.status == http.StatusForbidden:
			return nil, ErrForeign
		case a.status == http.StatusUnprocessableEntity, ok && size == old && size == head.Checkpoint.Size:
			return nil, fmt.Errorf("%w: it does not begin with the %d events that the witness saw", ErrForked, old)
		case ok && size > head.Checkpoint.Size:
			return nil, fmt.Errorf("%w: of %d events, and there are %d", ErrRolledBack, size, head.Checkpoint.Size)
		case ok:
			old = size
		default:
			return nil, fmt.Errorf("%w: it answered %d", ErrUnavailable, a.status)
		}
	}
	return nil, fmt.Errorf("%w: it saw other heads of this log at the same time", ErrUnavailable)
}

// answer is what a witness answered.
type answer struct {
	status int
	kind   string
	body   []byte
	wait   time.Duration
}

// conflict is the size of the tree that the witness saw last.
func (a *answer) conflict() (uint64, bool) {
	if a.status != http.StatusConflict {
		return 0, false
	}
	text := strings.TrimSuffix(string(a.body), "\n")
	size, err := strconv.ParseUint(text, 10, 63)
	return size, err == nil && strconv.FormatUint(size, 10) == text
}

// later tells whether the witness may answer otherwise in a moment.
func (a *answer) later() bool {
	return a.status == http.StatusTooManyRequests || a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout
}

// patiently shows the head, and again if the witness can't answer just now.
func (c *Client) patiently(ctx context.Context, head Head, old uint64) (*answer, error) {
	request, err := requestOf(head, old)
	if err != nil {
		return nil, err
	}
	return patiently(ctx, c.Sleep, func() (*answer, error) { return c.post(ctx, request) })
}

// patiently sends something, and again if who is asked can't answer just now.
func patiently(ctx context.Context, sleep func(context.Context, time.Duration) error, send func() (*answer, error)) (*answer, error) {
	wait := time.Second
	for n := 1; ; n++ {
		a, err := send()
		if err == nil && !a.later() {
			return a, nil
		}
		if err == nil {
			err = fmt.Errorf("%w: it answered %d", ErrUnavailable, a.status)
			wait = max(wait, a.wait)
		}
		if n == attempts || sleep == nil || ctx.Err() != nil {
			return nil, err
		}
		if slept := sleep(ctx, min(wait, maxWait)); slept != nil {
			return nil, err
		}
		wait *= 2
	}
}

// requestOf is what add-checkpoint takes: the size that the witness saw, the proof
// that the tree goes on from there, and the signed head.
func requestOf(head Head, old uint64) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 && old < head.Checkpoint.Size {
		path, err := proof.Consistency(old, head.Checkpoint.Size, head.Tiles)
		if err != nil {
			return nil, fmt.Errorf("couldn't prove that the log goes on where the witness saw it: %w", err)
		}
		for _, h := range path {
			b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
		}
	}
	b.WriteString("\n" + head.Signed)
	return b.Bytes(), nil
}

func (c *Client) post(ctx context.Context, body []byte) (*answer, error) {
	address, err := url.JoinPath(c.URL, "add-checkpoint")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return post(ctx, c.HTTP, address, "text/plain; charset=utf-8", body, maxAnswer)
}

// post sends a request and reads the answer, but no more than it may have.
func post(ctx context.Context, client *http.Client, address, kind string, body []byte, limit int64) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "whodid")
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, kind: res.Header.Get("Content-Type")}
	if a.body, err = io.ReadAll(io.LimitReader(res.Body, limit+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if int64(len(a.body)) > limit {
		return nil, fmt.Errorf("%w: its answer is longer than %d bytes", ErrUnavailable, limit)
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.wait = time.Duration(min(seconds, int(maxWait/time.Second))) * time.Second
	}
	return a, nil
}

// Vouched returns when a witness saw the checkpoint of a signed note, if what it gave
// is its own and of this checkpoint, and who it says that it is.
func Vouched(w *Place, signed, evidence string) (at time.Time, who string, err error) {
	switch w.Kind {
	case KindC2SP:
		_, at, err = w.cosigner.Pick(signed, evidence)
		return at, w.cosigner.Name(), err
	case KindTSA:
		at, who, err = checkStamp(w.roots, signed, evidence)
		return at, "TSA " + who, err
	default:
		return time.Time{}, "", fmt.Errorf("witnesses of the kind %s give nothing that proves itself", w.Kind)
	}
}

// NewHTTP is a client for witnesses: it has a timeout, and follows no redirects,
// so that a witness's answer is its own.
func NewHTTP() *http.Client {
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
