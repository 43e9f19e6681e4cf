package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/proof"
)

// CopyErased makes a new SQLite trail that has an organisation's log with the
// values taken out that fields names for each event. Leaves, tree and checkpoint
// are those of this trail, so that the copy verifies against them. Executions
// are told by what is left; the index of git, tokens and names are not copied.
func (s *Store) CopyErased(ctx context.Context, org, path, by string, fields func(*Row) []string) (events uint64, err error) {
	log, err := s.Log(ctx, org)
	if err != nil {
		return 0, err
	}
	from, err := s.Snapshot(ctx, org)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	location, err := place.Parse("sqlite://" + path)
	if err != nil {
		return 0, err
	}
	to, err := Open(ctx, location)
	if err != nil {
		return 0, err
	}
	defer to.Close() //nolint:errcheck // what was written is committed
	erasures, err := s.Erasures(ctx, org)
	if err != nil {
		return 0, err
	}
	empty := from.Head
	if _, err := to.CreateLog(ctx, log, empty); err != nil {
		return 0, err
	}
	err = to.inWriteTx(within(ctx, org), func(tx *sql.Tx) error {
		c := copier{from: from, to: sqliteAppend{tx, to}, org: org, by: by, fields: fields, executions: map[string]*whodid.Execution{}}
		return c.copy(ctx, erasures)
	})
	if err != nil {
		return 0, fmt.Errorf("couldn't copy the trail: %w", err)
	}
	return from.Head.Frontier.Size(), nil
}

type copier struct {
	from       *Snapshot
	to         sqliteAppend
	org, by    string
	fields     func(*Row) []string
	executions map[string]*whodid.Execution
}

const insertErased = `INSERT INTO event (` + eventColumns + `, commitments, erased_by) VALUES ` +
	`($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25)`

func (c *copier) copy(ctx context.Context, erasures map[string][]byte) error {
	size := c.from.Head.Frontier.Size()
	err := c.from.Scan(ctx, 0, size, func(r *Row, _ string) error {
		if err := c.erase(r); err != nil {
			return err
		}
		if _, err := c.to.ExecContext(ctx, insertErased, c.args(r)...); err != nil {
			return err
		}
		return executeEach(ctx, c.to, insertActionHour, actionHourArgs(c.org, actionsOf([]*Row{r})))
	})
	if err != nil {
		return err
	}
	if err := c.copyTiles(ctx, size); err != nil {
		return err
	}
	var rows [][]any
	for _, id := range slices.Sorted(maps.Keys(c.executions)) {
		args, err := executionArgs(c.executions[id])
		if err != nil {
			return err
		}
		rows = append(rows, args)
	}
	if err := executeEach(ctx, c.to, upsertExecution(), rows); err != nil {
		return err
	}
	for id, request := range erasures {
		const q = `INSERT INTO erasure (org, id, done_at, request) VALUES ($1, $2, 0, $3)`
		if _, err := c.to.ExecContext(ctx, q, c.org, id, string(request)); err != nil {
			return err
		}
	}
	return executeEach(ctx, c.to, updateHead, [][]any{c.from.Head.args(c.org)})
}

// erase takes the values out of a row, and tells its execution by what is left.
func (c *copier) erase(r *Row) error {
	if err := r.ParseData(); err != nil {
		return err
	}
	record := r.Record()
	before := r.ErasedBy
	changed, err := record.Erase(c.by, c.fields(r)...)
	if err != nil {
		return err
	}
	if changed {
		r.DataText, r.Salt, r.Commitments, r.ErasedBy = record.Data, nil, record.Commitments, c.by
		if before != "" {
			r.ErasedBy = before
		}
	}
	if r.Data == nil {
		r.Data = whodid.Data{}
	}
	e := r.Event
	for _, id := range e.Folds() {
		if c.executions[id] == nil {
			c.executions[id] = &whodid.Execution{Org: c.org, ID: id, Status: whodid.StatusRunning}
		}
		c.executions[id].Apply(&e)
	}
	return nil
}

func (c *copier) args(r *Row) []any {
	salt := r.Salt
	if salt == nil {
		r.Salt = new(proof.Salt) // args wants one
	}
	args := r.args()
	r.Salt = salt
	if salt == nil {
		args[21] = nil
		return append(args, r.Commitments, r.ErasedBy)
	}
	return append(args, nil, nil)
}

func (c *copier) copyTiles(ctx context.Context, size uint64) error {
	for level, n := 0, size/proof.TileWidth; n > 0; level, n = level+1, n/proof.TileWidth {
		for number := range n {
			hashes, err := c.from.Tile(ctx, level, number)
			if err != nil {
				return err
			}
			const q = `INSERT INTO tile (org, level, n, hashes) VALUES ($1, $2, $3, $4)`
			if _, err := c.to.ExecContext(ctx, q, c.org, level, int64(number), packHashes(hashes)); err != nil {
				return err
			}
		}
	}
	return nil
}
