package sink

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func testBatch(first, last uint64) *Batch {
	b := &Batch{Org: "acme", First: first, Last: last, At: time.Date(2026, 11, 28, 1, 2, 3, 0, time.UTC), Format: JSON}
	for seq := first; seq <= last; seq++ {
		b.Records = append(b.Records, fmt.Appendf(nil, `{"seq":%d}`, seq))
		b.Kinds = append(b.Kinds, "pr.merge")
		b.Times = append(b.Times, b.At)
	}
	return b
}

func TestFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	f, err := NewFile(dir, 60)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "acme.jsonl")
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	send := func(b *Batch) {
		t.Helper()
		if err := f.Send(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	send(testBatch(0, 1))
	// A crash left half of a line.
	half, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.WriteString(`{"se`); err != nil {
		t.Fatal(err)
	}
	if err := half.Close(); err != nil {
		t.Fatal(err)
	}
	send(testBatch(2, 3))
	if got, want := read(path), "{\"seq\":0}\n{\"seq\":1}\n{\"seq\":2}\n{\"seq\":3}\n"; got != want {
		t.Errorf("the file is %q, want %q", got, want)
	}
	send(testBatch(4, 6)) // it is full now
	if got := read(filepath.Join(dir, "acme-00000000000000000006.jsonl")); strings.Count(got, "\n") != 7 {
		t.Errorf("what was put aside is %q", got)
	}
	send(testBatch(7, 7))
	if got := read(path); got != "{\"seq\":7}\n" {
		t.Errorf("the next file is %q", got)
	}
	// The name of an organisation leads nowhere else.
	b := testBatch(0, 0)
	b.Org = "../../etc"
	send(b)
	if _, err := os.Stat(filepath.Join(dir, "..%2F..%2Fetc.jsonl")); err != nil {
		t.Error(err)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	answer := func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		answer(w)
	}))
	defer s.Close()
	h := &HTTP{URL: s.URL + "/in?key=s3cret", Secret: "shh", Token: "t0ken", Client: s.Client(), Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Name: "siem"}
	if err := h.Send(t.Context(), testBatch(3, 4)); err != nil {
		t.Fatal(err)
	}
	if id := got.Header.Get("Webhook-Id"); id != "siem.acme.3-4" {
		t.Errorf("the batch is %q", id)
	}
	if want := Sign("shh", "siem.acme.3-4", "1800000000", body); got.Header.Get("Webhook-Signature") != want || got.Header.Get("Authorization") != "Bearer t0ken" {
		t.Errorf("signed %q, want %q", got.Header.Get("Webhook-Signature"), want)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || string(plain) != "{\"seq\":3}\n{\"seq\":4}\n" || got.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%q, %v", plain, err)
	}
	b := testBatch(3, 4)
	b.Format = CloudEvents
	if text, kind := b.body(); string(text) != `[{"seq":3},{"seq":4}]` || kind != "application/cloudevents-batch+json" {
		t.Errorf("cloud events are %s of %s", text, kind)
	}
	for status, check := range map[int]func(error) bool{
		http.StatusOK:                    func(err error) bool { return err == nil },
		http.StatusRequestEntityTooLarge: func(err error) bool { return errors.Is(err, ErrTooLarge) },
		http.StatusTooManyRequests: func(err error) bool {
			var d *Delay
			return errors.As(err, &d) && d.After == 17*time.Second
		},
		http.StatusBadRequest: func(err error) bool { return err != nil },
		http.StatusFound:      func(err error) bool { return err != nil },
	} {
		answer = func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(status)
		}
		if err := h.Send(t.Context(), testBatch(0, 0)); !check(err) || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("status %d: %v", status, err)
		}
	}
	s.Close()
	if err := h.Send(t.Context(), testBatch(0, 0)); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a server that is gone: %v", err)
	}
}

func TestSyslog(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lines, hungUp := make(chan string, 10), make(chan struct{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for range 2 { // then it hangs up
				digits, err := in.ReadString(' ')
				if err != nil {
					break
				}
				n, _ := strconv.Atoi(strings.TrimSpace(digits))
				m := make([]byte, n)
				_, _ = io.ReadFull(in, m)
				lines <- string(m)
			}
			_ = c.Close()
			hungUp <- struct{}{}
		}
	}()
	s := &Syslog{Network: "tcp", Address: l.Addr().String(), Host: "host 1"}
	defer s.Close()
	for round := range 3 {
		first := uint64(2 * round)
		if err := s.Send(t.Context(), testBatch(first, first+1)); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			want := fmt.Sprintf(`<110>1 2026-11-28T01:02:03.000000Z host1 whodid - pr.merge - {"seq":%d}`, int(first)+i)
			select {
			case got := <-lines:
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			case <-time.After(time.Minute):
				t.Fatalf("event %d of round %d did not come", i, round)
			}
		}
		<-hungUp
	}
	udp, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	u := &Syslog{Network: "udp", Address: udp.LocalAddr().String()}
	defer u.Close()
	if err := u.Send(t.Context(), testBatch(9, 9)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	n, _, err := udp.ReadFrom(buffer)
	if want := `<110>1 2026-11-28T01:02:03.000000Z - whodid - pr.merge - {"seq":9}`; err != nil || string(buffer[:n]) != want {
		t.Errorf("got  %s\nwant %s", buffer[:n], want)
	}
}

// TestSignatureOfAWS signs the first example of AWS's documentation, "Signature
// Calculations for the Authorization Header".
func TestSignatureOfAWS(t *testing.T) {
	t.Parallel()
	s := &S3{Region: "us-east-1", AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://examplebucket.s3.amazonaws.com/test.txt", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Range", "bytes=0-9")
	s.sign(r, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	const want = "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
	if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	var path, auth string
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path, auth = r.Method+" "+r.URL.EscapedPath(), r.Header.Get("Authorization")
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	s := &S3{Endpoint: server.URL, Region: "eu-1", Bucket: "trail", Prefix: "/audit/", AccessKey: "AK", SecretKey: "SK", Client: server.Client(), Now: func() time.Time { return time.Unix(0, 0) }}
	b := testBatch(500, 501)
	b.Org = "a b"
	if err := s.Send(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if want := "PUT /trail/audit/a%2520b/2026/11/28/00000000000000000500-00000000000000000501.jsonl.gz"; path != want {
		t.Errorf("it is %s, want %s", path, want)
	}
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AK/19700101/eu-1/s3/aws4_request,SignedHeaders=") {
		t.Errorf("signed %s", auth)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || string(plain) != "{\"seq\":500}\n{\"seq\":501}\n" {
		t.Errorf("%q, %v", plain, err)
	}
}
