// Package importer takes into the trail what agents' clients keep of their
// sessions: whole folders, again and again, each time what is new.
package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/claude"
	"github.com/whodid/whodid/internal/ingest/codex"
	"github.com/whodid/whodid/internal/ingest/copilot"
	"github.com/whodid/whodid/internal/ingest/gemini"
	"github.com/whodid/whodid/internal/store"
)

// Recorder takes events into the trail, each once; an event that is not valid
// becomes a gap. It is durable when it returns, and safe for concurrent use.
type Recorder interface {
	RecordValid(ctx context.Context, events []whodid.Event) ([]*store.Row, error)
}

// Known says of those of the sessions that the trail knows to which execution
// each belongs.
type Known func(ctx context.Context, sessions []string) (map[string]KnownSession, error)

// KnownSession is a client's session that the trail knows.
type KnownSession struct {
	Execution string
	// Imported tells that nothing but an import told of it.
	Imported bool
}

// Importer imports into one trail.
type Importer struct {
	Recorder     Recorder
	Known        Known
	Surroundings agent.Surroundings
	Agent        string // "squad/agent" of the sessions; empty for each client's default
	StatePath    string
	Now          func() time.Time
	// Since leaves out files that were not written to since then, and what
	// happened before it.
	Since time.Time
	// Dry tells what would be read and records nothing.
	Dry bool
	// All reads files anew that were read before.
	All bool
	// Progress is told how far it is; may be nil.
	Progress func(Progress)
	// Skip is told what could not be read; may be nil.
	Skip func(path string, err error)
}

// Progress is how far an import is.
type Progress struct {
	Files, FilesDone int
	Bytes, BytesDone int64
}

// Imported counts what an import did, by client and in all.
type Imported struct {
	Clients []Client `json:"clients"`
	// Files is how many there were, Read how many had something new.
	Files int   `json:"files"`
	Read  int   `json:"read"`
	Bytes int64 `json:"bytes"`
	// Requests and Calls were told by what was read, new or not; Events are
	// those that the trail did not hold yet.
	Requests int `json:"requests"`
	Calls    int `json:"calls"`
	Events   int `json:"events"`
	// Unreadable counts lines that could not be read, Failed files.
	Unreadable int `json:"unreadable"`
	Failed     int `json:"failed"`
	// DryRun tells that nothing was recorded.
	DryRun bool `json:"dry_run"`
}

// Client counts what was read of one client's files.
type Client struct {
	Client   string `json:"client"`
	Files    int    `json:"files"`
	Read     int    `json:"read"`
	Requests int    `json:"requests"`
	Calls    int    `json:"calls"`
}

// run is one import.
type run struct {
	*Importer
	state *State

	writers *errgroup.Group

	mu       sync.Mutex // guards what follows
	imported Imported
	clients  map[string]*Client
	progress Progress
	saved    time.Time
	batch    batch
	known    map[string]KnownSession // those that were asked for, known or not
}

// Import reads the files that have something new, several at a time, and says
// what it did. It can be stopped at any time and goes on where it was.
func (im *Importer) Import(ctx context.Context, files []File) (*Imported, error) {
	x := &run{Importer: im, state: LoadState(im.StatePath), clients: map[string]*Client{}, saved: im.Now()}
	if im.Surroundings.Repository != nil {
		x.Surroundings.Repository = remembered(im.Surroundings.Repository)
	}
	x.imported.DryRun = im.Dry
	var todo []File
	for i := range files {
		f := &files[i]
		x.imported.Files++
		x.client(f.Client).Files++
		if f.ModTime.Before(im.Since) || !im.All && !x.state.Waits(f, im.Now()) {
			continue
		}
		todo = append(todo, *f)
		x.progress.Files++
		x.progress.Bytes += f.Size
	}
	err := x.ask(ctx, namesOf(todo))
	if err == nil {
		err = x.all(ctx, todo)
	}
	if !im.Dry {
		err = errors.Join(err, x.state.Save(im.StatePath))
	}
	for _, name := range []string{agent.ClaudeCode, agent.Codex, agent.Gemini, agent.Copilot} {
		if c := x.clients[name]; c != nil {
			x.imported.Clients = append(x.imported.Clients, *c)
		}
	}
	if x.imported.Clients == nil {
		x.imported.Clients = []Client{}
	}
	return &x.imported, err
}

// client counts for a client. The caller holds the lock, or is alone.
func (x *run) client(name string) *Client {
	c := x.clients[name]
	if c == nil {
		c = &Client{Client: name}
		x.clients[name] = c
	}
	return c
}

// file reads one file. That it can't be read is told, and no reason to stop; that
// the trail can't be written to is.
func (x *run) file(ctx context.Context, f *File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	reading, last, err := x.read(ctx, f)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.progress.FilesDone++
	x.progress.BytesDone += f.Size
	if x.Progress != nil {
		x.Progress(x.progress)
	}
	var lost *recordError
	switch {
	case errors.As(err, &lost):
		return err
	case err != nil:
		x.imported.Failed++
		if x.Skip != nil {
			x.Skip(f.Path, err)
		}
		return nil
	}
	x.imported.Read++
	x.imported.Bytes += f.Size
	x.imported.Requests += reading.Requests
	x.imported.Calls += reading.Calls
	x.imported.Unreadable += reading.Unreadable
	c := x.client(f.Client)
	c.Read++
	c.Requests += reading.Requests
	c.Calls += reading.Calls
	if !x.Dry {
		x.gather(last)
	}
	return nil
}

// recordError is that of the trail, and not of a file.
type recordError struct{ err error }

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// read reads one file and returns what is new in it. Of a file that tells more
// than a batch the first part is recorded already.
func (x *run) read(ctx context.Context, f *File) (agent.SessionReading, *batch, error) {
	var none agent.SessionReading
	file, err := open(f.Path)
	if err != nil {
		return none, nil, err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	look := 64 << 10
	if _, sub := agent.SubagentID(f.Path); f.Client == agent.ClaudeCode && !sub {
		look = headSize // its name says whose it is
	}
	head, err := beginning(file, look)
	if err != nil {
		return none, nil, err
	}
	what, err := x.identify(ctx, f, head)
	if err != nil {
		return none, nil, err
	}
	if x.mu.Lock(); !x.All {
		what.From = x.state.from(f, head)
	}
	x.mu.Unlock()
	b := &batch{}
	what.Tell = func(e whodid.Event) error {
		if x.Dry || !x.Since.IsZero() && e.At.Before(x.Since) {
			return nil
		}
		if b.events = append(b.events, e); len(b.events) < batchSize {
			return nil
		}
		err := x.record(ctx, b)
		b.events = b.events[:0]
		return err
	}
	reading, err := readerOf(f)(file, what)
	b.files = []readFile{{f.Path, Entry{
		Size: f.Size, ModTime: f.ModTime.UnixNano(), Next: reading.Next, Head: headOf(head, f.Size),
		Last: whodid.Micros(reading.Last), Held: reading.Held, Over: reading.Over,
	}}}
	return reading, b, err
}

// open opens a regular file, and nothing that a link points to: a file that an
// agent could have put there.
func open(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.Open(path)
}

// identify says whose a file is.
func (x *run) identify(ctx context.Context, f *File, head []byte) (*agent.SessionFile, error) {
	what := &agent.SessionFile{Surroundings: x.Surroundings, Now: x.Now()}
	ref := &what.Ref
	ref.Client, ref.Agent, ref.Path, ref.At = f.Client, x.Agent, f.Path, f.ModTime
	name := strings.TrimSuffix(filepath.Base(f.Path), filepath.Ext(f.Path))
	switch f.Client {
	case agent.ClaudeCode:
		ref.Session = name
		if id, ok := agent.SubagentID(f.Path); ok {
			ref.SubagentID = id
			ref.Session, what.Kind = claude.ReadHead(head), kindOf(f.Path)
			if dir := filepath.Dir(f.Path); filepath.Base(dir) == "subagents" {
				ref.Session = filepath.Base(filepath.Dir(dir))
			}
		}
	case agent.Codex:
		h := codex.ReadHead(head)
		ref.Session, ref.SubagentID, what.Kind = h.Session, h.Thread, h.Kind
	case agent.Gemini:
		ref.Session = gemini.ReadHead(head)
		what.CWD = projectOf(f.Path)
		if ref.Session == "" {
			ref.Session = name
		}
	case agent.Copilot:
		if ref.Session = copilot.ReadHead(head); ref.Session == "" {
			ref.Session = filepath.Base(filepath.Dir(f.Path))
		}
	}
	if ref.Session = agent.CleanID(ref.Session); ref.Session == "" {
		return nil, errors.New("it does not say which session it is about")
	}
	ref.Execution = agent.Execution(f.Client, ref.Session)
	known, err := x.session(ctx, ref.Session)
	if err != nil {
		return nil, &recordError{err}
	}
	what.Own = known.Execution == "" || known.Imported
	if known.Execution != "" {
		ref.Execution = known.Execution
	}
	if ref.SubagentID != "" {
		*ref = ref.Subagent(f.Path, ref.SubagentID)
	}
	return what, nil
}

// kindOf reads the kind of a sub-agent beside its transcript.
func kindOf(path string) string {
	f, err := open(strings.TrimSuffix(path, ".jsonl") + ".meta.json")
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := beginning(f, 64<<10)
	var meta struct{ AgentType string }
	if err != nil || json.Unmarshal(text, &meta) != nil {
		return ""
	}
	return meta.AgentType
}

// projectOf reads where the project of a chat lies.
func projectOf(path string) string {
	f, err := open(filepath.Join(filepath.Dir(filepath.Dir(path)), ".project_root"))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // nothing was written
	text, err := beginning(f, 4<<10)
	if root := strings.TrimSpace(string(text)); err == nil && filepath.IsAbs(root) {
		return root
	}
	return ""
}

// remembered asks once for each folder.
func remembered(repository func(string) (string, string)) func(string) (string, string) {
	type found struct{ root, slug string }
	var mu sync.Mutex
	known := map[string]found{}
	return func(cwd string) (string, string) {
		mu.Lock()
		defer mu.Unlock()
		f, ok := known[cwd]
		if !ok {
			f.root, f.slug = repository(cwd)
			if len(known) < 10_000 {
				known[cwd] = f
			}
		}
		return f.root, f.slug
	}
}
