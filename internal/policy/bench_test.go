package policy_test

import (
	"testing"
	"time"

	"github.com/whodid/whodid/internal/policy"
)

// BenchmarkEvaluate reads and judges one agent's commit: of a check of a
// thousand commits it is the part that neither git nor the trail takes.
func BenchmarkEvaluate(b *testing.B) {
	p, around := policy.Default(), policy.Surroundings{Trail: true, Now: noon.Add(time.Hour)}
	for b.Loop() {
		if v := p.Evaluate(commit(fine, nil), around); v.Outcome != policy.Pass {
			b.Fatal(v.Outcome)
		}
	}
}
