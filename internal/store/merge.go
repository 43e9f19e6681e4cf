package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// Merge is what is known without reading it of a forge's event that a pull request
// was merged.
type Merge struct {
	At  int64 // microseconds since 1970
	Seq uint64
	// Opener is the place of the agent's action that opened the pull request, and
	// so what merges of one have in common; -1 if no agent's is known.
	Opener           int64
	Agent, Execution string
}

const selectMerges = `SELECT at, seq, opener, agent, execution FROM merge WHERE org = $1 AND at >= $2 AND at < $3 ORDER BY at, seq`

// Merges returns what forges say was merged between two times, the oldest first.
// They are many: PostgreSQL's driver reads them itself, as [Snapshot.Raw] does.
func (s *Store) Merges(ctx context.Context, org string, since, until time.Time) ([]Merge, error) {
	read := s.mergesSQL
	if s.pool != nil {
		read = s.mergesPostgres
	}
	out, err := read(within(ctx, org), org, whodid.Micros(since), whodid.Micros(until))
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was merged: %w", explain(err))
	}
	return out, nil
}

func (s *Store) mergesPostgres(ctx context.Context, org string, since, until int64) ([]Merge, error) {
	var out []Merge
	names := map[string]string{}
	err := s.eachRaw(ctx, selectMerges, []any{org, since, until}, func(v [][]byte) error {
		if len(v) != 5 || len(v[0]) != 8 || len(v[1]) != 8 || len(v[2]) != 8 {
			return errors.New("a merge has other columns than it should")
		}
		number := func(i int) int64 { return int64(binary.BigEndian.Uint64(v[i])) }
		agent, ok := names[string(v[3])]
		if !ok {
			agent = string(v[3])
			names[agent] = agent
		}
		out = append(out, Merge{At: number(0), Seq: uint64(number(1)), Opener: number(2), Agent: agent, Execution: string(v[4])})
		return nil
	})
	return out, err
}

func (s *Store) mergesSQL(ctx context.Context, org string, since, until int64) ([]Merge, error) {
	return queryRows(ctx, s.read, selectMerges, []any{org, since, until}, func(rows *sql.Rows, m *Merge) error {
		return rows.Scan(&m.At, &m.Seq, &m.Opener, &m.Agent, &m.Execution)
	})
}

// Opener is the agent that opened a pull request, and the event that says so.
type Opener struct{ ID, Actor, Execution string }

const (
	selectOpeners = `SELECT m.seq, a.id, a.actor, a.execution FROM merge AS m JOIN event AS a ON a.org = m.org AND a.seq = m.opener WHERE m.org = $1 AND `
	openersIn     = selectOpeners + `m.at >= $2 AND m.at < $3`
)

// Openers returns which agents opened the pull requests that forges say were
// merged between two times, by the place of the forge's event.
func (s *Store) Openers(ctx context.Context, org string, since, until time.Time) (map[uint64]Opener, error) {
	return s.openers(ctx, org, openersIn, org, whodid.Micros(since), whodid.Micros(until))
}

// OpenersOf returns the same of some of the forges' events, by their places; all of
// them were between the two times.
func (s *Store) OpenersOf(ctx context.Context, org string, since, until time.Time, places []uint64) (map[uint64]Opener, error) {
	among, arg := s.dialect.amongNumbers("m.seq", 4, signed(places))
	return s.openers(ctx, org, openersIn+` AND `+among, org, whodid.Micros(since), whodid.Micros(until), arg)
}

func (s *Store) openers(ctx context.Context, org, query string, args ...any) (map[uint64]Opener, error) {
	out := map[uint64]Opener{}
	err := eachRow(within(ctx, org), s.read, query, args, func(rows *sql.Rows) error {
		var fact int64
		var o Opener
		err := rows.Scan(&fact, &o.ID, &o.Actor, &o.Execution)
		out[uint64(fact)] = o
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read who opened pull requests: %w", explain(err))
	}
	return out, nil
}

// ClaimedMerges returns the places of the merges between two times of pull requests
// that agents say they merged, in that time or within some patience of it.
func (s *Store) ClaimedMerges(ctx context.Context, org string, since, until time.Time, patience time.Duration) (map[uint64]bool, error) {
	places, err := queryColumn[int64](within(ctx, org), s.read, s.dialect.claimedMerges(), org, whodid.Micros(since), whodid.Micros(until), patience.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("couldn't read which merges agents tell of: %w", explain(err))
	}
	out := make(map[uint64]bool, len(places))
	for _, seq := range places {
		out[uint64(seq)] = true
	}
	return out, nil
}

func (postgres) claimedMerges() string {
	return `SELECT * FROM whodid_claimed_merges($2, $3, $4) WHERE $1 <> ''`
}

func (sqlite) claimedMerges() string {
	return `SELECT DISTINCT f.seq FROM event AS c INDEXED BY event_of_report JOIN event AS f INDEXED BY event_of_forge ON f.org = c.org AND lower(f.target) = lower(c.target) ` +
		`AND f.what >= 'forge.' AND f.what < 'forge/' AND f.what = 'forge.pr.merge' AND f.at >= $2 AND f.at < $3 ` +
		`WHERE c.org = $1 AND c.what = 'pr.merge' AND c.at >= $2 - $4 AND c.at < $3 + $4 AND c.action = 1 AND ` + strings.ReplaceAll(notable, "what", "c.what")
}

// MergeTally is how many merges there were of pull requests that runs opened in which
// nothing else had a part.
type MergeTally struct {
	// Agent opened them; Runner ran the run that it did so in, as the run's start says,
	// and is empty if nothing tells.
	Agent, Runner string
	Merges        int64
}

// MergesAlone counts the merges between two times in which nothing but the run had a
// part that opened the pull request, but those at some places. With terms or squads,
// only those of the runs that they select.
func (s *Store) MergesAlone(ctx context.Context, org string, since, until time.Time, sel Selection, but []uint64) ([]MergeTally, error) {
	c := clause{dialect: s.dialect}
	c.add("org = ?", org)
	c.add("at >= ?", whodid.Micros(since))
	c.add("at < ?", whodid.Micros(until))
	c.conditions = append(c.conditions, "sole = 1")
	if len(but) > 0 {
		among, arg := s.dialect.amongNumbers("seq", len(c.args)+1, signed(but))
		c.conditions, c.args = append(c.conditions, "NOT ("+among+")"), append(c.args, arg)
	}
	if len(sel.Terms)+len(sel.Squads) > 0 {
		of := clause{dialect: s.dialect, args: c.args}
		of.executions(org, &Selection{Terms: sel.Terms, Squads: sel.Squads})
		c.conditions, c.args = append(c.conditions, "execution IN (SELECT id FROM execution "+of.where()+")"), of.args
	}
	query := `SELECT agent, runner, COUNT(*) FROM merge ` + c.where() + ` GROUP BY agent, runner ORDER BY agent, runner`
	out, err := queryRows(within(ctx, org), s.read, query, c.args, func(rows *sql.Rows, m *MergeTally) error {
		return rows.Scan(&m.Agent, &m.Runner, &m.Merges)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count what was merged: %w", explain(err))
	}
	return out, nil
}

// MergesTogether returns the places of the other merges between two times.
func (s *Store) MergesTogether(ctx context.Context, org string, since, until time.Time) ([]uint64, error) {
	const query = `SELECT seq FROM merge WHERE org = $1 AND at >= $2 AND at < $3 AND sole = 0`
	places, err := queryColumn[uint64](within(ctx, org), s.read, query, org, whodid.Micros(since), whodid.Micros(until))
	if err != nil {
		return nil, fmt.Errorf("couldn't read what was merged: %w", explain(err))
	}
	return places, nil
}

// EventsAt returns the events at some places, by time.
func (s *Store) EventsAt(ctx context.Context, org string, places []uint64) ([]Row, error) {
	if len(places) == 0 {
		return nil, nil
	}
	among, arg := s.dialect.amongNumbers("seq", 2, signed(places))
	return s.collect(within(ctx, org), `WHERE org = $1 AND `+among+` ORDER BY at + 0, seq + 0`, []any{org, arg})
}
