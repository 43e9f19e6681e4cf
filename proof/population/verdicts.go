package population

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

func (c *checker) verdicts() proof.Verdicts {
	return proof.Verdicts{
		Integrity: c.integrity(), Completeness: c.completeness(), Authorship: c.authorship(), Time: c.time(),
		Approval: proof.Verdict{State: proof.NotShown, Detail: "the tables list approvals and what was done under them; of single events and runs whodid prove has them judged"},
	}
}

func (c *checker) integrity() proof.Verdict {
	key, state := "the trusted key", proof.Proved
	if !c.trusted {
		key, state = "a key that only the export says is the log's", proof.Conditional
	}
	if !c.proved {
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("every file is the one that %s signed; nothing in the export ties the rows to the log", key)}
	}
	detail := fmt.Sprintf("%d rows are events of the log %s, whose checkpoint of %d entries %s signed, as it signed every file; "+
		"what is added up from events (executions, policy_versions) and files of Parquet rest on that signature alone", c.Log.Events, c.Origin, c.checkpoint.Size, key)
	if c.Log.Erased > 0 {
		detail += fmt.Sprintf("; of %d of them values were erased, and say so", c.Log.Erased)
	}
	return proof.Verdict{State: state, Detail: detail}
}

func (c *checker) completeness() proof.Verdict {
	w := &c.walk
	switch {
	case !c.proved:
		return notShown("the export does not account for the log")
	case c.Log.Hidden > 0:
		return notShown("of %d entries among those of the period only hashes are shown; that they are of another time only the maker of the export says", c.Log.Hidden)
	case c.Log.First > 0 && !w.before:
		return notShown("the export begins to account for the log in the middle of the period")
	case c.Period.Basis == Recorded && c.Log.End < c.checkpoint.Size && !w.after:
		return notShown("the export ceases to account for the log in the middle of the period")
	case c.Period.Basis == Happened && c.Log.End < c.checkpoint.Size:
		return notShown("what was recorded after entry %d is not accounted for, and may have happened in the period", c.Log.End-1)
	}
	detail := fmt.Sprintf("every entry of the log from %d to %d is accounted for: %d are rows, %d are shown to be of another time", c.Log.First, c.Log.End-1, c.Log.Events, c.Log.Outside)
	conditions := []string{}
	if c.Log.Swept > 0 {
		conditions = append(conditions, fmt.Sprintf("%d entries that were removed, as the certificates of sweeps tell, were due", c.Log.Swept))
	}
	whole := c.Log.First == 0 && c.Log.End == c.checkpoint.Size
	switch {
	case whole:
		detail += "; that is the whole log under the checkpoint"
	case c.Period.Basis == Recorded:
		conditions = append(conditions, "the trail's clock never went back")
	default:
		conditions = append(conditions, "nothing happened in the period that was recorded before it began")
	}
	if len(conditions) == 0 {
		return proof.Verdict{State: proof.Proved, Detail: detail}
	}
	return proof.Verdict{State: proof.Conditional, Detail: detail + "; if " + strings.Join(conditions, ", and if ")}
}

func (c *checker) authorship() proof.Verdict {
	if !c.proved {
		return notShown("nothing ties the rows to the log")
	}
	if c.Log.Events == 0 {
		return notShown("there are no events")
	}
	sources := slices.Sorted(maps.Keys(c.walk.sources))
	const most = 6
	if len(sources) > most {
		sources = append(sources[:most], "others")
	}
	detail := "those who are named acted, if the sources " + short(strings.Join(sources, ", ")) + " can be trusted and authenticated them rightly"
	if c.walk.unknown > 0 {
		detail += fmt.Sprintf("; of %d rows nobody authenticated the actor", c.walk.unknown)
	}
	return proof.Verdict{State: proof.Conditional, Detail: detail}
}

func (c *checker) time() proof.Verdict {
	w := &c.walk
	if !c.proved || w.newest.IsZero() {
		return notShown("nothing ties the rows to the log")
	}
	if w.set != nil {
		return proof.Verdict{State: proof.Refuted, Detail: w.set.Error()}
	}
	var seen []string
	at := map[int]time.Time{}
	for i := range c.trust.Witnesses {
		witness := &c.trust.Witnesses[i]
		when, err := witness.Cosigned(c.signed)
		if err != nil {
			continue
		}
		if w.newest.After(when.Add(backwards)) {
			return proof.Verdict{State: proof.Refuted, Detail: fmt.Sprintf("entry %d says that it was recorded at %s, and the witness %s saw it at %s",
				w.newestAt, whodid.FormatTime(w.newest), witness.Name(), whodid.FormatTime(when))}
		}
		at[i] = when
		seen = append(seen, fmt.Sprintf("%s at %s", witness.Name(), whodid.FormatTime(when)))
	}
	detail := fmt.Sprintf("events happened when they say by the clocks of their sources, and were recorded in this order by the clock of the trail, %s at the latest", whodid.FormatTime(w.newest))
	if len(seen) == 0 {
		return proof.Verdict{State: proof.Conditional, Detail: detail + "; no witness that you trust confirms it"}
	}
	state, held := proof.Conditional, "; the log held them when these saw it: "+strings.Join(seen, ", ")
	if !c.trust.Quorum.None() {
		held += fmt.Sprintf("; you ask for %s", &c.trust.Quorum)
	}
	if _, ok := c.trust.Quorum.By(at); ok {
		state = proof.Proved
	}
	return proof.Verdict{State: state, Detail: detail + held}
}

func notShown(format string, args ...any) proof.Verdict {
	return proof.Verdict{State: proof.NotShown, Detail: fmt.Sprintf(format, args...)}
}
