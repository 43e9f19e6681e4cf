package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// SessionFilter selects sessions of clients. Zero fields select everything.
type SessionFilter struct {
	Agent  string // full name, or a prefix ending in "*"
	Client string
	// Squads are the only squads whose sessions are shown; none is all of them.
	Squads []string
	// Since and Until select by overlap: a session is meant if a run of it was
	// at work at any moment between them.
	Since, Until time.Time
	Limit        int // 0 is no limit
}

// startsSession selects the events by which a session is found. The indexes
// event_of_session and event_of_session_start are over these very words.
const startsSession = `session <> '' AND what IN ('session.start', 'execution.start')`

func (f *SessionFilter) where(org string) (string, []any) {
	args := []any{org}
	where := `WHERE org = $1 AND ` + startsSession
	add := func(condition string, arg any) {
		if !storable(arg) {
			where += " AND 1 = 0"
			return
		}
		args = append(args, arg)
		where += " AND " + strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args)))
	}
	if f.Agent != "" {
		actor := whodid.AgentActor(f.Agent)
		if prefix, isPrefix := strings.CutSuffix(actor, "*"); isPrefix {
			add("actor >= ?", prefix)
			add("actor < ?", prefix+"\x7f")
		} else {
			add("actor = ?", actor)
		}
	}
	if len(f.Squads) > 0 {
		some := make([]string, len(f.Squads))
		for i, squad := range f.Squads {
			if !storable(squad) {
				some[i] = "1 = 0"
				continue
			}
			prefix := whodid.AgentActor(squad + "/")
			args = append(args, prefix, prefix+"\x7f")
			some[i] = fmt.Sprintf("actor >= $%d AND actor < $%d", len(args)-1, len(args))
		}
		where += " AND (" + strings.Join(some, " OR ") + ")"
	}
	if f.Client != "" {
		// Whoever tells of a session names its client behind the colon.
		add("substr(source, length(source) + 1 - length(CAST(? AS text))) = ?", ":"+f.Client)
	}
	if !f.Until.IsZero() {
		add("at < ?", whodid.Micros(f.Until))
	}
	if !f.Since.IsZero() {
		add(`EXISTS (SELECT 1 FROM execution WHERE execution.org = event.org AND execution.id = event.execution AND `+atWorkUntil+` >= ?)`, whodid.Micros(f.Since))
	}
	return where, args
}

// SessionPlace is where a page of sessions ended: behind the session that was
// last begun or resumed at that time. Only the first so many events of the log
// count.
type SessionPlace struct {
	At   time.Time // zero is the beginning
	ID   string
	Size uint64
}

// newestSessions lists the starts of sessions in an order of which only as much
// is read as is needed; parameter size is up to where in the log. The sum keeps
// the engines from reading the whole log in its own order.
func newestSessions(where string, size int) string {
	return `SELECT session, at FROM event ` + where + fmt.Sprintf(" AND seq + 0 < $%d ORDER BY at DESC, session", size)
}

// SessionPage returns the ids of the selected sessions behind the place, the last
// begun or resumed first, and where that ends.
func (s *Store) SessionPage(ctx context.Context, org string, f SessionFilter, after SessionPlace) ([]string, SessionPlace, error) {
	ctx = within(ctx, org)
	where, args := f.where(org)
	args = append(args, int64(min(after.Size, 1<<62)))
	query := newestSessions(where, len(args))
	if !after.At.IsZero() {
		args = append(args, whodid.Micros(after.At), after.ID)
		query = `SELECT session, MAX(at) AS newest FROM event ` + where + fmt.Sprintf(" AND seq + 0 < $%d GROUP BY session", len(args)-2) +
			fmt.Sprintf(" HAVING MAX(at) < $%d OR MAX(at) = $%d AND session > $%d ORDER BY newest DESC, session", len(args)-1, len(args)-1, len(args))
	}
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, after, fmt.Errorf("couldn't read sessions: %w", err)
	}
	defer rows.Close()
	var out []string
	end := SessionPlace{Size: after.Size}
	seen := map[string]bool{}
	for (f.Limit <= 0 || len(out) < f.Limit) && rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, after, fmt.Errorf("couldn't read sessions: %w", err)
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
			end.At, end.ID = whodid.FromMicros(at), id
		}
	}
	if err := rows.Err(); err != nil {
		return nil, after, fmt.Errorf("couldn't read sessions: %w", err)
	}
	return out, end, nil
}

// ResolveSession returns the full id of the session that begins with the prefix.
func (s *Store) ResolveSession(ctx context.Context, org, prefix string) (string, error) {
	ctx = within(ctx, org)
	if prefix == "" || !storable(prefix) {
		return "", fmt.Errorf("no session of the trail begins with %q: %w", prefix, ErrNotFound)
	}
	const most = 5
	ids, err := queryColumn[string](ctx, s.read, `SELECT DISTINCT session FROM event WHERE org = $1 AND `+startsSession+
		` AND session >= $2 AND session < $3 ORDER BY session LIMIT $4`, org, prefix, prefix+"\x7f", most)
	switch {
	case err != nil:
		return "", fmt.Errorf("couldn't look up session %q: %w", prefix, err)
	case len(ids) == 0:
		return "", fmt.Errorf("no session of the trail begins with %q: %w", prefix, ErrNotFound)
	case len(ids) == 1 || ids[0] == prefix:
		return ids[0], nil
	default:
		return "", &AmbiguousError{Prefix: prefix, IDs: ids}
	}
}

// SessionStarts returns the events that began the sessions and the runs in
// them, in the order of their time.
func (s *Store) SessionStarts(ctx context.Context, org string, sessions []string) ([]Row, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("session", 2, sessions)
	// The sum keeps the engines from reading all starts in the order of their time.
	return s.collect(ctx, sessionStarts(condition), []any{org, arg})
}

func sessionStarts(condition string) string {
	return `WHERE org = $1 AND ` + startsSession + ` AND ` + condition + ` ORDER BY at + 0, seq`
}

// sessionEvents selects what [Store.SessionEvents] returns. Its order is a sum, or
// SQLite would read the whole log because it has that order.
func sessionEvents(condition string, calls bool) string {
	what := `(what >= 'file.' AND what < 'file/' OR what = 'session.end'`
	if calls {
		what += ` OR what = 'model.call' OR what = 'model.reprice'`
	}
	return `WHERE org = $1 AND execution <> '' AND ` + condition + ` AND ` + what + `) ORDER BY seq + 0`
}

// SessionEvents returns what the executions tell of files, of the ends of
// sessions and, where calls is set, of calls of models; attempts whose result is
// known are left out.
func (s *Store) SessionEvents(ctx context.Context, org string, executions []string, calls bool) ([]Row, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("execution", 2, executions)
	rows, err := s.collect(ctx, sessionEvents(condition, calls), []any{org, arg})
	if err != nil {
		return nil, err
	}
	settled := map[string]bool{}
	for i := range rows {
		settled[rows[i].ID] = true
	}
	return slices.DeleteFunc(rows, func(r Row) bool {
		id, attempt := whodid.SettledID(r.ID)
		return attempt && settled[id]
	}), nil
}

// ExecutionsByID returns those of the executions that there are.
func (s *Store) ExecutionsByID(ctx context.Context, org string, ids []string) ([]whodid.Execution, error) {
	ctx = within(ctx, org)
	condition, arg := s.dialect.among("id", 2, ids)
	return queryExecutions(ctx, s.read, `WHERE org = $1 AND `+condition, org, arg)
}
