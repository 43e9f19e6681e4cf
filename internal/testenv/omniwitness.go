package testenv

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Omniwitness is a running C2SP witness: omniwitness of transparency-dev, other
// people's reading of tlog-witness and tlog-cosignature. It has a module of its own,
// tools/omniwitness, so that none of what it needs is near what we ship.
type Omniwitness struct {
	// URL is its submission prefix, Key its public key.
	URL, Key string
}

var omniwitness struct {
	sync.Once
	program string
	err     error
}

// StartOmniwitness starts a witness of that name that knows the logs with the public
// keys, and stops it when the test has ended.
func StartOmniwitness(t testing.TB, name string, logs ...string) *Omniwitness {
	t.Helper()
	w, stop, err := RunOmniwitness(t.Context(), t.TempDir(), name, logs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return w
}

// RunOmniwitness starts a witness that keeps what it needs in dir, until stop is
// called. Started again in the same folder under the same name it is the same one.
func RunOmniwitness(ctx context.Context, dir, name string, logs ...string) (w *Omniwitness, stop func(), err error) {
	omniwitness.Do(func() { omniwitness.program, omniwitness.err = buildOmniwitness(context.WithoutCancel(ctx)) })
	if omniwitness.err != nil {
		return nil, nil, omniwitness.err
	}
	var config strings.Builder
	config.WriteString("Logs:\n")
	for _, key := range logs {
		origin, _, _ := strings.Cut(key, "+")
		fmt.Fprintf(&config, "  - Origin: %q\n    PublicKey: %q\n    URL: \"http://127.0.0.1:1/\"\n", origin, key)
	}
	// A key that everybody can see is none to trust.
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	private := "PRIVATE+KEY+" + noteKey(name, 1, public, seed[:])
	files := map[string]string{"logs.yaml": config.String(), "key": private + "\n"}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return nil, nil, fmt.Errorf("couldn't set a witness up: %w", err)
		}
	}
	// Another process may take the port that was free, so more than one is tried.
	for range 3 {
		var address, metrics string
		if address, err = freeAddress(ctx); err != nil {
			return nil, nil, err
		}
		if metrics, err = freeAddress(ctx); err != nil {
			return nil, nil, err
		}
		w = &Omniwitness{URL: "http://" + address, Key: noteKey(name, 4, public, public)}
		if stop, err = w.run(ctx, dir, address, metrics); err == nil {
			return w, stop, nil
		}
	}
	return nil, nil, err
}

// noteKey is a key as signed-note writes it: its hash is that of the public one.
func noteKey(name string, kind byte, public, key []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(rune(kind))), public...))
	return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{kind}, key...))
}

func buildOmniwitness(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	return Tool(ctx, "omniwitness")
}

// Tool builds the tool of that name, which has a module of its own in tools, and says
// where its program is.
func Tool(ctx context.Context, name string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", name) // builds it, and says where
	cmd.Dir, cmd.Stderr = filepath.Join(root, "tools", name), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("couldn't build %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// moduleRoot is the folder of this module's go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "tools", "omniwitness", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("tools/omniwitness is not above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// run starts the witness and waits until it answers.
func (w *Omniwitness) run(ctx context.Context, dir, address, metrics string) (stop func(), err error) {
	cmd := exec.Command(omniwitness.program, "--listen="+address, "--metrics_listen="+metrics, //nolint:noctx // it outlives the one who starts it
		"--private_key_path="+filepath.Join(dir, "key"), "--additional_logs="+filepath.Join(dir, "logs.yaml"), "--db_file="+filepath.Join(dir, "witness.db"))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("couldn't start omniwitness: %w", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() { _ = cmd.Process.Kill(); <-ended }
	client := http.Client{Timeout: time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	until := time.After(time.Minute)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/add-checkpoint", strings.NewReader(""))
		if err != nil {
			stop()
			return nil, err
		}
		if res, err := client.Do(req); err == nil {
			_ = res.Body.Close()
			return stop, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("omniwitness ended: %s", said.String())
		case <-until:
			stop()
			return nil, fmt.Errorf("omniwitness does not answer: %s", said.String())
		case <-ctx.Done():
			stop()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
