package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// The texts of a raw event, in the order of its columns.
const (
	RawID = iota
	RawKey
	RawWhat
	RawActor
	RawActorAuth
	RawOnBehalfOf
	RawOnBehalfAuth
	RawTarget
	RawWhy
	RawResult
	RawExecution
	RawSession
	RawApproval
	RawSource
	RawData
	RawErasedBy
	rawTexts
)

// RawEvent is an event as an export reads it: columns as they come from the
// engine, which are used again for the next one.
type RawEvent struct {
	Seq uint64
	// At and RecordedAt are microseconds since 1970.
	At, RecordedAt int64
	Texts          [rawTexts][]byte
	// Salt is nil if values were erased; Commitments are nil if none was.
	Salt, Leaf, Commitments []byte
}

const selectRaw = `SELECT seq, at, recorded_at, id, key, what, actor, actor_auth, on_behalf_of, on_behalf_auth, target, why, result, ` +
	`execution, session, approval, source, data, erased_by, salt, leaf, commitments FROM event WHERE org = $1 AND seq >= $2 AND seq < $3 ORDER BY seq`

// rawNumbers is how many numbers stand before the texts.
const rawNumbers = 3

// Raw yields the events with first <= Seq < end in the order of the log, as
// cheaply as the engine can.
func (n *Snapshot) Raw(ctx context.Context, first, end uint64, yield func(*RawEvent) error) error {
	ctx = within(ctx, n.org)
	read := n.rawSQL
	if n.store.pool != nil {
		read = n.rawPostgres
	}
	if err := read(ctx, first, end, yield); err != nil {
		return fmt.Errorf("couldn't read events: %w", err)
	}
	return nil
}

func (n *Snapshot) rawPostgres(ctx context.Context, first, end uint64, yield func(*RawEvent) error) error {
	var r RawEvent
	return n.store.eachRaw(ctx, selectRaw, []any{n.org, int64(first), int64(end)}, func(values [][]byte) error {
		if len(values) != rawNumbers+rawTexts+3 || len(values[0]) != 8 || len(values[1]) != 8 || len(values[2]) != 8 {
			return errors.New("an event has other columns than it should")
		}
		r.Seq = binary.BigEndian.Uint64(values[0])
		r.At, r.RecordedAt = int64(binary.BigEndian.Uint64(values[1])), int64(binary.BigEndian.Uint64(values[2]))
		copy(r.Texts[:], values[rawNumbers:])
		last := values[rawNumbers+rawTexts:]
		r.Salt, r.Leaf, r.Commitments = last[0], last[1], last[2]
		return yield(&r)
	})
}

func (n *Snapshot) rawSQL(ctx context.Context, first, end uint64, yield func(*RawEvent) error) error {
	rows, err := n.store.read.QueryContext(ctx, selectRaw, n.org, int64(first), int64(end))
	if err != nil {
		return err
	}
	defer rows.Close()
	var r RawEvent
	var seq int64
	var texts [rawTexts + 3]sql.RawBytes
	into := []any{&seq, &r.At, &r.RecordedAt}
	for i := range texts {
		into = append(into, &texts[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r.Seq = uint64(seq)
		for i := range r.Texts {
			r.Texts[i] = texts[i]
		}
		r.Salt, r.Leaf, r.Commitments = texts[rawTexts], texts[rawTexts+1], texts[rawTexts+2]
		if err := yield(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Overlapping yields the executions that overlap a period, in the order of their
// start and then of their ids.
func (n *Snapshot) Overlapping(ctx context.Context, from, to time.Time, yield func(*whodid.Execution) error) error {
	where, args := (&ExecutionFilter{Since: from, Until: to}).where(n.org)
	return eachExecution(within(ctx, n.org), n.tx, where+executionOrder, args, func(x *executionRow) error { return yield(&x.Execution) })
}

const executionOrder = ` ORDER BY CASE WHEN started_at IS NULL THEN 0 ELSE started_at END, id`

// Before is the place of the first event that was not recorded before a time, by
// a clock of the trail that never went back.
func (n *Snapshot) Before(ctx context.Context, at time.Time) (uint64, error) {
	const next = `SELECT seq, recorded_at FROM event WHERE org = $1 AND seq >= $2 ORDER BY seq LIMIT 1`
	low, high := int64(0), int64(n.Head.Frontier.Size())
	for low < high {
		middle := low + (high-low)/2
		var seq, recorded int64
		err := n.tx.QueryRowContext(within(ctx, n.org), next, n.org, middle).Scan(&seq, &recorded)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && seq >= high: // swept up to there
			high = middle
		case err != nil:
			return 0, fmt.Errorf("couldn't find when events were recorded: %w", err)
		case recorded < whodid.Micros(at):
			low = seq + 1
		default:
			high = middle
		}
	}
	return uint64(low), nil
}

// Happened counts the events that happened in a period, and tells the first and
// the last place of them in the log.
func (n *Snapshot) Happened(ctx context.Context, from, to time.Time) (count, first, last uint64, err error) {
	var c int64
	var low, high sql.NullInt64
	const q = `SELECT COUNT(*), MIN(seq), MAX(seq) FROM event WHERE org = $1 AND at >= $2 AND at < $3`
	if err := n.tx.QueryRowContext(within(ctx, n.org), q, n.org, whodid.Micros(from), whodid.Micros(to)).Scan(&c, &low, &high); err != nil {
		return 0, 0, 0, fmt.Errorf("couldn't count the events of a period: %w", err)
	}
	return uint64(c), uint64(low.Int64), uint64(high.Int64), nil
}

// PopulationQuery is SQL that selects what [Snapshot.Raw] or [Snapshot.Overlapping]
// found of a table of an export, for people who want to ask the database
// themselves; empty for a table that no query gives.
func PopulationQuery(org, table string, recorded bool, from, to time.Time, size uint64) string {
	quoted := "'" + strings.ReplaceAll(org, "'", "''") + "'"
	if table == "executions" {
		where, _ := (&ExecutionFilter{Since: from, Until: to}).where(org)
		where = strings.NewReplacer("$1", quoted, "$2", strconv.FormatInt(whodid.Micros(from), 10), "$3", strconv.FormatInt(whodid.Micros(to), 10)).Replace(where)
		return `SELECT ` + executionColumns + ` FROM execution ` + where + executionOrder
	}
	condition, ok := populations[table]
	if !ok {
		return ""
	}
	column := "at"
	if recorded {
		column = "recorded_at"
	}
	return fmt.Sprintf(`SELECT seq, id, at, recorded_at, what, actor, actor_auth, on_behalf_of, on_behalf_auth, target, result, why, execution, session, approval, `+
		`source, data, erased_by, org, key FROM event WHERE org = %s AND seq < %d AND %s >= %d AND %s < %d AND %s ORDER BY seq`,
		quoted, size, column, whodid.Micros(from), column, whodid.Micros(to), condition)
}

// populations are the conditions of the tables of an export.
var populations = map[string]string{
	"approvals":  `what LIKE 'approval.%'`,
	"decisions":  `what LIKE 'decision.%'`,
	"exceptions": `what LIKE 'exception.%'`,
	"policies":   `(what LIKE 'policy.%' OR what = 'retention.set')`,
	"sweeps":     `what LIKE 'retention.%' AND what <> 'retention.set'`,
	"holds":      `what LIKE 'hold.%'`,
	"erasures":   erasures,
	"access":     `(what LIKE 'view.%' OR what LIKE 'token.%' OR what LIKE 'settings.%' OR what LIKE 'privacy.%' AND NOT ` + erasures + `)`,
	"reviews":    `what LIKE 'review.%'`,
	"incidents":  `what LIKE 'incident.%'`,
	"actions":    `action = 1 AND NOT ` + named,
	"events":     `action = 0 AND NOT ` + named,
}

const (
	erasures = `what IN ('privacy.erase', 'privacy.reapply', 'privacy.forget')`
	named    = `(what LIKE 'approval.%' OR what LIKE 'decision.%' OR what LIKE 'exception.%' OR what LIKE 'policy.%' OR what LIKE 'retention.%' ` +
		`OR what LIKE 'hold.%' OR what LIKE 'privacy.%' OR what LIKE 'view.%' OR what LIKE 'token.%' OR what LIKE 'settings.%' OR what LIKE 'review.%' OR what LIKE 'incident.%')`
)
