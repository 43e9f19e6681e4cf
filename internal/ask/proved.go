package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// ErrWitnesses means that it can't be told who the witnesses are.
var ErrWitnesses = errors.New("couldn't tell who the witnesses are")

// MostBehind is how many events may have been recorded since the log was confirmed
// last for runs to be counted and found by it. Each of them is looked at.
const MostBehind = 100_000

// UseWitnesses says who the witnesses are, as often as somebody asks. Without it
// nobody's word counts.
func (a *Asker) UseWitnesses(read func() (*witness.File, error)) { a.witnesses = read }

// reach is how much of the log was confirmed by those whose word counts for the
// verdict on time: as many C2SP witnesses as the quorum asks for, or an authority for
// time stamps.
type reach struct {
	// counts tells whether there is anybody whose word counts.
	counts bool
	// size is that of the largest tree that they confirmed, treeSize that of the log's.
	size, treeSize uint64
	// most is how many may be between the two.
	most uint64
}

// behind is how many events were recorded since.
func (c *reach) behind() uint64 { return c.treeSize - min(c.size, c.treeSize) }

// farBehind tells whether they are too many to look through.
func (c *reach) farBehind() bool { return c.behind() > c.most }

// reach answers how much of the log is confirmed, by what the trail keeps of it. It
// is checked with the keys of the file of witnesses, and against the tree.
func (a *Asker) reach(ctx context.Context) (*reach, error) {
	quorum, places, err := a.whoseWordCounts()
	if err != nil {
		return nil, err
	}
	c := &reach{counts: len(places) > 0, most: a.mostBehind}
	kept := make([][]store.Witnessed, len(places))
	for i := range places {
		if kept[i], err = a.store.Witnessed(ctx, a.org, places[i].Name, manySightings); err != nil {
			return nil, err
		}
	}
	log, err := a.store.Log(ctx, a.org)
	if errors.Is(err, store.ErrNoLog) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, err
	}
	c.treeSize = head.Frontier.Size()
	now := proof.Checkpoint{Origin: log.Origin, Size: c.treeSize, Root: head.Frontier.Root()}
	read := remember(a.store.Tiles(ctx, a.org))
	var seen []Witnessed
	for i := range places {
		if w, ok := lastSeen(&places[i], kept[i], log.PublicKey, now, read); ok {
			seen = append(seen, w)
		}
	}
	if quorum > 0 {
		c.size = cosignedBy(seen, quorum).size
	}
	c.size = max(c.size, stampedBy(seen).size)
	return c, nil
}

// manySightings is how many checkpoints of each witness are looked at.
const manySightings = 20

// whoseWordCounts are the witnesses that the verdict on time can rest on.
func (a *Asker) whoseWordCounts() (quorum int, counting []witness.Place, err error) {
	if a.witnesses == nil {
		return 0, nil, nil
	}
	file, err := a.witnesses()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrWitnesses, err)
	}
	var cosigners []witness.Place
	for i := range file.Witnesses {
		switch w := &file.Witnesses[i]; {
		case !w.Of(a.org):
		case w.Kind == witness.KindC2SP:
			cosigners = append(cosigners, *w)
		case w.Kind == witness.KindTSA:
			counting = append(counting, *w)
		}
	}
	if file.Quorum == 0 || len(cosigners) < file.Quorum {
		return 0, counting, nil
	}
	return file.Quorum, append(counting, cosigners...), nil
}

// lastSeen is the last checkpoint that a witness saw of this very tree.
func lastSeen(w *witness.Place, kept []store.Witnessed, publicKey string, now proof.Checkpoint, read proof.TileReader) (Witnessed, bool) {
	for i := range kept {
		s, err := sightingOf(w, &kept[i])
		if err != nil || witness.GoesOn(s, publicKey, now, read) != nil {
			continue
		}
		if then, err := proof.PeekCheckpoint(s.Checkpoint); err == nil {
			return Witnessed{Sighting: s, Size: then.Size, Holds: true}, true
		}
	}
	return Witnessed{}, false
}

// SeenBy answers which checkpoints a witness has seen, of the largest trees first, as
// far as what it gave proves that.
func (a *Asker) SeenBy(ctx context.Context, w *witness.Place) ([]witness.Sighting, error) {
	kept, err := a.store.Witnessed(ctx, a.org, w.Name, manySightings)
	if err != nil {
		return nil, err
	}
	var seen []witness.Sighting
	for i := range kept {
		if s, err := sightingOf(w, &kept[i]); err == nil {
			seen = append(seen, s)
		}
	}
	return seen, nil
}

// sightingOf is what the trail keeps of a witness. It counts only if the witness's
// own key says so: else somebody put it there, or the key is another now.
func sightingOf(w *witness.Place, kept *store.Witnessed) (witness.Sighting, error) {
	at, who, err := witness.Vouched(w, kept.Checkpoint, kept.Evidence)
	if err != nil {
		return witness.Sighting{}, err
	}
	return witness.Sighting{Witness: w.Name, Kind: w.Kind, Where: who, Checkpoint: kept.Checkpoint, SeenAt: at}, nil
}

// state is that of a run whose events are in the log up to beyond what was confirmed,
// or not.
func (c *reach) state(beyond bool) whodid.ProvedState {
	switch {
	case !c.counts:
		return whodid.ProvedUnwitnessed
	case beyond || c.size == 0:
		return whodid.ProvedWaiting
	default:
		return whodid.ProvedWitnessed
	}
}

// Proved answers how far each of the executions is confirmed; see
// [whodid.ProvedState].
func (a *Asker) Proved(ctx context.Context, ids []string) (map[string]whodid.ProvedState, error) {
	c, err := a.reach(ctx)
	if err != nil {
		return nil, err
	}
	beyond := map[string]bool{}
	if c.counts && c.size > 0 {
		if beyond, err = a.store.AreBeyond(ctx, a.org, ids, c.size); err != nil {
			return nil, err
		}
	}
	out := make(map[string]whodid.ProvedState, len(ids))
	for _, id := range ids {
		out[id] = c.state(beyond[id])
	}
	return out, nil
}

// placed writes what a filter says of proof by places in the log, which the store can
// look up.
func (a *Asker) placed(ctx context.Context, f whodid.Filter) (whodid.Filter, error) {
	proved := func(t whodid.Term) bool { return t.Field == whodid.FilterProved }
	if !slices.ContainsFunc(f.Terms, proved) {
		return f, nil
	}
	c, err := a.reach(ctx)
	if err != nil {
		return f, err
	}
	f.Terms = slices.Clone(f.Terms)
	for i := range f.Terms {
		if !proved(f.Terms[i]) {
			continue
		}
		if f.Terms[i], err = c.term(&f.Terms[i]); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (c *reach) term(t *whodid.Term) (whodid.Term, error) {
	if !c.counts || c.size == 0 {
		return store.Anything(!t.Fits(string(c.state(true)))), nil
	}
	witnessed, waiting := t.Fits(string(whodid.ProvedWitnessed)), t.Fits(string(whodid.ProvedWaiting))
	switch {
	case witnessed == waiting:
		return store.Anything(!waiting), nil
	case c.farBehind():
		return *t, fmt.Errorf("%w: proved: is not looked up while witnesses are more than %d events behind, and they are %d: whodid witness push", whodid.ErrFilter, c.most, c.behind())
	default:
		return store.Beyond(c.size, witnessed), nil
	}
}

// addProved counts the selected runs by proof.
func (a *Asker) addProved(ctx context.Context, f *Facets, sel store.Selection) error {
	c, err := a.reach(ctx)
	if errors.Is(err, ErrWitnesses) {
		return nil // the other facets are as good without; whodid doctor tells of it
	}
	if err != nil {
		return err
	}
	of := map[string]int64{}
	switch {
	case f.Runs == 0:
	case !c.counts || c.size == 0:
		of[string(c.state(true))] = f.Runs
	case c.farBehind():
		f.Behind = c.behind()
	default:
		waiting, err := a.store.CountBeyond(ctx, a.org, sel, c.size)
		if err != nil {
			return err
		}
		// Those that began since the others were counted wait.
		if waiting = min(waiting, f.Runs); waiting > 0 {
			of[string(whodid.ProvedWaiting)] = waiting
		}
		if f.Runs > waiting {
			of[string(whodid.ProvedWitnessed)] = f.Runs - waiting
		}
	}
	// It stands beside how runs ended.
	f.Facets = slices.Insert(f.Facets, 1, Facet{Field: string(whodid.FilterProved), Values: counts(of)})
	return nil
}
