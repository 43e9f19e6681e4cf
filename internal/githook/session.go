package githook

import (
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/place"
)

// Claim is what the environment of a command says about the execution in which
// it runs.
type Claim struct {
	// Execution is the id of the execution.
	Execution string
	// Agent is its agent as "squad/agent", and Trigger what started it as
	// "kind:detail"; empty if the environment does not say.
	Agent, Trigger string
	// Client and Session are the client of the agent and its session; empty
	// outside of one.
	Client, Session string
}

// clientClaude is the client whose transcripts are read.
const clientClaude = "claude-code"

// sessionVariables are set by clients for the commands that their agents run.
// One client may run within another and inherits its variables, so the order is
// that in which hooks tell clients apart.
var sessionVariables = [...]struct{ variable, client string }{
	{"GEMINI_SESSION_ID", "gemini"},
	{"CODEX_THREAD_ID", "codex"},
	{"CLAUDE_CODE_SESSION_ID", clientClaude},
}

// Claimed reads the environment: that of "whodid run", or else that which
// clients give to the commands of their agents. A session's execution follows
// from its id as the hooks that record it derive it. ok is false where a person
// is at work.
func Claimed(env place.Env, process Process) (c Claim, ok bool) {
	for _, known := range sessionVariables {
		if id := env(known.variable); plainID(id) {
			c.Client, c.Session = known.client, id
			break
		}
	}
	if c.Client == clientClaude && inherited(env("CLAUDE_PID"), process) {
		c.Client, c.Session = "", ""
	}
	if id := env("WHODID_EXECUTION"); strings.HasPrefix(id, whodid.PrefixExecution+"-") && whodid.ValidID(id) {
		c.Execution = id
	} else if c.Session != "" {
		c.Execution = whodid.DeriveID(whodid.PrefixExecution, c.Client, c.Session)
	} else {
		return Claim{}, false
	}
	if agent := env("WHODID_AGENT"); validAgent(agent) {
		c.Agent = agent
	}
	if trigger := env("WHODID_TRIGGER"); validTrigger(trigger) {
		c.Trigger = trigger
	}
	return c, true
}

// inherited reports whether the variables of a client came from a session to
// which this process does not belong: a terminal that an agent once opened, for
// example in tmux, and at which a person sits now. The client is then none of
// the ancestors, and there is a terminal, which commands of agents do not have.
// Where the ancestors can't be seen the variables are believed.
func inherited(pid string, process Process) bool {
	return pid != "" && process.Terminal && len(process.Ancestors) > 0 &&
		!slices.ContainsFunc(process.Ancestors, func(a Ancestor) bool { return a.PID == pid })
}

// plainID reports whether s looks like the id of a session: hooks keep such ids
// as they are.
func plainID(s string) bool {
	const most = 128
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._:-", r)
	})
}

func validAgent(s string) bool {
	_, _, err := whodid.ParseAgent(s)
	return err == nil
}

func validTrigger(s string) bool {
	_, _, err := whodid.ParseTrigger(s)
	return err == nil
}
