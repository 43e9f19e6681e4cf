package laws

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/whodid/whodid"
)

// session makes the events of one run of an agent: what it did, in what
// order, and how it ended are drawn from random.
func session(random *rand.Rand, name string) []whodid.Event {
	id := whodid.DeriveID(whodid.PrefixExecution, "laws", name)
	at := time.Now().Add(-time.Duration(random.IntN(3600)+60) * time.Second)
	agent := whodid.AgentActor([]string{"eng/solver", "eng/reviewer", "ops/backup"}[random.IntN(3)])
	n := 0
	event := func(what string, data whodid.Data) whodid.Event {
		n++
		at = at.Add(time.Duration(random.IntN(2000)) * time.Millisecond)
		return whodid.Event{
			Key: fmt.Sprintf("laws/%s/%d", name, n), Actor: agent, ActorAuth: "hook", What: what, At: at,
			Execution: id, Session: "session-" + name, Source: "hook:claude-code", Data: data,
		}
	}
	start := event("execution.start", whodid.Data{"trigger": "event", "trigger_detail": "issue.labeled", "lease_seconds": 86400})
	start.OnBehalfOf, start.OnBehalfAuth, start.Why = "human:p0123456789abcde", "os-user", "issue 42"
	events := []whodid.Event{start, event("session.start", whodid.Data{"reason": "startup"})}
	for range 2 + random.IntN(8) {
		switch random.IntN(6) {
		case 0:
			events = append(events, event("model.call", whodid.Data{
				"model": "claude-opus-4-1", "provider": "anthropic", "input_tokens": random.IntN(5000), "output_tokens": random.IntN(900),
			}))
		case 1:
			events = append(events, event("execution.tag", whodid.Data{"team": []string{"blue", "green"}[random.IntN(2)]}))
		default:
			action := event([]string{"file.write", "file.read", "commit.create", "shell.run", "report.send"}[random.IntN(5)], whodid.Data{"tool": "Write"})
			action.Target, action.Result = fmt.Sprintf("src/file-%d.go", random.IntN(50)), whodid.Results()[random.IntN(8)]
			events = append(events, action)
		}
	}
	if random.IntN(4) > 0 {
		end := event("execution.finish", whodid.Data{"reason": "exit", "exit_code": 0})
		end.Result = []whodid.Result{whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultTimeout, whodid.ResultNone}[random.IntN(4)]
		events = append(events, event("turn.complete", nil), end)
	}
	return events
}
