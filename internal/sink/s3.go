package sink

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// S3 puts batches into a bucket of S3 or of anything that speaks like it, as
// compressed lines. Objects are named by organisation, day and places:
// prefix/org/2026/11/28/00000000000000000000-00000000000000000499.jsonl.gz.
type S3 struct {
	// Endpoint is the server, https://s3.eu-central-1.amazonaws.com.
	Endpoint string
	// Region, Bucket and Prefix say where the objects go.
	Region, Bucket, Prefix string
	// AccessKey and SecretKey sign the requests.
	AccessKey, SecretKey string
	Client               *http.Client
	Now                  func() time.Time
}

// Send puts one batch.
func (s *S3) Send(ctx context.Context, b *Batch) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(append(bytes.Join(b.Records, []byte{'\n'}), '\n')); err != nil {
		return fmt.Errorf("couldn't compress the batch: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("couldn't compress the batch: %w", err)
	}
	key := fmt.Sprintf("%s/%s/%020d-%020d.jsonl.gz", url.PathEscape(b.Org), b.At.UTC().Format("2006/01/02"), b.First, b.Last)
	if s.Prefix != "" {
		key = strings.Trim(s.Prefix, "/") + "/" + key
	}
	u, err := url.Parse(strings.TrimSuffix(s.Endpoint, "/"))
	if err != nil || u.Host == "" {
		return errors.New("couldn't make the request: the sink's endpoint can't be read")
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + s.Bucket + "/" + key
	u.RawPath = encodePath(u.Path)
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), bytes.NewReader(packed.Bytes()))
	if err != nil {
		return errors.New("couldn't make the request: the sink's endpoint can't be read")
	}
	r.URL = u
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Content-Encoding", "gzip")
	sum := sha256.Sum256(packed.Bytes())
	s.sign(r, hex.EncodeToString(sum[:]), s.Now())
	res, err := s.Client.Do(r)
	if err != nil {
		return fmt.Errorf("couldn't reach the sink: %w", cause(err))
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return answered(res)
}

// sign signs a request by AWS Signature Version 4: every header that is set, and the
// digest of the body.
func (s *S3) sign(r *http.Request, digest string, now time.Time) {
	const algorithm, day, full = "AWS4-HMAC-SHA256", "20060102", "20060102T150405Z"
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(full))
	r.Header.Set("X-Amz-Content-Sha256", digest)
	names, values := []string{"host"}, map[string]string{"host": r.URL.Host}
	for name, v := range r.Header {
		lower := strings.ToLower(name)
		names = append(names, lower)
		values[lower] = strings.Join(strings.Fields(strings.Join(v, ",")), " ")
	}
	slices.Sort(names)
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, encodePath(r.URL.Path), r.URL.Query().Encode())
	for _, name := range names {
		fmt.Fprintf(&canonical, "%s:%s\n", name, values[name])
	}
	signed := strings.Join(names, ";")
	fmt.Fprintf(&canonical, "\n%s\n%s", signed, digest)
	scope := now.Format(day) + "/" + s.Region + "/s3/aws4_request"
	hashed := sha256.Sum256([]byte(canonical.String()))
	text := algorithm + "\n" + now.Format(full) + "\n" + scope + "\n" + hex.EncodeToString(hashed[:])
	key := []byte("AWS4" + s.SecretKey)
	for _, part := range []string{now.Format(day), s.Region, "s3", "aws4_request"} {
		key = keyed(key, part)
	}
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s,SignedHeaders=%s,Signature=%s",
		algorithm, s.AccessKey, scope, signed, hex.EncodeToString(keyed(key, text))))
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text))
	return mac.Sum(nil)
}

// encodePath writes a path as the signature wants it: everything but letters,
// digits and -._~/ as %XX.
func encodePath(path string) string {
	const plain = "-._~/"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// Close ends idle connections.
func (s *S3) Close() error {
	s.Client.CloseIdleConnections()
	return nil
}
