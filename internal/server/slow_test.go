package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whodid/whodid/internal/server"
)

// zeros is a body of so many zeros.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

// pipes is a listener whose connections are in memory, so that a test can let
// hours pass in a moment.
type pipes struct {
	conns chan net.Conn
	close func()
	over  <-chan struct{}
}

func newPipes(t *testing.T) *pipes {
	t.Helper()
	over, closed := context.WithCancel(context.Background())
	return &pipes{conns: make(chan net.Conn, 1), close: closed, over: over.Done()}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// slow runs what a client does on a connection to a server in a bubble of time.
func slow(t *testing.T, client func(t *testing.T, c net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := newPipes(t)
		s := server.New(server.Options{Tenants: oneTenant{}, Authenticator: roleOfToken{}, Log: slog.New(slog.DiscardHandler), Now: time.Now}, swallow("POST /take"))
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		here, there := net.Pipe()
		l.conns <- there
		client(t, here)
		here.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// begin writes the head of a request with a body of that size.
func begin(t *testing.T, c net.Conn, size int) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "POST /take HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer recorder\r\nContent-Length: %d\r\n\r\n", size); err != nil {
		t.Fatal(err)
	}
}

func answered(t *testing.T, c net.Conn) int {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// An upload that goes on may take ten minutes.
func TestSlowUploadThatProgresses(t *testing.T) {
	t.Parallel()
	slow(t, func(t *testing.T, c net.Conn) {
		const seconds, each = 120, 8 << 10
		began := time.Now()
		begin(t, c, seconds*each)
		for range seconds {
			if _, err := c.Write(make([]byte, each)); err != nil {
				t.Fatalf("after %s: %v", time.Since(began), err)
			}
			time.Sleep(time.Second)
		}
		if got := answered(t, c); got != http.StatusOK {
			t.Errorf("after %s: status %d", time.Since(began), got)
		}
	})
}

// One that stands still, or drips to keep a place, is ended.
func TestSlowUploadThatDoesNot(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{"stands still": time.Hour, "drips": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slow(t, func(t *testing.T, c net.Conn) {
				began := time.Now()
				begin(t, c, 1000)
				done := make(chan struct{})
				go func() {
					defer close(done)
					for {
						if _, err := c.Write([]byte("x")); err != nil {
							return
						}
						time.Sleep(every)
					}
				}()
				if got := answered(t, c); got != http.StatusRequestTimeout {
					t.Errorf("status %d", got)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it was let be for %s", took)
				}
				c.Close()
				<-done
			})
		})
	}
}

// A body that no door reads is not waited for, either.
func TestSlowBodyOfAStranger(t *testing.T) {
	t.Parallel()
	slow(t, func(t *testing.T, c net.Conn) {
		began := time.Now()
		if _, err := io.WriteString(c, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
		if got := answered(t, c); got != http.StatusUnauthorized {
			t.Errorf("status %d", got)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it was let be for %s", took)
		}
	})
}

// Who never ends the head of a request is sent away, too.
func TestSlowHead(t *testing.T) {
	t.Parallel()
	slow(t, func(t *testing.T, c net.Conn) {
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				if _, err := io.WriteString(c, "X-Slow: "+strings.Repeat("x", 10)+"\r\n"); err != nil {
					return
				}
				time.Sleep(2 * time.Second)
			}
		}()
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it was let be for %s", took)
		}
		c.Close()
		<-done
	})
}

// A handler that answers a client that does not read is ended.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		l := newPipes(t)
		left := make(chan time.Duration, 1)
		s := server.New(server.Options{Now: time.Now}, server.Route{Pattern: "GET /much", Handle: func(w http.ResponseWriter, _ *http.Request, _ *server.Tenant) {
			began := time.Now()
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					left <- time.Since(began)
					return
				}
			}
		}})
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		here, there := net.Pipe()
		l.conns <- there
		if _, err := io.WriteString(here, "GET /much HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if took := <-left; took > time.Minute {
			t.Errorf("it was written to for %s", took)
		}
		here.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
