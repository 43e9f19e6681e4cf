package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/whodid/whodid"
)

// The conditions of the partial indexes by which an incident is looked into, to
// the letter.
const (
	isIncident = `what IN ('incident.open', 'incident.note', 'incident.view', 'incident.export', 'incident.close')`
	isOfFile   = `what IN ('file.read', 'file.write', 'file.edit', 'file.delete', 'file.move')`
	isChange   = `(what IN ('approval.grant', 'approval.reject', 'branch.merge', 'budget.exceed', 'exception.add', 'forge.ci.run', 'forge.commit.push', ` +
		`'forge.deploy', 'forge.deploy.status', 'forge.pr.merge', 'forge.release.publish', 'infra.change', 'pr.merge', 'record.gap', 'release.publish', ` +
		`'retention.sweep', 'schema.migrate', 'secret.rotate', 'workflow.run') OR what >= 'deploy.' AND what < 'deploy/')`
)

// IncidentEvents returns the events that incidents are made of, in the order of
// the log.
func (s *Store) IncidentEvents(ctx context.Context, org string) ([]Row, error) {
	return s.collect(within(ctx, org), `WHERE org = $1 AND class = 'permanent' AND `+isIncident+` ORDER BY seq`, []any{org})
}

// FileFilter selects what was done to one file.
type FileFilter struct {
	Path string // as actions name it, whole
	// Writes leaves out what only read it.
	Writes bool
	// Since and Until bound the time of the action: Since is in it, Until is not.
	Since, Until time.Time
	Newest       bool // the last first; else the first
	Limit        int
}

// FileActions returns actions on a file, by time.
func (s *Store) FileActions(ctx context.Context, org string, f FileFilter) ([]Row, error) {
	ctx = within(ctx, org)
	if !storable(f.Path) {
		return nil, nil
	}
	where, args := f.where(org)
	return s.collectFrom(ctx, s.dialect.ofFile(), where, args)
}

func (f *FileFilter) where(org string) (string, []any) {
	where, args := `WHERE org = $1 AND target = $2 AND `+isOfFile, []any{org, f.Path}
	if f.Writes {
		where += ` AND what <> 'file.read'`
	}
	for _, bound := range []struct {
		condition string
		at        time.Time
	}{{"at >= ", f.Since}, {"at < ", f.Until}} {
		if !bound.at.IsZero() {
			args = append(args, whodid.Micros(bound.at))
			where += fmt.Sprintf(" AND %s$%d", bound.condition, len(args))
		}
	}
	if f.Newest {
		return where + fmt.Sprintf(" ORDER BY at DESC LIMIT %d", f.Limit), args
	}
	return where + fmt.Sprintf(" ORDER BY at LIMIT %d", f.Limit), args
}

func (postgres) ofFile() string { return `event` }

// The planner would rather read the whole log in the order of time.
func (sqlite) ofFile() string { return `event INDEXED BY event_of_file` }

// Changes returns what changed the world outside of a working tree between two
// times, with what people and forges said of it: deploys, merges, pushes,
// releases, ends of workflows, approvals, exceptions, gaps and sweeps; the last
// first.
func (s *Store) Changes(ctx context.Context, org string, since, until time.Time, limit int) ([]Row, error) {
	where, args := changes(org, since, until, limit)
	return s.collect(within(ctx, org), where, args)
}

func changes(org string, since, until time.Time, limit int) (string, []any) {
	return `WHERE org = $1 AND at >= $2 AND at < $3 AND ` + isChange + fmt.Sprintf(" ORDER BY at DESC LIMIT %d", limit),
		[]any{org, whodid.Micros(since), whodid.Micros(until)}
}

// RunsBefore returns the runs of an agent that began before a time, the last
// first.
func (s *Store) RunsBefore(ctx context.Context, org, agent string, before time.Time, limit int) ([]whodid.Execution, error) {
	if !storable(agent) || agent == "" {
		return nil, nil
	}
	where, args := runsBefore(org, agent, before, limit)
	return queryExecutions(within(ctx, org), s.read, where, args...)
}

func runsBefore(org, agent string, before time.Time, limit int) (string, []any) {
	// The squad is said for the index execution_by_agent, which has it first.
	return fmt.Sprintf(`WHERE org = $1 AND agent = $2 AND squad = $4 AND started_at < $3 AND started_at IS NOT NULL AND subagent = '' ORDER BY started_at DESC LIMIT %d`, limit),
		[]any{org, agent, whodid.Micros(before), whodid.Squad(agent)}
}

// RunDeeds is what a run did, in numbers.
type RunDeeds struct {
	// Actions are those whose result is not open, Failed those of them that
	// failed, timed out or were blocked.
	Actions, Failed int64
	// Files is how many different files it wrote.
	Files int64
	// Tools are the client's tools that it used.
	Tools map[string]bool
	// Repository is where it worked; empty if nobody told.
	Repository string
}

// Deeds returns what runs did in numbers, by run.
func (s *Store) Deeds(ctx context.Context, org string, executions []string) (map[string]*RunDeeds, error) {
	ctx = within(ctx, org)
	out := make(map[string]*RunDeeds, len(executions))
	for _, id := range executions {
		out[id] = &RunDeeds{Tools: map[string]bool{}}
	}
	condition, arg := s.dialect.among("execution", 2, executions)
	q := `SELECT execution, what, result, target, COALESCE(data ->> 'tool', ''), COALESCE(data ->> 'repository', ''), action ` +
		`FROM event WHERE org = $1 AND execution <> '' AND ` + condition + ` AND (action = 1 AND result <> 'attempted' OR what = 'execution.start')`
	files := map[[2]string]bool{}
	err := eachRow(ctx, s.read, q, []any{org, arg}, func(rows *sql.Rows) error {
		var execution, what, result, target, tool, repository string
		var action int
		if err := rows.Scan(&execution, &what, &result, &target, &tool, &repository, &action); err != nil {
			return err
		}
		d := out[execution]
		if d == nil {
			return nil
		}
		if action == 0 {
			d.Repository = repository
			return nil
		}
		d.Actions++
		switch whodid.Result(result) {
		case whodid.ResultFailed, whodid.ResultTimeout, whodid.ResultBlocked:
			d.Failed++
		default:
		}
		if tool != "" {
			d.Tools[tool] = true
		}
		switch what {
		case "file.write", "file.edit", "file.delete", "file.move":
			if place := [2]string{execution, target}; !files[place] {
				files[place] = true
				d.Files++
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count what runs did: %w", err)
	}
	return out, nil
}

// SomeFacts returns what is known of a pull request or issue: facts of forges, and
// actions on pull requests of that name, in the order of the log; of each no more
// than the limit.
func (s *Store) SomeFacts(ctx context.Context, org, target string, limit int) ([]Row, error) {
	return s.facts(ctx, org, s.dialect.someFacts(), ` ORDER BY seq`, target, limit)
}

func (postgres) someFacts() string { return `whodid_some_facts($2, $3)` }

func (sqlite) someFacts() string {
	const of = ` WHERE org = $1 AND lower(target) = lower($2) AND `
	return `(SELECT * FROM (SELECT * FROM event INDEXED BY event_of_forge` + of + `what >= 'forge.' AND what < 'forge/' LIMIT $3) ` +
		`UNION ALL SELECT * FROM (SELECT * FROM event INDEXED BY event_of_pull` + of + `what >= 'pr.' AND what < 'pr/' LIMIT $3))`
}
