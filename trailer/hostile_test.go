package trailer_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/trailer"
)

const megabyte = 1 << 20

// fill repeats s to at least n bytes.
func fill(s string, n int) string { return strings.Repeat(s, n/len(s)+1) }

// hostile returns messages of about n bytes, each the worst case of some loop.
func hostile(n int) map[string]string {
	five := sample.String()
	return map[string]string{
		"prose":           "feat: x\n\n" + fill("A line of prose, as long as lines of prose usually are in commits.\n", n) + "\n" + five,
		"one line":        "feat: x\n\n" + fill("x", n),
		"blank lines":     "feat: x" + fill("\n", n) + five,
		"spaces":          "feat: x\n" + fill(" ", n) + "\n" + five,
		"trailers":        "feat: x\n\n" + fill("Key-name: value\n", n),
		"folded":          "feat: x\n\nAgent: a/b\n" + fill(" folded\n", n),
		"empty keys":      "feat: x\n\n" + fill("a:\n", n),
		"agents":          "feat: x\n\n" + fill("Agent: a/b\n", n),
		"blocks":          "feat: x\n\n" + fill(five, n),
		"buried blocks":   "feat: x\n\n" + fill(five+"\nprose\n\n", n),
		"rivals":          "feat: x\n\n" + five + fill("Model: a\nModel: b\n", n),
		"dividers":        "feat: x\n\n" + fill("---\n", n) + five,
		"spaced dividers": "feat: x\n\n" + fill("---\n\n", n) + five,
		"comments":        "feat: x\n\n" + fill("# c\n", n) + five,
		"wide rows":       "feat: x\n\n| Agent | Execution |\n" + fill("| a/b | exec-1 "+strings.Repeat("|", 60)+"\n", n),
		"deep quotes":     "feat: x\n\n" + fill(">", n) + five,
		"deep emphasis":   "feat: x\n\nExecution: " + fill("*", n) + "\nModel: " + fill("[", n) + "](x)",
		"links":           "feat: x\n\nExecution: exec-1\nModel: " + fill("[", n/2) + fill("](b)", n/2),
		"NULs":            "feat: x\n\n" + fill("\x00", n),
		"invalid UTF-8":   "feat: x\n\n" + fill("\xff\xfe\n", n) + "\n" + five,
		"CRLF":            "feat: x\r\n\r\n" + fill("prose\r\n", n) + "\r\n" + strings.ReplaceAll(five, "\n", "\r\n"),
		"fences":          "feat: x\n\n" + fill("```\n~~~\n", n) + five,
		"co-authors":      "feat: x\n\n" + fill("Co-authored-by: C <noreply@anthropic.com>\n", n),
	}
}

// TestHostile proves that memory stays within a multiple of the message, and
// that every function returns a verdict. Time is bounded by the test's own.
func TestHostile(t *testing.T) {
	const size = 10 * megabyte
	for name, msg := range hostile(size) {
		start := time.Now()
		used := allocated(func() {
			for range (trailer.Rules{}).All(msg) {
			}
			trailer.Blocks(msg)
			trailer.Executions(msg)
			trailer.Credits(msg)
		})
		if limit := uint64(20 * size); used > limit {
			t.Errorf("%s: reading allocated %d MB for a message of 10 MB", name, used/megabyte)
		}
		used = allocated(func() {
			problems := trailer.Check(msg)
			for _, p := range problems {
				if len(p.Text) > 1000 {
					t.Errorf("%s: a sentence of %d bytes", name, len(p.Text))
				}
			}
		})
		if limit := uint64(60 * size); used > limit {
			t.Errorf("%s: Check allocated %d MB for a message of 10 MB", name, used/megabyte)
		}
		// The slowest takes well under a second here; what is quadratic takes hours.
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
	}
}

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	msg := hostile(10 * megabyte)["blocks"]
	problems := trailer.Check(msg)
	found := false
	for _, p := range problems {
		found = found || p.Code == trailer.TooMany
		if p.Fixable {
			t.Errorf("fixable although not all was read: %+v", p)
			break
		}
	}
	if !found {
		t.Error("Check does not say that it stopped reading")
	}
	if fixed, changes := trailer.Fix(msg); fixed != msg || changes != nil {
		t.Error("Fix changed a message that it did not read to its end")
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"prose", "trailers", "blank lines", "CRLF"} {
		msg := hostile(10 * megabyte)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				for range (trailer.Rules{}).All(msg) {
				}
			}
		})
	}
}

func BenchmarkBlocks(b *testing.B) {
	for _, name := range []string{"prose", "buried blocks", "dividers", "wide rows", "links"} {
		msg := hostile(10 * megabyte)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				trailer.Blocks(msg)
			}
		})
	}
}

// The commands that run on each commit see messages of this size.
func BenchmarkCommit(b *testing.B) {
	msg := message(b, "plain.txt")
	buried := message(b, "github-squash.txt")
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			trailer.Parse(msg)
		}
	})
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			trailer.Check(msg)
		}
	})
	b.Run("Fix", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			trailer.Fix(buried)
		}
	})
}
