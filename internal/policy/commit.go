package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/trailer"
)

// Commit is what is known of a commit that is to be judged.
type Commit struct {
	// ID is the object name; empty for a message that is not committed yet.
	ID      string
	Parents int
	Author  Signature
	// Committer put it where it is: after a rebase or a merge by a forge it is
	// another than Author.
	Committer Signature
	// Paths are the files that it changed. Known is false if that could not be
	// told, as of a merge.
	Paths      []string
	PathsKnown bool
	// Branches are where it is, or is about to be; empty if nobody knows.
	Branches []string

	Message
	// MadeBy are the runs that recorded that they made just this commit.
	MadeBy []*Run
	// Ancestors are those commits, as runs recorded them, that look like an
	// earlier form of this one and that it is built upon: git would have
	// replaced an earlier form.
	Ancestors []string
}

// Signature is an author or a committer.
type Signature struct {
	Name, Email string
	At          time.Time // zero if there is no sound time
}

// Message is what a commit's message says, its text apart from the subject left
// out.
type Message struct {
	Subject    string
	Claims     []Claim
	Faults     []trailer.Problem
	Credits    []trailer.Credit
	References []trailer.Reference
}

// Claim is one set of the five trailers in a message: what the commit says of
// its origin.
type Claim struct {
	trailer.Block
	// Run is what the trail knows of the execution that the claim names; nil if
	// it knows nothing, or if there is no trail.
	Run *Run
	// Rival is another commit whose claim names the same execution and another
	// agent, or empty.
	Rival string
}

// Run is what the trail knows of an execution.
type Run struct {
	ID, Parent    string
	Agent, Squad  string
	Trigger       string    // its kind; empty if it is not known
	Started       time.Time // zero if it is not known
	Ended         time.Time // zero while it runs, and if it is not known
	Running       bool
	Models        []string // that answered, or that was asked for
	ModelsSettled bool     // whether all models that answered are known
	// Commits are those that the run proved to have made.
	Commits []Made
	// Pushed are commits that the run pushed, maybe abbreviated.
	Pushed []string
	// Attempts are the times at which the run may have made a commit: its
	// record does not prove it.
	Attempts []time.Time
	// Opaque are the times of actions of which the record does not tell what
	// they did: a script may have made a commit.
	Opaque []time.Time
	// LastAct is when the trail last heard of an action of the run.
	LastAct time.Time
	// Wrote are the files that its tools changed, as the trail has them:
	// relative to the repository, or else some other path.
	Wrote []string
}

// Made is a commit that a run recorded.
type Made struct {
	ID string // maybe abbreviated
	At time.Time
	// Here tells whether the repository has it; Authored and Author are from
	// there.
	Here     bool
	Authored time.Time
	Author   string // address
}

// maxClaims is how many claims of one message are looked at: each is a question
// to the trail.
const maxClaims = 1000

// maxSubject is how much of a subject is kept, in bytes.
const maxSubject = 200

// ReadMessage reads the message of a commit. Words of other messages, quoted
// or in a code fence, claim nothing.
func ReadMessage(text string) Message {
	m := Message{
		Faults:     trailer.Check(text),
		Credits:    trailer.Credits(text),
		References: trailer.References(text),
	}
	trimmed := strings.TrimLeft(text, " \t\r\n")
	m.Subject, _, _ = strings.Cut(trimmed, "\n")
	m.Subject = strings.TrimRight(m.Subject, " \t\r")
	if len(m.Subject) > maxSubject {
		m.Subject = strings.ToValidUTF8(m.Subject[:maxSubject], "") + "…"
	}
	for _, b := range trailer.Blocks(text) {
		if b.Form.Has(trailer.Quoted) || b.Form.Has(trailer.Fenced) {
			continue
		}
		if len(m.Claims) == maxClaims {
			m.Faults = append(m.Faults, trailer.Problem{
				Code: trailer.TooMany, Line: b.Line, Text: fmt.Sprintf("The message names more than %d executions; the rest was not looked at.", maxClaims),
			})
			break
		}
		m.Claims = append(m.Claims, Claim{Block: b})
	}
	return m
}

// Agents are the agents that have a part in the commit by what it says and by
// what the trail says, each once. Either may be wrong, so that both count.
func (c *Commit) Agents() []string {
	var all []string
	add := func(agent string) {
		if agent != "" && !slices.Contains(all, agent) {
			all = append(all, agent)
		}
	}
	for i := range c.Claims {
		add(c.Claims[i].Agent)
		if run := c.Claims[i].Run; run != nil {
			add(run.Agent)
		}
	}
	for _, run := range c.MadeBy {
		add(run.Agent)
	}
	return all
}

// signed returns the agent whose known identity the commit bears, and where:
// as its author, committer or co-author.
func (c *Commit) signed() (agent, as string) {
	if agent, ok := trailer.KnownAgent(c.Author.Name, c.Author.Email); ok {
		return agent, "author"
	}
	if agent, ok := trailer.KnownAgent(c.Committer.Name, c.Committer.Email); ok {
		return agent, "committer"
	}
	for i := range c.Credits {
		if credit := &c.Credits[i]; credit.Key == "Co-authored-by" {
			return credit.Agent, "co-author"
		}
	}
	return "", ""
}

// ByAgent reports whether an agent made the commit, by anything that is known.
func (c *Commit) ByAgent() bool {
	agent, _ := c.signed()
	return agent != "" || len(c.Claims) > 0 || len(c.MadeBy) > 0
}

// squash reports whether the commit gathers the work of several: then its own
// times are those of the gathering, not of the work.
func (c *Commit) squash() bool {
	executions := map[string]bool{}
	for i := range c.Claims {
		executions[c.Claims[i].Execution] = true
	}
	return len(executions) > 1 || c.byForge() ||
		slices.ContainsFunc(c.References, func(r trailer.Reference) bool { return r.Relation == trailer.Squashed })
}

// byForge reports whether a forge wrote the commit, as it does when somebody
// presses its button to merge.
func (c *Commit) byForge() bool {
	email := strings.ToLower(c.Committer.Email)
	return email == "noreply@github.com" || strings.HasPrefix(email, "noreply@") && strings.Contains(email, "gitlab")
}

// SameCommit reports whether two object names, one maybe abbreviated, can be of
// one commit.
func SameCommit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 7 && strings.HasPrefix(b, a)
}
