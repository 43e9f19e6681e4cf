package population

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// walk is what a walk through the log found.
type walk struct {
	log      Log
	tree     proof.Frontier
	period   Period
	from, to time.Time
	// before and after tell that the first entry is of before the period, by the
	// trail's clock, and the last one of after it.
	before, after bool
	newest        time.Time
	newestAt      uint64
	sources       map[string]int64
	unknown       int64 // events whose actor nobody authenticated
	set           error // that the trail's clock was set back
}

// backwards is by how much the trail's clock may be set back between two entries
// before their times are worth nothing.
const backwards = 10 * time.Minute

// entries walks through the part of the log that the export accounts for, and
// through the tables with it.
func (c *checker) entries(tables map[string]*contents) error {
	text, err := c.small(FileRange)
	if err != nil {
		return err
	}
	var span proof.RangeProof
	if err := json.Unmarshal(text, &span); err != nil {
		return wrong("%s: %w", FileRange, err)
	}
	if c.Log.First == c.Log.End {
		return wrong("it accounts for no entry of the log")
	}
	w := &c.walk
	w.log.First, w.log.End, w.period, w.sources = c.Log.First, c.Log.First, c.Period, map[string]int64{}
	if w.from, w.to, err = c.Period.Bounds(); err != nil {
		return wrong("%w", err)
	}
	if span.First != c.Log.First {
		return wrong("%s begins at entry %d, the manifest at %d", FileRange, span.First, c.Log.First)
	}
	if w.tree, err = span.Begin(); err != nil {
		return wrong("%w", err)
	}
	in, err := c.lines(FileEntries)
	if err != nil {
		return err
	}
	defer in.close()
	for {
		line, err := in.next()
		if err != nil {
			return err
		}
		if line == nil {
			break
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return wrong("%s: %w", FileEntries, err)
		}
		if err := w.take(&e, tables); err != nil {
			return err
		}
	}
	if w.log != c.Log {
		return wrong("the manifest says of the log %+v, the files show %+v", c.Log, w.log)
	}
	root, err := span.Finish(&w.tree, c.checkpoint.Size)
	if err != nil {
		return wrong("%w", err)
	}
	if !sameHash(root, c.checkpoint.Root) {
		return wrong("the rows and entries are not those of the log that was signed: one of them was changed")
	}
	return nil
}

// take takes the next line of the account.
func (w *walk) take(e *Entry, tables map[string]*contents) error {
	switch {
	case e.Table != "" && e.Leaf == "" && e.Hashes == nil:
		t := tables[e.Table]
		if t == nil || !t.table.OfEvents {
			return wrong("entry %d of the log is said to be in the table %q", w.log.End, short(e.Table))
		}
		return w.row(t, e)
	case e.Leaf != "" && e.Table == "" && e.Hashes == nil:
		event, _, err := proof.ParseLeaf([]byte(e.Leaf))
		if err != nil {
			return wrong("entry %d: %w", w.log.End, err)
		}
		if within(&event, &w.period) {
			return wrong("entry %d of the log is of the period, and no row", w.log.End)
		}
		w.log.Outside++
		w.seen(&event)
		w.tree.Append(proof.LeafHash([]byte(e.Leaf)))
	case len(e.Hashes) > 0 && e.Table == "" && (e.Why == WhySwept || e.Why == WhyOutside):
		for _, h := range e.Hashes {
			w.tree.Append(h)
			w.after = false
		}
		w.log.End += uint64(len(e.Hashes)) - 1
		if e.Why == WhySwept {
			w.log.Swept += uint64(len(e.Hashes))
		} else {
			w.log.Hidden += uint64(len(e.Hashes))
		}
	default:
		return wrong("%s says something of entry %d that can't be read", FileEntries, w.log.End)
	}
	w.log.End++
	return nil
}

// row takes an entry that is a row of a table.
func (w *walk) row(t *contents, e *Entry) error {
	more, err := t.read()
	if err != nil {
		return err
	}
	if !more {
		return wrong("%s lacks a row: that of entry %d of the log", t.name, w.log.End)
	}
	at := fmt.Sprintf("%s, row %d", t.name, t.rows)
	if seq := t.row[colSeq].n; !t.row[colSeq].Known() || uint64(seq) != w.log.End {
		return wrong("%s is entry %d of the log, where that of entry %d must be", at, seq, w.log.End)
	}
	r, err := record(t.row)
	if err != nil {
		return wrong("%s: %w", at, err)
	}
	switch {
	case len(e.Salt) == proof.SaltSize && e.Kept == nil && !t.row[colErased].Known():
		r.Salt = (*proof.Salt)(e.Salt)
	case e.Salt == nil && e.Kept != nil && t.row[colErased].Known():
		r.Commitments = e.Kept
		w.log.Erased++
		if fields, err := r.Erased(); err != nil || list(fields) != t.row[colErased].text {
			return wrong("%s does not say rightly what was erased of it", at)
		}
	default:
		return wrong("%s is not opened as it must be", at)
	}
	leaf, err := r.Leaf()
	if err != nil {
		return wrong("%s: %w", at, err)
	}
	w.tree.Append(proof.LeafHash(leaf))
	switch {
	case !within(r.Event, &w.period):
		return wrong("%s is not of the period", at)
	case TableOf(r.Event.What) != t.table.Name:
		return wrong("%s is a %s, which belongs to the table %s", at, short(r.Event.What), TableOf(r.Event.What))
	}
	w.log.Events++
	w.seen(r.Event)
	source, _, _ := strings.Cut(r.Event.Source, ":")
	if len(w.sources) < 100 || w.sources[source] > 0 {
		w.sources[source]++
	}
	if r.Event.ActorAuth == "" && r.Event.Actor != whodid.System {
		w.unknown++
	}
	w.log.End++
	return nil
}

// seen looks at the time of recording of the next entry.
func (w *walk) seen(e *whodid.Event) {
	at := e.RecordedAt
	if w.log.End == w.log.First {
		w.before = at.Before(w.from)
	}
	w.after = !at.Before(w.to)
	switch {
	case at.Before(w.newest.Add(-backwards)) && w.set == nil:
		w.set = fmt.Errorf("entry %d says that it was recorded at %s, and entry %d before it at %s", w.log.End, whodid.FormatTime(at), w.newestAt, whodid.FormatTime(w.newest))
	case at.After(w.newest):
		w.newest, w.newestAt = at, w.log.End
	}
}
