package otlp

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/shell"
)

// claudeLog reads one event of Claude Code, as versions 2.1.197 to 2.1.330 send
// them (https://code.claude.com/docs/en/monitoring-usage). It names them in the
// attribute event.name without the prefix that their bodies have.
func (r *reader) claudeLog(a *about, event string) {
	if n, ok := a.record.count(fieldSequence); ok && a.session != "" {
		r.number(a, n)
		if n == 0 {
			r.start(a, "")
		}
	}
	switch event = strings.TrimPrefix(event, "claude_code."); event {
	case "api_request", "tool_decision", "tool_result":
		r.seeSubagent(a)
	}
	switch event {
	case "user_prompt":
		r.renew(a)
	case "api_request":
		r.claudeRequest(a)
	case "api_retries_exhausted":
		r.claudeFailure(a)
	case "tool_decision":
		r.claudeDecision(a)
	case "tool_result":
		r.claudeResult(a)
	case "permission_mode_changed":
		r.permissionMode(a)
	case "hook_registered":
		r.hookRegistered(a)
	case "subagent_completed":
		r.subagentCompleted(a)
	}
}

// renew keeps the run's lease: somebody asked for something.
func (r *reader) renew(a *about) {
	prompt := agent.CleanID(a.record.text(fieldPrompt))
	seconds := int64(r.s.Lease.Seconds())
	if a.joined || prompt == "" || a.session == "" || seconds <= 0 {
		return
	}
	e := r.event(a, "execution.renew", a.key("execution.renew", agent.PromptPart(prompt, a.at)))
	e.Data["lease_seconds"] = seconds
	r.add(e)
}

// claudeRequest tells the call of a model. The client tells its cost. Older
// versions tell only of which kind the sub-agent was that asked, so that the call
// counts for the run; newer ones tell which it was.
func (r *reader) claudeRequest(a *about) {
	request := agent.CleanID(a.record.text(fieldRequest))
	key := agent.RequestKey(agent.ClaudeCode, request, "")
	if request == "" {
		n, ok := a.record.count(fieldSequence)
		if !ok {
			r.reject("a call of a model has no id")
			return
		}
		key = a.key("event", strconv.FormatInt(n, 10), strconv.FormatInt(whodid.Micros(a.at), 10))
	}
	e := r.event(a, "model.call", key)
	put(e.Data, "model", modelName(a.record))
	put(e.Data, "request", request)
	r.subagent(a, &e)
	usage(e.Data, a.record, false)
	number(e.Data, "cache_write_1h_tokens", a.record, fieldCacheWrite1h)
	cost(e.Data, a.record)
	r.add(e)
}

// seeSubagent tells that a sub-agent goes on, by the first of its records in a
// batch: until its end is told, that is how it is known whose part it is.
func (r *reader) seeSubagent(a *about) {
	if a.subagent == "" || r.subagents[a.execution] {
		return
	}
	if r.subagents == nil {
		r.subagents = map[string]bool{}
	}
	r.subagents[a.execution] = true
	r.subagentStart(a, "execution.start/seen", identifier(a.record.text(fieldAgentLabel)))
}

// subagent sets who asked a model: a sub-agent's calls are its session's too.
func (r *reader) subagent(a *about, e *whodid.Event) {
	kind := identifier(a.record.text(fieldAgentLabel))
	if a.subagent == "" {
		put(e.Data, "agent_type", kind)
		return
	}
	e.Data["agent_id"] = a.subagent
	put(e.Data, "run", a.run)
}

// subagentStart tells the start of a sub-agent's run, which yields to what a
// hook tells of it. Of the two that telemetry may tell the earlier one counts.
func (r *reader) subagentStart(a *about, key, kind string) {
	e := r.event(a, "execution.start", a.actingKey(key))
	e.Data["inferred"], e.Data["client"], e.Data["agent_id"] = true, a.client, a.subagent
	if kind == "" {
		kind = "unknown" // that it is a sub-agent is known
	}
	e.Data["agent_type"] = kind
	put(e.Data, "parent", a.run)
	if seconds := int64(r.s.Lease.Seconds()); seconds > 0 {
		e.Data["lease_seconds"] = seconds
	}
	r.add(e)
}

// subagentCompleted tells that a sub-agent is done, and when it began.
func (r *reader) subagentCompleted(a *about) {
	if a.subagent == "" {
		return
	}
	begin := *a
	if ms, ok := a.record.count(fieldDuration); ok && ms < 1e10 {
		begin.at = a.at.Add(-time.Duration(ms) * time.Millisecond)
	}
	r.subagentStart(&begin, "execution.start/telemetry", identifier(a.record.text(fieldSubagentKind)))
	r.add(r.event(a, "turn.complete", a.actingKey("turn.complete", micros(a))))
	e := r.event(a, "execution.finish", a.actingKey("execution.finish", micros(a)))
	e.Data["reason"] = "completed"
	r.add(e)
}

// cost sets what the source says that a call cost.
func cost(d whodid.Data, a *Attributes) {
	if micros, ok := a.count(fieldCostMicros); ok {
		d["cost_micros"], d["cost_state"] = micros, string(whodid.CostMeasured)
	} else if usd, ok := a.number(fieldCostUSD); ok && usd >= 0 && usd < 1e6 {
		d["cost_micros"], d["cost_state"] = int64(math.Round(usd*1e6)), string(whodid.CostMeasured)
	}
}

// modelName is the model that answered, or else the one asked for, without the
// client's mark for a large window.
func modelName(a *Attributes) string {
	name := a.text(fieldResponseModel)
	if name == "" {
		name = a.text(fieldModel)
	}
	return agent.ModelName(strings.TrimSuffix(name, "[1m]"))
}

// claudeFailure tells that a turn ended in an error of the service: the client
// gave up. The hook and the transcript tell the same with the same key.
func (r *reader) claudeFailure(a *about) {
	prompt := agent.CleanID(a.record.text(fieldPrompt))
	if prompt == "" || a.session == "" || a.record.has(fieldAgentLabel) && a.subagent == "" {
		return
	}
	e := r.event(a, "turn.fail", a.actingKey("turn.fail", agent.PromptPart(prompt, a.at)))
	e.Data["prompt"], e.Data["error"] = prompt, serviceError(a.record)
	r.add(e)
}

// serviceError is the word for an HTTP status, as the client's own list has it.
func serviceError(a *Attributes) string {
	switch status, _ := a.count(fieldStatus); {
	case status == 401 || status == 403:
		return "authentication_failed"
	case status == 404:
		return "model_not_found"
	case status == 429:
		return "rate_limit"
	case status == 529:
		return "overloaded"
	case status >= 500:
		return "server_error"
	case status >= 400:
		return "invalid_request"
	default:
		return "unknown"
	}
}

// claudeDecision tells what was decided about a call, and by what. A call that
// was not allowed has no result of its own.
func (r *reader) claudeDecision(a *about) {
	call := agent.CleanID(a.record.text(fieldCall))
	decision := a.record.text(fieldDecision)
	if call == "" || decision != "accept" && decision != "reject" {
		return
	}
	r.decision(a, call, decision == "accept",
		agent.OneOf(a.record.text(fieldDecider), "other", "config", "hook", "user_permanent", "user_temporary", "user_abort", "user_reject"))
	if decision == "reject" {
		r.tool(a, call, agent.ToolCall{Ending: agent.EndingDenied, Input: claudeInput(a.record)}, nil)
	}
}

// decision tells what a client decided about a call. It bears no person's name:
// the client names its own settings as a user's decision, and asks nobody
// where nobody is there.
func (r *reader) decision(a *about, call string, allowed bool, decider string) {
	e := r.event(a, "permission.decide", a.key("call", call, "decision"))
	e.Actor, e.ActorAuth = "system:"+a.client, ""
	e.Target = identifier(a.record.text(fieldTool))
	e.Data["call"], e.Data["decider"] = call, decider
	put(e.Data, "tool", identifier(a.record.text(fieldTool)))
	put(e.Data, "permission_mode", identifier(a.record.text(fieldMode)))
	e.Result, e.Data["decision"] = whodid.ResultRejected, "deny"
	if allowed {
		e.Result, e.Data["decision"] = whodid.ResultApproved, "allow"
	}
	r.add(e)
}

// claudeResult tells what a call of a tool did.
func (r *reader) claudeResult(a *about) {
	call := agent.CleanID(a.record.text(fieldCall))
	success, told := a.record.success()
	if call == "" || !told {
		return
	}
	t := agent.ToolCall{Input: claudeInput(a.record)}
	t.Ending, t.Outcome = claudeEnding(success)
	failed := !success && a.record.text(fieldErrorType) == "ShellError"
	if failed {
		// It exited with something else than 0; with what is not told.
		t.Outcome = &shell.Outcome{Exit: 1, ExitKnown: true}
	}
	revision := commitOf(a.record)
	r.tool(a, call, t, func(e *whodid.Event) {
		if failed {
			delete(e.Data, "exit_code")
		}
		if e.What == "commit.create" && revision != "" && e.Data.String("sha") == "" && success {
			e.Result, e.Target, e.Data["sha"] = whodid.ResultSuccess, revision, revision
			put(e.Data, "branch", a.record.text(fieldBranch))
		}
	})
	if revision != "" {
		r.commitLink(a, call, revision)
	}
}

// claudeEnding is how a call ended: the client tells failures apart, and a
// shell command's success is its exit status.
func claudeEnding(success bool) (agent.Ending, *shell.Outcome) {
	if success {
		return agent.EndingDone, &shell.Outcome{ExitKnown: true}
	}
	return agent.EndingFailed, &shell.Outcome{}
}

// commitLink tells which commit a call made. It is a fact of its own: whoever
// told of the call before may not have known.
func (r *reader) commitLink(a *about, call, revision string) {
	e := r.event(a, "commit.link", a.key("commit", revision))
	e.Target = revision
	e.Data["sha"], e.Data["call"] = revision, call
	put(e.Data, "branch", a.record.text(fieldBranch))
	r.add(e)
}

// commitOf is the commit that a call made, as the client tells it.
func commitOf(a *Attributes) string {
	sha := a.text(fieldRevision)
	if sha == "" {
		sha = member(a.text(fieldParameters), "git_commit_id")
	}
	if len(sha) != 40 && len(sha) != 64 || strings.Trim(sha, "0123456789abcdef") != "" {
		return ""
	}
	return sha
}

// tool tells the events of a call of a tool; finish, if any, completes each.
func (r *reader) tool(a *about, call string, t agent.ToolCall, finish func(*whodid.Event)) {
	t.Client, t.Session, t.ID, t.Memo = a.client, a.session, call, &r.commands
	if t.Tool == "" {
		t.Tool = a.record.text(fieldTool)
	}
	events := agent.ToolEvents(t)
	for _, told := range events {
		e := r.event(a, told.What, told.Key)
		e.Target, e.Result, e.Data = homeless(told.Target), told.Result, told.Data
		put(e.Data, "permission_mode", identifier(a.record.text(fieldMode)))
		put(e.Data, "agent_id", a.subagent)
		if len(events) == 1 {
			number(e.Data, "duration_ms", a.record, fieldDuration)
		}
		if finish != nil {
			finish(&e)
		}
		r.add(e)
	}
}

// permissionMode tells that the client asks more or less from now on.
func (r *reader) permissionMode(a *about) {
	e := r.event(a, "permission.change", a.key("permission.change", strconv.FormatInt(whodid.Micros(a.at), 10)))
	put(e.Data, "from", identifier(a.record.text(fieldFromMode)))
	put(e.Data, "to", identifier(a.record.text(fieldToMode)))
	e.Target = e.Data.String("to")
	r.add(e)
}

// hookRegistered tells that a client will call a hook: whether one of ours was
// among them is how a run without hooks' events is told from one that did nothing.
func (r *reader) hookRegistered(a *about) {
	event, kind := identifier(a.record.text(fieldHookEvent)), identifier(a.record.text(fieldHookType))
	scope := identifier(a.record.text(fieldHookSource))
	if event == "" || a.session == "" {
		return
	}
	e := r.event(a, "hook.register", a.key("hook", event, kind, scope))
	e.Actor, e.ActorAuth = "system:"+a.client, ""
	e.Target = event
	put(e.Data, "event", event)
	put(e.Data, "type", kind)
	put(e.Data, "scope", scope)
	r.add(e)
}
