package ask

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// Cosigned is a checkpoint of the trail with what witnesses gave for it.
type Cosigned struct {
	Checkpoint proof.Checkpoint
	// Signed is the signed note with all cosignatures of it that are kept; By are
	// the witnesses, as they are called here.
	Signed string
	By     []string
	// Stamps are the time stamps of it, tokens of RFC 3161.
	Stamps [][]byte
}

// settle puts the proof under the checkpoint that most have witnessed, of those under
// which all of the rows are, and of these under the oldest: it says most about when
// they were recorded. If there is none it stays under the head.
func (e *evidence) settle(ctx context.Context, rows ...[]store.Row) error {
	var need uint64
	for _, list := range rows {
		for i := range list {
			if seq := list[i].Seq; seq < e.size {
				need = max(need, seq+1)
			}
		}
	}
	best, err := e.mostWitnessed(ctx, need, e.size, e.dossier.PublicKey, e.read)
	if best != nil {
		e.size, e.dossier.Checkpoint, e.dossier.Stamps = best.Checkpoint.Size, best.Signed, best.Stamps
	}
	return err
}

// mostWitnessed is the checkpoint of a tree of at least need and at most size events
// that most have witnessed, the oldest of them; nil if there is none.
func (a *Asker) mostWitnessed(ctx context.Context, need, size uint64, publicKey string, read proof.TileReader) (*Cosigned, error) {
	given, err := a.store.WitnessedFrom(ctx, a.org, need, fewWitnesses)
	if err != nil {
		return nil, err
	}
	var best *Cosigned
	all := gather(given, publicKey, read)
	for i := range all {
		if c := &all[i]; c.Checkpoint.Size <= size && (best == nil || len(c.By)+len(c.Stamps) > len(best.By)+len(best.Stamps)) {
			best = c
		}
	}
	return best, nil
}

// fewWitnesses bounds how much of what witnesses gave a proof looks at.
const fewWitnesses = 24

// Cosigned returns the checkpoint of the tree of a size with what witnesses gave for
// it, or [store.ErrNotFound] if none did.
func (a *Asker) Cosigned(ctx context.Context, size uint64) (*Cosigned, error) {
	rows, err := a.store.WitnessedFrom(ctx, a.org, size, manyWitnesses)
	if err != nil {
		return nil, err
	}
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	all := gather(rows, log.PublicKey, a.store.Tiles(ctx, a.org))
	if len(all) == 0 || all[0].Checkpoint.Size != size {
		return nil, fmt.Errorf("what witnesses gave for the tree of %d events: %w", size, store.ErrNotFound)
	}
	return &all[0], nil
}

// manyWitnesses bounds how much of what witnesses gave is looked at.
const manyWitnesses = 256

// gather puts what was given for one checkpoint together, by size ascending. What is
// not of this trail, as far as its own key tells, is left out; whether a cosignature
// holds only who knows the witness's key can tell.
func gather(rows []store.Witnessed, publicKey string, read proof.TileReader) []Cosigned {
	var out []Cosigned
	for i := range rows {
		w := &rows[i]
		last := len(out) - 1
		if last < 0 || out[last].Checkpoint.Size != w.Size {
			c, err := proof.OpenCheckpoint(w.Checkpoint, publicKey)
			if err != nil || c.Size != w.Size {
				continue
			}
			if root, err := proof.Root(c.Size, read); err != nil || root != c.Root {
				continue
			}
			out, last = append(out, Cosigned{Checkpoint: c, Signed: w.Checkpoint}), last+1
		}
		// Each has seen the note without the cosignatures of others.
		if !strings.HasPrefix(out[last].Signed, w.Checkpoint) {
			continue
		}
		switch {
		case w.Kind == witness.KindC2SP && isSignature(w.Evidence):
			out[last].Signed += w.Evidence
			out[last].By = append(out[last].By, w.Witness)
		case w.Kind == witness.KindTSA && len(out[last].Stamps) < dossier.MaxStamps:
			if token, err := base64.StdEncoding.DecodeString(w.Evidence); err == nil {
				out[last].Stamps = append(out[last].Stamps, token)
			}
		}
	}
	return slices.DeleteFunc(out, func(c Cosigned) bool { return len(c.By)+len(c.Stamps) == 0 })
}

// isSignature tells whether text is one line of signatures of a signed note.
func isSignature(text string) bool {
	return strings.HasPrefix(text, "— ") && strings.HasSuffix(text, "\n") && strings.Count(text, "\n") == 1
}

// Refusal is that a witness saw another trail than this one, when it was asked.
type Refusal struct {
	Witness string
	Detail  string
}

// bound is that events were recorded by a time at the latest.
type bound struct {
	size uint64
	by   time.Time
	// who says so, for people.
	who string
}

// witnessBounds are what witnesses say about the trail as a whole.
type witnessBounds struct {
	quorum int
	// cosigned is the largest tree that as many C2SP witnesses as are needed have
	// cosigned, and by whom; none have if size is 0.
	cosigned bound
	// stamped is the same by an authority for time stamps.
	stamped bound
	// whole tells of each whether nothing was recorded since but that witnesses saw
	// it.
	cosignedWhole, stampedWhole bool
	// late names an event that says that it was recorded after it was seen.
	late string
}

// weigh finds out how much of the trail witnesses vouch for.
func (a *Asker) weigh(ctx context.Context, c *checker, quorum int) (*witnessBounds, error) {
	b := &witnessBounds{quorum: quorum}
	var err error
	if quorum > 0 {
		b.cosigned = cosignedBy(c.Witnesses, quorum)
		if b.cosignedWhole, err = a.onlyWitnessedSince(ctx, b.cosigned.size, c.TreeSize); err != nil {
			return nil, err
		}
	}
	b.stamped = stampedBy(c.Witnesses)
	if b.stampedWhole, err = a.onlyWitnessedSince(ctx, b.stamped.size, c.TreeSize); err != nil {
		return nil, err
	}
	for _, seen := range []bound{b.cosigned, b.stamped} {
		if err := a.lateFor(ctx, b, seen); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// stampedBy is the largest tree that an authority for time stamps has stamped, and the
// first time that one did.
func stampedBy(seen []Witnessed) (b bound) {
	for i := range seen {
		w := &seen[i]
		if w.Kind == witness.KindTSA && w.Holds && (w.Size > b.size || w.Size == b.size && w.SeenAt.Before(b.by)) {
			b = bound{size: w.Size, by: w.SeenAt, who: w.Where}
		}
	}
	return b
}

// cosignedBy is the largest tree that so many C2SP witnesses have cosigned.
func cosignedBy(seen []Witnessed, quorum int) bound {
	largest := map[string]uint64{}
	for i := range seen {
		if w := &seen[i]; w.Kind == witness.KindC2SP && w.Holds {
			largest[w.Witness] = max(largest[w.Witness], w.Size)
		}
	}
	if len(largest) < quorum {
		return bound{}
	}
	sizes := make([]uint64, 0, len(largest))
	for _, size := range largest {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	out := bound{size: sizes[len(sizes)-quorum]}
	// Of each, when it first saw as much; as many as are needed say so from then on.
	first := map[string]time.Time{}
	for i := range seen {
		w := &seen[i]
		if w.Kind != witness.KindC2SP || !w.Holds || w.Size < out.size {
			continue
		}
		if at, ok := first[w.Witness]; !ok || w.SeenAt.Before(at) {
			first[w.Witness] = w.SeenAt
		}
	}
	names := make([]string, 0, len(first))
	for name := range first {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		if order := first[x].Compare(first[y]); order != 0 {
			return order
		}
		return strings.Compare(x, y)
	})
	out.by, out.who = first[names[quorum-1]], strings.Join(names[:quorum], ", ")
	return out
}

// onlyWitnessedSince tells whether nothing is in the log from a place on but that
// witnesses saw it.
func (a *Asker) onlyWitnessedSince(ctx context.Context, from, size uint64) (bool, error) {
	if from == 0 || size-min(from, size) > manyWitnesses {
		return false, nil
	}
	if from >= size {
		return true, nil
	}
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{AfterSeq: from, Limit: manyWitnesses})
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(rows, func(r store.Row) bool { return r.What != "checkpoint.witness" }), nil
}

// lateFor looks whether the newest event that somebody has seen says that it was
// recorded after that.
func (a *Asker) lateFor(ctx context.Context, b *witnessBounds, seen bound) error {
	if seen.size == 0 {
		return nil
	}
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{AfterSeq: seen.size - 1, Limit: 1})
	if err != nil {
		return err
	}
	for i := range rows {
		if at := rows[i].RecordedAt; at.After(seen.by.Add(clockSlack)) {
			b.late = fmt.Sprintf("%s says that it was recorded at %s, and %s saw it at %s", rows[i].ID, clock(at), seen.who, clock(seen.by))
		}
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// completeness says what the number of witnesses that is asked for makes of a
// verdict on completeness that nothing speaks against.
func (b *witnessBounds) completeness(size uint64) (proof.Verdict, bool) {
	switch {
	case b.quorum == 0:
		return proof.Verdict{}, false
	case b.cosigned.size == 0:
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("nothing is missing under the head; that everybody sees the same history, no %s confirmed yet", witnesses(b.quorum))}, true
	case !b.cosignedWhole:
		return proof.Verdict{State: proof.Conditional, Detail: fmt.Sprintf("nothing is missing under the head, which goes on from the %d events that %s cosigned; that everybody sees the same %d since then, no %s confirmed yet",
			b.cosigned.size, b.cosigned.who, size-b.cosigned.size, witnesses(b.quorum))}, true
	default:
		return proof.Verdict{State: proof.Proved, Detail: fmt.Sprintf("nothing is missing of the %d events that %s cosigned, who cosign no other history; nothing was recorded since, and what no source told is not here",
			b.cosigned.size, b.cosigned.who)}, true
	}
}

func witnesses(n int) string {
	if n == 1 {
		return "witness has"
	}
	return fmt.Sprintf("%d witnesses have", n)
}

// time says by when the events were recorded.
func (b *witnessBounds) time(size uint64) (detail string, whole bool) {
	seen, whole := b.cosigned, b.cosignedWhole
	if b.stampedWhole && !whole || b.stamped.size > seen.size && b.stampedWhole == whole {
		seen, whole = b.stamped, b.stampedWhole
	}
	switch {
	case seen.size == 0:
		return "", false
	case whole:
		return fmt.Sprintf("; all were recorded not later than %s according to %s", clock(seen.by), seen.who), true
	default:
		return fmt.Sprintf("; the first %d of %d were recorded not later than %s according to %s", seen.size, size, clock(seen.by), seen.who), false
	}
}
