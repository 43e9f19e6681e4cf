package importer

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// Examined is what a file on disk tells of a session.
type Examined struct {
	Client, Session, Path string
	// Known tells that the trail knows the session.
	Known bool
	// Calls are the tool calls that it tells of.
	Calls []ExaminedCall
	// Err is why it could not be read.
	Err error
}

// ExaminedCall is a tool call in a file on disk.
type ExaminedCall struct {
	Execution string
	// Call is the client's id of it; empty where the client has none. Key is that
	// of the event which an import would record.
	Call, Key string
	At        time.Time
}

// Examine tells which tool calls of a time files tell of, and records nothing; a
// zero time is no bound. Files that were not written to since are left out.
func (im *Importer) Examine(ctx context.Context, files []File, since, until time.Time) ([]Examined, error) {
	x := &run{Importer: im, state: &State{Files: map[string]Entry{}}, clients: map[string]*Client{}}
	var todo []File
	for i := range files {
		if !files[i].ModTime.Before(since) {
			todo = append(todo, files[i])
		}
	}
	if err := x.ask(ctx, namesOf(todo)); err != nil {
		return nil, err
	}
	out := make([]Examined, 0, len(todo))
	for i := range todo {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one, err := x.examine(ctx, &todo[i], since, until)
		if lost := (*recordError)(nil); errors.As(err, &lost) {
			return nil, err
		}
		one.Client, one.Path, one.Err = todo[i].Client, todo[i].Path, err
		out = append(out, one)
	}
	return out, nil
}

func (x *run) examine(ctx context.Context, f *File, since, until time.Time) (Examined, error) {
	var one Examined
	file, err := open(f.Path)
	if err != nil {
		return one, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	look := 64 << 10
	if _, sub := agent.SubagentID(f.Path); f.Client == agent.ClaudeCode && !sub {
		look = headSize
	}
	head, err := beginning(file, look)
	if err != nil {
		return one, err
	}
	what, err := x.identify(ctx, f, head)
	if err != nil {
		return one, err
	}
	one.Session = what.Ref.Session
	known, err := x.session(ctx, one.Session)
	if err != nil {
		return one, &recordError{err}
	}
	one.Known = known.Execution != ""
	what.Tell = func(e whodid.Event) error {
		kind, _ := whodid.LookupKind(e.What)
		if kind.Action && !e.At.Before(since) && (until.IsZero() || e.At.Before(until)) {
			one.Calls = append(one.Calls, ExaminedCall{Execution: e.Execution, Call: e.Data.String("call"), Key: e.Key, At: e.At})
		}
		return nil
	}
	_, err = readerOf(f)(file, what)
	return one, err
}
