package redact

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/redact/canary"
)

// stream writes the text in pieces of the given sizes, over and over, and returns what came out.
func stream(t testing.TB, text string, sizes ...int) string {
	t.Helper()
	var out bytes.Buffer
	w := newRedactor(t, Options{}).NewWriter(&out)
	for i := 0; text != ""; i++ {
		n := min(len(text), max(1, sizes[i%len(sizes)]))
		if m, err := w.Write([]byte(text[:n])); m != n || err != nil {
			t.Fatalf("Write = %d, %v", m, err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWriterRemovesEveryCanaryHoweverItIsSplit(t *testing.T) {
	t.Parallel()
	for _, c := range canary.All() {
		text := "first line\n" + c.Text + "\nlast line\n"
		want := stream(t, text, len(text))
		for _, sizes := range [][]int{{1}, {2}, {7}, {64, 1}, {3, 5, 11}} {
			if got := stream(t, text, sizes...); got != want {
				t.Errorf("%s in pieces of %v:\n%q\n%q", c.Kind, sizes, got, want)
			}
		}
		for _, must := range c.Must {
			if strings.Contains(want, must) {
				t.Errorf("%s: left in %q", c.Kind, want)
			}
		}
		if !strings.HasPrefix(want, "first line\n") || !strings.HasSuffix(want, "\nlast line\n") {
			t.Errorf("%s: took more than it should: %q", c.Kind, want)
		}
	}
}

// TestWriterRemovesSecretsAnywhereInALongLine puts canaries at places round the borders of the pieces in which a long line is read.
func TestWriterRemovesSecretsAnywhereInALongLine(t *testing.T) {
	t.Parallel()
	const words = "some ordinary words of a very long line, "
	for _, c := range canary.All() {
		if strings.Contains(c.Text, "\n") {
			continue
		}
		for _, at := range []int{longestLine - lineContext, longestLine, longestLine - 20, 2*longestLine - 2*lineContext} {
			for _, shift := range []int{-15, 0} {
				text := strings.Repeat(words, 10+at/len(words))[:at+shift] + " " + c.Text + " " + strings.Repeat(words, 300)
				got := stream(t, text+"\n", 10_000)
				for _, must := range c.Must {
					if strings.Contains(got, must) {
						t.Errorf("%s at %d%+d: left in", c.Kind, at, shift)
					}
				}
			}
		}
	}
}

func TestWriterKeepsOrdinaryStreams(t *testing.T) {
	t.Parallel()
	binary := make([]byte, 300_000)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(binary) // never fails
	for i := range binary {
		if binary[i] < 0x80 {
			binary[i] = 0x01 // control bytes and stray UTF-8 only: no text that a rule could know
		}
	}
	for name, text := range map[string]string{
		"empty":          "",
		"no line end":    "half a line",
		"carriage":       "10%\r20%\r30%\r\nready\r\n",
		"long line":      strings.Repeat("ordinary words ", 40_000) + "\nnext\n",
		"long in UTF-8":  strings.Repeat("größere Wörter 漢字 ", 20_000) + "\n",
		"no ASCII":       strings.Repeat("漢字", 60_000) + "\n",
		"binary":         string(binary),
		"blank lines":    strings.Repeat("\n", 1000),
		"escape, colour": "\x1b[32mok\x1b[0m \\n \\",
	} {
		for _, size := range []int{1 << 20, 4096, 777} {
			if got := stream(t, text, size); got != text {
				t.Errorf("%s in pieces of %d: changed, %d bytes became %d", name, size, len(text), len(got))
			}
		}
	}
}

func TestWriterWithholdsAnEndlessWord(t *testing.T) {
	t.Parallel()
	text := "start " + strings.Repeat("a1B2", 100_000) + " end\n"
	got := stream(t, text, 5000)
	if !strings.HasPrefix(got, "start ") || !strings.HasSuffix(got, " end\n") || len(got) > 100 {
		t.Errorf("got %d bytes: %.200q", len(got), got)
	}
}

func TestWriterNeedsLittleMemoryForALineOf100MB(t *testing.T) {
	w := newRedactor(t, Options{}).NewWriter(io.Discard)
	piece := []byte(strings.Repeat("ordinary words ", 4369))
	highest := uint64(0)
	for i := range (100 << 20) / len(piece) {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			highest = max(highest, m.HeapAlloc)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if highest > 32<<20 {
		t.Errorf("%d MB of memory", highest>>20)
	}
}

func TestWriterSendsALineWhenItEnds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := newRedactor(t, Options{}).NewWriter(&out)
	for _, step := range []struct{ in, out string }{
		{"one", ""}, {"\n", "one\n"}, {"10%\r", "10%\r"}, {"two\nthr", "two\n"}, {"ee", ""},
	} {
		out.Reset()
		if _, err := io.WriteString(w, step.in); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.out {
			t.Errorf("after %q: %q, want %q", step.in, out.String(), step.out)
		}
	}
	out.Reset()
	if err := w.Close(); err != nil || out.String() != "three" {
		t.Errorf("Close: %v, %q", err, out.String())
	}
	if _, err := io.WriteString(w, "more"); err == nil {
		t.Error("Write after Close: no error")
	}
	if err := w.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestWriterCounts(t *testing.T) {
	t.Parallel()
	w := newRedactor(t, Options{}).NewWriter(io.Discard)
	if _, err := io.WriteString(w, "cd /home/ann\nmail ann@example.test and bob@example.test\n"); err != nil {
		t.Fatal(err)
	}
	got := w.Counts()
	if got[ruleEmail] != 2 || got[ruleHome] != 1 || len(got) != 2 {
		t.Errorf("counts %v", got)
	}
	got[ruleEmail] = 99
	if w.Counts()[ruleEmail] != 2 {
		t.Error("the caller can change the counts")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsAnError(t *testing.T) {
	t.Parallel()
	w := newRedactor(t, Options{}).NewWriter(brokenWriter{})
	for range 2 {
		if _, err := io.WriteString(w, "line\n"); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("error %v", err)
		}
	}
	if err := w.Close(); err == nil {
		t.Error("Close: no error")
	}
}
