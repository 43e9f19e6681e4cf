package record

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Sweeper is a log from which what is due can be removed. internal/ledger is the
// implementation.
type Sweeper interface {
	Sweep(ctx context.Context, r store.SweepRequest, certify store.Certify) (*store.Swept, error)
}

// errNoSweeps means that the log of a recorder can't be swept.
var errNoSweeps = errors.New("this log can't be swept")

// Sweep removes what is due by a policy, and records that, and what is left to say
// of the runs, in the same transaction.
func (r *Recorder) Sweep(ctx context.Context, policy *whodid.Retention, request store.SweepRequest) (*store.Swept, string, error) {
	log, ok := r.group.log.(Sweeper)
	if !ok {
		return nil, "", errNoSweeps
	}
	certificate := ""
	swept, err := log.Sweep(ctx, request, func(s *store.Swept) ([]*store.Row, error) {
		now := r.now()
		var rows []*store.Row
		for _, e := range sweepEvents(policy, s) {
			if _, err := r.prepare(&e, now); err != nil {
				return nil, err
			}
			salt := make([]byte, proof.SaltSize)
			_, _ = rand.Read(salt) // never fails, see crypto/rand
			row, err := newRow(e, salt)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		certificate = rows[0].ID
		return rows, nil
	})
	return swept, certificate, err
}

// sweepEvents are the events that tell of a sweep, itself first. What the sweep
// appends to is a place that only one of them can have: it makes their keys.
func sweepEvents(policy *whodid.Retention, s *store.Swept) []whodid.Event {
	key := fmt.Sprintf("retention/%d", s.TreeSize)
	events := []whodid.Event{{
		Key: key, Actor: whodid.System, What: "retention.sweep", Target: string(s.Class), Source: "system",
		Data: whodid.Data{
			"policy": policy.Profile, "policy_version": int64(policy.Version), "policy_event": policy.Event,
			"class": string(s.Class), "cutoff": whodid.FormatTime(s.Cutoff), "gone_events": int64(s.Events), "gone_executions": int64(len(s.Executions)),
			"first": int64(s.First), "last": int64(s.Last), "root": hex.EncodeToString(s.Root[:]),
			"tree_size": int64(s.TreeSize), "tree_root": hex.EncodeToString(s.TreeRoot[:]),
		},
	}}
	for i := range s.Tallies {
		t := &s.Tallies[i]
		d := whodid.Data{
			"month": t.Month, "runs": t.Runs, "cost_micros": t.CostMicros, "cost_unknown": t.CostUnknown,
			"input_tokens": t.InputTokens, "output_tokens": t.OutputTokens, "tokens_unknown": t.TokensUnknown,
		}
		for _, status := range whodid.Statuses() {
			if n := t.ByStatus[string(status)]; n > 0 {
				d[string(status)] = n
			}
		}
		events = append(events, whodid.Event{
			Key: fmt.Sprintf("%s/%d", key, i), Actor: whodid.System, What: "retention.tally", Target: t.Agent, Source: "system", Data: d,
		})
	}
	return events
}
