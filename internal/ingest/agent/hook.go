package agent

import (
	"bytes"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// Surroundings are what a hook knows beside its payload.
type Surroundings struct {
	// At is the receiver's clock: payloads carry no time that could be relied on.
	At time.Time
	// Env reads the environment, to tell which client called where the
	// payload's shape does not; see detect.go. May be nil.
	Env func(name string) string
	// Client is the client that is supposed where neither the payload nor Env
	// tells which called. May be empty.
	Client string
	// Remote tells that the hook came over a network from another machine. The
	// client has none there for a session's start, which each prompt tells
	// instead, as supposed.
	Remote bool
	// Execution and Agent are those of a run that is already recorded, which
	// the session then joins; both empty outside of one.
	Execution, Agent string
	// DefaultAgent is the "squad/agent" of sessions that run on their own; that
	// of their client, see [Default], if it is empty.
	DefaultAgent string
	// Trigger and TriggerDetail are those of an execution that a session starts.
	Trigger, TriggerDetail string
	// Person is the actor ("human:…") on whose behalf a session starts, and
	// PersonAuth how that is known; both may be empty.
	Person, PersonAuth string
	// Home is the home directory, told as ~.
	Home string
	// Repository returns the root of the working tree that holds a directory,
	// and its repository as "owner/name"; either may be empty. It is called
	// only when a path or a command is told. May be nil.
	Repository func(cwd string) (root, slug string)
	// Order numbers the calls of a client whose hooks give them no id: it
	// returns how many calls with that fingerprint the session made before this
	// one. For a call that ended that is the last one which began and did not
	// end yet, or else one that never was told to begin. May be nil; then
	// attempts of such clients are not told.
	Order func(Nameless) (before int, err error)
	// Lease is how long a session may be silent before it counts as lost; 0 if
	// it never does.
	Lease time.Duration
}

// Reading is what a hook's payload told.
type Reading struct {
	// Client is which agent's client called; "unknown" if that is not told.
	Client string
	// Events are ready for the recorder; Org, ID and RecordedAt are its.
	Events []whodid.Event
	// Transcript is what to read now that the session, or sub-agent, is over;
	// nil otherwise.
	Transcript *TranscriptRef
	// Asked is the call that the client holds back until it is answered; nil if it
	// asks nothing.
	Asked *Asked
	// Gap is why something is missing from Events, as in the record.gap among
	// them; empty if the payload was understood as a whole.
	Gap string
}

// The reasons of gaps.
const (
	gapEmpty      = "the hook's payload was empty"
	gapNotObject  = "the hook's payload was not a JSON object"
	gapCut        = "the hook's payload broke off or was malformed; what came before is recorded"
	gapNoEvent    = "the hook's payload named no event"
	gapStrange    = "the hook's event is not known"
	gapNoSession  = "the hook's payload named no session"
	gapNoSubagent = "a sub-agent began or ended without saying which"
	gapCalls      = "a batch had too many tool calls to look at all of them"
)

// Hook reads the payload of one hook. It never fails: what can't be understood
// becomes a record.gap, beside events of what can be.
//
// A session makes an execution, unless it joined one that is already recorded:
// that one's start and finish are told by whoever runs it, and the session
// tells of its own and of its turns only. A sub-agent makes an execution of
// its own below, with the same actor. Each call of a tool makes an action, or
// several if a shell command did several things. Its result has the same key
// as the attempt that PreToolUse told, so that the one settles the other.
func Hook(raw []byte, s Surroundings) Reading {
	h := newHook(read(raw), s)
	switch p := h.p; {
	case len(bytes.TrimSpace(raw)) == 0:
		h.gap(gapEmpty)
	case !p.isObject:
		h.gap(gapNotObject)
	case p.event == "" && !p.whole:
		h.gap(gapCut)
	case p.event == "":
		h.gap(gapNoEvent)
	case kindOfEvent(p.event) == eventStrange:
		h.gap(gapStrange)
	case kindOfEvent(p.event) == eventTold:
		h.tell()
		if !p.whole {
			h.gap(gapCut)
		}
	}
	return h.reading
}

// hook is one call of a hook while its events are made.
type hook struct {
	s       Surroundings
	p       *payload
	client  string
	session string // the execution of the session
	acting  string // the execution that acts: the session's, or its sub-agent's
	joined  bool   // the session's execution is told by somebody else
	actor   string
	located bool
	at      place
	slug    string
	told    string         // digest of the payload, once it was needed
	outcome *shell.Outcome // of a shell command, where another source than a hook knows it
	memo    *shell.Memo    // of the batch, where there is one
	reading Reading
}

func newHook(p *payload, s Surroundings) *hook {
	h := &hook{s: s, p: p, client: p.clientIn(s.Env)}
	if h.client == Unknown && knownClient(s.Client) {
		h.client = s.Client
	}
	if h.s.Home == "" {
		h.s.Home = homeOf(p.transcript)
	}
	h.actor = Actor(h.client, s.Agent, s.DefaultAgent)
	if whodid.ValidID(s.Execution) {
		h.session, h.joined = s.Execution, true
	} else if p.session != "" {
		h.session = Execution(h.client, p.session)
	}
	h.acting = h.session
	if p.agentID != "" && p.session != "" {
		h.acting = Subagent(h.client, p.session, p.agentID)
	}
	h.reading.Client = h.client
	return h
}

// tell makes the events of a payload whose event is known.
func (h *hook) tell() {
	if h.p.session == "" {
		h.gap(gapNoSession)
		if h.session == "" && !h.aboutTools() {
			return
		}
	}
	switch h.p.event {
	case "SessionStart":
		h.sessionStart()
	case "SessionEnd":
		h.sessionEnd()
	case "UserPromptSubmit":
		h.renew()
	case "Stop":
		h.stop()
	case "StopFailure":
		h.turnFail()
	case "SubagentStart":
		h.subagentStart()
	case "SubagentStop":
		h.subagentStop()
	case "PreToolUse":
		h.tool(h.p.call, stageBefore)
	case "PostToolUse":
		h.tool(h.p.call, h.resultStage())
	case "PostToolUseFailure":
		h.tool(h.p.call, h.failureStage())
	case "PermissionDenied":
		h.tool(h.p.call, stageDenied)
	case "PostToolBatch":
		h.batch()
	}
}

func (h *hook) aboutTools() bool {
	switch h.p.event {
	case "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied", "PostToolBatch":
		return true
	default:
		return false
	}
}

// event starts an event about the execution that acts.
func (h *hook) event(what, key string) whodid.Event {
	return whodid.Event{
		Key: key, What: what, At: h.s.At,
		Actor: h.actor, ActorAuth: "hook",
		Execution: h.acting, Session: h.p.session,
		Source: "hook:" + h.client,
	}
}

func (h *hook) add(e whodid.Event) { h.reading.Events = append(h.reading.Events, e) }

// key is the natural key of a fact about the session, or about the sub-agent
// that acts.
func (h *hook) key(parts ...string) string {
	switch {
	case h.p.session == "":
		return Key(h.client, append([]string{"payload", h.digest()}, parts...)...)
	case h.p.agentID != "":
		return Key(h.client, append([]string{h.p.session, "agent", h.p.agentID}, parts...)...)
	default:
		return Key(h.client, append([]string{h.p.session}, parts...)...)
	}
}

// digest stands for the payload where it names nothing that could.
func (h *hook) digest() string {
	if h.told == "" {
		h.told = payloadDigest(h.p.raw, h.s.At)
	}
	return h.told
}

// momentKey is the key of a fact that may happen again and again, and has
// nothing but its time to tell it from the last one.
func (h *hook) momentKey(what string) string {
	if h.p.stamp != "" {
		return h.key(what, "at-"+h.p.stamp)
	}
	return h.key(what, Moment(h.s.At))
}

// gap records that something is missing. The trail itself says so, not the
// agent.
func (h *hook) gap(reason string) {
	data := whodid.Data{"reason": reason, "bytes": int64(len(h.p.raw))}
	if h.p.rawEvent != "" {
		data["event"] = h.p.rawEvent
	}
	e := h.event("record.gap", Key(h.client, "gap", Digest(h.digest(), reason)))
	e.Actor, e.ActorAuth = whodid.System, ""
	e.Data = data
	h.add(e)
	if h.reading.Gap == "" {
		h.reading.Gap = reason
	}
}

// place locates the session, once.
func (h *hook) place() place {
	if !h.located {
		h.located = true
		root := ""
		if h.s.Repository != nil {
			root, h.slug = h.s.Repository(h.p.cwd)
		}
		h.at = newPlace(h.p.cwd, root, h.s.Home)
	}
	return h.at
}

// repository is the session's repository as "owner/name", or "".
func (h *hook) repository() string {
	h.place()
	return h.slug
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
