package dossier

import (
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/stamp"
)

// completeness says whether all is shown that was recorded of the subject.
func (c *checker) completeness() proof.Verdict {
	span := c.Complete
	if span == nil {
		return notShown("whoever made the proof chose its events; it does not claim to hold all")
	}
	if span.First >= span.End || span.End > c.checkpoint.Size {
		return refuted("it claims to hold all entries from %d up to %d, which the log does not have", span.First, span.End)
	}
	if missing, ok := c.gap(*span); ok {
		return refuted("it claims to hold all entries from %d up to %d, and lacks entry %d", span.First, span.End, missing)
	}
	switch c.Subject.Kind {
	case OfExecution:
		return c.wholeExecution(*span)
	case OfPeriod:
		return c.wholePeriod(*span)
	case OfIncident:
		return c.wholeCustody(*span)
	case OfReport:
		return c.wholeReport(*span)
	case OfEvent:
		return notShown("one event says nothing about the others")
	default:
		return notShown("the entries from %d up to %d are all there; which of them belong to the answer their leaves do not tell", span.First, span.End)
	}
}

// gap finds the first entry of the span that is not there.
func (c *checker) gap(span Span) (uint64, bool) {
	want := span.First
	for i := range c.entries {
		if c.entries[i].Index == want && want < span.End {
			want++
		}
	}
	return want, want < span.End
}

func (c *checker) wholeExecution(span Span) proof.Verdict {
	id, n, started, finished := c.Subject.ID, 0, false, false
	for i := range c.entries {
		e := &c.entries[i]
		if e.Event.Execution != id {
			continue
		}
		if !e.answer {
			return refuted("entry %d is of %s, and the proof does not list it among its events", e.Index, short(id))
		}
		if e.Index >= span.First && e.Index < span.End {
			n++
			started = started || e.Event.What == "execution.start"
			finished = finished || e.Event.What == "execution.finish"
		}
	}
	ends := ""
	if !started {
		ends += "; its start is not among them"
	}
	if !finished {
		ends += "; its end is not among them"
	}
	between := fmt.Sprintf("entries %d to %d of the log are all there, and of them just the %d that are shown are of %s%s", span.First, span.End-1, n, short(id), ends)
	if span.First == 0 && span.End == c.checkpoint.Size {
		return proof.Verdict{State: proof.Proved, Detail: between + "; that is the whole log under the checkpoint"}
	}
	return conditional("%s; if the log has none of it before or after these", between)
}

// wholeCustody says whether a link of a chain of custody could be left out. Of an
// event of another incident the leaf does not tell that it is of another.
func (c *checker) wholeCustody(span Span) proof.Verdict {
	links, others := 0, 0
	for i := range c.entries {
		switch e := &c.entries[i]; {
		case e.Index < span.First || e.Index >= span.End:
		case e.answer:
			links++
		case strings.HasPrefix(e.Event.What, "incident.") && (e.withheld(proof.FieldTarget) || e.Event.Target == c.Subject.ID):
			others++
		}
	}
	between := fmt.Sprintf("entries %d to %d of the log are all there", span.First, span.End-1)
	if others > 0 {
		return notShown("%s, and %d of them are of incidents and not disclosed: they may be of this one", between, others)
	}
	between += fmt.Sprintf(", and of them just the %d that are shown are of the incident and its holds", links)
	if span.First == 0 && span.End == c.checkpoint.Size {
		return proof.Verdict{State: proof.Proved, Detail: between + "; that is the whole log under the checkpoint"}
	}
	return conditional("%s; if nothing of it was recorded after these", between)
}

func (c *checker) wholePeriod(span Span) proof.Verdict {
	from, to, err := c.Subject.period()
	if err != nil {
		return refuted("%v", err)
	}
	n := 0
	for i := range c.entries {
		e := &c.entries[i]
		switch at := e.Event.RecordedAt; {
		case !within(at, from, to):
		case !e.answer:
			return refuted("entry %d was recorded in the period, and the proof does not list it among its events", e.Index)
		case e.Index >= span.First && e.Index < span.End:
			n++
		}
		if e.Index == span.First && span.First > 0 && !e.Event.RecordedAt.Before(from) {
			return notShown("the entries begin in the middle of the period")
		}
		if e.Index == span.End-1 && span.End < c.checkpoint.Size && e.Event.RecordedAt.Before(to) {
			return notShown("the entries end in the middle of the period")
		}
	}
	whole := fmt.Sprintf("entries %d to %d of the log reach beyond the period, and of them just the %d that are shown were recorded in it", span.First, span.End-1, n)
	if span.First == 0 && span.End == c.checkpoint.Size {
		return proof.Verdict{State: proof.Proved, Detail: fmt.Sprintf("the proof holds the whole log under the checkpoint; just the %d that are shown were recorded in the period", n)}
	}
	return conditional("%s; if the trail's clock never went back", whole)
}

// wholeReport looks for what happened in the time of a report. It may have been
// recorded at any time after, so that the entries must go on to the end of the log.
func (c *checker) wholeReport(span Span) proof.Verdict {
	from, to, err := c.Subject.period()
	if err != nil {
		return refuted("%v", err)
	}
	n := 0
	for i := range c.entries {
		e := &c.entries[i]
		switch in := within(e.Event.At, from, to); {
		case in && !e.answer:
			return refuted("entry %d happened in the time of the report, and the proof does not list it among its events", e.Index)
		case in && e.Index >= span.First && e.Index < span.End:
			n++
		}
		if e.Index == span.First && span.First > 0 && !e.Event.RecordedAt.Before(from) {
			return notShown("the entries begin in the middle of the time of the report")
		}
	}
	if span.End < c.checkpoint.Size {
		return notShown("what was recorded after entry %d is not there, and may have happened in the time of the report", span.End-1)
	}
	whole := fmt.Sprintf("just the %d that are shown happened in the time of the report; that it counts them rightly is for who reads both to see", n)
	if span.First == 0 {
		return proof.Verdict{State: proof.Proved, Detail: "the proof holds the whole log under the checkpoint; " + whole}
	}
	return conditional("entries %d to %d of the log, its last, are all there, and %s; if nothing happened then that was recorded before", span.First, span.End-1, whole)
}

// authorship says whether those who are named did it.
func (c *checker) authorship() proof.Verdict {
	var actors, sources, unauthenticated []string
	hidden := 0
	for i := range c.entries {
		e := &c.entries[i]
		if !e.answer {
			continue
		}
		if e.Event.Actor == "" {
			hidden++
			continue
		}
		actors, sources = append(actors, e.Event.Actor), append(sources, e.Event.Source)
		if e.Event.ActorAuth == "" && e.Event.Actor != whodid.System {
			unauthenticated = append(unauthenticated, e.Event.Actor)
		}
	}
	if len(actors) == 0 {
		return notShown("the actors are people whose pseudonyms are not disclosed")
	}
	detail := fmt.Sprintf("%s acted, if the sources %s can be trusted and authenticated them rightly", plainly(actors), plainly(sources))
	if len(unauthenticated) > 0 {
		detail += "; nobody authenticated " + plainly(unauthenticated)
	}
	if hidden > 0 {
		detail += fmt.Sprintf("; who did %s is not disclosed", counted(hidden, "one of them", "of them"))
	}
	return conditional("%s", detail)
}

// backwards is by how much the trail's clock may be set back between two entries
// before their times are worth nothing.
const backwards = 10 * time.Minute

// time says whether it happened when it says.
func (c *checker) time() proof.Verdict {
	var newest time.Time
	var at uint64
	for i := range c.entries {
		e := &c.entries[i]
		if recorded := e.Event.RecordedAt; recorded.Before(newest.Add(-backwards)) {
			return refuted("entry %d says that it was recorded at %s, and entry %d before it at %s", e.Index, whodid.FormatTime(recorded), at, whodid.FormatTime(newest))
		} else if recorded.After(newest) {
			newest, at = recorded, e.Index
		}
	}
	seen, unread := c.seen()
	var words []string
	for _, w := range seen {
		if newest.After(w.at.Add(backwards)) {
			return refuted("entry %d says that it was recorded at %s, and %s saw it at %s", at, whodid.FormatTime(newest), w.who, whodid.FormatTime(w.at))
		}
		words = append(words, fmt.Sprintf("%s at %s", w.who, whodid.FormatTime(w.at)))
	}
	clocks := fmt.Sprintf("they happened when they say by the clocks of their sources, and were recorded in this order by the clock of the trail, %s at the latest", whodid.FormatTime(newest))
	if len(unread) > 0 {
		clocks += "; time stamps in the proof do not count: " + plainly(unread)
	}
	if len(seen) == 0 {
		return conditional("%s; no witness that you trust confirms it", clocks)
	}
	held := "; the log held them when these saw it: " + strings.Join(words, ", ")
	if at, ok := c.latest(seen); ok {
		return proof.Verdict{State: proof.Proved, Detail: "they were recorded not later than " + whodid.FormatTime(at) + held + "; " + clocks}
	}
	if !c.trust.Quorum.None() {
		held += fmt.Sprintf("; you ask for %s", &c.trust.Quorum)
	}
	return conditional("%s%s", clocks, held)
}

// sighting is that somebody whom the verifier trusts has seen the checkpoint.
type sighting struct {
	who     string
	at      time.Time
	stamp   bool
	witness int // its place among those who are trusted, if it is no stamp
}

// seen lists who has seen the checkpoint, and why time stamps in the proof don't count.
// Witnesses come first.
func (c *checker) seen() (seen []sighting, unread []string) {
	for i := range c.trust.Witnesses {
		w := &c.trust.Witnesses[i]
		if at, err := w.Cosigned(c.Checkpoint); err == nil {
			seen = append(seen, sighting{who: "the witness " + w.Name(), at: at, witness: i})
		}
	}
	if len(c.trust.Authorities) == 0 {
		return seen, nil
	}
	text, err := proof.CheckpointText(c.Checkpoint)
	if err != nil {
		return seen, nil // which integrity tells of
	}
	for _, token := range c.Stamps {
		s, err := stamp.Check(token, []byte(text), c.trust.Authorities)
		if err != nil {
			unread = append(unread, err.Error())
			continue
		}
		seen = append(seen, sighting{who: "TSA " + s.Authority, at: s.At, stamp: true})
	}
	return seen, unread
}

// cosigners are the witnesses who have seen the checkpoint, and when.
func cosigners(seen []sighting) map[int]time.Time {
	at := map[int]time.Time{}
	for _, s := range seen {
		if !s.stamp {
			at[s.witness] = s.at
		}
	}
	return at
}

// latest is the time by which the witnesses have seen the checkpoint that are asked
// for, or that at which an authority stamped it, if that is earlier; ok is false
// without either.
func (c *checker) latest(seen []sighting) (latest time.Time, ok bool) {
	latest, ok = c.trust.Quorum.By(cosigners(seen))
	for _, s := range seen {
		if s.stamp && (!ok || s.at.Before(latest)) {
			latest, ok = s.at, true
		}
	}
	return latest, ok
}

// everybodySees holds a proved verdict on completeness to the number of witnesses that
// the verifier asks for: without them the log may have shown others another tree.
func (c *checker) everybodySees(v proof.Verdict) proof.Verdict {
	if v.State != proof.Proved || c.trust.Quorum.None() {
		return v
	}
	seen, _ := c.seen()
	who := cosigners(seen)
	n := len(who)
	if _, ok := c.trust.Quorum.By(who); !ok {
		return conditional("%s; if everybody was shown this tree: %s cosigned it, and you ask for %s", v.Detail, counted(n, "one of your witnesses", "of your witnesses"), &c.trust.Quorum)
	}
	v.Detail += fmt.Sprintf("; everybody sees this tree: %s cosigned it", counted(n, "one of your witnesses", "of your witnesses"))
	return v
}
