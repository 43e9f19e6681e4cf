// Package policy is what an organisation demands of the commits of its agents:
// the rules, read from .whodid/policy.toml, and their judgement of one commit at
// a time. docs/policy.md describes the file.
//
// The package is pure. It is told what git and the trail know of a commit and
// says what is wrong with it; it runs nothing and reads no clock. What is not
// known is never held against a commit: it is listed as not established.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// File is where a repository keeps its policy, from the top of its tree.
const File = ".whodid/policy.toml"

// DefaultText is the policy of a repository that has none: rule ORG-001 of the
// founding page.
const DefaultText = `# The policy of a repository that has none of its own.
version = "default-1"

[[rule]]
id = "ORG-001"
title = "An agent's commit says which agent, squad, trigger, execution and model it comes from"
severity = "blocker"
checks = ["presence", "form", "ownership", "execution", "model", "replay"]
`

// Policy is one version of an organisation's rules. It is not changed after it
// was read, and safe for concurrent use.
type Policy struct {
	// Version is what the organisation calls this version.
	Version string
	// Digest is the SHA-256 of the file's text, hexadecimal: two policies of
	// one version can still differ.
	Digest string
	// Source says where the policy was read: a path, a revision of git, or
	// "default".
	Source string
	// Tolerance is by how much the clocks of a commit and of the trail may
	// differ.
	Tolerance time.Duration
	// AgentsMayExcept lets exceptions count that an agent added. Without it
	// only those of people do: an agent must not excuse itself.
	AgentsMayExcept bool
	// Squads own agents. Without any, a squad owns the agents that bear its
	// name.
	Squads     []Squad
	Rules      []Rule
	Exceptions []Exception
	// Approvals say which actions need a person.
	Approvals Approvals
	// EraseFourEyes lets personal data be erased only when a second person has
	// approved it.
	EraseFourEyes bool
	// Budgets limit what agents may use.
	Budgets []Budget
	// ReviewEvery is how often somebody has to review what agents did; 0 is
	// [DefaultReviewEvery].
	ReviewEvery time.Duration
}

// DefaultTolerance is the tolerance of a policy that names none.
const DefaultTolerance = 5 * time.Minute

// Squad owns agents.
type Squad struct {
	Name   string
	Agents []string // globs of full names, such as "engineering/*"
}

// Rule is one demand.
type Rule struct {
	ID       string // a prefix and a number: "ORG-001"
	Title    string // one sentence
	Severity Severity
	Checks   []Check
	Scope
	// Types are the types that check "subject" allows; empty means the usual
	// ones of Conventional Commits.
	Types []string
}

// Severity says what a violation does.
type Severity string

// The severities of rules.
const (
	Blocker Severity = "blocker" // the check fails, the push is refused
	Warning Severity = "warning" // it is told
)

// Check is a kind of check that a rule makes.
type Check string

// The kinds of checks.
const (
	// Presence: a commit that an agent made has the five trailers.
	Presence Check = "presence"
	// Form: they are complete and stand where git reads them.
	Form Check = "form"
	// Ownership: the squad owns the agent.
	Ownership Check = "ownership"
	// Execution: the trail knows the run, as this agent's and at that time.
	Execution Check = "execution"
	// Model: the run used the model.
	Model Check = "model"
	// Replay: they were not copied from another commit.
	Replay Check = "replay"
	// Subject: the subject is one of Conventional Commits.
	Subject Check = "subject"
)

// Checks lists the kinds of checks.
func Checks() []Check {
	return []Check{Presence, Form, Ownership, Execution, Model, Replay, Subject}
}

// Scope says what something applies to. An empty list does not narrow it. In a
// glob, * stands for anything but a slash, ** for anything, ? for one character.
type Scope struct {
	Paths    []string // of changed files, from the top of the tree
	Branches []string // without "refs/heads/"; other refs by their full name
	Agents   []string // full names, squad/agent
	Commits  []string // object names or their beginnings; exceptions only
}

// Empty reports whether the scope narrows nothing.
func (s *Scope) Empty() bool {
	return len(s.Paths)+len(s.Branches)+len(s.Agents)+len(s.Commits) == 0
}

// Where is the scope as "whodid exception add --scope" takes it.
func (s *Scope) Where() string {
	var parts []string
	for _, p := range []struct {
		kind  string
		globs []string
	}{{"path", s.Paths}, {"branch", s.Branches}, {"agent", s.Agents}, {"commit", s.Commits}} {
		for _, g := range p.globs {
			parts = append(parts, p.kind+":"+g)
		}
	}
	return strings.Join(parts, " ")
}

// Default returns the policy of a repository that has none.
func Default() *Policy { return defaultPolicy() }

var defaultPolicy = sync.OnceValue(func() *Policy {
	p, err := Parse([]byte(DefaultText), "default")
	if err != nil {
		panic(fmt.Sprintf("the default policy is broken: %v", err)) // a test parses it
	}
	return p
})

// Rule returns the rule of that id.
func (p *Policy) Rule(id string) (*Rule, bool) {
	for i := range p.Rules {
		if p.Rules[i].ID == id {
			return &p.Rules[i], true
		}
	}
	return nil, false
}

// NarrowsBranches reports whether a rule applies to some branches only.
func (p *Policy) NarrowsBranches() bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return len(r.Branches) > 0 })
}

// Demands returns the ids of the rules that apply to a branch.
func (p *Policy) Demands(branch string) []string {
	var ids []string
	for i := range p.Rules {
		if globs := p.Rules[i].Branches; len(globs) == 0 || matchAny(globs, branch) {
			ids = append(ids, p.Rules[i].ID)
		}
	}
	return ids
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
