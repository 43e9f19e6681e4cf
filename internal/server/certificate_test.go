package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/server"
)

// issue writes a certificate of 127.0.0.1 that signs itself.
func issue(t *testing.T, certFile, keyFile string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, b := range map[string][]byte{certFile: cert, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// The server speaks TLS 1.2 at least, and HTTP/2, and takes a new certificate
// without being started again; one that is broken leaves the old one in use.
func TestTLS(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if _, err := server.LoadCertificate(certFile, keyFile); err == nil {
		t.Error("files that are not there are a certificate")
	}
	pool := issue(t, certFile, keyFile, 1)
	certificate, err := server.LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{TLS: certificate.Config()})
	get := func(pool *x509.CertPool, highest uint16) (reply, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: highest}, ForceAttemptHTTP2: true}}
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.address+"/healthz", nil)
		if err != nil {
			return reply{}, err
		}
		answer, err := client.Do(q)
		if err != nil {
			return reply{}, err
		}
		return read(t, answer), nil
	}
	answer, err := get(pool, 0)
	if err != nil {
		t.Fatal(err)
	}
	if answer.proto != 2 || answer.status != http.StatusOK {
		t.Errorf("it answers %d over HTTP/%d", answer.status, answer.proto)
	}
	if _, err := get(pool, tls.VersionTLS11); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	// One half of the new pair is not enough, and no reason to stop.
	issue(t, certFile, filepath.Join(t.TempDir(), "not-yet.pem"), 2)
	if changed, err := certificate.Reload(); changed || err == nil {
		t.Errorf("a certificate without its key: changed %t, %v", changed, err)
	}
	if _, err := get(pool, 0); err != nil {
		t.Errorf("the old certificate is no longer in use: %v", err)
	}
	next := issue(t, certFile, keyFile, 3)
	if changed, err := certificate.Reload(); !changed || err != nil {
		t.Errorf("a new pair: changed %t, %v", changed, err)
	}
	if changed, err := certificate.Reload(); changed || err != nil {
		t.Errorf("the same pair: changed %t, %v", changed, err)
	}
	if _, err := get(next, 0); err != nil {
		t.Errorf("the new certificate is not in use: %v", err)
	}
	if _, err := get(pool, 0); err == nil {
		t.Error("the old certificate is still in use")
	}
}

// HTTP/2 has the same bounds: a body that is too large is refused, and a panic
// ends one stream alone.
func TestBoundsOfHTTP2(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	pool := issue(t, certFile, keyFile, 1)
	certificate, err := server.LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{TLS: certificate.Config()}, swallow("POST /take"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	post := func(n int64) reply {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.address+"/take", &zeros{left: n})
		if err != nil {
			t.Fatal(err)
		}
		// The server closes the connection of what it refused, of which the client may learn in the middle of the next request.
		q.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(&zeros{left: n}), nil }
		q.Header.Set("Authorization", "Bearer recorder")
		answer, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, answer)
	}
	for _, test := range []struct {
		size int64
		want int
	}{{1 << 30, http.StatusRequestEntityTooLarge}, {1000, http.StatusOK}} {
		if answer := post(test.size); answer.status != test.want || answer.proto != 2 {
			t.Errorf("%d bytes: %d over HTTP/%d, want %d", test.size, answer.status, answer.proto, test.want)
		}
	}
}
