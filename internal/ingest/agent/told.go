package agent

import (
	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/loose"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// Ending says how a tool call ended, as far as its source can tell.
type Ending int

// The endings of a tool call.
const (
	EndingUnknown Ending = iota // it was called; what came of it is not known
	EndingDone
	EndingFailed
	EndingDenied
	EndingCancelled // it was interrupted
	EndingRefused   // the client would not even ask
)

// ToolCall is a call of a tool as another source than a hook tells it.
type ToolCall struct {
	Client, Session string // client, and its id of the session
	Tool, ID        string // name of the tool, and the client's id of the call
	// Input are the tool's arguments as JSON, as far as they were told.
	Input []byte
	// Outcome is what is known of a shell command that ended; nil otherwise.
	Outcome *shell.Outcome
	Ending  Ending
	// Memo remembers the shell commands of a batch; may be nil.
	Memo *shell.Memo
}

// ToolEvents are the events of a tool call: what was done, to what, with what
// result, under the keys that a hook gives the same call. Who did it, when, and
// who says so is for the caller to add.
func ToolEvents(t ToolCall) []whodid.Event {
	h := &hook{
		p: &payload{session: CleanID(t.Session), whole: true}, client: t.Client, outcome: t.Outcome, memo: t.Memo,
	}
	c := call{tool: t.Tool, id: CleanID(t.ID), input: loose.Document(t.Input), duration: -1}
	if c.id == "" {
		h.told = Digest(t.Client, t.Session, t.Tool, string(t.Input))
	}
	h.tool(c, t.Ending.stage())
	return h.reading.Events
}

func (e Ending) stage() stage {
	return [...]stage{
		EndingUnknown: stageOpen, EndingDone: stageDone, EndingFailed: stageFailed, EndingDenied: stageDenied,
		EndingCancelled: stageCancelled, EndingRefused: stageRefused,
	}[e]
}
