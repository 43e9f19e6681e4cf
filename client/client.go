// Package client speaks to a whodid server: it records what agents do, asks
// what they did, and follows the log. Its types are those of the API
// (docs/openapi.json); every request may be sent again without changing
// anything, so that the client tries again by itself where that can help.
//
//	c, err := client.New("https://whodid.example", client.Options{Token: token})
//	…
//	run, err := c.StartExecution(ctx, client.NewExecution{Agent: "ops/backup"})
//	…
//	_, err = c.FinishExecution(ctx, run.ExecutionID, client.Finish{Status: whodid.ResultSuccess})
package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options are how a client speaks to its server. The zero value asks without a
// token.
type Options struct {
	// Token is the API token; [Options.TokenFunc] takes its place if it is set,
	// and is asked before each request.
	Token     string
	TokenFunc func() (string, error)
	// HTTP makes the requests; nil is a client of its own with usual timeouts.
	HTTP *http.Client
	// Attempts is how often a request is made before its error counts; 0 is 5.
	// 1 never tries again.
	Attempts int
	// MinWait is how long it waits before the second attempt; each further wait
	// is twice as long, up to MaxWait. 0 is half a second and half a minute.
	MinWait, MaxWait time.Duration
	// Insecure lets a token go over plain HTTP to another machine.
	Insecure bool
	// UserAgent names the program, such as "backup/1.4".
	UserAgent string
}

// Client speaks to one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256 << 20

// New makes a client of the server at the address, such as
// "https://whodid.example".
func New(server string, o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(server, "/"))
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("couldn't read the address of the server: %q is not like https://whodid.example", server)
	}
	base.User, base.RawQuery, base.Fragment = nil, "", ""
	if base.Scheme == "http" && !o.Insecure && (o.Token != "" || o.TokenFunc != nil) && !isLocal(base.Hostname()) {
		return nil, fmt.Errorf("the token would go to %s in the open: use https", base.Hostname())
	}
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.MinWait == 0 {
		o.MinWait = 500 * time.Millisecond
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.UserAgent == "" {
		o.UserAgent = "whodid-go"
	}
	c := &Client{base: base, options: o, http: o.HTTP}
	if c.http == nil {
		c.http = &http.Client{Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		}}
	}
	return c, nil
}

func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Server is the address of the server.
func (c *Client) Server() string { return c.base.String() }

// Error is what the server said was wrong.
type Error struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Items say what is wrong with each item of a list.
	Items []ItemError `json:"errors"`
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration `json:"-"`
}

// ItemError says what is wrong with one item of a list.
type ItemError struct {
	Index  int    `json:"index"`
	Detail string `json:"detail"`
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the server said %d %s", e.Status, e.Title)
	}
	return fmt.Sprintf("the server said %d %s: %s", e.Status, e.Title, e.Detail)
}

// Temporary tells whether the same request may go better later.
func (e *Error) Temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// request is one request, which may be sent several times.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
}

// compressFrom is the size from which a body is worth compressing.
const compressFrom = 2 << 10

// post makes a request with a value as its body. The key names it for the
// server, so that sending it again changes nothing.
func post(path string, v any) (*request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("couldn't write the request: %w", err)
	}
	r := &request{method: http.MethodPost, path: path, body: body, header: http.Header{}}
	r.header.Set("Content-Type", "application/json")
	r.header.Set("Idempotency-Key", rand.Text())
	if len(body) >= compressFrom {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(body) // into memory
		_ = w.Close()
		r.body = b.Bytes()
		r.header.Set("Content-Encoding", "gzip")
	}
	return r, nil
}

func get(path string, query url.Values) *request {
	return &request{method: http.MethodGet, path: path, query: query, header: http.Header{}}
}

// into makes the request and reads the answer's JSON into out.
func (c *Client) into(ctx context.Context, r *request, out any) error {
	b, err := c.bytes(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("couldn't read the answer of %s: %w", r.path, err)
	}
	return nil
}

// bytes makes the request and returns the answer.
func (c *Client) bytes(ctx context.Context, r *request) ([]byte, error) {
	var answer []byte
	err := c.attempt(ctx, func() error {
		resp, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
			return fmt.Errorf("couldn't read the answer of %s: %w", r.path, err)
		}
		return nil
	})
	return answer, err
}

// attempt tries until it goes well, until trying again can't help, or until it
// was tried often enough.
func (c *Client) attempt(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		var said *Error
		if err == nil || n >= c.options.Attempts || ctx.Err() != nil || errors.As(err, &said) && !said.Temporary() || errors.Is(err, errToken) {
			return err
		}
		wait := c.wait(n)
		if said != nil {
			wait = max(wait, said.RetryAfter)
		}
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

// wait is how long to wait after the n-th attempt: exponential, and drawn by lot
// so that those who were turned away together do not come back together.
func (c *Client) wait(n int) time.Duration {
	longest := min(c.options.MaxWait, c.options.MinWait<<min(n-1, 20))
	return longest/2 + mathrand.N(longest/2+1) //nolint:gosec // it need not be secret
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

var errToken = errors.New("couldn't get the token")

// send makes the request once. The answer's body is the caller's to close; an
// answer that is an error becomes one.
func (c *Client) send(ctx context.Context, r *request) (*http.Response, error) {
	u := *c.base
	u.Path += r.path
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("couldn't make the request: %w", err)
	}
	maps.Copy(req.Header, r.header)
	req.Header.Set("User-Agent", c.options.UserAgent)
	token := c.options.Token
	if c.options.TokenFunc != nil {
		if token, err = c.options.TokenFunc(); err != nil {
			return nil, fmt.Errorf("%w: %w", errToken, err)
		}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("couldn't reach the server: %w", err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// maxProblem bounds what is read of an error.
const maxProblem = 1 << 20

func readError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode), RetryAfter: retryAfter(resp.Header)}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		if err := json.Unmarshal(b, e); err != nil {
			e.Detail = ""
		}
		e.Status = resp.StatusCode
	}
	return e
}

// maxRetryAfter bounds how long a server can make the client wait.
const maxRetryAfter = 10 * time.Minute

// retryAfter reads how long the server asks to wait. A date counts from that of
// the answer, so that it does not rest on this machine's clock.
func retryAfter(h http.Header) time.Duration {
	s := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(s, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
