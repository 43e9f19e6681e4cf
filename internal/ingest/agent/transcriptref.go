package agent

import (
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// TranscriptRef says which transcript to read and whose it is.
type TranscriptRef struct {
	// Client is whose transcript it is, and so how to read it.
	Client string
	// Execution is the execution that the transcript's calls belong to, and
	// Parent the one that started it if it is a sub-agent's.
	Execution, Parent string
	// Session and Agent ("squad/agent") are those of the session.
	Session, Agent string
	// SubagentID is the client's id of the sub-agent; empty for a session.
	SubagentID string
	// Path is the file, as the client told it.
	Path string
	// Subagents tells that the transcripts of the session's sub-agents are to
	// be read as well: see [SubagentDir].
	Subagents bool
	// At is when the hook that told of it was called: the time of what the
	// transcript itself gives no time to. May be zero.
	At time.Time
}

// TranscriptReading is what a transcript told.
type TranscriptReading struct {
	// Events are one model.call per request, in the order of their first
	// lines, a turn.fail if the last answer was an error of the service, and a
	// record.gap if lines could not be read.
	Events []whodid.Event
	// Lines counts the lines, Unreadable those that should have been read and
	// could not be.
	Lines, Unreadable int
	// Calls are the ids of the tool calls, in order: what the hooks should have
	// told of the transcript's execution.
	Calls []string
	// ClientVersion is the last version of the client that wrote to it.
	ClientVersion string
	// Failed tells that the last answer was an error of the service.
	Failed bool
	// First and Last are the first and last time in it; zero if there is none.
	First, Last time.Time
}

// SubagentDir is the directory in which the client keeps the transcripts of
// the sub-agents of a session, by the path of the session's own. Their files
// are those of which [SubagentID] knows the name.
func SubagentDir(path string) string {
	return strings.TrimSuffix(path, ".jsonl") + "/subagents"
}

// SubagentID is the id of the sub-agent that a transcript belongs to, by its
// path or name: agent-<id>.jsonl.
func SubagentID(path string) (id string, ok bool) {
	id, hasPrefix := strings.CutPrefix(base(path), "agent-")
	id, hasSuffix := strings.CutSuffix(id, ".jsonl")
	if !hasPrefix || !hasSuffix || id == "" {
		return "", false
	}
	return CleanID(id), true
}

// Subagent refers to the transcript of a sub-agent of the session: its
// execution is a child of the session's.
func (r TranscriptRef) Subagent(path, id string) TranscriptRef {
	r.Parent, r.Execution = r.Execution, Subagent(r.Client, r.Session, id)
	r.SubagentID, r.Path, r.Subagents = id, path, false
	return r
}
