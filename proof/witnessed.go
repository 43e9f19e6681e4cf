package proof

import (
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// backwards is by how much clocks may differ before a time is worth nothing.
const backwards = 10 * time.Minute

// WitnessedTime is the verdict on time of a bundle whose integrity is not refuted, for
// somebody who trusts the witnesses and asks for some of them; without a quorum nothing
// is proved by them.
func WitnessedTime(b *Bundle, witnesses []Witness, quorum Quorum) Verdict {
	event, err := b.Event()
	if err != nil {
		return Verdict{NotShown, err.Error()}
	}
	clocks := fmt.Sprintf("it happened at %s by the clock of its source and was recorded at %s by the clock of the trail", whodid.FormatTime(event.At), whodid.FormatTime(event.RecordedAt))
	seen := map[int]time.Time{}
	var who []string
	for i := range witnesses {
		w := &witnesses[i]
		at, err := w.Cosigned(b.Checkpoint)
		if err != nil {
			continue
		}
		if event.RecordedAt.After(at.Add(backwards)) {
			return Verdict{Refuted, fmt.Sprintf("it says that it was recorded at %s, and the witness %s saw it at %s", whodid.FormatTime(event.RecordedAt), w.Name(), whodid.FormatTime(at))}
		}
		seen[i], who = at, append(who, fmt.Sprintf("%s at %s", w.Name(), whodid.FormatTime(at)))
	}
	if len(seen) == 0 {
		return Verdict{Conditional, clocks + "; no witness that you trust confirms either"}
	}
	held := "; the log held it when these saw it: " + strings.Join(who, ", ")
	if quorum.None() {
		return Verdict{Conditional, clocks + held}
	}
	at, ok := quorum.By(seen)
	if !ok {
		return Verdict{Conditional, fmt.Sprintf("%s%s; you ask for %s", clocks, held, &quorum)}
	}
	return Verdict{Proved, "it was recorded not later than " + whodid.FormatTime(at) + held + "; " + clocks}
}
