package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// GitRepository is a repository whose history the trail has an index of.
type GitRepository struct {
	// Name is "host/owner/name", or "root/" and the id of the first commit.
	Name string
	// Tips are the commits up to which the history was read.
	Tips []string
	// Notes are the commits up to which notes were read, by ref.
	Notes     map[string]string
	IndexedAt time.Time
}

// Commit is one commit of the index. What is not known is empty, nil or zero.
type Commit struct {
	ID, Repository          string
	Parents                 int
	AuthoredAt, CommittedAt time.Time
	// Kind is agent, assisted, bot or human; Evidence is what that rests on,
	// the strongest first, and Form the shape of the five trailers.
	Kind     string
	Evidence []string
	Form     string
	// Author is a pseudonym, also of an agent's commit: whose name is on it.
	Author string
	// Agent, Squad and Model are those of the first run that it names.
	Agent, Squad, Model string
	// Credits are agents that other conventions name.
	Credits []string
	// Origins are the runs that it names.
	Origins []CommitOrigin
	// Pull is the number of its pull request; 0 if it names none.
	Pull int64
	// FilesKnown tells whether what it changed was read at all.
	FilesKnown                             bool
	FilesChanged, LinesAdded, LinesRemoved int64
	// Files are what it changed, if they are not too many to list.
	Files []CommitFile
	// Related are commits that it names, as "reverts ID", "cherry-picked ID".
	Related []string
	// Event is the id of the event that proves the attribution; empty for a
	// commit of a person.
	Event string
}

// CommitOrigin is one run that a commit names by the five trailers.
type CommitOrigin struct{ Agent, Squad, Trigger, Execution, Model string }

// CommitFile is one file that a commit changed, counted in lines; both counts
// are -1 for a binary file. It is written as a JSON array.
type CommitFile struct {
	Path           string
	Added, Removed int
}

// MarshalJSON writes ["path", added, removed].
func (f CommitFile) MarshalJSON() ([]byte, error) {
	b := whodid.AppendJSONString([]byte{'['}, f.Path)
	return fmt.Appendf(b, ",%d,%d]", f.Added, f.Removed), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *CommitFile) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 3 {
		return errors.New("a changed file must be [path, added, removed]")
	}
	return errors.Join(json.Unmarshal(list[0], &f.Path), json.Unmarshal(list[1], &f.Added), json.Unmarshal(list[2], &f.Removed))
}

const commitColumns = `org, sha, repository, parents, authored_at, committed_at, kind, evidence, form, author, agent, squad, model, ` +
	`credits, pull, files_changed, lines_added, lines_removed, files, related, event`

const originColumns = `org, sha, repository, n, agent, squad, trigger, execution, model`

// upsert is an INSERT of so many rows that replaces those with the same key.
func upsert(table, columns, key string, rows int) string {
	names := strings.Split(columns, ", ")
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, columns)
	for row := range rows {
		if row > 0 {
			b.WriteByte(',')
		}
		for i := range names {
			if i == 0 {
				b.WriteByte('(')
			} else {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "$%d", row*len(names)+i+1)
		}
		b.WriteByte(')')
	}
	fmt.Fprintf(&b, " ON CONFLICT (%s) DO UPDATE SET ", key)
	first := true
	for _, name := range names {
		if strings.Contains(", "+key+",", ", "+name+",") {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString(name + " = excluded." + name)
	}
	return b.String()
}

// PutCommits writes commits into the index; those that it has already are
// written anew. No two of them may be the same.
func (s *Store) PutCommits(ctx context.Context, org string, commits []Commit) error {
	ctx = within(ctx, org)
	if len(commits) == 0 {
		return nil
	}
	commitRows := make([][]any, len(commits))
	var originRows, relatedRows [][]any
	for i := range commits {
		c := &commits[i]
		commitRows[i] = c.args(org)
		for n, o := range c.Origins {
			originRows = append(originRows, []any{org, c.ID, c.Repository, int64(n), o.Agent, o.Squad, o.Trigger, o.Execution, o.Model})
		}
	}
	for i := range commits {
		c := &commits[i]
		seen := map[string]bool{}
		for _, r := range c.Related {
			if relation, to, ok := strings.Cut(r, " "); ok && !seen[to] {
				seen[to] = true
				relatedRows = append(relatedRows, []any{org, to, c.ID, c.Repository, relation})
			}
		}
	}
	err := s.inWriteTx(ctx, func(tx *sql.Tx) error {
		if err := s.putRows(ctx, tx, "git_related", "org, target, sha, repository, relation", "org, target, sha, repository", relatedRows); err != nil {
			return err
		}
		if err := s.putRows(ctx, tx, "git_commit", commitColumns, "org, sha, repository", commitRows); err != nil {
			return err
		}
		return s.putRows(ctx, tx, "git_origin", originColumns, "org, sha, repository, n", originRows)
	})
	if err != nil {
		return fmt.Errorf("couldn't write the index of commits: %w", err)
	}
	return nil
}

// rowsPerStatement is how many rows go into one statement. To PostgreSQL each
// statement is a message there and back. SQLite is at hand, but its driver looks
// for the name of each parameter among all of them.
func (s *Store) rowsPerStatement() int {
	if s.dialect.name() == "sqlite" {
		return 1
	}
	return 200
}

// putRows writes rows in as few statements as there can be, of which all but
// the last have the same text and are prepared once.
func (s *Store) putRows(ctx context.Context, tx *sql.Tx, table, columns, key string, rows [][]any) error {
	for len(rows) > 0 {
		n := min(len(rows), s.rowsPerStatement())
		whole := len(rows) - len(rows)%n
		if err := putChunks(ctx, tx, upsert(table, columns, key, n), rows[:whole], n); err != nil {
			return err
		}
		rows = rows[whole:]
	}
	return nil
}

// putChunks writes rows, n at a time, which must divide their number.
func putChunks(ctx context.Context, tx *sql.Tx, query string, rows [][]any, n int) error {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	args := make([]any, 0, n*len(rows[0]))
	for first := 0; first < len(rows); first += n {
		args = args[:0]
		for _, row := range rows[first : first+n] {
			args = append(args, row...)
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (c *Commit) args(org string) []any {
	count := func(n int64) any { return nullUnless(c.FilesKnown, n) }
	return []any{
		org, c.ID, c.Repository, int64(c.Parents), nullTime(c.AuthoredAt), nullTime(c.CommittedAt), c.Kind, jsonList(c.Evidence), c.Form,
		c.Author, c.Agent, c.Squad, c.Model, jsonList(c.Credits), nullUnless(c.Pull > 0, c.Pull),
		count(c.FilesChanged), count(c.LinesAdded), count(c.LinesRemoved), filesJSON(c.Files), jsonList(c.Related), c.Event,
	}
}

// filesJSON is what json.Marshal would write, without its reflection: an index
// of a large history writes millions.
func filesJSON(files []CommitFile) string {
	b := make([]byte, 0, 2+48*len(files))
	b = append(b, '[')
	for i, f := range files {
		if i > 0 {
			b = append(b, ',')
		}
		text, _ := f.MarshalJSON() // never fails
		b = append(b, text...)
	}
	return string(append(b, ']'))
}

func jsonList(list []string) string {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = whodid.AppendJSONString(b, s)
	}
	return string(append(b, ']'))
}

// PutGitRepository notes up to where a repository's history has been read.
func (s *Store) PutGitRepository(ctx context.Context, org string, r GitRepository) error {
	ctx = within(ctx, org)
	notes, err := json.Marshal(r.Notes)
	if err != nil || r.Notes == nil {
		notes = []byte("{}")
	}
	err = s.inWriteTx(ctx, func(tx *sql.Tx) error {
		const q = `INSERT INTO git_repository (org, name, tips, notes, indexed_at) VALUES ($1, $2, $3, $4, $5) ` +
			`ON CONFLICT (org, name) DO UPDATE SET tips = excluded.tips, notes = excluded.notes, indexed_at = excluded.indexed_at`
		_, err := tx.ExecContext(ctx, q, org, r.Name, jsonList(r.Tips), string(notes), whodid.Micros(r.IndexedAt))
		return err
	})
	if err != nil {
		return fmt.Errorf("couldn't note how far %s was read: %w", r.Name, err)
	}
	return nil
}

// GitRepository returns what the trail knows of a repository, or ErrNotFound.
func (s *Store) GitRepository(ctx context.Context, org, name string) (GitRepository, error) {
	ctx = within(ctx, org)
	all, err := s.GitRepositories(ctx, org)
	if err != nil {
		return GitRepository{}, err
	}
	for _, r := range all {
		if r.Name == name {
			return r, nil
		}
	}
	return GitRepository{}, fmt.Errorf("repository %s: %w", name, ErrNotFound)
}

// GitRepositories returns the repositories that were indexed, by name.
func (s *Store) GitRepositories(ctx context.Context, org string) ([]GitRepository, error) {
	ctx = within(ctx, org)
	const q = `SELECT name, tips, notes, indexed_at FROM git_repository WHERE org = $1 ORDER BY name`
	out, err := queryRows(ctx, s.read, q, []any{org}, func(rows *sql.Rows, r *GitRepository) error {
		var tips, notes string
		var indexed int64
		if err := rows.Scan(&r.Name, &tips, &notes, &indexed); err != nil {
			return err
		}
		if err := errors.Join(json.Unmarshal([]byte(tips), &r.Tips), json.Unmarshal([]byte(notes), &r.Notes)); err != nil {
			return fmt.Errorf("how far %s was read: %w", r.Name, err)
		}
		r.IndexedAt = whodid.FromMicros(indexed)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't list the repositories: %w", err)
	}
	return out, nil
}
