package hook

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/spool"
)

// Request is what a hook asks the gate: whether a tool call may be made, of which
// a person must decide. It names what is to be done and holds nothing of it.
type Request struct {
	Type    string `json:"type"`
	Target  string `json:"target"`
	Agent   string `json:"agent"`
	Digest  string `json:"digest"`
	Summary string `json:"summary"`
	Level   string `json:"level"`
	Rule    string `json:"rule"`
	Policy  string `json:"policy"`
	// PolicyDigest is that of the policy's text.
	PolicyDigest string `json:"policy_digest"`
	Tool         string `json:"tool"`
	Call         string `json:"call"`
	Execution    string `json:"execution"`
	Source       string `json:"source"`
	// Actor is who acts, OnBehalfOf the person behind the agent.
	Actor        string `json:"actor"`
	ActorAuth    string `json:"actor_auth"`
	OnBehalfOf   string `json:"on_behalf_of"`
	OnBehalfAuth string `json:"on_behalf_auth"`
	// Wait is how long to wait for a decision; the others are how long the request
	// and a decision hold.
	Wait       time.Duration `json:"wait"`
	RequestTTL time.Duration `json:"request_ttl"`
	GrantTTL   time.Duration `json:"grant_ttl"`
	FourEyes   bool          `json:"four_eyes"`
	Signature  bool          `json:"signature"`
	// CostOver and CountOver are set if the rule holds only for a run that has cost
	// that much, or done that often what it is about: the gate finds that out.
	CostOver  int64 `json:"cost_over"`
	CountOver int   `json:"count_over"`
	// Look only asks whether the rule holds for the run.
	Look bool `json:"look"`
}

// Answer is what the gate says.
type Answer struct {
	Allow bool `json:"allow"`
	// Free tells that the call needs no approval after all.
	Free bool `json:"free"`
	// Approval is the approval under which the call may be made, or that was asked
	// for.
	Approval string `json:"approval"`
	// Reason is what the agent and the person in front of it are told.
	Reason string `json:"reason"`
}

// Gate decides on a request over the trail. An error means that the trail can't be
// reached.
type Gate func(*Request) (Answer, error)

// verdict is what a gate says of a tool call.
type verdict struct {
	decision agent.Decision
	// reason is for the agent and the person, phrase is what is recorded.
	reason, phrase string
	rule, approval string
	// about are the events that it is about; nil is all of them.
	about []int
}

// The phrases that are recorded of a refusal.
const (
	phraseNoApproval  = "the policy asks for an approval, and there is none"
	phraseUnreachable = "the policy asks for an approval, and the trail can't be reached"
	phraseBroken      = "the policy can't be read"
)

// moment is a tool call that a client waits with.
type moment struct {
	call   *Call
	trail  place.Trail
	asked  *agent.Asked
	client string
	acts   []policy.Act // as the client told them; one for each event
	events []whodid.Event
	// more are events beside those that the client told of.
	more  []whodid.Event
	rules *policy.Rules // read once
	// person is who stands behind the agent; nil asks the surroundings.
	person func() (actor, auth string)
}

// Decide decides for a hook that came over a network, by an organisation's budgets
// and rules of approval, what is spent and a gate, and writes what was decided into
// the reading's events. It returns what to answer the client: nothing, if nothing is
// decided.
func Decide(reading *agent.Reading, rules *policy.Rules, spent *Spent, gate Gate, person, auth string) []byte {
	if reading.Asked == nil {
		return nil
	}
	m := &moment{
		call:  &Call{Stderr: io.Discard, Gate: gate, Env: func(string) string { return "" }},
		asked: reading.Asked, client: reading.Client, acts: actsOf(reading, ""), events: reading.Events, rules: rules,
		person: func() (string, string) { return person, auth },
	}
	v := m.spentGate(spent)
	if v.decision != agent.Deny {
		v = approvalGate(m)
	}
	v = m.apply(v)
	reading.Events = append(reading.Events, m.more...)
	text, byStatus := reading.Asked.Answer(v.decision, v.reason)
	if byStatus {
		return agent.Denial(v.reason) // a status refuses nothing over HTTP
	}
	return text
}

// here are the rules that hold where the session works.
func (m *moment) here() *policy.Rules {
	if m.rules == nil {
		dir := m.asked.Dir
		if dir == "" {
			dir = m.call.Dir
		}
		rules := ReadRules(place.Policies(dir, place.DefaultOrg, m.call.Env)...)
		m.rules = &rules
	}
	return m.rules
}

// complain tells the person at the client what is wrong.
func (m *moment) complain(format string, args ...any) {
	fmt.Fprintf(m.call.Stderr, "whodid: "+format+"\n", args...)
}

var errNoGate = errors.New("this program can't look into the trail")

// gates are asked in turn before each tool call, until one refuses it; the
// strictest answer counts. An approval that is used is used up, so that it is the
// last that is looked for.
var gates = [...]func(*moment) verdict{budgetGate, approvalGate}

// judge decides on a tool call, and writes into its events what was decided.
func (m *moment) judge() (v verdict) {
	for _, gate := range gates {
		if said := gate(m); said.decision > v.decision {
			v = said
		}
		if v.decision == agent.Deny {
			break
		}
	}
	return m.apply(v)
}

// apply writes a verdict into the events.
func (m *moment) apply(v verdict) verdict {
	for i := range m.events {
		e := &m.events[i]
		kind, ok := whodid.KindOf(e.What)
		if !ok || !kind.Action || e.Result != whodid.ResultAttempted || v.decision == agent.NoDecision {
			continue
		}
		if v.decision != agent.Deny && v.about != nil && !slices.Contains(v.about, i) {
			continue
		}
		if e.Data == nil {
			e.Data = whodid.Data{}
		}
		agent.Put(e.Data, "rule", v.rule)
		e.Approval = v.approval
		if v.decision == agent.Deny {
			// The client makes the whole call or nothing of it.
			e.Result, e.Approval = whodid.ResultBlocked, ""
			e.Data["reason"], e.Data["decision"] = v.phrase, "deny"
		}
	}
	return v
}

// actsOf are the actions that a call is about to do, before anything of them is
// cut.
func actsOf(reading *agent.Reading, dir string) []policy.Act {
	acts := make([]policy.Act, len(reading.Events))
	var branch *string
	if dir == "" {
		branch = new(string) // nobody can look
	}
	for i := range reading.Events {
		e := &reading.Events[i]
		kind, ok := whodid.KindOf(e.What)
		if !ok || !kind.Action || e.Result != whodid.ResultAttempted {
			continue
		}
		a := policy.Act{
			Type: e.What, Target: e.Target, Agent: whodid.AgentOf(e.Actor), Branch: e.Data.String("branch"), Environment: e.Data.String("environment"), Count: -1,
		}
		if strings.HasPrefix(e.What, "file.") {
			a.Path = path.Clean(e.Target)
		}
		if a.Branch == "" {
			if branch == nil {
				here := place.Branch(dir)
				branch = &here
			}
			a.Branch = *branch
		}
		acts[i] = a
	}
	return acts
}

// approvalGate looks at the policies' rules of approval.
func approvalGate(m *moment) verdict {
	rules := m.here()
	if rules.Broken != nil {
		m.complain("%v", rules.Broken)
		if rules.Required {
			return verdict{decision: agent.Deny, phrase: phraseBroken, reason: "whodid: the policy can't be read, and it says that nothing is done without it: " + rules.Broken.Error()}
		}
	}
	if rules.Policy == nil {
		return verdict{}
	}
	// A rule may hold only for runs that have cost or done much: what is known
	// of that is in the trail, and no reason to start looking for others.
	firm := strictest(rules.Policy.LevelOf, rules.Policy, m.acts)
	if most := strictest(rules.Policy.AtMost, rules.Policy, m.acts); most.level.Stricter(firm.level) && most.level.Stricter(policy.Notify) {
		if v, free := m.demand(rules, &most); !free {
			return v
		}
	}
	if !firm.level.Stricter(policy.Notify) {
		return verdict{}
	}
	firm.cost, firm.count = 0, 0
	v, _ := m.demand(rules, &firm)
	return v
}

// need is what a tool call needs: the strictest level that a part of it does, the
// rule that says so, and the parts that it says so of, one at least.
type need struct {
	level policy.Level
	rule  *policy.ApprovalRule
	about []int
	cost  int64
	count int
}

func strictest(levelOf func(*policy.Act) (policy.Level, *policy.ApprovalRule), p *policy.Policy, acts []policy.Act) need {
	n := need{level: policy.Auto}
	for i := range acts {
		if acts[i].Type == "" || !p.MayNeed(acts[i].Type) {
			continue
		}
		l, r := levelOf(&acts[i])
		switch {
		case l.Stricter(n.level):
			n = need{level: l, rule: r, about: []int{i}, cost: r.CostOver, count: r.CountOver}
		case l == n.level && n.rule != nil:
			n.about = append(n.about, i)
		}
	}
	return n
}

// demand asks a person, or the gate. free tells that the rule does not hold for
// this run.
func (m *moment) demand(rules *policy.Rules, n *need) (v verdict, free bool) {
	if n.level == policy.Confirm && m.asked.CanAsk() {
		if n.cost != 0 || n.count != 0 {
			r := m.request(rules, n)
			r.Look = true
			said, err := m.ask(r)
			switch {
			case err != nil:
				return m.unreached(rules, n, err)
			case said.Free:
				return verdict{}, true
			}
		}
		return verdict{
			decision: agent.AskPerson, rule: n.rule.ID, about: n.about,
			reason: fmt.Sprintf("whodid: rule %s asks a person to confirm %s", n.rule.ID, phraseOf(&m.events[n.about[0]])),
		}, false
	}
	said, err := m.ask(m.request(rules, n))
	if err != nil {
		return m.unreached(rules, n, err)
	}
	v = verdict{rule: n.rule.ID, about: n.about}
	switch {
	case said.Free:
		return verdict{}, true
	case said.Allow:
		v.decision, v.approval, v.reason = agent.Allow, said.Approval, "whodid: approved, "+said.Approval
		if err := (calls{m.trail.Calls}).remember(m.client, m.events[n.about[0]].Session, m.asked.Call, said.Approval); err != nil {
			m.complain("%v", err) // the use of the approval names the call all the same
		}
	default:
		v.decision, v.phrase, v.reason = agent.Deny, phraseNoApproval, said.Reason
	}
	return v, false
}

// unreached is what becomes of a call that nobody can decide on: it is refused if
// the policy says so; else the agent goes on, and that it needed an approval is
// found later.
func (m *moment) unreached(rules *policy.Rules, n *need, err error) (v verdict, free bool) {
	if !rules.Required {
		m.complain("couldn't ask for the approval that rule %s wants: %v", n.rule.ID, err)
		return verdict{}, false
	}
	return verdict{
		decision: agent.Deny, phrase: phraseUnreachable, rule: n.rule.ID, about: n.about,
		reason: fmt.Sprintf("whodid: rule %s asks for an approval of %s, and the trail can't be reached: %v. Try again when it can", n.rule.ID, phraseOf(&m.events[n.about[0]]), err),
	}, false
}

func (m *moment) ask(r *Request) (Answer, error) {
	if m.call.Gate == nil {
		return Answer{}, errNoGate
	}
	return m.call.Gate(r)
}

// request is what the gate is asked.
func (m *moment) request(rules *policy.Rules, n *need) *Request {
	a := &rules.Policy.Approvals
	e, act := &m.events[n.about[0]], &m.acts[n.about[0]]
	r := &Request{
		Type: act.Type, Target: e.Target, Agent: act.Agent, Summary: summaryOf(m.events, n.about), Level: string(n.level), Rule: n.rule.ID,
		Digest: whodid.ApprovalDigest(act.Type, e.Target, act.Agent, whodid.Data{"tool": m.asked.Tool, "input": m.asked.InputDigest()}),
		Policy: rules.Policy.Version, PolicyDigest: rules.Policy.Digest, Tool: m.asked.Tool, Call: m.asked.Call,
		Execution: e.Execution, Source: e.Source, Actor: whodid.AgentActor(act.Agent), ActorAuth: "hook",
		Wait: a.Wait, RequestTTL: a.RequestTTL, GrantTTL: a.GrantTTL, FourEyes: a.FourEyes, Signature: a.Signature,
		CostOver: n.cost, CountOver: n.count,
	}
	if m.person != nil {
		r.OnBehalfOf, r.OnBehalfAuth = m.person()
	} else {
		r.OnBehalfOf, r.OnBehalfAuth = m.call.person(m.trail)
	}
	return r
}

// phraseOf is an action in a few words.
func phraseOf(e *whodid.Event) string { return strings.TrimSpace(e.What + " " + e.Target) }

// maxSummary bounds a summary, in bytes.
const maxSummary = 600

// summaryOf says what is to be done, in what the trail may keep of it.
func summaryOf(events []whodid.Event, about []int) string {
	var parts []string
	for _, i := range about {
		e := &events[i]
		words := []string{phraseOf(e)}
		var more []string
		for _, name := range []string{"program", "subcommand", "environment", "branch", "package", "version", "server"} {
			if v := e.Data.String(name); v != "" {
				more = append(more, name+" "+v)
			}
		}
		for _, name := range []string{"force", "sudo", "amend"} {
			if e.Data.Bool(name) {
				more = append(more, name)
			}
		}
		if len(more) > 0 {
			words = append(words, "("+strings.Join(more, ", ")+")")
		}
		parts = append(parts, strings.Join(words, " "))
	}
	s := strings.Join(parts, "; ")
	if len(s) > maxSummary {
		s = strings.ToValidUTF8(s[:maxSummary], "") + "…"
	}
	return s
}

// person is who stands behind the agent.
func (c *Call) person(trail place.Trail) (actor, auth string) {
	s := c.surroundings(trail)
	return s.Person, s.PersonAuth
}

// answer tells the client what was decided.
func (c *Call) answer(asked *agent.Asked, v verdict) (code int) {
	stdout, byStatus := asked.Answer(v.decision, v.reason)
	if byStatus {
		fmt.Fprintln(c.Stderr, v.reason)
		return blocked
	}
	if len(stdout) > 0 && c.Stdout != nil {
		if _, err := c.Stdout.Write(stdout); err != nil && v.decision == agent.Deny {
			fmt.Fprintln(c.Stderr, v.reason)
			return blocked
		}
	}
	return 0
}

// linkApprovals writes into the results of calls under which approval they were
// made.
func linkApprovals(c calls, client string, record *spool.Record) {
	for i := range record.Events {
		e := &record.Events[i]
		if call := e.Data.String("call"); e.Approval == "" && call != "" && e.Session != "" {
			if _, err := os.Stat(c.approvedFile(client, e.Session)); err != nil {
				return
			}
			e.Approval = c.approval(client, e.Session, call)
		}
	}
}
