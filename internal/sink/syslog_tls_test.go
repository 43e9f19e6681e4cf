package sink

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Syslog over TLS (RFC 5425) sends to a server whose certificate leads to a trusted
// root and is of its name, and to no other.
func TestSyslogOverTLS(t *testing.T) {
	t.Parallel()
	// The certificate of httptest is of 127.0.0.1 and example.com.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	frames := make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					digits, err := in.ReadString(' ')
					if err != nil {
						return
					}
					n, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
					if err != nil {
						return
					}
					m := make([]byte, n)
					if _, err := io.ReadFull(in, m); err != nil {
						return
					}
					frames <- string(m)
				}
			}()
		}
	}()
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	s := &Syslog{Network: "tls", Address: l.Addr().String(), Host: "host", TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}}
	defer s.Close()
	for round := range uint64(2) { // over one connection
		if err := s.Send(t.Context(), testBatch(2*round, 2*round+1)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		select {
		case got := <-frames:
			if want := `<110>1 2026-11-28T01:02:03.000000Z host whodid - pr.merge - {"seq":` + strconv.Itoa(i) + `}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("event %d did not come", i)
		}
	}
	for name, tc := range map[string]struct {
		config *tls.Config
		says   string
	}{
		"a certificate that nobody vouches for": {&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}, "unknown authority"},
		"a certificate of another name":         {&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted, ServerName: "logs.invalid"}, "logs.invalid"},
	} {
		s := &Syslog{Network: "tls", Address: l.Addr().String(), TLS: tc.config}
		if err := s.Send(t.Context(), testBatch(9, 9)); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
		_ = s.Close()
	}
	select {
	case m := <-frames:
		t.Errorf("a server that is not trusted got %s", m)
	default:
	}
}
