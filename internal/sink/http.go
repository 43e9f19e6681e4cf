package sink

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// HTTP posts batches, compressed with gzip and signed as Standard Webhooks says:
// webhook-id names the batch and is the same when it is sent again.
type HTTP struct {
	// URL is where they go.
	URL string
	// Secret signs them; empty is no signature. Token is sent as a bearer token.
	Secret, Token string
	// Client makes the requests, and bounds how long they take.
	Client *http.Client
	Now    func() time.Time
	// Name is the sink's.
	Name string
}

// Send posts one batch. Any status of success takes it.
func (h *HTTP) Send(ctx context.Context, b *Batch) error {
	plain, contentType := b.body()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil {
		return fmt.Errorf("couldn't compress the batch: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("couldn't compress the batch: %w", err)
	}
	address := h.URL
	if b.Format == OTLP {
		address = otlpURL(address)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(packed.Bytes()))
	if err != nil {
		return errors.New("couldn't make the request: the sink's address can't be read")
	}
	id := fmt.Sprintf("%s.%s.%d-%d", h.Name, b.Org, b.First, b.Last)
	stamp := strconv.FormatInt(h.Now().Unix(), 10)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("User-Agent", "whodid")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", stamp)
	if h.Secret != "" {
		r.Header.Set("Webhook-Signature", Sign(h.Secret, id, stamp, packed.Bytes()))
	}
	if h.Token != "" {
		r.Header.Set("Authorization", "Bearer "+h.Token)
	}
	res, err := h.Client.Do(r)
	if err != nil {
		return fmt.Errorf("couldn't reach the sink: %w", cause(err))
	}
	defer res.Body.Close()
	if b.Format == OTLP && res.StatusCode == http.StatusOK {
		return otlpAnswer(res.Body)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return answered(res)
}

// answered is the error that a response is.
func answered(res *http.Response) error {
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return nil
	case res.StatusCode == http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	}
	err := fmt.Errorf("the sink answered %d", res.StatusCode)
	if seconds, bad := strconv.Atoi(res.Header.Get("Retry-After")); bad == nil && seconds >= 0 {
		return &Delay{After: time.Duration(seconds) * time.Second, Err: err}
	}
	return err
}

// cause leaves out the address of a request, which may have a secret in it.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// Sign is the signature of a body by Standard Webhooks, version 1.
func Sign(secret, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(id + "." + timestamp + "."))
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// body is the batch as one text, with its type: CloudEvents in their batched mode,
// OTLP as a request, all else as lines.
func (b *Batch) body() ([]byte, string) {
	switch b.Format {
	case CloudEvents:
		return append(append([]byte{'['}, bytes.Join(b.Records, []byte{','})...), ']'), "application/cloudevents-batch+json"
	case OTLP:
		return b.otlpBody(), "application/json"
	default:
		return append(bytes.Join(b.Records, []byte{'\n'}), '\n'), "application/x-ndjson"
	}
}

// Close ends idle connections.
func (h *HTTP) Close() error {
	h.Client.CloseIdleConnections()
	return nil
}
