package hook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/place"
)

// manyRules is a policy of twenty rules of approval.
func manyRules() string {
	var b strings.Builder
	b.WriteString("version = \"1\"\n[approvals]\nrequired = true\n")
	for i := range 20 {
		fmt.Fprintf(&b, "[[approval]]\nid = \"OPS-%03d\"\nlevel = \"approve\"\nactions = [\"deploy.*\", \"schema.migrate\"]\nenvironments = [\"prod%d*\"]\n", i, i)
	}
	return b.String()
}

// BenchmarkDecision is what a policy costs a hook on top: finding and reading it,
// and deciding.
func BenchmarkDecision(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprintf("policy=%t", with), func(b *testing.B) {
			d := newDesk(b)
			if with {
				file := filepath.Join(d.home, ".whodid", "policy.toml")
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(manyRules()), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			env := func(name string) string { return d.env[name] }
			b.ResetTimer()
			for b.Loop() {
				if r := hook.ReadRules(place.Policies(d.home, place.DefaultOrg, env)...); (r.Policy != nil) != with {
					b.Fatalf("%+v", r)
				}
			}
		})
	}
}
