package redact

import (
	"io"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

const (
	benchPath    = "internal/recorder/spool/segment_writer_linux_test.go"
	benchCommand = `cd /work/shop && git add -A && git commit -m "fix: refresh the token before it expires" && git push origin HEAD && gh pr create --title "Refresh tokens" --body-file pr.md --label auth`
)

func BenchmarkClean(b *testing.B) {
	secret := "curl -H 'Authori" + "zation: Bearer " + canary.Filler(1, 40) + "' https://api.example.test/v1"
	for _, bench := range []struct{ name, text string }{
		{"path", benchPath},
		{"command", benchCommand},
		{"secret", secret},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := newRedactor(b, Options{Identities: []string{"Ann Example", "annex"}})
			r.Clean(bench.text)
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Clean(bench.text)
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	lines := benchLog()
	log := []byte(strings.Repeat(lines, 1+(1<<20)/len(lines)))
	r := newRedactor(b, Options{})
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		w := r.NewWriter(io.Discard)
		if _, err := w.Write(log); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchLog is a log in which one line of thirty holds a secret.
func benchLog() string {
	var log strings.Builder
	for i := range 30 {
		switch {
		case i == 17:
			log.WriteString("using DB_PASS" + "WORD=hunter2 from the environment\n")
		case i%3 == 0:
			log.WriteString("ok  \texample.com/shop/internal/cart\t0.412s\tcoverage: 81.2% of statements\n")
		case i%3 == 1:
			log.WriteString("2026-11-23T10:00:00.123Z INFO request method=GET path=/api/users/42/sessions status=200 duration=12.4ms\n")
		default:
			log.WriteString("go: downloading github.com/charmbracelet/x/ansi v0.11.8 (sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08)\n")
		}
	}
	return log.String()
}

// BenchmarkIndex is what the first call of a process pays before it reads a byte.
func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		buildIndex()
	}
}
