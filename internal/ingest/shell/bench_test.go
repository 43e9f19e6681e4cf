package shell

import (
	"strings"
	"testing"
)

func BenchmarkActs(b *testing.B) {
	for _, bm := range []struct {
		name, command string
		out           *Outcome
	}{
		{"plain", "ls -la", &Outcome{ExitKnown: true, Stdout: "total 0\n"}},
		{"test", "cd sub && go test ./... 2>&1 | tail -20", &Outcome{ExitKnown: true, Stdout: strings.Repeat("ok  \texample.com/shop\t0.1s\n", 40)}},
		{
			"commit", "git add -A && git commit -m \"$(cat <<'EOF'\nfeat: greet\n\nBody.\nEOF\n)\" && git push",
			&Outcome{ExitKnown: true, Stdout: "[main 1a2b3c4] feat: greet\n 1 file changed, 1 insertion(+)\n", Stderr: "To github.com:acme/shop.git\n   1a2b3c4..5d6e7f8  main -> main\n"},
		},
		{"huge output", "gh pr create --fill", &Outcome{ExitKnown: true, Stdout: strings.Repeat("warning: x\n", 5<<20/11)}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Acts(bm.command, bm.out, "acme/shop")
			}
		})
	}
}
