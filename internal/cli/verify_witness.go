package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// manySightings is how many checkpoints in each repository a verification looks at.
const manySightings = 20

// sightings are the checkpoints that this user, the repositories and the witnesses
// have seen of the trail.
func (p *Program) sightings(ctx context.Context, t *trail, file *witnessFile) ([]witness.Sighting, error) {
	var seen []witness.Sighting
	pinned, ok, err := t.pins.Get(t.pinName(p.org))
	if err != nil {
		return nil, err
	}
	if ok {
		pinned.Kind = "pin" // older pins do not say so
		seen = append(seen, pinned)
	}
	log, err := t.store.Log(ctx, p.org)
	if errors.Is(err, store.ErrNoLog) {
		return seen, nil
	}
	if err != nil {
		return nil, err
	}
	inGit, err := witness.FromGit(ctx, git.In(p.Dir), log.Origin, manySightings)
	if err != nil {
		return nil, err
	}
	seen = append(seen, inGit...)
	for _, w := range file.of(p.org) {
		more, err := p.seenBy(ctx, t, log.Origin, &w)
		if err != nil {
			return nil, err
		}
		for _, s := range more {
			if !slices.Contains(seen, s) { // the repository here may be named, too
				seen = append(seen, s)
			}
		}
	}
	return seen, nil
}

// seenBy are the checkpoints that a witness has seen.
func (p *Program) seenBy(ctx context.Context, t *trail, origin string, w *witness.Place) ([]witness.Sighting, error) {
	if w.Kind == witness.KindGit {
		return witness.FromGit(ctx, git.In(w.Repository), origin, manySightings)
	}
	return t.asker.SeenBy(ctx, w)
}

// askWitnesses shows the head to the C2SP witnesses, whether they have seen it or
// not, and returns what those say that have seen another trail.
func (p *Program) askWitnesses(ctx context.Context, t *trail, file *witnessFile) ([]ask.Refusal, error) {
	s := p.showerOf(t)
	head, err := s.head(ctx)
	if errors.Is(err, store.ErrNoLog) {
		return nil, nil
	}
	if err != nil {
		// A head that is not signed by the key of its trail: let the witnesses say
		// what they think of it.
		stored, readErr := t.store.Head(ctx, p.org)
		if readErr != nil {
			return nil, readErr
		}
		head = witness.Head{Signed: stored.Checkpoint, Tiles: t.store.Tiles(ctx, p.org)}
		if head.Checkpoint, err = proof.PeekCheckpoint(stored.Checkpoint); err != nil {
			return nil, nil //nolint:nilerr // verification tells of it
		}
	}
	states, err := t.store.WitnessStates(ctx, p.org)
	if err != nil {
		return nil, err
	}
	var refusals []ask.Refusal
	for _, w := range file.of(p.org) {
		if w.Kind != witness.KindC2SP {
			continue
		}
		var old uint64
		if i := slices.IndexFunc(states, func(s store.WitnessState) bool { return s.Name == w.Name }); i >= 0 {
			old = states[i].Size
		}
		given, err := s.ask(ctx, &w, head, old)
		switch {
		case err == nil:
			given.Witness, given.Kind, given.Size, given.Checkpoint = w.Name, w.Kind, head.Checkpoint.Size, head.Signed
			err = t.store.KeepWitnessed(ctx, p.org, given, p.Now())
		case witness.Refused(err):
			refusals = append(refusals, ask.Refusal{Witness: w.Name, Detail: err.Error()})
			err = t.store.FailWitness(ctx, p.org, w.Name, err.Error(), true, p.Now())
		default:
			fmt.Fprintf(p.Stderr, "whodid: %s: %v\n", w.Name, err)
			err = t.store.FailWitness(ctx, p.org, w.Name, err.Error(), false, p.Now())
		}
		if err != nil {
			return nil, err
		}
	}
	return refusals, nil
}

// behindLong is how long a witness may lack what was recorded.
const behindLong = 24 * time.Hour

// examineWitnesses looks how the witnesses of the file are doing.
func (p *Program) examineWitnesses(ctx context.Context, d *ask.Doctor, t *trail) {
	file, err := p.witnessFile()
	if err != nil {
		d.Add(problem("witnesses", "", "The file of witnesses can't be read: %v.", err))
		return
	}
	places := file.of(p.org)
	if len(places) == 0 {
		return
	}
	list, err := p.witnessItems(ctx, t, file)
	if err != nil {
		d.Add(problem("witnesses", "whodid witness list", "How the witnesses are doing can't be told: %v.", err))
		return
	}
	for i := range list.Witnesses {
		w := &list.Witnesses[i]
		name := "witness " + w.Name
		switch {
		case w.Refused:
			d.Add(problem(name, "whodid verify --ask-witnesses", "It saw another trail than this one: %s.", w.Reason))
		case w.Failures > 0:
			d.Add(warning(name, "whodid witness push "+w.Name, "It failed %s since it last witnessed something: %s.", term.Count(w.Failures, "time"), w.Reason))
		case w.SeenAt == nil:
			d.Add(warning(name, "whodid witness push "+w.Name, "It was not shown the trail yet."))
		case w.Behind > 1 && p.Now().Sub(*w.SeenAt) > behindLong:
			d.Add(warning(name, "whodid witness push "+w.Name, "It saw the trail last %s, %s ago.", term.Ago(*w.SeenAt, p.Now()), term.Count(int64(w.Behind), "event")))
		default:
			d.Add(fine(name, "It saw the trail %s.", term.Ago(*w.SeenAt, p.Now())))
		}
	}
}
