package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// The bounds of what a proof shows besides the events of its answer.
const (
	// maxSpan is how many entries of the log one proof holds to show that none
	// is left out.
	maxSpan = 10_000
	// wholeLog is how long a log may be that is shown as a whole, so that a proof
	// of completeness rests on nothing else.
	wholeLog = 512
)

// ErrProofTooLarge means that what is to be proved is too much for one proof.
var ErrProofTooLarge = errors.New("that is too much for one proof")

// ProveEvent makes the proof of one event, with the parts of the approval that
// it names.
func (a *Asker) ProveEvent(ctx context.Context, prefix string) (*dossier.Dossier, error) {
	id, err := a.store.ResolveEvent(ctx, a.org, prefix)
	if err != nil {
		return nil, err
	}
	e, err := a.evidence(ctx, dossier.Subject{Kind: dossier.OfEvent, ID: id})
	if err != nil {
		return nil, err
	}
	rows, err := a.store.EventsByID(ctx, a.org, []string{id})
	if err != nil {
		return nil, err
	}
	return e.prove(ctx, rows, nil)
}

// ProveExecution makes the proof of a run: its events, the parts of approvals
// that they name, and every entry of the log between its first and its last, so
// that none of it can be left out. Of a run that spans more of the log than fits
// the proof claims no completeness.
func (a *Asker) ProveExecution(ctx context.Context, prefix string) (*dossier.Dossier, error) {
	id, err := a.Resolve(ctx, prefix)
	if err != nil {
		return nil, err
	}
	e, err := a.evidence(ctx, dossier.Subject{Kind: dossier.OfExecution, ID: id})
	if err != nil {
		return nil, err
	}
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id})
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r store.Row) bool { return r.Seq >= e.size })
	if len(rows) == 0 {
		return nil, fmt.Errorf("execution %s: %w", id, store.ErrNotFound)
	}
	parts, err := e.approvals(ctx, rows)
	if err != nil {
		return nil, err
	}
	if err := e.settle(ctx, rows, parts); err != nil {
		return nil, err
	}
	span := &dossier.Span{First: rows[0].Seq, End: rows[len(rows)-1].Seq + 1}
	switch {
	case e.size <= wholeLog:
		span = &dossier.Span{End: e.size}
	case span.End-span.First > maxSpan:
		span = nil
	}
	return e.prove(ctx, rows, span)
}

// ProvePeriod makes the proof of all that was recorded from a time on, up to
// another.
func (a *Asker) ProvePeriod(ctx context.Context, from, to time.Time) (*dossier.Dossier, error) {
	e, err := a.evidence(ctx, dossier.Subject{
		Kind: dossier.OfPeriod, From: from.UTC().Format(time.RFC3339Nano), To: to.UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return nil, err
	}
	span, err := e.recorded(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if span.End-span.First > maxSpan {
		return nil, fmt.Errorf("%w: the log has %d entries in that period, and %d are the most", ErrProofTooLarge, span.End-span.First, maxSpan)
	}
	rows, err := e.entries(ctx, span)
	if err != nil {
		return nil, err
	}
	// Of a period that goes on, what comes next belongs to it, too.
	if span.End < e.size {
		if err := e.settle(ctx, rows); err != nil {
			return nil, err
		}
	}
	rows = slices.DeleteFunc(rows, func(r store.Row) bool { return r.RecordedAt.Before(from) || !r.RecordedAt.Before(to) })
	if len(rows) == 0 {
		return nil, fmt.Errorf("what was recorded in that period: %w", store.ErrNotFound)
	}
	return e.prove(ctx, rows, &span)
}

// ProveReport makes the proof of what a report rests on: of all that happened in
// its time. id is "sha256:" and the SHA-256 of the report's file.
func (a *Asker) ProveReport(ctx context.Context, id string, from, to time.Time) (*dossier.Dossier, error) {
	e, err := a.evidence(ctx, dossier.Subject{
		Kind: dossier.OfReport, ID: id, From: from.UTC().Format(time.RFC3339Nano), To: to.UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return nil, err
	}
	first, err := e.before(ctx, from)
	if err != nil {
		return nil, err
	}
	span := dossier.Span{First: first - min(first, 1), End: e.size}
	if e.size <= wholeLog {
		span.First = 0
	}
	if span.End-span.First > maxSpan {
		return nil, fmt.Errorf("%w: the log has %d entries since that time began, and %d are the most", ErrProofTooLarge, span.End-span.First, maxSpan)
	}
	if span.First == span.End {
		return nil, fmt.Errorf("what happened in the time of that report: %w", store.ErrNotFound)
	}
	rows, err := e.entries(ctx, span)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r store.Row) bool { return r.At.Before(from) || !r.At.Before(to) })
	if len(rows) == 0 {
		return nil, fmt.Errorf("what happened in the time of that report: %w", store.ErrNotFound)
	}
	return e.prove(ctx, rows, &span)
}

// evidence gathers what a proof is made of, as of one checkpoint.
type evidence struct {
	*Asker
	dossier *dossier.Dossier
	size    uint64
	read    proof.TileReader
}

func (a *Asker) evidence(ctx context.Context, s dossier.Subject) (*evidence, error) {
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, err
	}
	return &evidence{
		Asker: a, size: head.Frontier.Size(), read: remember(a.store.Tiles(ctx, a.org)),
		dossier: &dossier.Dossier{
			Manifest:   dossier.Manifest{Format: dossier.Format, Subject: s, Origin: log.Origin, PublicKey: log.PublicKey, Events: []uint64{}},
			Checkpoint: head.Checkpoint,
		},
	}, nil
}

// entries are the rows of a span of the log.
func (e *evidence) entries(ctx context.Context, s dossier.Span) ([]store.Row, error) {
	rows, err := e.store.Events(ctx, e.org, store.EventFilter{AfterSeq: s.First, Limit: int(s.End - s.First)})
	if err == nil && (len(rows) < int(s.End-s.First) || rows[len(rows)-1].Seq != s.End-1) {
		err = fmt.Errorf("the log lacks some of the entries %d to %d: whodid verify names them", s.First, s.End-1)
	}
	return rows, err
}

// recorded is the span of the log that was recorded in a period, and an entry on
// each side to show that it ends there. The trail's clock orders the log.
func (e *evidence) recorded(ctx context.Context, from, to time.Time) (dossier.Span, error) {
	first, err := e.before(ctx, from)
	if err != nil {
		return dossier.Span{}, err
	}
	end, err := e.before(ctx, to)
	if err != nil {
		return dossier.Span{}, err
	}
	if first > 0 {
		first--
	}
	return dossier.Span{First: first, End: min(end+1, e.size)}, nil
}

// before is how many entries were recorded before a time.
func (e *evidence) before(ctx context.Context, at time.Time) (uint64, error) {
	low, high := uint64(0), e.size
	for low < high {
		middle := low + (high-low)/2
		rows, err := e.entries(ctx, dossier.Span{First: middle, End: middle + 1})
		if err != nil {
			return 0, err
		}
		if rows[0].RecordedAt.Before(at) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// prove makes the dossier of the events of an answer, and of all entries of the
// span if there is one.
func (e *evidence) prove(ctx context.Context, rows []store.Row, span *dossier.Span) (*dossier.Dossier, error) {
	parts, err := e.approvals(ctx, rows)
	if err != nil {
		return nil, err
	}
	rows = append(rows, parts...)
	if span == nil {
		if err := e.settle(ctx, rows); err != nil {
			return nil, err
		}
	}
	for i := range rows {
		if rows[i].Seq < e.size {
			record := rows[i].Record()
			if err := e.dossier.Add(&record); err != nil {
				return nil, err
			}
		}
	}
	e.dossier.Complete = span
	if span != nil {
		neighbours, err := e.entries(ctx, *span)
		if err != nil {
			return nil, err
		}
		rows = append(rows, neighbours...)
	}
	slices.SortFunc(rows, func(x, y store.Row) int { return int(int64(x.Seq) - int64(y.Seq)) })
	rows = slices.CompactFunc(rows, func(x, y store.Row) bool { return x.Seq == y.Seq })
	return e.dossier, e.cover(slices.DeleteFunc(rows, func(r store.Row) bool { return r.Seq >= e.size }))
}

// approvals are the parts of the approvals that events name, and what is known of
// the passkeys that signed them.
func (e *evidence) approvals(ctx context.Context, rows []store.Row) ([]store.Row, error) {
	var approvals, ids []string
	for i := range rows {
		if a := rows[i].Approval; a != "" && !slices.Contains(approvals, a) {
			approvals = append(approvals, a)
		}
	}
	if len(approvals) == 0 {
		return nil, nil
	}
	parts, err := e.store.ApprovalParts(ctx, e.org, approvals)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, events := range parts {
		for i := range events {
			ids = append(ids, events[i].ID)
			if key := events[i].Data.String("signing_key"); key != "" {
				keys = append(keys, key)
			}
		}
	}
	found, err := e.store.EventsByID(ctx, e.org, ids)
	if err != nil || len(keys) == 0 {
		return found, err
	}
	passkeys, err := e.store.PasskeyRows(ctx, e.org)
	return append(found, slices.DeleteFunc(passkeys, func(r store.Row) bool { return !slices.Contains(keys, r.Data.String("signing_key")) })...), err
}

// cover adds the leaves, those that lie side by side together.
func (e *evidence) cover(rows []store.Row) error {
	if len(rows) > dossier.MaxEntries {
		return fmt.Errorf("%w: %d entries, and %d are the most", ErrProofTooLarge, len(rows), dossier.MaxEntries)
	}
	return eachStretch(rows, func(first uint64, leaves []string) error {
		return e.dossier.Cover(e.size, first, leaves, e.read)
	})
}

// eachStretch calls yield with the leaves of rows that lie side by side in the log,
// and the place of the first.
func eachStretch(rows []store.Row, yield func(first uint64, leaves []string) error) error {
	for first := 0; first < len(rows); {
		end := first + 1
		for end < len(rows) && rows[end].Seq == rows[end-1].Seq+1 {
			end++
		}
		leaves := make([]string, 0, end-first)
		for i := first; i < end; i++ {
			record := rows[i].Record()
			leaf, err := record.Leaf()
			if err != nil {
				return err
			}
			leaves = append(leaves, string(leaf))
		}
		if err := yield(rows[first].Seq, leaves); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// eventsOf reads events by their ids, each once.
func (e *evidence) eventsOf(ctx context.Context, ids []string) ([]store.Row, error) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return !whodid.ValidID(id) })
	slices.Sort(ids)
	return e.store.EventsByID(ctx, e.org, slices.Compact(ids))
}
