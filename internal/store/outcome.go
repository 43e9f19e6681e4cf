package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// between is the condition that an event was from one time on and before another;
// a zero time is no bound. The first argument is the organisation.
func between(org string, since, until time.Time) (where string, args []any) {
	args = []any{org}
	if !since.IsZero() {
		args = append(args, whodid.Micros(since))
		where += fmt.Sprintf(" AND at >= $%d", len(args))
	}
	if !until.IsZero() {
		args = append(args, whodid.Micros(until))
		where += fmt.Sprintf(" AND at < $%d", len(args))
	}
	return where, args
}

// Outcomes returns what forges say of pushes, merges, issues, releases and
// deployments between two times, and what agents say of the last three, the oldest
// first; a zero time is no bound.
func (s *Store) Outcomes(ctx context.Context, org string, since, until time.Time) ([]Row, error) {
	// The condition on what is that of the index event_outcome, to the letter.
	where, args := between(org, since, until)
	return s.collect(within(ctx, org), `WHERE org = $1 AND what IN ('deploy.production', 'forge.commit.push', 'forge.deploy.status', 'forge.issue.close', `+
		`'forge.pr.merge', 'forge.release.publish', 'issue.close', 'release.publish')`+where+` ORDER BY at, seq`, args)
}

// TelemetryRecords returns what clients' telemetry said between two times of the
// hooks that they call and of the records that arrived, the oldest first.
func (s *Store) TelemetryRecords(ctx context.Context, org string, since, until time.Time) ([]Row, error) {
	where, args := between(org, since, until)
	return s.collect(within(ctx, org), `WHERE org = $1 AND what IN ('hook.register', 'record.receive')`+where+` ORDER BY at, seq`, args)
}

// AgentsOf returns who ran the executions, by id; what is not in the trail is not
// in it.
func (s *Store) AgentsOf(ctx context.Context, org string, executions []string) (map[string]string, error) {
	agents := map[string]string{}
	in, arg := s.dialect.among("id", 2, executions)
	err := s.eachPair(within(ctx, org), `SELECT id, agent FROM execution WHERE org = $1 AND `+in, []any{org, arg}, func(id, agent string) { agents[id] = agent })
	return agents, err
}

// RunRepositories yields the repositories in which runs that began between two
// times worked: as their starts say, and as commits say that name them.
func (s *Store) RunRepositories(ctx context.Context, org string, since, until time.Time, yield func(execution, repository string)) error {
	ctx = within(ctx, org)
	where, args := between(org, since, until)
	for _, q := range []string{
		// These conditions are those of the indexes event_of_session_start and event_run_start.
		`SELECT execution, data ->> 'repository' FROM event WHERE org = $1 AND session <> '' AND what IN ('session.start', 'execution.start')` + where + ` AND what = 'execution.start' AND data ->> 'repository' IS NOT NULL`,
		`SELECT execution, data ->> 'repository' FROM event WHERE org = $1 AND session = '' AND what = 'execution.start'` + where + ` AND data ->> 'repository' IS NOT NULL`,
	} {
		if err := s.eachPair(ctx, q, args, yield); err != nil {
			return err
		}
	}
	// A commit comes after its run began, however long.
	q := `SELECT o.execution, o.repository FROM git_origin AS o WHERE o.org = $1 AND o.execution <> ''`
	if !since.IsZero() {
		q = `SELECT o.execution, o.repository FROM git_commit AS c JOIN git_origin AS o ON o.org = c.org AND o.sha = c.sha AND o.repository = c.repository ` +
			`WHERE c.org = $1 AND c.committed_at >= $2 AND o.execution <> ''`
		args = args[:2]
	} else {
		args = args[:1]
	}
	return s.eachPair(ctx, q, args, yield)
}

func (s *Store) eachPair(ctx context.Context, query string, args []any, yield func(a, b string)) error {
	err := eachRow(ctx, s.read, query, args, func(rows *sql.Rows) error {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		yield(a, b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("couldn't read what is known of runs: %w", explain(err))
	}
	return nil
}

// Fitting returns which of the executions the selection selects.
func (s *Store) Fitting(ctx context.Context, org string, sel Selection, executions []string) (map[string]bool, error) {
	fitting := map[string]bool{}
	if len(executions) == 0 {
		return fitting, nil
	}
	c := clause{dialect: s.dialect}
	c.executions(org, &sel)
	in, arg := s.dialect.among("id", len(c.args)+1, executions)
	c.conditions, c.args = append(c.conditions, in), append(c.args, arg)
	err := s.eachPair(within(ctx, org), `SELECT id, agent FROM execution `+c.where(), c.args, func(id, _ string) { fitting[id] = true })
	return fitting, err
}
