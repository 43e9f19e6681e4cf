package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// isGitIndex tells the tables that are an index of what git tells. Git can fill
// them again, so that the application may delete from them.
func isGitIndex(table string) bool {
	return table == "git_repository" || table == "git_commit" || table == "git_origin" || table == "git_related"
}

// CommitFilter selects commits of the index. Zero fields select everything.
type CommitFilter struct {
	Repository string
	ID         string // a commit's id or its beginning
	// Agent is a full name, a prefix ending in "*", or an agent that another
	// convention credits; Squad, Trigger (its kind) and Model narrow too. All
	// that is said of a run must be said of one run.
	Agent, Squad, Trigger, Model string
	Execution                    string
	Kind                         string
	// Path is a file or a folder that the commit changed.
	Path string
	Pull int64
	// Author and AuthoredAt select the versions of a commit that was rewritten.
	Author     string
	AuthoredAt time.Time
	// Since and Until are of the time of committing.
	Since, Until time.Time
	Limit        int // 0 is no limit
}

func (f *CommitFilter) where(org string) (string, []any) {
	args := []any{org}
	where := "WHERE c.org = $1"
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	for _, text := range []string{f.Repository, f.ID, f.Agent, f.Squad, f.Trigger, f.Model, f.Execution, f.Kind, f.Path, f.Author} {
		if !storable(text) {
			return where + " AND 1 = 0", args
		}
	}
	equal := func(column, value string) {
		if value != "" {
			where += " AND " + column + " = " + arg(value)
		}
	}
	equal("c.repository", f.Repository)
	equal("c.kind", f.Kind)
	equal("c.author", f.Author)
	if f.ID != "" {
		where += " AND c.sha >= " + arg(f.ID) + " AND c.sha < " + arg(f.ID+"\x7f")
	}
	if f.Pull > 0 {
		where += " AND c.pull IS NOT NULL AND c.pull = " + arg(f.Pull)
	}
	for _, t := range []struct {
		condition string
		at        time.Time
	}{{"c.committed_at >= ", f.Since}, {"c.committed_at < ", f.Until}, {"c.authored_at = ", f.AuthoredAt}} {
		if !t.at.IsZero() {
			where += " AND " + t.condition + arg(whodid.Micros(t.at))
		}
	}
	where += f.origin(arg)
	if f.Path != "" {
		// Coarse: the exact test is of the list itself.
		quoted := string(whodid.AppendJSONString(nil, strings.TrimSuffix(f.Path, "/")))
		where += " AND CAST(c.files AS TEXT) LIKE " + arg("%["+escapeLike(strings.TrimSuffix(quoted, `"`))+"%") + ` ESCAPE '!'`
	}
	return where, args
}

// origin is the condition on the runs that a commit names.
func (f *CommitFilter) origin(arg func(any) string) string {
	var of []string
	credited := ""
	if prefix, isPrefix := strings.CutSuffix(f.Agent, "*"); isPrefix {
		of = append(of, "o.agent >= "+arg(prefix), "o.agent < "+arg(prefix+"\x7f"))
	} else if f.Agent != "" {
		of = append(of, "o.agent = "+arg(f.Agent))
		if f.Squad == "" && f.Trigger == "" && f.Model == "" && f.Execution == "" {
			name := string(whodid.AppendJSONString(nil, f.Agent))
			credited = " OR CAST(c.credits AS TEXT) LIKE " + arg("%"+escapeLike(name)+"%") + ` ESCAPE '!'`
		}
	}
	if f.Squad != "" {
		of = append(of, "o.squad = "+arg(f.Squad))
	}
	if f.Trigger != "" {
		of = append(of, "(o.trigger = "+arg(f.Trigger)+" OR o.trigger LIKE "+arg(escapeLike(f.Trigger)+" (%")+" ESCAPE '!')")
	}
	if f.Execution != "" {
		of = append(of, "o.execution <> '' AND o.execution = "+arg(f.Execution))
	}
	modelOnly := ""
	if f.Model != "" {
		if len(of) == 0 {
			modelOnly = " OR c.model = " + arg(f.Model)
		}
		of = append(of, "o.model = "+arg(f.Model))
	}
	if len(of) == 0 {
		return ""
	}
	return " AND (EXISTS (SELECT 1 FROM git_origin AS o WHERE o.org = c.org AND o.sha = c.sha AND o.repository = c.repository AND " +
		strings.Join(of, " AND ") + ")" + credited + modelOnly + ")"
}

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// Commits returns the selected commits, the last committed first.
func (s *Store) Commits(ctx context.Context, org string, f CommitFilter) ([]Commit, error) {
	ctx = within(ctx, org)
	where, args := f.where(org)
	if f.Execution != "" && storable(f.Execution) {
		// Begun at the run, which names few commits, not at all commits.
		args = append(args, f.Execution)
		where += fmt.Sprintf(" AND c.sha IN (SELECT x.sha FROM git_origin AS x WHERE x.org = $1 AND x.execution <> '' AND x.execution = $%d)", len(args))
	}
	query := `SELECT c.` + strings.ReplaceAll(commitColumns, ", ", ", c.") + ` FROM git_commit AS c ` + where +
		` ORDER BY c.committed_at DESC NULLS LAST, c.sha, c.repository`
	if f.Limit > 0 && f.Path == "" {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the index of commits: %w", err)
	}
	defer rows.Close()
	var out []Commit
	for rows.Next() {
		c, err := scanCommit(rows)
		if err != nil {
			return nil, fmt.Errorf("couldn't read the index of commits: %w", err)
		}
		if f.Path != "" && !c.touches(strings.TrimSuffix(f.Path, "/")) {
			continue
		}
		out = append(out, c)
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("couldn't read the index of commits: %w", err)
	}
	return out, s.addOrigins(ctx, org, out)
}

// touches tells whether the commit changed a file, or one in a folder.
func (c *Commit) touches(path string) bool {
	return slices.ContainsFunc(c.Files, func(f CommitFile) bool {
		return f.Path == path || strings.HasPrefix(f.Path, path+"/")
	})
}

func scanCommit(rows *sql.Rows) (Commit, error) {
	var c Commit
	var org, evidence, credits, files, related string
	var authored, committed, pull, changed, added, removed sql.NullInt64
	err := rows.Scan(&org, &c.ID, &c.Repository, &c.Parents, &authored, &committed, &c.Kind, &evidence, &c.Form, &c.Author,
		&c.Agent, &c.Squad, &c.Model, &credits, &pull, &changed, &added, &removed, &files, &related, &c.Event)
	if err != nil {
		return c, err
	}
	c.AuthoredAt, c.CommittedAt, c.Pull = fromNull(authored), fromNull(committed), pull.Int64
	c.FilesKnown, c.FilesChanged, c.LinesAdded, c.LinesRemoved = changed.Valid, changed.Int64, added.Int64, removed.Int64
	for _, list := range []struct {
		text string
		into any
	}{{evidence, &c.Evidence}, {credits, &c.Credits}, {files, &c.Files}, {related, &c.Related}} {
		if list.text == "[]" {
			continue
		}
		if err := json.Unmarshal([]byte(list.text), list.into); err != nil {
			return c, fmt.Errorf("commit %s: %w", c.ID, err)
		}
	}
	return c, nil
}

// addOrigins reads the runs that the commits name.
func (s *Store) addOrigins(ctx context.Context, org string, commits []Commit) error {
	type key struct{ id, repository string }
	at := map[key]int{}
	var ids []string
	for i := range commits {
		if len(commits[i].Evidence) > 0 {
			at[key{commits[i].ID, commits[i].Repository}] = i
			ids = append(ids, commits[i].ID)
		}
	}
	const chunk = 1000
	for part := range slices.Chunk(ids, chunk) {
		err := s.eachOrigin(ctx, org, part, func(id, repository string, o CommitOrigin) {
			if i, ok := at[key{id, repository}]; ok {
				commits[i].Origins = append(commits[i].Origins, o)
			}
		})
		if err != nil {
			return fmt.Errorf("couldn't read which runs commits name: %w", err)
		}
	}
	return nil
}

// eachOrigin yields the runs that some commits name, in their order.
func (s *Store) eachOrigin(ctx context.Context, org string, ids []string, yield func(id, repository string, o CommitOrigin)) error {
	condition, arg := s.dialect.among("sha", 2, ids)
	q := `SELECT sha, repository, agent, squad, trigger, execution, model FROM git_origin WHERE org = $1 AND ` + condition + ` ORDER BY sha, repository, n`
	return eachRow(ctx, s.read, q, []any{org, arg}, func(rows *sql.Rows) error {
		var id, repository string
		var o CommitOrigin
		if err := rows.Scan(&id, &repository, &o.Agent, &o.Squad, &o.Trigger, &o.Execution, &o.Model); err != nil {
			return err
		}
		yield(id, repository, o)
		return nil
	})
}

// CommitTally counts commits of one kind, squad, model and month.
type CommitTally struct {
	Kind, Squad, Model string
	Month              string // "2026-11" in UTC, empty if the time is not known
	Commits            int64
	// Added and Removed are the lines of those commits whose changes are known;
	// Unmeasured counts the others.
	Added, Removed, Unmeasured int64
}

// CommitTallies counts the selected commits.
func (s *Store) CommitTallies(ctx context.Context, org string, f CommitFilter) ([]CommitTally, error) {
	ctx = within(ctx, org)
	where, args := f.where(org)
	query := `SELECT c.kind, c.squad, c.model, ` + s.month("c.committed_at") + ` AS month, COUNT(*), ` +
		`COALESCE(SUM(c.lines_added), 0), COALESCE(SUM(c.lines_removed), 0), SUM(CASE WHEN c.lines_added IS NULL THEN 1 ELSE 0 END) ` +
		`FROM git_commit AS c ` + where + ` GROUP BY c.kind, c.squad, c.model, month ORDER BY c.kind, c.squad, c.model, month`
	out, err := queryRows(ctx, s.read, query, args, func(rows *sql.Rows, t *CommitTally) error {
		return rows.Scan(&t.Kind, &t.Squad, &t.Model, &t.Month, &t.Commits, &t.Added, &t.Removed, &t.Unmeasured)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the commits: %w", err)
	}
	return out, nil
}

// GitActions returns the actions on commits and pull requests that happened
// between two times, the oldest first; a zero time is no bound.
func (s *Store) GitActions(ctx context.Context, org string, since, until time.Time) ([]Row, error) {
	ctx = within(ctx, org)
	// The condition on what is that of the index event_of_git, to the letter.
	where := `WHERE org = $1 AND what IN ('commit.create', 'commit.push', 'pr.create', 'pr.merge')`
	args := []any{org}
	if !since.IsZero() {
		args = append(args, whodid.Micros(since))
		where += fmt.Sprintf(" AND at >= $%d", len(args))
	}
	if !until.IsZero() {
		args = append(args, whodid.Micros(until))
		where += fmt.Sprintf(" AND at < $%d", len(args))
	}
	var out []Row
	err := eachEvent(ctx, s.read, where+" ORDER BY at, seq", args, func(r *Row, _ *scanner) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		copied := *r
		copied.DataText = append([]byte(nil), r.DataText...)
		out = append(out, copied)
		return nil
	})
	return out, err
}

// ForgetGitRepository empties the index of a repository, to be filled anew.
func (s *Store) ForgetGitRepository(ctx context.Context, org, name string) error {
	ctx = within(ctx, org)
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		for _, q := range []string{
			`DELETE FROM git_related WHERE org = $1 AND repository = $2`,
			`DELETE FROM git_origin WHERE org = $1 AND repository = $2`,
			`DELETE FROM git_commit WHERE org = $1 AND repository = $2`,
			`DELETE FROM git_repository WHERE org = $1 AND name = $2`,
		} {
			if _, err := tx.ExecContext(ctx, q, org, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't empty the index of %s: %w", name, err)
	}
	return nil
}

// Naming returns the ids of commits that name a commit, by how they do:
// "reverts", "cherry-picked" or "squashed". They may name it by the first
// digits of its id.
func (s *Store) Naming(ctx context.Context, org, id string) (map[string]string, error) {
	ctx = within(ctx, org)
	const shortest = 7
	if len(id) < shortest || !storable(id) {
		return nil, nil
	}
	naming := map[string]string{}
	const q = `SELECT target, sha, relation FROM git_related WHERE org = $1 AND target >= $2 AND target <= $3`
	err := eachRow(ctx, s.read, q, []any{org, id[:shortest], id}, func(rows *sql.Rows) error {
		var target, sha, relation string
		err := rows.Scan(&target, &sha, &relation)
		if strings.HasPrefix(id, target) {
			naming[sha] = relation
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't read which commits name %s: %w", id, err)
	}
	return naming, nil
}

// month is the expression for the month of a time in microseconds, as text.
func (s *Store) month(column string) string {
	if s.dialect.name() == "postgres" {
		return `COALESCE(to_char(to_timestamp(` + column + ` / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM'), '')`
	}
	return `COALESCE(strftime('%Y-%m', ` + column + ` / 1000000, 'unixepoch'), '')`
}
