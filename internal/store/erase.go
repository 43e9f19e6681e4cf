package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Taking is what an erasure takes from one event.
type Taking struct {
	// Event is its id.
	Event string
	// Fields are those of proof.Fields whose values go.
	Fields []string
	// Nobody leaves no actor at all, and not one who is erased: a decision that
	// did not count must not count afterwards.
	Nobody bool
}

// CommitRef names a row of the index of git.
type CommitRef struct {
	Repository string `json:"repository"`
	SHA        string `json:"sha"`
}

// Erasure is what is to be erased, and by which request.
type Erasure struct {
	// ID is the event of the request. A trail carries it out once.
	ID string
	At time.Time
	// Request is the request as it is kept, without personal data.
	Request []byte
	Events  []Taking
	// Authors are commits of the index of git that lose their author, Files
	// those that lose the names of their files.
	Authors, Files []CommitRef
	// Tokens are ids of tokens whose person goes; People are that person's
	// actors, if they are known.
	Tokens []string
	People []string
}

// Erased says what an erasure did.
type Erased struct {
	// Done is false if the trail had carried out the request before.
	Done bool
	// Events is how many lost values.
	Events int
	// Rewritten tells whether nothing of the values is left in the database's
	// own files; if not, Left says what is left to do.
	Rewritten bool
	Purged
}

// ErrNoSweeper means that the database lets nobody erase.
var ErrNoSweeper = errors.New("the role whodid_sweeper, which alone may erase, is not there or not to be had")

// sweep is the transaction of an erasure.
type sweep struct {
	*sql.Tx
	org     string
	touched map[string]bool // tables whose old rows must go from the disk
}

// Erase takes values out of events, and with them out of everything that was
// made of them: executions, the index of git, the full-text index, tokens and
// the table of people. Leaves, and so the tree and all checkpoints, stay what
// they are. It is one transaction, in the rights of the sweeper; afterwards the
// database's files are rewritten where something of it could be left.
func (s *Store) Erase(ctx context.Context, org string, e *Erasure) (Erased, error) {
	ctx = within(ctx, org)
	var out Erased
	defer s.turn.take(ctx)()
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return out, fmt.Errorf("couldn't erase: %w", err)
	}
	defer conn.Close() //nolint:errcheck // it only goes back to the pool
	w := sweep{org: org, touched: map[string]bool{}}
	err = s.dialect.inSweep(ctx, conn, func(tx *sql.Tx) error {
		w.Tx = tx
		if _, err := tx.ExecContext(ctx, s.dialect.lockHead(), org); err != nil {
			return err
		}
		if out.Done, err = w.begin(ctx, e); err != nil || !out.Done {
			return err
		}
		if out.Events, err = s.eraseIn(ctx, &w, e); err != nil {
			return err
		}
		for _, table := range slices.Sorted(maps.Keys(w.touched)) {
			if err := noteUnclean(ctx, tx, org, e.ID, table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("couldn't erase: %w", explain(err))
	}
	if out.Purged, err = s.purge(ctx, conn, org); err != nil {
		return out, fmt.Errorf("what was erased may still be in the files of the database: %w", err)
	}
	out.Rewritten = out.Left == ""
	return out, nil
}

// begin notes the request, and tells whether it was not carried out yet.
func (w *sweep) begin(ctx context.Context, e *Erasure) (bool, error) {
	const q = `INSERT INTO erasure (org, id, done_at, request) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	res, err := w.ExecContext(ctx, q, w.org, e.ID, whodid.Micros(e.At), string(e.Request))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func (s *Store) eraseIn(ctx context.Context, w *sweep, e *Erasure) (int, error) {
	changed, runs, erased := 0, map[string]bool{}, []int64(nil)
	for list := range slices.Chunk(e.Events, 500) {
		n, err := s.eraseEvents(ctx, w, e.ID, list, runs, &erased)
		if err != nil {
			return 0, err
		}
		changed += n
	}
	if err := s.refold(ctx, w, runs); err != nil {
		return 0, err
	}
	if changed > 0 {
		if err := s.dialect.indexDecisions(ctx, w); err != nil {
			return 0, err
		}
		if err := s.reindex(ctx, w, erased); err != nil {
			return 0, err
		}
	}
	if err := w.eraseCommits(ctx, e); err != nil {
		return 0, err
	}
	return changed, w.erasePerson(ctx, e)
}

// eraseEvents takes the values out of some events, and adds to runs what those
// events fold into, and to erased their places.
func (s *Store) eraseEvents(ctx context.Context, w *sweep, by string, list []Taking, runs map[string]bool, erased *[]int64) (int, error) {
	takings := make(map[string]*Taking, len(list))
	ids := make([]string, 0, len(list))
	for i := range list {
		takings[list[i].Event] = &list[i]
		ids = append(ids, list[i].Event)
	}
	condition, arg := s.dialect.among("id", 2, ids)
	if err := s.barMissing(ctx, w, ids); err != nil {
		return 0, err
	}
	places, err := queryColumn[int64](ctx, w, `SELECT seq FROM event_id WHERE org = $1 AND seq >= 0 AND `+condition+` ORDER BY seq`, w.org, arg)
	if err != nil || len(places) == 0 {
		return 0, err
	}
	if err := s.dialect.touch(ctx, w, places); err != nil {
		return 0, err
	}
	changed := 0
	for _, seq := range places {
		var row Row
		err := eachEvent(ctx, w, `WHERE org = $1 AND seq = $2`, []any{w.org, seq}, func(r *Row, _ *scanner) error {
			row = *r
			row.DataText = bytes.Clone(r.DataText)
			return row.ParseData()
		})
		if err != nil {
			return 0, err
		}
		for _, id := range row.Folds() {
			runs[id] = true
		}
		t := takings[row.ID]
		if t == nil {
			continue
		}
		r := row.Record()
		did, err := r.Erase(by, t.Fields...)
		if err != nil {
			return 0, err
		}
		if !did {
			continue
		}
		if t.Nobody && r.Event.Actor == proof.ErasedActor {
			r.Event.Actor = ""
		}
		changed++
		*erased = append(*erased, seq)
		if err := w.update(ctx, &row, &r); err != nil {
			return 0, err
		}
	}
	return changed, nil
}

// nowhere is the place of an id that is taken and leads to no event: it was erased
// in a later copy of the trail, and must not come in here when it is told again.
const nowhere = -1

// barMissing takes the ids of events that are to be erased and that this copy of the
// trail does not have.
func (s *Store) barMissing(ctx context.Context, w *sweep, ids []string) error {
	condition, arg := s.dialect.among("id", 2, ids)
	known, err := queryColumn[string](ctx, w, `SELECT id FROM event_id WHERE org = $1 AND `+condition, w.org, arg)
	if err != nil {
		return err
	}
	table := "event_id"
	if s.dialect.idsAreEvents() {
		table = "gone_id"
	}
	var missing [][]any
	for _, id := range ids {
		if !slices.Contains(known, id) {
			missing = append(missing, []any{w.org, id, nowhere})
		}
	}
	return executeEach(ctx, w, `INSERT INTO `+table+` (org, id, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, missing)
}

// namedByErasure is a condition that an id of a table leads nowhere because of an
// erasure that the trail has carried out.
func namedByErasure(table, find string) string {
	return fmt.Sprintf(`%[1]s.seq = %[2]d AND EXISTS (SELECT 1 FROM erasure AS x WHERE x.org = %[1]s.org AND %[3]s(x.request, '"' || %[1]s.id || '"') > 0)`, table, nowhere, find)
}

// update writes what is left of an event.
func (w *sweep) update(ctx context.Context, row *Row, r *proof.Record) error {
	const q = `UPDATE event SET actor = $5, actor_auth = $6, on_behalf_of = $7, on_behalf_auth = $8, target = $9, why = $10, data = $11, ` +
		`salt = NULL, commitments = $12, erased_by = $13 WHERE org = $1 AND seq = $2 AND class = $3 AND recorded_at = $4`
	class, _ := classOf(row.What)
	e := r.Event
	res, err := w.ExecContext(ctx, q, w.org, int64(row.Seq), string(class), whodid.Micros(row.RecordedAt),
		e.Actor, e.ActorAuth, e.OnBehalfOf, e.OnBehalfAuth, e.Target, e.Why, string(r.Data), r.Commitments, r.ErasedBy)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%w: event %s is not where it belongs", ErrDamaged, row.ID))
	}
	return nil
}

// refold tells executions anew by what is left of their events. A model's call
// may count for a run that is not its own, and only its data says so.
func (s *Store) refold(ctx context.Context, w *sweep, runs map[string]bool) error {
	if len(runs) == 0 {
		return nil
	}
	w.touched["execution"] = true
	var kinds []string
	for _, k := range whodid.Catalogue() {
		if k.Folds {
			kinds = append(kinds, k.Name)
		}
	}
	told := map[string]*whodid.Execution{}
	condition, arg := s.dialect.among("what", 2, kinds)
	err := eachEvent(ctx, w, `WHERE org = $1 AND execution <> '' AND `+condition+` ORDER BY seq`, []any{w.org, arg}, func(r *Row, _ *scanner) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		e := r.Event
		for _, id := range e.Folds() {
			if !runs[id] {
				continue
			}
			if told[id] == nil {
				told[id] = &whodid.Execution{Org: w.org, ID: id, Status: whodid.StatusRunning}
			}
			told[id].Apply(&e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		if told[id] == nil {
			// All that told of it was a call that names it no more.
			if _, err := w.ExecContext(ctx, `DELETE FROM execution WHERE org = $1 AND id = $2`, w.org, id); err != nil {
				return err
			}
			continue
		}
		args, err := executionArgs(told[id])
		if err != nil {
			return err
		}
		if _, err := w.ExecContext(ctx, upsertExecution(), args...); err != nil {
			return err
		}
	}
	return nil
}

func (w *sweep) eraseCommits(ctx context.Context, e *Erasure) error {
	if len(e.Authors)+len(e.Files) > 0 {
		w.touched["git_commit"] = true
	}
	for _, c := range e.Authors {
		if _, err := w.ExecContext(ctx, `UPDATE git_commit SET author = '' WHERE org = $1 AND sha = $2 AND repository = $3`, w.org, c.SHA, c.Repository); err != nil {
			return err
		}
	}
	for _, c := range e.Files {
		if _, err := w.ExecContext(ctx, `UPDATE git_commit SET files = '[]' WHERE org = $1 AND sha = $2 AND repository = $3`, w.org, c.SHA, c.Repository); err != nil {
			return err
		}
	}
	return nil
}

// erasePerson takes a person out of tokens, and out of the table of people. A
// token that was theirs is worth nothing from then on; views that they saved go.
func (w *sweep) erasePerson(ctx context.Context, e *Erasure) error {
	for _, id := range e.Tokens {
		w.touched["token"] = true
		const theirs = `UPDATE token SET person = '', name = 'erased ' || id, revoked_at = COALESCE(revoked_at, $3), ` +
			`revoked_by = CASE WHEN revoked_at IS NULL THEN $4 ELSE revoked_by END WHERE org = $1 AND id = $2 AND person <> ''`
		if _, err := w.ExecContext(ctx, theirs, w.org, id, whodid.Micros(e.At), whodid.System); err != nil {
			return err
		}
	}
	for _, actor := range e.People {
		for _, column := range []string{"created_by", "revoked_by"} {
			res, err := w.ExecContext(ctx, `UPDATE token SET `+column+` = $3 WHERE org = $1 AND `+column+` = $2`, w.org, actor, proof.ErasedActor)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err == nil && n > 0 {
				w.touched["token"] = true
			}
		}
		w.touched["person"] = true
		if _, err := w.ExecContext(ctx, `DELETE FROM person WHERE org = $1 AND pseudonym = $2`, w.org, pseudonymOf(actor)); err != nil {
			return err
		}
		res, err := w.ExecContext(ctx, `DELETE FROM saved_view WHERE org = $1 AND owner = $2`, w.org, actor)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err == nil && n > 0 {
			w.touched["saved_view"] = true
		}
	}
	return nil
}

// Erasures returns the requests that the trail has carried out, by id.
func (s *Store) Erasures(ctx context.Context, org string) (map[string][]byte, error) {
	ctx = within(ctx, org)
	out := map[string][]byte{}
	err := eachRow(ctx, s.read, `SELECT id, request FROM erasure WHERE org = $1`, []any{org}, func(rows *sql.Rows) error {
		var id, request string
		err := rows.Scan(&id, &request)
		out[id] = []byte(request)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read the erasures: %w", err)
	}
	return out, nil
}

// CommitsBy returns the commits of the index of git that have the author, a
// pseudonym or an actor.
func (s *Store) CommitsBy(ctx context.Context, org, pseudonym string) ([]CommitRef, error) {
	return s.commitRefs(within(ctx, org), `WHERE org = $1 AND author IN ($2, $3)`, func(string) bool { return true }, org, pseudonym, whodid.HumanActor(pseudonym))
}

// CommitsWith returns the commits of the index of git that have a file of which
// match says so.
func (s *Store) CommitsWith(ctx context.Context, org string, match func(files string) bool) ([]CommitRef, error) {
	return s.commitRefs(within(ctx, org), `WHERE org = $1`, match, org)
}

func (s *Store) commitRefs(ctx context.Context, where string, match func(string) bool, args ...any) ([]CommitRef, error) {
	var out []CommitRef
	query := `SELECT repository, sha, files FROM git_commit ` + where + ` ORDER BY repository, sha`
	err := eachRow(ctx, s.read, query, args, func(rows *sql.Rows) error {
		var c CommitRef
		var files string
		if err := rows.Scan(&c.Repository, &c.SHA, &files); err != nil {
			return err
		}
		if match(files) {
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read the index of git: %w", err)
	}
	return out, nil
}
