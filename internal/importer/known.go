package importer

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/whodid/whodid/internal/ingest/agent"
)

// namesOf are the sessions that files tell by their names, without being opened.
func namesOf(files []File) []string {
	var names []string
	for i := range files {
		f := &files[i]
		if _, sub := agent.SubagentID(f.Path); f.Client != agent.ClaudeCode || sub {
			continue
		}
		name := filepath.Base(f.Path)
		names = append(names, agent.CleanID(name[:len(name)-len(filepath.Ext(name))]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ask asks the trail about many sessions at once: a question for each file would
// take as long as reading it.
func (x *run) ask(ctx context.Context, sessions []string) error {
	for some := range slices.Chunk(sessions, 500) {
		known, err := x.Known(ctx, some)
		if err != nil {
			return err
		}
		x.mu.Lock()
		if x.known == nil {
			x.known = map[string]KnownSession{}
		}
		for _, name := range some {
			x.known[name] = known[name]
		}
		x.mu.Unlock()
	}
	return nil
}

// session is what the trail knows of a session; nothing if it knows none.
func (x *run) session(ctx context.Context, name string) (KnownSession, error) {
	x.mu.Lock()
	known, asked := x.known[name]
	x.mu.Unlock()
	if asked {
		return known, nil
	}
	if err := x.ask(ctx, []string{name}); err != nil {
		return KnownSession{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.known[name], nil
}
