package ask

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Session is one session of an agent's client: what its events add up to. What
// is not known is null, never zero. Tokens and cost include those of its
// sub-agents.
type Session struct {
	SessionID string     `json:"session_id"`
	Client    string     `json:"client"`
	Agent     string     `json:"agent"`
	StartedAt *time.Time `json:"started_at"`
	// EndedAt is null while it runs, and where nobody told of its end.
	EndedAt *time.Time `json:"ended_at"`
	// CWD is the working directory, the home directory written as ~; empty if
	// it is not known.
	CWD              string       `json:"cwd"`
	TokensIn         *int64       `json:"tokens_in"`
	TokensOut        *int64       `json:"tokens_out"`
	TokensCacheRead  *int64       `json:"tokens_cache_read"`
	TokensCacheWrite *int64       `json:"tokens_cache_write"`
	CostMicros       *int64       `json:"cost_micros"`
	CostState        string       `json:"cost_state"`
	Models           []ModelUsage `json:"models"`
	// Files are those that the session read, wrote or tried to, by path.
	Files []SessionFile `json:"files"`
	// Executions are the runs that the session is or was a part of, its
	// sub-agents included.
	Executions []string `json:"executions"`
}

// SessionFile is what a session did with one file. Only what is proved counts
// as read or written.
type SessionFile struct {
	Path    string `json:"path"`
	Read    bool   `json:"read"`
	Written bool   `json:"written"`
	// Times is how often it was read or written, Attempted how often that was
	// begun and nothing proves that it was done.
	Times     int64 `json:"times"`
	Attempted int64 `json:"attempted"`
	// LinesAdded and LinesRemoved are null if at least one change did not tell.
	LinesAdded   *int64    `json:"lines_added"`
	LinesRemoved *int64    `json:"lines_removed"`
	FirstAt      time.Time `json:"first_at"`
	LastAt       time.Time `json:"last_at"`
}

// SessionList is the answer to "which sessions were there?".
type SessionList struct {
	Sessions []Session `json:"sessions"`
}

// SessionFilter selects sessions. Zero fields select everything.
type SessionFilter struct {
	Agent  string // full name, or a prefix ending in "*"
	Client string // such as "claude-code"
	// Squads are the only squads whose sessions are shown; none is all of them.
	Squads []string
	// Since and Until select what overlaps them.
	Since, Until time.Time
	Limit        int // 0 is no limit
}

// Sessions answers which sessions there were, the last begun or resumed first.
func (a *Asker) Sessions(ctx context.Context, f SessionFilter) (*SessionList, error) {
	list, _, err := a.SelectSessions(ctx, f, nil)
	return list, err
}

// SelectSessions answers which sessions there were, the last begun or resumed
// first, from the place on; next is nil at the end. What is recorded between two
// pages moves no session from one to the other: all pages tell of the log as
// it was at the first.
func (a *Asker) SelectSessions(ctx context.Context, f SessionFilter, after *Place) (list *SessionList, next *Place, err error) {
	of := store.SessionFilter(f)
	from := store.SessionPlace{}
	if after != nil {
		from = store.SessionPlace{At: after.At, ID: after.ID, Size: after.Seq}
	} else if from.Size, err = a.Size(ctx); err != nil {
		return nil, nil, err
	}
	ids, end, err := a.store.SessionPage(ctx, a.org, of, from)
	if err != nil {
		return nil, nil, err
	}
	list = &SessionList{Sessions: make([]Session, 0, len(ids))}
	for page := range slices.Chunk(ids, 500) {
		if err := a.addSessions(ctx, list, page); err != nil {
			return nil, nil, err
		}
	}
	if f.Limit > 0 && len(ids) == f.Limit {
		next = &Place{At: end.At, ID: end.ID, Seq: end.Size}
	}
	return list, next, nil
}

// Session answers what one session was. The id may be a unique prefix.
func (a *Asker) Session(ctx context.Context, prefix string) (*Session, error) {
	id, err := a.store.ResolveSession(ctx, a.org, prefix)
	if err != nil {
		return nil, err
	}
	var list SessionList
	if err := a.addSessions(ctx, &list, []string{id}); err != nil {
		return nil, err
	}
	return &list.Sessions[0], nil
}

// sessionFold is a session while its events are added up.
type sessionFold struct {
	Session
	begun  time.Time // or resumed
	joined bool      // it is a part of a run that somebody else began
	usage  map[string]whodid.Usage
	files  map[string]*fileFold
}

// fileFold is a file while its events are added up.
type fileFold struct {
	SessionFile
	added, removed     int64
	noAdded, noRemoved bool
}

func (a *Asker) addSessions(ctx context.Context, list *SessionList, ids []string) error {
	starts, err := a.store.SessionStarts(ctx, a.org, ids)
	if err != nil {
		return err
	}
	folds := map[string]*sessionFold{}
	for _, id := range ids {
		folds[id] = &sessionFold{Session: Session{SessionID: id}, usage: map[string]whodid.Usage{}, files: map[string]*fileFold{}}
	}
	of := map[string][]*sessionFold{} // by execution
	var executions []string
	for i := range starts {
		r := &starts[i]
		f := folds[r.Session]
		f.start(r)
		if r.Execution == "" || slices.Contains(f.Executions, r.Execution) {
			continue
		}
		f.Executions = append(f.Executions, r.Execution)
		if of[r.Execution] == nil {
			executions = append(executions, r.Execution)
		}
		of[r.Execution] = append(of[r.Execution], f)
	}
	runs, err := a.store.ExecutionsByID(ctx, a.org, executions)
	if err != nil {
		return err
	}
	anyJoined := false
	for i := range runs {
		for _, f := range of[runs[i].ID] {
			f.run(&runs[i])
			anyJoined = anyJoined || f.joined
		}
	}
	events, err := a.store.SessionEvents(ctx, a.org, executions, anyJoined)
	if err != nil {
		return err
	}
	for i := range events {
		if f := folds[events[i].Session]; f != nil {
			f.event(&events[i])
		}
	}
	for _, id := range ids {
		list.Sessions = append(list.Sessions, folds[id].finish())
	}
	return nil
}

// start takes an event that began the session or a run in it.
func (f *sessionFold) start(r *store.Row) {
	if f.StartedAt == nil {
		f.StartedAt = moment(r.At)
	}
	if f.Client == "" {
		f.Client = r.Data.String("client")
	}
	if f.Client == "" {
		if _, client, told := strings.Cut(r.Source, ":"); told {
			f.Client = client
		}
	}
	if r.Data.String("agent_id") != "" {
		return // a sub-agent's may be elsewhere
	}
	if f.CWD == "" {
		f.CWD = r.Data.String("cwd")
	}
	if f.Agent == "" {
		f.Agent = whodid.AgentOf(r.Actor)
	}
	if r.At.After(f.begun) {
		f.begun = r.At
	}
}

// run takes an execution that the session is, or is a part of. A run that a
// session made is this one session; of others, such as those of whodid run, what
// belongs to the session is counted call by call.
func (f *sessionFold) run(x *whodid.Execution) {
	if x.Subagent != "" {
		return
	}
	_, _, byClient := strings.Cut(x.Source, ":")
	if !byClient || x.Session != f.SessionID {
		f.joined = true
		return
	}
	if f.Agent == "" {
		f.Agent = x.Agent
	}
	if !x.CompletedAt.IsZero() {
		f.EndedAt = moment(x.CompletedAt)
	}
	for model, u := range x.Models {
		f.usage[model] = f.usage[model].Add(u)
	}
}

func (f *sessionFold) event(r *store.Row) {
	switch {
	case r.What == "session.end":
		if !r.At.Before(f.begun) && (f.EndedAt == nil || r.At.After(*f.EndedAt)) {
			f.EndedAt = moment(r.At)
		}
	case r.What == "model.call" || r.What == "model.reprice":
		if f.joined {
			model := r.Data.String("model")
			f.usage[model] = f.usage[model].Add(whodid.UsageOf(&r.Event))
		}
	case r.What != "file.search" && r.Target != "":
		f.file(r)
	}
}

func (f *sessionFold) file(r *store.Row) {
	file := f.files[r.Target]
	if file == nil {
		file = &fileFold{SessionFile: SessionFile{Path: r.Target, FirstAt: r.At.UTC(), LastAt: r.At.UTC()}}
	}
	switch r.Result {
	case whodid.ResultAttempted:
		file.Attempted++
	case whodid.ResultSuccess:
		file.Times++
		if r.What == "file.read" {
			file.Read = true
			break
		}
		file.Written = true
		added, hasAdded := r.Data.Int("lines_added")
		removed, hasRemoved := r.Data.Int("lines_removed")
		// A new file is told by its lines only, and takes none away.
		hasRemoved = hasRemoved || r.What == "file.write" && hasAdded
		file.added += added
		file.removed += removed
		file.noAdded = file.noAdded || !hasAdded
		file.noRemoved = file.noRemoved || !hasRemoved
	default:
		return // it was not accessed
	}
	if r.At.Before(file.FirstAt) {
		file.FirstAt = r.At.UTC()
	}
	if r.At.After(file.LastAt) {
		file.LastAt = r.At.UTC()
	}
	f.files[r.Target] = file
}

func (f *sessionFold) finish() Session {
	var sum whodid.Usage
	for _, u := range f.usage {
		sum = sum.Add(u)
	}
	f.TokensIn, f.TokensOut, f.TokensCacheRead, f.TokensCacheWrite = sum.Tokens()
	f.CostMicros = optional(sum.CostState() != whodid.CostUnknown, sum.CostMicros)
	f.CostState = string(sum.CostState())
	f.Models = models(f.usage)
	f.Files = make([]SessionFile, 0, len(f.files))
	for _, file := range f.files {
		file.LinesAdded = optional(!file.noAdded, file.added)
		file.LinesRemoved = optional(!file.noRemoved, file.removed)
		f.Files = append(f.Files, file.SessionFile)
	}
	slices.SortFunc(f.Files, func(a, b SessionFile) int { return strings.Compare(a.Path, b.Path) })
	if f.Executions == nil {
		f.Executions = []string{}
	}
	return f.Session
}
