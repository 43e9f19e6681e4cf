// Package intake takes into the trail what waits outside of it: the records of
// the spool, and the transcripts that they point to.
package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/claude"
	"github.com/whodid/whodid/internal/ingest/codex"
	"github.com/whodid/whodid/internal/ingest/copilot"
	"github.com/whodid/whodid/internal/ingest/gemini"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/spool"
	"github.com/whodid/whodid/internal/store"
)

// Recorder takes events into the trail, each once; an event that is not valid
// becomes a gap. It is durable when it returns.
type Recorder interface {
	RecordValid(ctx context.Context, events []whodid.Event) ([]*store.Row, error)
	// RecordCleaned also counts what was redacted before, event by event.
	RecordCleaned(ctx context.Context, events []whodid.Event, cleaned []map[string]int) ([]*store.Row, error)
}

// Told says which of a client's tool calls an execution's events tell of, by
// the client's ids.
type Told func(ctx context.Context, execution string) (calls map[string]bool, err error)

// Taken counts what was taken in.
type Taken struct {
	Records     int // of the spool
	Events      int // new to the trail
	Transcripts int // read
	Gaps        int // known to be missing
}

// Intake takes from one spool into one trail.
type Intake struct {
	Spool    *spool.Spool
	Recorder Recorder
	Told     Told
	Home     string // what ~ in the path of a transcript stands for
	Now      func() time.Time
}

// Drain takes in everything that waits.
func (in *Intake) Drain(ctx context.Context) (Taken, error) {
	var taken Taken
	err := in.Spool.Drain(in.Now(), func(b spool.Batch) error {
		return in.take(ctx, b, &taken)
	})
	return taken, err
}

func (in *Intake) take(ctx context.Context, b spool.Batch, taken *Taken) error {
	var events []whodid.Event
	var cleaned []map[string]int
	for _, r := range b.Records {
		for i, counts := range r.Redacted[:min(len(r.Redacted), len(r.Events))] {
			if len(counts) == 0 {
				continue
			}
			// The list stays empty as long as nothing was redacted.
			cleaned = append(cleaned, make([]map[string]int, len(events)+i+1-len(cleaned))...)
			cleaned[len(events)+i] = counts
		}
		events = append(events, r.Events...)
	}
	if b.Torn > 0 {
		gap := record.Gap("a record of the spool was torn or damaged", "spool", whodid.Data{"count": int64(b.Torn)}, in.Now())
		gap.Key = "gap/spool/" + b.Damage // the same batch may be handed over again
		events = append(events, gap)
		taken.Gaps += b.Torn
	}
	added, err := in.Recorder.RecordCleaned(ctx, events, cleaned)
	if err != nil {
		return err
	}
	taken.Records += len(b.Records)
	taken.Events += len(added)
	for _, r := range b.Records {
		for _, t := range r.Transcripts {
			if err := in.readSession(ctx, t, taken); err != nil {
				return err
			}
		}
	}
	return nil
}

// readSession reads a transcript and, where they are asked for, those of its
// sub-agents.
func (in *Intake) readSession(ctx context.Context, t spool.Transcript, taken *Taken) error {
	ref := agent.TranscriptRef{
		Client:    cmp.Or(t.Client, agent.ClaudeCode),
		Execution: t.Execution, Parent: t.Parent, Session: t.Session, Agent: t.Agent,
		SubagentID: t.SubagentID, Path: in.resolve(t.Path), Subagents: t.Subagents, At: t.At,
	}
	if readerOf(ref.Client) == nil {
		return nil
	}
	if err := in.readOne(ctx, ref, taken); err != nil {
		return err
	}
	if !ref.Subagents {
		return nil
	}
	entries, err := os.ReadDir(agent.SubagentDir(ref.Path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return in.missing(ctx, ref, "the transcripts of sub-agents can't be read", taken)
	}
	for _, e := range entries {
		id, ok := agent.SubagentID(e.Name())
		if !ok {
			continue
		}
		path := filepath.Join(agent.SubagentDir(ref.Path), e.Name())
		if err := in.readOne(ctx, ref.Subagent(path, id), taken); err != nil {
			return err
		}
	}
	return nil
}

func (in *Intake) readOne(ctx context.Context, ref agent.TranscriptRef, taken *Taken) error {
	f, err := openFile(ref.Path)
	if err != nil {
		return in.missing(ctx, ref, "the transcript is gone or can't be read", taken)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	reading, err := readerOf(ref.Client)(f, ref)
	if err != nil {
		return in.missing(ctx, ref, "the transcript can't be read to its end", taken)
	}
	for batch := range slices.Chunk(reading.Events, 1000) {
		added, err := in.Recorder.RecordValid(ctx, batch)
		if err != nil {
			return fmt.Errorf("couldn't record the usage of session %s: %w", ref.Session, err)
		}
		taken.Events += len(added)
	}
	taken.Transcripts++
	return in.compare(ctx, ref, reading.Calls, taken)
}

// readerOf returns what reads the transcripts of a client; nil if nothing does.
func readerOf(client string) func(io.Reader, agent.TranscriptRef) (agent.TranscriptReading, error) {
	switch client {
	case agent.ClaudeCode:
		return claude.Transcript
	case agent.Codex:
		return whole(codex.Session)
	case agent.Gemini:
		return whole(gemini.Session)
	case agent.Copilot:
		return whole(copilot.Session)
	default:
		return nil
	}
}

// whole reads a session's file for all that it tells: what hooks told already has
// the same keys, and what they did not is not missing any more.
func whole(read func(io.Reader, *agent.SessionFile) (agent.SessionReading, error)) func(io.Reader, agent.TranscriptRef) (agent.TranscriptReading, error) {
	return func(r io.Reader, ref agent.TranscriptRef) (agent.TranscriptReading, error) {
		var out agent.TranscriptReading
		told, err := read(r, &agent.SessionFile{
			Ref: ref, Now: ref.At.AddDate(0, 0, 1), // the session is over
			Tell: func(e whodid.Event) error { out.Events = append(out.Events, e); return nil },
		})
		out.Lines, out.Unreadable, out.First, out.Last = told.Lines, told.Unreadable, told.First, told.Last
		return out, err
	}
}

// openFile opens a regular file. A client names the path, and a pipe or a device
// there would keep every question waiting.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.Open(path)
}

// compare records a gap if the transcript knows of tool calls that no hook
// told of: a hook that could not write is thus found out.
func (in *Intake) compare(ctx context.Context, ref agent.TranscriptRef, calls []string, taken *Taken) error {
	told, err := in.Told(ctx, ref.Execution)
	if err != nil {
		return err
	}
	var untold int64
	for _, call := range calls {
		if !told[call] {
			untold++
		}
	}
	if untold == 0 {
		return nil
	}
	gap := in.gap(ref, "tool calls in the transcript that no hook told of")
	gap.Key = fmt.Sprintf("gap/calls/%s/%s/%d", ref.Execution, ref.SubagentID, untold)
	gap.Data["count"] = untold
	taken.Gaps += int(untold)
	_, err = in.Recorder.RecordValid(ctx, []whodid.Event{gap})
	return err
}

// missing records that usage can't be known.
func (in *Intake) missing(ctx context.Context, ref agent.TranscriptRef, reason string, taken *Taken) error {
	gap := in.gap(ref, reason)
	gap.Key = fmt.Sprintf("gap/transcript/%s/%s/%s", ref.Execution, ref.SubagentID, reason)
	taken.Gaps++
	_, err := in.Recorder.RecordValid(ctx, []whodid.Event{gap})
	return err
}

func (in *Intake) gap(ref agent.TranscriptRef, reason string) whodid.Event {
	gap := record.Gap(reason, "import:"+ref.Client, nil, in.Now())
	gap.Execution, gap.Session = ref.Execution, ref.Session
	return gap
}

func (in *Intake) resolve(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		return in.Home + rest
	}
	return path
}
