package proof

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// backwards is by how much clocks may differ before a time is worth nothing.
const backwards = 10 * time.Minute

// WitnessedTime is the verdict on time of a bundle whose integrity is not refuted, for
// somebody who trusts the witnesses and asks for so many of them; 0 asks for none, and
// nothing is proved by them.
func WitnessedTime(b *Bundle, witnesses []Witness, quorum int) Verdict {
	event, err := b.Event()
	if err != nil {
		return Verdict{NotShown, err.Error()}
	}
	clocks := fmt.Sprintf("it happened at %s by the clock of its source and was recorded at %s by the clock of the trail", whodid.FormatTime(event.At), whodid.FormatTime(event.RecordedAt))
	var seen []time.Time
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
		seen, who = append(seen, at), append(who, fmt.Sprintf("%s at %s", w.Name(), whodid.FormatTime(at)))
	}
	held := "; the log held it when these saw it: " + strings.Join(who, ", ")
	switch {
	case len(seen) == 0:
		return Verdict{Conditional, clocks + "; no witness that you trust confirms either"}
	case quorum == 0:
		return Verdict{Conditional, clocks + held}
	case len(seen) < quorum:
		return Verdict{Conditional, fmt.Sprintf("%s%s; you ask for %d", clocks, held, quorum)}
	default:
		slices.SortFunc(seen, time.Time.Compare)
		return Verdict{Proved, "it was recorded not later than " + whodid.FormatTime(seen[quorum-1]) + held + "; " + clocks}
	}
}
