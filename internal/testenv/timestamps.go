package testenv

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TimeAuthority is an authority for time stamps of RFC 3161 that OpenSSL answers for:
// other people's reading of it.
type TimeAuthority struct {
	// URL is where it answers, Roots the file of its root certificate, in PEM.
	URL, Roots string

	dir string
}

// timeConfig is what OpenSSL needs to be told of an authority.
const timeConfig = `
[req]
distinguished_name = dn
prompt = no
[dn]
CN = test.invalid time root
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamps]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
[servers]
extendedKeyUsage = serverAuth
[tsa]
default_tsa = local
[local]
serial = %[1]s/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
`

// StartTimeAuthority starts an authority whose certificate is for the use, "stamps" as
// it must be or "servers", and valid for so many days.
func StartTimeAuthority(t testing.TB, use string, days int) *TimeAuthority {
	t.Helper()
	a := &TimeAuthority{dir: t.TempDir()}
	a.Roots = filepath.Join(a.dir, "root.pem")
	if err := a.prepare(t.Context(), use, days); err != nil {
		t.Fatal(err)
	}
	var one sync.Mutex // OpenSSL keeps the number of the last stamp in a file
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		query, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err == nil {
			var reply []byte
			if reply, err = a.Reply(r.Context(), query); err == nil {
				w.Header().Set("Content-Type", "application/timestamp-reply")
				_, err = w.Write(reply)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	a.URL = s.URL
	return a
}

func (a *TimeAuthority) prepare(ctx context.Context, use string, days int) error {
	if err := os.WriteFile(filepath.Join(a.dir, "conf"), fmt.Appendf(nil, timeConfig, filepath.ToSlash(a.dir)), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.dir, "serial"), []byte("01\n"), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", "3650", "-config", "conf", "-extensions", "ca"},
		{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=test.invalid time", "-config", "conf"},
		{"x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "tsa.pem", "-days", strconv.Itoa(days), "-extfile", "conf", "-extensions", use},
	} {
		if err := a.openssl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// Reply is OpenSSL's answer to a query.
func (a *TimeAuthority) Reply(ctx context.Context, query []byte) ([]byte, error) {
	if err := os.WriteFile(filepath.Join(a.dir, "query"), query, 0o600); err != nil {
		return nil, err
	}
	if err := a.openssl(ctx, "ts", "-reply", "-config", "conf", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply"); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(a.dir, "reply"))
}

// Verify has OpenSSL check a token over data.
func (a *TimeAuthority) Verify(ctx context.Context, token, data []byte) error {
	if err := os.WriteFile(filepath.Join(a.dir, "token"), token, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.dir, "data"), data, 0o600); err != nil {
		return err
	}
	return a.openssl(ctx, "ts", "-verify", "-data", "data", "-in", "token", "-token_in", "-CAfile", "root.pem")
}

func (a *TimeAuthority) openssl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("openssl %s: %w\n%s", args[0], err, out)
	}
	return nil
}
