package privacy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// ExportFormat names the form of an export.
const ExportFormat = "whodid-person/1"

// Export is what the trail holds of a person, as files by name. The same trail
// gives the same bytes.
type Export struct {
	Files      map[string][]byte
	Events     int
	Executions int
}

// Names lists the files, sorted.
func (e *Export) Names() []string { return slices.Sorted(maps.Keys(e.Files)) }

// exportedEvent is one line of events.jsonl: the event, its place in the log, and
// which of its fields are about the person.
type exportedEvent struct {
	whodid.Event
	Seq   uint64   `json:"seq"`
	About []string `json:"about"`
}

// Export gathers all events that are about a person, the executions on their
// behalf, the approvals that they asked for or decided, and their names.
func (s *Service) Export(ctx context.Context, sel Selector) (*Export, error) {
	p, err := makePlan(ctx, s.Store, s.Org, sel, nil)
	if err != nil {
		return nil, err
	}
	if p.Empty() {
		return nil, ErrNothing
	}
	about := make(map[string][]string, len(p.events))
	var rows []store.Row
	for list := range slices.Chunk(p.events, 500) {
		ids := make([]string, len(list))
		for i, t := range list {
			ids[i], about[t.Event] = t.Event, t.Fields
		}
		part, err := s.Store.EventsByID(ctx, s.Org, ids)
		if err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
	slices.SortFunc(rows, func(a, b store.Row) int { return int(int64(a.Seq) - int64(b.Seq)) })
	out := &Export{Files: map[string][]byte{}, Events: len(rows)}
	if err := out.events(rows, about); err != nil {
		return nil, err
	}
	if err := s.exportRuns(ctx, out, rows, p.people()); err != nil {
		return nil, err
	}
	if err := s.exportApprovals(ctx, out, rows); err != nil {
		return nil, err
	}
	if err := s.exportNames(ctx, out, p); err != nil {
		return nil, err
	}
	return out, out.finish(p, rows)
}

func (e *Export) events(rows []store.Row, about map[string][]string) error {
	var lines, table bytes.Buffer
	w := csv.NewWriter(&table)
	_ = w.Write([]string{"event_id", "at", "recorded_at", "what", "actor", "on_behalf_of", "target", "why", "result", "execution", "session", "approval", "source", "data", "about", "seq"})
	for i := range rows {
		r := &rows[i]
		line, err := json.Marshal(exportedEvent{Event: r.Event, Seq: r.Seq, About: about[r.ID]})
		if err != nil {
			return fmt.Errorf("couldn't write event %s: %w", r.ID, err)
		}
		lines.Write(append(line, '\n'))
		_ = w.Write(cells(r.ID, whodid.FormatTime(r.At), whodid.FormatTime(r.RecordedAt), r.What, r.Actor, r.OnBehalfOf, r.Target, r.Why, string(r.Result),
			r.Execution, r.Session, r.Approval, r.Source, string(r.DataText), strings.Join(about[r.ID], " "), strconv.FormatUint(r.Seq, 10)))
	}
	w.Flush()
	e.Files["events.jsonl"], e.Files["events.csv"] = lines.Bytes(), table.Bytes()
	return w.Error()
}

// cells keeps spreadsheets from taking text for formulas.
func cells(values ...string) []string {
	for i, v := range values {
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
			values[i] = "'" + v
		}
	}
	return values
}

// exportedRun is one line of executions.jsonl.
type exportedRun struct {
	ExecutionID string     `json:"execution_id"`
	Agent       string     `json:"agent"`
	Trigger     string     `json:"trigger"`
	Why         string     `json:"why"`
	Status      string     `json:"status"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Session     string     `json:"session_id"`
	Model       string     `json:"model"`
}

func (s *Service) exportRuns(ctx context.Context, e *Export, rows []store.Row, people []string) error {
	seen := map[string]bool{}
	for i := range rows {
		if id := rows[i].Execution; id != "" && (slices.Contains(people, rows[i].OnBehalfOf) || slices.Contains(people, rows[i].Actor)) {
			seen[id] = true
		}
	}
	var lines bytes.Buffer
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		x, err := s.Store.Execution(ctx, s.Org, id)
		if err != nil {
			continue // known by its events only
		}
		line, err := json.Marshal(exportedRun{
			ExecutionID: x.ID, Agent: x.Agent, Trigger: x.Trigger, Why: x.Why, Status: string(x.Status), StartedAt: known(x.StartedAt),
			CompletedAt: known(x.CompletedAt), Session: x.Session, Model: x.Model,
		})
		if err != nil {
			return fmt.Errorf("couldn't write execution %s: %w", id, err)
		}
		lines.Write(append(line, '\n'))
		e.Executions++
	}
	e.Files["executions.jsonl"] = lines.Bytes()
	return nil
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// exportedApproval is one line of approvals.jsonl.
type exportedApproval struct {
	ApprovalID  string     `json:"approval_id"`
	Type        string     `json:"type"`
	Target      string     `json:"target"`
	RequestedBy string     `json:"requested_by"`
	OnBehalfOf  string     `json:"on_behalf_of"`
	DecidedBy   string     `json:"decided_by"`
	DecidedAt   *time.Time `json:"decided_at"`
	Reason      string     `json:"reason"`
	Decision    string     `json:"decision"`
}

func (s *Service) exportApprovals(ctx context.Context, e *Export, rows []store.Row) error {
	seen := map[string]bool{}
	for i := range rows {
		if rows[i].Approval != "" {
			seen[rows[i].Approval] = true
		}
	}
	ids := slices.Sorted(maps.Keys(seen))
	parts, err := s.Store.ApprovalParts(ctx, s.Org, ids)
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, id := range ids {
		// As it was decided, whenever one looks.
		a, ok := whodid.FoldApproval(parts[id], time.Time{})
		if !ok {
			continue
		}
		line, err := json.Marshal(exportedApproval{
			ApprovalID: id, Type: a.Type, Target: a.Target, RequestedBy: a.RequestedBy, OnBehalfOf: a.OnBehalfOf, DecidedBy: a.DecidedBy,
			DecidedAt: known(a.DecidedAt), Reason: a.Reason, Decision: string(a.State),
		})
		if err != nil {
			return fmt.Errorf("couldn't write approval %s: %w", id, err)
		}
		lines.Write(append(line, '\n'))
	}
	e.Files["approvals.jsonl"] = lines.Bytes()
	return nil
}

func (s *Service) exportNames(ctx context.Context, e *Export, p *Plan) error {
	people, err := s.Store.People(ctx, s.Org)
	if err != nil {
		return err
	}
	names := []map[string]string{}
	for _, x := range people {
		if slices.Contains(p.Selector.Pseudonyms, x.Pseudonym) {
			names = append(names, map[string]string{
				"pseudonym": x.Pseudonym, "name": x.Name, "email": x.Email, "login": x.Login, "source": x.Source, "added_at": whodid.FormatTime(x.AddedAt),
			})
		}
	}
	views := []whodid.SavedView{}
	for _, pseudonym := range p.Selector.Pseudonyms {
		list, err := s.Store.SavedViews(ctx, s.Org, whodid.HumanActor(pseudonym), false)
		if err != nil {
			return err
		}
		views = append(views, list...)
	}
	var tokens []string
	tokens = append(tokens, p.tokens...)
	commits := append([]store.CommitRef{}, p.authors...)
	text, err := json.MarshalIndent(map[string]any{"pseudonyms": p.Selector.Pseudonyms, "names": names, "tokens": tokens, "commits": commits, "saved_views": views}, "", "  ")
	e.Files["person.json"] = append(text, '\n')
	return err
}

// exportManifest lists the files with their digests.
type exportManifest struct {
	Format string `json:"format"`
	// Size and Root say how far the log was read.
	Size  uint64                  `json:"size"`
	Root  string                  `json:"root"`
	Files map[string]manifestFile `json:"files"`
}

type manifestFile struct {
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
}

func (e *Export) finish(p *Plan, rows []store.Row) error {
	period := "nothing with a time"
	if len(rows) > 0 {
		from := slices.MinFunc(rows, func(a, b store.Row) int { return a.At.Compare(b.At) }).At
		to := slices.MaxFunc(rows, func(a, b store.Row) int { return a.At.Compare(b.At) }).At
		period = from.Format(time.RFC3339) + " to " + to.Format(time.RFC3339)
	}
	e.Files["README.txt"] = fmt.Appendf(nil, exportReadme, e.Events, e.Executions, period, p.Size)
	m := exportManifest{Format: ExportFormat, Size: p.Size, Root: p.Root.String(), Files: map[string]manifestFile{}}
	for name, text := range e.Files {
		sum := sha256.Sum256(text)
		m.Files[name] = manifestFile{SHA256: hex.EncodeToString(sum[:]), Bytes: len(text)}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	e.Files["manifest.json"] = append(text, '\n')
	return err
}

const exportReadme = `What an audit trail of AI agents holds of one person

The trail records what agents did, when, why and with what result. It holds no
prompts, answers, file contents or output. It knows people by pseudonyms, made
with a secret key; person.json has the pseudonyms of this person, and their name
if somebody gave it.

%d events, %d executions, %s.
The log had %d events when this was made.

events.jsonl      every event in which the person acted, stands behind an agent,
                  is an author or decided, or is spoken of; one JSON object a line
events.csv        the same as a table
executions.jsonl  runs of agents that the person started or stands behind
approvals.jsonl   what the person asked for, decided, or what was decided on their
                  behalf
person.json       pseudonyms, names, ids of API tokens, commits, saved views
manifest.json     digests (SHA-256) of all other files

Fields of an event: what (the verb), actor (who acted), on_behalf_of (who stands
behind), target (on what), at (when), why, result, execution, session and approval
(what it belongs to), source (who told), data (details), about (which fields are
about the person), seq (its place in the log). Times are UTC.

Under the GDPR this answers a request for access (article 15) in a common,
machine-readable form (article 20). Who answers it has to see to it that what is
about other people is taken out where their rights outweigh (article 15(4)).
`
